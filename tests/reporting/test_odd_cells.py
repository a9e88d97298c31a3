"""Odd cells in every output: the summary, the notebook, the report and the file of their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from pynomaly_auto.records import EvidenceShare, OddCell, Result
from pynomaly_auto.reporting import render, write_results
from pynomaly_auto.reporting._view import CELLS
from tests.factories import make_result


def odd(row: int, value: str = "Zurihc", expected: str | None = "Zurich") -> OddCell:
    return OddCell(
        row=row, label=f"r{row}", column="city", value=value, expected=expected, bits=12.3456,
        detectors=("misspelling",), text=f"{value!r} in city is rare",
    )  # fmt: skip


def with_cells(*cells: OddCell) -> Result:
    return replace(make_result(), cells=cells)


def test_nothing_is_said_where_there_are_none(tmp_path: Path) -> None:
    result = make_result()
    write_results(result, tmp_path)
    assert not (tmp_path / "cells.csv").exists()
    for told in (result.summary(), result._repr_html_(), render(result)):
        assert "dd cell" not in told


def test_the_summary_names_the_oddest() -> None:
    one = with_cells(odd(3))
    assert "Oddest cell, in row r3: 'Zurihc' in city is rare." in one.summary(200)
    several = with_cells(*(odd(row) for row in range(5)))
    assert "in city is rare; 4 more in result.cells." in several.summary(200)


def test_weights_are_of_the_score_that_is_said() -> None:
    made = make_result()
    assert made.beside_models == ""
    evidence = (EvidenceShare(detector="form", weight=0.3), EvidenceShare(detector="key", weight=0.16))
    result = replace(made, ensemble=replace(made.ensemble, evidence=evidence))
    said = "The final score is 54% that of these models and 46% that of 2 cell detectors."
    for told in (result.summary(200), result._repr_html_(), render(result)):
        assert said in told
    assert "combined score, which is the final one" in render(made)


def test_the_file_has_all_of_them(tmp_path: Path) -> None:
    write_results(with_cells(odd(3), odd(7, "a,b\n", None), odd(9, "\ud800")), tmp_path)
    listed = pd.read_csv(tmp_path / "cells.csv", index_col="position")
    assert listed.index.tolist() == [3, 7, 9]
    assert list(listed.columns) == ["row", "column", "value", "expected", "bits", "text"]
    assert listed["row"].tolist() == ["r3", "r7", "r9"]
    assert listed["value"].tolist() == ["Zurihc", "a,b\n", "?"]
    assert listed["expected"].isna().tolist() == [False, True, False]
    assert listed["bits"].tolist() == [12.35] * 3


@pytest.mark.parametrize("view", [render, Result._repr_html_])
def test_what_cells_hold_is_shown_as_text(view: object) -> None:
    assert callable(view)
    html = view(with_cells(odd(3, "<script>alert(1)</script>")))
    assert "Odd cells" in html
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_the_report_shows_some_and_unfolds_the_others() -> None:
    html = render(with_cells(*(odd(row) for row in range(CELLS + 3))))
    assert '<a href="#cells">' in html
    assert "<summary>3 more</summary>" in html
    assert html.count("<td>Zurihc</td>") == CELLS + 3
