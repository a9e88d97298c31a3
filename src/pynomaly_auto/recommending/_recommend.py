"""The ranking: rules and the knowledge base's opinion blended, overrides obeyed, complementary detectors first."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pynomaly_auto._machine import free_memory
from pynomaly_auto.detectors import DETECTORS, DetectorSpec
from pynomaly_auto.errors import InvalidInputError, NotApplicableError, SettingError
from pynomaly_auto.knowledge import KnowledgeBase
from pynomaly_auto.presets import PRESETS
from pynomaly_auto.recommending._judged import Judged, changed
from pynomaly_auto.recommending._meta_learner import (
    Opinion,
    consult,
    prediction_reason,
    views_reason,
    warm_start_reason,
)
from pynomaly_auto.recommending._ordering import in_learned_order
from pynomaly_auto.recommending._overriding import asked_for, check_overrides, overridden
from pynomaly_auto.recommending._prescribed import first_params, of_members, prescribed, unasked
from pynomaly_auto.recommending._prior import strengths
from pynomaly_auto.recommending._queue import queue_of
from pynomaly_auto.recommending._shares import foreign, least_shares, shares_reasons
from pynomaly_auto.recommending.rules import CRITERIA, RULES, Context, Criterion, Effect
from pynomaly_auto.records import Candidate, Configuration, Profile, Ranking, Reason, Step
from pynomaly_auto.regimes import Regime
from pynomaly_auto.settings import Settings

_SAME_FAMILY = 0.025  # what each earlier pick of the same family takes from a score when the order is made
_LIKENESS = 0.05  # the same for picks that rank rows almost alike
_STRETCH, _MIDDLE = 1.8, 0.65  # strength to performance criterion
_ACCURACY_FIRST = 0.5  # weight of accuracy from which the portfolio leads; 0.6 is the default
_ALL_ROWS = 20_000  # rows up to which trials are fitted on all of them
_MIXED = 12  # picks made that way; whoever comes later comes in order of score
# The priorities that the documents' weights stand for.
_USUAL = {"accuracy": 0.6, "speed": 0.2, "interpretability": 0.2}


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
    check_overrides(settings.overrides)
    o = settings.overrides
    # Asked for by name may be what is not listed: a detector made of its name.
    specs = {**DETECTORS, **{name: DETECTORS[name] for name in (*o.include, *o.force, *o.params)}}
    context = _context(profile, settings)
    regime = context.regime
    base = base if regime.asks_knowledge_base else None
    opinion = consult(base, list(specs), profile.meta_features)
    strength = strengths(list(specs), base, regime.strength)
    weights = criteria_weights(settings.priorities)
    judged = [_judge(spec, context, opinion, strength[name], weights) for name, spec in specs.items()]
    judged = [_without_effect(j, context, opinion.fused) for j in judged]
    judged = _rescue([overridden(j, settings) for j in judged], settings, profile)
    usable = [j for j in judged if j.candidate.selected]
    portfolio = _portfolio(usable, context)
    members = prescribed(portfolio, settings)
    shares = least_shares([j.candidate.detector for j in usable], settings.overrides, opinion.fused)
    in_order = _in_order(usable, settings, portfolio, shares)
    chosen = first_params([j.candidate for j in in_order], members)
    learned = base if portfolio and not settings.overrides.include else None
    order, ordered = in_learned_order(
        learned, in_order, (context.rows, context.features), forced=settings.overrides.force, asked=tuple(shares)
    )
    left_out = sorted((j.candidate for j in judged if not j.candidate.selected), key=lambda c: -c.score)
    return Ranking(
        candidates=(*chosen, *left_out),
        source="rules" if base is None else "knowledge base",
        confidence=opinion.confidence,
        portfolio=portfolio,
        queue=queue_of(chosen, in_order, members=members, order=_emphasised_first(order, settings.emphasis)),
        shares=shares,
        similar=opinion.similar,
        reasons=(
            *(opinion.reasons if regime.asks_knowledge_base else ()),
            *_summary(chosen, left_out, weights, opinion, _source(regime, base)),
            *unasked(regime),
            *(of_members(members) or _of_portfolio(portfolio)),
            *ordered,
            *shares_reasons(shares, settings.overrides.force),
            *asked_for(settings.overrides),
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
    # Without a limit workers may take what is free, less a reserve for this process; how many they are is no matter.
    free = free_memory() * 0.8
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
) -> Judged:
    """One detector under all rules, with the knowledge base's opinion."""
    criteria: dict[Criterion, float] = dict.fromkeys(CRITERIA, 0.5)
    # Strengths lie close together and matter most; interpretability spreads wide and matters where it is asked for.
    criteria["performance"] = 0.5 + _STRETCH * (strength - _MIDDLE)
    criteria["interpretability"] = 0.5 + 0.5 * (spec.capabilities.interpretability - 0.5)
    impossible = _impossible(spec, context)
    vetoed = False
    told: list[tuple[Effect, Reason]] = []
    for rule in RULES.values() if impossible is None else ():
        effect = rule.judge(spec, context)
        if effect is None:
            continue
        vetoed = vetoed or effect.kind == "veto"
        criteria[rule.criterion] = criteria[rule.criterion] + effect.amount
        evidence = {**effect.evidence, "effect": effect.kind, "amount": effect.amount, "criterion": rule.criterion}
        told.append((effect, Reason(code=rule.code, subject=spec.name, text=effect.text, evidence=evidence)))
    bounded = {name: min(1.0, max(0.0, value)) for name, value in criteria.items()}
    by_rules = sum(weights[name] * value for name, value in bounded.items())
    score = (1 - opinion.weight) * by_rules + opinion.weight * opinion.score(spec.name)
    # Vetoes first, then what moved the score most.
    told.sort(key=lambda pair: (pair[0].kind != "veto", -abs(pair[0].amount)))
    reasons = [*(() if impossible is None else (impossible,)), *(reason for _, reason in told)]
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
        seconds=context.seconds(spec),
        memory_mb=context.needed_mb(spec),
        reasons=tuple(reasons),
    )
    further = (
        *(Step(configuration=Configuration.in_view(spec.name, view), role="view") for view in views),
        *(Step(configuration=Configuration(detector=spec.name, params=w.params), role="warm start") for w in starts),
    )
    return Judged(
        candidate=candidate, family=spec.family, alike=spec.alike, further=further, vetoed=vetoed,
        impossible=impossible is not None,
    )  # fmt: skip


def _views(name: str, context: Context, opinion: Opinion) -> tuple[str, ...]:
    """In which other views of the table it is tried."""
    found = opinion.views.get(name, ())
    if context.rows <= _ALL_ROWS:
        return found
    # The fusion counts only members that were fitted on all rows: of a larger table those it starts from.
    return tuple(view for view in found if Configuration.in_view(name, view).fusion_name in opinion.margin_members)


def _impossible(spec: DetectorSpec, context: Context) -> Reason | None:
    try:
        spec.check_applies(context.rows, context.features)
    except NotApplicableError as error:
        return Reason(
            code="REC-021",
            subject=spec.name,
            text=f"left out: {error}",
            evidence={
                "rows": context.rows,
                "features": context.features,
                "min_rows": spec.capabilities.min_rows,
                "min_features": spec.capabilities.min_features,
                "effect": "veto",
            },
        )
    return None


def _without_effect(judged: Judged, context: Context, known: frozenset[str]) -> Judged:
    """Leave out what would cost time and change nothing: neither the learned fusion nor the portfolio counts it."""
    candidate, settings = judged.candidate, context.settings
    name = candidate.detector
    by_hand = {*settings.overrides.include, *settings.overrides.force, *settings.overrides.params}
    if foreign(name, known) and candidate.selected:
        text = "tried, and given a least share if it completes: nothing is known of it beforehand"
        return changed(judged, (Reason(code="REC-043", subject=name, text=text),))
    matters = not known or name in known or name in {*context.regime.portfolio, *context.preferred, *by_hand}
    if matters or not candidate.selected or settings.priorities["accuracy"] < _ACCURACY_FIRST:
        return judged
    text = "left out: the learned fusion has not learned what it is worth; force it to have it tried"
    return changed(judged, (Reason(code="REC-042", subject=name, text=text, evidence={}),), selected=False)


def _rescue(judged: list[Judged], settings: Settings, profile: Profile) -> list[Judged]:
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
        changed(
            j, (Reason(code="REC-041", subject=j.candidate.detector, text=reason, evidence={}),), selected=True
        )
        if j.candidate.detector in kept
        else j
        for j in judged
    ]  # fmt: skip


def _portfolio(usable: list[Judged], context: Context) -> tuple[str, ...]:
    """The regime's portfolio, less what is left out; empty when something else than accuracy comes first."""
    if context.settings.priorities["accuracy"] < _ACCURACY_FIRST:
        return ()
    names = {j.candidate.detector for j in usable}
    return tuple(name for name in context.regime.portfolio if name in names)


def _in_order(
    selected: list[Judged], settings: Settings, portfolio: tuple[str, ...], shares: Mapping[str, float]
) -> list[Judged]:
    """Forced ones, the portfolio, who has a least share, then greedily: the best, less what is covered already."""
    force = set(settings.overrides.force)
    order = sorted((j for j in selected if j.candidate.detector in force), key=lambda j: -j.candidate.score)
    named = {j.candidate.detector: j for j in selected}
    order += [named[name] for name in dict.fromkeys((*portfolio, *shares)) if name not in force]
    rest = [j for j in selected if j not in order]
    while rest:

        def worth(j: Judged) -> tuple[float, str]:
            earlier = order if len(order) < _MIXED else ()
            family = sum(e.family == j.family for e in earlier)
            alike = sum(j.alike is not None and e.alike == j.alike for e in earlier)
            return (j.candidate.score - _SAME_FAMILY * family - _LIKENESS * alike, j.candidate.detector)

        best = max(rest, key=worth)
        order.append(best)
        rest.remove(best)
    return order


def _emphasised_first(order: tuple[Configuration, ...], emphasis: Mapping[str, float]) -> tuple[Configuration, ...]:
    """Members that are to count beyond what is learned before all others: not tried, they count for nothing."""
    return tuple(sorted(order, key=lambda configuration: configuration.fusion_name not in emphasis))


def _of_portfolio(portfolio: tuple[str, ...]) -> tuple[Reason, ...]:
    if not portfolio:
        return ()
    text = (
        f"tried whatever their rank, where there is time: {', '.join(portfolio)}; choosing among detectors does not "
        "reliably beat their mean"
    )
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
        evidence={"source": source},
    )
    return ranked, weighted, strength


def _source(regime: Regime, base: KnowledgeBase | None) -> str:
    """What strengths rest on, in words."""
    if base is None:
        return regime.strength_source
    return "their mean ROC-AUC over the knowledge base's tables, and documented grades where those are few"
