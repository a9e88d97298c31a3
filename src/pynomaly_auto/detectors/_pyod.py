"""Any detector of PyOD by its class's name: ``"pyod:SOS"``, treated as a third party's."""

from __future__ import annotations

import functools
import importlib.util
import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np

from pynomaly_auto import _optional
from pynomaly_auto.detectors._spec import Capabilities, Cost, DetectorSpec
from pynomaly_auto.errors import UnknownNameError
from pynomaly_auto.records import FloatArray

PREFIX = "pyod:"
_REFERENCE = 1_000  # rows fitted on: nothing is known of what more would cost
_AMONG = 100  # rows that a new one is judged among by a class that judges rows by each other: each costs a whole fit
_TRIED_ALONE = 3
_OTHERS = re.compile(r"_|ts_|pyg_|audio_|base|combination|embedding|thresholds|sklearn_base|gaal_base")  # no detectors


@functools.cache
def spec_of(name: str) -> DetectorSpec | None:
    """The declaration of ``"pyod:<class>"``, made without importing PyOD; None: the name is none of such.

    Raises:
        MissingExtraError: PyOD is not installed.
        UnknownNameError: It has no such detector.
    """
    if not name.startswith(PREFIX):
        return None
    if not _optional.available("pyod"):
        raise _optional.missing("pyod")
    classes = _classes()
    kind = name.removeprefix(PREFIX)
    if kind not in classes:
        raise UnknownNameError.of("detector", name, [PREFIX + known for known in classes])
    return DetectorSpec(
        name=name, title=f"{kind} of PyOD", family="proximity", target=f"{__name__}:PyodModel",
        paper="Y. Zhao, Z. Nasrullah, Z. Li: PyOD, a Python toolbox for scalable outlier detection. JMLR 20, 2019.",
        summary=f"What PyOD's {kind} takes for anomalous.", defaults={"model": kind}, extra="pyod",
        # Importing PyOD compiles; what a fit costs is not known, so a guess that is rather too high.
        cost=Cost(unit=1.0, base=2.0, n_power=1.5),
        capabilities=Capabilities(min_rows=20, finds=frozenset({"local"}), deterministic=False),
        seed_parameter="random_state", reference_rows=_REFERENCE,
    )  # fmt: skip


@functools.cache
def _classes() -> dict[str, str]:
    """Class to module of PyOD's detectors, read off their sources: importing any takes seconds."""
    found = importlib.util.find_spec("pyod")
    folders = [] if found is None else list(found.submodule_search_locations or ())
    classes: dict[str, str] = {}
    for path in sorted(file for folder in folders for file in Path(folder, "models").glob("*.py")):
        if not _OTHERS.match(path.name):
            for kind in re.findall(r"^class (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE):
                if kind.lower().replace("_", "") == path.stem.replace("_", ""):
                    classes[kind] = path.stem
    return classes


class PyodModel:
    """One of PyOD's detectors that scores a row alone as in a batch.

    Some of them judge the rows of a table by each other only; such a one judges each row among the same hundred rows.

    Args:
        model: Name of the class.
        random_state: Seed, for a class that takes one.
        params: Its other parameters.
    """

    def __init__(self, model: str, random_state: int | None = None, **params: Any) -> None:
        kind = getattr(_optional.require(f"pyod.models.{_classes()[model]}"), model)
        if "random_state" in inspect.signature(kind).parameters:
            params["random_state"] = random_state
        self.inner = kind(**params)
        self.decision_scores_: FloatArray = np.empty(0)
        self._among: FloatArray | None = None

    def fit(self, X: FloatArray) -> PyodModel:
        """Fit it, and see whether it can judge a row alone."""
        rows = np.array(X, dtype=np.float64)
        self.inner.fit(rows)
        self._among = None
        if self._judges_alone(rows):
            self.decision_scores_ = np.asarray(self.inner.decision_scores_, dtype=np.float64)
            return self
        chosen = np.linspace(0, len(rows) - 1, min(len(rows), _AMONG)).astype(int)  # in any order the table has
        self._among = rows[chosen]
        scores = np.empty(len(rows))
        scores[chosen] = self.inner.fit(self._among).decision_scores_
        others = np.setdiff1d(np.arange(len(rows)), chosen)
        scores[others] = self.decision_function(rows[others])
        self.decision_scores_ = scores
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Scores of new rows; shape (n_rows,)."""
        rows = np.array(X, dtype=np.float64)
        if self._among is None:
            return np.asarray(self.inner.decision_function(rows), dtype=np.float64)
        together = (np.vstack([self._among, row[None]]) for row in rows)
        return np.array([float(self.inner.decision_function(one)[-1]) for one in together], dtype=np.float64)

    def _judges_alone(self, rows: FloatArray) -> bool:
        try:
            with np.errstate(all="ignore"):
                batch = np.asarray(self.inner.decision_function(rows))[:_TRIED_ALONE]
                alone = np.concatenate([self.inner.decision_function(row[None]) for row in rows[:_TRIED_ALONE]])
        except (ValueError, IndexError, ZeroDivisionError):  # it wants several rows
            return False
        return bool(np.allclose(alone, batch, rtol=1e-6, atol=1e-9))
