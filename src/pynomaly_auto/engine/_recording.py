"""The last step of a run: report and model go to MLflow, and whatever goes wrong there never costs the result."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pynomaly_auto.engine._pipeline import Run
from pynomaly_auto.engine._storage import save
from pynomaly_auto.errors import PynomalyError
from pynomaly_auto.records import Reason
from pynomaly_auto.reporting import write_report
from pynomaly_auto.tracking import NullTracker

if TYPE_CHECKING:
    from pynomaly_auto.engine._detector import AutonomousDetector

# Without a time budget a slow store is waited for this long; what is not written by then goes on in the background.
_PATIENCE = 20.0
_LEAST = 0.2


def record(detector: AutonomousDetector, run: Run) -> None:
    """Hand the finished run to its tracker; problems become warnings of the result."""
    if isinstance(run.tracker, NullTracker):
        return
    warnings: list[Reason] = []
    with tempfile.TemporaryDirectory(prefix="pynomaly-") as folder:
        files: dict[str, Path] = {}
        model: Path | None = None
        try:
            files["report.html"] = write_report(run.result, Path(folder) / "report.html")
            model = save(detector, Path(folder) / "model")
        except PynomalyError as error:
            text = f"Not recorded in full: {error}"
            warnings.append(Reason(code="TRK-010", subject="artifacts", text=text))
        timeout = max(_LEAST, min(_PATIENCE, run.deadline.remaining()))
        info = run.tracker.finish(run.result, files, model=model, timeout=timeout)
    detector.result_ = replace(run.result, warnings=run.result.warnings + tuple(warnings) + info.problems)
