"""The shared tables, read where they lie."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

MAX_ROWS = 20_000


@dataclass(frozen=True, kw_only=True)
class LabelledTable:
    """One table with its labels, 1 = anomaly."""

    name: str
    suite: str
    group: str
    X: Any = field(repr=False)
    y: np.ndarray[Any, Any] = field(repr=False)


def home() -> Path:
    """Where the shared tables are.

    Raises:
        SystemExit: They are not there; a benchmark without them has nothing to say.
    """
    path = Path(os.environ.get("PYNOMALY_META_DATASETS", "../shared/meta_datasets"))
    if not (path / "index.csv").is_file():
        raise SystemExit(f"No shared tables at {path}: set PYNOMALY_META_DATASETS to the folder with index.csv.")
    return path


def tables(suites: tuple[str, ...], *, max_rows: int = MAX_ROWS, seed: int = 0) -> Iterator[LabelledTable]:
    """The tables of some suites, smallest first; larger ones are sampled at random, labels unseen."""
    folder = home()
    index = pd.read_csv(folder / "index.csv")
    index["suite"] = index["path"].str.partition("/")[0]
    chosen = index[index["suite"].isin(suites)].sort_values(["n_samples", "name"])
    for row in chosen.itertuples():
        X, y = _read(folder / str(row.path))
        if len(y) > max_rows:
            rows = np.sort(np.random.default_rng(seed).choice(len(y), max_rows, replace=False))
            X, y = (X.iloc[rows].reset_index(drop=True) if isinstance(X, pd.DataFrame) else X[rows]), y[rows]
        if 0 < y.sum() < len(y):
            yield LabelledTable(name=str(row.name), suite=str(row.suite), group=str(row.group), X=X, y=y)


def _read(path: Path) -> tuple[Any, np.ndarray[Any, Any]]:
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as data:
            return data["X"].astype(np.float64), data["y"].astype(int)
    frame = pd.read_parquet(path)
    return frame.drop(columns="label"), frame["label"].to_numpy().astype(int)
