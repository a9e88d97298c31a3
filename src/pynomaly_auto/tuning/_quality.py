"""How good a trial probably is, judged without labels.

Internal measures alone choose about as well as chance (Ma, Zhao et al., "The need for unsupervised outlier model
selection", SIGKDD Explorations 2023), so the estimate leans on what is known beforehand of a detector (the ranking's
prediction, and the knowledge base's prediction from the score statistics when there is one), then on agreement with a
consensus of strong detectors, weighted towards the top of the ranking (after the model-centrality measures of that
study), and only then on the shape of the tail (the expected anomaly gap of AutoUAD, ICLR 2025).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pynomaly_auto.records import FloatArray, Ranking
from pynomaly_auto.scoring import Ranked, score_statistics, tail_ranks
from pynomaly_auto.tuning._plan import PredictQuality

# Weights of what an estimate is made of: with a prediction from statistics, and without one.
WEIGHTS = {"predicted": 0.45, "prior": 0.25, "consensus": 0.20, "tail": 0.10}
COLD_WEIGHTS = {"predicted": 0.0, "prior": 0.40, "consensus": 0.40, "tail": 0.20}

_REFERENCES = 8  # detectors of the portfolio that make the consensus: weak ones would only blur it


@dataclass(frozen=True)
class Estimate:
    """A quality estimate in [0, 1] with what it rests on."""

    quality: float
    statistics: dict[str, float]
    version: int


class Judge:
    """Estimates the quality of score vectors against the consensus of the portfolio's strong detectors.

    Args:
        ranking: Priors, and which detectors make the consensus: the first ones.
        predict_quality: From the knowledge base, or None.
    """

    def __init__(self, ranking: Ranking, predict_quality: PredictQuality | None) -> None:
        self._prior = {
            c.detector: float(np.clip(c.prediction.quality if c.prediction else c.score, 0.0, 1.0))
            for c in ranking.candidates
        }
        self._predict = predict_quality
        self._order = [c.detector for c in ranking.selected][:_REFERENCES]
        self._references: dict[str, FloatArray] = {}
        self._spare: dict[str, FloatArray] = {}
        self._ordered: dict[str, Ranked] = {}  # the consensus of all but one; "" where all take part
        self.version = 0  # grows with every change of the consensus

    def prior(self, detector: str) -> float:
        """Quality in [0, 1] expected of a detector before it was tried."""
        return self._prior.get(detector, 0.5)

    def add_reference(self, detector: str, scores: FloatArray) -> None:
        """Let a detector's first trial take part in the consensus, if the detector is strong enough."""
        if np.ptp(scores) <= 0:
            return
        home = self._references if detector in self._order else self._spare
        home[detector] = tail_ranks(scores)
        self._ordered.clear()
        # The spare ones are only asked where the strong ones are not enough to compare one of them with.
        self.version += home is self._references or len(self._references) < 2

    def judge(self, detector: str, scores: FloatArray) -> Estimate:
        """Estimate the quality of one score vector; shape (n_rows,)."""
        statistics = score_statistics(scores, self._consensus(detector, len(scores)))
        overlap = (statistics["overlap_5"] + statistics["overlap_10"]) / 2
        consensus = float(np.clip(0.5 * max(statistics["tail_agreement"], 0.0) + 0.5 * overlap, 0.0, 1.0))
        # A score that ties most rows says little about them, however well it separates the rest.
        tail = float(np.clip(statistics["expected_anomaly_gap"], 0.0, 1.0)) * (1.0 - statistics["tie_share"])
        parts = {"prior": self.prior(detector), "consensus": consensus, "tail": tail, "predicted": 0.0}
        weights = COLD_WEIGHTS
        if self._predict is not None:
            predicted = self._predict(detector, statistics)
            if predicted is not None and np.isfinite(predicted):
                parts["predicted"] = float(np.clip(predicted, 0.0, 1.0))
                weights = WEIGHTS
        quality = sum(weights[name] * parts[name] for name in weights)
        if weights is COLD_WEIGHTS:
            del parts["predicted"]
        return Estimate(float(np.clip(quality, 0.0, 1.0)), statistics | parts, self.version)

    def _consensus(self, detector: str, n_rows: int) -> Ranked:
        # A detector is never compared with itself: its default would always win.
        for home in (self._references, self._spare):
            others = [home[name] for name in sorted(home) if name != detector]
            if others:
                left_out = detector if detector in home else ""
                if left_out not in self._ordered:
                    self._ordered[left_out] = Ranked.of(np.mean(others, axis=0))
                return self._ordered[left_out]
        return Ranked.of(np.zeros(n_rows))
