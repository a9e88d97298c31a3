"""Asking: which rows are worth a label of a person's."""

from pynomaly_auto.asking._ask import ask, check, propose
from pynomaly_auto.asking._catalogue import STRATEGIES, Pool, Strategy
from pynomaly_auto.asking._mixture import MIXTURE

__all__ = ["MIXTURE", "STRATEGIES", "Pool", "Strategy", "ask", "check", "propose"]
