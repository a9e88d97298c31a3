"""The report of `benchmarks.mixed`: means of every method, ours against the best peer, cells, columns named first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks._mixed_judging import RECALLS
from benchmarks._mixed_methods import METHODS, OURS, TITLES
from benchmarks._mixed_tables import SUITES
from benchmarks._running import FILE
from benchmarks._statistics import compare, signed_rank
from benchmarks._store import Line
from benchmarks._text import interval, markdown, number, probability, record
from pynomaly_auto.records import FloatArray

HEADINGS = {
    "dirty": "Wrong cells",
    "business": "Labelled business tables",
    "mixed": "Raw tables with strings and gaps",
    "domains": "Generated tables of eight domains",
    "planted": "Contextual anomalies planted into real tables",
    "mistakes": "Misspellings and broken dependencies planted into real tables",
    "transactions": "Transactions",
}
_SHOWN = {"roc_auc": "ROC-AUC", "ap": "AP", "recall_1": "in first k", "recall_15": "1.5 k", "recall_2": "2 k"}
_CHANCE = {"roc_auc": 0.5, **dict.fromkeys(("ap", *RECALLS), 0.0)}
_LEARNED = ("dirty", "business", "mixed", "planted", "mistakes")  # their real tables served the models of cells
_KNOWN = ("mixed",)  # served all models
_EVERY = ("mixed",)  # ours is to be above every peer, one by one
_BY_KIND = ("dirty", "domains", "planted", "mistakes")


def mixed_report(lines: Iterable[Line]) -> str:
    """All suites that have lines, as Markdown."""
    kept = list(lines)
    parts: list[str] = []
    for suite in SUITES:
        own = [line for line in kept if line["suite"] == suite]
        if any(line["method"] != FILE for line in own):
            parts += [f"### {HEADINGS[suite]}", *_suite(suite, own)]
    return "\n\n".join(parts)


def _suite(suite: str, lines: Sequence[Line]) -> list[str]:
    unusable = sum(line["method"] == FILE for line in lines)
    lines = [line for line in lines if line["method"] != FILE]
    methods = [m for m in METHODS if any(line["method"] == m for line in lines)]
    groups = {line["table"]: line["group"] for line in lines}
    tables = sorted(groups)
    told = f"{len(tables)} table{'s' * (len(tables) != 1)}"
    told += (f", {unusable} more cannot be used" if unusable else "") + "."
    out = [told + seen(suite, lines), methods_table(lines, methods, tables)]
    if (against := against_best(lines, methods, tables)) is not None:
        out.append(against)
    if suite in _EVERY and (each := against_every(lines, methods, tables)) is not None:
        out.append(each)
    if suite in _BY_KIND:
        out.append(kinds_table(lines, methods))
    return out + [found for found in (flags_table(lines), cells_table(lines)) if found is not None]


def seen(suite: str, lines: Iterable[Line]) -> str:
    """Whether ours had learned from such tables, as a sentence; nothing where none of ours is told or none could."""
    mine = [line for line in lines if line["method"] in OURS]
    bases = {str(line.get("base", "shipped")) for line in mine}
    if suite not in _LEARNED or not bases:
        return ""
    what = "models" if suite in _KNOWN else "models of cells"
    if not all(base.startswith("fold ") for base in bases):
        return f" **The shipped {what} were learned on these tables: ours is optimistic.**"
    if suite in _KNOWN and any(line.get("base_knows_group", True) for line in mine):
        return " **Models of cells have seen no table of a table's group, all others have: ours is optimistic.**"
    return f" Ours on every table with {what} that have seen no table of its group."


def values(lines: Iterable[Line], method: str, measure: str, tables: Sequence[str]) -> FloatArray:
    """One value a table: chance where the method failed, NaN where it was not run; shape (n_tables,)."""
    found = {line["table"]: line for line in lines if line["method"] == method}
    out = np.full(len(tables), np.nan)
    for i, table in enumerate(tables):
        if table in found:
            line = found[table]
            out[i] = line.get(measure, _failed(line, measure))
    return out


def _failed(line: Mapping[str, Any], measure: str) -> float:
    return line["found"] / line["rows"] if measure == "ap" else _CHANCE.get(measure, np.nan)


def methods_table(lines: Sequence[Line], methods: Sequence[str], tables: Sequence[str]) -> str:
    """Means of every method over the tables it was run on; a failure counts as chance."""
    rows = []
    for method in methods:
        own = [line for line in lines if line["method"] == method]
        means = [number(_mean(values(own, method, measure, tables))) for measure in _SHOWN]
        failed = sum("error" in line for line in own)
        seconds = _mean(np.array([line.get("seconds", np.nan) for line in own], dtype=np.float64))
        rows.append([TITLES[method], *means, f"{seconds:.1f}", str(failed), str(len(own))])
    return markdown(["method", *_SHOWN.values(), "seconds", "failed", "tables"], rows)


def best_peer(lines: Sequence[Line], methods: Sequence[str], tables: Sequence[str], measure: str) -> str | None:
    """The peer with the highest mean, among those that were run on all of the tables, or on most where none was."""
    peers = [m for m in methods if m not in OURS]
    count = {m: int(np.isfinite(values(lines, m, measure, tables)).sum()) for m in peers}
    whole = [m for m in peers if count[m] == max(count.values())]
    return max(whole, key=lambda m: _mean(values(lines, m, measure, tables)), default=None)


def against_best(lines: Sequence[Line], methods: Sequence[str], tables: Sequence[str]) -> str | None:
    """Ours beside the best peer of each measure, over the tables that both were run on."""
    rows = []
    for ours in (m for m in methods if m in OURS):
        for measure, title in _SHOWN.items():
            peer = best_peer(lines, methods, tables, measure)
            if peer is not None:
                rows.append([TITLES[ours], title, TITLES[peer], *_against(lines, (ours, peer), measure, tables)])
    head = ["ours", "measure", "best peer", "ours − theirs", "won / tied / lost", "p by groups / by tables"]
    return markdown(head, rows) if rows else None


def against_every(lines: Sequence[Line], methods: Sequence[str], tables: Sequence[str]) -> str | None:
    """Ours beside each peer in ROC-AUC and average precision, over the tables that both were run on."""
    rows = [
        [TITLES[ours], TITLES[peer], *(c for m in ("roc_auc", "ap") for c in _against(lines, (ours, peer), m, tables))]
        for ours in methods
        for peer in methods
        if ours in OURS and peer not in OURS
    ]
    told = ("won / tied / lost", "p by groups / by tables")
    head = ["ours", "peer", "ROC-AUC, ours − theirs", *told, "AP, ours − theirs", *told]
    return markdown(head, rows) if rows else None


def _against(lines: Sequence[Line], both: tuple[str, str], measure: str, tables: Sequence[str]) -> tuple[str, str, str]:
    """The mean difference of two methods with its interval, its signs, and p by groups and by tables."""
    groups = np.array([next(line["group"] for line in lines if line["table"] == table) for table in tables])
    a, b = (values(lines, method, measure, tables) for method in both)
    found = compare(a, b, groups)
    by_table = signed_rank((a - b)[np.isfinite(a - b)])
    p = f"{probability(found.p)} / {probability(by_table)}"
    return interval(found.difference, signed=True), record(found), p


def kinds_table(lines: Sequence[Line], methods: Sequence[str]) -> str:
    """Average precision and recall among the first 2 k by kind of table: ours and the best peer of each."""
    rows = []
    for kind in sorted({line["kind"] for line in lines}):
        own = [line for line in lines if line["kind"] == kind]
        tables = sorted({line["table"] for line in own})
        cells = [kind, str(len(tables))]
        for measure in ("ap", "recall_2"):
            peer = best_peer(own, methods, tables, measure)
            cells += [number(_mean(values(own, m, measure, tables))) for m in OURS]
            cells += [number(_mean(values(own, peer, measure, tables))), TITLES[peer]] if peer else ["–", "–"]
        rows.append(cells)
    head = ["kind", "tables", "AP, ours", "for data quality", "best peer", "which"]
    return markdown([*head, "in first 2 k, ours", "for data quality", "best peer", "which"], rows)


def flags_table(lines: Sequence[Line]) -> str | None:
    """Rows that ours labels, those of them that are right and those that were told to be; by kind and over all.

    Lines of an earlier time, which say nothing of labels, are left out.
    """
    own = [line for line in lines if line["method"] in OURS and "hits" in line]
    if not own:
        return None
    rows = []
    for method in (m for m in OURS if any(line["method"] == m for line in own)):
        mine = [line for line in own if line["method"] == method]
        for kind in _kinds(mine):
            part = [line for line in mine if kind in ("all", line["kind"])]
            counts = {name: sum(line[name] for line in part) for name in ("flagged", "hits", "found")}
            told = [line for line in part if "real" in line]
            real, hits = sum(line["real"] for line in told), sum(line["hits"] for line in told)
            held = sum(line["low"] <= line["hits"] <= line["high"] for line in told)
            rows.append([
                TITLES[method], kind, str(len(part)), *(str(count) for count in counts.values()), f"{real:.0f}",
                _share(counts["hits"], counts["flagged"]), _share(counts["hits"], counts["found"]),
                f"{real / hits:.2f}" if hits else "–", f"{held} of {len(told)}",
            ])  # fmt: skip
    head = ["method", "kind", "tables", "rows flagged", "of them right", "anomalies", "told to be right"]
    return markdown([*head, "precision", "recall", "told / right", "range held"], rows)


def _kinds(lines: Sequence[Line]) -> tuple[str, ...]:
    kinds = sorted({line["kind"] for line in lines})
    return ("all", *kinds) if len(kinds) > 1 and lines[0]["suite"] in _BY_KIND else ("all",)


def _share(part: int, whole: int) -> str:
    return number(part / whole) if whole else "–"


def cells_table(lines: Sequence[Line]) -> str | None:
    """Cells against what is wrong, the column named first, the value expected; by kind of table and over all."""
    own = [line for line in lines if line["method"] in OURS and ("cell_ap" in line or "first_right" in line)]
    if not own:
        return None
    rows = []
    for method in (m for m in OURS if any(line["method"] == m for line in own)):
        found = [line for line in own if line["method"] == method]
        for kind in ("all", *sorted({line["kind"] for line in found})):
            part = [line for line in found if kind in ("all", line["kind"])]
            rows.append([
                TITLES[method], kind, str(len(part)), number(_mean(_column(part, "cell_ap"))),
                _pooled(part, "first_right", "first_asked"), _pooled(part, "expected_right", "expected_asked"),
            ])  # fmt: skip
    head = ["method", "kind", "tables", "AP by cell", "wrong column first, of rows", "expected value right, of cells"]
    return markdown(head, rows)


def _pooled(lines: Sequence[Line], share: str, asked: str) -> str:
    """Mean share over all that was asked, and how many those are."""
    known = [line for line in lines if share in line]
    total = sum(line[asked] for line in known)
    if not total:
        return "–"
    return f"{number(sum(line[share] * line[asked] for line in known) / total)} of {total}"


def _column(lines: Sequence[Line], name: str) -> FloatArray:
    return np.array([line.get(name, np.nan) for line in lines], dtype=np.float64)


def _mean(found: FloatArray) -> float:
    return float(np.nanmean(found)) if np.isfinite(found).any() else float("nan")
