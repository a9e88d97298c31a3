"""``python -m benchmarks.memory``: peak memory of large runs beside their limit, each in a process of its own.

``fit``: a table in memory, with ``memory_limit``. ``blocks``: a Parquet file that is written block by block, fitted on
rows drawn at random, all rows judged block by block; of two sizes, so that it shows whether memory grows with the rows.
The memory is the largest proportional set size of the process and all that it starts, seen ten times a second; a
gigabyte is 10^9 bytes.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from benchmarks.speed import run

_ALLOWED = 1.15  # of the limit: Python and its packages are no part of it
_HOUR = 3600.0
_FIT = """
import json, time, numpy as np, pandas as pd
rng = np.random.default_rng(0)
X = rng.normal(size=({n}, 20))
X[: {n} // 1000] += 5.0
table = pd.DataFrame(X, columns=[f"c{{i}}" for i in range(20)], copy=False)
del X
start = time.perf_counter()
from pynomaly_auto import AutonomousDetector
detector = AutonomousDetector(tracking=False, random_state=0, verbose=0, {options}).fit(table)
seconds = time.perf_counter() - start
plans = [r.evidence["plan"] for r in detector.result_.reasons if "plan" in r.evidence]
found = int((detector.result_.labels[: {n} // 1000] == -1).sum())
note = f"{{len(detector.ensemble_.members)}} members, {{', '.join(sorted(set(plans)))}}; {{found}} of {n_planted} found"
print(json.dumps({{"seconds": seconds, "note": note}}))
"""
_WRITE = """
import json, time, numpy as np, pyarrow as pa, pyarrow.parquet as pq
start, names = time.perf_counter(), [f"c{{i}}" for i in range(20)]
schema = pa.schema([(name, pa.float64()) for name in names])
with pq.ParquetWriter({path!r}, schema, compression="none", use_dictionary=False) as writer:
    for block in range(0, {n}, 100_000):
        X = np.random.default_rng(block).normal(size=(min(100_000, {n} - block), 20))
        X[::1000] += 5.0
        writer.write_table(pa.table({{name: X[:, i] for i, name in enumerate(names)}}))
print(json.dumps({{"seconds": time.perf_counter() - start}}))
"""
_BLOCKS = """
import json, time, tempfile
start = time.perf_counter()
from pynomaly_auto import AutonomousDetector
from pynomaly_auto.dataset import RowsOnDisk
from pynomaly_auto.engine import judge_file
detector = AutonomousDetector(tracking=False, random_state=0, verbose=0, {options})
detector.fit(RowsOnDisk({path!r}).sample({sample}, seed=0))
with tempfile.TemporaryDirectory() as folder:
    found = judge_file(detector, {path!r}, folder)
note = f"{{len(detector.ensemble_.members)}} members; {{found.flagged:,}} of {{found.rows:,}} rows flagged"
print(json.dumps({{"seconds": time.perf_counter() - start, "note": note}}))
"""


def fit(rows: int, limit: str, options: str) -> bool:
    """Fit on a table in memory; whether the limit held."""
    given = ", ".join(filter(None, (f"memory_limit={limit!r}", options)))
    done = run(_FIT.format(n=rows, n_planted=rows // 1000, options=given), _HOUR)
    from pynomaly_auto.settings import Settings

    most = _ALLOWED * float(Settings(memory_limit=limit).memory_limit or 0) / 1e6
    held = done.seconds is not None and done.peak_mb <= most
    _say(f"fit {rows:,} x 20, {given}", done.seconds, done.peak_mb, done.problem or done.note)
    print(f"  at most {most:,.0f} MB: {'held' if held else 'MISSED'}")
    return held


def blocks(sizes: list[int], sample: int, options: str) -> None:
    """Judge files block by block."""
    for rows in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "rows.parquet")
            written = run(_WRITE.format(n=rows, path=path), _HOUR)
            done = run(_BLOCKS.format(path=path, sample=sample, options=options), 4 * _HOUR)
            size = Path(path).stat().st_size / 1e6 if written.seconds is not None else 0.0
        _say(f"blocks {rows:,} x 20 ({size:,.0f} MB)", done.seconds, done.peak_mb, done.problem or done.note)


def _say(what: str, seconds: float | None, peak: float, note: str) -> None:
    took = "-" if seconds is None else f"{seconds:,.0f} s"
    print(f"{what}: peak {peak:,.0f} MB, {took}; {note}", flush=True)


def main() -> int:
    """Run what is asked for; the exit status says whether the limit held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("fit", "blocks"))
    parser.add_argument("--rows", type=int, default=2_000_000, help="of the table in memory")
    parser.add_argument("--limit", default="2GB")
    parser.add_argument("--sizes", type=json.loads, default=[1_000_000, 10_000_000], help="rows of the files, as JSON")
    parser.add_argument("--sample", type=int, default=100_000, help="rows of a file that are fitted on")
    parser.add_argument("--options", default="", help="of the detector, such as 'max_models=3, n_jobs=1'")
    given = parser.parse_args()
    held = given.only == "blocks" or fit(given.rows, given.limit, given.options)
    if given.only != "fit":
        blocks(given.sizes, given.sample, given.options)
    return int(not held)


if __name__ == "__main__":
    raise SystemExit(main())
