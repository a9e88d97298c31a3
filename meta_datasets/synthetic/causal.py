"""Structural causal model: every column a small function of earlier ones, plus what was left over in the real table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, rankdata
from sklearn.tree import DecisionTreeRegressor

from meta_datasets.synthetic._columns import Columns
from meta_datasets.synthetic.copula import normal_scores, quantile, quantiles
from pynomaly_auto.records import FloatArray

_MOST_PARENTS = 3
_HIDDEN = 12
_RIDGE = 1.0
_LEAF = 15
_SMOOTH = 0.6  # of the continuous columns that have parents
_JITTER = 0.05  # of normal scores of continuous values drawn from a leaf
_DEPTHS = (3, 7)  # of trees, the upper one left out


@dataclass(frozen=True, kw_only=True, eq=False)
class _Smooth:
    """Ridge on random tanh units, from normal scores to normal scores, with the residuals of the rows fitted to.

    On scores, not on values: with long tails a function of values would be a function of a few rows.
    """

    inner: FloatArray
    bias: FloatArray
    outer: FloatArray
    residuals: FloatArray

    @classmethod
    def fit(cls, parents: FloatArray, y: FloatArray, rng: np.random.Generator) -> _Smooth:
        inner, bias = rng.normal(size=(parents.shape[1], _HIDDEN)), rng.normal(size=_HIDDEN)
        H = _hidden(parents, inner, bias)
        outer = np.asarray(np.linalg.solve(H.T @ H + _RIDGE * np.eye(H.shape[1]), H.T @ y), dtype=np.float64)
        return cls(inner=inner, bias=bias, outer=outer, residuals=y - H @ outer)

    def draw(self, parents: FloatArray, rng: np.random.Generator) -> FloatArray:
        predicted: FloatArray = _hidden(parents, self.inner, self.bias) @ self.outer
        predicted += rng.choice(self.residuals, len(parents))
        return predicted


def _hidden(parents: FloatArray, inner: FloatArray, bias: FloatArray) -> FloatArray:
    return np.hstack([np.ones((len(parents), 1)), parents, np.tanh(parents @ inner + bias)])


@dataclass(frozen=True, kw_only=True, eq=False)
class _Steps:
    """A small tree; a value seen in the leaf is drawn, so that codes stay codes and spread may differ by leaf."""

    tree: DecisionTreeRegressor
    seen: Mapping[int, FloatArray]

    @classmethod
    def fit(cls, parents: FloatArray, y: FloatArray, ranked: FloatArray, rng: np.random.Generator) -> _Steps:
        # Split by normal scores: by values, long tails would leave all the others in one leaf.
        depth, seed = int(rng.integers(*_DEPTHS)), int(rng.integers(2**31))
        tree = DecisionTreeRegressor(max_depth=depth, min_samples_leaf=_LEAF, random_state=seed).fit(parents, ranked)
        leaves = tree.apply(parents)
        return cls(tree=tree, seen={int(leaf): y[leaves == leaf] for leaf in np.unique(leaves)})

    def draw(self, parents: FloatArray, rng: np.random.Generator) -> FloatArray:
        leaves, out = self.tree.apply(parents), np.empty(len(parents))
        for leaf in np.unique(leaves):
            at = leaves == leaf
            out[at] = rng.choice(self.seen[int(leaf)], int(at.sum()))
        return out


@dataclass(frozen=True, kw_only=True, eq=False)
class CausalModel:
    """A fitted structural causal model.

    Args:
        columns: What it was fitted to.
        parents: Column to the columns it depends on, causes before effects; () for a cause of its own.
        functions: Column with parents to its function.
    """

    columns: Columns
    parents: Mapping[int, tuple[int, ...]]
    functions: Mapping[int, _Smooth | _Steps]

    @classmethod
    def fit(cls, columns: Columns, rng: np.random.Generator) -> CausalModel:
        """Draw a directed acyclic graph over the columns and fit each to its parents.

        The order of the columns is random; parents are drawn among the earlier ones, the more correlated the likelier.
        Discrete columns, and some of the continuous ones, follow a small tree; the others a smooth function.
        """
        X = columns.values
        varies = np.ptp(X, axis=0) > 0
        ranks = rankdata(X, axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            strength = np.nan_to_num(np.abs(np.corrcoef(ranks, rowvar=False)).reshape(X.shape[1], X.shape[1]))
        parents: dict[int, tuple[int, ...]] = {}
        functions: dict[int, _Smooth | _Steps] = {}
        for j in map(int, rng.permutation(X.shape[1])):
            earlier = [i for i in parents if varies[i] and varies[j] and strength[i, j] > 0.05]
            count = min(len(earlier), int(rng.integers(1, _MOST_PARENTS + 1)))
            parents[j] = ()
            if not count:
                continue
            likely = strength[earlier, j] ** 2
            chosen = rng.choice(earlier, count, replace=False, p=likely / likely.sum())
            parents[j] = tuple(int(i) for i in chosen)
            ranked = normal_scores(columns, j, X[:, j])
            if columns.levels[j] is None and rng.random() < _SMOOTH:
                functions[j] = _Smooth.fit(_scores(columns, X, parents[j]), ranked, rng)
            else:
                functions[j] = _Steps.fit(X[:, list(parents[j])], X[:, j], ranked, rng)
        return cls(columns=columns, parents=parents, functions=functions)

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw rows, causes first, shape (n, n_columns)."""
        out = quantiles(self.columns, rng.random((n, len(self.parents))))
        for j, causes in self.parents.items():
            if not causes:
                continue
            function = self.functions[j]
            if isinstance(function, _Smooth):
                score = function.draw(_scores(self.columns, out, causes), rng)
            else:
                out[:, j] = function.draw(out[:, list(causes)], rng)
                if self.columns.levels[j] is not None:
                    continue
                # Moved a little, as measurements hardly ever repeat themselves exactly.
                score = normal_scores(self.columns, j, out[:, j]) + _JITTER * rng.normal(size=n)
            out[:, j] = quantile(self.columns, j, norm.cdf(score))
        return out


def _scores(columns: Columns, X: FloatArray, chosen: tuple[int, ...]) -> FloatArray:
    return np.column_stack([normal_scores(columns, j, X[:, j]) for j in chosen])
