"""The learned fusion: from the members' votes on a row to the odds that it is an anomaly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pynomaly_auto.errors import StorageError
from pynomaly_auto.knowledge._anchor import Anchor
from pynomaly_auto.knowledge._votes import MAGNITUDE, RANK, Votes, lay_out
from pynomaly_auto.records import FloatArray, State, plain, restore

_CHUNK = 50_000  # rows laid out at a time, so that a million rows need no matrix of a million
_FEWEST = 6  # members below which their votes say too little for a model that was trained on many


@dataclass(frozen=True, kw_only=True, eq=False)
class Fusion:
    """Boosted trees over the rows of all known tables, each table counting alike and each class half.

    Args:
        members: Names of the members it knows: a detector, after a colon its view if it is not the standard one.
        features: Input names, in the models' order.
        boosters: LightGBM models whose raw predictions are averaged.
        anchor: What these are added to; None: they start from nothing.
        blend: Largest weight of the fusion beside the robust mean, reached on tables like the known ones.
    """

    members: tuple[str, ...]
    features: tuple[str, ...]
    boosters: tuple[Any, ...] = field(repr=False)
    blend: float = 0.5
    anchor: Anchor | None = None

    @classmethod
    def of(cls, features: Sequence[str], texts: Sequence[str], blend: float, anchor: Anchor | None = None) -> Fusion:
        """Make it of its models' texts; its members are those whose ranks are among the inputs.

        Raises:
            StorageError: A text is no model.
        """
        import lightgbm

        members = tuple(name[len(RANK) :] for name in features if name.startswith(RANK))
        try:
            boosters = tuple(lightgbm.Booster(model_str=text) for text in texts)
        except lightgbm.basic.LightGBMError as error:
            raise StorageError(f"the learned fusion is damaged: {error}.") from None
        return cls(members=members, features=tuple(features), boosters=boosters, blend=blend, anchor=anchor)

    def texts(self) -> tuple[str, ...]:
        """The models as text, from which `of` makes them again."""
        return tuple(b.model_to_string() for b in self.boosters)

    def to_state(self) -> State:
        """What makes it again."""
        texts = {f"text.{i}": np.frombuffer(text.encode(), dtype=np.uint8) for i, text in enumerate(self.texts())}
        values = {"features": list(self.features), "blend": self.blend, "anchor": plain(self.anchor)}
        return State(arrays=texts, values=values | {"models": len(self.boosters)})

    @classmethod
    def from_state(cls, state: State) -> Fusion:
        """Make it again from what `to_state` gave.

        Raises:
            StorageError: Something is missing, or is no model.
        """
        texts = [state.array(f"text.{i}", kind="u").tobytes().decode() for i in range(state.value("models", int))]
        anchor = None if state.values.get("anchor") is None else restore(Anchor, state.value("anchor", dict))
        return cls.of(state.value("features", list), texts, state.value("blend", float), anchor)

    def knows(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those of the names that are members it knows, in its own order; empty when they are too few to fuse."""
        found = tuple(name for name in self.members if name in set(names))
        return found if len(found) >= min(_FEWEST, len(self.members)) else ()

    def core(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those of the names whose mean it starts from; empty without an anchor, or when they are too few."""
        return () if self.anchor is None else self.anchor.among(names)

    def log_odds(self, votes: Votes, facts: Mapping[str, float], threads: int = 1) -> FloatArray:
        """Log odds that a row is an anomaly, if half of all rows were; shape (n_rows,).

        Args:
            votes: Of members it knows.
            facts: Of the table, from `table_facts`, and its meta-features if the models use any.
            threads: For the trees.
        """
        out = np.empty(len(votes.ranks))
        for start in range(0, len(out), _CHUNK):
            part = slice(start, start + _CHUNK)
            X = lay_out(self.features, votes.rows(part), facts)
            out[part] = np.mean([b.predict(X, raw_score=True, num_threads=threads) for b in self.boosters], axis=0)
            if self.anchor is not None:
                out[part] += self.anchor.log_odds(self.features, X)
        return out

    def importance(self, names: Sequence[str]) -> dict[str, float]:
        """Share of each of these members in the log odds; sums to 1.

        The anchor's share goes to its members alike, the trees' by what these gain from inputs of single members.
        """
        gains = np.mean([b.feature_importance("gain") for b in self.boosters], axis=0)
        own = dict.fromkeys(names, 1e-9)
        for feature, gain in zip(self.features, gains, strict=True):
            for prefix in (RANK, MAGNITUDE):
                if feature.startswith(prefix) and feature[len(prefix) :] in own:
                    own[feature[len(prefix) :]] += float(gain)
        total = sum(own.values())
        core = self.core(names)
        share = self.anchor.share if self.anchor is not None and core else 0.0
        return {
            name: (1.0 - share) * gain / total + (share / len(core) if name in core else 0.0)
            for name, gain in own.items()
        }
