"""Four kinds of anomalies beside given normal rows, after ADBench (Han et al., 2022) and Steinbuss and Boehm (2021).

Each kind takes normal rows and makes as many anomalies as asked for. Real anomalies rarely stand out in every column:
all kinds change a random part of the columns, and the other cells are those of a normal row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from meta_datasets.synthetic._columns import Columns
from meta_datasets.synthetic.copula import dependence
from meta_datasets.synthetic.mixture import Mixture
from pynomaly_auto.errors import NotApplicableError
from pynomaly_auto.records import FloatArray

_LEAST_DEPENDENCE = 0.3  # below that, breaking the dependence changes nothing


@dataclass(frozen=True, kw_only=True)
class Difficulty:
    """How much anomalies stand out.

    Args:
        columns: Share of the columns that are changed, in (0, 1].
        inflation: Local: what covariances are multiplied by, above 1.
        margin: Global: what the range of the normal rows is extended by on either side, in ranges.
        shift: Cluster: its distance from a normal row in every changed column, in standard deviations.
        tightness: Cluster: its standard deviation in that of the column.
    """

    columns: float = 1.0
    inflation: float = 5.0
    margin: float = 0.1
    shift: float = 4.0
    tightness: float = 0.1

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Difficulty:
        """From hardly to plainly visible."""
        return cls(
            columns=float(rng.uniform(0.3, 1.0)),
            inflation=float(rng.uniform(2.0, 8.0)),
            margin=float(rng.uniform(0.0, 0.3)),
            shift=float(rng.uniform(1.5, 5.0)),
            tightness=float(rng.uniform(0.05, 0.3)),
        )


Kind: TypeAlias = Callable[[Columns, int, Difficulty, np.random.Generator], FloatArray]


def local(normal: Columns, n: int, difficulty: Difficulty, rng: np.random.Generator) -> FloatArray:
    """Rows around the components of a mixture fitted to the normal rows, with inflated covariances."""
    mixture = Mixture.fit(normal, rng)
    anomalies = mixture.around(mixture.components(n, rng), rng, difficulty.inflation)
    return _within(normal, anomalies, difficulty, rng)


def global_(normal: Columns, n: int, difficulty: Difficulty, rng: np.random.Generator) -> FloatArray:
    """Rows uniform over the range of the normal rows and a margin beyond it, or over the levels of discrete columns."""
    low, high = normal.values.min(axis=0), normal.values.max(axis=0)
    margin = difficulty.margin * (high - low)
    anomalies = rng.uniform(low - margin, high + margin, size=(n, normal.values.shape[1]))
    for j, levels in enumerate(normal.levels):
        if levels is not None:
            anomalies[:, j] = rng.choice(levels, n)
    return _within(normal, anomalies, difficulty, rng)


def dependency(normal: Columns, n: int, difficulty: Difficulty, rng: np.random.Generator) -> FloatArray:
    """Rows whose every column is drawn for itself: each value is usual, their combination is not.

    Raises:
        NotApplicableError: No two columns depend on each other.
    """
    if dependence(normal.values) < _LEAST_DEPENDENCE:
        raise NotApplicableError("no two columns depend on each other, so there is no dependence to break.")
    X = normal.values
    anomalies = np.column_stack([rng.choice(X[:, j], n) for j in range(X.shape[1])])
    # All columns: a part of them may hold no dependence.
    return _within(normal, anomalies, replace(difficulty, columns=1.0), rng)


def cluster(normal: Columns, n: int, difficulty: Difficulty, rng: np.random.Generator) -> FloatArray:
    """A tight cluster, shifted away from one normal row in a random direction."""
    spread = normal.values.std(axis=0)
    centre = normal.values[rng.integers(len(normal.values))]
    centre = centre + difficulty.shift * spread * rng.choice([-1.0, 1.0], size=len(spread))
    anomalies = centre + difficulty.tightness * spread * rng.normal(size=(n, len(spread)))
    return _within(normal, normal.snap(anomalies), difficulty, rng, together=True)


def _within(
    normal: Columns, anomalies: FloatArray, difficulty: Difficulty, rng: np.random.Generator, *, together: bool = False
) -> FloatArray:
    """Anomalies in a random part of the columns, one part for all of them; normal rows in the others.

    Args:
        normal: Where the other cells come from.
        anomalies: Rows that differ in every column.
        difficulty: Says how large the part is.
        rng: Source of the draw.
        together: Whether the others come from rows that lie near each other, as a cluster needs.
    """
    n = len(anomalies)
    varying = np.flatnonzero(np.ptp(normal.values, axis=0) > 0)
    count = min(len(varying), max(2, round(difficulty.columns * len(varying))))
    changed = rng.choice(varying, count, replace=False)
    rows = rng.integers(len(normal.values), size=n)
    if together:
        spread = np.where((s := normal.values.std(axis=0)) > 0, s, 1.0)
        distance = np.abs((normal.values - normal.values[rows[0]]) / spread).sum(axis=1)
        rows = rng.choice(np.argsort(distance, kind="stable")[: max(n, len(distance) // 20)], n)
    out = normal.values[rows]
    out[:, changed] = anomalies[:, changed]
    return out


KINDS: Mapping[str, Kind] = {"local": local, "global": global_, "dependency": dependency, "cluster": cluster}
