"""``python -m benchmarks.fusion``: the knowledge base at run time: seconds to recommend and to fuse, size on disk."""

from __future__ import annotations

import time

import numpy as np

from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.knowledge import KnowledgeBase
from pynomaly_auto.models import MemberScores, table_facts
from pynomaly_auto.profiling import profile
from pynomaly_auto.recommending import recommend
from pynomaly_auto.settings import Settings

_ROWS = 100_000


def main() -> None:
    """Measure each three times; print the fastest, as the machine is shared."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2_000, 20))
    found = profile(TableEncoder().fit(X).encode(X), seed=0)
    start = time.perf_counter()
    base = KnowledgeBase.shipped()
    if base is None or base.fusion is None:
        raise SystemExit("There is no knowledge base with a learned fusion.")
    print(f"opening and verifying the base: {time.perf_counter() - start:.2f} s, once per process")
    seconds = []
    for _ in range(4):
        start = time.perf_counter()
        recommend(found, Settings(), base)
        seconds.append(time.perf_counter() - start)
    print(f"recommending: {min(seconds[1:]):.2f} s, the first time {seconds[0]:.2f} s")
    ranks = rng.exponential(size=(_ROWS, len(base.fusion.members)))
    member_scores = MemberScores(names=base.fusion.members, ranks=ranks, magnitudes=np.log1p(ranks))
    fusing = []
    for _ in range(3):
        start = time.perf_counter()
        base.fusion.log_odds(member_scores, table_facts(member_scores, n_features=20))
        fusing.append(time.perf_counter() - start)
    print(f"fusing {_ROWS:,} rows of {len(member_scores.names)} members: {min(fusing):.2f} s")
    print(f"size: {base.info()['bytes'] / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
