"""Which day, week or other period each row belongs to, for an alert budget per period."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.errors import SettingError
from pynomaly_auto.records import Dataset, IntArray

_FREQUENCY = {"minute": "min", "hour": "h", "day": "D", "week": "W", "month": "M", "quarter": "Q", "year": "Y"}


def periods_of(
    table: Any, dataset: Dataset, encoder: TableEncoder, budget: int | float | str | None
) -> IntArray | None:
    """The period of each row, shape (n_rows,): rows without a date make one of their own.

    Time is the first column of dates, or else the index where it holds dates.

    Args:
        table: The user's table.
        dataset: The same, encoded.
        encoder: What encoded it.
        budget: The alert budget.

    Returns:
        None where the budget is not one per period.

    Raises:
        SettingError: The table has no dates.
    """
    if not isinstance(budget, str):
        return None
    found = encoder.moments(table)
    dates = pd.Series(dataset.row_labels) if found is None else found[1]
    if not pd.api.types.is_datetime64_any_dtype(dates):
        raise SettingError(
            f"alert_budget is {budget!r}, and no column of the table holds dates.",
            where="alert_budget",
            fix="Give a number of rows or a share of them, or a table with a column of dates.",
        )
    if dates.dt.tz is not None:
        dates = dates.dt.tz_localize(None)  # the day by the clocks of its zone
    periods = dates.dt.to_period(_FREQUENCY[budget.partition("/")[2]])
    return np.asarray(pd.factorize(periods, use_na_sentinel=False)[0], dtype=np.int64)
