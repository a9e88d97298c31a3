"""The search: submit, judge, ask again, until the budget, the count or the patience is used up."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.errors import NothingFinishedError
from pynomaly_auto.pool import Executor, Job, Outcome
from pynomaly_auto.records import Dataset, Ranking, Reason, Search, Trial, TrialStatus
from pynomaly_auto.tuning._here import AT_LEAST, EACH, SHARE, TOGETHER, run_here
from pynomaly_auto.tuning._objective import Attempt, Order, attempt, order
from pynomaly_auto.tuning._optuna import Proposal, Proposer
from pynomaly_auto.tuning._plan import TuningPlan, choose_rows, search_share
from pynomaly_auto.tuning._quality import COLD_WEIGHTS, WEIGHTS, Judge

_BATCH = 8  # trials asked for at once when the count rules; never the number of workers, or results would depend on it
_HANG = 600.0  # seconds after which a trial is given up when the clock must not decide anything else
_UNTIL = 0.8  # share of the time left for the search when trials are fitted on all rows and can be taken over
_DEAR = 0.02  # share of the time budget from which one trial has to promise something
_BRIEF = 0.2  # seconds below which a trial's duration says nothing about the machine
_SLOWEST = 10.0
_PAYLOAD = 16 * 2**20
_PAYLOADS = 256 * 2**20
_GAIN = 0.003  # smallest gain in the mean quality of the best five detectors that counts as an improvement
_ORIGINS = {"portfolio": "TUN-011", "view": "TUN-014", "warm start": "TUN-012", "search": "TUN-013"}
_ENDINGS = {
    "failed": "TUN-020",
    "timeout": "TUN-021",
    "memory": "TUN-022",
    "not_applicable": "TUN-023",
    "cancelled": "TUN-024",
}

OnTrial = Callable[[Trial], None]


@dataclass
class _State:
    """What the search knows so far."""

    asked: list[Proposal] = field(default_factory=list)
    trials: dict[int, Trial] = field(default_factory=dict)
    versions: dict[int, int] = field(default_factory=dict)
    buffered: list[Outcome] = field(default_factory=list)
    best: dict[str, float] = field(default_factory=dict)
    progress: float = -1.0
    idle: int = 0  # tuned trials since the last gain
    ratios: list[float] = field(default_factory=list)  # measured to expected seconds of trials that took a while
    kept: int = 0  # bytes of payloads
    left_out: list[Reason] = field(default_factory=list)
    stopped: str = ""
    interrupted: bool = False


def tune(dataset: Dataset, ranking: Ranking, plan: TuningPlan, *, on_trial: OnTrial | None = None) -> Search:
    """Try the ranking's candidates, then tune them, without labels.

    First the portfolio: each selected candidate as the ranking gives it; then its warm starts; then parameters
    proposed by Optuna. Quality is estimated against a consensus of the strongest candidates' first trials; at the end
    all estimates are made against the same one.

    Args:
        dataset: The encoded rows.
        ranking: Whom to try, best first.
        plan: Settings, seed, clock, workers. With ``n_trials`` set no decision depends on the clock or the number of
            workers; else the search ends in time for what follows.
        on_trial: Called with each trial as it ends.

    Raises:
        NothingFinishedError: Not one trial completed; the message lists the first failures.
    """
    run = _Run(dataset, ranking, plan, on_trial)
    try:
        run.loop()
    except KeyboardInterrupt:
        run.state.interrupted, run.state.stopped = True, "interrupted by the user"
    finally:
        left = run.executor.cancel()
    run.settle(left)
    return run.search()


class _Run:
    """One search on its way."""

    def __init__(self, dataset: Dataset, ranking: Ranking, plan: TuningPlan, on_trial: OnTrial | None) -> None:
        self.plan, self.ranking, self.on_trial = plan, ranking, on_trial
        self.shape = (dataset.n_rows, max(dataset.n_features, 1))
        self.started = time.monotonic()
        self.rows, self.rows_reason = choose_rows(dataset, ranking, plan)
        self.size = (dataset.n_rows if self.rows is None else len(self.rows), dataset.n_features)
        self.executor: Executor = plan.executor()
        self.X = dataset.X if self.rows is None else dataset.X[self.rows]
        self.table = self.executor.share(self.X)
        self.judge = Judge(ranking, plan.predict_quality)
        fixed = plan.settings.overrides.params
        self.proposer = Proposer(ranking, fixed, seed=plan.seed, n_rows=self.size[0], n_features=max(self.size[1], 1))
        self.state = _State()
        self.begun = plan.deadline.elapsed()
        self.end = self._end()
        self.here: deque[Proposal] = deque(self._quick())

    def _quick(self) -> list[Proposal]:
        """What is tried in this process, beside the workers."""
        if math.isinf(self.end) or self.plan.settings.memory_limit is not None:  # only a worker can be held to it
            return []
        together = min(TOGETHER, max(SHARE * (self.end - self.begun), AT_LEAST))
        return self.proposer.quick(EACH, together, first=self._wanted())

    def _end(self) -> float:
        """When the search has to be over, in seconds of the plan's clock."""
        left = self.plan.deadline.remaining()
        if self.plan.by_count or math.isinf(left):
            return math.inf
        until = self.plan.until
        if until is None:
            until = _UNTIL if self.rows is None else search_share(self.ranking, self.shape, self.executor.workers, left)
        return self.plan.deadline.elapsed() + until * left

    def loop(self) -> None:
        """Submit and judge until something says stop."""
        while True:
            if self._may_ask():
                self._ask()
            if self.state.best and self._late():
                self.here.clear()
            if self.here:
                self._try_here(self.here.popleft())
            elif not self.executor.pending:
                break
            outcome = self.executor.collect(timeout=0.0 if self.here else self._patience())
            if outcome is not None:
                self._take(outcome)
            elif self._late() and not self._grace():
                self.state.stopped = self.state.stopped or "the time budget for the search was used up"
                break
        self.state.stopped = self.state.stopped or "nothing new was left to try"

    def _may_ask(self) -> bool:
        if self.plan.by_count:
            return self.executor.pending == 0  # a whole batch is judged, in order, before the next is asked for
        return self.executor.pending < self.executor.workers

    def _try_here(self, proposal: Proposal) -> None:
        number = len(self.state.asked)
        self.state.asked.append(proposal)
        try:
            self._take(run_here(number, self._order(proposal), self.X))
        except KeyboardInterrupt:
            self.state.buffered.append(Outcome(key=number, status="cancelled", error="cancelled while it ran"))
            raise

    def _ask(self) -> None:
        room = self.executor.workers - self.executor.pending
        if self.plan.settings.n_trials is not None:
            room = min(_BATCH, self.plan.settings.n_trials - len(self.state.asked))
            if room <= 0:
                self.state.stopped = self.state.stopped or f"all {self.plan.settings.n_trials} trials were made"
        for _ in range(room):
            if self._enough():
                return
            proposal = self._next()
            if proposal is None:
                return
            self._submit(proposal)

    def _enough(self) -> bool:
        if self.state.idle >= self.plan.patience:
            self.state.stopped = f"{self.state.idle} tuned trials in a row brought no gain"
        elif self._late() and self.state.best:
            self.state.stopped = "the time budget for the search was used up"
        elif (self.state.best or self.here) and self._all_wanted():
            self.state.stopped = "all members known beforehand were tried"
        return bool(self.state.stopped)

    def _all_wanted(self) -> bool:
        """Whether those wanted and no others were all asked for."""
        wanted = self._wanted()
        return wanted is not None and len(self.state.asked) + len(self.here) >= wanted

    def _wanted(self) -> int | None:
        """How many trials there are to be where the ranking prescribes the members: those, and all to be heard."""
        members = self.ranking.members
        if not members or self.plan.by_count:
            return None
        return len(members) + len(set(self.ranking.shares) - {name for name, _ in members})

    def _next(self) -> Proposal | None:
        left = self.end - self.plan.deadline.elapsed()
        slowness = self._slowness()
        while proposal := self.proposer.next(left / slowness):
            expected = self.proposer.expected(proposal) * slowness
            evidence = {"expected_seconds": expected, "seconds_left": left, "origin": proposal.origin}
            if self._dear(proposal, expected):
                text = f"Not tried: expected {expected:.1f} s, and not predicted to be stronger than the portfolio."
                reason = Reason(code="TUN-026", subject=proposal.detector, text=text, evidence=evidence)
            elif expected <= left or not (self.state.best or self.executor.pending):
                return proposal
            else:
                text = f"Not tried: expected {expected:.1f} s, {max(left, 0.0):.1f} s left for the search."
                reason = Reason(code="TUN-025", subject=proposal.detector, text=text, evidence=evidence)
            self.state.left_out.append(reason)
        return None

    def _dear(self, proposal: Proposal, expected: float) -> bool:
        """Whether a trial costs much and promises little: the portfolio makes the ensemble unless one is better."""
        seconds, name, portfolio = self.plan.deadline.seconds, proposal.detector, self.ranking.portfolio
        if seconds is None or self.plan.by_count or not portfolio or name in portfolio:
            return False
        if name in self.ranking.shares or not self.state.best.keys() & set(portfolio):
            return False
        return expected > _DEAR * seconds and self.judge.prior(name) <= max(map(self.judge.prior, portfolio))

    def _submit(self, proposal: Proposal) -> None:
        number = len(self.state.asked)
        self.state.asked.append(proposal)
        timeout = self._timeout(self.proposer.expected(proposal), proposal.origin == "portfolio")
        self.executor.submit(
            Job(function=attempt, args=(self._order(proposal), self.table), timeout=timeout, key=number)
        )

    def _order(self, proposal: Proposal) -> Order:
        wanted = _PAYLOAD if self.rows is None and self.state.kept < _PAYLOADS else 0
        return order(DETECTORS[proposal.detector], proposal.params, self.plan.seed, largest_payload=wanted)

    def _timeout(self, expected: float, portfolio: bool) -> float:
        if math.isinf(self.end):
            return max(_HANG, 50 * expected)
        left = max(self.end - self.plan.deadline.elapsed(), 0.0)
        # The portfolio is worth waiting for; a worker's first trial also pays for its imports.
        floor = max(1.0, (0.4 if portfolio else 0.1) * (self.end - self.begun))
        return max(0.1, min(left + self._overtime(), max(floor, 5 * expected * self._slowness())))

    def _slowness(self) -> float:
        """How much longer trials take here and now than declared: the median so far, from 1 to 10."""
        if self.plan.by_count or not self.state.ratios:
            return 1.0
        return float(np.clip(np.median(self.state.ratios), 1.0, _SLOWEST))

    def _overtime(self) -> float:
        """Seconds past the search's end that its first result may take, within what the whole run may overrun."""
        if self.state.best or self.plan.deadline.seconds is None:
            return 0.0
        return 0.1 * self.plan.deadline.seconds + 1.3

    def _late(self) -> bool:
        return self.plan.deadline.elapsed() >= self.end

    def _grace(self) -> bool:
        """Whether, with nothing finished yet, there still is a little time for the first result."""
        limit = (self.plan.deadline.seconds or 0.0) + self._overtime() * 0.8
        return not self.state.best and self.plan.deadline.elapsed() < limit

    def _patience(self) -> float | None:
        if math.isinf(self.end):
            return None
        return min(max(self.end - self.plan.deadline.elapsed(), 0.05), 1.0)

    def _take(self, outcome: Outcome) -> None:
        self.state.buffered.append(outcome)
        if not self.plan.by_count or not self.executor.pending:
            self._judge(sorted(self.state.buffered, key=lambda o: int(o.key)))
            self.state.buffered = []

    def settle(self, left: Iterable[Outcome]) -> None:
        """Record what came in last or was cancelled."""
        self._judge(sorted([*self.state.buffered, *left], key=lambda o: int(o.key)))
        self.state.buffered = []

    def _judge(self, outcomes: list[Outcome]) -> None:
        made = [self._trial(outcome) for outcome in outcomes]
        for trial in made:  # the consensus first, so that one batch is judged against one consensus
            if trial.scores is not None and self.state.asked[trial.number].origin == "portfolio":
                self.judge.add_reference(trial.detector, trial.scores)
        for trial in made:
            judged = self._estimate(trial)
            self.state.trials[trial.number] = judged
            proposal = self.state.asked[trial.number]
            self.proposer.tell(proposal, judged.quality)
            self._note_gain(proposal, judged.quality)
            if self.on_trial is not None:
                self.on_trial(judged)

    def _trial(self, outcome: Outcome) -> Trial:
        proposal, number = self.state.asked[outcome.key], int(outcome.key)
        reached: Any = outcome.value if isinstance(outcome.value, Attempt) else None
        status: TrialStatus = reached.status if reached is not None else outcome.status
        error = reached.error if reached is not None else outcome.error
        if reached is not None and reached.payload is not None:
            self.state.kept += len(reached.payload)
            self.plan.payloads[number] = reached.payload
        if reached is not None and reached.seconds > _BRIEF:
            self.state.ratios.append(reached.seconds / max(self.proposer.expected(proposal), _BRIEF / 4))
        reasons = [_origin(proposal, number)]
        if status != "completed":
            text = f"{_said(status)}: {error}" if error else f"{_said(status)}."
            reasons.append(Reason(code=_ENDINGS[status], subject=proposal.detector, text=text))
        return Trial(
            number=number, detector=proposal.detector, params=dict(proposal.params), status=status, error=error,
            seconds=reached.seconds if reached is not None else outcome.seconds, memory_mb=outcome.memory_mb,
            n_rows=self.size[0], scores=reached.scores if reached is not None else None, reasons=tuple(reasons),
        )  # fmt: skip

    def _estimate(self, trial: Trial) -> Trial:
        if trial.scores is None:
            return trial
        estimate = self.judge.judge(trial.detector, trial.scores)
        self.state.versions[trial.number] = estimate.version
        return replace(trial, quality=estimate.quality, statistics=estimate.statistics)

    def _note_gain(self, proposal: Proposal, quality: float | None) -> None:
        if quality is not None:
            self.state.best[proposal.detector] = max(quality, self.state.best.get(proposal.detector, 0.0))
        top = sorted(self.state.best.values(), reverse=True)[:5]
        progress = float(np.mean(top)) if top else -1.0
        if progress > self.state.progress + _GAIN or proposal.origin != "search":
            self.state.progress, self.state.idle = max(progress, self.state.progress), 0
        else:
            self.state.idle += 1

    def search(self) -> Search:
        """The record of it all, every estimate made against the final consensus."""
        trials = [self.state.trials[number] for number in sorted(self.state.trials)]
        trials = [
            t if self.state.versions.get(t.number) in (None, self.judge.version) else self._estimate(t) for t in trials
        ]
        if not any(t.status == "completed" for t in trials):
            raise _nothing(trials, self.state)
        return Search(
            trials=tuple(trials), rows=self.rows, pareto=pareto(trials), stopped=self.state.stopped,
            interrupted=self.state.interrupted, seconds=time.monotonic() - self.started,
            reasons=(self.rows_reason, self._weights(), *self.state.left_out, self._stop(trials)),
        )  # fmt: skip

    def _weights(self) -> Reason:
        weights = COLD_WEIGHTS if self.plan.predict_quality is None else WEIGHTS
        parts = ", ".join(f"{name} {weight:.0%}" for name, weight in weights.items() if weight)
        text = f"Quality is estimated without labels from: {parts}."
        return Reason(code="TUN-031", subject="quality", text=text, evidence=dict(weights))

    def _stop(self, trials: list[Trial]) -> Reason:
        completed = sum(t.status == "completed" for t in trials)
        text = f"The search ended after {len(trials)} trials, {completed} of them completed: {self.state.stopped}."
        evidence = {"trials": len(trials), "completed": completed, "portfolio": self.proposer.portfolio}
        return Reason(code="TUN-030", subject="search", text=text, evidence=evidence)


def pareto(trials: Iterable[Trial]) -> tuple[int, ...]:
    """Numbers of the completed trials that no other beats in quality, seconds and memory at once."""
    done = [t for t in trials if t.status == "completed" and t.quality is not None]
    costs = np.array([[-(t.quality or 0.0), t.seconds, t.memory_mb] for t in done]).reshape(len(done), 3)
    beaten = [bool(((costs <= c).all(axis=1) & (costs < c).any(axis=1)).any()) for c in costs]
    return tuple(t.number for t, worse in zip(done, beaten, strict=True) if not worse)


def _origin(proposal: Proposal, number: int) -> Reason:
    texts = {
        "portfolio": "Tried as the ranking gives it.",
        "view": "Tried in a view of the table in which the learned fusion knows it.",
        "warm start": "Tried with parameters that did well on similar tables.",
        "search": "Tried with parameters proposed by the tree-structured Parzen estimator.",
    }
    evidence = {"trial": number, "origin": proposal.origin}
    return Reason(
        code=_ORIGINS[proposal.origin], subject=proposal.detector, text=texts[proposal.origin], evidence=evidence
    )


def _said(status: str) -> str:
    return {
        "failed": "Failed", "timeout": "Took too long", "memory": "Needed too much memory",
        "not_applicable": "Does not apply", "cancelled": "Cancelled",
    }[status]  # fmt: skip


def _nothing(trials: list[Trial], state: _State) -> NothingFinishedError:
    if state.interrupted:
        return NothingFinishedError("interrupted before any trial had completed.", where="tuning")
    first = "; ".join(f"{t.detector}: {t.error or t.status}" for t in trials[:5])
    what = f"none of {len(trials)} trials completed: {first}." if trials else "no candidate could be tried."
    return NothingFinishedError(
        what, where="tuning", fix="Raise time_budget or memory_limit, or exclude fewer detectors."
    )
