"""Learning from labels: what people say of some rows, beside the answer that needs none."""

from pynomaly_auto.supervising._folds import Kinship
from pynomaly_auto.supervising._learners import Inputs
from pynomaly_auto.supervising._performance import Told, measure
from pynomaly_auto.supervising._supervise import Heeded, Rows, known_first, supervise
from pynomaly_auto.supervising._supervised import Supervised

__all__ = ["Heeded", "Inputs", "Kinship", "Rows", "Supervised", "Told", "known_first", "measure", "supervise"]
