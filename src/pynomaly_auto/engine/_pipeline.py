"""One run, stage by stage: from a table to a fitted model and its result."""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pynomaly_auto._budget import (
    BRIEF,
    BRIEF_ROWS,
    explaining_reserve,
    explaining_seconds,
    learning_most,
    search_reserve,
    time_to_fuse,
)
from pynomaly_auto._deadline import Deadline
from pynomaly_auto._machine import release_memory
from pynomaly_auto.dataset import EqualRows, Table, TableEncoder, open_table, to_frame
from pynomaly_auto.engine._answering import decided_with, model_of
from pynomaly_auto.engine._checkpoint import Checkpoint
from pynomaly_auto.engine._environment import versions
from pynomaly_auto.engine._explaining import by_rule, most_anomalous
from pynomaly_auto.engine._heeding import Given, Said, read_given
from pynomaly_auto.engine._looking import Looking
from pynomaly_auto.engine._model import Model
from pynomaly_auto.engine._periods import periods_of
from pynomaly_auto.engine._progress import Progress
from pynomaly_auto.engine._resources import (
    asked_workers,
    check_machine,
    cluster_of,
    room_of,
    told_device,
    told_unmapped,
    within_memory,
)
from pynomaly_auto.engine._ruled import Stated
from pynomaly_auto.engine._stored_run import Asked, Opened
from pynomaly_auto.engine._surveying import Surveyed, survey
from pynomaly_auto.engine._work import Stages, Work
from pynomaly_auto.ensembling import Expertise, FittedEnsemble, Settling, brevity, choose_members
from pynomaly_auto.explaining import Explaining, explain_rows
from pynomaly_auto.knowledge import KnowledgeBase
from pynomaly_auto.pool import Mapping, open_executor
from pynomaly_auto.profiling import MAX_ROWS, profile
from pynomaly_auto.recommending import recommend
from pynomaly_auto.records import Dataset, Profile, Reason, Result, Trial
from pynomaly_auto.regimes import REGIMES
from pynomaly_auto.settings import Settings
from pynomaly_auto.supervising import learning_seconds
from pynomaly_auto.tracking import NullTracker, Tracker, open_tracker
from pynomaly_auto.tuning import TuningPlan, refit, tune, untuned

_NOTHING = Said()


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one run leaves: what judges rows, what was found, and the record still open."""

    model: Model
    result: Result
    tracker: Tracker | NullTracker
    deadline: Deadline


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
    with Progress(settings, deadline) as progress, Mapping(wanted=settings.backend == "local") as mapping:
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
            dataset = encoder.encode(opened, empty=mapping.empty)
            if checkpoint is not None:
                read = Opened(table=opened, given=given, encoder=encoder, dataset=dataset)
                settings = checkpoint.begin(replace(asked, settings=settings), read, deadline, seeded=seeded)
            stated = Stated.of(settings.rules, encoder, opened)
            looking, dataset = _look(opened, encoder, dataset, settings)
        settings, room, fewer = within_memory(settings, opened, dataset)
        fewer += told_unmapped(mapping) + told_device(settings, dataset)
        name = f"{dataset.n_rows:,} rows, {len(dataset.columns):,} columns"
        tracker = open_tracker(settings.tracking, settings.experiment_name, run_name=name)
        tracker.start()
        try:
            model, result = _stages(
                Work(
                    table=opened, given=given, encoder=encoder, dataset=dataset, looking=looking, stated=stated,
                    settings=settings, room=room, deadline=deadline, stage=stage, tracker=tracker, journal=checkpoint,
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


def _stages(work: Work) -> tuple[Model, Result]:
    dataset, settings, deadline, stage = work.dataset, work.settings, work.deadline, work.stage
    seed, regime = int(settings.random_state or 0), REGIMES[settings.regime]
    periods = periods_of(work.table, dataset, work.encoder, settings.alert_budget)
    # Opened first, so that workers start while the table is looked at.
    with open_executor(
        settings.backend, asked_workers(settings), memory_limit=work.room, cluster=cluster_of(settings)
    ) as pool:
        with stage("profiling"):
            found = profile(dataset, seed=seed, max_rows=_profiled_rows(settings))
        with stage("recommending"):
            base = KnowledgeBase.shipped() if regime.asks_knowledge_base else None
            ranking = recommend(found, settings, base)
            expert = None if base is None else base.fitted_quality(found.meta_features)
            expertise = _expertise(base, found, settings, dataset)
        reserve = explaining_reserve(deadline.seconds)
        kept = search_reserve(deadline.seconds, chooses=settings.objectives is not None) + _learning(work)
        before = deadline.reserving(kept)
        plan = TuningPlan(
            settings=settings, seed=seed, deadline=before, pool=pool, predict_quality=expert,
            settled=Settling(settings=settings, expertise=expertise), untuned=untuned, journal=work.journal,
            room=room_of(work.room, settings),
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
                seconds_left=None if plan.by_count else pool.workers * before.remaining(),
                fusion=None if expertise is None else expertise.fusion,
            )
            equal = EqualRows.of(dataset.X)
            fitted = [replace(m, scores=equal.mean(m.scores)) for m in refit(dataset, chosen, plan, tuned)]
            left = math.inf if plan.by_count else max(deadline.remaining(), reserve)
            lent = expertise if time_to_fuse(left, dataset.n_rows) else None
            ensemble = _hearing(FittedEnsemble.of(chosen, fitted, lent, tail=regime.tail), base, work)
    raw = np.column_stack([fitted[i].scores for i in ensemble.positions])
    del fitted  # of many rows, their scores are as large as a table
    answer = decided_with(work, ensemble, raw, base, periods)
    cells = to_frame(work.table)
    made = Surveyed(
        model=model_of(work, ensemble, answer, cells),
        supervision=None if answer.heeded is None else answer.heeded.record,
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


def _learning(work: Work) -> float:
    """Seconds of the budget that learning from labels is to have."""
    budget, known = work.deadline.seconds, work.given.labels.known
    seconds = learning_seconds(int(known.sum()), len(known)) if known.any() else 0.0
    return min(seconds, learning_most(budget) or 0.0)


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


def _hearing(ensemble: FittedEnsemble, base: KnowledgeBase | None, work: Work) -> FittedEnsemble:
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


def look_at(table: Any, *, seed: int) -> tuple[Dataset, Profile]:
    """Encode and profile a table, nothing else."""
    opened = open_table(table)
    dataset = TableEncoder().fit(opened).encode(opened)
    return dataset, profile(dataset, seed=seed)
