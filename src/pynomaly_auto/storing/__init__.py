"""Storing: a directory with a manifest and checksums, verified before anything in it is loaded."""

from pynomaly_auto.storing._manifest import FORMAT_VERSION, FileEntry, Manifest, read_manifest
from pynomaly_auto.storing._store import LoadedParts, SavedParts, load, save

__all__ = ["FORMAT_VERSION", "FileEntry", "LoadedParts", "Manifest", "SavedParts", "load", "read_manifest", "save"]
