"""The knowledge base as a read-only object: open, verify, query, predict."""

from __future__ import annotations

import functools
import importlib.resources
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pynomaly_auto._checks import path_of
from pynomaly_auto.errors import StorageError
from pynomaly_auto.forest import Forest
from pynomaly_auto.knowledge._answers import Neighbours, WarmStart
from pynomaly_auto.knowledge._manifest import (
    MANIFEST,
    RESULTS,
    SCHEMA,
    TASKS,
    Manifest,
    ModelCard,
    read_manifest,
    sha256,
)
from pynomaly_auto.knowledge._transfers import TransferCache
from pynomaly_auto.models import (
    GAIN_INPUTS,
    META,
    RANK,
    STATISTIC,
    Calibrator,
    CellFusion,
    CellJudge,
    Fusion,
    Gains,
    PeerStatistics,
    input_rows,
    read_model,
)
from pynomaly_auto.records import FloatArray, Prediction, SimilarTable, plain

ENVIRONMENT = "PYNOMALY_KNOWLEDGE_BASE"
_NAMED = 5  # tables named as similar
_BEST = 3  # detectors named of each


class KnowledgeBase:
    """Measured results of detectors on known tables, and models learned from them; never written to.

    Args:
        path: Its folder.
        manifest: Its manifest, already read and checked.
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest

    @classmethod
    def open(cls, path: str | Path) -> KnowledgeBase:
        """Open a knowledge base after verifying every file of it.

        Raises:
            StorageError: It is missing, damaged (the message names the file), or of a newer schema.
        """
        folder = path_of(path)
        base = cls(folder, read_manifest(folder))
        problems = base.verify()
        if problems:
            raise StorageError(problems[0], where=f"knowledge base {folder}", fix="Build or download it again.")
        return base

    @classmethod
    def shipped(cls) -> KnowledgeBase | None:
        """The knowledge base of this installation, or None.

        Looked for in this order: the folder the environment variable ``PYNOMALY_KNOWLEDGE_BASE`` names (empty: none
        at all), the one inside the installed package, the one of the repository this package runs from.

        Raises:
            StorageError: One is there but damaged, or the environment names one that is not there.
        """
        named = os.environ.get(ENVIRONMENT)
        if named is not None:
            return _opened(Path(named), _stamp(Path(named))) if named else None
        for folder in _places():
            if (folder / MANIFEST).is_file():
                return _opened(folder, _stamp(folder))
        return None

    def verify(self) -> list[str]:
        """Compare every file with its checksum.

        Returns:
            One sentence per problem, naming the file; empty when all is well.
        """
        problems = []
        for name in (TASKS, RESULTS):
            if name not in self.manifest.files:
                problems.append(f"{name} is not in the manifest.")
        for name, expected in sorted(self.manifest.files.items()):
            path = self.path / name
            # A manifest from elsewhere must not make us read files outside its folder.
            if not path.resolve().is_relative_to(self.path.resolve()):
                problems.append(f"{name} lies outside the knowledge base.")
            elif not path.is_file():
                problems.append(f"{name} is missing.")
            elif sha256(path) != expected:
                problems.append(f"{name} is damaged: its checksum does not match.")
        return problems

    def info(self) -> dict[str, Any]:
        """What is in it, in plain values."""
        m = self.manifest
        counts = self.results["status"].value_counts()
        return {
            "path": str(self.path),
            "schema": m.schema,
            "readable_schema": SCHEMA,
            "created": m.created,
            "tasks": m.n_tasks,
            "groups": int(self.tasks["group"].nunique()),
            "results": m.n_results,
            "status": {str(k): int(v) for k, v in counts.items()},
            "detectors": len(m.detectors),
            "meta_features": sum(c.startswith(META) for c in self.tasks.columns),
            "sources": list(m.sources),
            "models": {name: plain(card.validation) for name, card in m.models.items()},
            "bytes": sum((self.path / f).stat().st_size for f in m.files),
            "versions": dict(m.versions),
        }

    @cached_property
    def tasks(self) -> pd.DataFrame:
        """One row per task: where it comes from, its shape, its meta-features."""
        return self._table(TASKS)

    @cached_property
    def results(self) -> pd.DataFrame:
        """One row per measured fit."""
        return self._table(RESULTS)

    def neighbours(self, meta_features: Mapping[str, float]) -> Neighbours:
        """Order the known tables by distance in the scaled space of meta-features."""
        scaling = self.manifest.scaling
        distances = scaling.distances(scaling.place(meta_features), self._points)
        order = [int(i) for i in np.argsort(distances, kind="stable") if np.isfinite(distances[i])]
        near = tuple(float(distances[i]) for i in order)
        return Neighbours(tables=tuple(order), distances=near, confidence=scaling.confidence(near[0]) if near else 0.0)

    def similar(self, near: Neighbours, count: int = _NAMED) -> tuple[SimilarTable, ...]:
        """Name the nearest tables and the detectors that did best there."""
        out = []
        for i, distance in list(zip(near.tables, near.distances, strict=True))[:count]:
            name = str(self.tasks["task"].iloc[i])
            likeness = self.manifest.scaling.confidence(distance)
            out.append(SimilarTable(name=name, similarity=likeness, best_detectors=self._best(name)))
        return tuple(out)

    def warm_starts(self, near: Neighbours, detector: str, count: int = 3) -> tuple[WarmStart, ...]:
        """Parameters of a detector that beat its defaults on the tables most like this one, best first."""
        return self._transfers.near(near).best(near, detector, count)

    def predict(self, detectors: Sequence[str], meta_features: Mapping[str, float]) -> dict[str, Prediction]:
        """Predict what each known detector's defaults would reach, before anything is fitted.

        The model's opinion is shrunk towards the detector's overall mean, and its interval towards the detector's
        overall spread, as the table gets unlike the known ones.

        Args:
            detectors: Names; those the base does not know are left out.
            meta_features: Name to value, without prefix; unknown ones are ignored, missing ones NaN.
        """
        facts = self.manifest.detectors
        known = [name for name in detectors if name in facts]
        if not known:
            return {}
        trust = self.neighbours(meta_features).confidence
        raw = self._model_predictions(known, meta_features) if trust > 0 else {}
        out = {}
        for name in known:
            f = facts[name]
            middle, low, high = raw.get(name, (f.mean, f.low, f.high))
            quality = trust * middle + (1 - trust) * f.mean
            low, high = trust * low + (1 - trust) * f.low, trust * high + (1 - trust) * f.high
            out[name] = Prediction(
                quality=_unit(quality),
                low=_unit(min(low, quality)),
                high=_unit(max(high, quality)),
                confidence=trust,
            )
        return out

    def fitted_quality(self, meta_features: Mapping[str, float]) -> Callable[[str, Mapping[str, float]], float] | None:
        """A function that predicts the quality of a fitted model from the statistics of its scores.

        Args:
            meta_features: Of the table, name to value, without prefix.

        Returns:
            A function of a detector's name and the score statistics (as `scoring.score_statistics` returns them,
            without prefix) that gives the expected ROC-AUC in [0, 1], or NaN for a detector the base does not know.
            None when the base has no model for it.
        """
        card = self.manifest.models.get("fitted")
        if card is None:
            return None
        trust = self.neighbours(meta_features).confidence
        table = {META + name: value for name, value in meta_features.items()}

        def predict(detector: str, statistics: Mapping[str, float]) -> float:
            facts = self.manifest.detectors.get(detector)
            if facts is None:
                return float("nan")
            values = table | {STATISTIC + name: value for name, value in statistics.items()}
            offset = card.shrinkage * float(self._run(card, "mean", self._inputs(card, [detector], values))[0])
            return _unit(facts.mean + trust * offset)

        return predict

    @property
    def fused_members(self) -> tuple[str, ...]:
        """Members the learned fusion knows, as its card says: a detector, after a colon its view; empty without one."""
        card = self.manifest.models.get("fusion")
        return () if card is None else tuple(f[len(RANK) :] for f in card.features if f.startswith(RANK))

    @cached_property
    def fusion(self) -> Fusion | None:
        """The learned fusion, or None when the base has none.

        Raises:
            StorageError: Its files are damaged.
        """
        if (card := self._card("fusion")) is None:
            return None
        texts = [self._text(card.files[role]) for role in sorted(card.files)]
        return Fusion.of(card.features, texts, card.shrinkage, card.base_margin)

    @cached_property
    def gains(self) -> Gains | None:
        """What predicts how much a member adds to an ensemble, or None when the base has none.

        Raises:
            StorageError: Its files are damaged.
        """
        if (card := self._card("gains")) is None:
            return None
        peers = PeerStatistics.of_text(self._text(card.files["peers"]))
        return Gains(peers=peers, forest=self._forest(card.files["mean"], len(GAIN_INPUTS)), shrinkage=card.shrinkage)

    @cached_property
    def calibrator(self) -> Calibrator | None:
        """What turns the learned fusion's scores into probabilities, or None when the base has none.

        Raises:
            StorageError: Its files are damaged.
        """
        card = self._card("calibrator")
        return None if card is None else Calibrator.of(card.features, self._text(card.files["mean"]))

    @cached_property
    def cell_fusion(self) -> CellFusion | None:
        """What weighs the evidence of cells beside an ensemble's score, or None when the base has none.

        Raises:
            StorageError: Its files are damaged.
        """
        if (card := self._card("cell_fusion")) is None:
            return None
        return CellFusion.of(card.features, [self._text(card.files[role]) for role in sorted(card.files)])

    @cached_property
    def cell_judge(self) -> CellJudge | None:
        """What turns the evidence of cells into the odds that they are wrong, or None when the base has none.

        Raises:
            StorageError: Its files are damaged.
        """
        card = self._card("cell_judge")
        return None if card is None else CellJudge.of(card.features, self._text(card.files["mean"]))

    @cached_property
    def cell_calibrator(self) -> Calibrator | None:
        """What turns the scores of `cell_fusion` into probabilities, or None when the base has none.

        Raises:
            StorageError: Its files are damaged.
        """
        card = self._card("cell_calibrator")
        return None if card is None else Calibrator.of(card.features, self._text(card.files["mean"]))

    def _card(self, name: str) -> ModelCard | None:
        """The card of a model whose files are there."""
        card = self.manifest.models.get(name)
        return card if card is not None and card.files else None

    def _model_predictions(
        self, detectors: list[str], meta_features: Mapping[str, float]
    ) -> dict[str, tuple[float, float, float]]:
        card = self.manifest.models.get("quality")
        if card is None:
            return {}
        values: dict[str, float] = {META + k: v for k, v in meta_features.items()} | {"is_default": 1.0}
        X = self._inputs(card, detectors, values)
        parts = {role: self._run(card, role, X) for role in ("mean", "low", "high")}
        out = {}
        for i, name in enumerate(detectors):
            mean = self.manifest.detectors[name].mean
            out[name] = (
                mean + card.shrinkage * float(parts["mean"][i]),
                mean + float(parts["low"][i]) - card.correction,
                mean + float(parts["high"][i]) + card.correction,
            )
        return out

    def _inputs(self, card: ModelCard, detectors: list[str], values: Mapping[str, float]) -> FloatArray:
        facts = self.manifest.detectors
        families = [facts[name].family if name in facts else "" for name in detectors]
        return input_rows(card.features, values, detectors, families)

    def _run(self, card: ModelCard, role: str, X: FloatArray) -> FloatArray:
        return self._forest(card.files[role], len(card.features)).predict(X)

    def _forest(self, name: str, n_features: int) -> Forest:
        if name not in self._forests:
            try:
                self._forests[name] = read_model(self._text(name), n_features, name)
            except StorageError as error:
                error.where = error.where or f"knowledge base {self.path}"
                raise
        return self._forests[name]

    def _text(self, name: str) -> str:
        try:
            return (self.path / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise StorageError(f"{name} is damaged: {error}.", where=f"knowledge base {self.path}") from None

    @cached_property
    def _forests(self) -> dict[str, Forest]:
        return {}

    @cached_property
    def _points(self) -> FloatArray:
        return self.manifest.scaling.points(self.tasks)

    @cached_property
    def _defaults(self) -> pd.DataFrame:
        """What the defaults reached, the best first."""
        kept = (self._outcomes["status"] == "completed") & (self._outcomes["config"] == "default")
        done = self._outcomes.loc[kept, ["task", "detector", "roc_auc"]]
        return done.sort_values("roc_auc", ascending=False, kind="stable")

    def _best(self, task: str) -> tuple[str, ...]:
        """The detectors whose defaults did best there."""
        return tuple(self._defaults.loc[self._defaults["task"] == task, "detector"][:_BEST])

    @cached_property
    def _transfers(self) -> TransferCache:
        return TransferCache(self._outcomes, self.tasks["task"])

    @cached_property
    def _outcomes(self) -> pd.DataFrame:
        """Of the results, what is asked for a new table: a third of the whole."""
        return self._table(RESULTS, ["task", "detector", "config", "params", "status", "roc_auc"])

    def _table(self, name: str, columns: list[str] | None = None) -> pd.DataFrame:
        try:
            return pd.read_parquet(self.path / name, columns=columns)
        except (OSError, ValueError) as error:
            raise StorageError(f"{name} cannot be read: {error}.", where=f"knowledge base {self.path}") from None


@functools.lru_cache(maxsize=4)
def _opened(folder: Path, stamp: int) -> KnowledgeBase:
    # The stamp is part of the key: a base that was built anew is opened anew.
    return KnowledgeBase.open(folder)


def _stamp(folder: Path) -> int:
    path = folder / MANIFEST
    return path.stat().st_mtime_ns if path.is_file() else 0


def _places() -> tuple[Path, ...]:
    package = Path(str(importlib.resources.files("pynomaly_auto")))
    # Beside src/ lies the repository's own; an installed package has site-packages there, where none is.
    return (package / "_knowledge_base", package.parent.parent / "knowledge_base")


def _unit(value: float) -> float:
    return float(np.clip(value, 0.0, 1.0))
