"""The knowledge base, read: what detectors reached on known tables, and the store of the models learned from it."""

from pynomaly_auto.knowledge._answers import Neighbours, WarmStart
from pynomaly_auto.knowledge._base import KnowledgeBase
from pynomaly_auto.knowledge._manifest import (
    MANIFEST,
    RESULTS,
    SCHEMA,
    TASKS,
    DetectorFacts,
    Manifest,
    ModelCard,
    read_manifest,
    sha256,
    write_manifest,
)

__all__ = [
    "MANIFEST", "RESULTS", "SCHEMA", "TASKS", "DetectorFacts", "KnowledgeBase", "Manifest", "ModelCard", "Neighbours",
    "WarmStart", "read_manifest", "sha256", "write_manifest",
]  # fmt: skip
