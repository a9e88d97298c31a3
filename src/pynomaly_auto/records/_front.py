"""Record of what several objectives leave to choose from: models that no other beats in all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pynomaly_auto._objectives import OBJECTIVES
from pynomaly_auto.records._base import Reason, plain

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class FrontPoint:
    """One model that no other beats in all objectives.

    Args:
        number: Its place, the quickest first; `AutonomousDetector.choose` takes it.
        members: Names of its members.
        positions: Of these among all members.
        weights: What each counts in the sum; empty: all members, combined as they are.
        values: Objective to what it comes to.
        agreement: Rank correlation with the answer of all members without labels, on resampled new rows that the
            weights were not fitted on.
        taught: Whether small trees add what the members' sum lacks.
    """

    number: int
    members: tuple[str, ...]
    positions: tuple[int, ...]
    weights: tuple[float, ...]
    values: Mapping[str, float]
    agreement: float
    taught: bool = False

    @property
    def whole(self) -> bool:
        """Whether it is the ensemble of all members."""
        return not self.weights

    def figures(self) -> str:
        """What it comes to in each objective, with units, for a person."""
        return ", ".join(f"{name} {value:.4g} {OBJECTIVES[name].unit}".rstrip() for name, value in self.values.items())

    def made_of(self) -> str:
        """Its members, for a person."""
        if self.whole:
            return "all members"
        return ", ".join(self.members) + ("; trees beside them" if self.taught else "")


@dataclass(frozen=True, kw_only=True)
class Front:
    """All models that no other beats, and the one that was chosen.

    Args:
        objectives: Objective to its weight; the weights sum to 1.
        minimize: Objectives of which less is better.
        answer: What stands for the quality of the answer: ``"labels"``: figures on labelled rows, each judged by what
            was learned from others; ``"agreement"``: with the answer of all members.
        points: The quickest first.
        chosen: Number of the one in force.
        tried: How many models were compared.
        measured_ms: Milliseconds of one new row as measured with the chosen one here and now; evidence alone, nothing
            is chosen by it. None: not measured.
        reasons: Why.
    """

    objectives: Mapping[str, float]
    minimize: tuple[str, ...]
    answer: str
    points: tuple[FrontPoint, ...]
    chosen: int
    tried: int
    measured_ms: float | None = None
    reasons: tuple[Reason, ...] = field(default=())

    @property
    def point(self) -> FrontPoint:
        """The one in force."""
        return self.points[self.chosen]

    def sentence(self) -> str:
        """How many there are, and which was taken, for a person."""
        point, names = self.point, ", ".join(self.objectives)
        n = len(point.members)
        members = "all members" if point.whole else "1 member" if n == 1 else f"{n} members"
        return (
            f"Of {self.tried:,} models compared by {names}, {len(self.points)} "
            f"{'is' if len(self.points) == 1 else 'are'} beaten by none; number "
            f"{point.number} was taken, {members}: {point.figures()}."
        )

    def legend(self) -> str:
        """What the figures of the points are, for a person."""
        quality = "average_precision" if self.answer == "labels" else "agreement"
        told = {name: OBJECTIVES[quality if name == "quality" else name].title for name in self.point.values}
        return f"{'; '.join(f'{name}: {title}' for name, title in told.items())}. choose(number) takes another one."

    def to_frame(self) -> pd.DataFrame:
        """A row a point: whether it is chosen, how many members, each objective, agreement, the members' names."""
        import pandas as pd

        rows = [
            {
                "chosen": point.number == self.chosen, "n_members": len(point.members), **point.values,
                "rank_correlation": point.agreement, "taught": point.taught, "members": ", ".join(point.members),
            }
            for point in self.points
        ]  # fmt: skip
        return pd.DataFrame(rows, index=pd.Index([point.number for point in self.points], name="point"))

    def to_dict(self) -> dict[str, Any]:
        """Plain values only."""
        return {name: plain(getattr(self, name)) for name in self.__dataclass_fields__}
