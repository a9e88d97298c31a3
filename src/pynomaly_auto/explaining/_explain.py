"""Explanations of rows: which columns make their scores high."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pynomaly_auto._deadline import Deadline
from pynomaly_auto.errors import InvalidInputError, SettingError, UnknownNameError
from pynomaly_auto.explaining._background import Background, Score, make_background
from pynomaly_auto.explaining._contributions import Contributor, by_distance, by_lime, by_shap, occlusion, shapley
from pynomaly_auto.explaining._text import cell_text, encoded_text, sentence, typical_cell
from pynomaly_auto.records import Contribution, Dataset, Explanation, FloatArray, IntArray

_CONTRIBUTORS: dict[str, Contributor] = {
    "occlusion": occlusion,
    "shapley": shapley,
    "shap": by_shap,
    "lime": by_lime,
}
METHODS = tuple(_CONTRIBUTORS)

_ORDERED = ("numeric", "datetime", "timedelta")  # kinds of columns whose first feature keeps their order
_FIRST_ROWS, _MOST_AT_ONCE = 4, 32  # rows explained in one call of the scoring function


@dataclass(frozen=True, kw_only=True)
class Explaining:
    """How rows are explained.

    Args:
        method: One of `METHODS`: ``"occlusion"`` (the default: cheapest, and columns that only matter together both
            show), ``"shapley"`` (contributions add up to the score's distance from normal rows), or ``"shap"`` and
            ``"lime"`` through the packages of these names.
        seed: Seed of everything random.
        seconds: Stop scoring after that long; rows not reached are explained by distance alone. None: no limit.
        max_columns: Look at the most unusual columns of each row only.
        reference: The user's cells of the training rows, for usual values when new rows are explained.
        quick: A cheaper scoring function that orders rows nearly alike, for the many exchanges of ``"occlusion"``;
            contributions are then on its scale. None: the one that is explained.
    """

    method: str = "occlusion"
    seed: int = 0
    seconds: float | None = None
    max_columns: int = 50
    reference: Any = None
    quick: Score | None = None

    def __post_init__(self) -> None:
        if self.method not in _CONTRIBUTORS:
            raise UnknownNameError.of("explanation method", self.method, METHODS)
        if self.max_columns < 1:
            raise SettingError(f"max_columns is {self.max_columns!r}.", fix="Give at least 1.")


def explain_rows(
    score: Score,
    dataset: Dataset,
    rows: IntArray,
    *,
    X: FloatArray | None = None,
    values: Any = None,
    options: Explaining | None = None,
) -> tuple[Explanation, ...]:
    """Say of each row what its columns add to its combined score, largest contribution first.

    Any scoring function will do: encoded features of one of the user's columns are exchanged together with those of
    normal training rows, and the score is looked at again. All rows are explained from the same normal rows, so the
    same seed gives the same explanations; with ``seconds`` a row is measured in full or explained by distance alone.

    Args:
        score: Combined score of encoded rows, (n, n_features) to (n,), higher = more anomalous.
        dataset: The training table.
        rows: Positions of the rows to explain, in ``X`` or else in the training table.
        X: Encoded new rows; shape (n_new, n_features).
        values: The user's cells of the rows that ``rows`` counts in: a data frame or anything one is made of, its
            columns in the order of ``dataset.columns``. None: texts show standardised values.
        options: Method, seed, limits.

    Raises:
        InvalidInputError: A row does not exist, or ``values`` has other columns than the table.
        MissingExtraError: The method needs a package that is not installed.
    """
    options = options or Explaining()
    clock = Deadline(options.seconds)
    table = dataset.rows if X is None else np.asarray(X, dtype=np.float64)
    chosen = np.asarray(rows, dtype=np.int64).reshape(-1)
    if len(chosen) and (chosen.min() < 0 or chosen.max() >= len(table)):
        raise InvalidInputError(f"there is no row {int(chosen.max())} among {len(table)}.", where="rows")
    cells = _frame(values, dataset, len(table))
    if not len(chosen):
        return ()
    looked = options.quick if options.quick is not None and options.method == "occlusion" else score
    background = make_background(looked, dataset, options.seed)
    labels = _labels(dataset, cells, len(table), new=X is not None)
    writer = _Writer(dataset, background, cells, _frame(options.reference, dataset, dataset.n_rows), new=X is not None)
    out: list[Explanation] = []
    found = _all_contributions(looked, background, table[chosen], options, clock)
    scores = np.asarray(score(table[chosen]), dtype=np.float64)
    for i, row in enumerate(chosen):
        x, measured = table[row], i < len(found)
        if measured:
            places, amounts = found[i]
        else:
            places = background.unusual(x, options.max_columns)
            amounts = by_distance(background, x, places, float(scores[i]))
        contributions = writer.contributions(int(row), x, places, amounts)
        text = sentence(labels[row], contributions, measured=measured)
        out.append(
            Explanation(row=int(row), label=labels[row], score=float(scores[i]), contributions=contributions, text=text)
        )
    return tuple(out)


def _all_contributions(
    score: Score, background: Background, X: FloatArray, options: Explaining, clock: Deadline
) -> list[tuple[IntArray, FloatArray]]:
    """Columns looked at and their contributions, row by row, until the time is up."""
    contribute = _CONTRIBUTORS[options.method]
    out: list[tuple[IntArray, FloatArray]] = []
    # A few rows first, to learn what a row costs, where there is a limit.
    size, slowest = (_MOST_AT_ONCE if clock.seconds is None else _FIRST_ROWS), 0.0
    while len(out) < len(X):
        # A call is only made when there is time for it.
        if clock.remaining() <= slowest * size:
            size = max(int(clock.remaining() / slowest), 0) if slowest > 0 else 0
            if size == 0:
                break
        before = clock.elapsed()
        part = X[len(out) : len(out) + size]
        columns = [background.unusual(x, options.max_columns) for x in part]
        out += zip(columns, contribute(score, background, part, columns, options.seed + len(out)), strict=True)
        slowest = (clock.elapsed() - before) / len(part)
        size = _MOST_AT_ONCE
    return out


class _Writer:
    """Turns contributions into records with readable values."""

    def __init__(
        self,
        dataset: Dataset,
        background: Background,
        cells: pd.DataFrame | None,
        reference: pd.DataFrame | None,
        *,
        new: bool,
    ) -> None:
        self._dataset, self._background, self._cells = dataset, background, cells
        # New rows' own cells say nothing about what is usual; the training rows' do.
        usual = reference if reference is not None or new else cells
        self._usual = None if usual is None else usual.iloc[background.rows]
        self._typical: dict[int, str] = {}

    def contributions(self, row: int, x: FloatArray, places: IntArray, found: FloatArray) -> tuple[Contribution, ...]:
        total = float(found[found > 0].sum())
        out = []
        for at in np.argsort(-found, kind="stable"):
            place, amount = int(places[at]), float(found[at])
            column = int(self._background.columns[place])
            out.append(
                Contribution(
                    column=self._dataset.columns[column].name,
                    value=self._value(row, column, x[self._background.group == place]),
                    typical=self._usual_text(place, column),
                    contribution=amount,
                    share=max(amount, 0.0) / total if total > 0 else 0.0,
                )
            )
        return tuple(out)

    def _value(self, row: int, column: int, encoded: FloatArray) -> str:
        return encoded_text(encoded) if self._cells is None else cell_text(self._cells.iat[row, column])

    def _usual_text(self, place: int, column: int) -> str:
        if place not in self._typical:
            if self._usual is None:
                own = self._background.X[:, self._background.group == place]
                self._typical[place] = encoded_text(np.median(own, axis=0))
            else:
                self._typical[place] = cell_text(typical_cell(self._usual.iloc[:, column], self._order(place, column)))
        return self._typical[place]

    def _order(self, place: int, column: int) -> FloatArray | None:
        """What says which of a column's texts is the middle one: numbers and dates may be written as texts."""
        if self._dataset.columns[column].kind not in _ORDERED:
            return None
        return np.asarray(self._background.X[:, np.flatnonzero(self._background.group == place)[0]])


def _frame(values: Any, dataset: Dataset, n_rows: int) -> pd.DataFrame | None:
    if values is None:
        return None
    frame = values if isinstance(values, pd.DataFrame) else pd.DataFrame(values)
    if frame.shape != (n_rows, len(dataset.columns)):
        raise InvalidInputError(
            f"cells of shape {frame.shape} for {n_rows} rows and {len(dataset.columns)} columns.",
            where="values",
            fix="Give the cells of the same table, columns in the same order.",
        )
    return frame


def _labels(dataset: Dataset, cells: pd.DataFrame | None, n_rows: int, *, new: bool) -> Any:
    if not new:
        return dataset.row_labels
    return np.arange(n_rows) if cells is None else cells.index
