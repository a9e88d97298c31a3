"""The learned fusion: from the members' scores of a row to the odds that it is an anomaly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from pynomaly_auto._machine import in_threads, parts
from pynomaly_auto.errors import StorageError
from pynomaly_auto.forest import Forest
from pynomaly_auto.models._base_margin import BaseMargin
from pynomaly_auto.models._member_scores import MAGNITUDE, RANK, RANK_MEAN, MemberScores, fusion_inputs
from pynomaly_auto.models._reading import fitting, read_model
from pynomaly_auto.records import FloatArray, State, plain, restore

_CHUNK = 25_000  # rows of the design matrix at a time, so that a million rows need no matrix of a million
_MOST = 100  # models
_FEWEST = 6  # members below which their scores say too little for a model that was trained on many


@dataclass(frozen=True, kw_only=True, eq=False)
class Fusion:
    """Boosted trees over the rows of all known tables, each table counting alike and each class half.

    Args:
        members: Names of the members it knows: a detector, after a colon its view if it is not the standard one.
        features: Input names, in the models' order.
        forests: Models whose sums are averaged.
        base_margin: Log odds that these are added to; None: they start from nothing.
        blend: Largest weight of the fusion beside the robust mean, reached on tables like the known ones.
    """

    members: tuple[str, ...]
    features: tuple[str, ...]
    forests: tuple[Forest, ...] = field(repr=False)
    blend: float = 0.5
    base_margin: BaseMargin | None = None

    @classmethod
    def of(
        cls, features: Sequence[str], texts: Sequence[str], blend: float, base_margin: BaseMargin | None = None
    ) -> Fusion:
        """Make it of its models' texts; its members are those whose ranks are among the inputs.

        Raises:
            StorageError: A text is no model.
        """
        members = tuple(name[len(RANK) :] for name in features if name.startswith(RANK))
        forests = tuple(read_model(text, len(features), "the learned fusion") for text in texts)
        return cls(members=members, features=tuple(features), forests=forests, blend=blend, base_margin=base_margin)

    def to_state(self) -> State:
        """Its models, its inputs, its base margin and its weight."""
        values = {
            "features": list(self.features), "forests": len(self.forests), "blend": self.blend,
            "base_margin": None if self.base_margin is None else plain(self.base_margin),
        }  # fmt: skip
        out = State(values=values)
        for i, forest in enumerate(self.forests):
            out = out | forest.to_state().within(f"forest.{i}")
        return out

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Make it again.

        Raises:
            StorageError: Something is missing or damaged.
        """
        features, base_margin = state.value("features", list), state.value("base_margin", (dict, type(None)))
        count, blend = state.value("forests", int), float(state.value("blend", (int, float)))
        if not all(isinstance(name, str) for name in features) or RANK_MEAN not in features or not 0 <= blend <= 1:
            raise StorageError("the learned fusion is damaged: its inputs or its weight.")
        if not 1 <= count <= _MOST:
            raise StorageError(f"the learned fusion is damaged: it has {count} models.")
        forests = (Forest.from_state(state.part(f"forest.{i}")) for i in range(count))
        return cls(
            members=tuple(name[len(RANK) :] for name in features if name.startswith(RANK)),
            features=tuple(features),
            forests=tuple(fitting(forest, len(features)) for forest in forests),
            blend=blend,
            base_margin=None if base_margin is None else _base_margin(base_margin),
        )

    def knows(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those of the names that are members it knows, in its own order; empty when they are too few to fuse."""
        found = self.among(names)
        return found if len(found) >= min(_FEWEST, len(self.members)) else ()

    def among(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those of the names that are members it knows, in its own order, be they ever so few."""
        return tuple(name for name in self.members if name in set(names))

    def core(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those of the names whose mean it starts from; empty without a base margin, or when they are too few."""
        return () if self.base_margin is None else self.base_margin.among(names)

    def log_odds(self, member_scores: MemberScores, facts: Mapping[str, float]) -> FloatArray:
        """Log odds that a row is an anomaly, if half of all rows were; shape (n_rows,).

        Args:
            member_scores: Of members it knows.
            facts: Of the table, from `table_facts`, and its meta-features if the models use any.
        """

        def judged(part: slice) -> FloatArray:
            X = fusion_inputs(self.features, member_scores.rows(part), facts)
            odds: FloatArray = np.mean([forest.predict(X, raw=True) for forest in self.forests], axis=0)
            return odds if self.base_margin is None else odds + self.base_margin.log_odds(self.features, X)

        return np.concatenate(in_threads(judged, parts(len(member_scores.ranks), _CHUNK)) or [np.empty(0)])

    def importance(self, names: Sequence[str]) -> dict[str, float]:
        """Share of each of these members in the log odds; sums to 1.

        The base margin's share goes to its members alike, the trees' by what these gain from inputs of single members.
        """
        gains = np.mean([f.gains if len(f.gains) else np.zeros(len(self.features)) for f in self.forests], axis=0)
        own = dict.fromkeys(names, 1e-9)
        for feature, gain in zip(self.features, gains, strict=True):
            for prefix in (RANK, MAGNITUDE):
                if feature.startswith(prefix) and feature[len(prefix) :] in own:
                    own[feature[len(prefix) :]] += float(gain)
        total = sum(own.values())
        core = self.core(names)
        share = self.base_margin.share if self.base_margin is not None and core else 0.0
        return {
            name: (1.0 - share) * gain / total + (share / len(core) if name in core else 0.0)
            for name, gain in own.items()
        }


def _base_margin(values: Mapping[str, Any]) -> BaseMargin:
    try:
        found = restore(BaseMargin, values)
        right = bool(np.isfinite([found.slope, found.intercept, found.share]).all())
        right = right and all(isinstance(name, str) for name in found.members)
    except (TypeError, ValueError, KeyError) as error:
        raise StorageError(f"the learned fusion is damaged: its base margin: {error}.") from None
    if not right:
        raise StorageError("the learned fusion is damaged: its base margin.")
    return found
