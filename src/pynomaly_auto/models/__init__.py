"""What is learned from known tables, as models: their inputs by name, and what each says of a table or a row.

Building trains them, `knowledge` keeps them, recommending, ensembling and deciding ask them.
"""

from pynomaly_auto.models._base_margin import BaseMargin, log_mean_rank
from pynomaly_auto.models._calibrator import Calibrator, Judged, calibration_features, calibration_inputs
from pynomaly_auto.models._cell_fusion import (
    CellFusion,
    Heard,
    cell_facts,
    cell_fusion_features,
    cell_fusion_inputs,
    cell_margin,
    rising,
)
from pynomaly_auto.models._cell_judge import SILENT, CellJudge, cell_judge_features, cell_judge_inputs, rising_in_cells
from pynomaly_auto.models._features import META, STATISTIC, Scaling, design_matrix, input_names, input_rows
from pynomaly_auto.models._fusion import Fusion
from pynomaly_auto.models._gains import GAIN_INPUTS, Gains, Measured, PeerStatistics, gain_inputs
from pynomaly_auto.models._member_scores import (
    MAGNITUDE,
    RANK,
    MemberScores,
    Rows,
    fusion_features,
    fusion_inputs,
    sampled_rows,
    table_facts,
)
from pynomaly_auto.models._reading import read_model

__all__ = [
    "GAIN_INPUTS", "MAGNITUDE", "META", "RANK", "SILENT", "STATISTIC", "BaseMargin", "Calibrator", "CellFusion",
    "CellJudge", "Fusion", "Gains", "Heard", "Judged", "Measured", "MemberScores", "PeerStatistics", "Rows", "Scaling",
    "calibration_features", "calibration_inputs", "cell_facts", "cell_fusion_features", "cell_fusion_inputs",
    "cell_judge_features", "cell_judge_inputs", "cell_margin", "design_matrix", "fusion_features", "fusion_inputs",
    "gain_inputs", "input_names", "input_rows", "log_mean_rank", "read_model", "rising", "rising_in_cells",
    "sampled_rows", "table_facts",
]  # fmt: skip
