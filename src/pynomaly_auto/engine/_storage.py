"""Saving and loading a fitted detector: which parts there are, and whether they fit; `storing` writes and verifies."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from pynomaly_auto import storing
from pynomaly_auto._devices import parse_device
from pynomaly_auto._targets import named_alone
from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.detectors import DETECTORS, FittedDetector
from pynomaly_auto.engine._configuration import read_config
from pynomaly_auto.engine._fitted import Fitted
from pynomaly_auto.engine._heeding import n_inputs
from pynomaly_auto.engine._looking import Looking
from pynomaly_auto.engine._model import Model
from pynomaly_auto.engine._seen import SeenRows
from pynomaly_auto.engine._stored_labels import labels_from, states_of
from pynomaly_auto.ensembling import FittedEnsemble
from pynomaly_auto.errors import PynomalyError, SettingError, StorageError
from pynomaly_auto.records import Calibration, Dataset, Member, Result, State, Verdict, plain, restore
from pynomaly_auto.ruling import Ruling
from pynomaly_auto.settings import Settings
from pynomaly_auto.supervising import Supervised

SUFFIX = ".pynomaly"  # what a saved file is usually named with; any name will do

_KIND = "AutonomousDetector"
_VERDICT_ARRAYS = ("scores", "probabilities", "labels", "confidence")


def save(fitted: Fitted, path: Path, *, key: storing.Key = None, trusted: bool = False, run: str | None = None) -> Path:
    """Write a fitted detector to a file.

    Args:
        fitted: The detector.
        path: The file.
        key: Signs it.
        trusted: Whether detectors that are no data are stored as pickles.
        run: Name of the run whose checkpoint this is the result of; None: of none.

    Raises:
        StorageError: The file cannot be written, or holds something that is not ours.
        UntrustedError: A detector is not data, and nobody has said to store it as a pickle.
    """
    model, result = fitted.model, fitted.result
    parts = {
        "params": State(values=plain_params(fitted.params, fitted.result.settings)),
        "encoder": _encoder_state(model.encoder),
        "ensemble": model.ensemble.to_state(),
        "verdict": _verdict_state(result.verdict),
        "seen": State(arrays={"fingerprints": model.seen.fingerprints, "scores": model.seen.scores}),
        "reference": _dataset_state(model.reference),
        "result": State(values=_apart(result, "verdict", "row_labels")),
        "row_labels": storing.values_to_state(result.row_labels),
        "cells": _frame_state(model.cells),
    }
    if model.looking is not None and model.ensemble.evidences:
        parts["looking"] = model.looking.to_state()
    if model.supervised is not None:
        parts["supervised"] = model.supervised.to_state()
    parts |= states_of(model) | ({} if model.ruling is None else {"ruling": model.ruling.to_state()})
    detectors = cast("Sequence[FittedDetector]", model.ensemble.detectors)
    members = {_member(i): detector.to_state(trusted=trusted) for i, detector in enumerate(detectors)}
    if run is not None:
        parts["checkpoint"] = State(values={"run": run})
    columns = tuple((c.name, c.kind) for c in result.columns)
    storing.save(path, storing.SavedParts(kind=_KIND, columns=columns, parts=parts | members), key=key)
    return path


def load(
    path: Path, parameters: Collection[str], *, trusted: bool | Sequence[str] = False, key: storing.Key = None
) -> Fitted:
    """Read what `save` wrote.

    Args:
        path: The file.
        parameters: Names of those that the estimator has.
        trusted: Types whose pickles may be loaded; True: any.
        key: What the file must have been signed with.

    Raises:
        StorageError: Something is missing, altered, of another format, or needs a detector that is not there.
        UntrustedError: The file holds pickles of types nobody has said to trust.
    """
    loaded = storing.load(path, key=key)
    try:
        if loaded.manifest.kind != _KIND:
            raise StorageError(f"it holds a {loaded.manifest.kind}, not a detector.")
        return _made(loaded, parameters, trusted)
    except PynomalyError as error:
        where = f"{path}, {error.where}" if error.where else str(path)
        raise type(error)(error.what, where=where, fix=error.fix) from error.__cause__


def run_of(path: Path) -> str | None:
    """Name of the run whose checkpoint a saved detector is the result of; None: of none.

    Raises:
        StorageError: It cannot be read.
    """
    found = storing.load(path).parts.get("checkpoint")
    return None if found is None else str(found.value("run", str))


def _made(loaded: storing.LoadedParts, parameters: Collection[str], trusted: bool | Sequence[str]) -> Fitted:
    encoder = _encoder(loaded.part("encoder"))
    width = encoder.n_features
    ensemble = _ensemble(loaded, width, trusted)
    verdict = _verdict(loaded.part("verdict"))
    # Cells are looked at only where the ensemble hears them.
    looking = Looking.from_state(loaded.part("looking")) if ensemble.evidences else None
    model = Model(
        encoder=encoder,
        ensemble=ensemble,
        verdict=verdict,
        seen=_seen(loaded.part("seen")),
        reference=_dataset(loaded.part("reference"), width),
        cells=_frame(loaded.part("cells")),
        looking=looking,
        supervised=_supervised(loaded, ensemble, width),
        ruling=_ruling(loaded, encoder, len(verdict.scores)),
        **labels_from(
            loaded.parts, n_rows=len(verdict.scores),
            shape=(width, len(ensemble.detectors), n_inputs(ensemble, width)),
        ),
    )  # fmt: skip
    row_labels = np.asarray(storing.values_from_state(loaded.part("row_labels")))
    result = restore(Result, loaded.part("result").values, verdict=verdict, row_labels=row_labels)
    _check_sizes(model, result)
    _check_layouts(model)
    params = loaded.part("params").values
    if unknown := set(params) - set(parameters):
        raise StorageError(f"a detector has no parameter {min(unknown)!r}.", where="params")
    model = replace(model, device=_device(result.settings.get("device", "auto")))
    return Fitted(params=params, model=model, result=replace(result, warnings=result.warnings + loaded.reasons))


def _device(said: Any) -> str:
    try:
        return parse_device(said)
    except SettingError as error:
        raise StorageError(f"it names no device: {error.what}", where="result") from None


def _supervised(loaded: storing.LoadedParts, ensemble: FittedEnsemble, width: int) -> Supervised | None:
    if "supervised" not in loaded.parts:
        return None
    return Supervised.from_state(loaded.part("supervised"), n_inputs(ensemble, width))


def _ruling(loaded: storing.LoadedParts, encoder: TableEncoder, n_rows: int) -> Ruling | None:
    if "ruling" not in loaded.parts:
        return None
    ruling = Ruling.from_state(loaded.part("ruling"), n_rows)
    if unknown := ruling.unknown(encoder.names):
        raise StorageError(f"a rule does not fit: {unknown}", where="ruling")
    return ruling


def _apart(record: Any, *names: str) -> dict[str, Any]:
    """A record's fields as plain values, without those that are stored apart."""
    return {name: plain(getattr(record, name)) for name in record.__dataclass_fields__ if name not in names}


def plain_params(params: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """An estimator's parameters as data; of a configuration object or file what it says: neither may be there later.

    Args:
        params: Its parameters.
        settings: What was made of them.
    """
    config = params["config"]
    if config is not None:
        try:
            config = read_config(config)
        except StorageError:  # a file that is gone: what was made of it is known
            config = read_config(Settings.from_mapping(settings))
    given = {**params, "config": config if config is None else named_alone(config)}
    return {k: plain(v) for k, v in named_alone(given).items()}


def _encoder_state(encoder: TableEncoder) -> State:
    values, arrays = encoder.to_state()
    return State(arrays=arrays, values=values)


def _encoder(state: State) -> TableEncoder:
    return TableEncoder.from_state(state.values, state.arrays)


def _member(number: int) -> str:
    return f"member.{number}"


def _ensemble(loaded: storing.LoadedParts, width: int, trusted: bool | Sequence[str]) -> FittedEnsemble:
    def make(member: Member, number: int) -> FittedDetector:
        return _detector(member, loaded.part(_member(number)), width, trusted)

    return FittedEnsemble.from_state(loaded.part("ensemble"), make, width)


def _detector(member: Member, state: State, width: int, trusted: bool | Sequence[str]) -> FittedDetector:
    name = member.detector
    if name not in DETECTORS:
        raise StorageError(f"it needs the detector {name!r}, which is not registered.", fix="Install what provides it.")
    return FittedDetector.from_state(DETECTORS[name], member.params, state, n_features=width, trusted=trusted)


def _verdict_state(verdict: Verdict) -> State:
    calibration = verdict.calibration
    arrays = {name: getattr(verdict, name) for name in _VERDICT_ARRAYS}
    return State(
        arrays={**arrays, "knots": calibration.knots, "values": calibration.values},
        values={**_apart(verdict, *_VERDICT_ARRAYS, "calibration"), "single_point": bool(calibration.single_point)},
    )


def _verdict(state: State) -> Verdict:
    knots, values = _finite(state, "knots"), _finite(state, "values")
    if len(knots) != len(values) or not len(knots) or (np.diff(knots) < 0).any() or (np.diff(values) < 0).any():
        raise StorageError("the calibration does not ascend.", where="verdict")
    arrays = {name: _finite(state, name) for name in ("scores", "probabilities", "confidence")}
    labels = state.array("labels", kind="i", ndim=1)
    if not np.isin(labels, (-1, 1)).all():
        raise StorageError("there are labels other than -1 and 1.", where="verdict")
    calibration = Calibration(knots=knots, values=values, single_point=state.value("single_point", bool))
    verdict = restore(Verdict, state.values, calibration=calibration, labels=labels, **arrays)
    if not (np.isfinite(verdict.threshold) and 0 <= verdict.contamination <= 1):
        raise StorageError("threshold or contamination are no such numbers.", where="verdict")
    return verdict


def _seen(state: State) -> SeenRows:
    prints, scores = state.array("fingerprints", kind="u", ndim=1), _finite(state, "scores")
    if prints.dtype != np.uint64 or len(prints) != len(scores) or (prints[1:] < prints[:-1]).any():
        raise StorageError("the fingerprints of the training rows are out of order.", where="seen")
    return SeenRows(prints, scores)


def _dataset_state(dataset: Dataset) -> State:
    arrays = {"X": dataset.X, "missing_share": dataset.missing_share}
    if dataset.evidence is not None:
        arrays["evidence"] = dataset.evidence
    own = State(arrays=arrays, values=_apart(dataset, *arrays, "row_labels"))
    return own | storing.values_to_state(dataset.row_labels).within("row_labels")


def _dataset(state: State, width: int) -> Dataset:
    X = _finite(state, "X", ndim=2)
    labels = np.asarray(storing.values_from_state(state.part("row_labels")))
    evidence = _finite(state, "evidence", ndim=2) if state.value("layout", (dict, type(None))) is not None else None
    made = restore(
        Dataset, state.values, X=X, missing_share=_finite(state, "missing_share"), row_labels=labels, evidence=evidence
    )
    if evidence is not None and evidence.shape != (len(X), len(made.row_sources) - len(made.sources)):
        raise StorageError("the evidence of cells is of other rows or columns.", where="reference")
    sizes = {X.shape[1], len(made.features), len(made.sources), width}
    if len(sizes) > 1 or len({len(X), len(labels), len(made.missing_share)}) > 1 or not len(X):
        raise StorageError("its parts differ in size.", where="reference")
    if any(not 0 <= source < len(made.columns) for source in made.row_sources):
        raise StorageError("a feature comes from no column.", where="reference")
    return made


def _frame_state(frame: pd.DataFrame) -> State:
    state = State(values={"columns": [str(name) for name in frame.columns]})
    for i in range(frame.shape[1]):
        state = state | storing.values_to_state(frame.iloc[:, i]).within(str(i))
    return state


def _frame(state: State) -> pd.DataFrame:
    names = state.value("columns", list)
    if not all(isinstance(name, str) for name in names):
        raise StorageError("the columns have no names.", where="cells")
    cells = [storing.values_from_state(state.part(str(i))) for i in range(len(names))]
    if len({len(column) for column in cells}) > 1:
        raise StorageError("the columns differ in length.", where="cells")
    if len(set(names)) < len(names):
        raise StorageError("a column is there twice.", where="cells")
    # Objects stay objects: left alone, pandas makes texts of them where all are.
    series = (pd.Series(column, dtype=column.dtype) for column in cells)
    return pd.DataFrame(dict(zip(names, series, strict=True)))


def _finite(state: State, name: str, *, ndim: int = 1) -> Any:
    array = state.array(name, kind="f", ndim=ndim)
    if array.dtype != np.float64 or not np.isfinite(array).all():
        raise StorageError(f"the array {name!r} holds numbers that are not finite, or of another type.")
    return array


def _check_layouts(model: Model) -> None:
    """All that look at cells or hear of them know the same evidence in the same order."""
    looking, cells = model.looking, model.ensemble.cells
    layout = None if looking is None else looking.cells.layout
    if layout != model.reference.layout or (cells is not None and cells.layout != layout):
        raise StorageError("the layouts of the evidence of cells differ.", where="looking")
    if layout is not None and (
        len(layout.columns) != model.ensemble.evidences or layout.n_columns != model.encoder.n_features_in_
    ):
        raise StorageError("the ensemble hears other cell detectors or columns than there are.", where="looking")


def _check_sizes(model: Model, result: Result) -> None:
    rows = {len(getattr(result.verdict, name)) for name in _VERDICT_ARRAYS} | {len(result.row_labels)}
    if len(rows) > 1:
        raise StorageError("scores, labels and row labels differ in length.", where="verdict")
    if not isinstance(result.settings.get("random_state"), int):
        raise StorageError("the seed is no whole number.", where="result")
    columns = {len(result.columns), len(model.reference.columns), model.encoder.n_features_in_, model.cells.shape[1]}
    if len(columns) > 1 or len(model.cells) != len(model.reference.X):
        raise StorageError("the columns or rows that its parts know differ in number.", where="cells")
