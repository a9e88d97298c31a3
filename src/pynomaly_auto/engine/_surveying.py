"""Smaller models of a fitted one by several objectives: those that no other beats, and the one that is taken.

Costs are declared or counted and never measured, so that the same seed leaves and takes the same models on any machine;
what the chosen one takes here and now is told beside it. The parts are those of `compact`: sums of members weighed to
agree with the whole answer, some with small trees taught what the sum lacks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np

from pynomaly_auto._machine import ONE_THREAD
from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.engine._asking_for import Wanted, chosen, measured, told
from pynomaly_auto.engine._heeding import heed
from pynomaly_auto.engine._model import Model
from pynomaly_auto.engine._population import Answer, Population, Sight
from pynomaly_auto.engine._seen import SeenRows
from pynomaly_auto.engine._smaller import Candidate, Rows, Samples, member_megabytes, row_milliseconds
from pynomaly_auto.ensembling import Agreeing, Step, Subset, agreement, compromise, explore, steps, unbeaten
from pynomaly_auto.records import FloatArray, Front, FrontPoint, Reason, Supervision
from pynomaly_auto.settings import Settings

TRIALS = 64  # subsets measured
_LABELLED = 6  # of the models that none beats so many learn from labels, as each learns anew
_TAUGHT, _CHOICE, _FEWEST = 2_000, 1_000, 200  # resampled rows to fit by and to choose by; with little time fewer
_PUPILS = (1, 2, 4, 8, 14, 24)  # members beside which trees are taught
_SAMPLING, _COMPARING, _LEARNING = 0.4, 0.7, 0.9  # shares of the time until which each may go on
_PROBE = 100  # rows scored first, to see how long all take
READ_MS, _FUSED_MS, _TREES_MS = 0.32, 1.0, 0.1  # of any row; of the learned fusion; of a student's trees
_CELLS_MS = 1.2  # of what weighs the evidence of cells beside all members


@dataclass(frozen=True, kw_only=True, eq=False)
class Survey:
    """All there is to choose from, for as long as the detector stays in memory.

    Args:
        whole: The model of all members.
        candidates: What each point of the front is made of; None: all members.
        settings: What was asked for.
        told: Why there are these points.
        rows: The training rows as the whole ensemble takes them, where labels are heeded; shape (n_rows, n_inputs).
    """

    whole: Model
    candidates: tuple[Candidate | None, ...]
    settings: Settings
    told: tuple[Reason, ...] = ()
    rows: FloatArray | None = field(default=None, repr=False)

    def taken(self, now: Model, number: int) -> tuple[Model, Supervision | None]:
        """The model at a point, and what was made of labels where they are heeded; nothing else is fitted again.

        Args:
            now: The model in force, whose threshold stays where nothing learns from labels.
            number: Of the point.
        """
        candidate, whole = self.candidates[number], self.whole
        if whole.supervised is not None:
            return self._learned(candidate)
        if candidate is None:
            return replace(now, ensemble=whole.ensemble, population=whole.population), None
        population = None if whole.population is None else _narrowed(whole.population, candidate)
        return replace(now, ensemble=candidate.of(whole.ensemble), population=population), None

    def _learned(self, candidate: Candidate | None) -> tuple[Model, Supervision]:
        whole, known = self.whole, self.whole.population
        assert known is not None
        assert known.sight is not None
        population, ensemble = known, whole.ensemble
        if candidate is not None:
            assert self.rows is not None
            ranks = np.asarray(known.sight.ranks, dtype=np.float64)
            scores = candidate.scores(Rows(X=self.rows, inputs=ranks, scores=known.scores))
            # Its own scores, or learners would see of training rows what they will not see of new ones.
            population = replace(_narrowed(known, candidate), scores=known.equal.mean(scores))
            ensemble = candidate.of(ensemble)
        unlabelled = known.unlabelled or Answer.of(whole.verdict)
        with ONE_THREAD:  # as in fit
            found, verdict, ruling = heed(population, known.labels, unlabelled, self.settings, ruling=whole.ruling)
        model = replace(
            whole, ensemble=ensemble, verdict=verdict, population=population, supervised=found.supervised,
            seen=SeenRows.known_as(known.prints, found.scores), ruling=ruling,
        )  # fmt: skip
        return model, found.record


def _narrowed(population: Population, candidate: Candidate) -> Population:
    """The training rows as learners beside a smaller model see them."""
    sight = population.sight
    if sight is None:
        return population
    ranks = sight.ranks[:, candidate.heard()[0]]
    return replace(population, sight=Sight(own=sight.own, ranks=ranks, heard=sight.heard[:, :0]))


@dataclass(frozen=True, kw_only=True, eq=False)
class Surveyed:
    """What a survey leaves.

    Args:
        model: The one that is taken.
        supervision: What was made of labels with it; None: there were none.
        front: What there was to choose from; None: there was no time to look.
        warnings: Why there is no front.
    """

    model: Model
    supervision: Supervision | None
    front: Front | None = None
    warnings: tuple[Reason, ...] = ()


def survey(whole: Surveyed, settings: Settings, rows: FloatArray, seconds: float) -> Surveyed:
    """Compare smaller models, and take one.

    Args:
        whole: The model of all members, and what was made of labels.
        settings: What is asked for, objectives among it.
        rows: The training rows as the ensemble takes them; shape (n_rows, n_inputs).
        seconds: There are; infinite: no clock decides anything.
    """
    started, model, supervision = time.monotonic(), whole.model, whole.supervision

    def gone(share: float) -> bool:
        return time.monotonic() - started > share * seconds

    wanted = Wanted.of(settings.objectives, None if supervision is None else supervision.performance)
    samples = _samples(model, _SAMPLING * seconds)
    if samples is None:
        text = f"With {seconds:.1f} s left no smaller models were compared; all members are kept."
        why = Reason(code="ENG-023", subject="objectives", text=text, evidence={"seconds": seconds})
        return replace(whole, warnings=(why,))
    work = Comparing(
        model=model, wanted=wanted, samples=samples, n_rows=len(rows), seed=int(settings.random_state or 0)
    )
    found, tried = work.unbeaten(partial(gone, _COMPARING))
    kept = Survey(
        whole=model, settings=settings, candidates=tuple(found), rows=None if model.supervised is None else rows
    )  # fmt: skip
    values = [work.values(candidate) for candidate in found]
    if wanted.by_labels and supervision is not None:
        kept, values = _with_labels(kept, wanted, values, supervision, partial(gone, _LEARNING))
    points = tuple(work.point(i, kept.candidates[i], values[i]) for i in range(len(values)))
    front = Front(
        objectives=dict(wanted.weights), minimize=wanted.minimize, tried=tried, points=points,
        answer="labels" if wanted.by_labels else "agreement",
        chosen=compromise(wanted.costs(values), list(wanted.weights.values())),
    )  # fmt: skip
    kept = replace(kept, told=told(front, wanted, len(model.ensemble.detectors)))
    front = replace(front, reasons=(*kept.told, chosen(front)))
    taken, heeded = kept.taken(model, front.chosen)
    if not gone(_LEARNING):
        took = row_milliseconds(taken, samples.held_out.X)
        front = replace(front, measured_ms=took, reasons=(*front.reasons, measured(took)))
    return Surveyed(model=replace(taken, survey=kept), supervision=heeded or supervision, front=front)


def _samples(model: Model, seconds: float) -> Samples | None:
    """Rows to compare by, fewer where there is little time; None where there is too little for any."""
    share = 1.0
    if np.isfinite(seconds):
        probe = model.reference.rows[np.arange(_PROBE) % len(model.reference.rows)]
        start = time.perf_counter()
        model.ensemble.inputs_and_scores(probe)
        each = (time.perf_counter() - start) / _PROBE
        share = min(1.0, seconds / (each * (_TAUGHT + 2 * _CHOICE)))
    taught, choice = int(share * _TAUGHT), int(share * _CHOICE)
    return Samples.of(model, taught=taught, choice=choice, held_out=choice) if choice >= _FEWEST else None


def _made_of(candidate: Candidate | None) -> tuple[object, ...]:
    """Tells models apart: members without weight are none."""
    if candidate is None:
        return ()
    return (candidate.student is None, *sorted(candidate.heard()[0]))


def _with_labels(
    kept: Survey,
    wanted: Wanted,
    values: list[dict[str, float]],
    supervision: Supervision,
    enough: Callable[[], bool],
) -> tuple[Survey, list[dict[str, float]]]:
    """Some of the models with what labels say of them: those that none beats now.

    The whole one has learned already; of the others as many as there is time for, spread over the costs.
    """
    whole = kept.candidates.index(None)
    others = [i for i in range(len(values)) if i != whole]
    spread = [others[i] for i in np.unique(np.linspace(0, len(others) - 1, min(_LABELLED, len(others))).astype(int))]
    found = {whole: values[whole] | wanted.figures(supervision.performance)}
    for i in spread:
        if not enough():
            _, heeded = kept.taken(kept.whole, i)
            found[i] = values[i] | wanted.figures(None if heeded is None else heeded.performance)
    at = sorted(found)
    left = [at[i] for i in unbeaten(wanted.costs([found[i] for i in at]))]
    return replace(kept, candidates=tuple(kept.candidates[i] for i in left)), [found[i] for i in left]


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparing:
    """What smaller models of one are compared by.

    Args:
        model: Of all members.
        wanted: The objectives.
        samples: Rows, and what all members say of them.
        n_rows: Training rows.
        seed: Of the search.
    """

    model: Model
    wanted: Wanted
    samples: Samples
    n_rows: int
    seed: int

    def unbeaten(self, enough: Callable[[], bool] = lambda: False) -> tuple[list[Candidate | None], int]:
        """Models that no other beats by what is known without labels, the quickest first, and how many there were.

        Args:
            enough: Asked whether to end with what there is.

        Returns:
            None among them: all members.
        """
        taught, sums = self.samples.taught, dict[Subset, Candidate]()

        def measure(subset: Subset) -> Sequence[float]:
            sums[subset] = Candidate.summed(self.fit.step(subset), taught)
            return [float(cost) for cost in self.wanted.costs([self.values(sums[subset])])[0]]

        n = len(self.model.ensemble.detectors)
        explore(n, measure, [s.chosen for s in self.starts], n_trials=TRIALS, seed=self.seed, enough=enough)
        found: list[Candidate | None] = [*sums.values()]
        for plain in self._best(list(sums.values())):
            if not enough():
                found.append(plain.with_student(taught, self.model.verdict.threshold))
        found.append(None)
        found = list({_made_of(candidate): candidate for candidate in found}.values())
        values = [self.values(candidate) for candidate in found]
        kept = unbeaten(self.wanted.costs(values))
        tried = len(sums) + len(found) - len({*map(_made_of, sums.values())})
        return [found[i] for i in sorted(kept, key=lambda i: (self._latency(found[i]), i))], tried

    def _best(self, sums: Sequence[Candidate]) -> list[Candidate]:
        """Of up to so many members the sum that agrees best, once each."""
        rows, best = self.samples.choice, dict[int, Candidate]()
        agreeing = [agreement(one.scores(rows), rows.scores) for one in sums]
        for most in _PUPILS:
            within = [i for i, one in enumerate(sums) if len(one.step.chosen) <= most]
            if within:
                at = max(within, key=lambda i: agreeing[i])
                best[at] = sums[at]
        return list(best.values())

    @cached_property
    def fit(self) -> Agreeing:
        """What weighs members."""
        return Agreeing.of(self.samples.taught.inputs, self.samples.taught.scores)

    @cached_property
    def starts(self) -> list[Step]:
        """One member, two, …, each with the one that adds most for what it costs."""
        rows, spent = self.samples.taught, [latency for latency, _, _ in self._spent]
        return steps(rows.inputs, rows.scores, spent, np.inf, self.fit)

    def values(self, candidate: Candidate | None) -> dict[str, float]:
        """What a model comes to in each objective, as far as that is known without labels."""
        rows, told = self.samples.choice, {}
        for name in self.wanted.weights:
            told[name] = self._value(name, candidate, rows)
        return told

    def point(self, number: int, candidate: Candidate | None, values: Mapping[str, float]) -> FrontPoint:
        """The record of a model."""
        members = self.model.ensemble.record.members
        chosen, weights = (list(range(len(members))), []) if candidate is None else candidate.heard()
        rows = self.samples.held_out
        return FrontPoint(
            number=number, members=tuple(members[i].name for i in chosen), positions=tuple(chosen),
            weights=tuple(weights), values=dict(values), taught=candidate is not None and candidate.student is not None,
            agreement=1.0 if candidate is None else agreement(candidate.scores(rows), rows.scores),
        )  # fmt: skip

    def _value(self, name: str, candidate: Candidate | None, rows: Rows) -> float:
        if name == "latency":
            return self._latency(candidate)
        chosen, weights = self._heard(candidate)
        if name == "fit_time":
            return float(sum(self._spent[i][1] for i in chosen))
        if name == "size":
            own = self._learned if candidate is None else candidate.student_megabytes
            return float(sum(self._spent[i][2] for i in chosen)) + own
        if name == "interpretability":
            declared = [DETECTORS[m.detector].capabilities.interpretability for m in self.model.ensemble.record.members]
            total = sum(weights) or 1.0
            return float(sum(w * declared[i] for i, w in zip(chosen, weights, strict=True)) / total)
        return 1.0 if candidate is None else agreement(candidate.scores(rows), rows.scores)

    def _latency(self, candidate: Candidate | None) -> float:
        chosen, _ = self._heard(candidate)
        spent = READ_MS + sum(self._spent[i][0] for i in chosen)
        if candidate is None:
            whole = self.model.ensemble
            return (
                spent
                + (_FUSED_MS if whole.fused is not None else 0.0)
                + (_CELLS_MS if whole.cells is not None else 0.0)
            )
        return spent + (_TREES_MS if candidate.student is not None else 0.0)

    def _heard(self, candidate: Candidate | None) -> tuple[list[int], list[float]]:
        if candidate is not None:
            return candidate.heard()
        members = self.model.ensemble.record.members
        return list(range(len(members))), [m.weight for m in members]

    @cached_property
    def _learned(self) -> float:
        """Megabytes of what combines all members: the smaller models have no learned fusion and no judge of cells."""
        parts = (self.model.ensemble.fused, self.model.ensemble.cells)
        return sum(a.nbytes for part in parts if part is not None for a in part.to_state().arrays.values()) / 1e6

    @cached_property
    def _spent(self) -> list[tuple[float, float, float]]:
        """Of each member: declared milliseconds of a row, declared seconds of fitting it, megabytes of its arrays."""
        out = []
        for member, fitted in zip(self.model.ensemble.record.members, self.model.ensemble.detectors, strict=True):
            spec, params = DETECTORS[member.detector], member.params
            seconds = spec.seconds(self.n_rows, max(self.model.encoder.n_features, 1), params)
            out.append((spec.row_ms(params), seconds, member_megabytes(fitted)))
        return out
