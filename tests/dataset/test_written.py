"""Every form in which people write numbers, dates and tables: every value right, or a warning with both readings."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pynomaly_auto.dataset import TableEncoder, read_table, read_values
from pynomaly_auto.errors import AmbiguousReadingWarning
from tests.dataset.written import CASES, Case


def _same(found: Any, meant: Any) -> bool:
    if meant is None:
        return bool(pd.isna(found))
    if isinstance(meant, float):
        return isinstance(found, (int, float)) and math.isclose(found, meant, rel_tol=1e-12, abs_tol=1e-15)
    if isinstance(meant, pd.Timestamp):
        stamp = pd.Timestamp(found)
        stamp = stamp if stamp.tz is None else stamp.tz_convert("UTC").tz_localize(None)
        return not pd.isna(stamp) and abs((stamp - meant).total_seconds()) < 1e-5
    return type(found) is type(meant) and found == meant


def trouble_with(case: Case, folder: Path) -> str:
    """What goes wrong with a case; empty: nothing."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if case.file:
            table = read_table(case.write(folder), **case.options)
            values = read_values(table)
        else:
            table = case.held
            values = read_values(table, **case.options)
    for name, meant in case.means.items():
        if name not in values:
            return f"no column {name!r} but {list(values)}"
        found = values[name].tolist()
        if len(found) != len(meant) or not all(map(_same, found, meant)):
            return f"{name}: {found}"
    if values.attrs["unread"] != dict(case.unread):
        return f"unread: {values.attrs['unread']}"
    told = [str(w.message) for w in caught if issubclass(w.category, AmbiguousReadingWarning)]
    if len(told) != len(caught):
        return f"warned: {[str(w.message) for w in caught]}"
    if bool(told) != bool(case.warns) or not all(f"'{name}'" in told[0] and " not " in told[0] for name in case.warns):
        return f"told: {told}"
    return ""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_value_is_right_or_a_warning_names_both_readings(case: Case, tmp_path: Path) -> None:
    assert trouble_with(case, tmp_path) == ""
