from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from meta_datasets.synthetic.mistakes import misspelt, mistakes
from pynomaly_auto.errors import InvalidInputError, SettingError

CITIES = {"Hamburg": "north", "Munich": "south", "Dresden": "east", "Cologne": "west", "Bremen": "north"}


def addresses(n=300):
    rng = np.random.default_rng(0)
    city = rng.choice(list(CITIES), n)
    return pd.DataFrame({"city": city, "region": [CITIES[c] for c in city], "beds": rng.integers(1, 9, n)})


def test_what_is_planted():
    found = mistakes(addresses(), 0, 0.06)
    counts = Counter(found.kinds)
    assert 0 < counts["dependency"] <= 9
    assert counts["misspelling"] + counts["dependency"] == found.y.sum() == 18
    changed = (found.frame != found.clean).to_numpy()
    assert (changed.sum(axis=1) == found.y).all()
    known = set(found.clean["city"]) | set(found.clean["region"])
    for row in np.flatnonzero(found.y):
        first = found.columns[row][0]
        assert changed[row, found.frame.columns.get_loc(first)]
        assert (found.frame.at[row, first] in known) == (found.kinds[row] == "dependency")
    pd.testing.assert_frame_equal(found.frame, mistakes(addresses(), 0, 0.06).frame)


def test_one_kind_alone():
    found = mistakes(addresses()[["city", "beds"]], 0, 0.05)
    assert set(found.kinds) == {"", "misspelling"}
    with pytest.raises(InvalidInputError, match="nothing can be planted"):
        mistakes(addresses()[["beds"]], 0)


def test_misspelt():
    rng = np.random.default_rng(0)
    made = [misspelt("Hamburg", rng) for _ in range(200)]
    assert {len(text) for text in made} <= set(range(5, 10))
    assert all(text[0] == "H" for text in made)


def test_mistakes_of_users():
    with pytest.raises(SettingError, match="rate"):
        mistakes(addresses(), 0, 0.0)
    with pytest.raises(InvalidInputError, match="too few"):
        mistakes(addresses(20), 0)
