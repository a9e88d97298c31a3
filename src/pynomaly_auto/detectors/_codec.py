"""Fitted detectors in folders of their own, as arrays and JSON: until `storing` puts all members into one file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pynomaly_auto.detectors._fitted import FittedDetector
from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import State

if TYPE_CHECKING:
    from pynomaly_auto.detectors._spec import DetectorSpec


def dump(fitted: FittedDetector, folder: Path) -> None:
    """Write a fitted detector into a folder, which is made if need be.

    Raises:
        StorageError: The folder cannot be written, or the detector's state cannot be stored.
    """
    state = fitted.to_state(trusted=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "values.json").write_text(json.dumps(dict(state.values)), encoding="utf-8")
        np.savez(folder / "arrays.npz", **dict[str, Any](state.arrays))
    except OSError as error:
        raise StorageError(f"{fitted.spec.name} cannot be stored: {error}.", where=str(folder)) from error


def load(
    spec: DetectorSpec, params: Mapping[str, Any], folder: Path, *, trusted: bool | Sequence[str] = False
) -> FittedDetector:
    """Read what `dump` wrote.

    Raises:
        StorageError: Something is missing, damaged or of another detector.
        UntrustedError: It holds a pickle that nobody has said to trust.
    """
    try:
        values = json.loads((folder / "values.json").read_text(encoding="utf-8"))
        with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
            state = State(arrays=dict(arrays), values=values)
    except Exception as error:  # a damaged archive fails in any way
        raise StorageError(f"{spec.name} cannot be loaded: {error}.", where=str(folder)) from error
    return FittedDetector.from_state(spec, params, state, trusted=trusted)
