"""Storing: one file of data only, verified before anything in it is unpacked."""

from pynomaly_auto.storing._file import FORMAT_VERSION
from pynomaly_auto.storing._manifest import Manifest
from pynomaly_auto.storing._store import Key, LoadedParts, SavedParts, load, save
from pynomaly_auto.storing._values import values_from_state, values_to_state

__all__ = [
    "FORMAT_VERSION", "Key", "LoadedParts", "Manifest", "SavedParts", "load", "save", "values_from_state",
    "values_to_state",
]  # fmt: skip
