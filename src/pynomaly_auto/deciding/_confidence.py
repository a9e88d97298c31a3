"""How sure a label is."""

from __future__ import annotations

import numpy as np
from scipy.special import betainc, expit, logit, ndtri

from pynomaly_auto.records import FloatArray, IntArray, Verdict

_NODES = 101  # shares over which the uncertainty about the contamination is averaged
_GRID = 1500  # ranks at which confidence is computed before it is interpolated
_DISAGREEMENT = 0.5  # what a label loses when not one member is on its side
_SOFTNESS = 2.0  # steepness of "on that side", per nat of tail rank


def confidence_of(scores: FloatArray, verdict: Verdict, member_scores: FloatArray | None = None) -> FloatArray:
    """Probability that a row's label stays what it is; shape (n_rows,), in [0, 1].

    After ExCeeD (Perini, Vercruyssen, Davis: "Quantifying the Confidence of Anomaly Detectors in Their Example-Wise
    Predictions", ECML PKDD 2020): with k of n training scores at or below a row's score, the probability p that a
    training row scores no higher has posterior mean (1 + k)/(2 + n); the row is an anomaly under a resampled training
    set when at least (1 − c)·n of n draws fall at or below it, a binomial tail. Here c is not one number: the tail is
    averaged over a logit-normal distribution about the labelled share whose spread is the verdict's, so that labels
    near the cut are doubtful when nobody knows how many anomalies there are. Last, a label loses up to half of its
    confidence by the share of members on the other side of their own cut.

    Without ``member_scores`` it never falls as the score moves away from the threshold; with them, that holds among
    rows with the same agreement.

    Args:
        scores: Combined scores, of training rows or new ones; shape (n_rows,).
        verdict: From `decide`.
        member_scores: The members' −log tail ranks of the same rows; shape (n_rows, n_members).
    """
    train = np.sort(verdict.scores)
    n = len(train)
    known = np.searchsorted(train, scores, side="right")
    labelled = n - int(np.searchsorted(train, verdict.threshold, side="right"))
    share = float(np.clip(labelled / n, 0.5 / n, 1.0 - 0.5 / n))
    anomalous = _stays_above(known, n, share, verdict.spread)
    above = scores > verdict.threshold
    confidence = np.where(above, anomalous, 1.0 - anomalous)
    if member_scores is not None:
        side = expit(_SOFTNESS * (member_scores + np.log(share))).mean(axis=1)
        confidence = confidence * (1.0 - _DISAGREEMENT * (1.0 - np.where(above, side, 1.0 - side)))
    return np.asarray(np.clip(confidence, 0.0, 1.0), dtype=np.float64)


def _stays_above(known: IntArray, n: int, share: float, spread: float) -> FloatArray:
    """Probability of the label "anomaly" for rows that have ``known`` of ``n`` training scores at or below them."""
    ranks = np.unique(known)
    if len(ranks) > _GRID:
        cut = n * (1.0 - share)
        near = cut + np.concatenate([-np.geomspace(1, n, _GRID // 3), np.geomspace(1, n, _GRID // 3)])
        even = np.linspace(0, n, _GRID // 3)
        ranks = np.unique(np.clip(np.concatenate([[0, n], near, even]), 0, n).round())
    if spread > 0:
        normal = ndtri((np.arange(_NODES) + 0.5) / _NODES)
        shares = expit(logit(share) + spread * normal)
    else:
        shares = np.array([share])
    needed = np.maximum(n * (1.0 - shares), 1e-9)
    p = (1.0 + ranks) / (2.0 + n)
    # P(Binomial(n, p) >= k) is the regularised incomplete beta function, which also takes a k between whole numbers.
    chance = betainc(needed[None, :], (n - needed + 1.0)[None, :], p[:, None]).mean(axis=1)
    return np.asarray(np.interp(known, ranks, chance), dtype=np.float64)
