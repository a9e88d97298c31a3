"""What a regime declares; every stage reads its own fields and asks nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from pynomaly_auto.records import Configuration

# What a stage does for each of these stands in one table of that stage.
Combiner: TypeAlias = Literal["robust mean", "stronger half"]
Weighing: TypeAlias = Literal["by strength", "equal"]
Tail: TypeAlias = Literal["bounded", "exponential"]
ThresholdMeaning: TypeAlias = Literal["share of anomalies", "false alarms"]
Judged: TypeAlias = Literal["rows fitted on", "held-out rows"]


@dataclass(frozen=True, kw_only=True)
class Leaning:
    """Detectors that a regime suits better, or worse, than the rules otherwise say.

    Args:
        detectors: Their names.
        why: For a person.
    """

    detectors: frozenset[str] = frozenset()
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Regime:
    """How the training rows are taken, and all that follows from it.

    Args:
        name: As `Settings.regime` gives it.
        summary: What is held of the training rows, in one sentence.
        strength: What is held of detectors before any knowledge base, in [0, 1]; of others nothing is held.
        strength_source: What these grades rest on, for a person.
        portfolio: Detectors that are always tried, in that order.
        members: Members known beforehand, with their parameters: tried first, and combined; empty: members are chosen.
        favoured: Detectors that do better than their strength says.
        disfavoured: Those that do worse.
        combiner: How the members' inputs become one score.
        weights: What the members' weights go by.
        tail: How a member's input goes on beyond its largest training score.
        threshold: What the share of training rows above the threshold means, and how many are labelled.
        asks_knowledge_base: Whether what was learned of known tables holds here; it is learned of such tables alone.
        unasked: Why it is not asked, for a person; empty where it is.
        remembers_rows: Whether rows to be judged may be training rows, which are then recognised.
        heeds_labels: Whether what people know of training rows has a place.
        watches_constants: Whether a column with one value is kept and watched for others.
        judged: Which rows a measurement judges.
    """

    name: str
    summary: str
    strength: Mapping[str, float] = field(repr=False)
    strength_source: str
    portfolio: tuple[str, ...]
    members: tuple[Configuration, ...] = ()
    favoured: Leaning = field(default_factory=Leaning)
    disfavoured: Leaning = field(default_factory=Leaning)
    combiner: Combiner
    weights: Weighing
    tail: Tail
    threshold: ThresholdMeaning
    asks_knowledge_base: bool
    unasked: str = ""
    remembers_rows: bool
    heeds_labels: bool
    watches_constants: bool
    judged: Judged
