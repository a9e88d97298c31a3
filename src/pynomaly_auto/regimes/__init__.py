"""How training rows are taken: one frozen literal per regime says all that follows from it, stage by stage."""

from pynomaly_auto.regimes._catalogue import REGIMES
from pynomaly_auto.regimes._contaminated import CONTAMINATED
from pynomaly_auto.regimes._novelty import NOVELTY
from pynomaly_auto.regimes._regime import Combiner, Judged, Leaning, Regime, Tail, ThresholdMeaning, Weighing

__all__ = [
    "CONTAMINATED",
    "NOVELTY",
    "REGIMES",
    "Combiner",
    "Judged",
    "Leaning",
    "Regime",
    "Tail",
    "ThresholdMeaning",
    "Weighing",
]
