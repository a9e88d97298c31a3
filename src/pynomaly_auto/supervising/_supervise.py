"""From labels to an answer that heeds them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.special import expit

from pynomaly_auto._machine import in_threads
from pynomaly_auto.records import (
    Calibration,
    FloatArray,
    IntArray,
    Labels,
    Performance,
    Reason,
    Scalar,
    Supervision,
)
from pynomaly_auto.supervising._affording import rows_within
from pynomaly_auto.supervising._folds import Kinship, splits
from pynomaly_auto.supervising._learners import LEARNERS, MOST_TAUGHT, Inputs, Learned, Taught, learners_for
from pynomaly_auto.supervising._supervised import KNOWN, Supervised, Unlabelled
from pynomaly_auto.supervising._weighing import Weights, before_labels, held_back, weigh

# Up to so many labelled rows as many unlabelled ones, by weight, stand beside them as ordinary; from the second number
# on none does. Average precision on 16 business tables, the highest rows queried: .290 instead of .279 with 25 labels,
# .334 instead of .362 with 100.
_ALL_BESIDE, _NONE_BESIDE = 25, 50
_BESIDE, _FEWEST_BESIDE = 3, 20  # unlabelled rows drawn for each labelled one, and at least
_BESIDE_POSITIVE, _FEWEST_POSITIVE = 5, 100  # the same where all labels are of anomalies
_MANY = 100  # labels from which on learners learn side by side: below, starting threads takes longer

# Labels that somebody chose say little of how common anomalies are: with up to this share of the rows labelled, at most
# so many times as many are expected as without labels (on business tables 3.6 times as many there are).
_MOST_CHOSEN, _MOST_TIMES = 0.5, 4.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """The training rows, as the answer without labels left them.

    Args:
        inputs: What learners see of them, the columns first; shape (n_rows, n_inputs).
        n_columns: How many of the inputs are columns.
        scores: Of the answer without labels; shape (n_rows,).
        calibration: From these to a probability.
        share: Share of anomalies expected without labels.
        kinship: Which rows belong together.
    """

    inputs: Inputs = field(repr=False)
    n_columns: int
    scores: FloatArray = field(repr=False)
    calibration: Calibration = field(repr=False)
    share: float
    kinship: Kinship = field(default_factory=Kinship)


@dataclass(frozen=True, kw_only=True, eq=False)
class Heeded:
    """The answer that heeds the labels.

    Args:
        supervised: What judges rows from now on.
        scores: Log odds of the training rows; those with a label are what they were said to be; shape (n_rows,).
        honest: Positions of labelled rows, and their log odds by what was learned from others; shapes (n_judged,).
        record: What was made of the labels, its performance not yet known.
        how: How the honest log odds came about.
    """

    supervised: Supervised
    scores: FloatArray = field(repr=False)
    honest: tuple[IntArray, FloatArray] = field(repr=False)
    record: Supervision
    how: str

    @property
    def probabilities(self) -> FloatArray:
        """Of being an anomaly; shape (n_rows,)."""
        return np.asarray(expit(self.scores), dtype=np.float64)

    def with_performance(self, performance: Performance, reason: Reason) -> Heeded:
        """The same with how right it is, and the reason that says so."""
        record = replace(self.record, performance=performance, reasons=(*self.record.reasons, reason))
        return replace(self, record=record)


def supervise(rows: Rows, labels: Labels, *, seed: int, seconds: float | None = None) -> Heeded:
    """Learn from labels.

    Args:
        rows: The training rows.
        labels: Of at least one of them.
        seed: Of everything random.
        seconds: That learning may take: where it is expected to take longer it learns from fewer rows. None: no limit.
    """
    at = np.flatnonzero(labels.known)
    target = labels.anomalous[at].astype(np.float64)
    unlabelled = Unlabelled(calibration=rows.calibration)
    base = unlabelled.log_odds(rows.scores)
    level = _log_odds(rows.share)
    apart = labels.n_anomalies > 0 and (labels.n_normal > 0 or not labels.known.all())
    names = learners_for(len(at)) if apart else ()
    beside, told = _beside(labels, names, rows.kinship.equal, seed)
    most = rows_within(seconds, len(at), len(rows.scores))
    learners, (judged, said, how) = _learn(rows, at, target, beside, seed=seed, most=most) if names else ({}, _none(at))
    if len(judged):
        weights, honest = _weighed(base[judged], said, labels.anomalous[judged].astype(np.float64), level)
    else:
        weights = _unproven(base[at], target, before_labels(len(names), level))
        honest = np.empty(0)
    supervised = Supervised(unlabelled=unlabelled, learners=learners, weights=weights)
    odds = supervised.log_odds(rows.inputs, rows.scores)
    less = 0.0
    if len(at) < _MOST_CHOSEN * len(odds):
        kept = held_back(weights, odds[~labels.known], _MOST_TIMES * rows.share)
        less = kept.shift - weights.shift
        supervised, weights, odds, honest = replace(supervised, weights=kept), kept, odds + less, honest + less
    scores = known_first(odds, labels)
    record = Supervision(
        completeness=labels.completeness,
        n_anomalies=labels.n_anomalies,
        n_normal=labels.n_normal,
        weight_unlabelled=weights.base,
        weight_learned=weights.of_learned,
        learner=", ".join(names) or "none",
        reasons=(
            *_labelled(labels),
            *_learning(names, rows, told),
            *_fewer(most, len(at) if names else 0, seconds),
            _counting(weights, how, judged=len(judged) > 0),
            *_holding(less, rows.share),
            _facts(labels),
        ),
    )
    return Heeded(supervised=supervised, scores=scores, honest=(judged, honest), record=record, how=how)


def known_first(odds: FloatArray, labels: Labels) -> FloatArray:
    """Log odds with the rows whose label is known at either end, in their order; shape (n_rows,)."""
    out = np.asarray(odds, dtype=np.float64).copy()
    out[labels.anomalous] = KNOWN + np.tanh(out[labels.anomalous] / KNOWN)
    out[labels.normal] = -KNOWN + np.tanh(out[labels.normal] / KNOWN)
    return out


def _taught(rows: Rows, at: IntArray, target: FloatArray, beside: tuple[IntArray, float]) -> Taught:
    others, weight = beside
    every = np.concatenate([at, others])
    return Taught(
        inputs=rows.inputs[every],
        target=np.concatenate([target, np.zeros(len(others))]),
        weight=np.concatenate([np.ones(len(at)), np.full(len(others), weight)]),
    )


def _beside(
    labels: Labels, names: tuple[str, ...], equal: IntArray | None, seed: int
) -> tuple[tuple[IntArray, float], tuple[Reason, ...]]:
    """Unlabelled rows that stand beside the labelled ones as ordinary, and what each of them counts."""
    free, n = np.flatnonzero(~labels.known), labels.n_anomalies + labels.n_normal
    if equal is not None:  # what equals a labelled row is what that one was said to be
        free = free[~np.isin(equal[free], equal[labels.known])]
    alone = labels.completeness == "positive only"
    share = 1.0 if alone else float(np.clip((_NONE_BESIDE - n) / (_NONE_BESIDE - _ALL_BESIDE), 0.0, 1.0))
    if not names or share <= 0 or not len(free):
        return (free[:0], 1.0), ()
    each, least = (_BESIDE_POSITIVE, _FEWEST_POSITIVE) if alone else (_BESIDE, _FEWEST_BESIDE)
    count = min(len(free), max(each * n, least))
    chosen = np.sort(np.random.default_rng(seed).choice(free, count, replace=False))
    weight = 1.0 if alone else share * n / count
    text = (
        f"{count:,} rows without a label stand beside the {n:,} labelled ones as ordinary rows, each for {weight:.2g} "
        "of one: most of them are."
    )
    evidence = {"rows": count, "labelled": n, "weight": weight}
    return (chosen, weight), (Reason(code="SUP-011", subject="labels", text=text, evidence=evidence),)


def _learn(
    rows: Rows, at: IntArray, target: FloatArray, beside: tuple[IntArray, float], *, seed: int, most: int
) -> tuple[dict[str, Learned], tuple[IntArray, FloatArray, str]]:
    """What is learned from all labels; and, of labelled rows, what each learner says that has not seen them.

    Returns:
        The learners; which rows were judged, what each says of them, and how they came to be judged.
    """
    names = learners_for(len(at))
    parts, how, in_time = splits(target, rows.kinship.of(at), seed=seed)
    every = np.arange(len(at))
    jobs = [(name, learn, judge) for learn, judge in [(every, every[:0]), *parts] for name in names]

    def do(job: tuple[str, IntArray, IntArray]) -> tuple[Learned, FloatArray]:
        name, learn, judge = job
        others = rows.kinship.strangers(beside[0], at[judge], earlier=in_time) if len(judge) else beside[0]
        taught = _taught(rows, at[learn], target[learn], (others, beside[1])).at_most(most, seed=seed)
        learned = LEARNERS[name](taught, rows.n_columns, seed=seed)
        return learned, learned.log_odds(rows.inputs[at[judge]]) if len(judge) else np.empty(0)

    done = in_threads(do, jobs, together=len(at) >= _MANY)
    k = len(names)
    learners = {name: learned for name, (learned, _) in zip(names, done, strict=False)}
    if not parts:
        return learners, _none(at, k, how)
    judged = np.concatenate([at[judge] for _, judge in parts])
    said = [np.column_stack([found for _, found in done[k * i : k * (i + 1)]]) for i in range(1, len(parts) + 1)]
    return learners, (judged, np.vstack(said), how)


def _none(at: IntArray, n_learners: int = 0, how: str = "") -> tuple[IntArray, FloatArray, str]:
    """No row judged."""
    return at[:0], np.empty((0, n_learners)), how


def _weighed(base: FloatArray, said: FloatArray, target: FloatArray, level: float) -> tuple[Weights, FloatArray]:
    """The weights, and the rows' log odds with weights that others gave: a row has no part in what judges it."""
    honest, parts = np.empty(len(base)), np.arange(len(base)) % min(len(base), 10)
    for part in np.unique(parts):
        own = parts == part
        weights = weigh(base[~own], said[~own], target[~own], level)
        honest[own] = weights.combine(base[own], said[own])
    return weigh(base, said, target, level), honest


def _unproven(base: FloatArray, target: FloatArray, held: Weights) -> Weights:
    """Weights where nothing can be judged: as held before, and with normal rows alone fewer anomalies in all."""
    if target.any():
        return held
    found = weigh(base, np.empty((len(base), 0)), target, held.level)
    return replace(held, base=1.0, shift=min(found.shift, 0.0))


def _log_odds(share: float) -> float:
    share = float(np.clip(share, 1e-4, 0.5))
    return float(np.log(share / (1.0 - share)))


def _labelled(labels: Labels) -> tuple[Reason, ...]:
    n = len(labels.values)
    text = (
        f"{labels.n_anomalies + labels.n_normal:,} of {n:,} rows have a label: {labels.n_anomalies:,} anomalies and "
        f"{labels.n_normal:,} normal rows."
    )
    evidence: dict[str, Scalar] = {"anomalies": labels.n_anomalies, "normal": labels.n_normal, "rows": n}
    out = [Reason(code="SUP-001", subject="labels", text=text, evidence=evidence)]
    if not labels.n_anomalies:
        text = "No label is of an anomaly: the order of the other rows stays what it is without labels."
        out.append(Reason(code="SUP-012", subject="labels", text=text, evidence={"normal": labels.n_normal}))
    return tuple(out)


def _learning(names: tuple[str, ...], rows: Rows, told: tuple[Reason, ...]) -> tuple[Reason, ...]:
    if not names:
        return ()
    who = ", ".join(LEARNERS[name].says for name in names)
    text = (
        f"Learned by {who}; {rows.inputs.shape[1]:,} inputs of a row: its columns, what the models and the cell "
        "detectors say of it, and the score without labels."
    )
    reason = Reason(code="SUP-010", subject="labels", text=text, evidence={"inputs": rows.inputs.shape[1]})
    return (reason, *told)


def _fewer(most: int, n_labelled: int, seconds: float | None) -> tuple[Reason, ...]:
    if n_labelled <= most:
        return ()
    why = "" if seconds is None or most == MOST_TAUGHT else f": it may take {seconds:.2g} s of the time budget"
    text = f"Each learner sees at most {most:,} of the {n_labelled:,} labelled rows, up to half of them anomalies{why}."
    evidence: dict[str, Scalar] = {"rows": most, "labelled": n_labelled}
    return (Reason(code="SUP-013", subject="labels", text=text, evidence=evidence),)


def _counting(weights: Weights, how: str, *, judged: bool) -> Reason:
    text = (
        f"In the log odds the answer without labels counts {weights.base:.2f} times and what was learned "
        f"{weights.of_learned:.2f} times; all are shifted by {weights.shift:+.2f}."
    )
    if how:
        text += f" Labelled rows: {how}." if judged else f" Weights as on known tables; {how}."
    evidence = {"unlabelled": weights.base, "learned": weights.of_learned, "shift": weights.shift}
    return Reason(code="SUP-020", subject="weights", text=text, evidence=evidence)


def _holding(less: float, share: float) -> tuple[Reason, ...]:
    if less >= 0:
        return ()
    text = (
        f"Log odds held back by {-less:.2f}: labels hold more anomalies than scores explain, as where people choose "
        f"whom to label; at most {_MOST_TIMES:g} times the expected {share:.2%} are taken for real."
    )
    evidence = {"shift": less, "times": _MOST_TIMES, "share": share}
    return (Reason(code="SUP-021", subject="share", text=text, evidence=evidence),)


def _facts(labels: Labels) -> Reason:
    n = labels.n_anomalies + labels.n_normal
    text = f"The {n:,} rows with a label are what they were said to be; the others are judged."
    return Reason(code="SUP-040", subject="labels", text=text, evidence={"labelled": n})
