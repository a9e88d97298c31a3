"""The second learned fusion: the ensemble's score, its members' tails and the evidence of cells, to a row's odds.

Tail ranks make a detector that is silent on nearly all rows noisy, and one that is far out no more than one just out.
Here evidence stands in bits beside ranks, and silence is nothing: 0 bits, and no tail.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from pynomaly_auto._machine import in_threads, parts
from pynomaly_auto.errors import StorageError
from pynomaly_auto.forest import Forest
from pynomaly_auto.models._aligned import aligned
from pynomaly_auto.models._reading import fitting, read_model
from pynomaly_auto.records import FloatArray, State

RANK, BITS, TAIL, BOTH, TABLE = "rank=", "bits=", "tail=", "both=", "table="
FINAL, ROBUST, RANK_MEAN, RANK_HIGH = "final", "robust mean", "rank mean", "third largest rank"
LARGEST, TWO, SUM = "largest cell odds", "two largest cell odds", "sum of both"
_WHOLE = (FINAL, ROBUST, RANK_MEAN, RANK_HIGH)
_ALL_CELLS = (LARGEST, TWO, SUM)
_KINDS = (
    "numeric", "boolean", "categorical", "high_cardinality", "text", "datetime", "timedelta", "identifier",
)  # fmt: skip
_CHUNK = 25_000  # rows laid out at a time
_MOST = 20  # models
# Trees end; beyond their last threshold rows go on by what is heard in all, so slowly that no tree is overruled.
_BEYOND = 0.01
# Detectors of context that few known tables give anything to go by; their evidence counts for so much to begin with, in
# log odds a bit, and trees may only add to it. On held-out groups 0.1 costs .003 of average precision on wrong cells,
# and nothing on business tables; 0.2 .009 and .003. Bursts, which 24 of 406 known tables have, were given a tenth more
# when conditional evidence had pushed them back: .0001 on wrong cells, .0007 on business tables.
_CONTEXT: Mapping[str, float] = {"pair": 0.12, "hour": 0.12, "burst": 0.22, "first": 0.12, "foreign": 0.12}


@dataclass(frozen=True, kw_only=True, eq=False)
class Heard:
    """What is heard of some rows; ranks, tails and evidence in bits.

    Args:
        final: −log₂ tail ranks of the ensemble's score; shape (n_rows,).
        robust: Mean of those of the members that the robust mean is of; shape (n_rows,).
        members: Names of members, as the learned fusion knows them.
        ranks: Their −log₂ tail ranks; shape (n_rows, n_members).
        detectors: Names of cell detectors.
        bits: What each says of a row: its two largest cells added; shape (n_rows, n_detectors).
        tails: −log₂ share of the training rows of which it says as much, 0 where it is silent; same shape.
        largest: The largest log odds of a row's cells, above those of silent ones; shape (n_rows,).
        two: The two largest such log odds added; shape (n_rows,).
    """

    final: FloatArray = field(repr=False)
    robust: FloatArray = field(repr=False)
    members: tuple[str, ...]
    ranks: FloatArray = field(repr=False)
    detectors: tuple[str, ...]
    bits: FloatArray = field(repr=False)
    tails: FloatArray = field(repr=False)
    largest: FloatArray = field(repr=False)
    two: FloatArray = field(repr=False)

    @property
    def both(self) -> FloatArray:
        """Bits and tails in one: the root of their product; shape (n_rows, n_detectors)."""
        return np.sqrt(self.bits * self.tails)

    def of(self, detectors: Sequence[str]) -> Heard:
        """The same of some cell detectors alone, as far as they are there."""
        known = [j for j, name in enumerate(self.detectors) if name in detectors]
        if len(known) == len(self.detectors):
            return self
        names = tuple(self.detectors[j] for j in known)
        return replace(self, detectors=names, bits=self.bits[:, known], tails=self.tails[:, known])

    def rows(self, chosen: Any) -> Heard:
        """The same of some of the rows."""
        return Heard(
            final=self.final[chosen], robust=self.robust[chosen], members=self.members, ranks=self.ranks[chosen],
            detectors=self.detectors, bits=self.bits[chosen], tails=self.tails[chosen],
            largest=self.largest[chosen], two=self.two[chosen],
        )  # fmt: skip


def cell_fusion_features(members: Sequence[str], detectors: Sequence[str]) -> tuple[str, ...]:
    """Names of the inputs for these members and cell detectors, in order."""
    facts = (
        "rows", "columns", *(f"share {kind}" for kind in _KINDS), *(f"speaks {name}" for name in detectors),
        *(f"far {name}" for name in detectors), "agreement", "agreement of cells",
    )  # fmt: skip
    return (
        *_WHOLE,
        *(RANK + name for name in members),
        *(prefix + name for prefix in (BITS, TAIL, BOTH) for name in detectors),
        *_ALL_CELLS,
        *(TABLE + name for name in facts),
    )


def cell_facts(heard: Heard, kinds: Sequence[str]) -> dict[str, float]:
    """What the training rows and the columns say of a table as a whole.

    Args:
        heard: Of the training rows.
        kinds: Kind of each column.
    """
    n = max(len(kinds), 1)
    out = {"rows": float(np.log(max(len(heard.final), 1))), "columns": float(np.log(n))}
    out |= {f"share {kind}": sum(k == kind for k in kinds) / n for kind in _KINDS}
    for j, name in enumerate(heard.detectors):
        out[f"speaks {name}"] = float((heard.bits[:, j] > 0).mean())
        out[f"far {name}"] = float(np.quantile(heard.bits[:, j], 0.99))
    out["agreement"] = _correlation(heard.ranks.mean(axis=1), heard.final) if len(heard.members) else float("nan")
    out["agreement of cells"] = _correlation(heard.both.sum(axis=1), heard.final)
    return out


def cell_fusion_inputs(
    features: Sequence[str], heard: Heard, facts: Mapping[str, float]
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Inputs of the fusion, in the order of their names; what is not there is NaN, and a silent detector 0.

    Args:
        features: As `cell_fusion_features` makes them.
        heard: Of the rows.
        facts: From `cell_facts`.

    Returns:
        Single precision, shape (n_rows, n_features).
    """
    both = np.ascontiguousarray(heard.both)
    values = {FINAL: heard.final, ROBUST: heard.robust, LARGEST: heard.largest, TWO: heard.two, SUM: both.sum(axis=1)}
    if heard.members:
        # In one memory order, so that sums round alike for one row and for many.
        ranks = np.ascontiguousarray(heard.ranks)
        values |= {RANK_MEAN: ranks.mean(axis=1), RANK_HIGH: np.sort(ranks, axis=1)[:, -min(3, ranks.shape[1])]}
        values |= {RANK + name: ranks[:, j] for j, name in enumerate(heard.members)}
    for prefix, columns in ((BITS, heard.bits), (TAIL, heard.tails), (BOTH, both)):
        values |= {prefix + name: columns[:, j] for j, name in enumerate(heard.detectors)}
    silent = {name: 0.0 for name in features if name.startswith((BITS, TAIL, BOTH))}
    table = {TABLE + name: value for name, value in facts.items()}
    return aligned(features, silent | table | values, len(heard.final), np.float32)


def cell_margin(features: Sequence[str], X: np.ndarray[Any, np.dtype[np.float32]]) -> FloatArray:
    """What the trees' log odds are added to; shape (n_rows,).

    Args:
        features: Names of the inputs.
        X: From `cell_fusion_inputs`.
    """
    out = np.zeros(len(X))
    for name, slope in _CONTEXT.items():  # one by one, so that a row alone is rounded as in a batch
        if BOTH + name in features:
            out += slope * X[:, features.index(BOTH + name)].astype(np.float64)
    return out


def rising(features: Sequence[str]) -> tuple[int, ...]:
    """For each input, 1 where more of it may never lower the odds: all but what describes the table."""
    return tuple(0 if name.startswith(TABLE) else 1 for name in features)


@dataclass(frozen=True, kw_only=True, eq=False)
class CellFusion:
    """Boosted trees over the rows of known tables of several kinds of columns, rising in all that is heard.

    Args:
        features: Input names, in the models' order.
        forests: Models whose sums are averaged.
    """

    features: tuple[str, ...]
    forests: tuple[Forest, ...] = field(repr=False)

    @classmethod
    def of(cls, features: Sequence[str], texts: Sequence[str]) -> Self:
        """Make it of its models' texts.

        Raises:
            StorageError: A text is no model.
        """
        forests = tuple(read_model(text, len(features), "the fusion with cells") for text in texts)
        return cls(features=tuple(features), forests=forests)

    @cached_property
    def members(self) -> tuple[str, ...]:
        """Members whose ranks it looks at, as the learned fusion knows them."""
        return tuple(name[len(RANK) :] for name in self.features if name.startswith(RANK))

    @cached_property
    def detectors(self) -> tuple[str, ...]:
        """Cell detectors it knows."""
        return tuple(name[len(BITS) :] for name in self.features if name.startswith(BITS))

    def log_odds(self, heard: Heard, facts: Mapping[str, float]) -> FloatArray:
        """Log odds that a row is an anomaly, if half of all rows were; shape (n_rows,).

        Cell detectors that it was not learned with are not heard.

        Args:
            heard: Of the rows.
            facts: Of the table, from `cell_facts`.
        """
        known = heard.of(self.detectors)

        def judged(rows: slice) -> FloatArray:
            part = known.rows(rows)
            X = cell_fusion_inputs(self.features, part, facts)
            trees: FloatArray = np.mean([forest.predict(X, raw=True) for forest in self.forests], axis=0)
            return np.asarray(trees + cell_margin(self.features, X) + _BEYOND * (part.final + part.bits.sum(axis=1)))

        return np.concatenate(in_threads(judged, parts(len(known.final), _CHUNK)) or [np.empty(0)])

    def shares(self) -> dict[str, float]:
        """Share of each cell detector in the log odds, by what the trees gain from its inputs; the rest is others'."""
        gains = np.mean([f.gains if len(f.gains) else np.zeros(len(self.features)) for f in self.forests], axis=0)
        row = np.array([not name.startswith(TABLE) for name in self.features])
        total = float(gains[row].sum()) or 1.0
        out = dict.fromkeys(self.detectors, 0.0)
        for name, gain in zip(self.features, gains, strict=True):
            for prefix in (BITS, TAIL, BOTH):
                if name.startswith(prefix):
                    out[name[len(prefix) :]] += float(gain) / total
            if name in _ALL_CELLS:
                for detector in out:
                    out[detector] += float(gain) / total / len(out)
        return out

    def to_state(self) -> State:
        """Its models and its inputs."""
        out = State(values={"features": list(self.features), "forests": len(self.forests)})
        for i, forest in enumerate(self.forests):
            out = out | forest.to_state().within(f"forest.{i}")
        return out

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Make it again.

        Raises:
            StorageError: Something is missing or damaged.
        """
        features, count = state.value("features", list), state.value("forests", int)
        if not all(isinstance(name, str) for name in features) or FINAL not in features or not 1 <= count <= _MOST:
            raise StorageError("the fusion with cells is damaged: its inputs or the number of its models.")
        forests = (Forest.from_state(state.part(f"forest.{i}")) for i in range(count))
        return cls(features=tuple(features), forests=tuple(fitting(f, len(features)) for f in forests))


def _correlation(a: FloatArray, b: FloatArray) -> float:
    return float(np.corrcoef(a, b)[0, 1]) if np.std(a) > 1e-12 and np.std(b) > 1e-12 else 0.0
