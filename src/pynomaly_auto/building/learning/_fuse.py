"""Learning the fusion and its calibration from design matrices, judged on groups that were held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pynomaly_auto import scoring
from pynomaly_auto.building.learning._designs import START, TableDesign
from pynomaly_auto.building.learning._gains import learn_gains
from pynomaly_auto.building.learning._splits import group_folds
from pynomaly_auto.building.learning._train import Learned
from pynomaly_auto.detectors import DETECTORS, VIEW, VIEWS
from pynomaly_auto.ensembling import smoothed
from pynomaly_auto.forest import from_lightgbm_text
from pynomaly_auto.models import (
    BaseMargin,
    Fusion,
    Judged,
    calibration_features,
    calibration_inputs,
    fusion_features,
    log_mean_rank,
)
from pynomaly_auto.records import Configuration, FloatArray, IntArray

FEWEST_GROUPS = 20  # below that, rows of a few tables would be taken for a law
_FOLDS = 4  # of whole groups; what stands in decision 0008 was judged by as many
_MODELS = 2  # boosters whose odds are averaged
# At most 3/4: groups that are held out still share their origin with others, and with whole suites held out more of
# the robust mean does better.
_BLENDS = (0.3, 0.5, 0.75)
_FUSION: Mapping[str, Any] = {
    "objective": "binary", "learning_rate": 0.04, "num_leaves": 31, "feature_fraction": 0.15, "bagging_fraction": 0.7,
    "bagging_freq": 1, "lambda_l2": 20.0, "min_data_in_leaf": 200, "max_bin": 127, "verbosity": -1,
    "deterministic": True, "force_row_wise": True,
}  # fmt: skip
_CALIBRATION: Mapping[str, Any] = {
    **_FUSION, "learning_rate": 0.03, "num_leaves": 15, "feature_fraction": 0.5, "lambda_l2": 50.0,
    "min_data_in_leaf": 500,
}  # fmt: skip
_TREES, _CALIBRATION_TREES = 400, 250  # judged, like the boosters' settings; the card's figures are of held-out groups
_CALIBRATED = 300  # rows of a table that the calibrator is trained on
_BINS = 20  # of the calibration error that is recorded
# Views of the table that are members beside the standard ones.
VIEWED: tuple[str, ...] = tuple(
    name_there
    for name, spec in DETECTORS.items()
    for view in getattr(spec.space.get(VIEW), "choices", ())
    if view != VIEWS[0] and (name_there := Configuration.in_view(name, view).fusion_name)
)
# Too slow, or too weak, for what they cost; measured, but no members.
_NO_MEMBERS = ("random_forest_residuals", "gradient_boosting_residuals", "svr_residuals")


@dataclass(frozen=True, kw_only=True, eq=False)
class _Stack:
    """Rows of several tables on top of each other; ``start``: what trees are added to, or None."""

    X: np.ndarray[Any, Any]
    y: IntArray
    weight: FloatArray
    table: IntArray
    start: FloatArray | None = None


def fusion_members(views: Sequence[str] = ()) -> tuple[str, ...]:
    """Members a fusion learns: detectors but for neural, categorical and slow ones, then views as ``detector:view``."""
    families = ("neural", "categorical")  # the last ones are tried on some tables only
    plain = [n for n, s in DETECTORS.items() if s.family not in families and s.installed and n not in _NO_MEMBERS]
    return (*plain, *views)


def learn_fusion(tables: Sequence[TableDesign], members: Sequence[str], *, seed: int) -> dict[str, Learned]:
    """Train the fusion, the calibrator and the model of what a member adds.

    The fusion sees each table as often as any other (but for how much can be learned from it), half of it anomalies.
    The calibrator sees what fusions trained without a table's group made of that table, at the table's own rate.

    Args:
        tables: Their design matrices, made for these members.
        members: Members of the fusion.
        seed: Seed of everything random.

    Returns:
        ``"fusion"`` (its shrinkage is its weight beside the robust mean), ``"calibrator"`` and ``"gains"``; empty where
        the groups are too few.
    """
    groups = [t.group for t in tables]
    if len(set(groups)) < FEWEST_GROUPS:
        return {}
    features = fusion_features(members)
    core = tuple(m for m in START.members if m in members)
    rows = _stack(tables, features, core)
    folds = group_folds(groups, _FOLDS, seed)
    models = [_fold_model(rows, folds != fold, members, seed=seed) for fold in range(_FOLDS)]
    odds, lines = _held_out(tables, folds, models)
    blend, figures = _blend(tables, odds)
    base_margin = _line(rows, None, core)
    boosters = [_boost(_from(rows, base_margin), None, _FUSION, _TREES, seed + i) for i in range(_MODELS)]
    fusion = Learned(
        boosters={str(i): b.model_to_string() for i, b in enumerate(boosters)},
        features=features,
        shrinkage=blend,
        base_margin=replace(base_margin, share=_share(odds, lines)),
        validation=figures | {"tables": float(len(tables)), "rows": float(len(rows.y))},
    )
    judged = [_judged(t, o, blend) for t, o in zip(tables, odds, strict=True)]
    return {
        "fusion": fusion,
        "calibrator": _calibrator(tables, judged, folds, seed),
        "gains": learn_gains(tables, folds, [replace(m, blend=blend) for m in models], seed=seed),
    }


def final_scores(table: TableDesign, odds: FloatArray, blend: float) -> FloatArray:
    """What an ensemble makes of the judged rows: blended, then smoothed over neighbours; shape (n_judged,)."""
    blended = blend * scoring.tail_ranks(odds) + (1.0 - blend) * table.robust
    return smoothed(blended, blended[table.neighbours]) if len(table.neighbours) else blended


def _stack(tables: Sequence[TableDesign], features: Sequence[str], members: Sequence[str]) -> _Stack:
    X = np.concatenate([t.X for t in tables])
    return _Stack(
        X=X,
        y=np.concatenate([t.y for t in tables]),
        weight=np.concatenate([t.row_weight * t.weight for t in tables]),
        table=np.repeat(np.arange(len(tables)), [len(t.y) for t in tables]),
        start=log_mean_rank(features, X, members),
    )


def _line(rows: _Stack, kept: np.ndarray[Any, Any] | None, members: Sequence[str]) -> BaseMargin:
    """The line from the members' mean to log odds that fits the rows best, by logistic regression."""
    from sklearn.linear_model import LogisticRegression

    at = np.arange(len(rows.y)) if kept is None else np.flatnonzero(kept)
    assert rows.start is not None
    weight = rows.weight[at] / rows.weight[at].mean()
    found = LogisticRegression().fit(rows.start[at, None], rows.y[at], sample_weight=weight)
    return BaseMargin(members=tuple(members), slope=float(found.coef_[0, 0]), intercept=float(found.intercept_[0]))


def _from(rows: _Stack, base_margin: BaseMargin) -> _Stack:
    """The rows with the base margin's log odds as what trees start from."""
    assert rows.start is not None
    return replace(rows, start=base_margin.slope * rows.start + base_margin.intercept)


def _boost(rows: _Stack, kept: np.ndarray[Any, Any] | None, params: Mapping[str, Any], trees: int, seed: int) -> Any:
    import lightgbm

    at = np.arange(len(rows.y)) if kept is None else np.flatnonzero(kept)
    weight = rows.weight[at]
    names = [f"f{i}" for i in range(rows.X.shape[1])]
    start = None if rows.start is None else rows.start[at]
    data = lightgbm.Dataset(
        rows.X[at], label=rows.y[at], weight=weight / weight.mean(), init_score=start, feature_name=names
    )
    return lightgbm.train({**params, "seed": seed, "num_threads": 2}, data, num_boost_round=trees)


def _fold_model(rows: _Stack, kept: np.ndarray[Any, Any], members: Sequence[str], *, seed: int) -> Fusion:
    """A fusion of the rows of some tables: those whose groups are in another fold."""
    chosen = kept[rows.table]
    base_margin = _line(rows, chosen, [m for m in START.members if m in members])
    forest = from_lightgbm_text(_boost(_from(rows, base_margin), chosen, _FUSION, _TREES, seed).model_to_string())
    return Fusion(members=tuple(members), features=fusion_features(members), forests=(forest,), base_margin=base_margin)


def _held_out(
    tables: Sequence[TableDesign], folds: IntArray, models: Sequence[Fusion]
) -> tuple[list[FloatArray], list[FloatArray]]:
    """Log odds of every table's judged rows by the fusion that did not see its group, and its base margin."""
    odds, lines = [], []
    for table, fold in zip(tables, folds, strict=True):
        model = models[fold]
        assert model.base_margin is not None
        lines.append(model.base_margin.log_odds(model.features, table.judged))
        odds.append(lines[-1] + model.forests[0].predict(table.judged, raw=True))
    return odds, lines


def _share(odds: Sequence[FloatArray], lines: Sequence[FloatArray]) -> float:
    """Of the variance within tables, the lines' share beside the trees'."""
    line = float(np.mean([part.var() for part in lines]))
    trees = float(np.mean([(whole - part).var() for whole, part in zip(odds, lines, strict=True)]))
    return line / (line + trees) if line > 0 else 0.0


def _blend(tables: Sequence[TableDesign], odds: Sequence[FloatArray]) -> tuple[float, dict[str, float | None]]:
    """The weight beside the robust mean that does best on held-out groups, by ROC-AUC plus average precision."""
    judged = [i for i, t in enumerate(tables) if 0 < t.labels.sum() < len(t.labels)]
    figures: dict[str, float | None] = {}
    best, reached = _BLENDS[0], -1.0
    for blend in (0.0, *_BLENDS):
        scores = [final_scores(tables[i], odds[i], blend) for i in judged]
        auc, ap = (
            float(np.mean([metric(tables[i].labels, s) for i, s in zip(judged, scores, strict=True)]))
            for metric in (scoring.roc_auc, scoring.average_precision)
        )
        figures |= {f"roc_auc_{blend:g}": auc, f"average_precision_{blend:g}": ap}
        if blend > 0 and auc + ap > reached:
            best, reached = blend, auc + ap
    return best, figures


def _judged(table: TableDesign, odds: FloatArray, blend: float) -> Judged:
    scores = final_scores(table, odds, blend)
    return Judged(scores=scores, odds=odds, robust=table.robust, tails=scoring.tail_ranks(scores), facts=table.facts)


def _calibrator(tables: Sequence[TableDesign], judged: Sequence[Judged], folds: IntArray, seed: int) -> Learned:
    features = calibration_features(tuple(tables[0].facts))
    inputs = [calibration_inputs(features, j) for j in judged]
    rng = np.random.default_rng(seed)
    drawn = [rng.permutation(len(X))[:_CALIBRATED] for X in inputs]
    rows = _Stack(
        X=np.concatenate([X[d] for X, d in zip(inputs, drawn, strict=True)]),
        y=np.concatenate([t.labels[d] for t, d in zip(tables, drawn, strict=True)]),
        weight=np.concatenate([np.full(len(d), 1.0 / len(d)) for d in drawn]),
        table=np.repeat(np.arange(len(tables)), [len(d) for d in drawn]),
    )
    out: list[FloatArray] = [np.empty(0)] * len(tables)
    for fold in range(_FOLDS):
        booster = _boost(rows, folds[rows.table] != fold, _CALIBRATION, _CALIBRATION_TREES, seed)
        for i in np.flatnonzero(folds == fold):
            out[i] = booster.predict(inputs[i], num_threads=2)
    final = _boost(rows, None, _CALIBRATION, _CALIBRATION_TREES, seed)
    return Learned(
        boosters={"mean": final.model_to_string()},
        features=features,
        validation=_calibration_figures([t.labels for t in tables], out),
    )


def _calibration_figures(labels: Sequence[IntArray], found: Sequence[FloatArray]) -> dict[str, float | None]:
    """Errors of the share and of the probabilities on held-out groups, each table alike."""
    share = np.array([y.mean() for y in labels])
    mean = np.array([p.mean() for p in found])
    sums = np.zeros((_BINS, 2))
    for y, p in zip(labels, found, strict=True):
        at = np.minimum((p * _BINS).astype(int), _BINS - 1)
        for k, values in enumerate((p, y)):
            sums[:, k] += np.bincount(at, weights=values, minlength=_BINS) / len(y)
    return {
        "share_mae": float(np.abs(share - mean).mean()),
        "share_mae_of_median": float(np.abs(share - np.median(share)).mean()),
        "expected_calibration_error": float(np.abs(sums[:, 0] - sums[:, 1]).sum() / len(labels)),
        "tables": float(len(labels)),
    }
