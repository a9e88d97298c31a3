"""Exchanges: a row's value replaced by another row's that its other columns make improbable."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from meta_datasets.synthetic._draft import Cells
from meta_datasets.synthetic._usable import MOST_CLASSES, Usable
from pynomaly_auto.errors import NotApplicableError
from pynomaly_auto.records import FloatArray, IntArray

_MOST_TARGETS = 6  # columns that a model is fitted for
_MOST_FEATURES = 40
_MOST_ROWS = 4000  # that a model is fitted to
_TREES, _LEAF = 60, 3
_IMPROBABLE, _PLAUSIBLE = 0.01, 0.2
_FREQUENT = 0.01  # share of the rows that an exchanged value has: a rare one would be odd by itself
_TWO = 0.3  # of the exchanges are of two attributes, where there are two
_TRIES = 20  # for each exchange wanted
_FEWEST_JUDGED = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class _Pool:
    """Exchanges in one column that its model calls improbable.

    Args:
        column: Its name.
        codes: Class of each row, shape (n_rows,).
        odd: Which class would be improbable in which row, bool of shape (n_rows, n_classes).
        rows: Rows that have any such class.
    """

    column: str
    codes: IntArray
    odd: Cells
    rows: IntArray

    def donor(self, row: int, rng: np.random.Generator) -> int:
        """A random row whose value is improbable in this one."""
        return int(rng.choice(np.flatnonzero((self.codes >= 0) & self.odd[row][self.codes])))

    def accepts(self, row: int, donor: int) -> bool:
        """Whether the donor's value would be improbable in a row."""
        return self.codes[donor] >= 0 and bool(self.odd[row, self.codes[donor]])


def exchanges(table: Usable, count: int) -> int:
    """Plant exchanges of one attribute or two with the same other row.

    Returns:
        How many were planted.

    Raises:
        NotApplicableError: No column depends on the others.
    """
    draft, rng = table.draft, table.draft.rng
    # The models see one half of the rows, exchanges are planted in the other one.
    half = rng.random(len(draft.frame)) < 0.5
    pools = [pool for target in _targets(table) if (pool := _pool(table, target, half)) is not None]
    if not pools:
        raise NotApplicableError("no column depends on the others.")
    done = 0
    for _ in range(_TRIES * count):
        if done == count:
            break
        pool = pools[int(rng.integers(len(pools)))]
        row = int(rng.choice(pool.rows))
        donor = pool.donor(row, rng)
        if not draft.is_free(row):
            continue
        columns = [pool.column]
        if rng.random() < _TWO:
            columns += [p.column for p in pools if p is not pool and p.accepts(row, donor)][:1]
        draft.change("exchange", np.array([row]), {column: draft.before(column)[donor] for column in columns})
        done += 1
    return done


def _targets(table: Usable) -> list[str]:
    """A random part of the columns with few classes."""
    few = [c for c, codes in table.codes.items() if 2 <= len(np.unique(codes[codes >= 0])) <= MOST_CLASSES]
    return [few[i] for i in table.draft.rng.permutation(len(few))[:_MOST_TARGETS]]


def _pool(table: Usable, target: str, half: Cells) -> _Pool | None:
    """What is improbable in a column, for the rows of the other half whose own value is plausible."""
    codes = table.codes[target]
    fitted, judged = np.flatnonzero(half & (codes >= 0)), np.flatnonzero(~half & (codes >= 0))
    features = [c for c in table.codes if c != target]
    if not features or len(judged) < _FEWEST_JUDGED or len(np.unique(codes[fitted])) < 2:
        return None
    p = _probabilities(table, target, features, fitted, judged)
    frequent = np.bincount(codes[codes >= 0], minlength=p.shape[1]) >= _FREQUENT * len(codes)
    odd = (p < _IMPROBABLE) & frequent & np.isin(np.arange(p.shape[1]), codes[fitted])
    plausible = np.zeros(len(codes), dtype=bool)
    plausible[judged] = p[judged, codes[judged]] > _PLAUSIBLE
    odd &= plausible[:, None]
    rows = np.flatnonzero(odd.any(axis=1))
    return _Pool(column=target, codes=codes, odd=odd, rows=rows) if len(rows) else None


def _probabilities(table: Usable, target: str, features: list[str], fitted: IntArray, judged: IntArray) -> FloatArray:
    """Of every class in the rows judged, given the other columns; shape (n_rows, n_classes), 0 in other rows."""
    rng, codes = table.draft.rng, table.codes[target]
    chosen = [features[i] for i in rng.permutation(len(features))[:_MOST_FEATURES]]
    X = np.column_stack([table.numbers.get(c, table.codes[c].astype(np.float64)) for c in chosen])
    # Far below every other number: missing cells are a branch of their own.
    X = np.where(np.isfinite(X), np.clip(X, -1e30, 1e30), -1e35)
    part = fitted[rng.permutation(len(fitted))[:_MOST_ROWS]]
    forest = RandomForestClassifier(
        n_estimators=_TREES, min_samples_leaf=_LEAF, max_features=0.5, random_state=int(rng.integers(2**31))
    ).fit(X[part], codes[part])
    p = np.zeros((len(codes), int(codes.max()) + 1))
    p[np.ix_(judged, forest.classes_)] = forest.predict_proba(X[judged])
    return p
