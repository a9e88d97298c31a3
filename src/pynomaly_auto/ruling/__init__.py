"""Rules that people state about rows: which rows they match, and what that does to scores."""

from pynomaly_auto.ruling._found import Found, columns_of, find
from pynomaly_auto.ruling._ruling import Ruling
from pynomaly_auto.ruling._scale import Scale
from pynomaly_auto.ruling._telling import held_back, named, outvoted, told_of, warned_of

__all__ = ["Found", "Ruling", "Scale", "columns_of", "find", "held_back", "named", "outvoted", "told_of", "warned_of"]
