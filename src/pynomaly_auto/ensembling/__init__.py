"""Which trials are combined, how much each counts, and the combined score of old and new rows."""

from pynomaly_auto.ensembling._choosing import COMBINER, choose_members
from pynomaly_auto.ensembling._distribution import Distribution
from pynomaly_auto.ensembling._fitted import Expertise, FittedEnsemble
from pynomaly_auto.ensembling._fusing import Fused
from pynomaly_auto.ensembling._neighbourhood import FEWEST_ROWS, NEIGHBOURS, WIDEST, Neighbourhood, smoothed

__all__ = [
    "COMBINER",
    "FEWEST_ROWS",
    "NEIGHBOURS",
    "WIDEST",
    "Distribution",
    "Expertise",
    "FittedEnsemble",
    "Fused",
    "Neighbourhood",
    "choose_members",
    "smoothed",
]  # fmt: skip
