"""Views of a table: the same rows in other coordinates, or without the presumed outliers, before fitting."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy.special import ndtri

from pynomaly_auto.detectors.estimators._scales import blocks, one_of
from pynomaly_auto.detectors.estimators._sharing import once
from pynomaly_auto.detectors.estimators._stored import Array, Sizes, Stored, read
from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import State

if TYPE_CHECKING:
    from pynomaly_auto.records import FloatArray

VIEWS = ("standard", "ranks", "whitened", "trimmed")
COORDINATES = VIEWS[:3]  # those that move rows; the last leaves some out
VIEW = "view"  # the parameter's name

_KNOTS = 512  # points a column's distribution is kept as
_RIDGE = 1e-3  # of the mean variance, added to every direction: a direction without variance must not rule distances
_FARTHEST = 1e6
_FINITE = 1e12  # standard deviations that a rank may lie beyond the rows fitted on: squares must stay finite
_FLAT = 1e-9
_FEW_ROWS = 8
_ADDED = 256  # features up to which products are added one after the other
_ADDED_CELLS = 50_000
_TILE = 64
_WIDE = 1000  # features beyond which principal axes are learnt from as many rows


class Ranks(Stored):
    """Each column through its distribution onto a standard normal; beyond the rows fitted on, by distance."""

    layout: ClassVar = {
        "knots_": Array(shape=("knots", "d")),
        "normal_": Array(shape=("knots",)),
        "low_": Array(shape=("d",)),
        "high_": Array(shape=("d",)),
        "spread_": Array(shape=("d",), positive=True),
    }
    _steps: _Steps | None = None

    def fit(self, X: FloatArray) -> Ranks:
        """Learn the columns' distributions from ``X``, shape (n_rows, n_features)."""
        n = len(X)
        levels = np.linspace(0.5 / n, 1.0 - 0.5 / n, min(n, _KNOTS))
        self.knots_ = np.ascontiguousarray(np.quantile(X, levels, axis=0, method="hazen"))
        self.normal_ = ndtri(levels)
        self.low_, self.high_ = X.min(axis=0), X.max(axis=0)
        # A constant has no unit: what departs from it is told by how far.
        self.spread_ = np.where(self.high_ > self.low_, np.maximum(X.std(axis=0), _FLAT), 1.0)
        return self

    def apply(self, X: FloatArray) -> FloatArray:
        """Normal scores; shape as ``X``."""
        inside = np.clip(X, self.low_, self.high_)
        # By rounding, the outermost knots may lie just within the rows fitted on.
        within = np.clip(inside, self.knots_[0], self.knots_[-1])
        width = np.maximum(self.knots_[-1] - self.knots_[0], 1e-12)
        out = np.clip((X - inside) / self.spread_, -_FINITE, _FINITE)
        out += self._normal(within) + np.arcsinh((inside - within) / width * 4.0)
        return out

    def _normal(self, within: FloatArray) -> FloatArray:
        """Where the values stand among the knots, in standard deviations of a normal distribution."""
        if self._steps is None:
            self._steps = _Steps(self.knots_, self.normal_)
        return self._steps(within)


class _Steps:
    """A straight line from knot to knot for each column; several may have the same value, whose middle it takes."""

    def __init__(self, knots: FloatArray, heights: FloatArray) -> None:
        n, d = knots.shape
        self.knots, self.heights = np.full((n + 1, d), np.inf), np.zeros((n + 1, d))
        self.counts = np.zeros(d, dtype=np.int64)
        for j, column in enumerate(knots.T):
            distinct, first = np.unique(column, return_index=True)
            last = np.append(first[1:], n) - 1
            # Ties, of which discrete columns are made, get the middle of the first and the last of their heights.
            self.knots[: len(distinct), j], self.counts[j] = distinct, len(distinct)
            self.heights[: len(distinct), j] = (heights[first] + heights[last]) / 2
        self.columns = np.arange(d)

    def __call__(self, values: FloatArray) -> FloatArray:
        if len(values) <= _FEW_ROWS:
            after = (self.knots <= values[:, None, :]).sum(axis=1)
        else:
            after = np.empty(values.shape, dtype=np.int64)
            for j, count in enumerate(self.counts):
                after[:, j] = np.searchsorted(self.knots[:count, j], values[:, j], side="right")
        before = np.maximum(after - 1, 0)
        last = np.minimum(after, self.counts - 1)
        x, y = self.knots[before, self.columns], self.heights[before, self.columns]
        run = self.knots[last, self.columns] - x  # zero at the last knot
        rise = self.heights[last, self.columns] - y
        return np.asarray(y + rise * ((values - x) / np.where(run > 0, run, 1.0)))


class Whitened(Stored):
    """The rows on their principal axes, each scaled to unit variance."""

    layout: ClassVar = {"centre_": Array(shape=("d",)), "axes_": Array(shape=("d", "axes"))}

    def fit(self, X: FloatArray) -> Whitened:
        """Learn the axes from ``X``, shape (n_rows, n_features)."""
        self.centre_ = X.mean(axis=0)
        kept = X - self.centre_
        if X.shape[1] > _WIDE:
            kept = kept[np.linspace(0, len(X) - 1, min(len(X), _WIDE)).astype(int)]
        _, scale, axes = np.linalg.svd(kept, full_matrices=False)
        variance = scale**2 / max(len(kept) - 1, 1)
        ridge = _RIDGE * max(float(variance.mean()), 1e-12)
        self.axes_ = np.ascontiguousarray(axes.T / np.sqrt(variance + ridge))
        return self

    def apply(self, X: FloatArray) -> FloatArray:
        """Coordinates; shape (n_rows, n_axes)."""
        Z = X - self.centre_
        out = (_added if len(self.centre_) <= _ADDED else _tiled)(Z, self.axes_)
        return np.clip(out, -_FARTHEST, _FARTHEST, out=out)


# BLAS adds in another order for one row than for many, and estimators that ask whether a value is one they know would
# see another row. So either products are added one after the other, or always as many rows are multiplied.
def _added(Z: FloatArray, axes: FloatArray) -> FloatArray:
    out = np.zeros((len(Z), axes.shape[1]))
    for part in blocks(len(Z), _ADDED_CELLS // axes.shape[1] + 1):
        for column, axis in zip(Z[part].T, axes, strict=True):
            out[part] += column[:, None] * axis
    return out


def _tiled(Z: FloatArray, axes: FloatArray) -> FloatArray:
    out = np.empty((len(Z), axes.shape[1]))
    tile = np.zeros((_TILE, Z.shape[1]))
    for part in blocks(len(Z), _TILE):
        tile[: part.stop - part.start] = Z[part]
        out[part] = (tile @ axes)[: part.stop - part.start]
    return out


_COORDINATES: dict[str, type[Ranks] | type[Whitened]] = {"ranks": Ranks, "whitened": Whitened}


class Viewed:
    """An estimator that sees its rows in another view; learnt from the rows it is fitted on.

    ``"ranks"`` maps each column through its distribution onto a standard normal (van der Waerden scores): long tails
    are drawn in and crowded values spread out; beyond the rows fitted on, a value goes on by its distance from the
    nearest of them in standard deviations of the column. ``"whitened"`` turns the rows onto their principal axes and
    scales each to unit variance, so that Euclidean distance becomes Mahalanobis distance. ``"trimmed"`` fits on the
    rows that a quick consensus does not presume to be outliers, so that anomalies do not pass for normal among their
    like; the others are scored as new rows.

    Args:
        estimator: With ``fit``, ``decision_function`` and, where it has them, ``decision_scores_``.
        view: ``"ranks"``, ``"whitened"`` or ``"trimmed"``.

    Raises:
        SettingError: The view is unknown.
    """

    coordinates_: Ranks | Whitened | None = None

    def __init__(self, estimator: Any, view: str) -> None:
        self.view = one_of(VIEW, view, VIEWS)
        self.estimator = estimator

    def fit(self, X: FloatArray) -> Viewed:
        """Learn the view and fit the estimator in it; shape (n_rows, n_features)."""
        if self.view == "trimmed":
            self._fit_trimmed(X)
        else:
            kind = _COORDINATES.get(self.view)
            self.coordinates_ = None if kind is None else kind().fit(X)
            self.estimator.fit(self.apply(X))
        return self

    def to_state(self) -> State:
        """The view's data and, under a name of their own, the estimator's."""
        estimator: State = self.estimator.to_state()
        coordinates = State() if self.coordinates_ is None else self.coordinates_.to_state()
        return State(values={VIEW: self.view}) | coordinates.within("coordinates") | estimator.within("estimator")

    @classmethod
    def around(cls, kind: Any, view: str, state: State, sizes: Sizes) -> Viewed:
        """Make a view again, of what `to_state` stored.

        Args:
            kind: Class of the estimator.
            view: The view that it must be.
            state: Its data.
            sizes: Sizes known, such as ``"d"``, the number of features.

        Raises:
            StorageError: Something is missing, damaged, or of another view.
        """
        found = state.value(VIEW, str)
        if found != view:
            raise StorageError(f"the view {found!r} is stored, not {view!r}.")
        made = cls.__new__(cls)
        made.view = view
        if view in _COORDINATES:
            made.coordinates_ = _COORDINATES[view].read_state(state.part("coordinates"), sizes)
        seen = sizes.get("axes", sizes.get("d"))
        made.estimator = read(kind, state.part("estimator"), {} if seen is None else {"d": seen})
        return made

    def _fit_trimmed(self, X: FloatArray) -> None:
        from pynomaly_auto.detectors.views._trimming import presumed_outliers

        out = presumed_outliers(X)
        self.estimator.fit(np.ascontiguousarray(X[~out]))
        own = getattr(self.estimator, "decision_scores_", None)
        if own is not None:
            scores = np.empty(len(X))
            scores[~out] = np.asarray(own, dtype=np.float64).reshape(-1)
            if out.any():
                scores[out] = self.estimator.decision_function(np.ascontiguousarray(X[out]))
            self.scores_ = scores

    def apply(self, X: FloatArray) -> FloatArray:
        """The rows in the view; shape (n_rows, n_features), for ``"whitened"`` (n_rows, n_axes)."""
        coordinates = self.coordinates_
        if coordinates is None:
            return X
        return once(("view", coordinates.digest), X, partial(coordinates.apply, X))

    def decision_function(self, X: FloatArray) -> FloatArray:
        """The estimator's scores of the rows, seen in the view; shape (n_rows,)."""
        return np.asarray(self.estimator.decision_function(self.apply(X)), dtype=np.float64)

    @property
    def decision_scores_(self) -> FloatArray:
        """The estimator's scores of the rows it was fitted on; shape (n_train,)."""
        if self.view == "trimmed":
            return self.scores_
        return np.asarray(self.estimator.decision_scores_, dtype=np.float64)
