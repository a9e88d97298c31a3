"""What `benchmarks.labels` prints: a table a suite, and ours beside each peer and beside random rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from benchmarks._label_curves import (
    ADENGINE,
    COUNTS,
    LIGHTGBM,
    NONE,
    OURS,
    POSITIVE,
    QUERIED,
    RANDOM,
    RECIPE,
    SHARES,
    XGBOD,
)
from benchmarks._statistics import compare
from benchmarks._store import Line
from benchmarks._tables import SUITES
from pynomaly_auto.records import FloatArray

_Key = tuple[str, str, str]  # arm, labels, method
_NAMES = {
    (QUERIED, OURS): "ours, rows it asks for",
    (RANDOM, OURS): "ours, rows at random",
    (QUERIED, LIGHTGBM): "LightGBM, the rows ours asks for",
    (RANDOM, LIGHTGBM): "LightGBM, rows at random",
    (QUERIED, RECIPE): "XGBOD's recipe, the rows ours asks for",
    (RANDOM, RECIPE): "XGBOD's recipe, rows at random",
    (QUERIED, XGBOD): "XGBOD, the rows ours asks for",
    (RANDOM, XGBOD): "XGBOD, rows at random",
    (POSITIVE, OURS): "ours, the anomalies among them alone",
    (NONE, ADENGINE): "ADEngine, which takes no labels",
}


class _Suite:
    """The measured points of one suite, table by table."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.tables = sorted({(line["table"], line["seed"]) for line in lines})
        self.groups = np.array([next(g["group"] for g in lines if g["table"] == table) for table, _ in self.tables])
        at = {table: i for i, table in enumerate(self.tables)}
        self.points: dict[_Key, FloatArray] = {}
        for line in lines:
            key = (line["arm"], line["labels"], line["method"])
            values = self.points.setdefault(key, np.full(len(self.tables), np.nan))
            values[at[line["table"], line["seed"]]] = line["ap"]

    @property
    def before(self) -> FloatArray:
        """Ours without labels; shape (n_tables,)."""
        return self.points[NONE, "0", OURS]

    def of(self, arm: str, labels: str, method: str) -> FloatArray:
        """Points of one method; without a label of an anomaly it says what it says without labels."""
        found = self.points.get((arm, labels, method))
        if found is None:
            return np.full(len(self.tables), np.nan)
        return np.where(np.isfinite(found), found, self.before) if arm == POSITIVE else found


def label_report(lines: Sequence[Line]) -> str:
    """The report as Markdown."""
    suites: dict[str, list[Line]] = {}
    for line in lines:
        suites.setdefault(line["suite"], []).append(line)
    order = sorted(suites, key=lambda s: (SUITES.index(s) if s in SUITES else len(SUITES), s))
    return "\n\n".join(_suite(name, _Suite(suites[name])) for name in order)


def _suite(name: str, suite: _Suite) -> str:
    heads = ["", "0", *map(str, COUNTS), *(f"{share:.0%}" for share in SHARES), "all"]
    out = [f"**{name}**, {len(suite.tables)} tables, mean average precision by number of labels:", ""]
    out += [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for (arm, method), told in _NAMES.items():
        cells = [_mean(suite.of(NONE, "0", method))]
        cells += [_mean(suite.of(arm, labels, method)) for labels in heads[2:]]
        if any(cells[1:]) or (arm == NONE and any(cells)):
            out.append(f"| {told} | {' | '.join(cells)} |")
    return "\n".join([*out, "", *_compared(suite)])


def _compared(suite: _Suite) -> list[str]:
    """Ours less each of the others, with p over the groups."""
    out = ["| ours, less | " + " | ".join(map(str, COUNTS)) + " |", "|---" * (len(COUNTS) + 1) + "|"]
    rows: Mapping[str, Callable[[str], FloatArray]] = {
        "itself without labels": lambda n: suite.before,
        "itself with rows at random": lambda n: suite.of(RANDOM, n, OURS),
        "LightGBM on the same rows": lambda n: suite.of(QUERIED, n, LIGHTGBM),
        "XGBOD's recipe on the same rows": lambda n: suite.of(QUERIED, n, RECIPE),
        "XGBOD on the same rows": lambda n: suite.of(QUERIED, n, XGBOD),
        "LightGBM on rows at random": lambda n: suite.of(RANDOM, n, LIGHTGBM),
        "XGBOD's recipe on rows at random": lambda n: suite.of(RANDOM, n, RECIPE),
        "XGBOD on rows at random": lambda n: suite.of(RANDOM, n, XGBOD),
        "ADEngine, which takes no labels": lambda n: suite.of(NONE, "0", ADENGINE),
    }
    for told, other in rows.items():
        cells = []
        for count in map(str, COUNTS):
            found = compare(suite.of(QUERIED, count, OURS), other(count), suite.groups)
            cells.append(f"{found.difference.mean:+.3f} (p {_p(found.p)})" if found.tables else "")
        out.append(f"| {told} | {' | '.join(cells)} |")
    return out


def _mean(values: FloatArray) -> str:
    return f"{np.nanmean(values):.3f}" if np.isfinite(values).any() else ""


def _p(value: float) -> str:
    return "< .0001" if value < 1e-4 else f"{value:.4f}".lstrip("0") if value < 1 else "1"
