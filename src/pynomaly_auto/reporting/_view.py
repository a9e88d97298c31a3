"""What the report's template shows: every number already text, every table already cut to size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from pynomaly_auto.records import Candidate, Explanation, OddCell, Reason, Result, Standing, Trial
from pynomaly_auto.reporting import _charts
from pynomaly_auto.reporting._facts import Fact, profile_facts

ANOMALIES = 500  # rows listed; anomalies.csv has all
CELLS = 15  # odd cells shown at once; the others unfold
EXPLAINED = 4  # contributions per row
TRIALS = 200
_BARS = 20  # members drawn; the table has all
COLUMNS = 400
REASONS = 3000


@dataclass(frozen=True, kw_only=True)
class Part:
    """One contribution, as a bar."""

    column: str
    value: str
    typical: str
    percent: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """One anomaly."""

    label: str
    score: str
    percent: float
    parts: tuple[Part, ...]
    text: str


@dataclass(frozen=True, kw_only=True)
class Table:
    """Any table: heads, cells as text, which columns are numbers, and a note when it was cut."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class ReasonLine:
    """One decision."""

    code: str
    subject: str
    text: str
    evidence: str


@dataclass(frozen=True, kw_only=True)
class ReasonGroup:
    """All decisions of one stage."""

    stage: str
    lines: tuple[ReasonLine, ...]


@dataclass(frozen=True, kw_only=True)
class View:
    """Everything the template needs, in the order it is shown."""

    title: str
    labels_note: str | None
    subtitle: str
    cards: tuple[Fact, ...]
    summary: tuple[str, ...]
    warnings: tuple[ReasonLine, ...]
    anomalies: tuple[Row, ...]
    others: Table
    odd_cells: Table
    more_cells: Table
    scale: str
    histogram: Markup
    weights: Markup
    members: Table
    front: Table
    combiner: str
    beside_models: str
    models_decide: bool
    ranking: Markup
    leaderboard: Table
    ranking_note: str
    similar: Table
    scatter: Markup
    trials: Table
    profile: tuple[tuple[str, tuple[Fact, ...]], ...]
    meta_features: tuple[Fact, ...]
    columns: Table
    reasons: tuple[ReasonGroup, ...]
    reasons_note: str
    n_reasons: str
    settings: tuple[Fact, ...]
    seconds: tuple[Fact, ...]
    versions: tuple[Fact, ...]


def make_view(result: Result, *, title: str | None, labels_note: str | None) -> View:
    """Prepare a result for the template."""
    found, total = int((result.labels == -1).sum()), len(result.labels)
    explained, others = _anomalies(result)
    reasons = result.reasons[:REASONS]
    return View(
        title=title or "Anomaly report",
        labels_note=labels_note,
        subtitle=f"{total:,} rows, {len(result.columns):,} columns, {len(result.ensemble.members)} models combined. "
        f"{result.headline}",
        cards=_cards(result, found, total),
        summary=tuple(line for line in result.summary_lines() if not line.startswith("Warning: ")),
        warnings=tuple(_line(w) for w in result.warnings),
        anomalies=explained,
        others=others,
        odd_cells=_odd_cells(result.cells[:CELLS]),
        more_cells=_odd_cells(result.cells[CELLS:]),
        scale=result.probability_note,
        histogram=_charts.histogram(result.verdict.scores, result.verdict.threshold),
        weights=_weights(result),
        members=_members(result),
        front=_front(result),
        combiner=result.ensemble.combiner,
        beside_models=result.beside_models,
        models_decide=result.models_decide,
        ranking=_ranking(result),
        leaderboard=_leaderboard(result),
        ranking_note=_ranking_note(result),
        similar=Table(
            heads=("table", "similarity", "best detectors there"),
            rows=tuple((s.name, f"{s.similarity:.2f}", ", ".join(s.best_detectors)) for s in result.ranking.similar),
            numeric=frozenset({1}),
        ),
        scatter=_scatter(result),
        trials=_trials(result),
        profile=profile_facts(result.profile),
        meta_features=tuple(Fact(name=k, value=number(v)) for k, v in sorted(result.profile.meta_features.items())),
        columns=_columns(result),
        reasons=_groups(reasons),
        reasons_note=_cut(len(result.reasons), REASONS, "result.json has all of them."),
        n_reasons=f"{len(result.reasons):,}",
        settings=_facts(result.settings),
        seconds=tuple(Fact(name=k, value=f"{v:.2f} s") for k, v in result.seconds.items()),
        versions=tuple(Fact(name=k, value=str(v)) for k, v in result.versions.items()),
    )


def number(value: Any) -> str:
    """A number as a person would write it; a dash where there is none."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e12):
        return f"{int(value):,}"
    return f"{value:.4g}"


def _cards(result: Result, found: int, total: int) -> tuple[Fact, ...]:
    verdict, search = result.verdict, result.search
    e, share = verdict.expectation, f"{verdict.contamination:.2%}"
    real = () if e is None or not found else (
        Fact(name="expected to be real", value=f"{e.real:,.0f}", note=f"{e.range_text()} of the rows flagged"),
    )  # fmt: skip
    return (
        Fact(name="rows flagged", value=f"{found:,}", note=f"{found / max(total, 1):.2%} of {total:,} rows"),
        *real,
        Fact(name="share the threshold is set for", value=share, note=verdict.method)
        if e is None
        else Fact(name="anomalies in all rows", value=share, note=f"flagged or not; {verdict.method}"),
        Fact(name="threshold", value=number(float(verdict.threshold)), note="on the combined score"),
        Fact(name="models combined", value=f"{len(result.ensemble.members)}", note=result.ensemble.combiner),
        Fact(
            name="trials completed",
            value=f"{len(search.completed)} / {len(search.trials)}",
            note="interrupted by the user" if search.interrupted else search.stopped,
        ),
        Fact(name="run time", value=f"{sum(result.seconds.values()):.1f} s", note="all stages together"),
    )


def _anomalies(result: Result) -> tuple[tuple[Row, ...], Table]:
    """The rows that are explained, and a list of the others, most anomalous first."""
    explained = {e.row: e for e in result.explanations}
    table = result.anomalies.head(ANOMALIES)
    rows: list[Row] = []
    others: list[tuple[str, ...]] = []
    for place, (position, label, score) in enumerate(zip(table.index, table["row"], table["score"], strict=True), 1):
        explanation = explained.get(int(position))
        if explanation is None:
            others.append((str(place), str(label), f"{score:.3f}"))
            continue
        parts = _parts(explanation)
        rows.append(
            Row(label=str(label), score=f"{score:.3f}", percent=_percent(score), parts=parts, text=explanation.text)
        )
    return tuple(rows), Table(
        heads=("place", "row", "probability"),
        rows=tuple(others),
        numeric=frozenset({0, 2}),
        note=_cut(int((result.labels == -1).sum()), ANOMALIES, "anomalies.csv and result.anomalies have all of them."),
    )


def _odd_cells(cells: Sequence[OddCell]) -> Table:
    rows = tuple((str(c.label), c.column, c.value, c.expected or "–", f"{c.bits:.1f}", c.text) for c in cells)
    return Table(heads=("row", "column", "value", "expected", "bits", "why"), rows=rows, numeric=frozenset({4}))


def _parts(explanation: Explanation) -> tuple[Part, ...]:
    shown = [c for c in explanation.contributions if c.contribution > 0 and c.share >= 0.01][:EXPLAINED]
    return tuple(Part(column=c.column, value=c.value, typical=c.typical, percent=_percent(c.share)) for c in shown)


def _weights(result: Result) -> Markup:
    members = sorted(result.ensemble.members, key=lambda m: -m.weight)
    items = [_charts.Bar(name=m.name, value=m.weight, note=f"{m.weight:.1%}") for m in members[:_BARS]]
    if rest := members[_BARS:]:
        together = sum(m.weight for m in rest)
        items.append(
            _charts.Bar(name=f"{len(rest)} more", value=together, strong=False, note=f"{together:.1%}, each less")
        )
    upper = max((item.value for item in items), default=1.0) or 1.0
    return _charts.bars(items, label="Weights of the models", upper=upper, percent=True)


def _members(result: Result) -> Table:
    members = sorted(result.ensemble.members, key=lambda m: -m.weight)
    return Table(
        heads=("detector", "weight", "quality", "diversity", "trial", "parameters"),
        rows=tuple(
            (m.name, f"{m.weight:.1%}", f"{m.quality:.3f}", f"{m.diversity:.2f}", str(m.trial), _params(m.params))
            for m in members
        ),
        numeric=frozenset({1, 2, 3, 4}),
    )


def _front(result: Result) -> Table:
    """The models that several objectives left to choose from; without rows where none were asked for."""
    front = result.front
    if front is None:
        return Table(heads=(), rows=())
    rows = tuple(
        (
            f"{p.number}{' (taken)' if p.number == front.chosen else ''}", *(number(v) for v in p.values.values()),
            str(len(p.members)), p.made_of(),
        )
        for p in front.points
    )  # fmt: skip
    heads = ("number", *front.point.values, "members", "which")
    return Table(heads=heads, rows=rows, numeric=frozenset(range(1, len(heads) - 1)), note=front.legend())


def _ranking(result: Result) -> Markup:
    return _charts.bars([_bar(c) for c in result.ranking.candidates[:30]], label="Ranking of the detectors")


def _bar(candidate: Candidate) -> _charts.Bar:
    note = "" if candidate.selected else f"{candidate.score:.2f}  left out"
    return _charts.Bar(
        name=candidate.detector,
        value=candidate.score,
        strong=candidate.selected,
        note=note,
    )


def _ranking_note(result: Result) -> str:
    ranking = result.ranking
    if ranking.source == "rules":
        return "Ranked by rules alone: the knowledge base was not used."
    return f"Ranked from the {ranking.source}; the nearest table in it is {ranking.confidence:.0%} like this one."


def _leaderboard(result: Result) -> Table:
    rows = [
        (
            s.detector,
            s.status.replace("_", " "),
            number(s.score),
            _predicted(s),
            number(s.quality),
            f"{s.weight:.1%}" if s.weight else "–",
            f"{s.expected_seconds:.2g} s",
            s.reason,
        )
        for s in result.leaderboard
    ]
    heads = ("detector", "status", "ranking score", "predicted (90 %)", "reached", "weight", "expected cost", "why")
    return Table(heads=heads, rows=tuple(rows), numeric=frozenset({2, 3, 4, 5, 6}))


def _predicted(s: Standing) -> str:
    known = s.predicted_quality is not None
    return f"{s.predicted_quality:.2f} ({s.predicted_low:.2f}–{s.predicted_high:.2f})" if known else "–"


def _scatter(result: Result) -> Markup:
    used, front = {m.trial for m in result.ensemble.members}, set(result.search.pareto)
    return _charts.scatter(
        [
            _charts.Point(
                x=t.seconds,
                y=t.quality,
                name=f"{t.detector} #{t.number}",
                member=t.number in used,
                pareto=t.number in front,
            )
            for t in result.search.completed
            if t.quality is not None and math.isfinite(t.quality)
        ]
    )


def _trials(result: Result) -> Table:
    trials = result.search.trials
    return Table(
        heads=("trial", "detector", "status", "quality", "seconds", "memory", "parameters or error"),
        rows=tuple(_trial(t) for t in trials[:TRIALS]),
        numeric=frozenset({0, 3, 4, 5}),
        note=_cut(len(trials), TRIALS, "result.json has all of them."),
    )


def _trial(t: Trial) -> tuple[str, ...]:
    detail = t.error or _params(t.params)
    status = t.status.replace("_", " ")
    return (str(t.number), t.detector, status, number(t.quality), f"{t.seconds:.2f}", f"{t.memory_mb:.0f} MB", detail)


def _columns(result: Result) -> Table:
    shown = result.columns[:COLUMNS]
    return Table(
        heads=("column", "taken as", "missing", "infinite", "distinct", "features made of it"),
        rows=tuple(
            (
                c.name,
                c.kind.replace("_", " "),
                f"{c.n_missing:,}",
                f"{c.n_infinite:,}",
                f"{c.n_unique:,}",
                ", ".join(c.features) or "none: left out",
            )
            for c in shown
        ),
        numeric=frozenset({2, 3, 4}),
        note=_cut(len(result.columns), COLUMNS, "result.json has all of them."),
    )


def _groups(reasons: tuple[Reason, ...]) -> tuple[ReasonGroup, ...]:
    stages: dict[str, list[ReasonLine]] = {}
    for reason in reasons:
        stages.setdefault(reason.stage, []).append(_line(reason))
    return tuple(ReasonGroup(stage=stage, lines=tuple(lines)) for stage, lines in stages.items())


def _line(reason: Reason) -> ReasonLine:
    evidence = ", ".join(f"{k} = {number(v)}" for k, v in reason.evidence.items())
    return ReasonLine(code=reason.code, subject=reason.subject, text=reason.text, evidence=evidence)


def _facts(values: Mapping[str, Any]) -> tuple[Fact, ...]:
    return tuple(Fact(name=name.replace("_", " "), value=_value(value)) for name, value in values.items())


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = {k: v for k, v in value.items() if v not in (None, "", [], (), {})}
        return ", ".join(f"{k}: {_value(v)}" for k, v in inner.items()) or "–"
    if isinstance(value, (list, tuple)):
        return ", ".join(_value(v) for v in value) or "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number(value)


def _params(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{k} = {number(v)}" for k, v in params.items()) or "defaults"


def _percent(share: float) -> float:
    return round(100 * min(max(float(share), 0.0), 1.0), 1) if math.isfinite(share) else 0.0


def _cut(n: int, most: int, where: str) -> str:
    return f"The first {most:,} of {n:,} are shown; {where}" if n > most else ""
