"""What one more member is expected to add to an ensemble, before or after it was fitted.

Building makes the design matrix of known ensembles with `gain_inputs`, recommending and ensembling that of those in
question: one place, so that the model is given what it was trained on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pynomaly_auto.errors import StorageError
from pynomaly_auto.forest import Forest
from pynomaly_auto.models._aligned import aligned
from pynomaly_auto.records import FloatArray

GAIN_INPUTS = (
    "size", "strength", "mean strength", "best strength", "usual likeness", "nearest likeness", "unlike the rest",
    "likeness", "agreement", "rows", "features",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class PeerStatistics:
    """What is known of members over all known tables.

    Args:
        names: The members: a detector, after a colon its view if it is not the standard one.
        strength: Mean ROC-AUC, relative to the median member of each table; shape (n_members,).
        likeness: Mean correlation of tail ranks of every two; shape (n_members, n_members).
    """

    names: tuple[str, ...]
    strength: FloatArray = field(repr=False)
    likeness: FloatArray = field(repr=False)

    def to_text(self) -> str:
        """All of it as JSON, numbers cut to what they are worth."""
        values = {"strength": self.strength.round(5).tolist(), "likeness": self.likeness.round(4).tolist()}
        return json.dumps({"names": self.names, **values})

    @classmethod
    def of_text(cls, text: str) -> PeerStatistics:
        """The inverse of `to_text`.

        Raises:
            StorageError: The text is something else.
        """
        try:
            values = json.loads(text)
            names, strength, likeness = (values[key] for key in ("names", "strength", "likeness"))
            peers = cls(names=tuple(names), strength=np.array(strength, float), likeness=np.array(likeness, float))
        except (ValueError, TypeError, KeyError) as error:
            raise StorageError(f"what is known of members is damaged: {error}.") from None
        if peers.strength.shape != (len(names),) or peers.likeness.shape != (len(names), len(names)):
            raise StorageError("what is known of members is damaged: the shapes do not match.")
        return peers

    def positions(self, names: Sequence[str]) -> list[int]:
        """Where the names are; those it does not know are left out."""
        place = {name: i for i, name in enumerate(self.names)}
        return [place[name] for name in names if name in place]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What the scores of fitted members say; all NaN before anything was fitted.

    Args:
        likeness: Correlation of the candidate's tail ranks with the mean of the ensemble's.
        agreement: Mean correlation of the ensemble's members with that mean.
    """

    likeness: float = float("nan")
    agreement: float = float("nan")


def gain_inputs(
    peers: PeerStatistics,
    members: Sequence[int],
    candidates: Sequence[int],
    facts: Mapping[str, float],
    measured: Sequence[Measured] = (),
) -> FloatArray:
    """Inputs of the gain model, in the order of `GAIN_INPUTS`.

    Args:
        peers: Of the members.
        members: Positions of those in the ensemble; at least one.
        candidates: Positions of those that might join.
        facts: Of the table: logs of ``rows`` and ``features``.
        measured: For each candidate what was measured on this table; empty: nothing yet.

    Returns:
        Shape (n_candidates, n_inputs).
    """
    chosen, asked = list(members), list(candidates)
    inside, strength = peers.likeness[np.ix_(asked, chosen)], peers.strength
    n = len(asked)
    columns: dict[str, FloatArray | float] = {
        "size": float(np.log(len(chosen))),
        "strength": strength[asked],
        "mean strength": float(strength[chosen].mean()),
        "best strength": float(strength[chosen].max()),
        "usual likeness": inside.mean(axis=1),
        "nearest likeness": inside.max(axis=1),
        "unlike the rest": inside.mean(axis=1) - peers.likeness[asked].mean(axis=1),
        "likeness": np.array([m.likeness for m in measured]) if measured else np.nan,
        "agreement": np.array([m.agreement for m in measured]) if measured else np.nan,
        "rows": facts.get("rows", np.nan),
        "features": facts.get("features", np.nan),
    }
    return aligned(GAIN_INPUTS, columns, n)


@dataclass(frozen=True, kw_only=True, eq=False)
class Gains:
    """Predicts the ROC-AUC that a member adds to an ensemble.

    Args:
        peers: Of the members it knows.
        forest: The model.
        shrinkage: What predictions are multiplied by: how far they held on unseen groups.
    """

    peers: PeerStatistics
    forest: Forest = field(repr=False)
    shrinkage: float = 1.0

    def predict(
        self,
        members: Sequence[str],
        candidates: Sequence[str],
        facts: Mapping[str, float],
        measured: Mapping[str, Measured] | None = None,
    ) -> dict[str, float]:
        """Expected gain in ROC-AUC of each candidate it knows.

        With no member yet it is what the candidate is ahead of the median member.

        Args:
            members: Names of those in the ensemble; unknown ones count for nothing.
            candidates: Names of those that might join.
            facts: Of the table: logs of ``rows`` and ``features``.
            measured: By candidate, what the scores of fitted members say; None: nothing was fitted yet.
        """
        inside, asked = self.peers.positions(members), self.peers.positions(candidates)
        names = [self.peers.names[i] for i in asked]
        if not inside or not asked:
            return {name: float(self.peers.strength[i]) for name, i in zip(names, asked, strict=True)}
        said = () if measured is None else [measured.get(name, Measured()) for name in names]
        X = gain_inputs(self.peers, inside, asked, facts, said)
        found = self.shrinkage * self.forest.predict(X)
        return dict(zip(names, found.tolist(), strict=True))
