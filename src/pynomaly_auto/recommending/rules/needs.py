"""Rules by what the run may cost, who has to understand it, and where it is applied."""

from __future__ import annotations

import math

from pynomaly_auto.detectors import DetectorSpec
from pynomaly_auto.recommending.rules import Context, Effect, boost, penalty, rule, veto

_GUIDE = "Algorithm Rationale and Selection Guide"
_TRADE = f"{_GUIDE}, Performance vs. Resource Trade-offs"
_REGULATED = frozenset({"healthcare", "finance", "insurance", "public"})


@rule("REC-161", criterion="computation", source=_TRADE)
def too_slow(spec: DetectorSpec, context: Context) -> Effect | None:
    """A detector whose single fit would take half of the time budget is left out."""
    seconds = context.seconds(spec)
    if seconds <= 0.5 * context.time_budget:
        return None
    return veto(
        f"left out: one trial would take {seconds:,.0f} s of {context.time_budget:,.0f} s (cost {spec.cost.label})",
        seconds=seconds,
        time_budget=context.time_budget,
        cost=spec.cost.label,
    )


@rule("REC-162", criterion="computation", source=_TRADE)
def share_of_budget(spec: DetectorSpec, context: Context) -> Effect | None:
    """The larger the share of the time budget one fit takes, the later a detector comes."""
    seconds = context.seconds(spec)
    # Without a clock ten minutes stand in for the budget: fast detectors still come before slow ones.
    share = seconds / (context.time_budget if math.isfinite(context.time_budget) else 600.0)
    if share <= 0.001:
        return boost(0.3, f"costs next to nothing here ({seconds:.2g} s)", seconds=seconds)
    if share <= 0.01:
        return boost(0.15, f"cheap here ({seconds:.2g} s)", seconds=seconds)
    if share <= 0.05:
        return None
    amount = min(0.45, 0.15 * math.log2(share / 0.025))
    return penalty(amount, f"one fit takes about {seconds:,.1f} s", seconds=seconds, share=round(share, 3))


@rule("REC-163", criterion="computation", source=f"{_GUIDE}, Memory-Constrained Environments")
def too_large(spec: DetectorSpec, context: Context) -> Effect | None:
    """A detector that would outgrow the memory there is even on the rows of a trial is left out."""
    needed = context.least_mb(spec)
    if needed <= context.memory_mb:
        return None
    return veto(
        f"left out: one trial would take {needed:,.0f} MB of {context.memory_mb:,.0f} MB",
        memory_mb=round(needed, 1),
        limit_mb=round(context.memory_mb, 1),
    )


@rule("REC-164", criterion="computation", source=f"{_GUIDE}, Memory-Constrained Environments")
def much_memory(spec: DetectorSpec, context: Context) -> Effect | None:
    """A detector that takes more than a quarter of the memory there is comes later."""
    needed = context.needed_mb(spec)
    if needed <= 0.25 * context.memory_mb or context.least_mb(spec) > context.memory_mb:
        return None
    return penalty(0.15, f"one fit takes about {needed:,.0f} MB", memory_mb=round(needed, 1))


@rule("REC-165", criterion="computation", source=f"{_GUIDE}, Speed-Critical Applications")
def speed_asked_for(spec: DetectorSpec, context: Context) -> Effect | None:
    """Where speed has priority, detectors that are linear in the rows are favoured over the others."""
    weight = context.settings.priorities["speed"]
    if weight < 0.35:
        return None
    if spec.cost.n_power <= 1.0 and spec.family != "neural":
        return boost(0.1, f"linear in the rows, speed has weight {weight:.0%}", speed=round(weight, 3))
    if spec.family in {"neural", "regression"}:
        return penalty(0.15, f"slow to train, speed has weight {weight:.0%}", speed=round(weight, 3))
    return None


@rule("REC-171", criterion="interpretability", source=f"{_GUIDE}, When to Choose Statistical Methods")
def interpretability_asked_for(spec: DetectorSpec, context: Context) -> Effect | None:
    """Where interpretability has priority, detectors whose scores can be read off are favoured."""
    weight, value = context.settings.priorities["interpretability"], spec.capabilities.interpretability
    if weight < 0.3:
        return None
    evidence = {"interpretability": value, "weight": round(weight, 3)}
    if value >= 0.7:
        return boost(0.2, "its scores can be read off, as asked for", **evidence)
    if value <= 0.3:
        return penalty(0.25, "its scores cannot be read off, as asked for", **evidence)
    return None


@rule("REC-172", criterion="interpretability", source=f"{_GUIDE}, Domain-Specific Decision Tree")
def regulated_domain(spec: DetectorSpec, context: Context) -> Effect | None:
    """In regulated domains a score that cannot be explained counts less."""
    domain = context.settings.domain
    if domain not in _REGULATED or spec.capabilities.interpretability > 0.3:
        return None
    return penalty(0.15, f"hard to explain, and {domain} is a regulated domain", domain=domain)


@rule("REC-181", criterion="domain", source="the presets of the domain")
def preferred_in_domain(spec: DetectorSpec, context: Context) -> Effect | None:
    """Detectors the field of application does well with are favoured."""
    if spec.name not in context.preferred:
        return None
    field = context.settings.preset or context.settings.domain
    return boost(0.4, f"does well in {str(field).replace('_', ' ')}", field=field)


@rule("REC-182", criterion="domain", source="the presets of the domain")
def discouraged_in_domain(spec: DetectorSpec, context: Context) -> Effect | None:
    """Detectors the field of application does badly with come later."""
    if spec.name not in context.discouraged:
        return None
    field = context.settings.preset or context.settings.domain
    return penalty(0.4, f"does badly in {str(field).replace('_', ' ')}", field=field)


@rule("REC-191", criterion="performance", source="Han et al. (2022), ADBench; Goodge et al. (2022)")
def clean_training(spec: DetectorSpec, context: Context) -> Effect | None:
    """Trained on normal rows only, neighbour distances and boundaries of the normal class do best."""
    favoured = context.regime.favoured
    return boost(0.15, favoured.why) if spec.name in favoured.detectors else None


@rule("REC-192", criterion="performance", source=f"{_GUIDE}, Primary Algorithm Selection Flowchart")
def accuracy_asked_for(spec: DetectorSpec, context: Context) -> Effect | None:
    """Where accuracy has priority, methods that learn structure are favoured over per-column limits."""
    weight = context.settings.priorities["accuracy"]
    if weight < 0.75 or spec.alike != "limits per column":
        return None
    return penalty(0.1, f"limits per column are coarse, accuracy has weight {weight:.0%}", accuracy=round(weight, 3))


@rule("REC-193", criterion="performance", source="Han et al. (2022), ADBench; Ruff et al. (2021), section 5")
def unstable_training(spec: DetectorSpec, context: Context) -> Effect | None:
    """Adversarial and hypersphere networks train unstably on contaminated tables."""
    disfavoured = context.regime.disfavoured
    return penalty(0.1, disfavoured.why) if spec.name in disfavoured.detectors else None
