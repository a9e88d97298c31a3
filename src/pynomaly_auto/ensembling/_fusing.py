"""The learned fusion bound to one table: the second of the two combiners, beside the robust mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pynomaly_auto.ensembling._distribution import Distribution
from pynomaly_auto.ensembling._neighbourhood import NEIGHBOURS, SHARE, Neighbourhood
from pynomaly_auto.errors import StorageError
from pynomaly_auto.models import Fusion, MemberScores
from pynomaly_auto.records import FloatArray, Member, Reason, Scalar, State, plain, restore

FUSED_COMBINER = "learned fusion, blended with the robust mean of −log tail ranks"


@dataclass(frozen=True, kw_only=True, eq=False)
class Fused:
    """A fusion model, and what it needs to know of the table.

    Args:
        fusion: The model.
        facts: Of the table.
        weight: In (0, 1]: of the fusion beside the robust mean.
        distribution: Of the training rows' log odds.
        around: The training rows' blended scores, to smooth over neighbours; None: too few rows.
    """

    fusion: Fusion
    facts: Mapping[str, float]
    weight: float
    distribution: Distribution
    around: Neighbourhood | None = None

    @classmethod
    def of(cls, fusion: Fusion, odds: FloatArray, facts: Mapping[str, float], weight: float) -> Fused:
        """Bind a model to a table by the training rows' log odds; shape (n_rows,)."""
        return cls(fusion=fusion, facts=dict(facts), weight=weight, distribution=Distribution.of(odds))

    def over(self, X: FloatArray, blended: FloatArray, *, seed: int) -> tuple[Fused, FloatArray]:
        """Add the neighbourhood of the training rows; also returns their smoothed scores, shape (n_rows,)."""
        around, scores = Neighbourhood.of(X, blended, seed=seed)
        return replace(self, around=around), scores

    def log_odds(self, member_scores: MemberScores) -> FloatArray:
        """Log odds of any rows; shape (n_rows,)."""
        known = member_scores.only(self.fusion.knows(member_scores.names))
        return self.fusion.log_odds(known, self.facts)

    def blend(self, robust: FloatArray, odds: FloatArray) -> FloatArray:
        """Robust mean and the −log tail rank of the log odds, by weight; shape (n_rows,)."""
        return (1.0 - self.weight) * robust + self.weight * self.distribution(odds)

    def score(self, X: FloatArray, robust: FloatArray, member_scores: MemberScores) -> FloatArray:
        """The final score of new rows: blended, then smoothed; shape (n_rows,)."""
        blended = self.blend(robust, self.log_odds(member_scores))
        return blended if self.around is None else self.around.smooth(X, blended)

    def to_state(self) -> State:
        """What makes it again."""
        out = State(values={"facts": plain(self.facts), "weight": self.weight, "around": self.around is not None})
        out = out | self.fusion.to_state().within("fusion") | self.distribution.to_state().within("distribution")
        return out if self.around is None else out | self.around.to_state().within("around")

    @classmethod
    def from_state(cls, state: State, n_features: int) -> Fused:
        """Make it again from what `to_state` gave.

        Args:
            state: From `to_state`.
            n_features: Columns of the rows it is to score.

        Raises:
            StorageError: Something is missing, or does not fit.
        """
        made = restore(
            cls,
            state.values,
            fusion=Fusion.from_state(state.part("fusion")),
            distribution=Distribution.from_state(state.part("distribution")),
            around=Neighbourhood.from_state(state.part("around"), n_features) if state.value("around", bool) else None,
        )
        if not 0 < made.weight <= 1:
            raise StorageError(f"the fusion's weight is {made.weight}.")
        return made


def named(members: Sequence[Member]) -> tuple[str, ...]:
    """The members as the fusion knows them; an empty name for a tuned one, which it does not know."""
    names = [m.configuration.fusion_name or "" for m in members]
    # A detector's second member of the same name would overwrite the first.
    return tuple(name if names.index(name) == i else "" for i, name in enumerate(names))


def fusion_reason(fused: Fused | None, trust: float, members: int) -> Reason:
    """Why the learned fusion counts as much as it does."""
    if fused is None:
        text = f"The robust mean alone: {members} members that the learned fusion knows are too few."
        if trust <= 0:
            text = "The robust mean alone: no known table is like this one."
        return Reason(code="ENS-031", subject="fusion", text=text, evidence={"members": members})
    text = (
        f"The ensemble's score: {1 - fused.weight:.0%} robust mean, {fused.weight:.0%} learned fusion of {members} "
        f"members; on a table as near to the known ones as this the fusion is trusted {trust:.0%}."
    )
    evidence: dict[str, Scalar] = {
        "robust": 1 - fused.weight, "weight": fused.weight, "trust": trust, "members": members,
    }  # fmt: skip
    if fused.around is not None:
        text += f" Each row's score is drawn by {SHARE:.0%} towards the mean of its {NEIGHBOURS} nearest neighbours'."
        evidence |= {"smoothing": SHARE, "neighbours": NEIGHBOURS}
    return Reason(code="ENS-030", subject="fusion", text=text, evidence=evidence)


def unfused_reason() -> Reason:
    """Why members that were chosen for the learned fusion are combined without it."""
    text = "The robust mean alone: no time was left for the learned fusion."
    return Reason(code="ENS-031", subject="fusion", text=text)
