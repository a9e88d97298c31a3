"""Models of some columns given the others, as arrays: one for each half of the rows, fitted on the other half."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from pynomaly_auto.cells._group import medians
from pynomaly_auto.cells._surroundings import Read, Surroundings
from pynomaly_auto.errors import StorageError
from pynomaly_auto.forest import Forest, from_lightgbm_text, joined
from pynomaly_auto.records import FloatArray, IntArray, State

_ROUNDS = {"value": 40, "spread": 15, "class": 25}
_RATE = {"value": 0.2, "spread": 0.2, "class": 0.3}
_LEAVES = {"value": 8, "spread": 4, "class": 6}
_PRIOR = 5.0  # rows that the mean of all counts as, beside a value's own
_RIDGE = 1e-3
_SOLUTIONS, _FAR_OFF = 3, 3.0  # of a linear model; usual distances beyond which rows count less
_MANY_VALUES, _MOST_OWN, _LEAST_OWN = 8, 2, 3  # of categories whose values have usual distances of their own; rows
_CHUNK = 10_000  # rows predicted at a time


@dataclass(frozen=True, kw_only=True)
class View:
    """One quantity that is predicted.

    Args:
        owners: The columns it is of, none of which may be an input.
        linear: Whether it is a number, whose linear prediction is an input as well.
    """

    owners: frozenset[int]
    linear: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Half:
    """What was learned from one half of the rows, to judge the other.

    Args:
        means: Mean of each view's quantity for each value of a category, of rare ones and missing ones last; position
            of the category's column to an array of shape (n_values + 2, n_views).
        linear: Weights of the measured inputs, then of the categories' means; shape (n_measured + n_categories,
            n_linear).
        middle: What measured inputs and means lie around, and are where there is none; shape (n_measured +
            n_categories, n_linear).
        ends: Least and largest linear prediction, and the mean; shape (3, n_linear).
        forest: Trees over what `laid` makes.
        counts: Trees of each model.
        own: Median distance from what is predicted of the numbers of each value of a category, 0 for few rows; as
            ``means``, for categories of many values; shape (n_values + 2, n_linear).
    """

    means: Mapping[int, FloatArray]
    linear: FloatArray = field(repr=False)
    middle: FloatArray = field(repr=False)
    ends: FloatArray = field(repr=False)
    forest: Forest = field(repr=False)
    counts: IntArray
    own: Mapping[int, FloatArray] = field(default_factory=dict, repr=False)

    def predict(self, read: Read) -> tuple[FloatArray, FloatArray]:
        """What the models say, shape (n_rows, n_models), and the linear predictions, shape (n_rows, n_linear)."""
        n = len(read.plain)
        trees, lines = np.empty((n, len(self.counts))), np.empty((n, self.linear.shape[1]))
        for start in range(0, n, _CHUNK):
            part = slice(start, start + _CHUNK)
            X, lines[part] = self.laid(read.rows(part))
            trees[part] = self.forest.sums(X, self.counts)
        return trees, lines

    def nearest(self, read: Read, values: FloatArray, predicted: FloatArray) -> FloatArray:
        """What is predicted, or is usual for the row's own value of a category instead, whichever is nearer.

        Args:
            read: The rows.
            values: Of the numbers; shape (n_rows, n_linear).
            predicted: Same shape.
        """
        out = predicted
        for i, own in self.own.items():
            other = predicted + own[read.codes[i]]
            out = np.where(np.abs(values - other) < np.abs(values - out), other, out)
        return out

    def laid(self, read: Read) -> tuple[FloatArray, FloatArray]:
        """Inputs of all trees side by side, and the linear predictions among them."""
        means = [self.means[i][codes] for i, codes in read.codes.items()]
        line = self._line(read, means)
        return np.column_stack([read.plain, *means, line]), line

    def _line(self, read: Read, means: Sequence[FloatArray]) -> FloatArray:
        n_linear = self.linear.shape[1]
        out = np.empty((len(read.plain), n_linear))
        out[:] = self.ends[2]
        # Term by term, so that a row alone is rounded as in a batch.
        for p in range(len(self.linear)):
            own = p - read.measured.shape[1]
            values = read.measured[:, [p]] if own < 0 else means[own][:, :n_linear]
            values = values - self.middle[p]
            out += np.where(np.isfinite(values), values, 0.0) * self.linear[p]
        return np.asarray(np.clip(out, self.ends[0], self.ends[1]))

    def to_state(self) -> State:
        """As data."""
        arrays = {"linear": self.linear, "middle": self.middle, "ends": self.ends, "counts": self.counts}
        arrays |= {f"means{i}": means for i, means in self.means.items()}
        arrays |= {f"own{i}": own for i, own in self.own.items()}
        return State(
            arrays=arrays, values={"means": list(self.means), "own": list(self.own)}
        ) | self.forest.to_state().within("forest")

    @classmethod
    def from_state(cls, state: State, around: Surroundings, views: Sequence[View]) -> Self:
        """The inverse of `to_state`.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        linear, middle, ends = (state.array(name, ndim=2) for name in ("linear", "middle", "ends"))
        counts, forest = state.array("counts", kind="i", ndim=1), Forest.from_state(state.part("forest"))
        means = {i: state.array(f"means{i}", ndim=2) for i in state.value("means", list)}
        own = {i: state.array(f"own{i}", ndim=2) for i in state.value("own", list)}
        n_linear, n_terms = sum(view.linear for view in views), len(around.measured_of) + len(around.categories)
        width = len(around.plain_of) + len(around.categories) * len(views) + n_linear
        fits = (
            list(means) == list(around.categories)
            and all(means[i].shape == (c.size + 2, len(views)) for i, c in around.categories.items())
            and all(i in means and rows.shape == (len(means[i]), n_linear) for i, rows in own.items())
            and linear.shape == middle.shape == (n_terms, n_linear)
            and ends.shape == (3, n_linear)
            and forest.n_features == width
            and (counts >= 0).all()
            and counts.sum() == forest.n_trees
        )
        if not fits:
            raise StorageError("the models of columns given the others do not fit them.")
        return cls(means=means, linear=linear, middle=middle, ends=ends, forest=forest, counts=counts, own=own)


class Fitting:
    """Fits the models of one half.

    Args:
        around: What is read of a row.
        read: The rows to learn from.
        views: What is predicted.
        targets: Each view's quantity, NaN where it is not known; shape (n_rows, n_views).
    """

    def __init__(self, around: Surroundings, read: Read, views: Sequence[View], targets: FloatArray) -> None:
        self.around, self.read, self.views, self.targets = around, read, views, targets
        self.means = {i: _means(read.codes[i], c.size, targets) for i, c in around.categories.items()}
        n_linear = sum(view.linear for view in views)
        n_terms = len(around.measured_of) + len(around.categories)
        self.linear, self.middle, self.ends = (np.zeros((k, n_linear)) for k in (n_terms, n_terms, 3))
        for v in range(n_linear):
            self._fit_line(v)
        none = Forest(sizes=np.zeros(0, int), features=np.zeros(0, int), values=np.zeros(0), n_features=self._width)
        self._models: list[Forest] = []
        self.X, self.line = self._half(none, np.zeros(0, int)).laid(read)

    def add(self, view: int, kind: str, target: FloatArray) -> None:
        """Grow the trees of one more model.

        Args:
            view: Whose inputs it has.
            kind: ``"value"``, ``"spread"`` or ``"class"``.
            target: What it predicts, NaN: a row to leave out; shape (n_rows,).
        """
        import lightgbm as lgb  # here, so that listing the catalogue stays light

        columns, rows = self._columns(view), np.flatnonzero(np.isfinite(target))
        settings = {
            "objective": "binary" if kind == "class" else "regression_l2",
            "learning_rate": _RATE[kind],
            "num_leaves": _LEAVES[kind],
            "min_data_in_leaf": max(3, min(15, len(rows) // 50)),
            "min_sum_hessian_in_leaf": 1e-2,
            "lambda_l2": 1.0,
            "max_bin": 63,
            "num_threads": 1,
            "deterministic": True,
            "force_row_wise": True,
            "seed": 0,
            "verbosity": -1,
        }
        inputs = self.X[np.ix_(rows, columns)]
        data = lgb.Dataset(inputs, label=target[rows], params={"verbosity": -1, "max_bin": 63}, free_raw_data=True)
        text = lgb.train(settings, data, num_boost_round=_ROUNDS[kind]).model_to_string()
        self._models.append(from_lightgbm_text(text).over(columns, self._width))

    def half(self, models: Sequence[int] | None = None, views: Sequence[int] | None = None) -> Half:
        """What was fitted.

        Args:
            models: Models to keep, in order; None: all.
            views: Views to keep the inputs of, numbers first; None: all.
        """
        kept = self._models if models is None else [self._models[i] for i in models]
        counts = np.array([model.n_trees for model in kept], dtype=np.int64)
        whole = self._half(joined(kept, self._width), counts)
        return whole if views is None else self._narrowed(whole, views)

    def _half(self, forest: Forest, counts: IntArray) -> Half:
        linear, middle, ends = self.linear, self.middle, self.ends
        return Half(means=self.means, linear=linear, middle=middle, ends=ends, forest=forest, counts=counts)

    def _narrowed(self, half: Half, views: Sequence[int]) -> Half:
        """The same models over the inputs of some views alone."""
        numbers = [v for v in views if self.views[v].linear]
        n_plain, n_all, n_categories = len(self.around.plain_of), len(self.views), len(self.around.categories)
        means = [n_plain + k * n_all + v for k in range(n_categories) for v in views]
        inputs = [*range(n_plain), *means, *(n_plain + n_categories * n_all + v for v in numbers)]
        place = np.zeros(self._width, dtype=np.int64)
        place[inputs] = np.arange(len(inputs))
        return Half(
            means={i: own[:, list(views)] for i, own in half.means.items()},
            linear=half.linear[:, numbers],
            middle=half.middle[:, numbers],
            ends=half.ends[:, numbers],
            forest=half.forest.over(place, len(inputs)),
            counts=half.counts,
        )

    @property
    def _width(self) -> int:
        n_linear = sum(view.linear for view in self.views)
        return len(self.around.plain_of) + len(self.around.categories) * len(self.views) + n_linear

    def _columns(self, view: int) -> IntArray:
        owners, n_plain = self.views[view].owners, len(self.around.plain_of)
        plain = [k for k, of in enumerate(self.around.plain_of) if not of & owners]
        place = [k for k, i in enumerate(self.around.categories) if i not in owners]
        means = [n_plain + k * len(self.views) + view for k in place]
        line = [n_plain + len(self.around.categories) * len(self.views) + view] if self.views[view].linear else []
        return np.array([*plain, *means, *line], dtype=np.int64)

    def _fit_line(self, v: int) -> None:
        """Weights of a robust linear model: ridge, with rows far off counting less the second and third time."""
        owners, y = self.views[v].owners, self.targets[:, v]
        means = [self.means[i][self.read.codes[i], v] for i in self.around.categories]
        terms = np.column_stack([self.read.measured, *means])
        own = [not of & owners for of in (*self.around.measured_of, *(frozenset((i,)) for i in self.around.categories))]
        rows, used = np.isfinite(y), np.flatnonzero(own)
        y, terms = y[rows], terms[np.ix_(rows, used)]
        known = np.isfinite(terms)
        middle = np.where(known, terms, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        terms = np.where(known, terms - middle, 0.0)
        size = np.sqrt(np.square(terms).mean(axis=0))
        terms = terms / np.where(size > 0, size, 1.0)
        weights: FloatArray = np.ones(len(y))
        beta: FloatArray = np.zeros(len(used))
        base = 0.0
        for _ in range(_SOLUTIONS):
            base = float(np.average(y, weights=weights))
            gram = (terms * weights[:, None]).T @ terms + _RIDGE * len(y) * np.eye(len(used))
            beta = np.linalg.solve(gram, terms.T @ (weights * (y - base))).astype(np.float64)
            off = np.abs(y - base - terms @ beta)
            usual = max(float(np.median(off)), 1e-12)
            weights = np.minimum(1.0, _FAR_OFF * usual / np.maximum(off, 1e-12))
        # Rounded, as the last digits of a solution hang on the machine and its threads.
        self.linear[used, v] = (beta / np.where(size > 0, size, 1.0)).astype(np.float32)
        self.middle[used, v] = middle
        wide = float(np.ptp(y))
        self.ends[:, v] = y.min() - wide / 2, y.max() + wide / 2, base


def usual_of(read: Read, around: Surroundings, off: FloatArray) -> Mapping[int, FloatArray]:
    """Median distance of each value of the two categories of most values, 0 where there are few rows.

    Args:
        read: The rows.
        around: What is read of them.
        off: Distances of numbers from what is predicted, NaN where there are none; shape (n_rows, n_numbers).
    """
    sizes = {i: category.size for i, category in around.categories.items() if category.size >= _MANY_VALUES}
    out = {}
    for i in sorted(sizes, key=lambda i: -sizes[i])[:_MOST_OWN]:
        codes, found = read.codes[i], np.zeros((sizes[i] + 2, off.shape[1]))
        for v in range(off.shape[1]):
            rows = (codes >= 0) & np.isfinite(off[:, v])
            counts = np.bincount(codes[rows], minlength=sizes[i])
            middle = medians(off[rows, v], codes[rows], counts)
            found[:-2, v] = np.where(counts >= _LEAST_OWN, np.nan_to_num(middle), 0.0)
        out[i] = found
    return out


def _means(codes: IntArray, size: int, targets: FloatArray) -> FloatArray:
    """Mean of each target for each value, drawn to the mean of all; shape (size + 2, n_targets)."""
    known = np.isfinite(targets)
    filled = np.where(known, targets, 0.0)
    overall = filled.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    out = np.empty((size + 2, targets.shape[1]))
    place = np.where(codes >= 0, codes, codes + size + 2)  # rare ones last, missing ones before
    for v in range(targets.shape[1]):
        rows = np.bincount(place, known[:, v], minlength=size + 2)
        sums = np.bincount(place, filled[:, v], minlength=size + 2)
        out[:, v] = (sums + _PRIOR * overall[v]) / (rows + _PRIOR)
    return out
