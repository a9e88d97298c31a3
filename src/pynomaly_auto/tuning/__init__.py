"""Trying detectors and their parameters without labels, in time, and fitting the chosen ones on all rows."""

from pynomaly_auto.tuning._families import untuned
from pynomaly_auto.tuning._journal import Journal, Journalled
from pynomaly_auto.tuning._objective import TrialResult
from pynomaly_auto.tuning._plan import Tuned, TuningPlan
from pynomaly_auto.tuning._refit import FittedMember, refit
from pynomaly_auto.tuning._search import tune

__all__ = ["FittedMember", "Journal", "Journalled", "TrialResult", "Tuned", "TuningPlan", "refit", "tune", "untuned"]
