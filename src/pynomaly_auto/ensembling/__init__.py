"""Which trials are combined, how much each counts, and the combined score of old and new rows."""

from pynomaly_auto.ensembling._choosing import COMBINER, choose_members
from pynomaly_auto.ensembling._fitted import FittedEnsemble

__all__ = ["COMBINER", "FittedEnsemble", "choose_members"]
