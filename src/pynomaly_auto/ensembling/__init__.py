"""Which trials are combined, how much each counts, and the combined score of old and new rows."""

from pynomaly_auto.ensembling._brevity import brevity
from pynomaly_auto.ensembling._cells import Cells
from pynomaly_auto.ensembling._choosing import choose_members
from pynomaly_auto.ensembling._combining import COMBINERS, stronger_half
from pynomaly_auto.ensembling._compacting import Agreeing, Alignment, Step, agreement, overlap, steps
from pynomaly_auto.ensembling._compromise import compromise
from pynomaly_auto.ensembling._distribution import Distribution
from pynomaly_auto.ensembling._exploring import Subset, explore, unbeaten
from pynomaly_auto.ensembling._fitted import FittedEnsemble
from pynomaly_auto.ensembling._fusing import Fused
from pynomaly_auto.ensembling._neighbourhood import FEWEST_ROWS, NEIGHBOURS, WIDEST, Neighbourhood, smoothed
from pynomaly_auto.ensembling._settling import Settling
from pynomaly_auto.ensembling._student import Student
from pynomaly_auto.ensembling._trained import Expertise
from pynomaly_auto.ensembling._weighing import agreed
from pynomaly_auto.ensembling._with_cells import BaseScores, WithCells, in_order

__all__ = [
    "COMBINERS",
    "FEWEST_ROWS",
    "NEIGHBOURS",
    "WIDEST",
    "Agreeing",
    "Alignment",
    "BaseScores",
    "Cells",
    "Distribution",
    "Expertise",
    "FittedEnsemble",
    "Fused",
    "Neighbourhood",
    "Settling",
    "Step",
    "Student",
    "Subset",
    "WithCells",
    "agreed",
    "agreement",
    "brevity",
    "choose_members",
    "compromise",
    "explore",
    "in_order",
    "overlap",
    "smoothed",
    "steps",
    "stronger_half",
    "unbeaten",
]  # fmt: skip
