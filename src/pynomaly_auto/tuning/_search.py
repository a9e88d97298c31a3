"""The search: submit, judge, ask again, until the budget, the count or the patience is used up."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pynomaly_auto._budget import COSTLY_SHARE, HERE_EACH, HERE_TAKEN, SEARCH_SHARE, quick_seconds
from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.pool import Executor, Outcome
from pynomaly_auto.records import Configuration, Dataset, Ranking, Reason, Search, Trial, TrialStatus
from pynomaly_auto.tuning._clock import Clock
from pynomaly_auto.tuning._here import run_here
from pynomaly_auto.tuning._journal import NoJournal, Replaying, fitting, journalled
from pynomaly_auto.tuning._objective import TrialRequest, TrialResult, trial_job, trial_request
from pynomaly_auto.tuning._optuna import Proposal, Proposer
from pynomaly_auto.tuning._plan import Tuned, TuningPlan, choose_rows, share_of_search
from pynomaly_auto.tuning._quality import COLD_WEIGHTS, WEIGHTS, Judge
from pynomaly_auto.tuning._studies import Studies
from pynomaly_auto.tuning._telling import ending, nothing, origin, pareto

_BATCH = 8  # trials asked for at once when the count rules; never the number of workers, or results would depend on it
_PAYLOAD = 16 * 2**20  # most bytes of one fitted estimator that is sent back; judged
_PAYLOADS = 256 * 2**20  # most bytes of all, which the parent holds in memory
_GAIN = 0.003  # smallest gain in the mean quality of the best five detectors that counts as an improvement
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
    here: float = 0.0  # seconds that trials in this process took
    answered: bool = False  # a worker has sent something back
    payloads: dict[int, bytes] = field(default_factory=dict)
    left_out: list[Reason] = field(default_factory=list)
    untuned: dict[str, Reason] = field(default_factory=dict)  # family to why it is not searched
    settled: Reason | None = None  # why tuned trials are not worth making any more
    stopped: str = ""
    interrupted: bool = False


def tune(dataset: Dataset, ranking: Ranking, plan: TuningPlan, *, on_trial: OnTrial | None = None) -> Tuned:
    """Try the ranking's candidates, then tune them, without labels.

    First the portfolio: each selected candidate as the ranking gives it; then its warm starts; then parameters
    proposed by Optuna. Quality is estimated against a consensus of the strongest candidates' first trials; at the end
    all estimates are made against the same one. It stops where the plan says that nothing it could still try would
    change the answer.

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
    return Tuned(search=run.search(), payloads=run.state.payloads)


class _Run:
    """One search on its way."""

    def __init__(self, dataset: Dataset, ranking: Ranking, plan: TuningPlan, on_trial: OnTrial | None) -> None:
        self.plan, self.ranking, self.on_trial = plan, ranking, on_trial
        self.shape = (dataset.n_rows, max(dataset.n_features, 1))
        self.started = time.monotonic()
        self.rows, self.rows_reason = choose_rows(dataset, ranking, plan)
        self.size = (dataset.n_rows if self.rows is None else len(self.rows), dataset.n_features)
        self.journal = plan.journal or NoJournal()
        made = fitting(self.journal.trials, self.size[0])
        self.executor: Executor = Replaying(plan.executor(), made) if plan.by_count else plan.executor()
        self.X = dataset.X if self.rows is None else dataset.X[self.rows]
        self.table = self.executor.share(self.X)
        self.judge = Judge(ranking, plan.predict_quality)
        fixed = plan.settings.overrides.params
        self.proposer = Proposer(ranking, fixed, seed=plan.seed, n_rows=self.size[0], n_features=max(self.size[1], 1))
        self.studies = Studies(self.journal, fixed)
        self.state = _State()
        self.adopted = () if plan.by_count else made
        self.clock = Clock(plan.deadline, self._share())
        self._adopt()
        self.here: deque[Proposal] = deque(self._quick())

    def _adopt(self) -> None:
        """Take over the trials of earlier attempts where the clock rules: none is lost, whatever would be asked now."""
        outcomes = []
        for trial in self.adopted:
            if (proposal := self.proposer.adopt(trial)) is not None:
                outcomes.append(replace(trial.outcome, key=len(self.state.asked)))
                self.state.asked.append(proposal)
        self._judge(outcomes)

    def _quick(self) -> list[Proposal]:
        """What is tried in this process until the workers are up."""
        if not self.clock.rules or self.plan.settings.memory_limit is not None:  # only a worker can be held to it
            return []
        return self.proposer.quick(HERE_EACH, quick_seconds(self.clock.span), first=self._wanted())

    def _share(self) -> float | None:
        """Share of the time left that the search may take; None: the clock decides nothing."""
        if self.plan.by_count:
            return None
        left = self.plan.deadline.remaining()
        return (
            SEARCH_SHARE
            if self.rows is None and not self.adopted  # of which the fitted estimators are not there any more
            else share_of_search(self.ranking, self.shape, self.executor.workers, left)
        )

    def loop(self) -> None:
        """Submit and judge until something says stop."""
        while True:
            self.journal.beat()
            self._leave_to_workers()
            if self._may_ask():
                self._ask()
            if self.here:
                self._try_here(self.here.popleft())
            elif not self.executor.pending:
                break
            outcome = self.executor.collect(timeout=0.0 if self.here else self.clock.wait())
            if outcome is not None:
                self.state.answered = True
                self._take(outcome)
            elif self.clock.late() and not self.clock.patient(answered=bool(self.state.best)):
                self.state.stopped = self.state.stopped or "the time budget for the search was used up"
                break
        left = (
            "nothing new was left to try" if self.state.settled is None else "nothing left to try can change the answer"
        )
        self.state.stopped = self.state.stopped or left

    def _may_ask(self) -> bool:
        if self.plan.by_count:
            return self.executor.pending == 0  # a whole batch is judged, in order, before the next is asked for
        return self.executor.pending < self.executor.workers

    def _leave_to_workers(self) -> None:
        """End trials in this process as soon as others can make them, or this one turns out to be slow."""
        if not self.here or not (self.state.best or self.state.answered):
            return
        slow = self.state.here > HERE_TAKEN or self._expected(self.here[0]) > HERE_EACH
        if slow or self.state.answered or self.clock.late():
            self.proposer.put_back(self.here)
            self.here.clear()

    def _try_here(self, proposal: Proposal) -> None:
        number = len(self.state.asked)
        self.state.asked.append(proposal)
        try:
            outcome = run_here(number, self._request(proposal), self.X)
        except KeyboardInterrupt:
            self.state.buffered.append(Outcome(key=number, status="cancelled", error="cancelled while it ran"))
            raise
        self.state.here += outcome.seconds
        self._take(outcome)

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
        elif self.clock.late() and self.state.best:
            self.state.stopped = "the time budget for the search was used up"
        elif (self.state.best or self.here) and self._all_wanted():
            self.state.stopped = "all members known beforehand were tried"
        return bool(self.state.stopped)

    def _all_wanted(self) -> bool:
        """Whether those wanted and no others were all asked for."""
        wanted = self._wanted()
        return wanted is not None and len(self.state.asked) + len(self.here) >= wanted

    def _wanted(self) -> int | None:
        """How many trials there are to be where the ranking prescribes members: those, and all with a least share."""
        members = self.ranking.members
        if not members or self.plan.by_count:
            return None
        return len(members) + len(set(self.ranking.shares) - {c.detector for c in members})

    def _next(self) -> Proposal | None:
        left = self.clock.left()
        while proposal := self.proposer.next(left / self.clock.slowness(), settled=self._settled):
            expected = self._expected(proposal)
            evidence = {"expected_seconds": expected, "seconds_left": left, "role": proposal.role}
            if self.costly(proposal, expected):
                text = f"Not tried: expected {expected:.1f} s, and not predicted to be stronger than the portfolio."
                reason = Reason(code="TUN-026", subject=proposal.detector, text=text, evidence=evidence)
            elif expected <= left or not (self.state.best or self.executor.pending):
                return proposal
            else:
                text = f"Not tried: expected {expected:.1f} s, {max(left, 0.0):.1f} s left for the search."
                reason = Reason(code="TUN-025", subject=proposal.detector, text=text, evidence=evidence)
            self.state.left_out.append(reason)
        return None

    def _settled(self, wanted: Configuration | str) -> bool:
        """Whether a trial with parameters other than the first ones could change nothing any more."""
        force = None if self.plan.settled is None else self.plan.settled(wanted, self.state.trials.values())
        if force is None:
            return isinstance(wanted, str) and self._untuned(DETECTORS[wanted].family)
        text = (
            f"Parameters are not tuned: the learned fusion is in force with {force['members']} members, and it knows "
            "detectors with their default parameters only, so tuned ones could not change the answer."
        )
        self.state.settled = Reason(code="TUN-032", subject="search", text=text, evidence=dict(force))
        return True

    def _untuned(self, family: str) -> bool:
        """Whether parameters of a family's detectors are not worth searching for."""
        reason = None if self.plan.untuned is None else self.plan.untuned(family)
        if reason is not None:
            self.state.untuned[family] = reason
        return reason is not None

    def costly(self, proposal: Proposal, expected: float) -> bool:
        """Whether a trial costs much and promises little: the portfolio makes the ensemble unless one is better."""
        seconds, name, portfolio = self.plan.deadline.seconds, proposal.detector, self.ranking.portfolio
        if seconds is None or self.plan.by_count or not portfolio or name in portfolio:
            return False
        if name in self.ranking.shares or not self.state.best.keys() & set(portfolio):
            return False
        return expected > COSTLY_SHARE * seconds and self.judge.prior(name) <= max(map(self.judge.prior, portfolio))

    def _submit(self, proposal: Proposal) -> None:
        number = len(self.state.asked)
        self.state.asked.append(proposal)
        timeout = self.clock.timeout(self._expected(proposal), wanted=proposal.wanted, answered=bool(self.state.best))
        self.executor.submit(trial_job(self._request(proposal), self.table, self.size, timeout=timeout, key=number))

    def _request(self, proposal: Proposal) -> TrialRequest:
        kept = sum(map(len, self.state.payloads.values()))
        wanted = _PAYLOAD if self.rows is None and kept < _PAYLOADS else 0
        return trial_request(DETECTORS[proposal.detector], proposal.params, self.plan.seed, largest_payload=wanted,
                             device=self.plan.settings.device)  # fmt: skip

    def _expected(self, proposal: Proposal) -> float:
        return self.clock.expected(proposal.detector, self.proposer.expected(proposal))

    def _take(self, outcome: Outcome) -> None:
        self._note(outcome)
        self.state.buffered.append(outcome)
        if not self.plan.by_count or not self.executor.pending:
            self._judge(sorted(self.state.buffered, key=lambda o: int(o.key)))
            self.state.buffered = []

    def _note(self, outcome: Outcome) -> None:
        if (trial := journalled(self.state.asked[outcome.key], outcome, self.size[0])) is not None:
            self.journal.note(trial)

    def settle(self, left: Iterable[Outcome]) -> None:
        """Record what came in last or was cancelled."""
        late = list(left)
        for outcome in late:
            self._note(outcome)
        self._judge(sorted([*self.state.buffered, *late], key=lambda o: int(o.key)))
        self.state.buffered = []

    def _judge(self, outcomes: list[Outcome]) -> None:
        made = [self._trial(outcome) for outcome in outcomes]
        for trial in made:  # the consensus first, so that one batch is judged against one consensus
            if trial.scores is not None and self.state.asked[trial.number].wanted:
                self.judge.add_reference(trial.detector, trial.scores)
        for trial in made:
            judged = self._estimate(trial)
            self.state.trials[trial.number] = judged
            proposal = self.state.asked[trial.number]
            self.proposer.tell(proposal, judged.quality)
            self._note_gain(proposal, judged.quality)
            self.studies.add(proposal, judged)
            if self.on_trial is not None:
                self.on_trial(judged)

    def _trial(self, outcome: Outcome) -> Trial:
        proposal, number = self.state.asked[outcome.key], int(outcome.key)
        result: Any = outcome.value if isinstance(outcome.value, TrialResult) else None
        status: TrialStatus = result.status if result is not None else outcome.status
        error = result.error if result is not None else outcome.error
        if result is not None and result.payload is not None:
            self.state.payloads[number] = result.payload
        if status in {"completed", "timeout"}:
            taken = result.seconds if result is not None else outcome.seconds
            declared = self.proposer.expected(proposal)
            self.clock.note(proposal.detector, taken, declared, completed=status == "completed")
        reasons = [origin(proposal, number), *(result.reasons if result is not None else ())]
        if status != "completed":
            reasons.append(ending(proposal.detector, status, error))
        return Trial(
            number=number, configuration=proposal.configuration, status=status, error=error,
            seconds=result.seconds if result is not None else outcome.seconds, memory_mb=outcome.memory_mb,
            n_rows=self.size[0], scores=result.scores if result is not None else None, reasons=tuple(reasons),
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
        if progress > self.state.progress + _GAIN or proposal.role != "search":
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
            raise nothing(trials, interrupted=self.state.interrupted)
        return Search(
            trials=tuple(trials), rows=self.rows, pareto=pareto(trials), stopped=self.state.stopped,
            interrupted=self.state.interrupted, seconds=time.monotonic() - self.started,
            reasons=(
                self.rows_reason, self._weights(), *self.state.left_out,
                *((self.state.settled,) if self.state.settled is not None else ()),
                *(self.state.untuned[family] for family in sorted(self.state.untuned)), self._stop(trials),
            ),
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
