"""The preset that looks for wrong cells, and the setting that says whether anybody looks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto import AutonomousDetector
from pynomaly_auto.errors import InvalidInputError

QUIET: dict[str, Any] = {"n_trials": 2, "tracking": False, "random_state": 0, "verbose": 0}


def numbers() -> pd.DataFrame:
    X = np.random.default_rng(0).normal(size=(200, 3)).round(4)
    X[5, 1] = 5500.5
    return pd.DataFrame(X, columns=list("abc"))


def addresses() -> pd.DataFrame:
    codes = {"Bern": "3000", "Basel": "4000", "Geneva": "1200"}
    cities = np.random.default_rng(0).choice(list(codes), 200)
    table = pd.DataFrame({"city": cities, "code": [codes[city] for city in cities], "n": numbers()["a"]})
    table.loc[7, "city"] = {"3000": "Brn", "4000": "Bsel", "1200": "Gneva"}[str(table.loc[7, "code"])]
    return table


def test_it_names_a_wrong_number_in_a_table_of_numbers() -> None:
    detector = AutonomousDetector.for_data_quality(**QUIET).fit(numbers())
    oddest = detector.result_.cells[0]
    assert (oddest.row, oddest.column, oddest.value) == (5, "b", "5500.5")
    bits = detector.cell_evidence(numbers()).bits
    assert bits.shape == (200, 3)
    assert np.unravel_index(bits.argmax(), bits.shape) == (5, 1)
    assert "Oddest cell, in row 5" in detector.result_.summary(300)


def test_it_says_what_a_wrong_cell_should_have_held() -> None:
    table = addresses()
    oddest = AutonomousDetector.for_data_quality(**QUIET).fit(table).result_.cells[0]
    assert (oddest.row, oddest.column) == (7, "city")
    assert oddest.expected in {"Bern", "Basel", "Geneva"}
    assert table.loc[table["city"] == oddest.expected, "code"].iloc[0] == table.loc[7, "code"]


@pytest.mark.parametrize(
    ("table", "said"),
    [(numbers(), {}), (addresses(), {"cells": "off"}), (addresses(), {"cells": "always", "novelty": True})],
    ids=["numbers", "off", "novelty"],
)
def test_nobody_looks_where_the_settings_say_so(table: pd.DataFrame, said: dict[str, Any]) -> None:
    detector = AutonomousDetector(**QUIET, config=said).fit(table)
    assert detector.result_.cells == ()
    with pytest.raises(InvalidInputError, match="nobody looked at the cells"):
        detector.cell_evidence(table)
