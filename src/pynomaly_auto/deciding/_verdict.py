"""The verdict: where the threshold lies, which rows fall on which side of it, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from pynomaly_auto.deciding._assembling import assemble, threshold_for
from pynomaly_auto.deciding._budget import budget_reason, most_rows
from pynomaly_auto.deciding._calibration import at_threshold, calibrate
from pynomaly_auto.deciding._learned import Probabilities, calibration_of, learn, shift
from pynomaly_auto.deciding._serving import outweighs_share, serve
from pynomaly_auto.deciding._share import ShareEstimate, estimate_share
from pynomaly_auto.errors import InvalidInputError, SettingError
from pynomaly_auto.records import Calibration, FloatArray, IntArray, Reason, Verdict
from pynomaly_auto.regimes import REGIMES, ThresholdMeaning
from pynomaly_auto.settings import Settings

FALSE_ALARM_SHARE = 0.05  # of training rows beyond the threshold, where all of them are taken as normal

# How many rows are labelled, against the estimated share, for the metrics that are served by more or by fewer, where no
# probabilities are known.
_SHIFTS = {"precision": 0.6, "recall": 1.6}


@dataclass(frozen=True, kw_only=True, eq=False)
class _Evidence:
    """What the threshold may rest on; as `decide` takes it."""

    scores: FloatArray
    member_scores: FloatArray
    member_raw: FloatArray | None
    probabilities: Probabilities | None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Wanted:
    """How many rows to label, and why.

    Args:
        estimate: The share of anomalies, or of false alarms.
        labelled: Rows above the threshold, as long as ties and budgets allow it.
        calibration: From scores to probabilities, where that is known; None: it follows from the threshold.
    """

    estimate: ShareEstimate
    labelled: int
    calibration: Calibration | None = None


def decide(
    scores: FloatArray,
    member_scores: FloatArray,
    settings: Settings,
    *,
    probabilities: Probabilities | None = None,
    member_raw: FloatArray | None = None,
    periods: IntArray | None = None,
) -> Verdict:
    """Decide which training rows are anomalies.

    As many rows lie strictly above the threshold as anomalies are expected: round(c·n) of them for a contamination
    c that is given or, with ``"auto"``, estimated (see `estimate_share`). Only then does a target metric shift the
    threshold (see `serve`): ``"f1"``, ``"precision"`` and ``"recall"`` to the largest expected F-measure where
    probabilities are known; without them 0.6 times as many labels for precision, 1.6 times for recall, at most half
    of all rows, at least one. With ``novelty=True`` all training rows are taken as normal, and the threshold leaves
    5 % of them (or the given contamination) above it: the expected share of false alarms. An alert budget is never
    exceeded. No threshold goes through rows of one score: where such a block does not fit in whole, none of it is
    labelled. Constant scores label nothing.

    Args:
        scores: Combined scores of the training rows, finite, higher = more anomalous; shape (n_rows,).
        member_scores: The members' −log tail ranks of the same rows; shape (n_rows, n_members).
        settings: ``contamination``, the regime, ``target_metric``, ``alert_budget`` and ``random_state`` are read.
        probabilities: Of being an anomaly, from the knowledge base's calibrator or from labels: with them the share
            is their mean, and they are what a score is mapped to. None: nothing is known; the share is estimated from
            the scores alone. Not used where the threshold is one of false alarms.
        member_raw: The members' raw scores, for distances that ranks do not show; shape (n_rows, n_members).
        periods: The period of each row, where the alert budget is per period; shape (n_rows,).

    Raises:
        InvalidInputError: Shapes do not fit, there is no row, or a score is not finite.
    """
    scores, member_scores = _checked(scores, member_scores)
    evidence = _Evidence(scores=scores, member_scores=member_scores, member_raw=member_raw, probabilities=probabilities)
    meaning = REGIMES[settings.regime].threshold
    found = _WANTED[meaning](evidence, settings)
    estimate, wanted = found.estimate, found.labelled
    reasons = list(estimate.reasons)
    if settings.alert_budget is not None:
        most = most_rows(scores, settings.alert_budget, periods)
        reasons.append(budget_reason(settings.alert_budget, most, wanted))
        wanted = min(wanted, most)
    threshold, reason = threshold_for(scores, wanted)
    reasons.append(reason)
    constant = np.ptp(scores) == 0 and settings.contamination == "auto"
    return assemble(
        scores,
        threshold=threshold,
        estimate=replace(estimate, share=0.0 if constant else estimate.share, reasons=tuple(reasons)),
        calibration=found.calibration,
        expecting=meaning == "share of anomalies",
    )


def _by_share(evidence: _Evidence, settings: Settings) -> _Wanted:
    """As many rows as anomalies are expected: by the knowledge base's probabilities where it gives them."""
    scores, probabilities = evidence.scores, evidence.probabilities
    if probabilities is None or np.ptp(scores) == 0:
        return _unlearned(evidence, settings)
    seed = int(settings.random_state or 0)
    learned = learn(scores, probabilities, _given(settings), settings.target_metric, seed=seed)
    calibration = calibration_of(scores, learned.probabilities)
    return _Wanted(estimate=learned.estimate, labelled=learned.labelled, calibration=calibration)


def _by_false_alarms(evidence: _Evidence, settings: Settings) -> _Wanted:
    """As many rows as false alarms are accepted: all training rows are taken as normal."""
    given = _given(settings)
    share = FALSE_ALARM_SHARE if given is None else given
    text = f"The training rows are taken as normal; the threshold leaves {share:.2%} of them above it as false alarms."
    reason = Reason(code="DEC-022", subject="contamination", text=text, evidence={"false_alarms": share})
    reasons = [reason]
    if settings.target_metric is not None:
        text = "Without effect: which rows are anomalies is not asked where all training rows are taken as normal."
        reasons.append(Reason(code="DEC-040", subject="target_metric", text=text))
    estimate = ShareEstimate(share=share, method="novelty: share of false alarms", reasons=tuple(reasons))
    return _Wanted(estimate=estimate, labelled=round(share * len(evidence.scores)))


_WANTED: Mapping[ThresholdMeaning, Callable[[_Evidence, Settings], _Wanted]] = {
    "share of anomalies": _by_share,
    "false alarms": _by_false_alarms,
}


def _given(settings: Settings) -> float | None:
    return None if isinstance(settings.contamination, str) else float(settings.contamination)


def _unlearned(evidence: _Evidence, settings: Settings) -> _Wanted:
    """The share of anomalies, and how many rows to label, without a knowledge base."""
    n_rows, estimate = len(evidence.scores), _share(evidence, settings)
    target = settings.target_metric
    if outweighs_share(target):
        return _served(evidence, estimate, settings)
    factor = _SHIFTS.get(target) if isinstance(target, str) else None
    if factor is None or settings.contamination != "auto":
        return _Wanted(estimate=estimate, labelled=round(estimate.share * n_rows))
    wanted = min(max(estimate.share * factor, 1.0 / n_rows), 0.5)
    text = f"{target} is the target: {factor:g} times as many rows labelled, {wanted:.2%}."
    reason = Reason(code="DEC-033", subject="threshold", text=text, evidence={"factor": factor, "wanted": wanted})
    estimate = replace(estimate, reasons=(*estimate.reasons, reason))
    return _Wanted(estimate=estimate, labelled=round(wanted * n_rows))


def _served(evidence: _Evidence, estimate: ShareEstimate, settings: Settings) -> _Wanted:
    """As many rows as the target asks for, by the probabilities that follow from the share and the scores."""
    scores = evidence.scores
    threshold, _ = threshold_for(scores, round(estimate.share * len(scores)))
    calibration = calibrate(scores, threshold, estimate.share, middle=at_threshold(estimate.share))
    served = serve(calibration.at(scores), settings.target_metric, seed=int(settings.random_state or 0))
    estimate = replace(estimate, reasons=(*estimate.reasons, served.reason))
    return _Wanted(estimate=estimate, labelled=served.count, calibration=calibration)


def move(
    verdict: Verdict,
    *,
    contamination: float | None = None,
    threshold: float | None = None,
) -> Verdict:
    """Move the threshold without refitting anything; what the user sets by hand outweighs an alert budget.

    Args:
        verdict: The verdict so far.
        contamination: The share of training rows to label, in (0, 0.5].
        threshold: The combined score above which a row is an anomaly: the scale of ``verdict.scores`` (a weighted mean
            of −log tail ranks, so a row whom every member puts into its top 1 % has −log 0.01 ≈ 4.6).

    Raises:
        SettingError: Not exactly one of the two is given, or it lies outside what it may be.
    """
    if (contamination is None) == (threshold is None):
        raise SettingError("give either a contamination or a threshold.", where="move")
    scores, known = verdict.scores, verdict.calibration
    if contamination is not None:
        if not _is_number(contamination) or not 0 < contamination <= 0.5:
            raise SettingError(f"contamination is {contamination!r}.", fix="Give a share in (0, 0.5].")
        share = float(contamination)
        new, reason = threshold_for(scores, round(share * len(scores)))
        said, method = f"Contamination set to {share:.2%} by the user", "contamination set by the user"
    else:
        if not _is_number(threshold) or threshold is None:
            raise SettingError(f"threshold is {threshold!r}.", fix="Give a finite number on the scale of the scores.")
        # Where the share was read off the probabilities, it stays what it was, as they do.
        new, share = (
            float(threshold),
            float((scores > threshold).mean()) if known.single_point else verdict.contamination,
        )
        said, reason = f"Threshold set to {new:.4g} by the user", None
        method = "threshold set by the user"
        if not known.single_point:
            method = f"{verdict.method.removesuffix(f'; {method}')}; {method}"
    moved = Reason(
        code="DEC-060",
        subject="threshold",
        text=f"{said}; it was {verdict.threshold:.4g} ({verdict.method}).",
        evidence={"threshold": new, "before": verdict.threshold, "share": share},
    )
    estimate = ShareEstimate(
        share=share,
        method=method,
        reasons=verdict.reasons + ((moved,) if reason is None else (moved, reason)),
    )
    if not known.single_point:
        # A share the user knows moves all probabilities; where they want the threshold says nothing of any row.
        calibration: Calibration | None = known if contamination is None else shift(known, scores, share)
    else:
        calibration = None
    return assemble(
        scores, threshold=new, estimate=estimate, calibration=calibration, expecting=verdict.expectation is not None
    )


def _checked(scores: FloatArray, member_scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    scores = np.asarray(scores, dtype=np.float64)
    member_scores = np.asarray(member_scores, dtype=np.float64)
    if scores.ndim != 1 or not len(scores) or member_scores.ndim != 2 or len(member_scores) != len(scores):
        raise InvalidInputError(
            f"scores of shape {scores.shape} and member scores of shape {member_scores.shape} do not fit.",
            where="decide",
        )
    if not (np.isfinite(scores).all() and np.isfinite(member_scores).all()):
        raise InvalidInputError("a score is not finite.", where="decide")
    return scores, member_scores


def _share(evidence: _Evidence, settings: Settings) -> ShareEstimate:
    """The share to label, given or estimated, with its reasons."""
    given = _given(settings)
    if given is not None:
        reason = Reason(
            code="DEC-021",
            subject="contamination",
            text=f"Contamination given as {given:.2%}.",
            evidence={"contamination": given},
        )
        return ShareEstimate(share=given, method="given", reasons=(reason,))
    seed = int(settings.random_state or 0)
    return estimate_share(evidence.scores, evidence.member_scores, member_raw=evidence.member_raw, seed=seed)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and value is not True and bool(np.isfinite(value))
