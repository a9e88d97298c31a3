"""The report's tables, each from one panel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks._cached import FAMILY_ORACLE, ORACLE, ORACLES
from benchmarks._panel import Panel, best, bins, detectors_of
from benchmarks._statistics import Comparison, bootstrap_mean, compare, holm, mean_ranks
from benchmarks._text import interval, markdown, number, probability, record, seconds

_NAMED = 6  # methods named in a sentence
QUALITY = {"roc_auc": "ROC-AUC", "ap": "AP"}


def methods_table(panel: Panel, shown: Sequence[str]) -> str:
    """Means with intervals, mean ranks among all but the oracles, and what went wrong."""
    ranked = panel.only([m for m in panel.methods if m not in ORACLES])
    ranks = {q: dict(zip(ranked.methods, mean_ranks(ranked.filled(q), panel.groups), strict=True)) for q in QUALITY}
    more = {"f1": "F1 of labels", "share_error": "error of share", "seconds": "seconds"}
    extra = {m: title for m, title in more.items() if m in panel.values}
    failures = dict(zip(panel.methods, panel.failures(), strict=True))
    rows = []
    for method in shown:
        at = panel.methods.index(method)
        cells = [method]
        cells += [interval(bootstrap_mean(panel.filled(q)[:, at], panel.groups)) for q in QUALITY]
        cells += [f"{ranks[q][method]:.1f}" if method in ranks[q] else "–" for q in QUALITY]
        for measure in extra:
            values = panel.column(measure, method)
            mean = float(np.nanmean(values)) if np.isfinite(values).any() else np.nan
            cells.append(seconds(mean) if measure == "seconds" else number(mean))
        rows.append([*cells, str(int(failures[method])) if method not in ORACLES else "–"])
    head = ["method", *QUALITY.values(), *(f"rank, {t}" for t in QUALITY.values()), *extra.values(), "failed"]
    return markdown(head, rows)


def comparisons(panel: Panel, measure: str) -> dict[str, tuple[Comparison, float]]:
    """Ours against every rival, with p values corrected by Holm over all of them."""
    ours = panel.column(measure, panel.ours)
    found = {m: compare(ours, panel.column(measure, m), panel.groups) for m in panel.rivals}
    corrected = holm([c.p for c in found.values()])
    return {m: (c, p) for (m, c), p in zip(found.items(), corrected, strict=True)}


def against_table(panel: Panel, shown: Sequence[str]) -> str:
    """Ours beside each rival over the tables that both finished."""
    found = {q: comparisons(panel, q) for q in QUALITY}
    rows = []
    for method in (m for m in shown if m in panel.rivals):
        cells = [method, str(found["roc_auc"][method][0].tables)]
        for q in QUALITY:
            comparison, p = found[q][method]
            both = f"{probability(comparison.p)} / {probability(p)}"
            cells += [interval(comparison.difference, signed=True), record(comparison), both]
        rows.append(cells)
    head = ["against", "tables"]
    for title in QUALITY.values():
        head += [f"{title}, ours − theirs", "won / tied / lost", "p / Holm"]
    return markdown(head, rows)


def bins_table(panel: Panel, references: Sequence[str]) -> str:
    """Ours and a few others on kinds of tables; ROC-AUC / AP, and the difference to each of the others."""
    rows = []
    for kind, parts in bins(panel).items():
        for name, mask in parts:
            part = panel.where(mask)
            cells = [f"{kind}: {name}", str(len(part)), _pair(part, part.ours)]
            for method in references:
                gaps = [compare(part.column(q, part.ours), part.column(q, method), part.groups) for q in QUALITY]
                cells += [_pair(part, method), " / ".join(interval(g.difference, signed=True) for g in gaps)]
            rows.append(cells)
    head = ["tables", "number", panel.ours]
    for method in references:
        head += [method, "ours − theirs"]
    return markdown(head, rows)


def better_than_ours(panel: Panel) -> str:
    """Which methods have a higher mean than ours, measure by measure."""
    told = []
    for measure, title in QUALITY.items():
        means = dict(zip(panel.methods, panel.filled(measure).mean(axis=0), strict=True))
        higher = sorted((m for m in panel.rivals if means[m] > means[panel.ours]), key=lambda m: -means[m])
        names = ", ".join(f"{m} ({number(float(means[m]))})" for m in higher[:_NAMED])
        rest = f" and {len(higher) - _NAMED} more" if len(higher) > _NAMED else ""
        told.append(f"in {title} {names + rest if higher else 'none'}")
    return f"Methods with a higher mean than ours ({panel.ours}): {'; '.join(told)}."


def reach_table(panels: Mapping[str, Panel]) -> str:
    """How far of the way from the best fixed detector to the oracles ours has come."""
    rows = []
    for pool, panel in panels.items():
        for measure, title in QUALITY.items():
            rival = best(panel, detectors_of(panel), measure)
            mean = {m: float(panel.only([m]).filled(measure).mean()) for m in (panel.ours, rival, *ORACLES)}
            ways = [_way(mean[panel.ours], mean[rival], mean[o]) for o in (ORACLE, FAMILY_ORACLE)]
            rows.append([
                pool, title, rival, *(number(mean[m]) for m in (rival, panel.ours, ORACLE)), ways[0],
                number(mean[FAMILY_ORACLE]), ways[1],
            ])  # fmt: skip
    head = ["suite", "measure", "best fixed detector", "its mean", "ours", "oracle", "of the way", "oracle of families"]
    return markdown([*head, "of the way"], rows)


def detectors_table(panels: Mapping[str, Panel]) -> str:
    """Every default by itself: ROC-AUC / AP on every suite."""
    names = sorted({d for panel in panels.values() for d in detectors_of(panel)})
    first = next(iter(panels.values()))
    rows = []
    for name in (first.ours, *names):
        cells = [_pair(panel, name) if name in panel.methods else "–" for panel in panels.values()]
        rows.append([name, *cells])
    return markdown(["detector", *panels], rows)


def _pair(panel: Panel, method: str) -> str:
    return " / ".join(number(float(panel.only([method]).filled(q).mean())) for q in QUALITY)


def _way(ours: float, start: float, end: float) -> str:
    if end - start <= 1e-9:
        return "–"
    return f"{100 * (ours - start) / (end - start):.0f} %".replace("-", "−")
