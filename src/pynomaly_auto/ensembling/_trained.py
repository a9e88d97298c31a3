"""What an ensemble is lent while it is being made, and what it knows of its training rows then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pynomaly_auto.models import Fusion
from pynomaly_auto.records import FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Expertise:
    """What the knowledge base lends an ensemble on one table.

    Args:
        fusion: The learned fusion.
        trust: In [0, 1]: how much the knowledge base knows of tables like this one; the fusion's weight follows it.
        X: The encoded training rows; shape (n_rows, n_features).
        seed: Seed of everything random.
    """

    fusion: Fusion
    trust: float
    X: FloatArray = field(repr=False)
    seed: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """What an ensemble knows of its training rows while it is being made; one that was loaded or derived does not.

    Args:
        positions: Of its members among those it was made of.
        member_scores: The members' −log tail ranks; shape (n_rows, n_members).
        scores: Final scores; shape (n_rows,).
        odds: Log odds of the learned fusion; shape (n_rows,), or None where it knows no member.
        facts: What the odds were given of the table.
    """

    positions: tuple[int, ...]
    member_scores: FloatArray = field(repr=False)
    scores: FloatArray = field(repr=False)
    odds: FloatArray | None = field(default=None, repr=False)
    facts: Mapping[str, float] = field(default_factory=dict, repr=False)
