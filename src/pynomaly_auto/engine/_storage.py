"""Saving and loading a fitted detector: which parts there are; `storing` writes and verifies them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd

from pynomaly_auto import storing
from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.detectors import DETECTORS, FittedDetector, dump_detector, load_detector
from pynomaly_auto.engine._configuration import read_config
from pynomaly_auto.engine._labels import read_labels, write_labels
from pynomaly_auto.engine._model import Model
from pynomaly_auto.engine._seen import SeenRows
from pynomaly_auto.ensembling import FittedEnsemble, Fused
from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import Calibration, Dataset, Ensemble, Member, Result, State, Verdict, plain, restore
from pynomaly_auto.settings import Settings

if TYPE_CHECKING:
    from pynomaly_auto.engine._detector import AutonomousDetector

_KIND = "AutonomousDetector"
_VERDICT_ARRAYS = ("scores", "probabilities", "labels", "confidence")
D = TypeVar("D", bound="AutonomousDetector")


def save(detector: AutonomousDetector, path: Path) -> Path:
    """Write a fitted detector to a directory.

    Raises:
        StorageError: The directory cannot be written, or holds something that is not ours.
    """
    model, result = detector._model, detector.result_
    encoder_json, encoder_arrays = model.encoder.to_state()
    v = result.verdict
    fusion = State() if model.ensemble.fused is None else model.ensemble.fused.to_state()
    parts = storing.SavedParts(
        kind=_KIND,
        columns=tuple((c.name, c.kind) for c in result.columns),
        json={
            "params": _params(detector),
            "encoder": encoder_json,
            "ensemble": model.ensemble.record.to_dict(),
            "result": _result_values(result),
            "reference": _reference_values(model.reference),
            "fusion": fusion.values,
        },
        arrays={
            "encoder": encoder_arrays,
            "ensemble": model.ensemble.to_state(),
            "fusion": fusion.arrays,
            "seen": {"fingerprints": model.seen.fingerprints, "scores": model.seen.scores},
            "reference": {"X": model.reference.X, "missing_share": model.reference.missing_share},
            "verdict": {
                **{name: getattr(v, name) for name in _VERDICT_ARRAYS},
                "knots": v.calibration.knots,
                "values": v.calibration.values,
                "anchored": np.array([v.calibration.anchored]),
            },
        },
        folders={
            "row_labels": lambda folder: write_labels(folder, result.row_labels),
            "reference_labels": lambda folder: write_labels(folder, model.reference.row_labels),
            "cells": lambda folder: _write_frame(folder, "cells", model.cells),
            **{f"member_{i}": _writer(member) for i, member in enumerate(model.ensemble.detectors)},
        },
    )
    storing.save(path, parts)
    return path


def load(kind: type[D], path: Path, *, trusted: bool | Sequence[str]) -> D:
    """Read what `save` wrote.

    Raises:
        StorageError: Something is missing, altered, of another format, or needs a detector that is not there.
        UntrustedError: The files hold types nobody has said to trust.
    """
    parts = storing.load(path, trusted=trusted)
    if parts.manifest.kind != _KIND:
        raise StorageError(f"holds a {parts.manifest.kind}, not a detector.", where=str(path))
    record = restore(Ensemble, parts.json["ensemble"])
    detectors = [_member(m, parts.folders[f"member_{i}"], trusted) for i, m in enumerate(record.members)]
    arrays = parts.arrays["verdict"]
    values = parts.json["result"]
    verdict = restore(
        Verdict,
        values["verdict"],
        calibration=Calibration(knots=arrays["knots"], values=arrays["values"], anchored=bool(arrays["anchored"][0])),
        **{name: arrays[name] for name in _VERDICT_ARRAYS},
    )
    detector = kind(**parts.json["params"])
    model = Model(
        encoder=TableEncoder.from_state(parts.json["encoder"], dict(parts.arrays["encoder"])),
        ensemble=FittedEnsemble.from_state(record, detectors, parts.arrays["ensemble"], _fusion(parts)),
        verdict=verdict,
        seen=SeenRows(parts.arrays["seen"]["fingerprints"], parts.arrays["seen"]["scores"]),
        reference=restore(
            Dataset,
            parts.json["reference"],
            X=parts.arrays["reference"]["X"],
            missing_share=parts.arrays["reference"]["missing_share"],
            row_labels=read_labels(parts.folders["reference_labels"]),
        ),
        cells=_read_frame(parts.folders["cells"], "cells"),
    )
    result = restore(Result, values, verdict=verdict, row_labels=read_labels(parts.folders["row_labels"]))
    detector._adopt(model, replace(result, warnings=result.warnings + parts.reasons))
    return detector


def _result_values(result: Result) -> dict[str, Any]:
    """The result's fields as plain values; arrays are stored apart."""
    apart = {"verdict", "row_labels"}
    values = {n: plain(getattr(result, n)) for n in result.__dataclass_fields__ if n not in apart}
    fields = (f for f in result.verdict.__dataclass_fields__ if f not in {*_VERDICT_ARRAYS, "calibration"})
    return values | {"verdict": {f: plain(getattr(result.verdict, f)) for f in fields}}


def _params(detector: AutonomousDetector) -> dict[str, Any]:
    """The estimator's parameters; of a configuration object or file, what it says, as neither may be there later."""
    params = detector.get_params(deep=False)
    config = params["config"]
    if config is not None:
        try:
            config = read_config(config)
        except StorageError:  # a file that is gone: what was made of it is known
            config = read_config(Settings.from_mapping(detector.result_.settings))
    return {k: plain(v) for k, v in params.items()} | {"config": plain(config)}


def _writer(member: Any) -> Callable[[Path], None]:
    return lambda folder: dump_detector(member, folder)


def _member(member: Member, folder: Path, trusted: bool | Sequence[str]) -> FittedDetector:
    name = member.detector
    if name not in DETECTORS:
        raise StorageError(f"needs the detector {name!r}, which is not registered.", fix="Install what provides it.")
    return load_detector(DETECTORS[name], member.params, folder, trusted=trusted)


def _fusion(parts: storing.LoadedParts) -> Fused | None:
    values = parts.json["fusion"]
    return Fused.from_state(State(arrays=parts.arrays["fusion"], values=values)) if values else None


def _reference_values(reference: Dataset) -> dict[str, Any]:
    apart = {"X", "missing_share", "row_labels"}
    return {n: plain(getattr(reference, n)) for n in reference.__dataclass_fields__ if n not in apart}


def _write_frame(folder: Path, name: str, frame: pd.DataFrame) -> None:
    frame = frame.reset_index(drop=True)
    for column in frame.columns:
        try:
            frame[[column]].to_parquet(folder / f"{name}.parquet")
        except (ValueError, TypeError, OverflowError):  # cells of several kinds, tuples: kept as text
            frame[column] = [None if cell is None else str(cell) for cell in frame[column]]
    frame.to_parquet(folder / f"{name}.parquet")


def _read_frame(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(folder / f"{name}.parquet")
