"""The manifest of a knowledge base: what is in it, made how, with a checksum of every file and of itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from pynomaly_auto.errors import StorageError
from pynomaly_auto.models import BaseMargin, Scaling
from pynomaly_auto.records import plain, restore

SCHEMA = 2  # grows when an older reader would misread the files; new columns and models alone do not count
MANIFEST = "manifest.json"
TASKS = "tasks.parquet"
RESULTS = "results.parquet"


@dataclass(frozen=True, kw_only=True)
class DetectorFacts:
    """What the knowledge base knows of a detector on the whole.

    Args:
        family: Its family when it was measured.
        mean: Mean ROC-AUC of the default parameters over all tasks.
        low: 5 % quantile of the same.
        high: 95 % quantile of the same.
        tasks: Number of tasks it completed on.
    """

    family: str
    mean: float
    low: float
    high: float
    tasks: int


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """One learned model: its files, its inputs by name, and how good it was on unseen groups.

    Args:
        files: Role (``"mean"``, ``"low"``, ``"high"``) to file name below the base; empty: it was no use.
        features: Names of the inputs, in the models' order.
        correction: Added on both sides of the raw quantile interval (conformal, from group-wise cross-validation).
        shrinkage: What the mean model's predictions are multiplied by, in [0, 1]: how far they held on unseen groups;
            of the learned fusion, its largest weight beside the robust mean.
        validation: Figures of that cross-validation: coverage, correlation, errors.
        base_margin: Of the learned fusion: the log odds its trees are added to; None without one.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    features: tuple[str, ...]
    correction: float = 0.0
    shrinkage: float = 1.0
    validation: Mapping[str, float | None] = field(default_factory=dict)
    base_margin: BaseMargin | None = None


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Everything about a knowledge base but its rows.

    Args:
        schema: Version of the layout; readers refuse newer ones.
        created: UTC time, ISO 8601.
        versions: Package to version it was measured with.
        sources: Where the tables came from, in words.
        seed: Seed of everything random in the build.
        max_rows: Rows a table was capped at.
        n_tasks: Number of tasks.
        n_results: Number of measured fits.
        files: File name below the base to SHA-256.
        detectors: Name to what is known of it on the whole.
        scaling: How meta-features are scaled before distances are taken.
        models: Name to its card.
    """

    schema: int = SCHEMA
    created: str
    versions: Mapping[str, str]
    sources: tuple[str, ...]
    seed: int
    max_rows: int
    n_tasks: int
    n_results: int
    files: Mapping[str, str]
    detectors: Mapping[str, DetectorFacts] = field(default_factory=dict)
    scaling: Scaling = field(default_factory=Scaling)
    models: Mapping[str, ModelCard] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values only."""
        out: dict[str, Any] = {f.name: plain(getattr(self, f.name)) for f in fields(self)}
        return out

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Manifest:
        """The inverse of `to_dict`; keys it does not know are left out, so that a base may hold more than we read."""
        return restore(cls, values)


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_manifest(folder: Path, manifest: Manifest) -> Path:
    """Write a manifest with the checksum of its own content."""
    body = manifest.to_dict()
    path = folder / MANIFEST
    path.write_text(json.dumps(body | {"sha256": _digest(body)}, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return path


def read_manifest(folder: Path) -> Manifest:
    """Read and check a manifest.

    Raises:
        StorageError: It is missing, damaged, or of a newer schema.
    """
    path = folder / MANIFEST
    where = f"knowledge base {folder}"
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StorageError(
            f"no knowledge base: {MANIFEST} cannot be read ({error.strerror}).",
            where=where,
            fix="Give a folder that `pynomaly kb build` wrote.",
        ) from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise StorageError(f"{MANIFEST} is damaged: {error}.", where=where, fix=_REBUILD) from None
    if not isinstance(body, dict):
        raise StorageError(f"{MANIFEST} is damaged: it holds no mapping.", where=where, fix=_REBUILD)
    schema = body.get("schema")
    # The schema is looked at first: a newer one may well have another way of being checked.
    if isinstance(schema, int) and schema > SCHEMA:
        raise StorageError(
            f"it has schema {schema}, this version reads up to {SCHEMA}.",
            where=where,
            fix="Upgrade pynomaly-auto, or build the knowledge base with this version.",
        )
    if body.pop("sha256", None) != _digest(body):
        raise StorageError(f"{MANIFEST} is damaged: its checksum does not match.", where=where, fix=_REBUILD)
    try:
        return Manifest.from_dict(body)
    except StorageError as error:
        raise StorageError(f"{MANIFEST} is incomplete: {error.what}", where=where, fix=_REBUILD) from None


_REBUILD = "Build or download it again."


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
