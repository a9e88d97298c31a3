"""What to try next: the ranking's queue, then Optuna's samplers, one study per detector.

A handful of trials per detector is all a run can afford. One study over a conditional space would spend them on
learning which detector is good, which the ranking and the portfolio already tell; so a bandit chooses the detector and
the tree-structured Parzen estimator, multi-objective (Ozaki et al., 2022), its parameters. The sampler sees the
estimated cost, not the measured one, so that the same seed asks the same questions on any machine.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pynomaly_auto.detectors import DETECTORS, DetectorSpec
from pynomaly_auto.records import Candidate, Configuration, Params, Ranking, Step

Settled: TypeAlias = Callable[[Configuration | str], bool]

_FRONT = 7  # places of the queue that are kept in their order: as many as the portfolio has members
_TRIES = 8  # proposals in a row that were known already or too expensive before a detector counts as exhausted
_CURIOSITY = 0.12  # weight of the bandit's bonus for detectors tried rarely (UCB1, Auer et al. 2002)
_THRIFT = 0.03  # what a factor e of expected seconds costs in the bandit


@dataclass(frozen=True, kw_only=True, eq=False)
class Proposal(Step):
    """One configuration, worth a trial.

    Args:
        trial: Optuna's trial, when it comes from a sampler.
    """

    trial: Any = field(default=None, repr=False)


@dataclass
class _Arm:
    """One detector of the bandit."""

    spec: DetectorSpec
    candidate: Candidate
    space: dict[str, Any]
    fixed: Params
    study: Any = None
    best: float | None = None
    asked: int = 0
    failures: int = 0
    exhausted: bool = False


class Proposer:
    """Asks what to try next and is told how it went.

    Args:
        ranking: The candidates, best first, and what is to be tried of them before anything is searched for.
        fixed: Detector to parameters the user has set by hand; these are never tuned.
        seed: Seed of the samplers.
        n_rows: Rows of a trial, for expected costs.
        n_features: Features, likewise.
    """

    def __init__(
        self, ranking: Ranking, fixed: Mapping[str, Params], *, seed: int, n_rows: int, n_features: int
    ) -> None:
        self._size = (n_rows, n_features)
        self._seed = seed
        self._known: dict[Configuration, float | None] = {}
        self._arms: dict[str, _Arm] = {}
        for candidate in ranking.selected:
            spec, by_hand = DETECTORS[candidate.detector], dict(fixed.get(candidate.detector, {}))
            space = {name: d for name, d in spec.space.items() if name not in by_hand}
            self._arms[candidate.detector] = _Arm(spec, candidate, space, by_hand)
        self._queue = deque(Proposal(configuration=s.configuration, role=s.role) for s in ranking.queue)
        self._known |= dict.fromkeys(map(self._whole, self._queue))
        self.portfolio = sum(p.wanted for p in self._queue)

    def expected(self, proposal: Proposal) -> float:
        """Expected seconds of a trial."""
        return self._arms[proposal.detector].spec.seconds(*self._size, proposal.params)

    def quick(self, each: float, together: float, first: int | None = None) -> list[Proposal]:
        """Take those of the first round out of the queue that are expected to be over in no time.

        Only detectors of our own are taken, as they are to run where nothing can be killed, and none whose fit takes
        as long as it takes to converge.

        Args:
            each: Most expected seconds of one.
            together: Most of all.
            first: Only of the first so many in the queue; None: of all.
        """
        taken: list[Proposal] = []
        early = [p for p in self._queue if p.wanted][:first]
        if first is None:
            # What the answer rests on comes first, in one order; then, before the first answer, a handful of scores
            # counts for more than the strength of one.
            front = [p for p in list(self._queue)[:_FRONT] if p.wanted or p.role == "view"]
            early = front + sorted((p for p in early if not any(p is f for f in front)), key=self.expected)
        for proposal in early:
            expected = self.expected(proposal)
            spec = self._arms[proposal.detector].spec
            if expected <= min(each, together) and spec.own and not spec.cost.iterates:
                taken.append(proposal)
                together -= expected
        self._queue = deque(p for p in self._queue if not any(p is t for t in taken))
        return taken

    def put_back(self, proposals: Iterable[Proposal]) -> None:
        """Let proposals that were taken be the next ones after all."""
        self._queue.extendleft(reversed(list(proposals)))

    def adopt(self, step: Step) -> Proposal | None:
        """Take what an earlier attempt has tried as asked for now; None: its detector is no candidate any more."""
        arm = self._arms.get(step.detector)
        if arm is None:
            return None
        proposal = Proposal(configuration=step.configuration, role=step.role)
        whole = self._whole(proposal)
        for queued in self._queue:
            if self._whole(queued) == whole:
                self._queue.remove(queued)
                return queued
        self._known.setdefault(whole, None)
        arm.asked += step.role == "search"
        return proposal

    def next(self, most_seconds: float = math.inf, settled: Settled = lambda _: False) -> Proposal | None:
        """The next proposal, or None when nothing new is left.

        Args:
            most_seconds: What a searched one may be expected to take.
            settled: Whether a trial could change nothing: of a configuration other than a detector's first, or (given a
                detector's name) of any that is searched.
        """
        while self._queue:
            proposal = self._queue.popleft()
            if proposal.wanted or not settled(proposal.configuration):
                return proposal
        while arm := self._choose(settled):
            for _ in range(_TRIES):
                proposal = self._sample(arm)
                value = self._known.get(self._whole(proposal), math.nan)
                if value is None or not math.isnan(value):
                    self._close(arm, proposal, value)  # known: the sampler learns it without a second fit
                elif self.expected(proposal) > most_seconds:
                    self._close(arm, proposal, None)
                else:
                    self._known[self._whole(proposal)] = None
                    arm.asked += 1
                    return proposal
            arm.exhausted = True
        return None

    def tell(self, proposal: Proposal, quality: float | None) -> None:
        """Report a trial's quality estimate; None: it did not complete."""
        arm = self._arms[proposal.detector]
        self._known[self._whole(proposal)] = quality
        if quality is None:
            arm.failures += 1
        else:
            arm.failures = 0
            arm.best = quality if arm.best is None else max(arm.best, quality)
        if proposal.trial is not None:
            self._close(arm, proposal, quality)
        elif quality is not None and arm.space:
            self._teach(arm, proposal, quality)

    def _whole(self, proposal: Proposal) -> Configuration:
        """With its defaults: what is given as the default is not tried twice."""
        return proposal.configuration.over(self._arms[proposal.detector].spec.defaults)

    def _choose(self, settled: Settled) -> _Arm | None:
        total = 1 + sum(arm.asked for arm in self._arms.values())

        def promise(arm: _Arm) -> float:
            known = arm.best if arm.best is not None else 0.5 * arm.candidate.score
            bonus = _CURIOSITY * math.sqrt(math.log(1 + total) / (1 + arm.asked))
            return known + bonus - _THRIFT * math.log1p(arm.spec.seconds(*self._size)) - 0.1 * arm.failures

        open_arms = [a for a in self._arms.values() if a.space and not a.exhausted and self._worth(a)]
        open_arms = [a for a in open_arms if not settled(a.spec.name)]
        return max(open_arms, key=promise, default=None)  # ties: the ranking's order

    @staticmethod
    def _worth(arm: _Arm) -> bool:
        # A detector that has not completed a single trial, or failed three times in a row, is not tuned.
        return arm.best is not None and arm.failures < 3

    def _sample(self, arm: _Arm) -> Proposal:
        trial = self._study(arm).ask(arm.space)
        configuration = arm.candidate.configuration.fixing({**trial.params, **arm.fixed})
        return Proposal(configuration=configuration, role="search", trial=trial)

    def _values(self, arm: _Arm, params: Params, quality: float) -> list[float]:
        return [quality, arm.spec.seconds(*self._size, params), arm.spec.memory_mb(*self._size)]

    def _close(self, arm: _Arm, proposal: Proposal, quality: float | None) -> None:
        from optuna.trial import TrialState

        if quality is None:
            arm.study.tell(proposal.trial, state=TrialState.FAIL)
        else:
            arm.study.tell(proposal.trial, self._values(arm, proposal.params, quality))

    def _teach(self, arm: _Arm, proposal: Proposal, quality: float) -> None:
        import optuna

        values = {**arm.spec.defaults, **proposal.params}
        inside = {n: values[n] for n, d in arm.space.items() if n in values and contains(d, values[n])}
        self._study(arm).add_trial(
            optuna.trial.create_trial(
                params=inside,
                distributions={name: arm.space[name] for name in inside},
                values=self._values(arm, proposal.params, quality),
            )
        )

    def _study(self, arm: _Arm) -> Any:
        if arm.study is None:
            import optuna

            seed = (self._seed + 7919 * list(self._arms).index(arm.spec.name)) % 2**32
            sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=3)
            level = optuna.logging.get_verbosity()
            optuna.logging.set_verbosity(optuna.logging.WARNING)  # it would announce every study on standard error
            try:
                arm.study = optuna.create_study(directions=["maximize", "minimize", "minimize"], sampler=sampler)
            finally:
                optuna.logging.set_verbosity(level)
        return arm.study


def contains(distribution: Any, value: Any) -> bool:
    """Whether a distribution of Optuna's can give a value."""
    try:
        return bool(distribution._contains(distribution.to_internal_repr(value)))
    except (TypeError, ValueError):  # a default of another kind, such as "auto" where the space holds numbers
        return False
