"""One run, stage by stage: from a table to a fitted model and its result."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.engine._model import Model
from pynomaly_auto.engine._progress import Progress
from pynomaly_auto.knowledge import KnowledgeBase
from pynomaly_auto.profiling import profile
from pynomaly_auto.recommending import recommend
from pynomaly_auto.records import Reason, Result
from pynomaly_auto.settings import Deadline, Settings
from pynomaly_auto.tracking import Tracker

_EXPLAINED_ROWS = 20
# Shares of the remaining time that the later stages may take; the search is told to leave room for them.
_EXPLAINING_SHARE = 0.25
_EXPLAINING_SECONDS = 5.0
_TRACKING_SECONDS = 20.0
_PACKAGES = ("numpy", "pandas", "scikit-learn", "pyod", "lightgbm", "optuna", "mlflow")


class Stages:
    """Measures the stages of a run and tells the progress bar of them."""

    def __init__(self, progress: Progress) -> None:
        self.seconds: dict[str, float] = {}
        self._progress = progress

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time one stage."""
        self._progress.stage(name)
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = time.perf_counter() - start


def run(table: Any, settings: Settings, reasons: tuple[Reason, ...], *, owner: str) -> tuple[Model, Result]:
    """Run every stage on one table.

    Args:
        table: The user's table.
        settings: What is asked for.
        reasons: Why the settings are what they are.
        owner: Name of the estimator, for messages.

    Returns:
        What judges rows, and what was found.
    """
    deadline = Deadline(settings.time_budget)
    seed = secrets.randbits(31) if settings.random_state is None else settings.random_state
    settings = settings.with_(random_state=seed)
    with Progress(settings, deadline) as progress:
        stage = Stages(progress)
        with stage("reading"):
            encoder = TableEncoder(owner=owner).fit(table)
            dataset = encoder.encode(table)
        with open_tracker(settings) as tracker:
            with stage("profiling"):
                found = profile(dataset, seed=seed)
            with stage("recommending"):
                base = KnowledgeBase.shipped()
                ranking = recommend(found, settings, base)
            with _pool(settings, dataset) as pool:
                plan = TuningPlan(settings=settings, seed=seed, deadline=deadline, pool=pool, knowledge=base)
                with stage("tuning"):
                    search = tune(dataset, ranking, plan, on_trial=both(progress.trial, tracker.trial))
                with stage("ensembling"):
                    chosen = choose_members(search, ranking, settings)
                    ensemble = FittedEnsemble.of(chosen, refit(dataset, chosen, search, plan))
            with stage("deciding"):
                verdict = decide(ensemble.train_scores, ensemble.member_scores, settings, seed=seed)
            model = _model(encoder, ensemble, verdict, dataset, settings)
            with stage("explaining"):
                explanations = _explain(
                    model, dataset, table, _most_anomalous(verdict), seed, _time_to_explain(deadline)
                )
            result = Result(...)
