"""What MLflow calls to load a logged detector: ``mlflow.pyfunc.load_model("models:/...")``; no pickle is involved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


class PyfuncDetector:
    """A saved detector with the one method MLflow asks for."""

    def __init__(self, detector: Any) -> None:
        self.detector = detector

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Score rows.

        Args:
            model_input: A table with the columns of the rows fitted on.
            params: Not used; MLflow passes it.

        Returns:
            One row per row: ``score``, the calibrated probability of being an anomaly, and ``label``, -1 for an
            anomaly and 1 otherwise, with the index of the input where it has one.
        """
        import pandas as pd

        index = model_input.index if isinstance(model_input, pd.DataFrame) else None
        judged = self.detector.judge(model_input)
        return pd.DataFrame({"score": judged.probabilities, "label": judged.labels}, index=index)


def _load_pyfunc(path: str) -> PyfuncDetector:
    """Load the detector saved as ``path``; the name and signature are MLflow's."""
    from pynomaly_auto.engine import AutonomousDetector

    return PyfuncDetector(AutonomousDetector.load(path))
