"""The most rows that anybody can look at."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pynomaly_auto.errors import InvalidInputError
from pynomaly_auto.records import FloatArray, IntArray, Reason


def most_rows(scores: FloatArray, budget: int | float | str, periods: IntArray | None) -> int:
    """How many of the highest rows may be labelled.

    With a budget per period no period may have more: the threshold is one number, so the busiest period sets it.

    Args:
        scores: Combined scores of the training rows; shape (n_rows,).
        budget: From `Settings.alert_budget`: rows, a share of the rows, or rows per period.
        periods: The period of each row where the budget is per period; shape (n_rows,).

    Raises:
        InvalidInputError: The budget is per period and no periods are given.

    >>> most_rows(np.array([9.0, 8.0, 7.0, 6.0]), "1/day", np.array([0, 1, 1, 0]))
    2
    """
    if isinstance(budget, float):
        return math.floor(budget * len(scores))
    if isinstance(budget, int):
        return min(budget, len(scores))
    if periods is None:
        raise InvalidInputError(f"a budget of {budget} needs the period of each row.", where="alert_budget")
    each = int(budget.partition("/")[0])
    order = np.argsort(-scores, kind="stable")
    over = _place_in_period(periods[order]) >= each
    return int(np.argmax(over)) if over.any() else len(scores)


def budget_reason(budget: int | float | str, most: int, wanted: int) -> Reason:
    """What the budget did to the number of labelled rows."""
    each: float
    if isinstance(budget, str):
        count, _, period = budget.partition("/")
        each, said = int(count), f"{count} rows in any {period}"
    else:
        each = budget
        said = f"{budget:.2%} of the rows" if isinstance(budget, float) else f"{budget:,} rows"
    text = f"Alert budget of {said}: "
    if wanted <= most:
        text += f"the {wanted:,} rows to be labelled are within it."
    else:
        text += f"{most:,} rows are labelled at most, instead of {wanted:,}."
    evidence: dict[str, Any] = {"budget": each, "most": most, "wanted": wanted}
    return Reason(code="DEC-036", subject="threshold", text=text, evidence=evidence)


def _place_in_period(periods: IntArray) -> IntArray:
    """How many earlier rows are of the same period, for each row."""
    order = np.argsort(periods, kind="stable")
    ordered = periods[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    lengths = np.diff(np.append(starts, len(periods)))
    out = np.empty(len(periods), dtype=np.int64)
    out[order] = np.arange(len(periods)) - np.repeat(starts, lengths)
    return out
