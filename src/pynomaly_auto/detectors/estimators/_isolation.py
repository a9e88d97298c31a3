"""Our own tree-based estimators: isolation forests whose samples fit any table, and LODA with continuous densities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pynomaly_auto import _optional
from pynomaly_auto.detectors.estimators._grown import Trees
from pynomaly_auto.detectors.estimators._isotree import arrays_of
from pynomaly_auto.detectors.estimators._scales import one_of
from pynomaly_auto.detectors.estimators._scaling import Scaling
from pynomaly_auto.detectors.estimators._stored import Array, Part, Stored, Value
from pynomaly_auto.errors import DetectorError
from pynomaly_auto.forest import Growing, expected_length, isolation, single

if TYPE_CHECKING:
    from typing import Self

    from pynomaly_auto.forest import Forest, PlaneForest
    from pynomaly_auto.records import FloatArray

_BLOCK = 1_000  # rows projected at a time: with 100 projections what is in hand stays in a core's cache
_AUTO, _AUTO_ROWS = "auto", 256  # what Liu et al. (2008) found to be enough
_FEWEST = 2  # rows of a tree of isotree's
_COMPARED = 20  # rows scored by isotree too, to see that its trees were read right


def _sample(wanted: int | float | str, n_rows: int) -> int:
    """Rows of one tree."""
    if isinstance(wanted, str):
        return min({_AUTO: _AUTO_ROWS}[one_of("max_samples", wanted, (_AUTO,))], n_rows)
    return max(1, min(int(wanted * n_rows) if isinstance(wanted, float) and wanted <= 1 else int(wanted), n_rows))


def _columns(wanted: int | float, n_columns: int) -> int:
    """Columns of one tree."""
    return max(1, min(int(wanted * n_columns) if isinstance(wanted, float) else wanted, n_columns))


class SampledIsolationForest(Stored):
    """An isolation forest (Liu, Ting and Zhou, ICDM 2008), the sample of each tree cut to the rows there are.

    Args:
        n_estimators: Number of trees.
        max_samples: Rows per tree, fewer when the table has fewer; a float up to 1 is their share; ``"auto"``: 256, as
            in scikit-learn.
        max_features: Share of the columns per tree, in (0, 1]; a whole number counts them, fewer when there are fewer.
        bootstrap: Draw the rows of a tree with replacement.
        random_state: Seed.
    """

    layout: ClassVar = {"forest_": Trees(), "expected_": Value(kind=float, least=0.0)}

    def __init__(
        self,
        *,
        n_estimators: int = 500,
        max_samples: int | float | str = 512,
        max_features: float = 1.0,
        bootstrap: bool = False,
        random_state: int = 0,
    ) -> None:
        self.n_estimators, self.max_samples, self.max_features = n_estimators, max_samples, max_features
        self.bootstrap, self.random_state = bootstrap, random_state

    def fit(self, X: FloatArray) -> Self:
        """Grow the trees on ``X``, shape (n_rows, n_features)."""
        sample = _sample(self.max_samples, len(X))
        growing = Growing(
            n_trees=self.n_estimators,
            sample=sample,
            n_columns=_columns(self.max_features, X.shape[1]),
            bootstrap=self.bootstrap,
        )
        self.forest_: Forest = growing.grow(single(X), np.random.default_rng(self.random_state))
        self.expected_ = self.n_estimators * float(expected_length(np.array([sample]))[0])
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Isolation score in (0, 1); shape (n_rows,)."""
        return isolation(self.forest_.predict(single(X)), self.expected_)


class IsotreeForest(Stored):
    """isotree's forest with sample and dimension cut to what the table has, on one thread.

    Everything else is passed to ``isotree.IsolationForest`` as it is. isotree grows the trees; they are kept and score
    as plain arrays.

    Args:
        sample_size: Rows per tree, 2 at least and fewer when the table has fewer; a float up to 1 is their share.
        ndim: Columns per split; fewer when the table has fewer.
        random_seed: Seed.
        **params: Further parameters of ``isotree.IsolationForest``.
    """

    layout: ClassVar = {
        "forest_": Trees(),
        "expected_": Value(kind=float, least=0.0),
        "density_": Value(kind=bool),
    }

    def __init__(self, *, sample_size: int = 256, ndim: int = 1, random_seed: int = 0, **params: Any) -> None:
        self.sample_size, self.ndim, self.random_seed, self.params = sample_size, ndim, random_seed, params
        _optional.require("isotree").IsolationForest(**params)  # an unknown parameter fails here, not in fit

    def fit(self, X: FloatArray) -> Self:
        """Grow the trees on ``X``, shape (n_rows, n_features)."""
        model = (
            _optional.require("isotree")
            .IsolationForest(
                sample_size=max(_FEWEST, _sample(self.sample_size, len(X))),
                ndim=min(self.ndim, X.shape[1]),
                random_seed=self.random_seed,
                missing_action="fail",  # rows come encoded, without gaps; this is the fast path
                nthreads=1,
                **self.params,
            )
            .fit(np.ascontiguousarray(X))
        )
        self.density_ = self.params.get("scoring_metric") == "density"
        grown = arrays_of(model, X.shape[1])
        self.forest_: Forest | PlaneForest = grown.forest
        self.expected_ = grown.expected * self.forest_.n_trees
        few = np.ascontiguousarray(X[:_COMPARED])
        if not np.allclose(self.decision_function(few), model.decision_function(few), rtol=1e-9, atol=1e-12):
            raise DetectorError("the trees of this release of isotree cannot be read: they score rows in another way.")
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """The standardised score of isotree: of densities minus the mean logarithm; shape (n_rows,)."""
        said = self.forest_.predict(np.asarray(X, dtype=np.float64))
        return -said / self.forest_.n_trees if self.density_ else isolation(said, self.expected_)


class Loda(Stored):
    """Lightweight on-line detector of anomalies: histograms of sparse random projections (Pevný 2016).

    The logarithm of the density runs straight between the middles of the bins, so that a row's score does not jump
    with the last bit of its projection, and falls on beyond the outermost bins.

    Args:
        n_projections: Number of projections.
        n_bins: Bins of each histogram; fewer on few rows.
        random_state: Seed.
    """

    layout: ClassVar = {
        "scaling_": Part(kind=Scaling),
        "weights_": Array(shape=("d", "p")),
        "low_": Array(shape=("p",)),
        "width_": Array(shape=("p",), positive=True),
        "surprise_": Array(shape=("b", "p")),
    }

    def __init__(self, *, n_projections: int = 100, n_bins: int = 20, random_state: int = 0) -> None:
        self.n_projections, self.n_bins, self.random_state = n_projections, n_bins, random_state

    def fit(self, X: FloatArray) -> Self:
        """Learn projections and histograms of ``X``, shape (n_rows, n_features)."""
        rng = np.random.default_rng(self.random_state)
        self.scaling_ = Scaling(X)
        n_features = X.shape[1]
        used = max(1, round(n_features**0.5))
        self.weights_ = np.zeros((n_features, self.n_projections))
        for column in self.weights_.T:
            column[rng.choice(n_features, used, replace=False)] = rng.standard_normal(used)
        projected = self.scaling_.apply(X) @ self.weights_
        n_bins = max(2, min(self.n_bins, round(len(X) ** 0.5)))
        self.low_ = projected.min(axis=0)
        width = np.ptp(projected, axis=0) / n_bins
        self.width_ = np.where(width > 1e-9, width, 1.0)
        self.surprise_ = np.stack([self._surprise(column, j, n_bins) for j, column in enumerate(projected.T)], axis=1)
        return self

    def _surprise(self, projected: FloatArray, j: int, n_bins: int) -> FloatArray:
        place = np.clip(((projected - self.low_[j]) / self.width_[j]).astype(int), 0, n_bins - 1)
        counts = np.bincount(place, minlength=n_bins)
        padded = np.concatenate(([0], counts, [0])) + 0.5  # an empty bin on either side, half a row in every bin
        return np.asarray(-np.log(padded / len(projected)))

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Mean negative log-density over the projections; shape (n_rows,)."""
        blocks = [X[i : i + _BLOCK] for i in range(0, len(X), _BLOCK)]
        return np.concatenate([self._mean_surprise(self.scaling_.apply(block)) for block in blocks])

    def _mean_surprise(self, Z: FloatArray) -> FloatArray:
        projected = Z @ self.weights_
        last = len(self.surprise_) - 1
        projected -= self.low_
        projected /= self.width_
        where = np.add(projected, 0.5, out=projected)  # in bins, from the middle of the empty bin on the left
        inside = np.clip(where, 0.0, last)
        left = np.minimum(inside.astype(np.int64), last - 1)
        places = left + np.arange(projected.shape[1]) * len(self.surprise_)  # in the flat table, column after column
        table = self.surprise_.T.ravel()
        steps = np.append(table[1:] - table[:-1], 0.0)
        inside -= left
        surprise = steps.take(places)
        surprise *= inside
        surprise += table.take(places)
        beyond = np.flatnonzero((where < 0.0) | (where > last))
        if len(beyond):
            outside = where.take(beyond)
            surprise.reshape(-1)[beyond] += np.log1p(np.abs(outside - np.clip(outside, 0.0, last)))
        return np.asarray(surprise.mean(axis=1))
