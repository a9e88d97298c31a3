"""The report: what was measured, in words, tables and pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import _charts as charts
from benchmarks._alarms import HOW, alarms_of, alarms_table, of_bins
from benchmarks._cached import ALL, ELECT, FAMILY_MEANS, METAOD, ORACLES
from benchmarks._calibration import calibration_error, pooled
from benchmarks._comparing import (
    QUALITY,
    against_table,
    better_than_ours,
    bins_table,
    comparisons,
    detectors_table,
    methods_table,
    reach_table,
)
from benchmarks._panel import Panel, best, detectors_of, of_cached, of_runs
from benchmarks._peers import OURS, TITLES
from benchmarks._running import FILE
from benchmarks._sets import MEANS
from benchmarks._statistics import by_group, critical_difference, friedman, mean_ranks
from benchmarks._store import Line
from benchmarks._tables import pools
from benchmarks._text import markdown, number, probability

_FEWEST_GROUPS = 8  # below that a critical difference spans all ranks
_BEST = 3  # single detectors shown with a suite, the best in each measure
_RANKED = 12  # most methods in one critical-difference diagram
_CONSENSUS = tuple(f"ADEngine consensus, {view}" for view in ("raw", "standardised"))
_MEAN = "mean of kNN, IForest, MCD, fair-cut"
HOW_TO_READ = """\
Means are over tables, the intervals hold 95 % and come from drawing whole groups of related tables anew. A failed run
counts as chance in means and ranks (ROC-AUC .5, AP = share of anomalies); differences, wins and tests are over tables
that both finished. Ranks and Wilcoxon's signed rank test take a group's mean as one observation; the second p value
is corrected by Holm over all methods compared on the suite."""


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Where pictures go.

    Args:
        folder: They are written here; None: none are drawn.
        link: What stands before their names in the text.
        prefix: What their names begin with.
    """

    folder: Path | None
    link: str = "images/"
    prefix: str = "quality"

    def named(self, name: str) -> Path | None:
        """File of a picture."""
        return self.folder / f"{self.prefix}-{name}.svg" if self.folder is not None else None

    def show(self, name: str, text: str) -> str:
        """The line that shows it."""
        return f"![{text}]({self.link}{self.prefix}-{name}.svg)"


def real_report(lines: Sequence[Line], pictures: Pictures, *, together: bool = False) -> str:
    """Report of end-to-end runs.

    Args:
        lines: The current measurements (see `_running.current`).
        pictures: Where pictures go.
        together: Whether all suites are also taken together.
    """
    panel = of_runs(lines)
    if panel is None:
        return "\n\n".join(
            ["There is no table yet on which ours and every other method were run.", _unusable(lines)]
        ).strip()
    found = _by_pool(panel, together=together)
    parts = [_provenance(panel, lines), _unusable(lines), HOW_TO_READ]
    for pool, part in found.items():
        parts += _suite(pool, part, part.methods)
    references = [m for m in (*_CONSENSUS, *panel.rivals) if m in panel.methods][:2]
    parts += ["#### By size, dimension, share of anomalies and domain", bins_table(panel, references)]
    parts += _labels_part(panel, lines, pictures, together=together)
    return "\n\n".join([*parts, *_pictures(found, pictures, {p: part.methods for p, part in found.items()})])


def cached_report(lines: Sequence[Line], pictures: Pictures) -> str:
    """Report of full suites from cached member scores."""
    panel = of_cached(lines)
    if panel is None:
        return "There are no cached results yet."
    found = _by_pool(panel, together=False)
    shown = {pool: _shown(part) for pool, part in found.items()}
    left = f" {panel.left_out} tasks without fused scores are left out." if panel.left_out else ""
    parts = [
        f"{_counted(panel)}; ours is “{panel.ours}”, compared with {len(panel.rivals)} methods, every detector's "
        f"default among them (shown are the {_BEST} best in each measure, known only afterwards).{left}",
        HOW_TO_READ,
    ]
    for pool, part in found.items():
        parts += _suite(pool, part, shown[pool])
    parts += ["#### From the best fixed detector to the oracle", reach_table(found)]
    references = [_MEAN, best(panel, detectors_of(panel))]
    parts += ["#### By size, dimension, share of anomalies and domain", bins_table(panel, references)]
    if any("fused" in line for line in lines):
        parts += _fused_part(panel, lines, pictures)
    parts += ["#### Every detector with its defaults (ROC-AUC / AP)", detectors_table(found)]
    return "\n\n".join([*parts, *_pictures(found, pictures, shown)])


def _suite(pool: str, part: Panel, shown: Sequence[str]) -> list[str]:
    """What is said of one suite."""
    head = f"#### {pool}: {_counted(part)}"
    few = "Too few groups for intervals and tests to say much." if _groups(part) < _FEWEST_GROUPS else ""
    said = f"{better_than_ours(part)} {few}".strip()
    return [head, said, methods_table(part, shown), against_table(part, shown)]


def _by_pool(panel: Panel, *, together: bool) -> dict[str, Panel]:
    suites = panel.tables["suite"].astype(str)
    found = {pool: panel.of(members) for pool, members in pools(suites).items()}
    return found | ({"all tables": panel} if together and len(found) > 1 else {})


def _counted(panel: Panel) -> str:
    return f"{len(panel)} tables of {_groups(panel)} groups"


def _groups(panel: Panel) -> int:
    return len(np.unique(panel.groups.astype(str)))


def _shown(panel: Panel) -> tuple[str, ...]:
    """Ours, the combinations, the best single detectors, the oracles."""
    detectors = panel.only(detectors_of(panel))
    strongest: dict[str, None] = {}
    for measure in QUALITY:
        order = np.argsort(-detectors.filled(measure).mean(axis=0), kind="stable")
        strongest |= dict.fromkeys(detectors.methods[i] for i in order[:_BEST])
    made = [m for m in (*MEANS, FAMILY_MEANS, ALL, METAOD, ELECT) if m in panel.rivals]
    return (panel.ours, *made, *strongest, *(m for m in ORACLES if m in panel.methods))


def _provenance(panel: Panel, lines: Iterable[Line]) -> str:
    """How many tables, which settings, and whether the knowledge base had seen them."""
    given = list(lines)
    ours = [line for line in given if line["method"].startswith(f"{OURS}@")]
    bases = Counter(
        ("bases that leave the table's group out" if str(line.get("base", "")).startswith("fold ") else
         f"the knowledge base “{line.get('base', 'none')}”")
        + (", which has seen the table's group" if line.get("base_knows_group") else "")
        for line in ours
    )  # fmt: skip
    text = f"{_counted(panel)}, at most {given[0]['max_rows']:,} rows each"
    text += (
        f"; {panel.left_out} tables on which not every method was run yet are left out. " if panel.left_out else ". "
    )
    if bases:
        told = "; ".join(f"{n} with {name}" for name, n in bases.most_common())
        text += f"Runs of ours: {told}. "
        if any(line.get("base_knows_group") for line in ours):
            text += "**Figures on tables whose group the knowledge base has seen are optimistic.** "
    dates = sorted({str(line["done"]) for line in given if "done" in line})
    return text + (f"Measured {' to '.join(dict.fromkeys((dates[0], dates[-1])))}." if dates else "")


def _unusable(lines: Iterable[Line]) -> str:
    """The tables that no method could be given, and runs that failed, by name."""
    given = list(lines)
    files = [line for line in given if line["method"] == FILE]
    text = ""
    if files:
        told = "\n".join(f"- `{line['table']}`: {line['error']}" for line in files)
        text = f"{len(files)} tables could not be used and are in none of the figures:\n\n{told}"
    failed = [line for line in given if line["method"] != FILE and line.get("error")]
    if failed:
        reasons = Counter((line["method"], str(line["error"])[:100]) for line in failed)
        rows = [[method, reason, str(n)] for (method, reason), n in reasons.most_common(20)]
        text += ("\n\n" if text else "") + "Failed runs:\n\n" + markdown(["method", "reason", "runs"], rows)
    return text or "No table and no run failed."


def _labels_part(panel: Panel, lines: Iterable[Line], pictures: Pictures, *, together: bool) -> list[str]:
    """Share of anomalies, labels and calibration of ours, beside what the others call anomalies."""
    budget = panel.ours.rpartition(", ")[2].removesuffix(" s")
    kept = {(s, t) for s, t in zip(panel.tables["suite"], panel.tables["table"], strict=True)}
    answers = {
        (line["suite"], line["table"]): line
        for line in lines
        if line["method"] == f"{OURS}@{budget}" and "bins" in line and (line["suite"], line["table"]) in kept
    }
    if not answers:
        return []
    peer = next((m for m in (_CONSENSUS[1], *panel.rivals) if m in panel.methods), None)
    rows, curves, pools = [], {}, {}
    for pool, part in _by_pool(panel, together=together).items():
        pools[pool] = part.tables.to_dict("records")
        keys = zip(part.tables["suite"], part.tables["table"], strict=True)
        bins = [answers[key]["bins"] for key in keys if key in answers]
        curves[pool] = pooled(bins)
        rows.append([pool, str(len(part)), *_errors(bins)])
    others = {
        (line["suite"], line["table"]): line
        for line in lines
        if line["method"] in TITLES and TITLES[line["method"]] == peer
    }
    alarms = alarms_table(pools, {key: alarms_of(line) for key, line in answers.items()}, others, peer or "")
    note = (
        "The expected calibration error of `anomaly_score` is over ten bins of equal width: pooled over the tables, "
        "each with the same weight, and the mean of the tables' own errors."
    )
    table = markdown(["suite", "tables", "calibration error, pooled", "mean over tables"], rows)
    out = ["#### Share of anomalies, labels, calibration", HOW, alarms, note, table]
    if (path := pictures.named("reliability")) is not None:
        charts.reliability(path, curves)
        out.append(pictures.show("reliability", "Reliability of anomaly_score"))
    return out


def _fused_part(panel: Panel, lines: Iterable[Line], pictures: Pictures) -> list[str]:
    """The same of the fused probabilities."""
    answers = {(line["suite"], line["table"]): line["fused"] for line in lines if "fused" in line}
    rows, curves, pools = [], {}, {}
    for pool, part in _by_pool(panel, together=False).items():
        pools[pool] = part.tables.to_dict("records")
        bins = [answers[key]["bins"] for key in zip(part.tables["suite"], part.tables["table"], strict=True)]
        curves[pool] = pooled(bins)
        rows.append([pool, str(len(part)), *_errors(bins)])
    alarms = alarms_table(pools, {key: of_bins(answer["bins"]) for key, answer in answers.items()}, {}, "")
    table = markdown(["suite", "tables", "calibration error, pooled", "mean over tables"], rows)
    out = ["#### Labels and calibration of the fused probabilities", HOW, alarms, table]
    if (path := pictures.named("reliability")) is not None:
        charts.reliability(path, curves)
        out.append(pictures.show("reliability", "Reliability of the fused probabilities"))
    return out


def _errors(bins: Sequence[Mapping[str, Sequence[float]]]) -> list[str]:
    if not bins:
        return ["–", "–"]
    return [number(calibration_error(pooled(bins))), number(float(np.mean([calibration_error(b) for b in bins])))]


def _pictures(found: Mapping[str, Panel], pictures: Pictures, shown: Mapping[str, Sequence[str]]) -> list[str]:
    """Differences with intervals, and one critical-difference picture per suite with enough groups."""
    out: list[str] = []
    usable = {pool: part for pool, part in found.items() if part.rivals}
    path = pictures.named("differences")
    if path is None or not usable:
        return out
    gaps = {}
    for pool, part in usable.items():
        rivals = [m for m in shown[pool] if m in part.rivals]
        all_of = {title: comparisons(part, q) for q, title in QUALITY.items()}
        gaps[pool] = {title: {m: c[m][0] for m in rivals} for title, c in all_of.items()}
    charts.differences(path, gaps)
    out += ["#### Differences", pictures.show("differences", "Ours minus each other method, with 95 % intervals")]
    told = []
    for pool, part in usable.items():
        name = "cd-" + "-".join(pool.replace("+", " ").replace("_", " ").split())
        if (path := pictures.named(name)) is not None and (text := _ranked(part, shown[pool], path, pool)):
            told += [pictures.show(name, f"Critical differences, {pool}"), text]
    return out + (["#### Mean ranks and critical differences (Nemenyi, 5 %)", *told] if told else [])


def _ranked(panel: Panel, shown: Sequence[str], path: Path, pool: str) -> str:
    """Draw the critical-difference diagrams of a suite; what to say below, nothing where there are too few groups."""
    methods = [m for m in shown if m not in ORACLES][:_RANKED]
    groups = _groups(panel)
    if groups < _FEWEST_GROUPS or len(methods) < 3:
        return ""
    part = panel.only(methods)
    gap, diagrams, told = critical_difference(len(methods), groups), [], []
    for measure, title in QUALITY.items():
        values = part.filled(measure)
        means = mean_ranks(values, part.groups)
        diagrams.append(
            charts.Ranks(
                title=f"{pool}: {title}", methods=part.methods, means=means, difference=gap, ours=part.ours
            )
        )  # fmt: skip
        told.append(f"{title} p {probability(friedman(by_group(values, part.groups)))}")
    charts.critical_differences(path, diagrams)
    return f"{pool}: {groups} groups; Friedman's test that all are alike: {', '.join(told)}."
