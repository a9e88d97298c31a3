"""Records of the choice: predictions, candidates, the ranking, trials, the search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from pynomaly_auto.records._base import FLAT, FloatArray, Reason, plain, plain_fields
from pynomaly_auto.records._configuration import Configuration, Configured, Params

Role: TypeAlias = Literal["member", "portfolio", "view", "warm start", "search"]
TrialStatus: TypeAlias = Literal["completed", "failed", "timeout", "memory", "not_applicable", "cancelled"]


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """A predicted quality with its 90 % interval.

    Args:
        quality: Expected ROC-AUC-like quality in [0, 1].
        low: 5 % quantile.
        high: 95 % quantile.
        confidence: In [0, 1]; falls with the distance from the known tables.
    """

    quality: float
    low: float
    high: float
    confidence: float


@dataclass(frozen=True, kw_only=True)
class SimilarTable:
    """A table of the knowledge base that resembles this one, and what worked there."""

    name: str
    similarity: float
    best_detectors: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One detector, considered.

    Args:
        detector: Name in the registry.
        params: Parameters of its first trial; what else of it is to be tried stands in the ranking's queue.
        selected: Whether it is to be tried; if not, ``reasons`` say why.
        score: What the ranking is by, in [0, 1].
        prediction: From the meta-learner; None on a cold start.
        criteria: Rule-engine score in [0, 1] by criterion (data, performance, computation, interpretability, domain).
        seconds: Expected seconds of one fit on the whole table.
        memory_mb: Expected memory of one fit, in MB.
        reasons: What decided whether it is tried comes first.
    """

    detector: str
    params: Params = field(default_factory=dict)
    selected: bool = True
    score: float
    prediction: Prediction | None = None
    criteria: Mapping[str, float] = field(default_factory=dict)
    seconds: float
    memory_mb: float
    reasons: tuple[Reason, ...] = ()

    @property
    def configuration(self) -> Configuration:
        """What its first trial fits."""
        return Configuration(detector=self.detector, params=self.params)


@dataclass(frozen=True, kw_only=True)
class Step(Configured):
    """One configuration to be tried, and what for.

    Args:
        configuration: The detector and its parameters; also to be had as ``detector`` and ``params``.
        role: ``"member"``: the ensemble is to be made of it, as is known beforehand; ``"portfolio"``: the detector as
            the ranking gives it; ``"view"``: the learned fusion knows it in that view; ``"warm start"``: parameters
            that did well on similar tables; ``"search"``: proposed by a sampler.
    """

    configuration: Configuration = field(metadata=FLAT)
    role: Role

    @property
    def wanted(self) -> bool:
        """Whether it is of the first round, that is tried whatever the others turn out to be worth."""
        return self.role in {"member", "portfolio"}


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """All detectors, best first; those left out at the end.

    Args:
        source: What it rests on: ``"knowledge base"`` or ``"rules"`` (cold start).
        confidence: In [0, 1]: how much the knowledge base knows of tables like this one.
        portfolio: Detectors whose plain mean is known to be hard to beat; the core of the ensemble. Empty where the
            user's priorities ask for something else.
        queue: What is to be tried before anything is searched for, in that order; no configuration comes twice.
        shares: Detector to the least share of the ensemble's score it is to have, where the user or its origin asks for
            one.
    """

    candidates: tuple[Candidate, ...]
    source: Literal["knowledge base", "rules"]
    confidence: float
    portfolio: tuple[str, ...] = ()
    queue: tuple[Step, ...] = ()
    shares: Mapping[str, float] = field(default_factory=dict)
    similar: tuple[SimilarTable, ...] = ()
    reasons: tuple[Reason, ...] = ()

    @property
    def selected(self) -> tuple[Candidate, ...]:
        """Those to be tried, best first."""
        return tuple(c for c in self.candidates if c.selected)

    @property
    def members(self) -> tuple[Configuration, ...]:
        """What the ensemble is to be made of, where that is known beforehand."""
        return tuple(step.configuration for step in self.queue if step.role == "member")

    def to_dict(self) -> dict[str, Any]:
        """Plain values only."""
        return {name: plain(getattr(self, name)) for name in self.__dataclass_fields__}


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial(Configured):
    """One detector with one set of parameters, fitted once.

    Args:
        number: Position in the order asked for, from 0.
        configuration: The detector and its parameters; also to be had as ``detector`` and ``params``.
        quality: Label-free quality estimate in [0, 1]; None unless completed.
        statistics: What the estimate rests on (agreement, stability, tail shape, predicted quality, ...).
        seconds: Wall-clock seconds of fitting and scoring.
        memory_mb: Growth of the worker's resident memory at its peak, in MB.
        n_rows: Rows fitted on.
        scores: Raw scores of those rows, higher = more anomalous; shape (n_rows,).
        error: Why it did not complete.
    """

    number: int
    configuration: Configuration = field(metadata=FLAT)
    status: TrialStatus
    quality: float | None = None
    statistics: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    memory_mb: float = 0.0
    n_rows: int = 0
    scores: FloatArray | None = field(default=None, repr=False)
    error: str | None = None
    reasons: tuple[Reason, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values only, without the score vector."""
        return plain_fields(self, without=frozenset({"scores"}))


@dataclass(frozen=True, kw_only=True, eq=False)
class Search:
    """All trials of one run.

    Args:
        trials: In order of their numbers.
        rows: Positions of the data set's rows that trials were fitted on; None: all.
        pareto: Numbers of the trials that no other beats in quality, time and memory at once.
        stopped: Why the search ended, in words.
        interrupted: Whether the user ended it.
    """

    trials: tuple[Trial, ...]
    rows: Any = field(default=None, repr=False)
    pareto: tuple[int, ...] = ()
    stopped: str
    interrupted: bool = False
    seconds: float
    reasons: tuple[Reason, ...] = ()

    @property
    def completed(self) -> tuple[Trial, ...]:
        """The trials that have scores."""
        return tuple(t for t in self.trials if t.status == "completed")

    def to_dict(self) -> dict[str, Any]:
        """Plain values only, without score vectors."""
        out = {name: plain(getattr(self, name)) for name in self.__dataclass_fields__ if name not in {"trials", "rows"}}
        return out | {"trials": [t.to_dict() for t in self.trials]}
