"""What each column adds to a row's score: occlusion, sampled Shapley values, and the packages shap and lime."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from pynomaly_auto import _optional
from pynomaly_auto.explaining._background import Background, Score
from pynomaly_auto.records import FloatArray, IntArray

# What explains some rows at once: encoded rows (k, n_features) and for each its columns to a list of contributions.
Contributor: TypeAlias = Callable[[Score, Background, FloatArray, list[IntArray], int], list[FloatArray]]

_REPLACEMENTS = 8  # background rows per column
# Beyond that many columns, each is exchanged with two rows first, and only the highest of them with all.
_FEW_COLUMNS, _FIRST_LOOK, _SECOND_LOOK = 8, 2, 6
_ORDERS = 16  # orders of the columns per row, half of them the reverse of the other half
_MASKS = 10  # background rows a mask is averaged over, for shap
_SHAP_SAMPLES = 256  # masks per row, besides two per column
_LIME_SAMPLES = 1000  # rows per explanation, for lime


def occlusion(
    score: Score, background: Background, X: FloatArray, columns: list[IntArray], seed: int
) -> list[FloatArray]:
    """Mean change of the score when a column is exchanged with rows that are alike in all other columns.

    Both ways, and averaged: the row with the column made usual (how much it loses), and the usual rows with the row's
    value put in (how much they gain). The first alone finds nothing where two columns are each reason enough for a
    high score, the second alone nothing where only a combination is. Features of one column move together.

    Every column is first exchanged with two rows, and those that come out highest with eight: what is named is
    measured well, and the rest need not be. All rows of a round go through the ensemble as one batch.

    Args:
        score: Combined score of encoded rows.
        background: Normal rows.
        X: Encoded rows to explain; shape (n, n_features).
        columns: For each row, places of the columns to look at.
        seed: Not used: nothing here is random.

    Returns:
        For each row the contributions of its columns.
    """
    near = [background.neighbours(background.distances(x), p, _REPLACEMENTS) for x, p in zip(X, columns, strict=True)]
    if max((len(places) for places in columns), default=0) <= _FEW_COLUMNS:
        return _exchanged(score, background, X, list(zip(columns, near, strict=True)))
    out = _exchanged(score, background, X, [(p, n[:, :_FIRST_LOOK]) for p, n in zip(columns, near, strict=True)])
    best = [np.sort(np.argsort(-found, kind="stable")[:_SECOND_LOOK]) for found in out]
    closer = [(p[at], n[at]) for p, n, at in zip(columns, near, best, strict=True)]
    for found, at, again in zip(out, best, _exchanged(score, background, X, closer), strict=True):
        found[at] = again
    return out


def _exchanged(
    score: Score, background: Background, X: FloatArray, exchanges: list[tuple[IntArray, IntArray]]
) -> list[FloatArray]:
    """Contributions by exchanging, for each row, some columns with some background rows each; see `occlusion`."""
    blocks = [X]
    for x, (places, near) in zip(X, exchanges, strict=True):
        for place, chosen in zip(places, near, strict=True):
            mine = background.group == place
            usual = background.X[chosen]
            blocks += [np.where(mine, usual, x), np.where(mine, x, usual)]
    scored = np.asarray(score(np.concatenate(blocks)), dtype=np.float64)
    out, at = [], len(X)
    for i, (_, near) in enumerate(exchanges):
        count, k = near.shape
        part = scored[at : at + 2 * count * k].reshape(count, 2, k)
        at += 2 * count * k
        lost = scored[i] - part[:, 0].mean(axis=1)
        gained = (part[:, 1] - background.scores[near]).mean(axis=1)
        out.append((lost + gained) / 2)
    return out


def by_distance(background: Background, x: FloatArray, places: IntArray, score: float) -> FloatArray:
    """What columns contribute as far as distances tell, without any scoring: where there is no time for more.

    The score above that of normal rows is shared out by how unusual each column is.
    """
    surprise = background.surprise(x)[places]
    excess = max(score - float(background.scores.mean()), 0.0)
    return surprise / max(float(surprise.sum()), 1e-12) * excess


def shapley(
    score: Score, background: Background, X: FloatArray, columns: list[IntArray], seed: int
) -> list[FloatArray]:
    """Sampled Shapley values (Strumbelj and Kononenko 2014), each order of the columns used forwards and backwards.

    A background row is turned into the explained row column by column; a column's contribution is the mean step of the
    score where it is exchanged. Steps add up to the score less the mean score of the background rows used. Columns
    that are not looked at are the row's own from the start.
    """
    blocks, orders = [], []
    for i, (x, places) in enumerate(zip(X, columns, strict=True)):
        rng = np.random.default_rng([seed, i])
        looked_at = np.isin(background.group, places)
        for _ in range(_ORDERS // 2):
            order = rng.permutation(len(places))
            base = np.where(looked_at, background.X[rng.integers(len(background.X))], x)
            for way in (order, order[::-1]):
                steps = np.repeat(base[None, :], len(places) + 1, axis=0)
                for step, which in enumerate(way, start=1):
                    steps[step:, background.group == places[which]] = x[background.group == places[which]]
                blocks.append(steps)
                orders.append(way)
    scored = np.asarray(score(np.concatenate(blocks)), dtype=np.float64)
    out, at = [], 0
    for i, places in enumerate(columns):
        total = np.zeros(len(places))
        for way in orders[i * _ORDERS : (i + 1) * _ORDERS]:
            total[way] += np.diff(scored[at : at + len(places) + 1])
            at += len(places) + 1
        out.append(total / _ORDERS)
    return out


def by_shap(
    score: Score, background: Background, X: FloatArray, columns: list[IntArray], seed: int
) -> list[FloatArray]:
    """Shapley values by ``shap.KernelExplainer`` (Lundberg and Lee 2017) over columns that are on or off.

    Raises:
        MissingExtraError: The package shap is not installed.
    """
    shap = _optional.require("shap")
    rng = np.random.default_rng(seed)
    usual = background.X[rng.choice(len(background.X), min(_MASKS, len(background.X)), replace=False)]
    out = []
    for x, places in zip(X, columns, strict=True):

        def masked(masks: FloatArray, x: FloatArray = x, places: IntArray = places) -> FloatArray:
            on = np.ones((len(masks), background.n_columns), dtype=bool)
            on[:, places] = np.asarray(masks) > 0.5
            mixed = np.where(on[:, background.group][:, None, :], x, usual[None, :, :])
            scored = np.asarray(score(mixed.reshape(-1, len(x))), dtype=np.float64)
            return np.asarray(scored.reshape(len(masks), -1).mean(axis=1), dtype=np.float64)

        explainer = shap.KernelExplainer(masked, np.zeros((1, len(places))), silent=True, seed=seed)
        samples = _SHAP_SAMPLES + 2 * len(places)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the package and its solvers, not ours
            found = explainer.shap_values(np.ones((1, len(places))), silent=True, nsamples=samples)
        out.append(np.asarray(found, dtype=np.float64).reshape(-1))
    return out


def by_lime(
    score: Score, background: Background, X: FloatArray, columns: list[IntArray], seed: int
) -> list[FloatArray]:
    """A linear model of the score around the row by ``lime`` (Ribeiro et al. 2016); features of a column are summed.

    A feature's contribution is its weight times the row's distance from the mean of the normal rows.

    Raises:
        MissingExtraError: The package lime is not installed.
    """
    tabular = _optional.require("lime.lime_tabular")
    explainer = tabular.LimeTabularExplainer(
        background.X, mode="regression", discretize_continuous=False, sample_around_instance=True, random_state=seed
    )
    out = []
    for x, places in zip(X, columns, strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the package, not ours
            found = explainer.explain_instance(x, score, num_features=len(x), num_samples=_LIME_SAMPLES)
        by_feature = np.zeros(len(x))
        for feature, weight in found.as_map()[1]:
            by_feature[feature] = weight
        by_feature *= (x - explainer.scaler.mean_) / explainer.scaler.scale_
        out.append(np.array([by_feature[background.group == place].sum() for place in places]))
    return out
