"""The knowledge base, read: what detectors reached on known tables, and the models learned from it."""

from pynomaly_auto.knowledge._answers import Neighbours, WarmStart
from pynomaly_auto.knowledge._base import KnowledgeBase
from pynomaly_auto.knowledge._base_margin import BaseMargin, log_mean_rank
from pynomaly_auto.knowledge._calibrator import Calibrator, Judged, calibration_features, calibration_inputs
from pynomaly_auto.knowledge._cell_fusion import (
    CellFusion,
    Heard,
    cell_facts,
    cell_fusion_features,
    cell_fusion_inputs,
    rising,
)
from pynomaly_auto.knowledge._features import META, STATISTIC, Scaling, design_matrix, input_names
from pynomaly_auto.knowledge._fusion import Fusion
from pynomaly_auto.knowledge._gains import GAIN_INPUTS, Gains, Measured, PeerStatistics, gain_inputs
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
from pynomaly_auto.knowledge._member_scores import (
    MAGNITUDE,
    RANK,
    MemberScores,
    fusion_features,
    fusion_inputs,
    table_facts,
)

__all__ = [
    "GAIN_INPUTS", "MAGNITUDE", "MANIFEST", "META", "RANK", "RESULTS", "SCHEMA", "STATISTIC", "TASKS", "BaseMargin",
    "Calibrator", "CellFusion", "DetectorFacts", "Fusion", "Gains", "Heard", "Judged", "KnowledgeBase", "Manifest",
    "Measured", "MemberScores", "ModelCard", "Neighbours", "PeerStatistics", "Scaling", "WarmStart",
    "calibration_features", "calibration_inputs", "cell_facts", "cell_fusion_features", "cell_fusion_inputs",
    "design_matrix", "fusion_features", "fusion_inputs", "gain_inputs", "input_names", "log_mean_rank",
    "read_manifest", "rising", "sha256", "table_facts", "write_manifest",
]  # fmt: skip
