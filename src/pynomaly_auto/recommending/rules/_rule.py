"""What a rule is, what it may look at, and what it may say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from pynomaly_auto.records import Profile, Scalar
from pynomaly_auto.regimes import REGIMES, Regime
from pynomaly_auto.settings import Settings

if TYPE_CHECKING:
    from pynomaly_auto.detectors import DetectorSpec

Criterion: TypeAlias = Literal["data", "performance", "computation", "interpretability", "domain"]

# Weights of the criteria: "Algorithm Rationale and Selection Guide", Multi-Criteria Decision Matrix.
CRITERIA: dict[Criterion, float] = {
    "data": 0.30,
    "performance": 0.25,
    "computation": 0.20,
    "interpretability": 0.15,
    "domain": 0.10,
}

_TRIED = 20_000  # most rows of a trial


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a rule may look at besides the detector.

    Args:
        profile: Of the table.
        settings: Of the run.
        time_budget: Seconds for the whole run; infinite without a limit.
        memory_mb: Memory that all workers may take, so one trial, too, in MB.
        preferred: Detectors the field of application does well with.
        discouraged: Detectors the field does badly with.
    """

    profile: Profile
    settings: Settings
    time_budget: float
    memory_mb: float
    preferred: frozenset[str] = frozenset()
    discouraged: frozenset[str] = frozenset()

    @property
    def regime(self) -> Regime:
        """How the training rows are taken."""
        return REGIMES[self.settings.regime]

    @property
    def rows(self) -> int:
        """Rows of the table."""
        return self.profile.size.rows

    @property
    def features(self) -> int:
        """Encoded features of the table."""
        return self.profile.size.features

    def seconds(self, spec: DetectorSpec) -> float:
        """Expected seconds of one fit on the whole table, with the parameters the user fixed."""
        return spec.seconds(self.rows, self.features, self.settings.overrides.params.get(spec.name))

    def needed_mb(self, spec: DetectorSpec) -> float:
        """Expected memory of one fit, in MB, beyond the data itself."""
        fitted = min(self.rows, spec.reference_rows or self.rows)
        return spec.memory_mb(fitted, self.features)

    def least_mb(self, spec: DetectorSpec) -> float:
        """Expected memory of a fit on no more rows than a trial has, the smallest that a member is fitted on, in MB."""
        return spec.memory_mb(min(self.rows, spec.reference_rows or self.rows, _TRIED), self.features)

    def share(self, count: int) -> float:
        """A number of features as a share of all of them."""
        return count / max(self.features, 1)


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What one rule says about one detector.

    Args:
        kind: A veto leaves the detector out; the others move its score under the rule's criterion.
        amount: By how much, in [-1, 1]; 0 for a veto.
        text: Why, in one sentence for a person.
        evidence: The numbers it rests on.
    """

    kind: Literal["veto", "boost", "penalty"]
    amount: float
    text: str
    evidence: Mapping[str, Scalar] = field(default_factory=dict)


Judge: TypeAlias = "Callable[[DetectorSpec, Context], Effect | None]"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule, declared.

    Args:
        name: In snake case.
        code: Of the reasons it gives.
        criterion: The criterion it counts under.
        source: What it rests on.
        summary: The rule in words.
        judge: Gives an effect, or None when it has nothing to say.
    """

    name: str
    code: str
    criterion: Criterion
    source: str
    summary: str
    judge: Judge = field(repr=False)


def veto(text: str, **evidence: Scalar) -> Effect:
    """Leave the detector out."""
    return Effect(kind="veto", amount=0.0, text=text, evidence=evidence)


def boost(amount: float, text: str, **evidence: Scalar) -> Effect:
    """Raise the detector's score under the rule's criterion."""
    return Effect(kind="boost", amount=abs(amount), text=text, evidence=evidence)


def penalty(amount: float, text: str, **evidence: Scalar) -> Effect:
    """Lower the detector's score under the rule's criterion."""
    return Effect(kind="penalty", amount=-abs(amount), text=text, evidence=evidence)


def counted(number: float, unit: str = "rows") -> str:
    """A large number for people.

    >>> counted(2_100_000), counted(12_300), counted(950, "features")
    ('2.1 M rows', '12.3 k rows', '950 features')
    """
    for size, sign in ((1e9, " G"), (1e6, " M"), (1e4, " k")):
        if number >= size:
            return f"{number / (1e3 if sign == ' k' else size):.1f}{sign} {unit}"
    return f"{number:,.0f} {unit}"
