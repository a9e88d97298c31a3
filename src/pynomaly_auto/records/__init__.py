"""The frozen records that travel between stages."""

from pynomaly_auto.records._base import FloatArray, IntArray, Reason, Scalar, plain
from pynomaly_auto.records._codes import CODES, ReasonCode, declare
from pynomaly_auto.records._configuration import Configuration, Configured, Params
from pynomaly_auto.records._data import (
    AnomalyHints,
    Column,
    ColumnKind,
    Dataset,
    Distributions,
    Patterns,
    Profile,
    Quality,
    Size,
)
from pynomaly_auto.records._evidence import (
    CellEvidence,
    CellLayout,
    CellRole,
    ExpectedCells,
    Levels,
    OriginalColumn,
    OriginalTable,
    two_largest,
    written,
)
from pynomaly_auto.records._front import Front, FrontPoint
from pynomaly_auto.records._judgement import Evaluation, Judgement, ThresholdQuality
from pynomaly_auto.records._labels import Estimate, Feedback, Labels, Performance, Question, Supervision
from pynomaly_auto.records._leaderboard import Standing
from pynomaly_auto.records._outcome import (
    Calibration,
    Compaction,
    CompactPoint,
    Contribution,
    Ensemble,
    EvidenceShare,
    Expectation,
    Explanation,
    LeftOut,
    Member,
    OddCell,
    Verdict,
)
from pynomaly_auto.records._restore import restore
from pynomaly_auto.records._result import Guidance, Result, column_of
from pynomaly_auto.records._search import (
    Candidate,
    Prediction,
    Ranking,
    Role,
    Search,
    SimilarTable,
    Step,
    Trial,
    TrialStatus,
)
from pynomaly_auto.records._state import State, Stateful

__all__ = [
    "CODES", "AnomalyHints", "Calibration", "Candidate", "CellEvidence", "CellLayout", "CellRole",
    "Column", "ColumnKind", "CompactPoint", "Compaction", "Configuration", "Configured", "Contribution", "Dataset",
    "Distributions", "Ensemble", "Estimate", "Evaluation", "EvidenceShare", "Expectation", "ExpectedCells",
    "Explanation", "Feedback", "FloatArray", "Front", "FrontPoint", "Guidance", "IntArray", "Judgement", "Labels",
    "LeftOut", "Levels", "Member", "OddCell", "OriginalColumn", "OriginalTable", "Params", "Patterns",
    "Performance", "Prediction", "Profile", "Quality", "Question", "Ranking", "Reason", "ReasonCode", "Result",
    "Role", "Scalar", "Search", "SimilarTable", "Size", "Standing", "State", "Stateful", "Step", "Supervision",
    "ThresholdQuality", "Trial", "TrialStatus", "Verdict", "column_of", "declare", "plain", "restore",
    "two_largest", "written",
]  # fmt: skip
