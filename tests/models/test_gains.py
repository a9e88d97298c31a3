"""What a member adds: inputs, predictions, and what is stored of the members."""

from __future__ import annotations

import json

import lightgbm
import numpy as np
import pytest

from pynomaly_auto.errors import StorageError
from pynomaly_auto.forest import from_lightgbm_text
from pynomaly_auto.models import GAIN_INPUTS, Gains, Measured, PeerStatistics, gain_inputs

NAMES = ("a", "b", "c", "d")
LIKENESS = np.array([[1, 0.9, 0.1, 0.2], [0.9, 1, 0.1, 0.2], [0.1, 0.1, 1, 0.3], [0.2, 0.2, 0.3, 1]])
PEERS = PeerStatistics(names=NAMES, strength=np.array([0.05, 0.04, 0.0, -0.1]), likeness=LIKENESS)
FACTS = {"rows": 7.0, "features": 2.0}


def column(X, name):
    return X[:, GAIN_INPUTS.index(name)]


def test_inputs_before_and_after_fitting():
    before = gain_inputs(PEERS, [0, 3], [1, 2], FACTS)
    assert column(before, "size") == pytest.approx(np.log([2, 2]))
    assert column(before, "usual likeness") == pytest.approx([0.55, 0.2])
    assert column(before, "nearest likeness") == pytest.approx([0.9, 0.3])
    assert np.isnan(column(before, "likeness")).all()
    measured = [Measured(likeness=0.4, agreement=0.7), Measured(likeness=-0.1, agreement=0.7)]
    after = gain_inputs(PEERS, [0, 3], [1, 2], FACTS, measured)
    assert column(after, "likeness").tolist() == [0.4, -0.1]
    assert column(after, "agreement").tolist() == [0.7, 0.7]


def trained(params, X, y):
    return from_lightgbm_text(lightgbm.train(params, lightgbm.Dataset(X, label=y), 50).model_to_string())


@pytest.fixture(scope="module")
def gains():
    """A model for which only likeness to those that are there counts."""
    rng = np.random.default_rng(0)
    X = rng.random((2000, len(GAIN_INPUTS)))
    params = {"verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5}
    y = 0.1 - 0.1 * X[:, GAIN_INPUTS.index("nearest likeness")]
    return Gains(peers=PEERS, forest=trained(params, X, y), shrinkage=0.5)


def test_whoever_is_unlike_those_there_is_expected_to_add_more(gains):
    found = gains.predict(["a", "stranger"], ["b", "c", "unheard of"], FACTS)
    assert list(found) == ["b", "c"]
    assert found["c"] > found["b"] + 0.02
    assert found["c"] < 0.06  # shrunk by half


def test_what_is_measured_counts_beside_what_is_usual():
    rng = np.random.default_rng(1)
    X = rng.random((2000, len(GAIN_INPUTS)))
    y = 0.1 - 0.1 * X[:, GAIN_INPUTS.index("likeness")]
    params = {"verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5}
    after = Gains(peers=PEERS, forest=trained(params, X, y))
    said = {"b": Measured(likeness=0.1, agreement=0.5), "stranger": Measured()}
    found = after.predict(["a"], ["b", "c"], FACTS, said | {"c": Measured(likeness=0.9, agreement=0.5)})
    assert found["b"] > found["c"] + 0.05
    assert list(after.predict(["a"], ["c", "b"], FACTS, said)) == ["c", "b"]


def test_with_nobody_there_it_is_what_a_member_is_ahead(gains):
    assert gains.predict([], ["d", "a"], FACTS) == {"d": -0.1, "a": 0.05}
    assert gains.predict(["a"], [], FACTS) == {}


def test_what_is_known_of_members_survives_being_stored():
    again = PeerStatistics.of_text(PEERS.to_text())
    assert again.names == NAMES
    assert again.likeness.tolist() == LIKENESS.tolist()
    assert again.positions(["c", "nobody", "a"]) == [2, 0]


@pytest.mark.parametrize(
    "text",
    ["nonsense", "[]", "{}", json.dumps({"names": ["a"], "strength": [0.1, 0.2], "likeness": [[1.0]]}),
     json.dumps({"names": ["a"], "strength": ["x"], "likeness": [[1.0]]})],
)  # fmt: skip
def test_a_damaged_text_is_told(text):
    with pytest.raises(StorageError, match="damaged"):
        PeerStatistics.of_text(text)
