"""Damaged and crafted files by the thousand, each loaded and used in a child process that may die.

``python -m tests.storing.fuzz --seconds 600`` runs until the time is up and prints what came out; a case is made again
by its number alone: ``--case 1234``. What must not be: a signal, an exception that is none of ours, a hang, or a file
that a crafted payload has left behind.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import pickle
import queue
import resource
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import zlib
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.storing.forging import PREFIX, Forged

MARKER = "marker"
_PATIENCE = 60.0  # seconds that one case may take
_MEMORY = 3 << 30  # bytes that a child may take beyond what it has when it starts

_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 3, 2**31, 2**63, -(2**63), 10**30, 10**400, 0.5, -0.0, 1e-320, 1e308, -1e308, 1.5,
    "", "x", "../../etc/passwd", "knn", "ranks", "nan", "json", "f8", "O", "raw", "\ud800", [], {}, [[]], [None],
    [1, 2], {"a": 1}, {"": []}, "x" * 10_000, list(range(2000)),
)  # fmt: skip
_NUMBERS = (np.nan, np.inf, -np.inf, 0.0, -1.0, 1e308, -1e308, 1e-320, 1.0, 2.0**53, 0.5)
_WHOLE = (0, -1, 1, 2, 127, -128, 255, 2**15, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63))
_TYPES = ("b1", "i1", "u1", "i2", "i4", "i8", "u8", "f2", "f4", "f8", "U1", "M8[ns]", "O", "V8")


class _Touch:
    """What a pickle can do."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (MARKER, "w"))


def payload() -> bytes:
    """A pickle that leaves a file behind when it is loaded."""
    return pickle.dumps(_Touch())


def table(n_rows: int = 120) -> pd.DataFrame:
    """Columns of every kind, whose encodings all take part."""
    rng = np.random.default_rng(0)
    amount = rng.lognormal(3, 0.5, n_rows)
    frame = pd.DataFrame(
        {
            "amount": amount,
            "tax": 0.2 * amount + rng.normal(0, 0.1, n_rows),
            "shop": rng.choice(["a", "b", "c"], n_rows),
            "city": rng.choice([f"city {i}" for i in range(40)], n_rows),
            "when": pd.date_range("2025-01-01", periods=n_rows, freq="5h", tz="Europe/Berlin"),
            "text": [" ".join(rng.choice(["lorem", "ipsum", "x1", "42"], rng.integers(2, 9))) for _ in range(n_rows)],
            "ok": rng.random(n_rows) > 0.1,
        },
        index=pd.Index([f"r{i}" if i % 3 else i for i in range(n_rows)], dtype=object),
    )
    frame.iloc[5, 0], frame.iloc[9, 1] = 9e4, np.nan
    return frame


def make(path: Path, **settings: Any) -> Path:
    """Fit a detector of many kinds of members, tell it of some rows, and save it."""
    from pynomaly_auto import AutonomousDetector

    given = {"tracking": False, "random_state": 0, "verbose": 0, "n_trials": 60} | settings
    whole = table()
    labels = [1 if i == 5 else 0 if 20 <= i < 28 else None for i in range(len(whole))]
    detector = AutonomousDetector(**given).fit(whole, labels=labels, groups=[i // 3 for i in range(len(whole))])
    strange = whole.iloc[:2].assign(amount=1e5)
    return detector.feedback([9, 30], [1, 0], by="Ada").feedback([0, 1], [1, 0], X=strange).save(path)


def damaged(data: bytes, forged: Forged, seed: int) -> bytes:
    """One damaged file.

    Args:
        data: A whole one.
        forged: The same, in pieces.
        seed: Which damage.
    """
    rng = np.random.default_rng(seed)
    if rng.random() < 0.1:
        return _bytes(data, rng)
    work = Forged(copy.deepcopy(forged.manifest), list(forged.pieces))
    ways = (_array, _array, _array, _array, _document, _document, _document, _document, _manifest, _stream, _head)
    with suppress(Exception):  # what is damaged already cannot always be damaged again
        for _ in range(rng.choice([1, 1, 1, 2, 5])):
            ways[rng.integers(len(ways))](work, rng)
    return work.sealed()


def _bytes(data: bytes, rng: np.random.Generator) -> bytes:
    """Damage that nobody has sealed again."""
    out = bytearray(data)
    way = rng.integers(4)
    if way == 0:
        for at in rng.integers(len(out), size=rng.integers(1, 9)):
            out[at] ^= 1 << rng.integers(8)
    elif way == 1:
        del out[rng.integers(len(out)) :]
    elif way == 2:
        a, b = sorted(rng.integers(PREFIX, len(out), size=2))
        out[a:b] = out[a:b][::-1]
    else:
        out += rng.bytes(rng.integers(1, 2000))
    return bytes(out)


def _array(work: Forged, rng: np.random.Generator) -> None:
    number = int(rng.integers(1, len(work.pieces)))
    entry = work.manifest["entries"][number]
    array = work.array(number)
    way = rng.integers(9)
    if way == 0 and array.size:
        _set_items(array, rng)
    elif way == 1 and array.size:
        raw = bytearray(array.tobytes())
        raw[rng.integers(len(raw))] ^= 1 << rng.integers(8)
        array = np.frombuffer(bytes(raw), dtype=array.dtype).reshape(array.shape)
    elif way == 2 and array.ndim:
        array = array[: rng.integers(len(array) + 1)]
    elif way == 3 and array.ndim:
        array = np.concatenate([array, array[:1]])
    elif way == 4:
        array = array.T if array.ndim > 1 else rng.permutation(array.reshape(-1))
    elif way == 5:
        array = work.array(int(rng.integers(1, len(work.pieces))))
    elif way == 6:
        work.set_entry(number, array.tobytes(), codec="raw", type=str(rng.choice(_TYPES)))
        return
    elif way == 7:
        work.set_entry(number, payload(), codec="raw", type="u1", shape=[len(payload())])
        return
    else:
        array = array.reshape(-1) if rng.random() < 0.5 else np.zeros_like(array)
    work.set_entry(number, array.tobytes(), codec="raw", type=entry["type"], shape=list(array.shape))


def _set_items(array: np.ndarray[Any, Any], rng: np.random.Generator) -> None:
    flat = array.reshape(-1)
    at = rng.integers(len(flat), size=rng.choice([1, 1, 3, len(flat)]))
    if array.dtype.kind == "f":
        with np.errstate(all="ignore"):
            flat[at] = rng.choice(_NUMBERS)
    elif array.dtype.kind in "iuMm":
        whole = int(rng.choice(_WHOLE)) if rng.random() < 0.7 else int(rng.integers(1000))
        bits = 8 * array.dtype.itemsize
        flat.view(f"u{array.dtype.itemsize}")[at] = whole % (1 << bits)
    elif array.dtype.kind == "b":
        flat[at] = ~flat[at]


def _document(work: Forged, rng: np.random.Generator) -> None:
    document = work.document
    _edit(document, rng)
    work.set_document(document)


def _manifest(work: Forged, rng: np.random.Generator) -> None:
    _edit(work.manifest, rng)


def _edit(held: Any, rng: np.random.Generator) -> None:
    """Change one thing somewhere in nested mappings and lists."""
    while True:
        keys = list(held) if isinstance(held, dict) else list(range(len(held)))
        if not keys:
            return
        key = keys[rng.integers(len(keys))]
        if not isinstance(held[key], (dict, list)) or not held[key] or rng.random() < 0.15:
            break
        held = held[key]
    way = rng.integers(6)
    if way == 0:
        del held[key]
    elif way == 1:
        other = keys[rng.integers(len(keys))]
        held[key], held[other] = held[other], held[key]
    elif way == 2 and isinstance(held[key], (int, float)) and not isinstance(held[key], bool):
        held[key] = held[key] + int(rng.integers(-2, 3)) if rng.random() < 0.5 else held[key] * -1
    elif way == 3 and isinstance(held, dict):
        held[f"{key}_"] = held.pop(key)
    else:
        held[key] = copy.deepcopy(_VALUES[rng.integers(len(_VALUES))])


def _stream(work: Forged, rng: np.random.Generator) -> None:
    number = int(rng.integers(len(work.pieces)))
    raw = bytearray(work.pieces[number])
    if not raw:
        return
    if rng.random() < 0.1:
        raw = bytearray(zlib.compress(bytes(1 << 26)))
    for at in rng.integers(len(raw), size=rng.integers(1, 5)):
        raw[at] ^= 1 << rng.integers(8)
    work.set_entry(number, bytes(raw))


def _head(work: Forged, rng: np.random.Generator) -> None:
    name = str(rng.choice(["version", "signed", "length"]))
    work.head[name] = int(rng.choice([0, 1, 2, 3, 4, 2**31, 2**32 - 1]))


@dataclass
class Findings:
    """What came out of a run."""

    cases: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    bad: dict[int, str] = field(default_factory=dict)

    def __str__(self) -> str:
        told = "\n".join(f"case {seed}: {what}" for seed, what in sorted(self.bad.items()))
        return f"{self.cases} cases: {dict(self.outcomes)}; {len(self.bad)} of them bad\n{told}"


def run(saved: Path, *, seconds: float, first: int = 0, most: int = 10**9) -> Findings:
    """Try cases from a number on until the time is up.

    Args:
        saved: A whole file.
        seconds: How long; a case that has begun is finished.
        first: Number of the first case.
        most: Number of cases at most.
    """
    found, end, seed = Findings(), time.monotonic() + seconds, first
    with tempfile.TemporaryDirectory() as folder:
        while seed < first + most and (seed == first or time.monotonic() < end):
            seed = _one_child(saved, Path(folder), (seed, first + most), end, found)
            if (Path(folder) / MARKER).exists():
                found.bad[seed - 1] = "a payload has run"
                (Path(folder) / MARKER).unlink()
    return found


def _one_child(saved: Path, folder: Path, seeds: tuple[int, int], end: float, found: Findings) -> int:
    """Let one child try cases until the time is up or it dies; the number of the next case."""
    command = [sys.executable, "-m", "tests.storing.fuzz", "--child", str(saved), "--case", str(seeds[0])]
    root = Path(__file__).resolve().parents[2]
    paths = os.pathsep.join([str(root / "src"), str(root)])
    environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with (folder / "stderr").open("w") as errors:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, cwd=folder, text=True, env=environment)
    lines: queue.Queue[str] = queue.Queue()

    assert child.stdout is not None

    def listen() -> None:
        for line in child.stdout:
            lines.put(line)
        lines.put("")

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    seed = seeds[0]
    try:
        while seed < seeds[1] and (seed == seeds[0] or time.monotonic() < end):
            line = lines.get(timeout=_PATIENCE)
            if not line:
                last = (folder / "stderr").read_text(errors="replace")[-1000:]
                found.bad[seed] = f"the child ended with status {child.wait()}: {last}"
                return seed + 1
            outcome, _, told = line.strip().partition(" ")
            found.cases += 1
            found.outcomes[outcome] += 1
            if outcome == "foreign":
                found.bad[seed] = json.loads(told)
            seed += 1
    except queue.Empty:
        found.bad[seed] = f"no answer in {_PATIENCE:.0f} s"
        seed += 1
    finally:
        child.kill()
        child.wait()
        listener.join()
        child.stdout.close()
    return seed


def _child(saved: Path, seed: int) -> None:
    """Try one case after another and print what came out, until somebody ends it."""
    rows, data, forged = table().iloc[:3], saved.read_bytes(), Forged.of(saved)
    from pynomaly_auto import AutonomousDetector
    from pynomaly_auto.errors import PynomalyError

    rows = rows.assign(amount=rows["amount"] * 1.1)
    AutonomousDetector.load(saved).predict(rows)
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    if pages:
        most = pages * resource.getpagesize() + _MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    while True:
        path = Path("case")
        path.write_bytes(damaged(data, forged, seed))
        try:
            detector = AutonomousDetector.load(path)
            detector.predict(rows)
            detector.anomaly_score(rows)
            detector.result_.summary()
            detector.leaderboard()
            detector.explain(rows, rows=[0])
            detector.query(3)
            detector.feedback([7], [1], by="Bob").forget(1)
            print("loaded", flush=True)
        except PynomalyError as error:
            print("refused", type(error).__name__, flush=True)
        except BaseException as error:
            told = f"{type(error).__name__}: {error}\n{''.join(traceback.format_tb(error.__traceback__)[-3:])}"
            print("foreign", json.dumps(told[-3000:]), flush=True)
        seed += 1


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--case", type=int, default=0, help="number of the first case")
    parser.add_argument("--only", action="store_true", help="that case alone")
    parser.add_argument("--saved", type=Path, help="a saved file of `table`; made when there is none")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        _child(given.child, given.case)
    with tempfile.TemporaryDirectory() as folder:
        saved = given.saved or Path(folder) / "model.pynomaly"
        if not saved.exists():
            make(saved)
        found = run(saved.absolute(), seconds=given.seconds, first=given.case, most=1 if given.only else 10**9)
    print(found)
    return 1 if found.bad else 0


if __name__ == "__main__":
    sys.exit(main())
