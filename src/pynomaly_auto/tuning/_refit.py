"""Fitting the chosen members on all rows, in time."""

from __future__ import annotations

import heapq
import math
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pynomaly_auto._budget import FIRST_ANSWER, LAST_RESORT, REFIT_HANG, refit_seconds
from pynomaly_auto.detectors import DETECTORS, FittedDetector
from pynomaly_auto.errors import DetectorError, NothingFinishedError
from pynomaly_auto.pool import Executor, Job, Outcome, describe
from pynomaly_auto.records import Dataset, Ensemble, FloatArray, Member, Reason, Search, Trial
from pynomaly_auto.tuning._batches import FitPlan, plan_of, side_by_side
from pynomaly_auto.tuning._objective import TrialResult, trial_job, trial_request
from pynomaly_auto.tuning._plan import Tuned, TuningPlan

_PROBED = 2  # rows that a third party's detector scores before it becomes a member
_ANY_SIZE = math.inf
_BRIEF, _ENOUGH = 0.1, 6  # seconds below which a trial says nothing about the machine; trials that say enough


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedMember:
    """A member of the ensemble, fitted on all rows.

    Args:
        member: Which one.
        detector: The fitted detector.
        scores: Its raw scores of all rows; shape (n_rows,).
        reasons: How it came about; the first member's also hold why others were dropped.
    """

    member: Member
    detector: FittedDetector
    scores: FloatArray = field(repr=False)
    reasons: tuple[Reason, ...] = ()


def refit(dataset: Dataset, ensemble: Ensemble, plan: TuningPlan, tuned: Tuned) -> tuple[FittedMember, ...]:
    """Fit the members on all rows, in parallel; what the search has fitted on all rows already is taken over.

    When the remaining time is short the slowest members are dropped first; at least one stays. Members that fail are
    missing from the result, with a reason.

    Args:
        dataset: The encoded rows.
        ensemble: The members, and how much each counts.
        plan: The search's plan.
        tuned: What the search left: scores, measured seconds, and fitted estimators.

    Raises:
        NothingFinishedError: Not one member could be fitted.
    """
    search, probe = tuned.search, dataset.X[:_PROBED]
    taken = {m.trial: f for m in ensemble.members if (f := _taken_over(m, tuned, probe)) is not None}
    missing = [m for m in ensemble.members if m.trial not in taken]
    dropped: list[Reason] = []
    if missing:
        executor = plan.executor()
        table = executor.share(dataset.X)
        seconds = {m.trial: expected_seconds(m, dataset, search) for m in missing}
        fits = Fits(dataset, plan, tried=search.trials)
        workers = side_by_side([fits.plan_of(m) for m in missing], executor.workers, plan.room)
        chosen, dropped = _affordable(missing, seconds, workers, _left(plan, dataset.n_rows), keep=not taken)
        # Weighted shortest first (Smith 1956): when members turn out slower than expected, most of the weight is done.
        chosen.sort(key=lambda m: seconds[m.trial] / max(m.weight, 1e-9))
        fitted, failures = _fit(chosen, table, probe, fits, plan)
        taken |= fitted
        dropped += failures
        if not taken:
            rows = None if search.rows is None else executor.share(np.asarray(search.rows))
            taken, failures = _last_resort(ensemble, table, rows, probe, executor, plan)
            dropped += failures
    kept = [taken[m.trial] for m in ensemble.members if m.trial in taken]
    if not kept:
        first = "; ".join(str(r) for r in dropped[:5])
        raise NothingFinishedError(f"no member could be fitted on all rows: {first}.", where="refitting")
    first_kept = kept[0]
    kept[0] = FittedMember(
        member=first_kept.member, detector=first_kept.detector, scores=first_kept.scores,
        reasons=first_kept.reasons + tuple(dropped),
    )  # fmt: skip
    return tuple(kept)


def expected_seconds(member: Member, dataset: Dataset, search: Search) -> float:
    """Seconds a fit on all rows should take: what the trial took, scaled by the detector's declared cost.

    On a busy machine a single trial may well take five times as long as the next, so it counts for no more than the
    median slowness of all trials. Too low a guess costs little: members go by weight and shortness and end in time.
    """
    spec = DETECTORS[member.detector]
    trial = next((t for t in search.trials if t.number == member.trial), None)
    full = spec.seconds(dataset.n_rows, max(dataset.n_features, 1), member.params)
    if trial is None or trial.n_rows == 0:
        return full
    small = spec.seconds(trial.n_rows, max(dataset.n_features, 1), member.params)
    if small <= 0:
        return trial.seconds
    ratio, usual = trial.seconds / small, _slowness(search, max(dataset.n_features, 1))
    return full * (ratio if usual is None else float(np.clip(ratio, usual / 2, usual)))


def _slowness(search: Search, n_features: int) -> float | None:
    """Median of measured to declared seconds over trials that took a while; None with too few of them."""
    ratios = [
        t.seconds / declared
        for t in search.completed
        if t.seconds > _BRIEF and (declared := DETECTORS[t.detector].seconds(t.n_rows, n_features, t.params)) > 0
    ]
    return float(np.median(ratios)) if len(ratios) >= _ENOUGH else None


def _left(plan: TuningPlan, n_rows: int) -> float:
    return math.inf if plan.by_count else refit_seconds(plan.deadline.remaining(), n_rows)


def _taken_over(member: Member, tuned: Tuned, probe: FloatArray) -> FittedMember | None:
    payload = tuned.payloads.get(member.trial)
    trial = next((t for t in tuned.search.completed if t.number == member.trial), None)
    if payload is None or trial is None or trial.scores is None:
        return None
    reason = Reason(code="TUN-040", subject=member.detector, text="Taken over from its trial, fitted on all rows.")
    try:
        return _member(member, payload, trial.scores, reason, probe)
    except _UnusableError:
        return None  # a second fit may give one that can be used, and else says why not


class _UnusableError(Exception):
    """A fitted estimator came out of its worker and does not work here."""


def _member(member: Member, payload: bytes, scores: FloatArray, reason: Reason, probe: FloatArray) -> FittedMember:
    """Make a member of what a worker sent: the fitted estimator and its scores; a third party's has to score first.

    Raises:
        _UnusableError: It cannot be loaded, or does not score here.
    """
    try:
        estimator: Any = pickle.loads(payload)  # noqa: S301 - made by our own worker a moment ago
    except Exception as error:  # the state is the detector's own: it raises whatever it likes
        raise _UnusableError(f"it cannot be loaded: {describe(error)}") from None
    detector = FittedDetector(DETECTORS[member.detector], member.params, estimator)
    if not detector.spec.own:
        try:
            detector.score(probe)
        except DetectorError as error:
            raise _UnusableError(error.what) from None
    return FittedMember(member=member, detector=detector, scores=scores, reasons=(reason,))


def _affordable(
    members: list[Member], seconds: dict[int, float], workers: int, left: float, *, keep: bool
) -> tuple[list[Member], list[Reason]]:
    """Drop the slowest members until the rest should be fitted in time; with ``keep`` one always stays."""
    chosen, dropped = list(members), []
    while len(chosen) > (1 if keep else 0) and _makespan([seconds[m.trial] for m in chosen], workers) > left:
        slowest = max(chosen, key=lambda m: seconds[m.trial])
        chosen.remove(slowest)
        text = f"Left out: a fit on all rows is expected to take {seconds[slowest.trial]:.1f} s, {left:.1f} s are left."
        evidence = {"expected_seconds": seconds[slowest.trial], "seconds_left": left, "trial": slowest.trial}
        dropped.append(Reason(code="TUN-042", subject=slowest.detector, text=text, evidence=evidence))
    return chosen, dropped


def _makespan(seconds: list[float], workers: int) -> float:
    """Seconds until all are done when each worker takes the longest one left (Graham 1969)."""
    loads = [0.0] * max(workers, 1)
    for value in sorted(seconds, reverse=True):
        heapq.heapreplace(loads, loads[0] + value)
    return max(loads)


class Fits:
    """How each member is fitted, and the sampled rows of those that are fitted on a sample.

    Args:
        dataset: The encoded rows.
        plan: The search's plan.
        tried: The trials.
    """

    def __init__(self, dataset: Dataset, plan: TuningPlan, *, tried: Sequence[Trial]) -> None:
        self.shape = (dataset.n_rows, max(dataset.n_features, 1))
        self._plan = plan
        self._tried = {trial.number: trial.n_rows for trial in tried}
        self._rows: dict[int, Any] = {}

    def plan_of(self, member: Member, *, sample: bool = False) -> FitPlan:
        """How it is fitted; with ``sample`` on no more rows than its trial was."""
        tried = self._tried.get(member.trial) or self.shape[0]
        spec = DETECTORS[member.detector]
        return plan_of(spec, member, self.shape, self._plan.room, tried=min(tried, self.shape[0]), sample=sample)

    def job(self, member: Member, fit: FitPlan, table: Any, timeout: float) -> Job:
        """What a worker is to do."""
        sampled = fit.name == "sampled_mini_batch"
        request = trial_request(
            DETECTORS[member.detector], member.params, self._plan.seed, largest_payload=math.inf,
            rows=self._sample(fit.rows) if sampled else None, score_all=sampled,
            batch=fit.batch if fit.name == "mini_batch" else None, device=self._plan.settings.device,
        )  # fmt: skip
        shape = (fit.rows, self.shape[1])
        return trial_job(request, table, shape, timeout=timeout, key=member.trial, memory=fit.memory)

    def _sample(self, size: int) -> Any:
        if size not in self._rows:
            drawn = np.random.default_rng(self._plan.seed).choice(self.shape[0], size, replace=False)
            self._rows[size] = self._plan.executor().share(np.sort(drawn))
        return self._rows[size]


def _fit(
    members: list[Member], table: Any, probe: FloatArray, fits: Fits, plan: TuningPlan
) -> tuple[dict[int, FittedMember], list[Reason]]:
    """Fit members as planned; those that take too much memory all the same, once more on a sample."""
    plans = {member.trial: fits.plan_of(member) for member in members}
    outcomes = _carry_out(members, plans, table, fits, plan)
    outgrown = [m for m in members if outcomes[m.trial].status == "memory" and fits.plan_of(m, sample=True).rows
                < plans[m.trial].rows]  # fmt: skip
    if outgrown and _left(plan, fits.shape[0]) > 0:
        plans |= {member.trial: fits.plan_of(member, sample=True) for member in outgrown}
        outcomes |= _carry_out(outgrown, plans, table, fits, plan)
    return _sort_out(members, outcomes, {trial: fit.reason for trial, fit in plans.items()}, probe)


def _carry_out(
    members: list[Member], plans: Mapping[int, FitPlan], table: Any, fits: Fits, plan: TuningPlan
) -> dict[int, Outcome]:
    executor, left = plan.executor(), _left(plan, fits.shape[0])
    timeout = REFIT_HANG if math.isinf(left) else max(left, LAST_RESORT)
    for member in members:
        executor.submit(fits.job(member, plans[member.trial], table, timeout))
    end = None if math.isinf(left) else plan.deadline.elapsed() + timeout
    return _gather(executor, lambda _: None if end is None else end - plan.deadline.elapsed())


def _gather(executor: Executor, seconds_left: Callable[[bool], float | None]) -> dict[int, Outcome]:
    """Collect what comes in time; how long that is may hang on whether anything has been fitted."""
    outcomes: dict[int, Outcome] = {}
    try:
        while executor.pending:
            left = seconds_left(any(o.value is not None for o in outcomes.values()))
            if left is not None and left <= 0:
                break
            outcome = executor.collect(timeout=left)
            if outcome is not None:
                outcomes[outcome.key] = outcome
    except KeyboardInterrupt:
        pass  # what is fitted by now is used; the search has already recorded, or the engine will, who ended it
    outcomes |= {o.key: o for o in executor.cancel()}
    return outcomes


def _sort_out(
    members: list[Member], outcomes: dict[int, Outcome], why: Mapping[int, Reason], probe: FloatArray
) -> tuple[dict[int, FittedMember], list[Reason]]:
    fitted: dict[int, FittedMember] = {}
    failures: list[Reason] = []
    for member in members:
        outcome = outcomes[member.trial]
        result: TrialResult | None = outcome.value
        if result is not None and result.payload is not None and result.scores is not None:
            reason = why[member.trial].with_evidence(seconds=result.seconds)
            try:
                made = _member(member, result.payload, result.scores, reason, probe)
                fitted[member.trial] = replace(made, reasons=made.reasons + result.reasons)
                continue
            except _UnusableError as problem:
                error: str | None = str(problem)
        else:
            error = result.error if result is not None else outcome.error
        failed = f"Left out: it could not be fitted on all rows: {error or outcome.status}"
        failures.append(Reason(code="TUN-043", subject=member.detector, text=failed, evidence={"trial": member.trial}))
    return fitted, failures


def _last_resort(
    ensemble: Ensemble, table: Any, rows: Any, probe: FloatArray, executor: Executor, plan: TuningPlan
) -> tuple[dict[int, FittedMember], list[Reason]]:
    """Fit the members on the search's rows instead, all at once; whoever is done in time counts.

    On a machine that others keep busy a worker takes seconds to come up; the first answer is waited for.
    """
    for member in ensemble.members:
        request = trial_request(
            DETECTORS[member.detector],
            member.params,
            plan.seed,
            rows=rows,
            score_all=True,
            largest_payload=_ANY_SIZE,
            device=plan.settings.device,
        )
        timeout = REFIT_HANG if plan.by_count else max(_left(plan, 0), FIRST_ANSWER)
        # By the shape of the probe none waits for a GPU on Ray, but where one is asked for by name.
        executor.submit(trial_job(request, table, probe.shape, timeout=timeout, key=member.trial))
    begun, left = plan.deadline.elapsed(), _left(plan, 0)  # nothing is kept for what follows an answer not there

    def seconds_left(some: bool) -> float | None:
        until = begun + max(left, LAST_RESORT if some else FIRST_ANSWER)
        return None if plan.by_count else until - plan.deadline.elapsed()

    outcomes = _gather(executor, seconds_left)
    text = "Fitted on the search's rows only, as no member could be fitted on all rows."
    why = {m.trial: Reason(code="TUN-044", subject=m.detector, text=text, evidence={"trial": m.trial})
           for m in ensemble.members}  # fmt: skip
    return _sort_out(list(ensemble.members), outcomes, why, probe)
