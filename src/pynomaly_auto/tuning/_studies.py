"""The trials as Optuna's studies, one per detector, in a journal that its visualisations and its dashboard read.

The file is for people. What the search goes on from are the trials as they were journalled themselves: so it is made
anew by each attempt, and needs neither a lock (one process writes) nor to be forced to the disk.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.records import Params, Step, Trial, plain
from pynomaly_auto.tuning._journal import Journal
from pynomaly_auto.tuning._optuna import contains

METRICS = ("quality", "seconds", "memory_mb")
_DIRECTIONS = ("maximize", "minimize", "minimize")


class Studies:
    """Writes judged trials down for Optuna.

    Args:
        journal: Whose file is written, and who is told when that fails: it costs the run nothing.
        fixed: Detector to the parameters set by hand, which are no part of its space.
    """

    def __init__(self, journal: Journal, fixed: Mapping[str, Params]) -> None:
        self._journal, self._fixed = journal, fixed
        self._path = journal.studies
        self._storage: Any = None
        self._studies: dict[str, Any] = {}

    def add(self, step: Step, trial: Trial) -> None:
        """Write one trial down."""
        if self._path is None:
            return
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that names of metrics are experimental
                self._study(trial.detector).add_trial(self._frozen(step, trial))
        except Exception as error:  # the one place: no trouble with this file may cost the run
            self._path = None
            self._journal.trouble(error)

    def _study(self, detector: str) -> Any:
        if detector not in self._studies:
            import optuna

            if self._storage is None and self._path is not None:
                self._storage = _storage(self._path)
            level = optuna.logging.get_verbosity()
            optuna.logging.set_verbosity(optuna.logging.WARNING)  # it would announce every study on standard error
            try:
                study = optuna.create_study(study_name=detector, storage=self._storage, directions=_DIRECTIONS)
            finally:
                optuna.logging.set_verbosity(level)
            study.set_metric_names(list(METRICS))
            self._studies[detector] = study
        return self._studies[detector]

    def _frozen(self, step: Step, trial: Trial) -> Any:
        import optuna

        spec = DETECTORS[trial.detector]
        by_hand = self._fixed.get(trial.detector, {})
        values = {**spec.defaults, **trial.params}
        space = {n: d for n, d in spec.space.items() if n not in by_hand and n in values and contains(d, values[n])}
        completed = trial.quality is not None
        return optuna.trial.create_trial(
            state=optuna.trial.TrialState.COMPLETE if completed else optuna.trial.TrialState.FAIL,
            params={name: values[name] for name in space},
            distributions=space,
            values=[trial.quality, trial.seconds, trial.memory_mb] if completed else None,
            user_attrs={
                "detector": trial.detector, "role": step.role, "view": step.configuration.view, "number": trial.number,
                "status": trial.status, "error": trial.error, "rows": trial.n_rows,
                "parameters": json.dumps(plain(trial.params), sort_keys=True), **plain(trial.statistics),
            },
        )  # fmt: skip


def _storage(path: Path) -> Any:
    import optuna
    from optuna.storages.journal import JournalFileBackend

    class Unlocked(JournalFileBackend):  # type: ignore[misc]  # Optuna is not typed for us
        """One process writes, and what it writes can be made again."""

        def append_logs(self, logs: list[dict[str, Any]]) -> None:
            lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
            with path.open("ab") as file:
                file.write(lines.encode())

    path.unlink(missing_ok=True)
    return optuna.storages.JournalStorage(Unlocked(str(path)))
