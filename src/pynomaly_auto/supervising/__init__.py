"""Learning from labels: what people say of some rows, beside the answer that needs none."""

from pynomaly_auto.supervising._affording import learning_seconds
from pynomaly_auto.supervising._among import labels_among
from pynomaly_auto.supervising._folds import Kinship
from pynomaly_auto.supervising._learners import Inputs, Taught, learn_boosted
from pynomaly_auto.supervising._performance import Told, measure
from pynomaly_auto.supervising._supervise import Heeded, Rows, known_first, supervise
from pynomaly_auto.supervising._supervised import Supervised
from pynomaly_auto.supervising._telling import since_the_fit

__all__ = [
    "Heeded",
    "Inputs",
    "Kinship",
    "Rows",
    "Supervised",
    "Taught",
    "Told",
    "known_first",
    "labels_among",
    "learn_boosted",
    "learning_seconds",
    "measure",
    "since_the_fit",
    "supervise",
]
