"""The ranking: rules and the knowledge base's opinion blended, overrides obeyed, complementary detectors first."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pynomaly_auto._machine import free_memory
from pynomaly_auto.detectors import DETECTORS, VIEW, DetectorSpec
from pynomaly_auto.errors import InvalidInputError, NotApplicableError, SettingError
from pynomaly_auto.knowledge import KnowledgeBase
from pynomaly_auto.presets import PRESETS
from pynomaly_auto.recommending import _novelty as novelty
from pynomaly_auto.recommending._meta_learner import (
    Opinion,
    consult,
    prediction_reason,
    views_reason,
    warm_start_reason,
)
from pynomaly_auto.recommending._ordering import in_learned_order
from pynomaly_auto.recommending._prior import ALIKE, PORTFOLIO, SOURCE, STRENGTH, strengths
from pynomaly_auto.recommending.rules import CRITERIA, RULES, Context, Criterion
from pynomaly_auto.records import Candidate, Params, Profile, Ranking, Reason
from pynomaly_auto.settings import Settings

_SAME_FAMILY = 0.025  # what each earlier pick of the same family takes from a score when the order is made
_LIKENESS = 0.05  # the same for picks that rank rows almost alike
_STRETCH, _MIDDLE = 1.8, 0.65  # strength to performance criterion
_ACCURACY_FIRST = 0.5  # weight of accuracy from which the portfolio leads; 0.6 is the default
_ALL_ROWS = 20_000  # rows up to which trials are fitted on all of them
_MIXED = 12  # picks made that way; whoever comes later comes in order of score
# The priorities that the documents' weights stand for.
_USUAL = {"accuracy": 0.6, "speed": 0.2, "interpretability": 0.2}


@dataclass(frozen=True, kw_only=True)
class _Judged:
    """One detector after the rules and before the order."""

    candidate: Candidate
    family: str
    vetoed: bool = False
    impossible: bool = False


def recommend(profile: Profile, settings: Settings, base: KnowledgeBase | None) -> Ranking:
    """Rank every registered detector for a table.

    Rules score each detector by five criteria (weights 30/25/20/15/10, shifted by ``settings.priorities``), the
    knowledge base predicts its quality; the closer the table is to the known ones, the more the prediction counts.
    The order then mixes kinds of detectors, so that whatever the budget allows complements each other.

    Args:
        profile: Of the table.
        settings: Budget, priorities, domain, overrides.
        base: What is known of other tables; None: a cold start.

    Raises:
        UnknownNameError: An override names no detector.
        SettingError: Overrides leave no detector that can be used.
        InvalidInputError: No detector applies to a table of this shape.
    """
    specs = dict(DETECTORS)
    _check_overrides(settings)
    context = _context(profile, settings)
    base = None if settings.novelty else base  # it was measured on contaminated tables
    opinion = consult(base, list(specs), profile.meta_features)
    strength = strengths(list(specs), base, novelty.NOVELTY_STRENGTH if settings.novelty else STRENGTH)
    weights = criteria_weights(settings.priorities)
    judged = [_judge(spec, context, opinion, strength[name], weights) for name, spec in specs.items()]
    judged = [_unheard(j, context, opinion.heard) for j in judged]
    judged = _rescue([_override(j, settings) for j in judged], settings, profile)
    usable = [j for j in judged if j.candidate.selected]
    portfolio = _portfolio(usable, settings)
    members: tuple[tuple[str, Params], ...] = ()
    if settings.novelty:
        members = novelty.members(portfolio, settings)
    chosen = _in_order(usable, settings, portfolio)
    if members:
        chosen = novelty.first_params(chosen, members)
    learned = base if portfolio and not settings.novelty and not settings.overrides.include else None
    forced = settings.overrides.force
    order, ordered = in_learned_order(learned, chosen, (context.rows, context.features), forced)
    left_out = sorted((j.candidate for j in judged if not j.candidate.selected), key=lambda c: -c.score)
    return Ranking(
        candidates=(*chosen, *left_out),
        source="rules" if base is None else "knowledge base",
        confidence=opinion.confidence,
        portfolio=portfolio,
        members=members,
        order=order,
        similar=opinion.similar,
        reasons=(
            *(() if settings.novelty else opinion.reasons),
            *_summary(chosen, left_out, weights, opinion, _source(settings, base)),
            *(novelty.reasons(members) if settings.novelty else _of_portfolio(portfolio)),
            *ordered,
            *_asked(settings),
        ),
    )


def criteria_weights(priorities: Mapping[str, float]) -> dict[Criterion, float]:
    """The documents' weights of the criteria, shifted by the user's priorities; they sum to 1.

    >>> {k: round(v, 2) for k, v in criteria_weights({"accuracy": 0.6, "speed": 0.2, "interpretability": 0.2}).items()}
    {'data': 0.3, 'performance': 0.25, 'computation': 0.2, 'interpretability': 0.15, 'domain': 0.1}
    """
    shift = {name: priorities[name] / usual for name, usual in _USUAL.items()}
    factors: dict[Criterion, float] = {
        "data": shift["accuracy"],
        "performance": shift["accuracy"],
        "computation": shift["speed"],
        "interpretability": shift["interpretability"],
        "domain": 1.0,
    }
    raw = {name: weight * factors[name] for name, weight in CRITERIA.items()}
    total = sum(raw.values())
    return {name: value / total for name, value in raw.items()}


def _context(profile: Profile, settings: Settings) -> Context:
    if settings.preset is not None:
        fields = [PRESETS[settings.preset]]
    else:
        fields = [p for p in PRESETS.values() if settings.domain and p.values.get("domain") == settings.domain]
    limit = settings.memory_limit
    # Without a limit a trial may take its worker's fair share of what is free, less a reserve for this process.
    free = free_memory() * 0.8 / settings.workers
    preferred = frozenset(name for p in fields for name in p.preferred)
    return Context(
        profile=profile,
        settings=settings,
        time_budget=math.inf if settings.time_budget is None else settings.time_budget,
        memory_mb=(float(limit) if isinstance(limit, int) else free) / 1e6,
        preferred=preferred,
        discouraged=frozenset(name for p in fields for name in p.discouraged) - preferred,
    )


def _judge(
    spec: DetectorSpec, context: Context, opinion: Opinion, strength: float, weights: Mapping[Criterion, float]
) -> _Judged:
    """One detector under all rules, with the knowledge base's opinion."""
    criteria: dict[Criterion, float] = dict.fromkeys(CRITERIA, 0.5)
    # Strengths lie close together and matter most; interpretability spreads wide and matters where it is asked for.
    criteria["performance"] = 0.5 + _STRETCH * (strength - _MIDDLE)
    criteria["interpretability"] = 0.5 + 0.5 * (spec.capabilities.interpretability - 0.5)
    reasons: list[Reason] = []
    impossible = _impossible(spec, context)
    vetoed = False
    if impossible is not None:
        reasons.append(impossible)
    for rule in RULES.values() if impossible is None else ():
        effect = rule.judge(spec, context)
        if effect is None:
            continue
        vetoed = vetoed or effect.kind == "veto"
        criteria[rule.criterion] = criteria[rule.criterion] + effect.amount
        evidence = {**effect.evidence, "effect": effect.kind, "amount": effect.amount, "criterion": rule.criterion}
        reasons.append(Reason(code=rule.code, subject=spec.name, text=effect.text, evidence=evidence))
    bounded = {name: min(1.0, max(0.0, value)) for name, value in criteria.items()}
    by_rules = sum(weights[name] * value for name, value in bounded.items())
    score = (1 - opinion.weight) * by_rules + opinion.weight * opinion.score(spec.name)
    # Vetoes first, then what moved the score most.
    reasons.sort(key=lambda r: (r.evidence.get("effect") != "veto", -abs(float(r.evidence.get("amount") or 0.0))))
    found, starts = opinion.predictions.get(spec.name), opinion.warm_starts.get(spec.name, ())
    if found is not None:
        reasons.append(prediction_reason(spec.name, found))
    if starts and impossible is None:
        reasons.append(warm_start_reason(spec.name, starts))
    views = _views(spec.name, context, opinion)
    if views and impossible is None:
        reasons.append(views_reason(spec.name, views))
    candidate = Candidate(
        detector=spec.name,
        selected=impossible is None and not vetoed,
        score=score,
        prediction=found,
        criteria={str(name): value for name, value in bounded.items()},
        warm_starts=(*({VIEW: view} for view in views), *(w.params for w in starts)),
        seconds=context.seconds(spec),
        memory_mb=context.needed_mb(spec),
        reasons=tuple(reasons),
    )
    return _Judged(candidate=candidate, family=spec.family, vetoed=vetoed, impossible=impossible is not None)


def _views(name: str, context: Context, opinion: Opinion) -> tuple[str, ...]:
    """In which other views of the table it is tried."""
    if context.settings.novelty:
        return ()
    found = opinion.views.get(name, ())
    if context.rows <= _ALL_ROWS:
        return found
    # The fusion hears only members that were fitted on all rows: of a larger table those it starts from.
    return tuple(view for view in found if f"{name}:{view}" in opinion.anchors)


def _impossible(spec: DetectorSpec, context: Context) -> Reason | None:
    try:
        spec.check_applies(context.rows, context.features)
    except NotApplicableError as error:
        return Reason(
            code="REC-021",
            subject=spec.name,
            text=f"left out: {error}",
            evidence={"rows": context.rows, "features": context.features, "effect": "veto"},
        )
    return None


def _unheard(judged: _Judged, context: Context, known: frozenset[str]) -> _Judged:
    """Leave out what would cost time and change nothing: neither the learned fusion nor the portfolio hears it."""
    candidate, settings = judged.candidate, context.settings
    name = candidate.detector
    by_hand = {*settings.overrides.include, *settings.overrides.force, *settings.overrides.params}
    matters = not known or name in known or name in {*PORTFOLIO, *context.preferred, *by_hand}
    if matters or not candidate.selected or settings.priorities["accuracy"] < _ACCURACY_FIRST:
        return judged
    text = "left out: the learned fusion has not learned what it is worth; force it to have it tried"
    return _changed(judged, (Reason(code="REC-042", subject=name, text=text, evidence={}),), selected=False)


def _check_overrides(settings: Settings) -> None:
    o = settings.overrides
    for name in (*o.include, *o.exclude, *o.force, *o.params):
        DETECTORS[name]  # raises with the nearest known names


def _override(judged: _Judged, settings: Settings) -> _Judged:
    """Apply what the user decided by hand; every such decision is a reason of its own."""
    o, name = settings.overrides, judged.candidate.detector
    evidence = {"by": "user", "reason": o.reason}
    changes: dict[str, object] = {}
    reasons: list[Reason] = []

    def because(code: str, text: str) -> None:
        reasons.append(Reason(code=code, subject=name, text=f"{text}: {o.reason}", evidence=evidence))

    if name in o.exclude:
        changes["selected"] = False
        because("REC-031", "excluded")
    elif o.include and name not in {*o.include, *o.force}:
        changes["selected"] = False
        because("REC-032", f"left out, only {', '.join(o.include)} asked for")
    elif name in o.force:
        changes["selected"] = not judged.impossible
        because("REC-033", "forced, but it cannot be fitted here" if judged.impossible else "forced")
    if name in o.params:
        fixed = dict(o.params[name])
        changes["params"] = fixed
        # Fixed parameters are not tuned: whatever was transferred keeps only what the user left open.
        changes["warm_starts"] = tuple({**start, **fixed} for start in judged.candidate.warm_starts)
        because("REC-034", "parameters fixed (" + ", ".join(f"{k}={v}" for k, v in fixed.items()) + ")")
    if not reasons:
        return judged
    return _changed(judged, tuple(reasons), **changes)


def _changed(judged: _Judged, reasons: tuple[Reason, ...], **changes: object) -> _Judged:
    from dataclasses import replace

    candidate = replace(judged.candidate, reasons=(*reasons, *judged.candidate.reasons), **changes)  # type: ignore[arg-type]
    return replace(judged, candidate=candidate)


def _rescue(judged: list[_Judged], settings: Settings, profile: Profile) -> list[_Judged]:
    """When every rule together left nothing, keep the cheapest of what could run at all."""
    if any(j.candidate.selected for j in judged):
        return judged
    o = settings.overrides
    wanted = [
        j
        for j in judged
        if not j.impossible
        and j.candidate.detector not in o.exclude
        and (not o.include or j.candidate.detector in {*o.include, *o.force})
    ]
    if not wanted:
        shape = f"{profile.size.rows} rows and {profile.size.features} features"
        if o.include or o.exclude or o.force:
            raise SettingError(
                f"the overrides leave no detector that can be used on {shape}.",
                where="overrides",
                fix="Include others, or exclude fewer.",
            )
        raise InvalidInputError(f"no detector applies to {shape}.", fix="Give more rows.")
    kept = {
        j.candidate.detector for j in sorted(wanted, key=lambda j: j.candidate.seconds)[: 1 if not o.include else 3]
    }
    reason = "kept although a rule speaks against it: nothing else is left"
    return [
        _changed(
            j, (Reason(code="REC-041", subject=j.candidate.detector, text=reason, evidence={}),), selected=True
        )
        if j.candidate.detector in kept
        else j
        for j in judged
    ]  # fmt: skip


def _portfolio(usable: list[_Judged], settings: Settings) -> tuple[str, ...]:
    """The robust portfolio, less what is left out; empty when something else than accuracy comes first."""
    if settings.priorities["accuracy"] < _ACCURACY_FIRST:
        return ()
    names = {j.candidate.detector for j in usable}
    wanted = dict.fromkeys(name for name, _ in novelty.MEMBERS) if settings.novelty else PORTFOLIO
    return tuple(name for name in wanted if name in names)


def _in_order(selected: list[_Judged], settings: Settings, portfolio: tuple[str, ...]) -> list[Candidate]:
    """Forced ones, the portfolio, then greedily: the best score after a discount for what earlier picks cover."""
    force = set(settings.overrides.force)
    order = sorted((j for j in selected if j.candidate.detector in force), key=lambda j: -j.candidate.score)
    named = {j.candidate.detector: j for j in selected}
    order += [named[name] for name in portfolio if name not in force]
    rest = [j for j in selected if j not in order]
    while rest:

        def worth(j: _Judged) -> tuple[float, str]:
            earlier = order if len(order) < _MIXED else ()
            family = sum(e.family == j.family for e in earlier)
            alike = sum(
                j.candidate.detector in kind and e.candidate.detector in kind for e in earlier for kind in ALIKE
            )
            return (j.candidate.score - _SAME_FAMILY * family - _LIKENESS * alike, j.candidate.detector)

        best = max(rest, key=worth)
        order.append(best)
        rest.remove(best)
    return [j.candidate for j in order]


def _of_portfolio(portfolio: tuple[str, ...]) -> tuple[Reason, ...]:
    if not portfolio:
        return ()
    text = f"always tried: {', '.join(portfolio)}; choosing among detectors does not reliably beat their mean"
    return (Reason(code="REC-004", subject="portfolio", text=text, evidence={"members": len(portfolio)}),)


def _summary(
    chosen: list[Candidate],
    left_out: list[Candidate],
    weights: Mapping[Criterion, float],
    opinion: Opinion,
    source: str,
) -> tuple[Reason, ...]:
    order = ", ".join(c.detector for c in chosen[:6]) + (", ..." if len(chosen) > 6 else "")
    ranked = Reason(
        code="REC-001",
        subject="ranking",
        text=f"{len(chosen)} detectors to try, {len(left_out)} left out; first {order}",
        evidence={
            "selected": len(chosen),
            "left_out": len(left_out),
            "rules": len(RULES),
            "weight_of_rules": round(1 - opinion.weight, 4),
            "weight_of_predictions": round(opinion.weight, 4),
        },
    )
    weighted = Reason(
        code="REC-002",
        subject="criteria",
        text="weights: " + ", ".join(f"{name} {value:.0%}" for name, value in weights.items()),
        evidence={name: round(value, 4) for name, value in weights.items()},
    )
    strength = Reason(
        code="REC-003",
        subject="strength of detectors",
        text=f"from {source}",
    )
    return ranked, weighted, strength


def _source(settings: Settings, base: KnowledgeBase | None) -> str:
    """What strengths rest on, in words."""
    if settings.novelty:
        return novelty.SOURCE
    if base is None:
        return SOURCE
    return "their mean ROC-AUC over the knowledge base's tables, and documented grades where those are few"


def _asked(settings: Settings) -> tuple[Reason, ...]:
    o = settings.overrides
    said = {"include": o.include, "exclude": o.exclude, "force": o.force, "params": tuple(o.params)}
    return tuple(
        Reason(
            code="REC-030",
            subject="overrides",
            text=f"{name}: {', '.join(names)} ({o.reason})",
            evidence={"by": "user", "reason": o.reason, "detectors": ", ".join(names)},
        )
        for name, names in said.items()
        if names
    )
