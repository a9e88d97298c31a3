"""``python -m benchmarks.encoding [FOLDER]``: what the geometry of mixed tables is worth to four plain detectors.

The folder holds ``index.csv`` and the tables it names, as ``../shared/mixed_datasets`` does. Each detector judges the
same rows on three encodings: ``plain`` (every table as one of numbers), ``auto`` (ours) and ``sensible`` (what a
careful user would write: logarithms of skewed amounts, one-hots up to 30 levels, standardised and divided by √2, −log
frequency above, ids left out). Means are over tables, then over those whose groups no choice was made on.
"""

from __future__ import annotations

import argparse
import hashlib
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.records import FloatArray, IntArray
from pynomaly_auto.scoring import average_precision, roc_auc

_FOLDER = Path("../shared/mixed_datasets")
_LEVELS = 30
_NEIGHBOURS = 100
_LOCAL = 20
_NUMBERS = 0.95  # share of a column's texts that must be numbers for a careful user to read them so


def main() -> None:
    """Measure the tables one by one and print the means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=_FOLDER)
    parser.add_argument("--max-rows", type=int, default=2000)
    parser.add_argument("--every", type=int, default=1, help="only every so-many-th table")
    parser.add_argument("--held-out", action="store_true", help="only tables whose groups no choice was made on")
    parser.add_argument("--out", type=Path, help="a CSV file for what was measured on each table")
    given = parser.parse_args()
    index = pd.read_csv(given.folder / "index.csv")
    if given.held_out:
        index = index[[held_out(group) for group in index["group"]]]
    rows: list[dict[str, Any]] = []
    for entry in index.iloc[:: given.every].to_dict("records"):
        frame, y = read(given.folder / str(entry["path"]), given.max_rows)
        for name, encode in ENCODINGS.items():
            found = measured(encode(frame), y)
            rows.append(
                {
                    "name": entry["name"],
                    "suite": entry["modality"],
                    "held out": held_out(str(entry["group"])),
                    "encoding": name,
                    **found,
                }
            )
        if given.out:
            pd.DataFrame(rows).to_csv(given.out, index=False)
    print(summary(pd.DataFrame(rows)).to_string())


def read(path: Path, max_rows: int) -> tuple[pd.DataFrame, IntArray]:
    """A table without its labels, and these; larger ones thinned at their own share of anomalies."""
    frame = pd.read_parquet(path)
    y = frame["label"].to_numpy().astype(np.int64)
    frame = frame.drop(columns=[c for c in ("label", "wrong") if c in frame])
    if len(frame) <= max_rows:
        return frame, y
    rng = np.random.default_rng(0)
    odd, usual = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    n_odd = min(max(5, round(max_rows * len(odd) / len(y))), len(odd))
    kept = [rng.choice(odd, n_odd, replace=False), rng.choice(usual, max_rows - n_odd, replace=False)]
    rows = np.sort(np.concatenate(kept))
    return frame.iloc[rows].reset_index(drop=True), y[rows]


def held_out(group: str) -> bool:
    """Whether a group belongs to the half that no choice between encodings was made on."""
    return int(hashlib.md5(group.encode(), usedforsecurity=False).hexdigest(), 16) % 2 == 1


def measured(X: FloatArray, y: IntArray) -> dict[str, float]:
    """Average precision and ROC-AUC of each detector; kNN scores are the distance to the k-th neighbour."""
    from sklearn.ensemble import IsolationForest
    from sklearn.neighbors import NearestNeighbors

    k = min(_NEIGHBOURS, len(X) - 1)
    far, near = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(X).kneighbors()
    forest = IsolationForest(n_estimators=100, random_state=0).fit(X)
    scores = {
        "kNN 5": far[:, 4], "kNN 100": far[:, -1], "LOF": _lof(far[:, :_LOCAL], near[:, :_LOCAL]),
        "IForest": -forest.score_samples(X),
    }  # fmt: skip
    found: dict[str, float] = {"features": X.shape[1]}
    for name, values in scores.items():
        found |= {name: average_precision(y, values), f"{name} AUC": roc_auc(y, values)}
    return found


def _lof(far: FloatArray, near: IntArray) -> FloatArray:
    """Local outlier factors from neighbours found already."""
    density = 1 / (np.maximum(far, far[near, -1]).mean(axis=1) + 1e-10)
    return np.asarray(density[near].mean(axis=1) / density)


def sensible(frame: pd.DataFrame) -> FloatArray:
    """What a careful user would write with pandas in ten minutes; shape (n_rows, n_features)."""
    made: list[FloatArray] = []
    for name in frame:
        made += _column(frame[name])
    return np.column_stack([column for column in made if np.ptp(column) > 0])


def _column(column: pd.Series[Any]) -> list[FloatArray]:
    present = column.notna()
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    lost = ~np.isfinite(numbers)
    if lost[present].mean() <= 1 - _NUMBERS:
        numbers[lost] = np.median(numbers[~lost])
        skewness: Any = pd.Series(numbers).skew()  # typed as any scalar
        if numbers.min() >= 0 and skewness > 1:
            numbers = np.log1p(numbers) if numbers.min() == 0 else np.log(numbers)
        return [_standard(numbers), _standard(lost) / np.sqrt(2)]
    dates = pd.to_datetime(column, errors="coerce", format="mixed", utc=True) if _dated(column) else None
    if dates is not None and dates[present].notna().mean() >= _NUMBERS:
        angle = (dates.dt.hour + dates.dt.minute / 60).fillna(0).to_numpy() * 2 * np.pi / 24
        since = dates.astype("int64").to_numpy(dtype=np.float64)
        return [
            _standard(np.where(dates.isna(), np.median(since), since)),
            _standard(np.sin(angle)) / np.sqrt(2),
            _standard(np.cos(angle)) / np.sqrt(2),
        ]
    texts = column.astype(str).where(present, "(missing)")
    counts = texts.value_counts()
    if len(counts) > 0.95 * len(texts):
        return []
    if len(counts) <= _LEVELS:
        return [_standard((texts == level).to_numpy()) / np.sqrt(2) for level in counts.index]
    return [_standard(-np.log(texts.map(counts).to_numpy(dtype=np.float64) / len(texts)))]


def _dated(column: pd.Series[Any]) -> bool:
    return pd.api.types.is_datetime64_any_dtype(column) or bool(
        column.dropna().astype(str).head(50).str.fullmatch(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*").all()
    )


def _standard(values: Any) -> FloatArray:
    values = np.asarray(values, dtype=np.float64)
    spread = values.std()
    return np.asarray((values - values.mean()) / (spread if spread > 1e-12 else 1.0))


def ours(geometry: str) -> Callable[[pd.DataFrame], FloatArray]:
    """Our encoder with a geometry."""
    return lambda frame: TableEncoder(geometry=geometry).fit(frame).encode(frame).X


ENCODINGS: Mapping[str, Callable[[pd.DataFrame], FloatArray]] = {
    "plain": ours("plain"),
    "sensible": sensible,
    "auto": ours("auto"),
}


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """Means by suite and encoding, over all tables and over the groups held out."""
    values = found.columns.difference(["name", "suite", "held out", "encoding"], sort=False)
    parts = {"all": found, "held out": found[found["held out"]]}
    means = {of: rows.groupby(["suite", "encoding"], sort=False)[list(values)].mean() for of, rows in parts.items()}
    return pd.concat(means).round(3)


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main()
