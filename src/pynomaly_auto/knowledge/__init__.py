"""The knowledge base, read: what detectors reached on known tables, and the models learned from it."""

from pynomaly_auto.knowledge._base import KnowledgeBase, Neighbours, WarmStart
from pynomaly_auto.knowledge._features import META, STATISTIC, Scaling, design_matrix, input_names
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
    "MANIFEST", "META", "RESULTS", "SCHEMA", "STATISTIC", "TASKS", "DetectorFacts", "KnowledgeBase", "Manifest",
    "ModelCard", "Neighbours", "Scaling", "WarmStart", "design_matrix", "input_names",
    "read_manifest", "sha256", "write_manifest",
]  # fmt: skip
