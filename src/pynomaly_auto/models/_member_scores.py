"""What the members of an ensemble say of rows, and the design matrix made of it: the inputs of the learned fusion.

Building makes that of known tables, ensembling that of the user's: one place, so that a model is given what it was
trained on. Everything is aligned by name; a member that is not there is missing (NaN).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from pynomaly_auto.models._aligned import aligned
from pynomaly_auto.records import Configuration, FloatArray

RANK, MAGNITUDE, KIND, TABLE = "rank=", "magnitude=", "kind=", "table="

# How detectors look at a row: those of one kind err together, so a kind that is of another mind says something.
KINDS: Mapping[str, tuple[str, ...]] = {
    "isolation": ("iforest", "extended_iforest", "inne"),
    "distance": ("knn", "knn_mean", "knn_median", "sampling", "kde"),
    "local": ("lof", "cof", "abod"),
    "covariance": ("mcd", "elliptic_envelope", "pca", "ica", "factor_analysis", "gmm"),
    "marginal": ("hbos", "ecod", "copod", "zscore", "modified_zscore", "iqr", "grubbs", "loda"),
    "density forest": ("fair_cut_forest", "density_forest"),
    "kernel": ("ocsvm", "ocsvm_nystroem"),
    "cluster": ("cblof", "mini_batch_kmeans"),
}
RANK_MEAN = "rank_mean"
_AGGREGATES = (
    RANK_MEAN, "rank_deviation", "rank_smallest", "rank_largest", "rank_median", "rank_lower", "rank_upper",
    "magnitude_mean", "magnitude_largest", "magnitude_deviation",
)  # fmt: skip
_FACTS = (
    "agreement", "agreement_deviation", *(f"agreement of {kind}" for kind in KINDS),
    "magnitude_90", "magnitude_95", "magnitude_99", "mean_50", "mean_90", "mean_95", "mean_99", "rows", "features",
)  # fmt: skip
_HALF = 0.5  # of the way between two values, from where on it is measured from the larger one
_SAMPLE = 5_000  # rows the facts of a table are read off


Rows: TypeAlias = (
    "slice | np.ndarray[tuple[int], np.dtype[np.int64]]"  # some of a table's, as arrays are asked for them
)


@dataclass(frozen=True, kw_only=True, eq=False)
class MemberScores:
    """What members say of some rows.

    Args:
        names: The members, as the fusion knows them.
        ranks: −log tail ranks among the training rows, at least 0; shape (n_rows, n_members).
        magnitudes: Signed log of the robust z of the scores; shape (n_rows, n_members).
    """

    names: tuple[str, ...]
    ranks: FloatArray = field(repr=False)
    magnitudes: FloatArray = field(repr=False)

    def only(self, names: Sequence[str]) -> MemberScores:
        """The scores of those members alone that are in ``names``, in that order."""
        position = {name: i for i, name in enumerate(self.names)}
        kept = [position[name] for name in names if name in position]
        return MemberScores(
            names=tuple(self.names[i] for i in kept), ranks=self.ranks[:, kept], magnitudes=self.magnitudes[:, kept]
        )

    def rows(self, chosen: Rows) -> MemberScores:
        """The scores of some of the rows."""
        return MemberScores(names=self.names, ranks=self.ranks[chosen], magnitudes=self.magnitudes[chosen])


def fusion_features(members: Sequence[str], *, facts: bool = True) -> tuple[str, ...]:
    """Names of the fusion's inputs for these members, in order; ``facts``: with what describes the whole table."""
    known = {_plain(name) for name in members}
    kinds = [kind for kind, names in KINDS.items() if known.intersection(names)]
    return (
        *(RANK + name for name in members),
        *(MAGNITUDE + name for name in members),
        *_AGGREGATES,
        *(KIND + kind for kind in kinds),
        *((TABLE + name for name in _FACTS) if facts else ()),
    )


def sampled_rows(n_rows: int) -> Rows:
    """The training rows that the facts of a table are read off."""
    return slice(None) if n_rows <= _SAMPLE else np.linspace(0, n_rows - 1, _SAMPLE).astype(np.int64)


def table_facts(member_scores: MemberScores, *, n_features: int, n_rows: int | None = None) -> dict[str, float]:
    """What the members' scores of all training rows say of a table as a whole.

    Agreement is the correlation of tail ranks: of all pairs (mean and deviation), and of each kind with the mean of
    all. Then how far the tails reach, in ranks of the mean and in magnitudes, and the table's size.

    Args:
        member_scores: On the training rows; at least one member.
        n_features: Of the encoded table.
        n_rows: How many training rows there are, where the scores are those of `sampled_rows` alone.

    Returns:
        Name to value; NaN where there is nothing to say, such as the agreement of a single member.
    """
    n = len(member_scores.ranks)
    if n > _SAMPLE:
        member_scores = member_scores.rows(sampled_rows(n))
    elif n_rows is not None and n_rows > n:
        member_scores = member_scores.rows(np.arange(n))  # laid out as a sample of all is, or sums round differently
    n = n if n_rows is None else n_rows
    ranks = np.asarray(member_scores.ranks, dtype=np.float64)
    mean = ranks.mean(axis=1)
    correlation = _correlations(np.column_stack([ranks, mean]))
    pairs = correlation[:-1, :-1][np.triu_indices(ranks.shape[1], 1)]
    out = dict.fromkeys(_FACTS, float("nan"))
    if len(pairs):
        out["agreement"], out["agreement_deviation"] = float(pairs.mean()), float(pairs.std())
        for kind, names in KINDS.items():
            chosen = [i for i, name in enumerate(member_scores.names) if _plain(name) in names]
            if chosen:
                out[f"agreement of {kind}"] = float(correlation[-1, chosen].mean())
    for level in (90, 95, 99):
        out[f"magnitude_{level}"] = float(np.percentile(member_scores.magnitudes, level, axis=0).mean())
    for level in (50, 90, 95, 99):
        out[f"mean_{level}"] = float(np.percentile(mean, level))
    return out | {"rows": float(np.log(max(n, 1))), "features": float(np.log(max(n_features, 1)))}


def fusion_inputs(
    features: Sequence[str], member_scores: MemberScores, facts: Mapping[str, float]
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Design matrix of the fusion: its inputs in the order of their names; what is not there is NaN.

    Args:
        features: Input names, as `fusion_features` makes them.
        member_scores: Of the members the fusion knows; others must be left out before (they would move the aggregates).
        facts: From `table_facts`.

    Returns:
        Single precision, shape (n_rows, n_features).
    """
    values: dict[str, FloatArray | float] = {**_aggregates(member_scores)}
    for i, name in enumerate(member_scores.names):
        values[RANK + name], values[MAGNITUDE + name] = member_scores.ranks[:, i], member_scores.magnitudes[:, i]
    for kind, names in KINDS.items():
        chosen = [i for i, name in enumerate(member_scores.names) if _plain(name) in names]
        if chosen:
            values[KIND + kind] = np.ascontiguousarray(member_scores.ranks[:, chosen]).mean(axis=1)
    values |= {TABLE + name: value for name, value in facts.items()}
    return aligned(features, values, len(member_scores.ranks), np.float32)


def _aggregates(member_scores: MemberScores) -> dict[str, FloatArray]:
    # In one memory order, so that sums round alike for one row and for many.
    ranks, magnitudes = np.ascontiguousarray(member_scores.ranks), np.ascontiguousarray(member_scores.magnitudes)
    ordered = np.sort(ranks, axis=1)
    lower, median, upper = (_quantile(ordered, level) for level in (0.25, 0.5, 0.75))
    columns = (
        ranks.mean(axis=1), ranks.std(axis=1), ranks.min(axis=1), ranks.max(axis=1), median, lower, upper,
        magnitudes.mean(axis=1), magnitudes.max(axis=1), magnitudes.std(axis=1),
    )  # fmt: skip
    return dict(zip(_AGGREGATES, columns, strict=True))


def _quantile(ordered: FloatArray, level: float) -> FloatArray:
    """As `numpy.quantile` of each row, to the last bit, of rows that ascend: sorting short ones costs a tenth of it."""
    place = level * (ordered.shape[1] - 1)
    at = int(place)
    share = place - at
    low, high = ordered[:, at], ordered[:, min(at + 1, ordered.shape[1] - 1)]
    apart = high - low
    return np.asarray(high - apart * (1.0 - share) if share >= _HALF else low + apart * share)


def _correlations(columns: FloatArray) -> FloatArray:
    """Correlation matrix; 0 where a column is constant."""
    centred = columns - columns.mean(axis=0)
    norms = np.sqrt((centred**2).sum(axis=0))
    centred = centred / np.where(norms > 0, norms, 1.0)
    return np.asarray(centred.T @ centred, dtype=np.float64)


@lru_cache(maxsize=1_000)
def _plain(name: str) -> str:
    """The detector of a member's name, in whatever view."""
    return Configuration.of_fusion_name(name).detector
