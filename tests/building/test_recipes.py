from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto.building.tasks._recipes import make, recipes, thin
from pynomaly_auto.errors import InvalidInputError


def nominal(**sizes):
    return pd.Series(np.repeat(list(sizes), list(sizes.values())))


def test_which_recipes_apply():
    assert recipes(nominal(a=600, b=300, c=200), "nominal") == (
        "rare", "downsampled", "downsampled2", "third", "rest",
    )  # fmt: skip
    assert recipes(nominal(a=110, b=100), "nominal") == ()  # 5 % beside 110 rows are fewer than 8 anomalies
    assert recipes(nominal(a=500, b=300), "nominal") == ("downsampled", "downsampled2")
    assert recipes(nominal(a=500), "nominal") == ()
    assert recipes(pd.Series(np.arange(145.0)), "numeric") == ("both",)  # 5 % are 7 rows, twice 2.5 % are 8
    assert recipes(pd.Series(np.arange(200.0)), "numeric") == ("high", "low", "both")
    assert recipes(pd.Series(np.arange(500.0) % 20), "numeric") == ()


@pytest.mark.parametrize(
    ("recipe", "share", "kinds"),
    [("downsampled", 0.05, {"b"}), ("downsampled2", 0.02, {"b"}), ("third", 0.05, {"c"}), ("rest", 0.1, {"b", "c"})],
)
def test_classes_drawn_down(recipe, share, kinds):
    target = nominal(a=600, b=300, c=200)
    target.iloc[[0, 700]] = None
    rows, labels = make(recipe, target, np.random.default_rng(0))
    assert labels.mean() == pytest.approx(share, abs=0.002)
    assert labels.sum() >= 8
    assert set(target.iloc[rows[labels == 1]]) == kinds
    assert set(target.iloc[rows[labels == 0]]) == {"a", "b", "c"} - kinds
    assert (np.diff(rows) > 0).all()


def test_both_tails():
    target = pd.Series(np.random.default_rng(0).permutation(400))
    rows, labels = make("both", target, np.random.default_rng(0))
    assert len(rows) == 400
    assert sorted(target[labels == 1]) == [*range(10), *range(390, 400)]


def test_thinning():
    labels = np.repeat([0, 1], [400, 100])
    kept = thin(labels, 0.02, np.random.default_rng(0))
    assert (labels[kept].sum(), (labels[kept] == 0).sum()) == (8, 400)
    with pytest.raises(InvalidInputError, match="not more than"):
        thin(labels, 0.3, np.random.default_rng(0))
    with pytest.raises(InvalidInputError, match="fewer than 8"):
        thin(labels, 0.01, np.random.default_rng(0))
