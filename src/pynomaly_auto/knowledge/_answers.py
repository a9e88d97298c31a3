"""What the knowledge base answers, beside the records that everyone shares."""

from __future__ import annotations

from dataclasses import dataclass

from pynomaly_auto.records import Params


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """The known tables by distance from one table.

    Args:
        tables: Position in the tasks table, nearest first (tables without a distance left out).
        distances: Their distances, increasing; shape (n,).
        confidence: In [0, 1]: how much the knowledge base knows of tables like this one.
    """

    tables: tuple[int, ...]
    distances: tuple[float, ...]
    confidence: float


@dataclass(frozen=True, kw_only=True)
class WarmStart:
    """Parameters that did better than the defaults on similar tables.

    Args:
        gain: Mean ROC-AUC gained over the defaults there, weighted by similarity.
        tables: On how many similar tables it was compared.
    """

    params: Params
    gain: float
    tables: int
