"""Why a row has the score it has: contributions of the user's columns, for any scoring function."""

from pynomaly_auto.explaining._explain import METHODS, Explaining, explain_rows
from pynomaly_auto.explaining._text import cell_text, label_text, printable

__all__ = ["METHODS", "Explaining", "cell_text", "explain_rows", "label_text", "printable"]
