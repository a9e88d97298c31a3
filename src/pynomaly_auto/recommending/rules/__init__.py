"""The rule engine's catalogue: one decorated function per rule, able to veto, boost or penalise a detector."""

from collections.abc import Callable

from pynomaly_auto._registry import Registry
from pynomaly_auto.recommending.rules._rule import (
    CRITERIA,
    Context,
    Criterion,
    Effect,
    Judge,
    Rule,
    boost,
    counted,
    penalty,
    veto,
)

RULES: Registry[Rule] = Registry(
    kind="rule",
    modules=tuple(f"pynomaly_auto.recommending.rules.{part}" for part in ("size", "structure", "quality", "needs")),
    group="pynomaly_auto.rules",
)


def rule(code: str, *, criterion: Criterion, source: str) -> Callable[[Judge], Judge]:
    """Register a function of a detector's spec and the context as a rule; its docstring is the rule in words.

    Args:
        code: Of the reasons it gives, such as ``"REC-101"``.
        criterion: The criterion it counts under.
        source: What it rests on.
    """

    def register(judge: Judge) -> Judge:
        summary = (judge.__doc__ or "").strip().splitlines()[0] if judge.__doc__ else ""
        RULES.add(
            Rule(
                name=judge.__name__.strip("_"),
                code=code,
                criterion=criterion,
                source=source,
                summary=summary,
                judge=judge,
            )
        )
        return judge

    return register


__all__ = [
    "CRITERIA", "RULES", "Context", "Criterion", "Effect", "Rule", "boost", "counted", "penalty", "rule", "veto",
]  # fmt: skip
