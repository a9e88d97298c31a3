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


def test_later_rows_are_read_as_those_fitted_on(tmp_path: Path) -> None:
    """A file of one row tells nothing by itself: what was settled when fitting holds."""
    fitted = tmp_path / "fitted.csv"
    lines = [f"{1 + i % 7}.{100 + i};{i * 3};{i % 28 + 1:02}/{i % 12 + 1:02}/2024;{i * i}" for i in range(60)]
    fitted.write_text(
        "betrag;klein;tag;n\n" + "\n".join([*lines, *("987;45;31/12/2023;7", "45;12;30/11/2023;8") * 2]) + "\n"
    )
    later = tmp_path / "later.csv"
    later.write_text("betrag;klein;tag;n\n1.250;3;05/03/2024;16\n")
    same = tmp_path / "same.csv"
    same.write_text("betrag;klein;tag;n\n1250;3;2024-03-05;16\n")
    encoder = TableEncoder().fit(read_table(fitted))
    again = TableEncoder.from_state(*encoder.to_state())
    for one in (encoder, again):
        assert (one.encode(read_table(later)).X == one.encode(read_table(same)).X).all()


def test_codes_stay_codes_in_later_rows(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"zip": ["00123", "04567", "98765", "11111"] * 10, "v": range(0, 120, 3), "w": [1.5, 2.5] * 20}
    )
    encoder = TableEncoder().fit(frame)
    (tmp_path / "a.csv").write_text("zip,v,w\n98765,3,1.5\n")
    alone = encoder.encode(read_table(tmp_path / "a.csv"))
    assert (alone.X == encoder.encode(pd.DataFrame({"zip": ["98765"], "v": [3], "w": [1.5]})).X).all()


def test_what_was_done_to_a_file_is_among_the_reasons(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Report\n\nitem,w,w\n,kg,kg\nx,1.5,2\ny,2.5,3\nx,4,1\nz,1,9\nTotal,9,15\n")
    encoder = TableEncoder().fit(read_table(tmp_path / "a.csv"))
    told = [reason.text for reason in encoder.reasons if reason.code == "DAT-041"]
    assert told == [
        "1 lines above the names are left out",
        "the line below the names holds units and is left out: kg, kg",
        "the last row holds the sums of the others and is left out",
        "another column 'w' is called 'w_2'",
    ]
