"""Which trials are combined, how much each counts, and the combined score of old and new rows."""

from pynomaly_auto.ensembling._choosing import COMBINER, choose_members
from pynomaly_auto.ensembling._fitted import FittedEnsemble
from pynomaly_auto.ensembling._novelty import COMBINER as NOVELTY_COMBINER
from pynomaly_auto.ensembling._novelty import excess as tail_excess
from pynomaly_auto.ensembling._novelty import stronger_half, tail_scale

__all__ = [
    "COMBINER", "NOVELTY_COMBINER", "FittedEnsemble", "choose_members", "stronger_half", "tail_excess", "tail_scale",
]  # fmt: skip
