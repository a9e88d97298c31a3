"""Saving and loading a fitted detector: which parts there are; `storing` writes and verifies them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from pynomaly_auto import storing
from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.detectors import DETECTORS, FittedDetector, dump_detector, load_detector
from pynomaly_auto.engine._model import Model
from pynomaly_auto.engine._seen import SeenRows
from pynomaly_auto.ensembling import FittedEnsemble
from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import Calibration, Profile, Ranking, Result, Search, Verdict, plain, restore
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
    ensemble_json, ensemble_arrays = model.ensemble.to_state()
    v = result.verdict
    parts = storing.SavedParts(
        kind=_KIND,
        columns=tuple((c.name, c.kind) for c in result.columns),
        json={
            "params": _params(detector),
            "encoder": encoder_json,
            "ensemble": ensemble_json,
            "result": _result_values(result),
        },
        arrays={
            "encoder": encoder_arrays,
            "ensemble": ensemble_arrays,
            "seen": {"fingerprints": model.seen.fingerprints, "scores": model.seen.scores},
            "verdict": {
                **{name: getattr(v, name) for name in _VERDICT_ARRAYS},
                "knots": v.calibration.knots,
                "values": v.calibration.values,
            },
        },
        folders={
            "row_labels": lambda folder: _write_labels(folder, result.row_labels),
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
    members = parts.json["ensemble"]["members"]
    detectors = [_member(m, parts.folders[f"member_{i}"], trusted) for i, m in enumerate(members)]
    arrays = parts.arrays["verdict"]
    values = parts.json["result"]
    verdict = restore(
        Verdict,
        values["verdict"],
        calibration=Calibration(knots=arrays["knots"], values=arrays["values"]),
        **{name: arrays[name] for name in _VERDICT_ARRAYS},
    )
    detector = kind(**parts.json["params"])
    detector._model = Model(
        encoder=TableEncoder.from_state(parts.json["encoder"], dict(parts.arrays["encoder"])),
        ensemble=FittedEnsemble.from_state(parts.json["ensemble"], dict(parts.arrays["ensemble"]), detectors),
        verdict=verdict,
        seen=SeenRows(parts.arrays["seen"]["fingerprints"], parts.arrays["seen"]["scores"]),
    )
    detector.result_ = restore(
        Result,
        values,
        verdict=verdict,
        row_labels=_read_labels(parts.folders["row_labels"]),
        profile=restore(Profile, values["profile"]),
        ranking=restore(Ranking, values["ranking"]),
        search=restore(Search, values["search"]),
        warnings=restore(Result, values, verdict=verdict, row_labels=np.empty(0)).warnings + parts.reasons,
    )
    detector._adopt(detector._model)
    return detector


def _result_values(result: Result) -> dict[str, Any]:
    """The result's fields as plain values; arrays are stored apart."""
    apart = {"verdict", "row_labels"}
    values = {n: plain(getattr(result, n)) for n in result.__dataclass_fields__ if n not in apart}
    fields = (f for f in result.verdict.__dataclass_fields__ if f not in {*_VERDICT_ARRAYS, "calibration"})
    return values | {"verdict": {f: plain(getattr(result.verdict, f)) for f in fields}}


def _params(detector: AutonomousDetector) -> dict[str, Any]:
    params = detector.get_params(deep=False)
    # A configuration may have been an object or a file; what was made of it is what counts from now on.
    config = Settings.from_mapping(detector.result_.settings).to_dict() if params["config"] is not None else None
    return {k: plain(v) for k, v in params.items()} | {"config": plain(config)}


def _writer(member: FittedDetector) -> Callable[[Path], None]:
    return lambda folder: dump_detector(member, folder)


def _member(values: dict[str, Any], folder: Path, trusted: bool | Sequence[str]) -> FittedDetector:
    name = values["detector"]
    if name not in DETECTORS:
        raise StorageError(f"needs the detector {name!r}, which is not registered.", fix="Install what provides it.")
    return load_detector(DETECTORS[name], values["params"], folder, trusted=trusted)


def _write_labels(folder: Path, labels: np.ndarray[Any, Any]) -> None:
    import pandas as pd

    frame = pd.DataFrame({"label": pd.Series(labels)})
    try:
        frame.to_parquet(folder / "labels.parquet")
    except (ValueError, TypeError, OverflowError):  # labels of several kinds, tuples: kept as text
        frame["label"] = [str(label) for label in labels]
        frame.to_parquet(folder / "labels.parquet")


def _read_labels(folder: Path) -> np.ndarray[Any, Any]:
    import pandas as pd

    return pd.read_parquet(folder / "labels.parquet")["label"].to_numpy()
