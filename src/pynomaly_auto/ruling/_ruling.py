"""The rules of a fitted model: what they say of its training rows, and how they move scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from pynomaly_auto._rules import Rule, parse
from pynomaly_auto.errors import SettingError, StorageError, UnknownNameError
from pynomaly_auto.records import FloatArray, State
from pynomaly_auto.ruling._found import NOT_SAID, columns_of
from pynomaly_auto.ruling._scale import Scale

Said = np.ndarray[tuple[int, ...], np.dtype[np.int8]]
Prints = np.ndarray[Any, np.dtype[np.uint64]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Ruling:
    """Rules in force.

    Args:
        rules: In the order given.
        said: What they say of the training rows: 1, 0, or -1 for nothing; shape (n_rows,), int8.
        scale: Of the scores in force.
        excused: Fingerprints of rows with a label, of which that decides; ascending.
    """

    rules: tuple[Rule, ...]
    said: Said = field(repr=False)
    scale: Scale = field(default_factory=lambda: Scale(bottom=0.0, top=0.0))
    excused: Prints = field(default_factory=lambda: np.empty(0, dtype=np.uint64), repr=False)

    @classmethod
    def of(cls, rules: Mapping[str, str], said: Said) -> Self:
        """Rules as settings hold them, bound to what they say of the training rows."""
        return cls(rules=tuple(parse(text, verdict) for text, verdict in rules.items()), said=said)

    def excusing(self, prints: Prints) -> Self:
        """With rows that have a label, by their fingerprints."""
        return replace(self, excused=np.unique(prints))

    def bound(self, scores: FloatArray, prints: Prints) -> Self:
        """With the scale of scores of the training rows, given without rules; shapes (n_rows,)."""
        return replace(self, scale=Scale.of(scores, self.heard(self.said, prints)))

    def heard(self, said: Said, prints: Prints) -> Said:
        """What is heard of it: nothing of rows with a label.

        Args:
            said: By rules; shape (n_rows,).
            prints: Fingerprints of the same rows.
        """
        if not len(self.excused):
            return said
        return np.where(np.isin(prints, self.excused), np.int8(NOT_SAID), said)

    def apply(self, scores: FloatArray, said: Said, prints: Prints) -> FloatArray:
        """Scores of rows with what rules say of them; shape (n_rows,)."""
        return self.scale.apply(scores, self.heard(said, prints))

    def unknown(self, names: Sequence[str]) -> str:
        """The first column that rules name and that is none of these; empty: there is none."""
        try:
            columns_of(self.rules, names)
        except UnknownNameError as error:
            return error.what
        return ""

    def to_state(self) -> State:
        """What makes it again: the rules as texts."""
        state = State(
            arrays={"said": self.said, "excused": self.excused},
            values={"rules": {rule.text: rule.verdict for rule in self.rules}},
        )
        return state | self.scale.to_state().within("scale")

    @classmethod
    def from_state(cls, state: State, n_rows: int) -> Self:
        """Make it again.

        Args:
            state: From `to_state`.
            n_rows: Training rows there are.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        said, excused = state.array("said", kind="i", ndim=1), state.array("excused", kind="u", ndim=1)
        if len(said) != n_rows or not np.isin(said, (-1, 0, 1)).all() or excused.dtype != np.uint64:
            raise StorageError("what rules say of the training rows does not fit.", where="ruling")
        try:
            made = cls.of(state.value("rules", dict), said.astype(np.int8))
        except SettingError as error:
            raise StorageError(f"a rule is damaged: {error.what}", where="ruling") from None
        return replace(made, scale=Scale.from_state(state.part("scale")), excused=np.unique(excused))
