"""Which rows to leave out before fitting: those that a quick consensus holds to be most anomalous."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import rankdata

from pynomaly_auto.detectors.estimators._marginals import HistogramDensity
from pynomaly_auto.detectors.estimators._neighbours import NearestNeighbours
from pynomaly_auto.detectors.estimators._projections import PrincipalComponents
from pynomaly_auto.detectors.estimators._subsamples import SubsampleDistance
from pynomaly_auto.detectors.views._trimming_cost import searched_among

if TYPE_CHECKING:
    from pynomaly_auto.records import FloatArray

SHARE = 0.15  # of the rows
_KEPT = 2  # tables whose presumed outliers are remembered: a dozen members of one run ask for the same
_known: OrderedDict[bytes, np.ndarray[Any, np.dtype[np.bool_]]] = OrderedDict()
_lock = Lock()


def presumed_outliers(X: FloatArray) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """The 15 % of rows with the highest mean −log tail rank under four quick detectors; shape (n_rows,).

    A detector fitted on its own anomalies takes some of them for normal (masking, and swamping of others: Hadi and
    Simonoff, JASA 1993). One detector's own presumed outliers are a poor remedy, as it has masked the others already;
    detectors of four kinds (marginal, linear, sampled and nearest neighbours) mask different ones.

    Args:
        X: Encoded rows, finite; shape (n_rows, n_features).
    """
    key = blake2b(np.ascontiguousarray(X).data, digest_size=16).digest() + bytes(str(X.shape), "ascii")
    with _lock:
        found = _known.get(key)
    if found is None:
        found = _presumed_outliers(X)
        found.setflags(write=False)
        with _lock:
            _known[key] = found
            while len(_known) > _KEPT:
                _known.popitem(last=False)
    return found


def _presumed_outliers(X: FloatArray) -> np.ndarray[Any, np.dtype[np.bool_]]:
    scores = (
        _scores(HistogramDensity(), X),
        _scores(PrincipalComponents(), X),
        _scores(SubsampleDistance(random_state=0), X),
        _by_neighbours(X),
    )
    n = len(X)
    # As `scoring.tail_ranks` has them; detectors do not know that room.
    ranks = [-np.log((n + 0.5 - rankdata(np.nan_to_num(v))) / n) for v in scores]
    out = np.zeros(n, dtype=bool)
    out[np.argsort(-np.mean(ranks, axis=0), kind="stable")[: int(SHARE * n)]] = True
    return out


def _scores(estimator: Any, X: FloatArray) -> FloatArray:
    estimator.fit(X)
    own = getattr(estimator, "decision_scores_", None)
    return np.asarray(estimator.decision_function(X) if own is None else own, dtype=np.float64)


def _by_neighbours(X: FloatArray) -> FloatArray:
    n = len(X)
    size = searched_among(n)
    if size == n:
        return _scores(NearestNeighbours(), X)
    chosen = np.sort(np.random.default_rng(0).choice(n, size, replace=False))
    estimator = NearestNeighbours().fit(np.ascontiguousarray(X[chosen]))
    out = np.asarray(estimator.decision_function(X), dtype=np.float64)
    out[chosen] = estimator.decision_scores_  # each leaves itself out
    return out
