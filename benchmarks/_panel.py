"""Tables × methods: what was measured, in the form that comparisons need."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from benchmarks._cached import ALL, ELECT, FAMILY_MEANS, FUSED, METAOD, ORACLES
from benchmarks._peers import OURS, TITLES
from benchmarks._sets import MEANS
from benchmarks._store import Line
from pynomaly_auto.records import FloatArray

MEASURES = ("roc_auc", "ap", "f1", "share_error", "seconds")
FACTS = ("suite", "table", "group", "domain", "rows", "features", "share")
MADE = (*MEANS, FAMILY_MEANS, ALL, METAOD, ELECT)  # what cached scores are combined to, besides oracles
Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """Every method on every table.

    Args:
        tables: One row per table, columns `FACTS`.
        methods: Names for people; ours among them.
        values: Measure to values, NaN where the method failed or has no such measure; shape (n_tables, n_methods).
        ours: The method the others are compared with.
        left_out: Tables on which not every method was tried, which are in none of the figures.
    """

    tables: pd.DataFrame
    methods: tuple[str, ...]
    values: Mapping[str, FloatArray]
    ours: str
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.tables)

    @property
    def groups(self) -> np.ndarray[Any, Any]:
        """Group of each table."""
        return self.tables["group"].to_numpy(dtype=object)

    @property
    def rivals(self) -> tuple[str, ...]:
        """All methods but ours and those that know the labels."""
        return tuple(m for m in self.methods if m != self.ours and m not in ORACLES)

    def column(self, measure: str, method: str) -> FloatArray:
        """One method's values; shape (n_tables,)."""
        return self.values[measure][:, self.methods.index(method)]

    def where(self, mask: Mask) -> Panel:
        """Some of the tables."""
        return replace(
            self,
            tables=self.tables[mask].reset_index(drop=True),
            values={name: found[mask] for name, found in self.values.items()},
        )

    def only(self, methods: Sequence[str]) -> Panel:
        """Some of the methods, in the order given."""
        at = [self.methods.index(m) for m in methods]
        return replace(self, methods=tuple(methods), values={name: found[:, at] for name, found in self.values.items()})

    def of(self, suites: Iterable[str]) -> Panel:
        """The tables of some suites."""
        return self.where(self.tables["suite"].isin(list(suites)).to_numpy(dtype=bool))

    def filled(self, measure: str) -> FloatArray:
        """Quality where a failure counts as chance: ROC-AUC of one half, AP of the share of anomalies."""
        values = self.values[measure]
        chance = np.full(len(self), 0.5) if measure == "roc_auc" else self.tables["share"].to_numpy(dtype=np.float64)
        return np.where(np.isfinite(values), values, chance[:, None])

    def failures(self) -> np.ndarray[Any, Any]:
        """Failed runs of each method; shape (n_methods,)."""
        return np.asarray((~np.isfinite(self.values["roc_auc"])).sum(axis=0))


def of_runs(lines: Iterable[Line]) -> Panel | None:
    """The panel of end-to-end runs (see `_running.current`); None when there is nothing to compare.

    Only tables on which every method was tried are taken, so that no method is spared a hard table.
    """
    by_table: dict[tuple[str, str], dict[str, Line]] = {}
    for line in lines:
        if line["method"] in TITLES or line["method"].startswith(f"{OURS}@"):
            by_table.setdefault((line["suite"], line["table"]), {})[line["method"]] = line
    keys = _ordered({method for found in by_table.values() for method in found})
    whole = [found for _, found in sorted(by_table.items()) if len(found) == len(keys)]
    if not whole or not keys[0].startswith(f"{OURS}@"):
        return None
    facts = pd.DataFrame([{name: next(iter(found.values()))[name] for name in FACTS} for found in whole])
    values = {m: np.array([[_value(found[key].get(m)) for key in keys] for found in whole]) for m in MEASURES}
    failed = np.array([[bool(found[key].get("error")) for key in keys] for found in whole])
    values = {m: np.where(failed, np.nan, found) if m != "seconds" else found for m, found in values.items()}
    return Panel(
        tables=facts,
        methods=tuple(title_of(key) for key in keys),
        values=values,
        ours=title_of(keys[0]),
        left_out=len(by_table) - len(whole),
    )


def of_cached(lines: Iterable[Line]) -> Panel | None:
    """The panel of cached member scores; ours is the fused score where it is given, else the portfolio's mean."""
    given = list(lines)
    fused = any("fused" in line for line in given)
    whole = [line for line in given if "fused" in line or not fused]
    if not whole:
        return None
    for line in whole:
        if fused:
            line["measured"] = {FUSED: [line["fused"]["roc_auc"], line["fused"]["ap"]]} | line["measured"]
    made = (FUSED, *MADE) if fused else MADE
    names = {name for line in whole for name in line["measured"]}
    methods = tuple(m for m in made if m in names) + tuple(sorted(names - set(made) - set(ORACLES)))
    methods += tuple(m for m in ORACLES if m in names)
    pairs = np.array([[line["measured"].get(m, [np.nan, np.nan]) for m in methods] for line in whole], dtype=np.float64)
    values = {"roc_auc": pairs[..., 0], "ap": pairs[..., 1]}
    return Panel(
        tables=pd.DataFrame([{name: line[name] for name in FACTS} for line in whole]),
        methods=methods,
        values=values,
        ours=FUSED if fused else "mean of PORTFOLIO",
        left_out=len(given) - len(whole),
    )


def detectors_of(panel: Panel) -> tuple[str, ...]:
    """The single detectors of a cached panel."""
    return tuple(m for m in panel.methods if m not in (FUSED, *MADE, *ORACLES))


def best(panel: Panel, methods: Sequence[str], measure: str = "roc_auc") -> str:
    """The method with the highest mean, known only afterwards: the strongest rival a fixed choice could have been."""
    means = panel.only(methods).filled(measure).mean(axis=0)
    return methods[int(np.argmax(means))]


def bins(panel: Panel) -> dict[str, list[tuple[str, Mask]]]:
    """Kinds of tables by size, dimension, share of anomalies and domain: kind to the parts of it that have tables."""
    tables = panel.tables
    cuts: dict[str, list[tuple[str, Mask]]] = {}
    for kind, column, edges, text in _CUTS:
        at = np.searchsorted(np.asarray(edges), tables[column].to_numpy(dtype=np.float64), side="right")
        names = [f"under {text(edges[0])}"]
        names += [f"{text(a)} to {text(b)}" for a, b in itertools.pairwise(edges)]
        names += [f"{text(edges[-1])} or more"]
        cuts[kind] = [(name, np.asarray(at == i)) for i, name in enumerate(names) if (at == i).any()]
    domains = tables["domain"].fillna("").astype(str).replace("", "not stated")
    counts = domains.value_counts()
    common = [str(d) for d in counts.index if counts[d] >= _COMMON and d != "not stated"]
    parts = [(d, np.asarray(domains == d)) for d in common]
    rest = ~domains.isin(common).to_numpy(dtype=bool)
    cuts["domain"] = [*parts, *([("others and not stated", np.asarray(rest))] if rest.any() and parts else [])]
    return {kind: parts for kind, parts in cuts.items() if parts}


def title_of(key: str) -> str:
    """A stored method's name for people."""
    if key.startswith(f"{OURS}@"):
        return f"{TITLES[OURS]}, {key.partition('@')[2]} s"
    return TITLES[key]


def _ordered(keys: Iterable[str]) -> list[str]:
    """Ours first, the largest budget before the others; then the peers."""
    known = list(TITLES)
    ours = sorted((k for k in keys if k.startswith(f"{OURS}@")), key=lambda k: -float(k.partition("@")[2]))
    return ours + sorted((k for k in keys if k in TITLES), key=known.index)


def _value(value: Any) -> float:
    return np.nan if value is None else float(value)


_COMMON = 10  # tables a domain needs to be shown by itself


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _percent(value: float) -> str:
    return f"{100 * value:g} %"


_CUTS: tuple[tuple[str, str, tuple[float, ...], Callable[[float], str]], ...] = (
    ("rows", "rows", (300, 1000, 3000), _whole),
    ("features", "features", (10, 30, 100), _whole),
    ("share of anomalies", "share", (0.02, 0.05, 0.1), _percent),
)
