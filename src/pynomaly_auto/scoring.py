"""How good a score vector is: metrics with labels, statistics without, and ranks that make members comparable."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from pynomaly_auto.errors import InvalidInputError
from pynomaly_auto.records import FloatArray, IntArray

# Names of what `score_statistics` returns; stable, because the knowledge base stores values under them.
STATISTICS = (
    "tail_weight", "kurtosis", "gap", "quantile_ratio_95", "quantile_ratio_99", "tie_share",
    "top_z_1", "top_z_5", "top_z_10", "relative_top_median", "expected_anomaly_gap",
    "agreement", "tail_agreement", "overlap_5", "overlap_10", "pseudo_discrepancy",
)  # fmt: skip

_FARTHEST = 1e6  # robust z beyond which farther says nothing more
_BOUND = 50.0  # statistics without a natural bound are clipped here, so that no outlier of a table rules a model


def roc_auc(labels: IntArray, scores: FloatArray) -> float:
    """Area under the ROC curve; ties count half.

    Args:
        labels: 1 for an anomaly, 0 for a normal row; shape (n_rows,).
        scores: Higher = more anomalous; shape (n_rows,).

    Raises:
        InvalidInputError: Only one of the two classes occurs, or the lengths differ.

    >>> roc_auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
    0.75
    """
    positive, scores = _checked(labels, scores)
    n, found = len(scores), int(positive.sum())
    return float((rankdata(scores)[positive].sum() - found * (found + 1) / 2) / (found * (n - found)))


def average_precision(labels: IntArray, scores: FloatArray) -> float:
    """Average precision: precision averaged over recall, rows with the same score taken together.

    Args:
        labels: 1 for an anomaly, 0 for a normal row; shape (n_rows,).
        scores: Higher = more anomalous; shape (n_rows,).

    Raises:
        InvalidInputError: Only one of the two classes occurs, or the lengths differ.

    >>> round(average_precision(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])), 3)
    0.833
    """
    positive, scores = _checked(labels, scores)
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits = np.cumsum(positive[order])[last]
    gained = np.diff(hits, prepend=0)
    return float((gained * hits / (last + 1.0)).sum() / positive.sum())


def precision_at_n(labels: IntArray, scores: FloatArray, n: int | None = None) -> float:
    """Share of anomalies among the ``n`` rows with the highest scores; ties at the threshold count by their share.

    Args:
        labels: 1 for an anomaly, 0 for a normal row; shape (n_rows,).
        scores: Higher = more anomalous; shape (n_rows,).
        n: How many rows; None: as many as there are anomalies.

    Raises:
        InvalidInputError: Only one of the two classes occurs, or the lengths differ.
    """
    positive, scores = _checked(labels, scores)
    n = int(positive.sum()) if n is None else min(max(int(n), 1), len(scores))
    return _expected_hits(positive, scores, n) / n


def f1_at_n(labels: IntArray, scores: FloatArray, n: int | None = None) -> float:
    """F1 of calling the ``n`` rows with the highest scores anomalies; ties at the threshold count by their share.

    Args:
        labels: 1 for an anomaly, 0 for a normal row; shape (n_rows,).
        scores: Higher = more anomalous; shape (n_rows,).
        n: How many rows; None: as many as there are anomalies.

    Raises:
        InvalidInputError: Only one of the two classes occurs, or the lengths differ.
    """
    positive, scores = _checked(labels, scores)
    found = int(positive.sum())
    n = found if n is None else min(max(int(n), 1), len(scores))
    return 2.0 * _expected_hits(positive, scores, n) / (n + found)


def tail_ranks(scores: FloatArray, reference_sorted: FloatArray | None = None) -> FloatArray:
    """Minus the log of each score's tail rank: −log((r − ½)/n) for rank r of n, 1 = most anomalous.

    Unlike plain ranks they tell the last rows apart from the last but one, which is where anomalies are; unlike
    z-scores they do not depend on a detector's units. Ties share their middle rank.

    Args:
        scores: Higher = more anomalous, finite; shape (n_rows,).
        reference_sorted: Ascending scores of the training rows to rank among, shape (n_train,); None: rank among
            ``scores`` themselves. A score beyond all of them gets −log(½/(n + 1)) plus a bounded excess in [0, 1), so
            that order among extremes is kept.

    Returns:
        At least 0; shape (n_rows,).
    """
    scores = np.asarray(scores, dtype=np.float64)
    if reference_sorted is None:
        n = len(scores)
        return -np.log((n + 0.5 - rankdata(scores)) / max(n, 1)) if n else np.empty(0)
    n = len(reference_sorted)
    below = np.searchsorted(reference_sorted, scores, side="left")
    up_to = np.searchsorted(reference_sorted, scores, side="right")
    tail = n - (below + up_to) / 2.0
    out = -np.log(np.maximum(tail, 0.5 * n / (n + 1)) / n)
    return out + beyond(scores, float(reference_sorted[-1]), spread(reference_sorted))


def beyond(scores: FloatArray, largest: float, scale: float) -> FloatArray:
    """How far scores lie beyond the largest training score, squeezed into [0, 1); 0 for all others.

    Args:
        scores: Shape (n_rows,).
        largest: Largest training score.
        scale: Unit of distance; see `spread`.
    """
    excess = np.maximum(scores - largest, 0.0) / (scale if scale > 0 else 1.0)
    # Past about 1e16 units 1 - 1/(1 + x) rounds to 1; the bound keeps the result below it.
    return np.minimum(excess / (1.0 + np.minimum(excess, 1e300)), 1.0 - 1e-16)


def spread(values_sorted: FloatArray) -> float:
    """A robust scale of ascending values: the distance from the median to the largest, else the range, else 1."""
    if not len(values_sorted):
        return 1.0
    largest = float(values_sorted[-1])
    for scale in (largest - float(values_sorted[len(values_sorted) // 2]), largest - float(values_sorted[0])):
        if 0 < scale < np.inf:
            return scale
    return 1.0


def robust_z(scores: FloatArray) -> FloatArray:
    """Distance from the median in units of the scaled median absolute deviation; zeros when all scores are equal.

    Where more than half of the scores are equal the mean absolute deviation takes the place of the median one
    (Iglewicz and Hoaglin 1993).

    Args:
        scores: Finite; shape (n_rows,).
    """
    scores = np.asarray(scores, dtype=np.float64)
    return in_units(scores, *robust_scale(scores)) if len(scores) else scores


def robust_scale(scores: FloatArray) -> tuple[float, float]:
    """The median, and half of the scaled median absolute deviation (0 when all scores are equal).

    Half, so that scores of either end of the float range do not overflow. Where more than half of the scores are equal
    the mean absolute deviation takes the place of the median one (Iglewicz and Hoaglin 1993).

    Args:
        scores: Finite, at least one; shape (n_rows,).
    """
    centre = float(np.median(scores / 2)) * 2
    distance = np.abs(scores / 2 - centre / 2)
    scale = 1.4826 * float(np.median(distance))
    if scale <= 0:
        largest = float(distance.max())
        scale = 1.2533 * largest * float(np.mean(distance / max(largest, 1e-300)))
    return centre, scale


def in_units(scores: FloatArray, centre: float, scale: float) -> FloatArray:
    """Distance of scores from a centre in units of twice ``scale`` (see `robust_scale`); zeros when that is 0."""
    if scale <= 0:
        return np.zeros_like(scores)
    with np.errstate(over="ignore"):
        z: FloatArray = np.clip((scores / 2 - centre / 2) / scale, -1e300, 1e300)
    return z


def magnitudes(z: FloatArray) -> FloatArray:
    """Signed log of robust z-scores, bounded: how far out, on a scale on which a model can compare tables."""
    return np.asarray(np.sign(z) * np.log1p(np.minimum(np.abs(z), _FARTHEST)), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Ranked:
    """Values brought into order once, for everything that asks for their ranks.

    Args:
        order: Positions, the largest value first, the first of equal ones first; shape (n,).
        ranks: Ascending from 1, equal values share their mean rank; shape (n,).
        tails: Tail ranks (see `tail_ranks`); shape (n,).
    """

    order: IntArray
    ranks: FloatArray
    tails: FloatArray

    @classmethod
    def of(cls, values: FloatArray) -> Ranked:
        """Order finite values; shape (n,)."""
        n = len(values)
        order = np.argsort(-values, kind="stable")
        last = np.empty(n, dtype=bool)  # of a run of equal values
        last[-1:], last[:-1] = True, np.diff(values[order]) != 0
        ends = np.flatnonzero(last) + 1
        sizes = np.diff(ends, prepend=0)
        ranks = np.empty(n)
        ranks[order] = np.repeat(n - ends + (sizes + 1) / 2, sizes)
        return cls(order, ranks, -np.log((n + 0.5 - ranks) / max(n, 1)))

    def top(self, share: float) -> IntArray:
        """Positions of a share of the values, the largest ones, at least one."""
        return self.order[: max(1, round(share * len(self.order)))]


def score_statistics(scores: FloatArray, consensus: FloatArray | Ranked) -> dict[str, float]:
    """What can be said of a score vector without labels; all values finite, names as in `STATISTICS`.

    Shape of the tail (on robust z-scores, so free of units): weight of the tail against the middle after Hogg (1974),
    excess kurtosis (signed log), the largest gap among the top 10 % as a share of the range, quantile ratios, share of
    ties, mean robust z of the top 1, 5 and 10 % (signed log). After AutoUAD (Dai, Zhang and Fan, ICLR 2025): the
    relative top median, the expected anomaly gap over all plausible contaminations, and a pseudo discrepancy, here
    between the rows the consensus puts into its top 5 % and all others, as no generated rows are scored. Against the
    consensus: Spearman correlation, the same on tail ranks (top-weighted), overlaps of the top 5 and 10 %.

    Args:
        scores: Higher = more anomalous, finite; shape (n_rows,).
        consensus: Combined tail ranks of trusted detectors on the same rows, shape (n_rows,), or these in order.
    """
    n = len(scores)
    if n < 2:
        return dict.fromkeys(STATISTICS, 0.0)
    z = np.clip(robust_z(scores), -1e6, 1e6)
    ascending = np.sort(z)
    other = consensus if isinstance(consensus, Ranked) else Ranked.of(np.asarray(consensus, dtype=np.float64))
    values = _shape(ascending) | _autouad(ascending) | _against(Ranked.of(z), other)
    return {name: float(np.clip(np.nan_to_num(values[name]), -_BOUND, _BOUND)) for name in STATISTICS}


def _shape(ascending: FloatArray) -> dict[str, float]:
    n = len(ascending)
    q05, q25, q50, q75, q95, q99 = np.quantile(ascending, [0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
    middle = max(q75 - q25, 1e-9)
    centred = ascending - ascending.mean()
    variance = max(float(np.mean(centred**2)), 1e-12)
    top = ascending[-max(2, round(0.1 * n)) :]
    return {
        "tail_weight": _log(_top_mean(ascending, 0.05) - q50) - _log(middle),
        "kurtosis": _log(float(np.mean(centred**4)) / variance**2 - 3.0),
        "gap": float(np.diff(top).max()) / max(float(ascending[-1] - ascending[0]), 1e-12),
        "quantile_ratio_95": _log((q95 - q50) / max(q50 - q05, middle * 1e-3)),
        "quantile_ratio_99": _log((q99 - q50) / middle),
        "tie_share": float(np.mean(np.diff(ascending) == 0.0)),
        "top_z_1": _log(_top_mean(ascending, 0.01)),
        "top_z_5": _log(_top_mean(ascending, 0.05)),
        "top_z_10": _log(_top_mean(ascending, 0.10)),
    }


def _autouad(ascending: FloatArray) -> dict[str, float]:
    n = len(ascending)
    top = max(1, round(0.05 * n))
    span = max(float(ascending[-1] - ascending[0]), 1e-12)
    unit = (ascending - ascending[0]) / span
    # Expected gap: mean distance between the means of "anomalies" and "normals", over contaminations from 1 to 30 %,
    # each in units of the pooled standard deviation.
    counts = np.unique(np.clip(np.round(n * np.linspace(0.01, 0.3, 30)).astype(int), 1, n - 1))
    sums, squares = np.cumsum(unit), np.cumsum(unit**2)
    rest = n - counts
    low, high = sums[rest - 1] / rest, (sums[-1] - sums[rest - 1]) / counts
    within = np.maximum(squares[-1] - rest * low**2 - counts * high**2, 0.0) / n
    gaps = (high - low) / (high - low + np.sqrt(within) + 1e-12)
    return {
        "relative_top_median": float(np.median(unit[-top:]) - np.median(unit)),
        "expected_anomaly_gap": float(gaps.mean()),
    }


def _against(own: Ranked, consensus: Ranked) -> dict[str, float]:
    n = len(own.ranks)
    chosen = np.zeros(n, dtype=bool)
    chosen[consensus.top(0.05)] = True
    ranked = own.ranks / n  # ranks, so that one extreme row does not make the discrepancy
    pooled = max(float(np.sqrt((ranked[chosen].var() + ranked[~chosen].var()) / 2)), 0.05)
    return {
        "agreement": _correlation(own.ranks, consensus.ranks),
        "tail_agreement": _correlation(own.tails, consensus.tails),
        "overlap_5": _overlap(own, consensus, 0.05),
        "overlap_10": _overlap(own, consensus, 0.10),
        "pseudo_discrepancy": float(ranked[chosen].mean() - ranked[~chosen].mean()) / pooled,
    }


def _overlap(a: Ranked, b: Ranked, share: float) -> float:
    first, second = a.top(share), b.top(share)
    return len(np.intersect1d(first, second, assume_unique=True)) / len(first)


def _correlation(a: FloatArray, b: FloatArray) -> float:
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 1e-12 else 0.0


def _top_mean(ascending: FloatArray, share: float) -> float:
    return float(ascending[-max(1, round(share * len(ascending))) :].mean())


def _log(value: float) -> float:
    return float(np.sign(value) * np.log1p(abs(value)))


def _expected_hits(positive: np.ndarray[tuple[int], np.dtype[np.bool_]], scores: FloatArray, n: int) -> float:
    threshold = np.partition(scores, len(scores) - n)[len(scores) - n]
    above, tied = scores > threshold, scores == threshold
    room = n - int(above.sum())
    return float(positive[above].sum() + room * positive[tied].mean())


def _checked(labels: IntArray, scores: FloatArray) -> tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], FloatArray]:
    positive, scores = np.asarray(labels) == 1, np.asarray(scores, dtype=np.float64)
    if positive.shape != scores.shape or positive.ndim != 1:
        raise InvalidInputError(f"labels of shape {positive.shape} for scores of shape {scores.shape}.")
    if positive.all() or not positive.any():
        raise InvalidInputError("the labels hold one class only.", fix="Give rows with label 1 (anomaly) and others.")
    return positive, scores
