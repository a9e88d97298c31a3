"""What learns from labelled rows: trees grown at random while labels are few, boosted ones beside them where not.

Each kind learns twice: from all that is said of a row, and from its columns alone. Which of the two is better differs
from table to table; their mean is better than either (business tables, 50 labels: .36, .34 and .35).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from scipy.special import logit

from pynomaly_auto.forest import Forest, from_lightgbm_text, from_sklearn_trees
from pynomaly_auto.records import FloatArray
from pynomaly_auto.supervising._growing import extra_trees

Inputs: TypeAlias = "np.ndarray[Any, np.dtype[np.float32]]"

TREES = 200
# Labelled rows from which on boosting learns beside the forest, and above which it learns alone: a forest of fully
# grown trees has a leaf for every row.
BOOSTED_FROM, FOREST_UP_TO = 20, 2_000
MOST_TAUGHT = 10_000  # rows; of more, all anomalies up to half of it and some normal rows, which then count for more
_LEAST = 0.5  # rows added to either class, so that no leaf is sure


@dataclass(frozen=True, kw_only=True, eq=False)
class Taught:
    """Rows to learn from.

    Args:
        inputs: Shape (n, n_inputs).
        target: 1 for an anomaly, 0 for a normal row; shape (n,).
        weight: What each row counts; shape (n,).
    """

    inputs: Inputs = field(repr=False)
    target: FloatArray = field(repr=False)
    weight: FloatArray = field(repr=False)

    def at_most(self, most: int, *, seed: int) -> Taught:
        """So many of them at most: of either kind up to half, or what the other leaves, in place of all of its kind."""
        if len(self.target) <= most:
            return self
        rng, kept, weight = np.random.default_rng(seed), [], self.weight.copy()
        kinds = [np.flatnonzero(self.target == kind) for kind in (0.0, 1.0)]
        for own, other in (kinds, kinds[::-1]):
            room = max(most // 2, most - len(other))
            chosen = own if len(own) <= room else rng.choice(own, room, replace=False)
            weight[chosen] *= weight[own].sum() / weight[chosen].sum()
            kept.append(chosen)
        chosen = np.sort(np.concatenate(kept))
        return Taught(inputs=self.inputs[chosen], target=self.target[chosen], weight=weight[chosen])

    def of_inputs(self, first: int) -> Taught:
        """With so many of the first inputs alone."""
        return Taught(inputs=np.ascontiguousarray(self.inputs[:, :first]), target=self.target, weight=self.weight)


@dataclass(frozen=True, eq=False)
class Learned:
    """A forest, and how what it says becomes log odds.

    Args:
        forest: Fitted.
        rows: Rows it learned from, by weight; 0: what it says are log odds.
        centre: Log odds of the share of anomalies among these; taken off.
    """

    forest: Forest = field(repr=False)
    rows: float
    centre: float

    def log_odds(self, inputs: Inputs) -> FloatArray:
        """How much likelier an anomaly is than among the rows it learned from, in log odds; shape (n_rows,)."""
        said = self.forest.predict(inputs[:, : self.forest.n_features], raw=self.rows == 0)
        if self.rows == 0:
            return said - self.centre
        return np.asarray(logit((said * self.rows + _LEAST) / (self.rows + 2 * _LEAST)) - self.centre)


def _grown(taught: Taught, *, seed: int) -> Learned:
    """Extremely randomised trees (Geurts, Ernst and Wehenkel, Machine Learning 2006), grown to the end."""
    trees = extra_trees(taught.inputs, taught.target, taught.weight, trees=TREES, seed=seed)
    forest = from_sklearn_trees(trees, [_share(tree.value) for tree in trees], taught.inputs.shape[1])
    return Learned(forest, float(taught.weight.sum()), _centre(taught))


def learn_boosted(taught: Taught, *, seed: int) -> Learned:
    """Gradient boosted trees by LightGBM, small and many."""
    import lightgbm as lgb

    n = len(taught.target)
    settings = {
        "objective": "binary", "num_leaves": 8 if n < 1_000 else 31, "learning_rate": 0.06, "lambda_l2": 1.0,
        "min_data_in_leaf": int(np.clip(n // 20, 3, 20)), "min_sum_hessian_in_leaf": 0.1, "feature_fraction": 0.5,
        "bagging_fraction": 0.8, "bagging_freq": 1, "num_threads": 1, "deterministic": True, "force_row_wise": True,
        "seed": seed, "verbosity": -1,
    }  # fmt: skip
    rows = lgb.Dataset(taught.inputs, label=taught.target, weight=taught.weight, params={"verbosity": -1})
    rounds = 60 if n < 1_000 else 200
    return Learned(from_lightgbm_text(lgb.train(settings, rows, rounds).model_to_string()), 0.0, _centre(taught))


@dataclass(frozen=True, kw_only=True)
class Learner:
    """One way of learning.

    Args:
        learn: Does it.
        of_columns: Whether it sees the columns alone, which come first among the inputs.
        says: What it is, for a person.
    """

    learn: Callable[..., Learned]
    of_columns: bool
    says: str

    def __call__(self, taught: Taught, n_columns: int, *, seed: int) -> Learned:
        """What it learns from some rows, of which so many inputs are columns."""
        return self.learn(taught.of_inputs(n_columns) if self.of_columns else taught, seed=seed)


LEARNERS: Mapping[str, Learner] = {
    "forest": Learner(learn=_grown, of_columns=False, says="randomised trees"),
    "forest of columns": Learner(learn=_grown, of_columns=True, says="randomised trees of the columns alone"),
    "boosting": Learner(learn=learn_boosted, of_columns=False, says="boosted trees"),
    "boosting of columns": Learner(learn=learn_boosted, of_columns=True, says="boosted trees of the columns alone"),
}


def learners_for(n_labelled: int) -> tuple[str, ...]:
    """Which of them learn from so many labelled rows."""
    kinds = ("forest",) * (n_labelled <= FOREST_UP_TO) + ("boosting",) * (n_labelled >= BOOSTED_FROM)
    return tuple(name for kind in kinds for name in (kind, f"{kind} of columns"))


def _share(value: np.ndarray[Any, Any]) -> FloatArray:
    """Share of anomalies in each node, from scikit-learn's values of the two classes."""
    counts = value[:, 0, :]
    return np.asarray(counts[:, 1] / np.maximum(counts.sum(axis=1), 1e-12), dtype=np.float64)


def _centre(taught: Taught) -> float:
    anomalous = float(taught.weight @ taught.target)
    return float(logit((anomalous + _LEAST) / (float(taught.weight.sum()) + 2 * _LEAST)))
