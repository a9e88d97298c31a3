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
    parts = [_suite(name, _Suite(suites[name])) for name in order]
    if len(order) > 1:
        every = _Suite([line | {"table": f"{line['suite']} {line['table']}"} for line in lines])
        parts.append("\n".join([f"**all of them**, {len(every.tables)} tables:", "", *_compared(every)]))
    return "\n\n".join(parts)


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
    """Ours less each of the others, with p over the groups: of rows it asks for, and of rows at random."""
    asked = [(QUERIED, str(count)) for count in COUNTS]
    out = _beside(
        "ours on rows it asks for, less",
        suite,
        asked,
        {
            "itself without labels": lambda _, __: suite.before,
            "itself with rows at random": lambda _, n: suite.of(RANDOM, n, OURS),
            "LightGBM on the same rows": lambda arm, n: suite.of(arm, n, LIGHTGBM),
            "XGBOD's recipe on the same rows": lambda arm, n: suite.of(arm, n, RECIPE),
            "XGBOD on the same rows": lambda arm, n: suite.of(arm, n, XGBOD),
            "LightGBM on rows at random": lambda _, n: suite.of(RANDOM, n, LIGHTGBM),
            "XGBOD's recipe on rows at random": lambda _, n: suite.of(RANDOM, n, RECIPE),
            "XGBOD on rows at random": lambda _, n: suite.of(RANDOM, n, XGBOD),
            "ADEngine, which takes no labels": lambda _, __: suite.of(NONE, "0", ADENGINE),
        },
    )
    shares = [(arm, f"{share:.0%}") for arm in (RANDOM, POSITIVE) for share in SHARES]
    return [
        *out,
        "",
        *_beside(
            "ours on rows at random, less",
            suite,
            shares,
            {
                "itself without labels": lambda _, __: suite.before,
                "LightGBM on the same rows": lambda arm, n: _of_both(suite, arm, n, LIGHTGBM),
                "XGBOD's recipe on the same rows": lambda arm, n: _of_both(suite, arm, n, RECIPE),
                "XGBOD on the same rows": lambda arm, n: _of_both(suite, arm, n, XGBOD),
            },
        ),
    ]


def _of_both(suite: _Suite, arm: str, labels: str, method: str) -> FloatArray:
    """Of a peer, which learns nothing from anomalies alone."""
    return np.full(len(suite.tables), np.nan) if arm == POSITIVE else suite.of(arm, labels, method)


def _beside(
    head: str,
    suite: _Suite,
    points: Sequence[tuple[str, str]],
    others: Mapping[str, Callable[[str, str], FloatArray]],
) -> list[str]:
    heads = [f"{labels}, anomalies alone" if arm == POSITIVE else labels for arm, labels in points]
    out = [f"| {head} | {' | '.join(heads)} |", "|---" * (len(points) + 1) + "|"]
    for told, other in others.items():
        cells = []
        for arm, labels in points:
            found = compare(suite.of(arm, labels, OURS), other(arm, labels), suite.groups)
            cells.append(f"{found.difference.mean:+.3f} (p {_p(found.p)})" if found.tables else "")
        if any(cells):
            out.append(f"| {told} | {' | '.join(cells)} |")
    return out


def _mean(values: FloatArray) -> str:
    """The mean, and of how many tables where it is not of all."""
    n = int(np.isfinite(values).sum())
    return f"{np.nanmean(values):.3f}{'' if n == len(values) else f' ({n})'}" if n else ""


def _p(value: float) -> str:
    return "< .0001" if value < 1e-4 else f"{value:.4f}".lstrip("0") if value < 1 else "1"
