"""Tables for the tests of cell detectors, as the encoder gives them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.records import OriginalColumn, OriginalTable


def original(frame: pd.DataFrame, fitted_on: pd.DataFrame | None = None) -> OriginalTable:
    return TableEncoder().fit(frame if fitted_on is None else fitted_on).original(frame)


def texts(name: str, cells: Sequence[str | None]) -> OriginalColumn:
    codes, distinct = pd.factorize(np.array(cells, dtype=object))
    return OriginalColumn(name=name, role="text", codes=codes.astype(np.int64), texts=tuple(map(str, distinct)))


def numbers(name: str, cells: Sequence[float]) -> OriginalColumn:
    return OriginalColumn(name=name, role="number", numbers=np.array(cells, dtype=float))


def table(*columns: OriginalColumn) -> OriginalTable:
    return OriginalTable(columns=columns, n_rows=len(columns[0]))


def rows_of(whole: OriginalTable, rows: Sequence[int]) -> OriginalTable:
    """Some rows by themselves, with the texts that are there alone."""
    columns = []
    for column in whole.columns:
        codes, kept = column.codes, column.texts
        if len(codes):
            mine = codes[rows]
            order = list(dict.fromkeys(code for code in mine.tolist() if code >= 0))
            place = {code: i for i, code in enumerate(order)}
            codes = np.array([place.get(code, -1) for code in mine.tolist()], dtype=np.int64)
            kept = tuple(kept[code] for code in order)
        columns.append(
            OriginalColumn(
                name=column.name,
                role=column.role,
                codes=codes,
                texts=kept,
                numbers=column.numbers[rows] if len(column.numbers) else column.numbers,
                zone=column.zone,
            )
        )
    return OriginalTable(columns=tuple(columns), n_rows=len(rows))


def payments(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """Texts, numbers, categories that settle one another, times and entities."""
    rng = np.random.default_rng(seed)
    city = rng.choice(["Boston", "Chicago", "Denver"], n, p=[0.5, 0.3, 0.2])
    kind = rng.choice(["food", "fuel", "toys"], n)
    scale = pd.Series(kind).map({"food": 20.0, "fuel": 60.0, "toys": 300.0}).to_numpy()
    when = np.sort(rng.integers(0, 60 * 86_400, n))
    day = when - when % 86_400 + rng.integers(8 * 3600, 20 * 3600, n)
    return pd.DataFrame(
        {
            "when": pd.to_datetime(np.sort(day), unit="s"),
            "who": rng.choice([f"E{i:03d}" for i in range(30)], n),
            "city": city,
            "state": pd.Series(city).map({"Boston": "MA", "Chicago": "IL", "Denver": "CO"}),
            "kind": kind,
            "amount": np.round(scale * np.exp(0.3 * rng.normal(size=n)), 2),
            "code": [f"AB-{i % 50:03d}" for i in range(n)],
            "key": [f"K{i - (i == 9)}" for i in range(n)],
            "same": ["EUR" if i != 11 else "USD" for i in range(n)],
            "shelf": [f"S{i // 20:02d}" for i in range(n)],
            "place": [f"P{i % 20 - (i == 33):02d}" for i in range(n)],
            "written": [str(int(x)) for x in rng.integers(100, 200, n)],
            "tariff": [f"T{(len(c) * ord(k[1])) % 4}" for c, k in zip(city, kind, strict=True)],
        }
    )
