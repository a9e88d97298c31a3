"""Parameters that beat the defaults on known tables, ready to be asked for the tables most like a new one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pynomaly_auto.knowledge._answers import Neighbours, WarmStart
from pynomaly_auto.records import FloatArray, IntArray

_BETWEEN = "\n"  # of a configuration's name and its parameters; sorts before anything in either
_TABLES = 15  # most similar tables whose best parameters are transferred


@dataclass(frozen=True, kw_only=True, eq=False)
class _Tried:
    """A detector's measured configurations besides its defaults.

    Args:
        table: Position in the tasks table; shape (n,).
        gain: ROC-AUC gained over the defaults on the same table; shape (n,).
        choice: Position in ``params``; shape (n,).
        params: Different parameters, as JSON.
    """

    table: IntArray
    gain: FloatArray
    choice: IntArray
    params: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Transfers:
    """What was tried besides the defaults, by detector."""

    tried: Mapping[str, _Tried]
    n_tables: int

    @classmethod
    def near(cls, results: pd.DataFrame, tasks: pd.Series, near: Neighbours) -> Transfers:
        """What the results table has of the tables most like this one; the others would have no say.

        Args:
            results: One row per measured fit.
            tasks: Names of the tasks, in the order of the tasks table.
            near: Of this table.
        """
        asked = {str(tasks.iloc[i]) for i in near.tables[:_TABLES]}
        results = results[results["task"].isin(asked)]
        done = results.loc[results["status"] == "completed", ["task", "detector", "config", "params", "roc_auc"]]
        default = done["config"] == "default"
        base = done.loc[default, ["task", "detector", "roc_auc"]].rename(columns={"roc_auc": "base"})
        both = done[~default].merge(base, on=["task", "detector"])
        both["gain"] = both["roc_auc"] - both["base"]
        both["table"] = both["task"].map({str(name): i for i, name in enumerate(tasks)})
        kept = both[["table", "detector", "config", "params", "gain"]].dropna()
        return cls({str(name): _tried(part) for name, part in kept.groupby("detector", sort=True)}, len(tasks))

    def best(self, near: Neighbours, detector: str, count: int) -> tuple[WarmStart, ...]:
        """The parameters with the largest mean gain on the tables most like this one, weighted by similarity."""
        known = self.tried.get(detector)
        if known is None:
            return ()
        weights = np.zeros(self.n_tables)
        weights[list(near.tables[:_TABLES])] = 1.0 / (0.1 + np.asarray(near.distances[:_TABLES]))
        rows = np.flatnonzero(weights[known.table] > 0)
        choice, weight = known.choice[rows], weights[known.table[rows]]
        tables = np.bincount(choice, minlength=len(known.params))
        total = np.bincount(choice, weights=weight, minlength=len(known.params))
        gain = np.bincount(choice, weights=weight * known.gain[rows], minlength=len(known.params))
        gain = np.where(tables > 0, gain / np.where(tables > 0, total, 1.0), 0.0)
        order = [i for i in np.argsort(-gain, kind="stable")[:count] if gain[i] > 0]
        return tuple(
            WarmStart(params=json.loads(known.params[i]), gain=float(gain[i]), tables=int(tables[i])) for i in order
        )


class TransferCache:
    """What is known of the tables most like the one asked about, which is one at a time.

    Args:
        results: One row per measured fit.
        tasks: Names of the tasks, in the order of the tasks table.
    """

    def __init__(self, results: pd.DataFrame, tasks: pd.Series) -> None:
        self._results, self._tasks = results, tasks
        self._last: tuple[tuple[int, ...], Transfers] | None = None

    def near(self, near: Neighbours) -> Transfers:
        """Of the tables most like that one."""
        key, last = near.tables[:_TABLES], self._last
        if last is None or last[0] != key:
            self._last = last = (key, Transfers.near(self._results, self._tasks, near))
        return last[1]


def _tried(part: pd.DataFrame) -> _Tried:
    names = (part["config"].astype(str) + _BETWEEN + part["params"].astype(str)).to_numpy(dtype=object)
    choices, choice = np.unique(names, return_inverse=True)
    return _Tried(
        table=part["table"].to_numpy(dtype=np.int64), gain=part["gain"].to_numpy(dtype=np.float64), choice=choice,
        params=tuple(str(name).partition(_BETWEEN)[2] for name in choices),
    )  # fmt: skip
