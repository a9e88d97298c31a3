"""Growing extremely randomised trees on few rows, where scikit-learn's checks take four times as long as the trees."""

from __future__ import annotations

from typing import Any

import numpy as np

from pynomaly_auto._machine import in_threads, parts
from pynomaly_auto.records import FloatArray

_TOGETHER = 50  # trees that one thread grows; the growing itself holds no lock

Floats = np.ndarray[Any, np.dtype[np.float32]]


def extra_trees(X: Floats, target: FloatArray, weight: FloatArray, *, trees: int, seed: int) -> list[Any]:
    """The trees of ``ExtraTreesClassifier(trees, max_features="sqrt", random_state=seed)``, to the last bit.

    They are grown by the parts that scikit-learn grows them by; where these are others than known, by the class itself.

    Args:
        X: Shape (n, n_inputs).
        target: 1 or 0; shape (n,), both there.
        weight: What each row counts; shape (n,).
        trees: How many.
        seed: Of their randomness.
    """
    X = np.ascontiguousarray(X, dtype=np.float32)
    try:
        return _by_parts(X, target, weight, trees, seed)
    except (ImportError, TypeError, AttributeError, ValueError):
        return by_class(X, target, weight, trees=trees, seed=seed)


def by_class(X: Floats, target: FloatArray, weight: FloatArray, *, trees: int, seed: int) -> list[Any]:
    """The same by the class itself."""
    from sklearn.ensemble import ExtraTreesClassifier

    model = ExtraTreesClassifier(trees, max_features="sqrt", n_jobs=1, random_state=seed)
    model.fit(X, target.astype(np.int64), weight)
    return [one.tree_ for one in model.estimators_]


def _by_parts(X: Floats, target: FloatArray, weight: FloatArray, trees: int, seed: int) -> list[Any]:
    from sklearn.tree._criterion import Gini
    from sklearn.tree._splitter import RandomSplitter
    from sklearn.tree._tree import DepthFirstTreeBuilder, Tree

    classes = np.array([len(np.unique(target))], dtype=np.intp)
    if classes[0] != 2 or not np.isfinite(X).all():
        raise ValueError("for the class itself to say what is wrong")
    y = np.ascontiguousarray(target.reshape(-1, 1), dtype=np.float64)
    weights = np.ascontiguousarray(weight, dtype=np.float64)
    draw, most = np.random.RandomState(seed), np.iinfo(np.int32).max
    seeds = [draw.randint(most) for _ in range(trees)]
    considered = max(1, int(np.sqrt(X.shape[1])))

    def grow(part: slice) -> list[Any]:
        out, draws = [], np.random.RandomState()
        for own in seeds[part]:
            draws.seed(own)  # a tree takes one number of it; a new one each would first ask the system for chance
            splitter = RandomSplitter(Gini(1, classes), considered, 1, 0.0, draws, None)
            tree = Tree(X.shape[1], classes, 1)
            DepthFirstTreeBuilder(splitter, 2, 1, 0.0, most, 0.0).build(tree, X, y, weights)
            out.append(tree)
        return out

    return [tree for some in in_threads(grow, parts(trees, _TOGETHER)) for tree in some]
