"""Trying detectors and their parameters without labels, in time, and fitting the chosen ones on all rows."""

from pynomaly_auto.tuning._plan import Tuned, TuningPlan
from pynomaly_auto.tuning._refit import FittedMember, refit
from pynomaly_auto.tuning._search import tune

__all__ = ["FittedMember", "Tuned", "TuningPlan", "refit", "tune"]
