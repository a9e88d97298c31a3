"""Trees grown by scikit-learn, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pynomaly_auto.forest._forest import Forest
from pynomaly_auto.forest._layout import breadth_first
from pynomaly_auto.records import FloatArray


def from_sklearn_trees(trees: Sequence[Any], leaves: Sequence[FloatArray], n_features: int) -> Forest:
    """A forest that averages what the leaves of scikit-learn's trees say.

    Args:
        trees: The ``tree_`` of each fitted estimator.
        leaves: What each node of each tree would say as a leaf; shapes (n_nodes,).
        n_features: Columns of the rows it scores, in single precision as scikit-learn sees them.
    """
    sizes = np.array([tree.node_count for tree in trees], dtype=np.int64)
    starts = np.cumsum(sizes) - sizes
    left, right, features, values = [], [], [], []
    for tree, said, start in zip(trees, leaves, starts.tolist(), strict=True):
        inner = tree.children_left >= 0
        left.append(np.where(inner, tree.children_left + start, -1))
        right.append(np.where(inner, tree.children_right + start, -1))
        features.append(np.where(inner, tree.feature, -1))
        values.append(np.where(inner, tree.threshold, said))
    order, nodes = breadth_first(starts, np.concatenate(left), np.concatenate(right))
    return Forest(
        sizes=nodes,
        features=np.concatenate(features)[order].astype(np.int64),
        values=np.concatenate(values)[order].astype(np.float64),
        n_features=n_features,
        average=True,
    )
