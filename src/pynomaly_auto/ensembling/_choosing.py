"""Which trials are combined, and how much each counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import rankdata

from pynomaly_auto._budget import HOPELESS_SHARE, MARGIN_SHARE
from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.ensembling._combining import COMBINERS, WEIGHING
from pynomaly_auto.errors import NothingFinishedError
from pynomaly_auto.models import Fusion
from pynomaly_auto.records import Ensemble, FloatArray, LeftOut, Member, Ranking, Reason, Scalar, Search, Trial
from pynomaly_auto.regimes import REGIMES, Regime
from pynomaly_auto.settings import Settings

_CORE = 4  # strongest candidates that are members without further ado: the mean of four such is very hard to beat
_MOST = 8  # members of the robust mean by default; judged: the portfolio's seven and one more
_SAME = 0.98  # rank correlation beyond which two trials say the same
_OUTSTANDING = 0.05  # how much stronger than the best of the portfolio another detector must be to join it
_STRONG = 0.85  # a core member's strength, at least, as a share of the best one's
_DIVERSITY = 0.15  # what a unit of diversity is worth in units of strength
_GAIN = 0.002  # least gain for which one more joins; judged: below, it is noise of the estimates
_SECOND = 0.05  # how much better than its default a detector's tuned trial must be to join it
_SAMPLE = 5_000  # rows that correlations are measured on


@dataclass
class _Choice:
    """Members chosen so far, as columns of the correlation matrix, and why."""

    trials: Sequence[Trial]
    strength: FloatArray
    correlation: FloatArray
    most: int
    chosen: list[int] = field(default_factory=list)
    why: dict[int, Reason] = field(default_factory=dict)
    excluded: dict[int, Reason] = field(default_factory=dict)
    fusion_only: set[int] = field(default_factory=set)
    least: dict[int, float] = field(default_factory=dict)  # share of the ensemble's score that somebody asks for

    def value(self, members: list[int]) -> float:
        """What an ensemble is worth: mean strength plus what its diversity is worth."""
        return float(self.strength[members].mean()) + _DIVERSITY * self.diversity(members)

    def diversity(self, members: list[int]) -> float:
        """One minus the mean rank correlation of all pairs; 0 for a single member."""
        m = len(members)
        if m < 2:
            return 0.0
        block = self.correlation[np.ix_(members, members)]
        return 1.0 - float((block.sum() - np.trace(block)) / (m * (m - 1)))

    def twin(self, position: int) -> int | None:
        """A chosen member that says the same, or None."""
        return next((c for c in self.chosen if self.correlation[position, c] > _SAME), None)

    def full(self, position: int) -> bool:
        """Note and say whether there is no room for one more."""
        if len(self.chosen) < self.most:
            return False
        self.exclude(position, "ENS-014", f"Left out: the ensemble has its {self.most} members.", most=self.most)
        return True

    def add(self, position: int, code: str, text: str, **evidence: Scalar) -> None:
        """Make it a member."""
        self.chosen.append(position)
        self.excluded.pop(position, None)
        self.why[position] = self._reason(position, code, text, **evidence)

    def exclude(self, position: int, code: str, text: str, **evidence: Scalar) -> None:
        """Note why it is no member (the first reason stays)."""
        self.excluded.setdefault(position, self._reason(position, code, text, **evidence))

    def _reason(self, position: int, code: str, text: str, **more: Scalar) -> Reason:
        trial = self.trials[position]
        evidence: dict[str, Scalar] = {
            "trial": trial.number,
            "quality": trial.quality,
            "strength": float(self.strength[position]),
        }
        return Reason(code=code, subject=trial.detector, text=text, evidence=evidence | more)


def choose_members(
    search: Search,
    ranking: Ranking,
    settings: Settings,
    *,
    shape: tuple[int, int] | None = None,
    seconds_left: float | None = None,
    fusion: Fusion | None = None,
) -> Ensemble:
    """Choose few strong, diverse trials and weigh them.

    Averaging a few strong detectors is hard to beat, and weak ones in a plain mean cost much, so what is known of a
    detector beforehand counts more than agreement on this table. The ranking's strongest candidates are members as
    the ranking gave them; others join where they add more diversity than they cost strength (greedy forward
    selection, Caruana et al. 2004, with a label-free gain).

    Args:
        search: The trials, with scores.
        ranking: The candidates, best first.
        settings: For ``max_models`` and forced detectors.
        shape: Rows members will be fitted on and features of the table, for expected costs; None: as the trials.
        seconds_left: Worker-seconds for fitting members on all rows; None: no limit.
        fusion: The learned fusion, or None. Members it knows come along, without weight in the mean of the others:
            those that the search has fitted on all rows, and of its base margin's also those to be fitted again.

    Raises:
        NothingFinishedError: No trial completed.
    """
    trials = [t for t in search.completed if t.scores is not None]
    if not trials:
        raise NothingFinishedError("no trial completed, so there is nothing to combine.", where="ensembling")
    most = settings.max_models or max(_MOST, len(ranking.members))
    choice = _Choice(trials, _strengths(trials, ranking), _correlations(trials), most)
    usable = _usable(choice, shape, seconds_left)
    firsts = _firsts(trials, usable, ranking)
    _add_asked(choice, firsts, ranking, settings.overrides.force)
    regime = REGIMES[settings.regime]
    if _add_prescribed(choice, usable, ranking):
        return _record(choice, regime)
    _add_portfolio(choice, firsts, ranking)
    if len(choice.chosen) >= _CORE:
        _add_outstanding(choice, firsts)
    else:
        _add_core(choice, [i for i in firsts if i not in choice.chosen], ranking)
        _add_greedily(choice, firsts)
    _add_tuned(choice, usable)
    if settings.max_models is None:
        _add_fusion_only(choice, usable, fusion, shape, seconds_left)
    return _record(choice, regime)


def _strengths(trials: Sequence[Trial], ranking: Ranking) -> FloatArray:
    prior = {c.detector: c.prediction.quality if c.prediction else c.score for c in ranking.candidates}
    return np.array([0.6 * prior.get(t.detector, 0.5) + 0.4 * (t.quality or 0.0) for t in trials])


def _correlations(trials: Sequence[Trial]) -> FloatArray:
    n = min(len(t.scores) for t in trials if t.scores is not None)
    rows = np.linspace(0, n - 1, min(n, _SAMPLE)).astype(int)
    ranks = np.array([rankdata(t.scores[rows]) for t in trials if t.scores is not None])
    ranks -= ranks.mean(axis=1, keepdims=True)
    norms = np.sqrt((ranks**2).sum(axis=1))
    matrix = (ranks @ ranks.T) / np.maximum(np.outer(norms, norms), 1e-12)
    np.fill_diagonal(matrix, 1.0)
    return np.asarray(np.clip(matrix, -1.0, 1.0), dtype=np.float64)


def _usable(choice: _Choice, shape: tuple[int, int] | None, seconds_left: float | None) -> list[int]:
    usable = []
    for i, trial in enumerate(choice.trials):
        assert trial.scores is not None
        seconds = _full_seconds(trial, shape)
        if np.ptp(trial.scores) <= 0:
            choice.exclude(i, "ENS-010", "Left out: it gives all rows the same score.")
        elif seconds_left is not None and seconds > HOPELESS_SHARE * seconds_left and shape and trial.n_rows < shape[0]:
            text = (
                f"Left out: fitting it on all rows would take {seconds:.1f} of {seconds_left:.1f} worker-seconds left."
            )
            choice.exclude(i, "ENS-013", text, expected_seconds=seconds, seconds_left=seconds_left)
        else:
            usable.append(i)
    if not usable:  # identical rows, or no time at all: someone has to do it
        quickest = min(range(len(choice.trials)), key=lambda i: _full_seconds(choice.trials[i], shape))
        usable = [quickest]
    return usable


def _full_seconds(trial: Trial, shape: tuple[int, int] | None) -> float:
    if shape is None or not 0 < trial.n_rows < shape[0]:
        return trial.seconds
    n_rows, n_features = shape
    spec = DETECTORS[trial.detector]
    small, full = (spec.seconds(n, max(n_features, 1), trial.params) for n in (trial.n_rows, n_rows))
    return trial.seconds * full / small if small > 0 else trial.seconds


def _firsts(trials: Sequence[Trial], usable: list[int], ranking: Ranking) -> list[int]:
    """Of each detector the trial with the parameters that the ranking gave, or else its first usable one."""
    given = {c.configuration for c in ranking.candidates}
    as_given = [i for i in usable if trials[i].configuration in given]
    firsts: dict[str, int] = {}
    for i in (*as_given, *usable):
        firsts.setdefault(trials[i].detector, i)
    return sorted(firsts.values())


def _add_asked(choice: _Choice, firsts: list[int], ranking: Ranking, forced: Sequence[str]) -> None:
    """Members whatever is known of them: those the user forces, then those that are to have a share of the score."""
    by_name = {choice.trials[i].detector: i for i in firsts}
    for name in dict.fromkeys((*forced, *ranking.shares)):
        position = by_name.get(name)
        if position is None or choice.full(position):
            continue
        share = choice.least[position] = ranking.shares.get(name, 0.0)
        if name in forced:
            choice.add(position, "ENS-004", "Member because the user asked for it.", least_share=share)
        else:
            text = "Member whatever is known of it: it is the user's own, or has parameters set by hand."
            choice.add(position, "ENS-024", text, least_share=share)


def _add_prescribed(choice: _Choice, usable: list[int], ranking: Ranking) -> bool:
    """Add the members known beforehand; False where none of them completed.

    They are meant to be alike: nearest neighbours of one view after the other, so twins are no reason to leave one out.
    """
    found = False
    for configuration in ranking.members:
        params = configuration.params
        for i in (i for i in usable if choice.trials[i].configuration == configuration):
            found = True
            if i not in choice.chosen and not choice.full(i):
                given = ", ".join(f"{k}={v}" for k, v in params.items()) or "default parameters"
                text = f"Member of the portfolio for novelty, with {given}."
                choice.add(i, "ENS-018", text, **{k: v for k, v in params.items() if k != "trial"})
    if found:
        for i in usable:
            if i not in choice.chosen:
                choice.exclude(i, "ENS-017", "Left out: not in the portfolio for novelty, whose mean is hard to beat.")
    return found


def _add_portfolio(choice: _Choice, firsts: list[int], ranking: Ranking) -> None:
    by_name = {choice.trials[i].detector: i for i in firsts}
    for position in (by_name[name] for name in ranking.portfolio if name in by_name):
        twin = choice.twin(position)
        if position in choice.chosen or choice.full(position):
            continue
        if twin is not None:
            _exclude_twin(choice, position, twin)
        else:
            choice.add(position, "ENS-007", "Member of the portfolio: one strong detector of each kind.")


def _add_outstanding(choice: _Choice, firsts: list[int]) -> None:
    """Beside a full portfolio only those join that are known to be much stronger than all of it."""
    best = max(choice.strength[i] for i in choice.chosen)
    for i in sorted((i for i in firsts if i not in choice.chosen), key=lambda i: -choice.strength[i]):
        ahead = float(choice.strength[i] - best)
        twin = choice.twin(i)
        if twin is not None:
            _exclude_twin(choice, i, twin)
        elif ahead < _OUTSTANDING:
            text = f"Left out: not clearly stronger than the portfolio ({ahead:+.3f}); more members dilute its mean."
            choice.exclude(i, "ENS-016", text, ahead=ahead)
        elif not choice.full(i):
            text = f"Member because it is expected to beat the whole portfolio (by {ahead:.3f})."
            choice.add(i, "ENS-008", text, ahead=ahead)


def _add_core(choice: _Choice, firsts: list[int], ranking: Ranking) -> None:
    place = {c.detector: rank for rank, c in enumerate(ranking.candidates)}
    best = max((choice.strength[i] for i in firsts), default=0.0)
    added = 0
    for i in sorted(firsts, key=lambda i: place.get(choice.trials[i].detector, len(place))):
        if added >= _CORE:
            return
        twin = choice.twin(i)
        if twin is not None:
            _exclude_twin(choice, i, twin)
        elif choice.strength[i] >= _STRONG * best and not choice.full(i):
            rank = place.get(choice.trials[i].detector, len(place)) + 1
            text = f"Member as one of the strongest candidates (number {rank} of the ranking)."
            choice.add(i, "ENS-002", text, rank=rank)
            added += 1


def _add_greedily(choice: _Choice, firsts: list[int]) -> None:
    waiting = [i for i in firsts if i not in choice.chosen]
    if not choice.chosen:
        choice.add(max(waiting, key=lambda i: choice.strength[i]), "ENS-002", "Member as the strongest that completed.")
    while waiting := [i for i in waiting if i not in choice.chosen]:
        now = choice.value(choice.chosen)
        gains = {i: choice.value([*choice.chosen, i]) - now for i in waiting}
        best = max(waiting, key=lambda i: gains[i])  # ties: the order tried
        twin = choice.twin(best)
        if twin is not None:
            _exclude_twin(choice, best, twin)
            waiting.remove(best)
        elif gains[best] <= _GAIN or choice.full(best):
            break
        else:
            choice.add(best, "ENS-003", f"Member because it adds diversity (gain {gains[best]:.3f}).", gain=gains[best])
    now = choice.value(choice.chosen)
    for i in waiting:
        if i not in choice.chosen:
            gain = choice.value([*choice.chosen, i]) - now
            choice.exclude(i, "ENS-012", f"Left out: it would not improve the ensemble (gain {gain:+.3f}).", gain=gain)


def _add_tuned(choice: _Choice, usable: list[int]) -> None:
    """A member's best other configuration joins it where it is clearly better and says something else."""
    others = [i for i in usable if i not in choice.chosen and i not in choice.excluded]
    default = {choice.trials[i].detector: i for i in choice.chosen}
    for i in sorted(others, key=lambda i: -(choice.trials[i].quality or 0.0)):
        trial = choice.trials[i]
        first, twin = default.get(trial.detector), choice.twin(i)
        if first is None:
            choice.exclude(i, "ENS-025", "Left out with its detector, of which no trial is a member.")
        elif (trial.quality or 0.0) < (choice.trials[first].quality or 0.0) + _SECOND:
            choice.exclude(i, "ENS-015", "Left out: not clearly better than the member of the same detector.")
        elif twin is not None:
            _exclude_twin(choice, i, twin)
        elif sum(choice.trials[c].detector == trial.detector for c in choice.chosen) >= 2:
            choice.exclude(i, "ENS-026", "Left out: two members of one detector are enough.")
        elif not choice.full(i):
            choice.add(i, "ENS-005", "Member as a clearly better configuration beside the detector's first one.")


def _add_fusion_only(
    choice: _Choice, usable: list[int], fusion: Fusion | None, shape: tuple[int, int] | None, seconds_left: float | None
) -> None:
    """What the fusion knows and is fitted already costs nothing more: it decides row by row whom to believe."""
    known = set() if fusion is None else set(fusion.members)
    core = () if fusion is None else fusion.core(fusion.members)
    spare = math.inf if seconds_left is None else MARGIN_SHARE * seconds_left
    names = {choice.trials[i].configuration.fusion_name for i in choice.chosen}
    for i in usable:
        trial = choice.trials[i]
        name = trial.configuration.fusion_name
        if name is None or name not in known or name in names or i in choice.chosen:
            continue
        if shape is not None and shape[0] != trial.n_rows:  # to be fitted again
            seconds = _full_seconds(trial, shape)
            if name not in core or seconds >= spare:
                continue
            spare -= seconds
        names.add(name)
        choice.fusion_only.add(i)
        if name in core:
            choice.add(i, "ENS-019", "Member of the mean that the learned fusion starts from and is blended with.")
        else:
            choice.add(i, "ENS-009", "Member of the learned fusion only: it has no weight in the robust mean.")


def _exclude_twin(choice: _Choice, position: int, twin: int) -> None:
    alike, other = float(choice.correlation[position, twin]), choice.trials[twin]
    text = f"Left out: ranks rows like {other.detector} of trial {other.number} does (correlation {alike:.3f})."
    choice.exclude(position, "ENS-011", text, correlation=alike, other=other.number)


def _record(choice: _Choice, regime: Regime) -> Ensemble:
    """Who is chosen, with the weights in the robust mean alone: what each counts in the end is not known here."""
    robust = [i for i in choice.chosen if i not in choice.fusion_only]
    diversity = [_own_diversity(choice, i, robust) for i in choice.chosen]
    weights = np.zeros(len(choice.chosen))
    weigh = WEIGHING[regime.weights]
    weights[: len(robust)] = weigh(choice.strength[robust], np.array(diversity[: len(robust)]))
    members = []
    for i, weight, apart in zip(choice.chosen, weights, diversity, strict=True):
        trial = choice.trials[i]
        members.append(
            Member(
                trial=trial.number, configuration=trial.configuration, weight=float(weight),
                quality=trial.quality or 0.0, diversity=apart, strength=float(choice.strength[i]),
                least_share=choice.least.get(i, 0.0), reasons=(choice.why[i],),
            )
        )  # fmt: skip
    order = sorted(choice.excluded, key=lambda i: -choice.strength[i])
    left_out = tuple(
        LeftOut(trial=choice.trials[i].number, detector=choice.trials[i].detector, reason=choice.excluded[i])
        for i in order
        if i not in choice.chosen
    )
    return Ensemble(members=tuple(members), combiner=COMBINERS[regime.combiner], left_out=left_out)


def _own_diversity(choice: _Choice, position: int, members: Sequence[int]) -> float:
    others = [c for c in members if c != position]
    return 1.0 - float(choice.correlation[position, others].mean()) if others else 0.0
