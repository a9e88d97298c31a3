"""One run, stage by stage: from a table to a fitted model and its result."""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from pynomaly_auto._budget import (
    BRIEF,
    BRIEF_ROWS,
    explaining_reserve,
    explaining_seconds,
    search_reserve,
    time_to_fuse,
)
from pynomaly_auto._deadline import Deadline
from pynomaly_auto._machine import ONE_THREAD, release_memory
from pynomaly_auto._targets import OwnMetric
from pynomaly_auto.dataset import EqualRows, Table, TableEncoder, fingerprints, open_table, to_frame
from pynomaly_auto.deciding import Probabilities, decide
from pynomaly_auto.engine._checkpoint import Checkpoint
from pynomaly_auto.engine._environment import versions
from pynomaly_auto.engine._explaining import by_rule, most_anomalous
from pynomaly_auto.engine._heeding import Given, Said, heed, read_given
from pynomaly_auto.engine._looking import Looking
from pynomaly_auto.engine._model import Model
from pynomaly_auto.engine._periods import periods_of
from pynomaly_auto.engine._population import Answer, Population, moments_of
from pynomaly_auto.engine._progress import Progress
from pynomaly_auto.engine._resources import check_machine, told_device, within_memory
from pynomaly_auto.engine._ruled import Ruled, Stated
from pynomaly_auto.engine._seen import SeenRows
from pynomaly_auto.engine._stored_run import Asked, Opened
from pynomaly_auto.engine._surveying import Surveyed, survey
from pynomaly_auto.ensembling import Expertise, FittedEnsemble, Settling, brevity, choose_members
from pynomaly_auto.explaining import Explaining, explain_rows
from pynomaly_auto.knowledge import KnowledgeBase
from pynomaly_auto.pool import open_executor
from pynomaly_auto.profiling import MAX_ROWS, profile
from pynomaly_auto.recommending import recommend
from pynomaly_auto.records import Dataset, FloatArray, IntArray, Profile, Reason, Result, Trial, Verdict
from pynomaly_auto.regimes import REGIMES
from pynomaly_auto.ruling import Ruling
from pynomaly_auto.settings import Settings
from pynomaly_auto.supervising import Heeded, Kinship
from pynomaly_auto.tracking import NullTracker, Tracker, open_tracker
from pynomaly_auto.tuning import Journal, TuningPlan, refit, tune, untuned

_NOTHING = Said()
# Training rows kept with the model, to explain new rows against.
_REFERENCE_ROWS = 2_000


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one run leaves: what judges rows, what was found, and the record still open."""

    model: Model
    result: Result
    tracker: Tracker | NullTracker
    deadline: Deadline


@dataclass(frozen=True, kw_only=True, eq=False)
class _Work:
    """What the stages of one run work with: the table, opened and encoded, what is asked for, and what goes along."""

    table: Table
    given: Given
    encoder: TableEncoder
    dataset: Dataset
    looking: Looking | None
    stated: Stated | None
    settings: Settings
    deadline: Deadline
    stage: Stages
    tracker: Tracker | NullTracker
    journal: Journal | None


class Stages:
    """Measures the stages of a run and tells the progress bar of them."""

    def __init__(self, progress: Progress) -> None:
        self.seconds: dict[str, float] = {}
        self.progress = progress

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time one stage. Its numerical libraries get one thread: others' waiting for each other costs a busy machine
        far more than they gain, and the cores are the workers'.
        """
        self.progress.stage(name)
        start = time.perf_counter()
        try:
            with ONE_THREAD:
                yield
        finally:
            self.seconds[name] = time.perf_counter() - start


def run(
    table: Any, asked: Asked, *, owner: str, said: Said | Given = _NOTHING, checkpoint: Checkpoint | None = None
) -> Run:
    """Run every stage on one table.

    Args:
        table: The user's table.
        asked: What is asked for, and why.
        owner: Name of the estimator, for messages.
        said: What the user says of the rows.
        checkpoint: Where the run is journalled; one that is there already goes on.
    """
    settings, seeded = asked.settings, asked.settings.random_state is not None
    deadline = Deadline(settings.time_budget)
    check_machine(settings)
    seed = secrets.randbits(31) if settings.random_state is None else settings.random_state
    settings = settings.with_(random_state=seed)
    with Progress(settings, deadline) as progress:
        stage = Stages(progress)
        stage.seconds["starting"] = deadline.waited
        with stage("reading"):
            regime = REGIMES[settings.regime]
            opened, given = read_given(table, said, heeds_labels=regime.heeds_labels)  # converted no more than once
            encoder = TableEncoder(
                watches_constants=regime.watches_constants,
                owner=owner,
                geometry=settings.geometry,
                conventions=settings.reading,
                expect=settings.expect,
                weights=settings.column_weights,
            ).fit(opened)
            dataset = encoder.encode(opened)
            if checkpoint is not None:
                read = Opened(table=opened, given=given, encoder=encoder, dataset=dataset)
                settings = checkpoint.begin(replace(asked, settings=settings), read, deadline, seeded=seeded)
            stated = Stated.of(settings.rules, encoder, opened)
            looking, dataset = _look(opened, encoder, dataset, settings)
        settings, fewer = within_memory(settings, dataset)
        fewer += told_device(settings, dataset)
        name = f"{dataset.n_rows:,} rows, {len(dataset.columns):,} columns"
        tracker = open_tracker(settings.tracking, settings.experiment_name, run_name=name)
        tracker.start()
        try:
            model, result = _stages(
                _Work(
                    table=opened, given=given, encoder=encoder, dataset=dataset, looking=looking, stated=stated,
                    settings=settings, deadline=deadline, stage=stage, tracker=tracker, journal=checkpoint,
                )
            )  # fmt: skip
        except BaseException as error:
            tracker.abort(f"{type(error).__name__}: {error}", killed=isinstance(error, KeyboardInterrupt))
            raise
    journalled = () if checkpoint is None else checkpoint.reasons
    lost = () if checkpoint is None else checkpoint.warnings
    told = asked.reasons + journalled + _unheard(settings, looking) + fewer + dataset.reasons
    told += () if stated is None else stated.reasons
    result = replace(result, data_reasons=told, warnings=result.warnings + lost)
    return Run(model=model, result=result, tracker=tracker, deadline=deadline)


def _stages(work: _Work) -> tuple[Model, Result]:
    dataset, settings, deadline, stage = work.dataset, work.settings, work.deadline, work.stage
    seed, regime = int(settings.random_state or 0), REGIMES[settings.regime]
    periods = periods_of(work.table, dataset, work.encoder, settings.alert_budget)
    limit = None if settings.memory_limit is None else int(settings.memory_limit)
    # Opened first, so that workers start while the table is looked at.
    with open_executor(settings.backend, settings.workers, memory_limit=limit) as pool:
        with stage("profiling"):
            found = profile(dataset, seed=seed, max_rows=_profiled_rows(settings))
        with stage("recommending"):
            base = KnowledgeBase.shipped() if regime.asks_knowledge_base else None
            ranking = recommend(found, settings, base)
            expert = None if base is None else base.fitted_quality(found.meta_features)
            expertise = _expertise(base, found, settings, dataset)
        reserve = explaining_reserve(deadline.seconds)
        before = deadline.reserving(search_reserve(deadline.seconds, chooses=settings.objectives is not None))
        plan = TuningPlan(
            settings=settings, seed=seed, deadline=before, pool=pool, predict_quality=expert,
            settled=Settling(settings=settings, expertise=expertise), untuned=untuned, journal=work.journal,
        )  # fmt: skip

        def tell(trial: Trial) -> None:
            stage.progress.trial(trial)
            work.tracker.trial(trial)

        release_memory()  # what profiling needed, before the workers need theirs
        with stage("tuning"), pool.needed():
            tuned = tune(dataset, ranking, plan, on_trial=tell)
        with stage("ensembling"):
            chosen = choose_members(
                tuned.search,
                ranking,
                settings,
                shape=(dataset.n_rows, dataset.n_features),
                # Of all workers together: only the hopeless go here; what is affordable is decided when refitting.
                seconds_left=None if plan.by_count else settings.workers * before.remaining(),
                fusion=None if expertise is None else expertise.fusion,
            )
            equal = EqualRows.of(dataset.X)
            fitted = [replace(m, scores=equal.mean(m.scores)) for m in refit(dataset, chosen, plan, tuned)]
            left = math.inf if plan.by_count else max(deadline.remaining(), reserve)
            lent = expertise if time_to_fuse(left, dataset.n_rows) else None
            ensemble = _hearing(FittedEnsemble.of(chosen, fitted, lent, tail=regime.tail), base, work)
    raw = np.column_stack([fitted[i].scores for i in ensemble.positions])
    answer = _answer(work, ensemble, raw, base, periods)
    cells = to_frame(work.table)
    made = Surveyed(
        model=_model(work, ensemble, answer, cells), supervision=None if answer.heeded is None else answer.heeded.record
    )
    if settings.objectives is not None:
        left = math.inf if plan.by_count else max(deadline.remaining() - reserve, 0.0)
        with stage("choosing"):
            made = survey(made, settings, dataset.rows, left)
    model, verdict = made.model, made.model.verdict
    with stage("explaining"):
        seconds = explaining_seconds(deadline.seconds, deadline.remaining())
        options = Explaining(seed=seed, seconds=seconds, quick=model.quick_score())
        top = most_anomalous(verdict)
        explanations = explain_rows(model.score, dataset, top, values=cells, options=options)
        if work.looking is not None:
            explanations = work.looking.told(explanations, work.encoder, cells)
        explanations = by_rule(model, explanations, work.table, dataset.rows, verdict.scores)
    result = Result(
        settings=settings.to_dict(),
        columns=dataset.columns,
        row_labels=dataset.row_labels,
        data_reasons=dataset.reasons,
        profile=found,
        ranking=ranking,
        search=tuned.search,
        ensemble=model.ensemble.record,
        verdict=verdict,
        explanations=explanations,
        cells=() if work.looking is None else work.looking.odd_cells(work.encoder, dataset, cells),
        supervision=made.supervision,
        front=made.front,
        seconds=dict(stage.seconds),
        versions=versions(),
        warnings=work.given.warnings
        + (() if work.stated is None else work.stated.warnings)
        + made.warnings
        + (() if plan.by_count else brevity(tuned.search, ranking, None if expertise is None else expertise.fusion)),
    )
    return model, result


def _look(table: Table, encoder: TableEncoder, dataset: Dataset, settings: Settings) -> tuple[Looking | None, Dataset]:
    """Look at the cells where somebody will hear what they say."""
    base = KnowledgeBase.shipped() if REGIMES[settings.regime].asks_knowledge_base else None
    if settings.cells == "off" or base is None or base.cell_fusion is None or base.cell_judge is None:
        return None, dataset
    looking, told = Looking.at(encoder, table, dataset, base.cell_judge, always=settings.cells == "always")
    return None if looking is None else looking.emphasising(settings.emphasis), told


def _unheard(settings: Settings, looking: Looking | None) -> tuple[Reason, ...]:
    """That an emphasis changes nothing where nobody looks at the cells."""
    if looking is not None or not settings.emphasis:
        return ()
    text = "without effect: nobody looks at the cells of this table, and only beside these does it count."
    return (Reason(code="SET-021", subject="emphasis", text=text, evidence=dict(settings.emphasis)),)


def _hearing(ensemble: FittedEnsemble, base: KnowledgeBase | None, work: _Work) -> FittedEnsemble:
    """The ensemble with the cells heard beside it, where there are any."""
    dataset, looking = work.dataset, work.looking
    if base is None or base.cell_fusion is None or looking is None or dataset.evidence is None:
        return ensemble
    return ensemble.hearing(base.cell_fusion, looking.cells, dataset.evidence, [c.kind for c in dataset.columns])


def _expertise(base: KnowledgeBase | None, found: Profile, settings: Settings, dataset: Dataset) -> Expertise | None:
    """The learned fusion for this table."""
    fusion = None if base is None else base.fusion
    if base is None or fusion is None:
        return None
    # The weight only falls where a table is farther from the known ones than nine in ten of these are from each other.
    trust = min(1.0, 2.0 * base.neighbours(found.meta_features).confidence)
    return Expertise(fusion=fusion, trust=trust, X=dataset.X, seed=int(settings.random_state or 0))


def _profiled_rows(settings: Settings) -> int:
    """Most rows the profile looks at."""
    brief = settings.n_trials is None and (settings.time_budget or math.inf) < BRIEF
    return BRIEF_ROWS if brief else MAX_ROWS


def _population(work: _Work, ensemble: FittedEnsemble, periods: IntArray | None) -> Population | None:
    """The training rows, for labels, where these are heeded."""
    if not REGIMES[work.settings.regime].heeds_labels:
        return None
    kinship = Kinship(groups=work.given.groups, moments=moments_of(work.table, work.encoder))
    return Population.of(ensemble, work.dataset.rows, work.given.labels, kinship, periods)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Answer:
    """The verdict, and what it rests on.

    Args:
        verdict: On the training rows.
        base: Their scores before any rule was heard; shape (n_rows,).
        population: They themselves, for labels that may come; None: labels are not heeded.
        heeded: What was made of labels; None: there were none.
        ruling: Rules, bound to the scores; None: there are none.
    """

    verdict: Verdict
    base: FloatArray
    population: Population | None
    heeded: Heeded | None
    ruling: Ruling | None


def _answer(
    work: _Work, ensemble: FittedEnsemble, raw: FloatArray, base: KnowledgeBase | None, periods: IntArray | None
) -> _Answer:
    """Decide on the rows, with what labels and rules say of them."""
    settings, labels = work.settings, work.given.labels
    ruling = None if work.stated is None else work.stated.ruling
    with work.stage("deciding"):
        calibrator = None if base is None else base.calibrator if ensemble.cells is None else base.cell_calibrator
        values = None if calibrator is None else ensemble.probabilities(calibrator)
        ruled = Ruled.of(None if labels.known.any() else ruling, ensemble.train_scores)
        verdict = decide(
            ruled.scores,
            ensemble.member_scores,
            settings,
            probabilities=None if values is None else ruled.sure(Probabilities(values=values)),
            member_raw=raw,
            periods=periods,
        )
        verdict = ruled.settle(verdict, settings, periods)
    population = _population(work, ensemble, periods)
    if population is None or not labels.known.any():
        return _Answer(
            verdict=verdict, base=ensemble.train_scores, population=population, heeded=None, ruling=ruled.ruling
        )
    with work.stage("supervising"):
        unlabelled = Answer.of(verdict)
        population = replace(population, unlabelled=unlabelled)
        ruling = None if ruling is None else ruling.excusing(population.prints[labels.known])
        heeded, verdict, ruling = heed(population, labels, unlabelled, settings, ruling=ruling)
    return _Answer(verdict=verdict, base=heeded.scores, population=population, heeded=heeded, ruling=ruling)


def _model(work: _Work, ensemble: FittedEnsemble, answer: _Answer, cells: pd.DataFrame) -> Model:
    dataset, target = work.dataset, work.settings.target_metric
    rows = np.arange(dataset.n_rows)
    if dataset.n_rows > _REFERENCE_ROWS:
        rows = np.sort(np.random.default_rng(0).choice(dataset.n_rows, _REFERENCE_ROWS, replace=False))
    reference = replace(
        dataset, X=dataset.X[rows], row_labels=dataset.row_labels[rows], missing_share=dataset.missing_share[rows],
        evidence=None if dataset.evidence is None else dataset.evidence[rows],
    )  # fmt: skip
    return Model(
        encoder=work.encoder,
        ensemble=ensemble,
        verdict=answer.verdict,
        seen=_seen(work, answer.base, answer.population),
        reference=reference,
        cells=cells.iloc[rows],
        looking=work.looking,
        population=answer.population,
        supervised=None if answer.heeded is None else answer.heeded.supervised,
        ruling=answer.ruling,
        own_metric=target if isinstance(target, OwnMetric) else None,
        device=work.settings.device,
    )


def _seen(work: _Work, scores: FloatArray, population: Population | None) -> SeenRows:
    """The training rows with their scores, no rule heard, where they are to be recognised."""
    if not REGIMES[work.settings.regime].remembers_rows:
        return SeenRows.none()
    return SeenRows.known_as(fingerprints(work.dataset.rows) if population is None else population.prints, scores)


def look_at(table: Any, *, seed: int) -> tuple[Dataset, Profile]:
    """Encode and profile a table, nothing else."""
    opened = open_table(table)
    dataset = TableEncoder().fit(opened).encode(opened)
    return dataset, profile(dataset, seed=seed)
