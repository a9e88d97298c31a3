"""Learning what one more member adds: ensembles drawn from known tables, judged before and after a member joins."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from pynomaly_auto import scoring
from pynomaly_auto.building.learning._designs import TableDesign
from pynomaly_auto.building.learning._train import Learned
from pynomaly_auto.models import (
    GAIN_INPUTS,
    MAGNITUDE,
    RANK,
    Fusion,
    Measured,
    MemberScores,
    PeerStatistics,
    gain_inputs,
    table_facts,
)
from pynomaly_auto.records import FloatArray, IntArray

_TABLES = 200  # tables of different groups that ensembles are drawn on
_DRAWS, _CANDIDATES = 8, 3  # ensembles of a table, and members that might join each
_SIZES = (1, 2, 3, 5, 8, 12, 20)  # of the drawn ensembles: what a run passes through on its way to all members
_TREES = 120  # judged, like the booster's settings; `Learned.validation` says how far they held
_THREADS = 2  # a build's result must not hang on the machine
_PARAMS = {
    "objective": "regression", "learning_rate": 0.04, "num_leaves": 15, "feature_fraction": 0.7,
    "bagging_fraction": 0.8, "bagging_freq": 1, "lambda_l2": 10.0, "min_data_in_leaf": 50, "max_bin": 63,
    "verbosity": -1, "deterministic": True, "force_row_wise": True, "num_threads": _THREADS,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class _Draw:
    """One ensemble of one table, and what members that might join it gain."""

    table: int
    members: tuple[int, ...]
    candidates: tuple[int, ...]
    gains: FloatArray
    measured: tuple[Measured, ...]


def learn_gains(tables: Sequence[TableDesign], folds: IntArray, fusions: Sequence[Fusion], *, seed: int) -> Learned:
    """Train the model of what a member adds to an ensemble.

    Args:
        tables: Their design matrices, made for the fusions' members.
        folds: Of each table: the fold of its group.
        fusions: For each fold a fusion that did not see its groups; an ensemble is judged by the one of its table.
        seed: Seed of everything random.

    Returns:
        The model, with its peer statistics; validated on groups that were held out, from these statistics up.
    """
    leads, likeness = _measured(tables, fusions[0])
    chosen = _of_different_groups(tables, seed)
    with ThreadPoolExecutor(_THREADS) as threads:
        drawn = list(threads.map(lambda i: _draws(i, tables[i], fusions[int(folds[i])], seed), chosen))
    draws = [draw for found in drawn for draw in found]
    fold = np.array([folds[d.table] for d in draws])
    predicted = [np.empty(0)] * len(draws)
    for k in sorted(set(fold.tolist())):
        peers = _peer_statistics(fusions[0].members, leads[folds != k], likeness[folds != k])
        booster = _boost(peers, [d for d, f in zip(draws, fold, strict=True) if f != k], tables, seed)
        for i in (int(at) for at in np.flatnonzero(fold == k)):
            predicted[i] = np.asarray(booster.predict(_inputs(peers, draws[i], tables, before=True), num_threads=1))
    y, found = np.concatenate([d.gains for d in draws]), np.concatenate(predicted)
    peers = _peer_statistics(fusions[0].members, leads, likeness)
    best = [d.gains[int(np.argmax(p))] for d, p in zip(draws, predicted, strict=True)]
    return Learned(
        boosters={"mean": _boost(peers, draws, tables, seed).model_to_string(), "peers": peers.to_text()},
        features=GAIN_INPUTS,
        shrinkage=float(np.clip(y @ found / max(float(found @ found), 1e-12), 0.0, 1.0)),
        validation={
            "correlation": float(np.corrcoef(y, found)[0, 1]) if np.ptp(found) > 0 and np.ptp(y) > 0 else None,
            "mean_gain": float(y.mean()),
            "gain_of_chosen": float(np.mean(best)),
            "rows": float(len(y)),
        },
    )


def _measured(tables: Sequence[TableDesign], fusion: Fusion) -> tuple[FloatArray, FloatArray]:
    """Of every table its members' ROC-AUC beside the median member's, and their correlations; NaN where missing."""
    place = {name: j for j, name in enumerate(fusion.features)}
    at = [place[RANK + name] for name in fusion.members]
    leads = np.full((len(tables), len(at)), np.nan)
    likeness = np.full((len(tables), len(at), len(at)), np.nan)
    for i, table in enumerate(tables):
        ranks = table.judged[:, at].astype(np.float64)
        there = np.flatnonzero(np.isfinite(ranks).all(axis=0) & (ranks.std(axis=0) > 0))
        if len(there) and 0 < table.labels.sum() < len(table.labels):
            own = np.array([scoring.roc_auc(table.labels, ranks[:, j]) for j in there])
            leads[i, there] = own - np.median(own)
        if len(there) > 1:
            likeness[i][np.ix_(there, there)] = np.corrcoef(ranks[:, there].T)
    return leads, likeness


def _peer_statistics(names: Sequence[str], leads: FloatArray, likeness: FloatArray) -> PeerStatistics:
    def mean(values: FloatArray) -> FloatArray:
        there = np.isfinite(values)
        count = there.sum(axis=0)
        return np.asarray(np.where(there, values, 0.0).sum(axis=0, dtype=np.float64) / np.maximum(count, 1))

    return PeerStatistics(names=tuple(names), strength=mean(leads), likeness=mean(likeness))


def _of_different_groups(tables: Sequence[TableDesign], seed: int) -> list[int]:
    order = np.random.default_rng(seed).permutation(len(tables))
    able = [int(i) for i in order if 0 < tables[i].labels.sum() < len(tables[i].labels)]
    first: dict[str, int] = {}
    for i in able:
        first.setdefault(tables[i].group, i)
    return list(first.values())[:_TABLES]


def _draws(number: int, table: TableDesign, fusion: Fusion, seed: int) -> list[_Draw]:
    rng = np.random.default_rng([seed, number])
    scores = _judged_scores(table, fusion)
    place = {name: i for i, name in enumerate(fusion.members)}
    out = []
    for _ in range(_DRAWS):
        size = int(rng.choice([s for s in _SIZES if s < len(scores.names)] or [1]))
        order = rng.permutation(len(scores.names))
        if len(order) < 2:
            break
        inside = [scores.names[i] for i in order[:size]]
        asked = [scores.names[i] for i in order[size : size + _CANDIDATES]]
        mean = scores.only(inside).ranks.mean(axis=1)
        agreement = float(np.mean([_correlation(column, mean) for column in scores.only(inside).ranks.T]))
        before = scoring.roc_auc(table.labels, _combined(scores.only(inside), fusion, table))
        after = [scoring.roc_auc(table.labels, _combined(scores.only([*inside, c]), fusion, table)) for c in asked]
        out.append(
            _Draw(
                table=number,
                members=tuple(place[name] for name in inside),
                candidates=tuple(place[name] for name in asked),
                gains=np.array(after) - before,
                measured=tuple(
                    Measured(likeness=_correlation(scores.only([c]).ranks[:, 0], mean), agreement=agreement)
                    for c in asked
                ),
            )
        )
    return out


def _judged_scores(table: TableDesign, fusion: Fusion) -> MemberScores:
    """What the members that are there say of the judged rows."""
    place = {name: j for j, name in enumerate(fusion.features)}
    there = [n for n in fusion.members if np.isfinite(table.judged[:, place[RANK + n]]).all()]
    columns = [table.judged[:, [place[kind + n] for n in there]].astype(np.float64) for kind in (RANK, MAGNITUDE)]
    return MemberScores(names=tuple(there), ranks=columns[0], magnitudes=columns[1])


def _combined(scores: MemberScores, fusion: Fusion, table: TableDesign) -> FloatArray:
    """The final score of an ensemble, but for the smoothing."""
    robust = scores.only(fusion.core(scores.names) or scores.names).ranks.mean(axis=1)
    known = scores.only(fusion.knows(scores.names))
    if not known.names:
        return np.asarray(robust)
    facts = table_facts(known, n_features=round(float(np.exp(table.facts["features"]))))
    odds = fusion.log_odds(known, facts)
    return np.asarray(fusion.blend * scoring.tail_ranks(odds) + (1.0 - fusion.blend) * robust)


def _correlation(a: FloatArray, b: FloatArray) -> float:
    return float(np.corrcoef(a, b)[0, 1]) if np.ptp(a) > 0 and np.ptp(b) > 0 else 0.0


def _inputs(peers: PeerStatistics, draw: _Draw, tables: Sequence[TableDesign], *, before: bool) -> FloatArray:
    measured = () if before else draw.measured
    return gain_inputs(peers, draw.members, draw.candidates, tables[draw.table].facts, measured)


def _boost(peers: PeerStatistics, draws: Sequence[_Draw], tables: Sequence[TableDesign], seed: int) -> Any:
    """Every draw twice: as it is known before the candidates are fitted, and after."""
    import lightgbm

    X = np.concatenate([_inputs(peers, d, tables, before=before) for before in (True, False) for d in draws])
    y = np.concatenate([d.gains for _ in range(2) for d in draws])
    names = [f"f{i}" for i in range(len(GAIN_INPUTS))]
    data = lightgbm.Dataset(X, label=y, feature_name=names)
    return lightgbm.train({**_PARAMS, "seed": seed}, data, num_boost_round=_TREES)
