"""`AutonomousDetector`: the whole library behind scikit-learn's outlier-detector interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted

from pynomaly_auto.engine._presets import FromPresets
from pynomaly_auto.records import Ensemble, FloatArray, Guidance, IntArray, Profile, Ranking, Result, Trial

# Everything else is imported where it is used: touching the class costs scikit-learn's base classes and no more.
if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd

    from pynomaly_auto._overrides import Override
    from pynomaly_auto.engine._model import Model


class AutonomousDetector(FromPresets, OutlierMixin, BaseEstimator):
    """Find anomalies without labels: profile, rank, tune, combine, threshold and explain detectors.

    Args:
        preset: Name of a domain preset (``pynomaly presets`` lists them), whose values are taken as defaults.
            A keyword left at its own default does not undo a preset's value; a mapping as ``config`` does.
        config: Further settings: `Settings`, a mapping, a `Guidance`, or the path of a TOML / YAML file. Keywords win.
        time_budget: Wall-clock seconds for the whole of ``fit``; it ends within that plus 10 % plus 2 s.
        n_trials: Number of trials instead: same seed, same scores, whatever the number of workers. With both this and
            a ``time_budget`` other than the default, whichever is used up first ends the search.
        contamination: Share of anomalies in (0, 0.5], or ``"auto"``: estimated.
        target_metric: What threshold and search should serve: ``"f1"``, ``"precision"``, ``"recall"``, ``"roc_auc"``
            or ``"average_precision"``.
        max_models: Most models in the ensemble; None: as many as the budget and their gain allow.
        n_jobs: Worker processes; None or -1: one per usable core.
        backend: Where trials run: ``"local"`` or ``"ray"``.
        memory_limit: Most memory of one trial: bytes or text such as ``"2GB"``; None: a fair share of what is free.
        novelty: The training rows are taken as normal, as in one-class detection.
        tracking: MLflow: None: the local default store (or ``MLFLOW_TRACKING_URI``), False: off, or a URI.
        experiment_name: MLflow experiment.
        random_state: Seed; None: a fresh one, recorded in ``result_.settings``.
        verbose: 0: silent; 1: a progress bar where somebody looks; 2: a line per trial.

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
        feature_names_in_ (ndarray of shape (n_features_in_,)): Their names, where all are text.

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
        target_metric: str | None = None,
        max_models: int | None = None,
        n_jobs: int | None = None,
        backend: str = "local",
        memory_limit: int | str | None = None,
        novelty: bool = False,
        tracking: bool | str | None = None,
        experiment_name: str | None = None,
        random_state: int | None = None,
        verbose: int = 1,
    ) -> None:
        self.preset = preset
        self.config = config
        self.time_budget = time_budget
        self.n_trials = n_trials
        self.contamination = contamination
        self.target_metric = target_metric
        self.max_models = max_models
        self.n_jobs = n_jobs
        self.backend = backend
        self.memory_limit = memory_limit
        self.novelty = novelty
        self.tracking = tracking
        self.experiment_name = experiment_name
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find the anomalies of a table.

        Args:
            X: numpy, pandas, polars, pyarrow or scipy sparse table, shape (n_rows, n_columns).
            y: Ignored, as by scikit-learn's outlier detectors.

        Raises:
            InvalidInputError: The table cannot be used; the message says where and what to do.
            SettingError: A setting lies outside what it may be, or a name is unknown.
            NothingFinishedError: Not one detector completed.
        """
        from pynomaly_auto.engine._configuration import resolve
        from pynomaly_auto.engine._pipeline import run
        from pynomaly_auto.engine._recording import record

        settings, reasons = resolve(self.get_params(deep=False))
        done = run(X, settings, reasons, owner=type(self).__name__)
        self._adopt(done.model, done.result)
        record(self, done)
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
        """Signed distance from the cut, negative for anomalies; shape (n_rows,)."""
        return self.score_samples(X) - self.offset_

    def score_samples(self, X: Any) -> FloatArray:
        """Minus the combined score, so lower is more anomalous; shape (n_rows,)."""
        check_is_fitted(self, "result_")
        return -self._model.score(self._model.encode(X).X)

    def anomaly_score(self, X: Any) -> FloatArray:
        """Calibrated probability of being an anomaly, in [0, 1]; shape (n_rows,)."""
        from pynomaly_auto.deciding import apply

        return apply(self._model_now().verdict.calibration, -self.score_samples(X))

    def confidence(self, X: Any) -> FloatArray:
        """How sure the label of each row is, in [0, 1]; shape (n_rows,)."""
        from pynomaly_auto.deciding import confidence_of

        return confidence_of(-self.score_samples(X), self._model_now().verdict)

    def set_contamination(self, contamination: float) -> Self:
        """Move the cut so that this share of the training rows lies above it; nothing is fitted again."""
        return self._moved(contamination=contamination)

    def set_threshold(self, threshold: float) -> Self:
        """Move the cut to this combined score (``-score_samples``); nothing is fitted again."""
        return self._moved(threshold=threshold)

    def override(
        self,
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        force: Sequence[str] = (),
        params: Mapping[str, Mapping[str, Any]] | None = None,
        reason: str = "asked for by the user",
        until: datetime | str | None = None,
    ) -> Self:
        """Decide by hand what the next ``fit`` may use; the reason goes into the record.

        Every such decision has an id and stays in `override_history`; `clear_override` ends it.

        Args:
            include: Only these detectors are candidates.
            exclude: These are none.
            force: These are tried and kept whatever the ranking says, and heard: each has at least 20 % of the final
                score (of more than three, 60 % together).
            params: Detector name to parameter values that are not to be tuned. As nothing is known of a detector with
                such parameters, it has at least 10 % of the final score.
            reason: Why.
            until: When it ends by itself; without a time zone, local time. None: when it is cleared.

        Raises:
            UnknownNameError: A detector or a parameter of one is unknown.
            SettingError: It contradicts another one, or ends in the past.
        """
        changes = {"include": include, "exclude": exclude, "force": force, "params": params}
        from pynomaly_auto.engine._configuration import with_override

        self.config = with_override(self.config, changes, reason=reason, until=until)
        return self

    def clear_override(self, override_id: str) -> bool:
        """End one decision taken by hand; whether it was in force until now.

        Raises:
            UnknownNameError: There is no such decision.
        """
        from pynomaly_auto.engine._configuration import without_override

        self.config, was = without_override(self.config, override_id)
        return was

    @property
    def override_history(self) -> tuple[Override, ...]:
        """Every decision taken by `override`, those that are cleared or over among them."""
        from pynomaly_auto.engine._configuration import override_history

        return override_history(self.config)

    def guided_setup(
        self,
        data_preview: Any = None,
        priorities: Mapping[str, float] | None = None,
        constraints: Mapping[str, Any] | None = None,
    ) -> Guidance:
        """Say which configuration would be used, and why; pass it on as ``config=``.

        Args:
            data_preview: Some rows of the table, or None.
            priorities: Weights of ``"accuracy"``, ``"speed"`` and ``"interpretability"``.
            constraints: Any of ``max_training_time`` (seconds), ``max_memory``, ``max_models``, ``contamination``,
                ``interpretable``, ``deterministic``, ``excluded_algorithms``, ``n_jobs``, ``domain``, ``preset``.
        """
        from pynomaly_auto.engine._configuration import given_by_hand, guided_by, resolve
        from pynomaly_auto.engine._pipeline import look_at
        from pynomaly_auto.recommending import guide

        given = self.get_params(deep=False)
        settings, reasons = resolve(given)
        profile = None if data_preview is None else look_at(data_preview, seed=settings.random_state or 0)[1]
        preset = {"preset": settings.preset} if settings.preset else {}
        guided = guide(profile, priorities, {**preset, **(constraints or {})})
        return guided_by(settings, reasons, given_by_hand(given), guided)

    def leaderboard(self) -> pd.DataFrame:
        """Every candidate, tried or left out, with predicted and reached quality, cost, weight and reason."""
        from pynomaly_auto.engine._leaderboard import leaderboard

        return leaderboard(self._result_now())

    def explain_decisions(self) -> pd.DataFrame:
        """Every decision of the run in the order taken: code, subject, text, evidence."""
        import pandas as pd

        rows = [(r.code, r.subject, r.text, dict(r.evidence)) for r in self._result_now().reasons]
        return pd.DataFrame(rows, columns=["code", "subject", "text", "evidence"])

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
        from pynomaly_auto.engine._pipeline import explain_table

        found = explain_table(self._model, X, rows, method=method, seed=seed)
        lines = [
            (e.row, e.label, c.column, c.value, c.typical, c.contribution, c.share)
            for e in found
            for c in e.contributions
        ]
        return pd.DataFrame(lines, columns=["position", "row", "column", "value", "typical", "contribution", "share"])

    def report(self, path: str | Path) -> Path:
        """Write one self-contained HTML file about the run.

        Raises:
            StorageError: The file cannot be written; an earlier one is kept.
        """
        from pynomaly_auto.reporting import write_report

        return write_report(self._result_now(), Path(path))

    def save(self, path: str | Path) -> Path:
        """Save to a directory with a manifest and checksums.

        Raises:
            StorageError: The directory cannot be written, or holds something that is not ours.
        """
        from pynomaly_auto.engine._storage import save

        check_is_fitted(self, "result_")
        return save(self, Path(path))

    @classmethod
    def load(cls, path: str | Path, *, trusted: bool | Sequence[str] = False) -> Self:
        """Load what `save` wrote; checksums are verified before anything else.

        Args:
            path: The directory.
            trusted: Types beyond our own dependencies' that may be loaded; True: whatever the files name.

        Raises:
            StorageError: Something is missing, altered, or of a format this version does not read.
            UntrustedError: The files hold types nobody has said to trust.
        """
        from pynomaly_auto.engine._storage import load

        return load(cls, Path(path), trusted=trusted)

    @property
    def profile_(self) -> Profile:
        """What the table looks like."""
        return self._result_now().profile

    @property
    def ranking_(self) -> Ranking:
        """All candidates, best first."""
        return self._result_now().ranking

    @property
    def trials_(self) -> tuple[Trial, ...]:
        """What was tried, in order."""
        return self._result_now().search.trials

    @property
    def ensemble_(self) -> Ensemble:
        """The members and their weights."""
        return self._result_now().ensemble

    @property
    def threshold_(self) -> float:
        """A row is an anomaly when ``-score_samples`` exceeds this."""
        return self._result_now().verdict.threshold

    @property
    def contamination_(self) -> float:
        """Estimated or given share of anomalies."""
        return self._result_now().verdict.contamination

    @property
    def offset_(self) -> float:
        """Minus `threshold_`."""
        return -self.threshold_

    def _adopt(self, model: Model, result: Result) -> None:
        self._model, self.result_ = model, result
        self.n_features_in_ = model.encoder.n_features_in_
        names = getattr(model.encoder, "feature_names_in_", None)
        if names is not None:
            self.feature_names_in_ = names
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _model_now(self) -> Any:
        check_is_fitted(self, "result_")
        return self._model

    def _result_now(self) -> Result:
        # AttributeError keeps hasattr() honest before fit; scikit-learn's own error is one, too.
        check_is_fitted(self, "result_")
        return self.result_

    def _moved(self, *, contamination: float | None = None, threshold: float | None = None) -> Self:
        check_is_fitted(self, "result_")
        from pynomaly_auto.deciding import move

        verdict = move(self._model.verdict, contamination=contamination, threshold=threshold)
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
