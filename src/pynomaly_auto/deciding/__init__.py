"""From scores to a verdict: share of anomalies, threshold, labels, calibrated probability, confidence per row."""

from pynomaly_auto.deciding._budget import most_rows
from pynomaly_auto.deciding._confidence import confidence_of
from pynomaly_auto.deciding._expecting import expect
from pynomaly_auto.deciding._facts import SURE, certain, surely
from pynomaly_auto.deciding._learned import Probabilities, learn
from pynomaly_auto.deciding._share import DEFAULT_PRIOR, ShareEstimate, estimate_share
from pynomaly_auto.deciding._verdict import decide, move

__all__ = [
    "DEFAULT_PRIOR",
    "SURE",
    "Probabilities",
    "ShareEstimate",
    "certain",
    "confidence_of",
    "decide",
    "estimate_share",
    "expect",
    "learn",
    "most_rows",
    "move",
    "surely",
]
