"""Trees grown by scikit-learn's parts are those of its class."""

from __future__ import annotations

import numpy as np
import pytest

from pynomaly_auto.supervising import _growing


@pytest.mark.parametrize(("n", "d"), [(5, 3), (30, 1), (90, 70), (400, 20)])
def test_trees_are_those_of_the_class_to_the_last_bit(n: int, d: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(n)
    X = rng.normal(size=(n, d)).astype(np.float32)
    X[:, 0] = np.round(X[:, 0])
    target, weight = (rng.random(n) < 0.3).astype(np.float64), rng.random(n)
    target[:2] = 0, 1
    by_class = _growing.by_class(X, target, weight, trees=120, seed=7)
    monkeypatch.setattr(_growing, "by_class", None)  # so that the parts themselves are what is tested
    found = _growing.extra_trees(np.asfortranarray(X), target, weight, trees=120, seed=7)
    for one, other in zip(found, by_class, strict=True):
        for name in ("feature", "threshold", "children_left", "children_right", "value", "weighted_n_node_samples"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_other_parts_than_known_are_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    def changed(*_: object) -> None:
        raise TypeError("an argument more")

    monkeypatch.setattr(_growing, "_by_parts", changed)
    X = np.arange(8, dtype=np.float32).reshape(4, 2)
    assert len(_growing.extra_trees(X, np.array([0.0, 0, 1, 1]), np.ones(4), trees=3, seed=0)) == 3
