"""One table as a frame and in files of several kinds: read to the same cells, and judged the same to the last bit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto import AutonomousDetector
from pynomaly_auto.dataset import TableEncoder, open_table, read_table
from pynomaly_auto.records import Dataset, OriginalTable, Result

N = 240
WAYS = ("frame", "csv", "xlsx", "parquet")


def table() -> pd.DataFrame:
    """Dates, times, names, codes, words that look missing, gaps, truths, amounts, a wrong number."""
    rng = np.random.default_rng(7)
    start = pd.Timestamp("2024-01-01")
    gone = rng.random(N) < 0.1
    price = [*np.round(rng.normal(50, 5, N - 1), 1).tolist(), "4x.1"]
    words = [*(np.round(rng.normal(9, 2, N - 2), 2) + 0.001).round(3).tolist(), "n/a", "?"]
    return pd.DataFrame(
        {
            "when": start + pd.to_timedelta(rng.integers(0, 90 * 86_400, N), unit="s"),
            "day": start + pd.to_timedelta(rng.integers(0, 90, N), unit="D"),
            "due": (start + pd.to_timedelta(rng.integers(0, 30, N), unit="D")).where(~gone),
            "clock": np.array([dt.time(h, 30) for h in rng.integers(0, 24, N).tolist()], dtype=object),
            "entity": np.array([f"E{i}" for i in rng.integers(100, 125, N).tolist()], dtype=object),
            "code": np.array([f"{i:05}" for i in (37 * rng.integers(0, 60, N)).tolist()], dtype=object),
            "country": rng.choice(np.array(["DE", "NA", "FR"], dtype=object), N),
            "status": rng.choice(np.array(["None", "open", "closed"], dtype=object), N),
            "group": pd.Categorical(rng.choice(["b", "a", "c"], N)),
            "note": np.array([f"sent by {w}, order {i}" for i, w in enumerate(rng.choice(["ann", "bob"], N))]),
            "blank": np.where(gone, "", rng.choice(np.array(["u", "v"], dtype=object), N)),
            "none": np.where(gone, None, rng.choice(np.array(["x", "y"], dtype=object), N)),
            "amount": np.round(np.exp(rng.normal(3, 1, N)), 2),
            "whole": np.round(np.exp(rng.normal(6, 1, N))),
            "count": rng.integers(0, 30, N),
            "some": pd.array(
                [None if g else int(v) for g, v in zip(gone, rng.integers(0, 9, N), strict=True)], "Int64"
            ),
            "few": np.where(gone, np.nan, np.round(rng.normal(size=N), 3)),
            "ok": rng.random(N) < 0.3,
            "maybe": pd.array(
                [None if g else bool(v) for g, v in zip(gone, rng.random(N) < 0.5, strict=True)], "boolean"
            ),
            "price": pd.Series(price, dtype=object),
            "words": pd.Series(words, dtype=object),
        }
    )


def as_way(way: str, folder: Path) -> pd.DataFrame:
    """The table as it comes back from a file of a kind."""
    frame = table()
    if way == "frame":
        return frame
    path = folder / f"t.{way}"
    if way == "csv":
        frame.to_csv(path, index=False)
    elif way == "xlsx":
        pytest.importorskip("python_calamine")
        pytest.importorskip("xlsxwriter")
        frame.to_excel(path, index=False)
    else:  # which knows no columns of several types
        frame.astype({"price": str, "words": str}).to_parquet(path, index=False)
    return read_table(path)


def looked_at(frame: pd.DataFrame) -> tuple[Dataset, OriginalTable]:
    opened = open_table(frame)
    encoder = TableEncoder().fit(opened)
    return encoder.encode(opened), encoder.original(opened)


@pytest.mark.parametrize("way", WAYS[1:])
def test_every_way_is_read_to_the_same_cells(way: str, tmp_path: Path) -> None:
    (usual, cells), (other, others) = looked_at(table()), looked_at(as_way(way, tmp_path))
    assert [(c.name, c.kind) for c in other.columns] == [(c.name, c.kind) for c in usual.columns]
    assert other.features == usual.features
    assert np.array_equal(other.X, usual.X)
    for one, two in zip(cells.columns, others.columns, strict=True):
        assert (two.role, two.texts) == (one.role, one.texts), one.name
        assert np.array_equal(two.codes, one.codes), one.name
        assert np.array_equal(two.numbers, one.numbers, equal_nan=True), one.name
        assert two.levels.texts == one.levels.texts, one.name


def test_dates_are_named_as_people_write_them() -> None:
    _, cells = looked_at(table())
    when, day = cells.columns[:2]
    assert all(len(text) == len("2024-01-01 00:00:01") for text in when.levels.texts)
    assert all(len(text) == len("2024-01-01") for text in day.levels.texts)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Result]:
    results: dict[str, Result] = {}

    def judge(way: str) -> Result:
        if way not in results:
            frame = as_way(way, tmp_path_factory.mktemp(way))
            detector = AutonomousDetector(n_trials=4, tracking=False, random_state=0, verbose=0)
            results[way] = detector.fit(frame).result_
        return results[way]

    return judge


@pytest.mark.parametrize("way", WAYS[1:])
def test_every_way_is_judged_the_same(way: str, judged: Callable[[str], Result]) -> None:
    usual, other = judged("frame"), judged(way)
    assert np.array_equal(other.verdict.scores, usual.verdict.scores)
    assert np.array_equal(other.labels, usual.labels)
    assert other.verdict.contamination == usual.verdict.contamination
    assert [(c.row, c.column, c.bits) for c in other.cells] == [(c.row, c.column, c.bits) for c in usual.cells]
