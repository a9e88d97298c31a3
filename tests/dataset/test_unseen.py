"""Values no row fitted on held: one warning per call that names the columns, at the user's own line."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.errors import PynomalyWarning, UnseenValuesWarning
from tests.engine.conftest import quick

RNG = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {
        "v": RNG.normal(size=60),
        "shop": ["a", "a", "b"] * 20,
        "maybe": [np.nan, 1.0, 2.5] * 20,
        "name": [f"k{i}" for i in range(40)] + ["k0"] * 20,
    }
)
ENCODER = TableEncoder().fit(TABLE)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"shop": "new"}, "'shop' holds categories never seen, such as 'new', in 20 of 20 rows"),
        ({"v": np.nan}, "'v' holds no value in any of the 20 rows"),
        ({"maybe": np.nan}, "'maybe' holds no value in any of the 20 rows"),
        ({"shop": None, "v": None}, "'v' holds no value in any of the 20 rows; 'shop' holds no value"),
        ({"name": [f"new{i}" for i in range(20)]}, "'name' holds categories never seen, such as 'new0', in 20 of"),
    ],
)
def test_what_is_new_is_told_once(changes: dict[str, Any], told: str) -> None:
    with pytest.warns(UnseenValuesWarning) as caught:
        ENCODER.encode(TABLE[:20].assign(**changes))
    assert len(caught) == 1
    assert told in str(caught[0].message)


@pytest.mark.parametrize(
    "later",
    [
        TABLE,
        TABLE[:1],
        TABLE[:20].assign(name="k1"),
        TABLE[:20].assign(name=[f"k{i}" for i in range(15)] + [f"new{i}" for i in range(5)]),  # new ones are usual
        TABLE[:1].assign(maybe=np.nan, name="new"),
        TABLE[:20].assign(v=[np.nan, *TABLE.v[1:20]]),  # some values missing: the usual one stands in
    ],
)
def test_what_is_usual_is_not_told(later: pd.DataFrame) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ENCODER.encode(later)


def test_many_columns_make_one_line() -> None:
    table = pd.DataFrame({f"c{i}": ["a", "a", "b"] * 10 + ["c"] * i for i in range(1)} | {"v": range(30)})
    wide = pd.concat(
        [table.add_prefix(str(i)).sample(frac=1, random_state=i, ignore_index=True) for i in range(9)], axis=1
    )
    encoder = TableEncoder().fit(wide)
    with pytest.warns(UnseenValuesWarning, match="and 4 more columns"):
        encoder.encode(wide.assign(**{name: "z" for name in wide if name.endswith("c0")}))


def test_every_call_of_a_detector_warns_once_where_it_is_called() -> None:
    detector = quick(n_trials=2).fit(TABLE)
    for call in ("predict", "decision_function", "score_samples", "anomaly_score", "confidence", "explain"):
        with pytest.warns(PynomalyWarning, match="never seen") as caught:
            getattr(detector, call)(TABLE[:5].assign(shop="new"))
        assert [w.filename for w in caught] == [__file__], call
