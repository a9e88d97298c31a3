"""`AutonomousDetector`: the whole library behind scikit-learn's outlier-detector interface."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted

from pynomaly_auto._checks import path_of
from pynomaly_auto.engine._along_front import AlongFront
from pynomaly_auto.engine._among_people import ONE_AT_A_TIME, AmongPeople
from pynomaly_auto.engine._attributes import FittedAttributes
from pynomaly_auto.engine._by_hand import ByHand
from pynomaly_auto.engine._on_disk import OnDisk
from pynomaly_auto.engine._presets import FromPresets
from pynomaly_auto.records import (
    Evaluation,
    FloatArray,
    IntArray,
    Judgement,
    Reason,
    Result,
    column_of,
)

# Everything else is imported where it is used: touching the class costs scikit-learn's base classes and no more.
if TYPE_CHECKING:
    import pandas as pd

    from pynomaly_auto.engine._fitted import Fitted
    from pynomaly_auto.engine._model import Model


class AutonomousDetector(
    FromPresets, ByHand, AmongPeople, AlongFront, OnDisk, FittedAttributes, OutlierMixin, BaseEstimator
):
    """Find anomalies without labels: profile, rank, tune, combine, threshold and explain detectors.

    Args:
        preset: Name of a domain preset (``pynomaly presets`` lists them), whose values are taken as defaults.
            A keyword left at its own default does not undo a preset's value; a mapping as ``config`` does.
        config: Further settings: `Settings`, a mapping, a `Guidance`, or the path of a TOML / YAML file. Keywords win.
        time_budget: Wall-clock seconds for the whole of ``fit``; it ends within that plus 10 % plus 2 s.
        n_trials: Number of trials instead: same seed, same scores, whatever the number of workers. With both this and
            a ``time_budget`` other than the default, whichever is used up first ends the search.
        contamination: Share of anomalies in (0, 0.5], or ``"auto"``: estimated.
        target_metric: What the threshold should serve: ``"f1"``, ``"precision"`` or ``"recall"``, by the expected
            F-measure; ``"precision_at_50"``; costs such as ``{"false_alarm": 1, "miss": 20}``; or a function of the
            true and the flagged rows. Else as many rows are labelled as anomalies are expected; see `Settings`.
        alert_budget: The most rows anybody can look at: a number of rows, a share of them in (0, 1), or rows per
            period of the table's time such as ``"20/day"``; never more are labelled. None: no limit.
        max_models: Most models in the ensemble; None: as many as the budget and their gain allow.
        n_jobs: Worker processes; None or -1: one per usable core.
        backend: Where trials run: ``"local"`` or ``"ray"`` (Ray Tune).
        address: Ray cluster: ``"auto"``, ``"ray://host:port"`` or ``"host:port"``; None: one of our own, for the run.
        resources_per_trial: What a trial takes of it, such as ``{"cpu": 1, "gpu": 0.5}``; None: one core.
        device: ``"auto"``: a GPU where there is one and it pays; ``"cpu"``; ``"cuda"`` or ``"cuda:1"``: on it.
        memory_limit: Most memory of the run, all processes together, beside Python's own 0.2 GB: bytes or text such as
            ``"2GB"``; what does not fit gets a smaller plan. None: most of what is free.
        compute_budget: Share of the machine's cores and memory in (0, 1], such as 0.5 or ``"50%"``.
        novelty: The training rows are taken as normal, as in one-class detection.
        tracking: MLflow: None: the local default store (or ``MLFLOW_TRACKING_URI``), False: off, or a URI.
        experiment_name: MLflow experiment.
        random_state: Seed; None: a fresh one, recorded in ``result_.settings``.
        verbose: 0: silent; 1: a progress bar where somebody looks; 2: a line per trial.
        expect: Column to the side of its values that is suspicious: ``"high"``, ``"low"`` or ``"both"``.
        rules: What is always so of rows, such as ``"age > 120"``: one text or several, whose rows are anomalies, or a
            mapping from text to ``"anomaly"`` or ``"normal"``.
        column_weights: Column to its weight in [0, 5]: 0: nothing looks at it; 1: as it is.
        objectives: What the model is to be good at at once: names such as ``["quality", "latency", "size"]``, or name
            to weight. `front_` holds all that none other beats, `choose` takes another. None: all members are kept.

    Attributes:
        result_ (Result): Everything found and decided.
        profile_ (Profile): What the table looks like.
        ranking_ (Ranking): All candidates, best first.
        trials_ (tuple[Trial, ...]): What was tried.
        ensemble_ (Ensemble): The members and their weights.
        threshold_ (float): A row is an anomaly when ``-score_samples`` exceeds this.
        contamination_ (float): Estimated or given share of anomalies.
        offset_ (float): ``decision_function = score_samples - offset_``; equals ``-threshold_``.
        n_features_in_ (int): Number of columns fitted on.
        feature_names_in_ (ndarray): Their names, where all are text; shape (n_features_in_,).

    Examples:
        >>> import numpy as np
        >>> X = np.random.default_rng(0).normal(size=(200, 3))
        >>> X[0] = 9.0
        >>> detector = AutonomousDetector(n_trials=3, tracking=False, random_state=0, verbose=0)
        >>> int(detector.fit_predict(X)[0])
        -1
    """

    def __init__(  # noqa: PLR0913 - the public interface
        self,
        *,
        preset: str | None = None,
        config: Any = None,
        time_budget: float | None = 60.0,
        n_trials: int | None = None,
        contamination: float | str = "auto",
        target_metric: Any = None,
        alert_budget: int | float | str | None = None,
        max_models: int | None = None,
        n_jobs: int | None = None,
        backend: str = "local",
        address: str | None = None,
        resources_per_trial: Any = None,
        device: str = "auto",
        memory_limit: int | str | None = None,
        compute_budget: float | str = 1.0,
        novelty: bool = False,
        tracking: bool | str | None = None,
        experiment_name: str | None = None,
        random_state: int | None = None,
        verbose: int = 1,
        expect: Mapping[str, str] | None = None,
        rules: Any = None,
        column_weights: Mapping[str, float] | None = None,
        objectives: Any = None,
    ) -> None:
        self.preset = preset
        self.config = config
        self.time_budget = time_budget
        self.n_trials = n_trials
        self.contamination = contamination
        self.target_metric = target_metric
        self.alert_budget = alert_budget
        self.max_models = max_models
        self.n_jobs = n_jobs
        self.backend = backend
        self.address = address
        self.resources_per_trial = resources_per_trial
        self.device = device
        self.memory_limit = memory_limit
        self.compute_budget = compute_budget
        self.novelty = novelty
        self.tracking = tracking
        self.experiment_name = experiment_name
        self.random_state = random_state
        self.verbose = verbose
        self.expect, self.rules, self.column_weights = expect, rules, column_weights
        self.objectives = objectives

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        labels: Any = None,
        label_coding: str = "anomaly=1",
        groups: Any = None,
        checkpoint: str | Path | None = None,
    ) -> Self:
        """Find the anomalies of a table, with the help of labels where there are some.

        Args:
            X: numpy, pandas, polars, pyarrow or scipy sparse table, shape (n_rows, n_columns).
            y: Ignored, as by scikit-learn's outlier detectors; what is known of rows are ``labels``.
            labels: What is known of some rows or all: the name of a column of ``X`` (which is then no part of the
                table), a pandas series or mapping by row label, or one value for each row. A missing value says
                nothing. Whatever few there are, they can be of anomalies alone.
            label_coding: ``"anomaly=1"``: 1 for an anomaly, 0 for a normal row; ``"anomaly=-1"``, scikit-learn's: -1
                for an anomaly, 1 for a normal row.
            groups: Name of a column, or one value for each row: rows of one group are never judged by what was learned
                from each other.
            checkpoint: Folder in which the run is journalled; after a kill `resume` goes on, or the same call again.

        Raises:
            InvalidInputError: The table or the labels cannot be used; the message says where and what to do.
            SettingError: A setting lies outside what it may be, or a name is unknown.
            NothingFinishedError: Not one detector completed.
            StorageError: The checkpoint is in use, finished, of another table, or holds something else.
        """
        started = time.monotonic()
        from pynomaly_auto._deadline import waiting_since

        with waiting_since(started):  # the first fit of a process also waits for imports
            from pynomaly_auto.engine._configuration import resolve
            from pynomaly_auto.pool import workers_ahead

            params = self.get_params(deep=False)
            settings, reasons = resolve(params)
            with workers_ahead(settings.backend):  # while the rest is imported
                from pynomaly_auto.engine._heeding import Said
                from pynomaly_auto.engine._resuming import carry_out
                from pynomaly_auto.engine._stored_run import Asked

                said = Said(labels=labels, coding=label_coding, groups=groups)
                asked = Asked(params=params, settings=settings, reasons=reasons)
                carry_out(self, X, asked, said, None if checkpoint is None else path_of(checkpoint))
        return self

    def fit_predict(self, X: Any, y: Any = None, *, config: Any = None) -> IntArray:
        """Fit and label the same rows: -1 for an anomaly, 1 for a normal row; shape (n_rows,).

        Args:
            X: As for `fit`.
            y: Ignored.
            config: Taken in place of the detector's own ``config`` from now on; None: that one stays.
        """
        if config is not None:
            self.config = config
        return self.fit(X).result_.labels.copy()

    def predict(self, X: Any) -> IntArray:
        """Label rows: -1 for an anomaly, 1 for a normal row; shape (n_rows,).

        Raises:
            SchemaError: The columns are not those fitted on.
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    def decision_function(self, X: Any) -> FloatArray:
        """Signed distance from the threshold, negative for anomalies; shape (n_rows,)."""
        return self.score_samples(X) - self.offset_

    def score_samples(self, X: Any) -> FloatArray:
        """Minus the combined score, so lower is more anomalous; shape (n_rows,)."""
        check_is_fitted(self, "result_")
        return -self._model.judged(X)

    def anomaly_score(self, X: Any) -> FloatArray:
        """Calibrated probability of being an anomaly, in [0, 1]; shape (n_rows,)."""
        model: Model = self._model_now()
        return model.verdict.calibration.at(-self.score_samples(X))

    def confidence(self, X: Any) -> FloatArray:
        """Probability that the label of each row is right, in [0, 1]; shape (n_rows,).

        For a row labelled anomalous that is its `anomaly_score`, for another one 1 less that.
        """
        return self.judge(X).confidence

    def judge(self, X: Any) -> Judgement:
        """Everything that is said of rows, in one pass: scores, probabilities, labels and confidence.

        Raises:
            SchemaError: The columns are not those fitted on.
        """
        from pynomaly_auto.deciding import confidence_of

        verdict, scores = self._model_now().verdict, -self.score_samples(X)
        probabilities, flagged = verdict.calibration.at(scores), scores > verdict.threshold
        return Judgement(
            scores=scores,
            probabilities=probabilities,
            labels=np.where(flagged, -1, 1),
            confidence=confidence_of(probabilities, flagged),
        )

    def evaluate(self, X: Any, y: Any) -> Evaluation:
        """How right the detector is on rows whose labels are known; nothing is learned from them.

        Args:
            X: Rows to judge, shape (n_rows, n_columns).
            y: 1 or True for an anomaly and 0 or False for a normal row, or scikit-learn's -1 and 1; a missing label
                leaves its row out. Shape (n_rows,).

        Raises:
            InvalidInputError: The labels do not fit the rows, or hold something else.
        """
        from pynomaly_auto.engine._evaluating import evaluation

        started = time.perf_counter()
        judged = self.judge(X)
        return evaluation(judged, y, seconds=time.perf_counter() - started)

    def set_contamination(self, contamination: float) -> Self:
        """Move the threshold so that this share of the training rows lies above it; nothing is fitted again.

        The share counts as what is known of the table, so the probabilities move with it.
        """
        return self._moved(contamination=contamination)

    def set_threshold(self, threshold: float) -> Self:
        """Move the threshold to this combined score (``-score_samples``); nothing is fitted again.

        What was learned from known tables stays as it is: the probabilities and the share of anomalies.
        """
        return self._moved(threshold=threshold)

    def compact(self, *, latency_ms: float | None = None, size_mb: float | None = None) -> Self:
        """A smaller detector that agrees with this one as far as it can; this one stays as it is.

        ``ensemble_.compaction`` of the new one, and the reason ``ENG-001``, say what is lost. Training rows keep the
        scores they have; threshold, probabilities and explanations stay what they are.

        Args:
            latency_ms: Most milliseconds that one new row may take on this machine, as it is now.
            size_mb: Most megabytes of the saved file.

        Raises:
            SettingError: Neither is given, one is not above zero, or no model is that small.
        """
        from pynomaly_auto.engine._compacting import compact

        check_is_fitted(self, "result_")
        return compact(self, latency_ms, size_mb)

    def explain(self, X: Any, rows: Sequence[int] | None = None, *, method: str = "occlusion") -> pd.DataFrame:
        """Per-column contributions to the scores of some rows, one line per row and column.

        Args:
            X: Rows to judge, shape (n_rows, n_columns).
            rows: Positions in ``X``; None: the 20 most anomalous of those labelled anomalous.
            method: ``"occlusion"``, ``"shapley"``, or, with the extra ``explain``, ``"shap"`` or ``"lime"``.
        """
        import pandas as pd

        check_is_fitted(self, "result_")
        seed = int(self.result_.settings["random_state"])
        from pynomaly_auto.engine._explaining import explain_table

        found = explain_table(self._model, X, rows, method=method, seed=seed)
        heads = ("position", "row", "column", "value", "typical", "contribution", "share")
        lines = [
            (e.row, e.label, c.column, c.value, c.typical, c.contribution, c.share)
            for e in found
            for c in e.contributions
        ]
        columns = zip(*lines, strict=True) if lines else ((),) * len(heads)
        return pd.DataFrame({head: column_of(list(cells)) for head, cells in zip(heads, columns, strict=True)})

    def report(self, path: str | Path) -> Path:
        """Write one self-contained HTML file about the run.

        Raises:
            StorageError: The file cannot be written; an earlier one is kept.
            SettingError: The path is none.
        """
        from pynomaly_auto.reporting import write_report

        return write_report(self._result_now(), path_of(path))

    def _adopt(self, model: Model, result: Result) -> None:
        self._model, self.result_ = model, result
        self.n_features_in_ = model.encoder.n_features_in_
        names = getattr(model.encoder, "feature_names_in_", None)
        if names is not None:
            self.feature_names_in_ = names
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _fitted_now(self) -> Fitted:
        from pynomaly_auto.engine._fitted import Fitted

        check_is_fitted(self, "result_")
        return Fitted(params=self.get_params(deep=False), model=self._model, result=self.result_)

    def _warn(self, result: Result, problems: Iterable[Reason]) -> None:
        """Add what is new of them to the result, as long as it is the one of that run."""
        new = tuple(p for p in problems if p not in self.result_.warnings)
        if new and self.result_.search is result.search:
            self.result_ = replace(self.result_, warnings=self.result_.warnings + new)

    def _model_now(self) -> Any:
        check_is_fitted(self, "result_")
        return self._model

    def _moved(self, *, contamination: float | None = None, threshold: float | None = None) -> Self:
        check_is_fitted(self, "result_")
        from pynomaly_auto.engine._ruled import moved

        with ONE_AT_A_TIME:
            verdict = moved(self._model.verdict, self._model.ruling, contamination=contamination, threshold=threshold)
            self._model = replace(self._model, verdict=verdict)
            self.result_ = replace(self.result_, verdict=verdict)
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags

    def _repr_html_(self) -> str:
        if hasattr(self, "result_"):
            return str(self.result_._repr_html_())
        return str(super()._repr_html_())
