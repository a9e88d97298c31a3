"""What people have said since the fit, kept with the model: what is in force, and the answer before any of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pynomaly_auto.records import Feedback, FloatArray, Labels, Supervision, Verdict

if TYPE_CHECKING:
    from pynomaly_auto.ruling import Ruling
    from pynomaly_auto.supervising import Inputs, Supervised

Prints: TypeAlias = "np.ndarray[Any, np.dtype[np.uint64]]"


@dataclass(frozen=True, kw_only=True, eq=False)
class Untold:
    """The answer before any feedback.

    Args:
        verdict: What was decided.
        supervised: What had been learned from the labels given to `fit`; None: there were none.
        supervision: What was made of these.
        ruling: The rules, as they were bound to it; None: there are none.
        base: Scores of the training rows before rules were heard, where there are any; shape (n_rows,).
    """

    verdict: Verdict
    supervised: Supervised | None = None
    supervision: Supervision | None = None
    ruling: Ruling | None = None
    base: FloatArray | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class Strangers:
    """Rows that people have spoken of and that are none of the training rows.

    Args:
        numbers: Of the sayings, ascending; shape (n,).
        prints: Fingerprints of the rows; shape (n,), uint64.
        inputs: What learners see of them; shape (n, n_inputs).
        scores: Of the answer without labels; shape (n,).
        moments: When each was, in seconds; NaN: not known; shape (n,).
    """

    numbers: np.ndarray[Any, np.dtype[np.int64]] = field(repr=False)
    prints: Prints = field(repr=False)
    inputs: Inputs = field(repr=False)
    scores: FloatArray = field(repr=False)
    moments: FloatArray = field(repr=False)

    def rows(self, chosen: Any) -> Strangers:
        """Some of them."""
        return Strangers(**{name: getattr(self, name)[chosen] for name in self.__dataclass_fields__})

    def and_more(self, others: Strangers) -> Strangers:
        """With others behind."""
        return Strangers(
            **{name: np.concatenate([getattr(self, name), getattr(others, name)]) for name in self.__dataclass_fields__}
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Sayings:
    """What people have said of rows since the fit.

    Args:
        feedback: What is in force, in the order it was said.
        last: Number of the last saying ever, those that are forgotten included.
        strangers: Rows of them that are none of the training rows; None: all are.
        before: The answer before any of it; None: nothing is in force.
    """

    feedback: tuple[Feedback, ...] = ()
    last: int = 0
    strangers: Strangers | None = None
    before: Untold | None = None

    def over(self, labels: Labels) -> Labels:
        """Labels of the training rows, where somebody spoke of one later what was said last."""
        values = labels.values.copy()
        for one in self.feedback:
            if one.row >= 0:
                values[one.row] = one.label
        return Labels(values=values)

    @property
    def last_of_strangers(self) -> tuple[Strangers | None, np.ndarray[Any, np.dtype[np.int8]]]:
        """Each row that is none of the training rows once, and what was said of it last; shape (n,), 0 or 1."""
        none = np.empty(0, dtype=np.int8)
        if self.strangers is None or not len(self.strangers.numbers):
            return None, none
        said = {one.number: one.label for one in self.feedback}
        at = {int(one): i for i, one in enumerate(self.strangers.prints)}  # of a row said twice, the last
        chosen = self.strangers.rows(np.array(sorted(at.values()), dtype=np.int64))
        return chosen, np.array([said[int(number)] for number in chosen.numbers], dtype=np.int8)

    def without(self, numbers: frozenset[int]) -> Sayings:
        """With some of them forgotten."""
        strangers = self.strangers
        if strangers is not None:
            strangers = strangers.rows(~np.isin(strangers.numbers, list(numbers)))
            strangers = strangers if len(strangers.numbers) else None
        left = tuple(one for one in self.feedback if one.number not in numbers)
        return replace(self, feedback=left, strangers=strangers)
