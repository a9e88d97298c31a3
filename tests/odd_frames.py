"""Odd tables by the hundred, each known by its number: what a column can hold and a library can hand over.

``python -m tests.odd_frames 520`` fits a quick detector to that many of them, saves and loads it, and prints what went
wrong with which.
"""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import fractions
import sys
import tempfile
import uuid
import warnings
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy import sparse

from pynomaly_auto.errors import AmbiguousReadingWarning, PynomalyError

Rng = np.random.Generator
Make = Callable[[Rng, int], Any]

D = decimal.Decimal
UTC = dt.UTC


class Colour(enum.Enum):
    RED = 1
    BLUE = "b"


class Whole(enum.IntEnum):
    ONE = 1
    TWO = 2


class Awkward:
    """Neither number nor text, and no comparison is allowed."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")

    __hash__ = None  # type: ignore[assignment]


def _some(*cells: Any) -> Make:
    """Objects drawn with repetition, so that columns neither name rows nor stay constant."""

    def make(rng: Rng, n: int) -> pd.Series[Any]:
        out = np.empty(n, dtype=object)
        for i, j in enumerate(rng.integers(0, len(cells), n)):
            out[i] = cells[j]
        return pd.Series(out, dtype=object)

    return make


def _typed(kind: Any, *cells: Any) -> Make:
    return lambda rng, n: pd.Series([cells[i] for i in rng.integers(0, len(cells), n)], dtype=kind)


def _numbers(kind: Any, scale: float = 1.0) -> Make:
    def make(rng: Rng, n: int) -> Any:
        with np.errstate(over="ignore"):
            return pd.Series((rng.normal(size=n) * scale).astype(kind))

    return make


def _moments(unit: str) -> Make:
    return lambda rng, n: rng.integers(-40, 60, n).astype("M8[Y]").astype(f"M8[{unit}]")


def _arrow(kind: Any, *cells: Any) -> Make:
    def make(rng: Rng, n: int) -> Any:
        drawn = [cells[i] for i in rng.integers(0, len(cells), n)]
        return pd.Series(pd.array(pa.array(drawn, type=kind), dtype=pd.ArrowDtype(kind)))

    return make


_DAY = dt.datetime(2024, 2, 29, 12)
COLUMNS: dict[str, Make] = {
    "normal": _numbers("f8"),
    "float16": _numbers("f2"),
    "float16 inf": _numbers("f2", 1e5),
    "float32 extreme": _numbers("f4", 3e37),
    "float64 extreme": _numbers("f8", 5e307),
    "long double": _numbers(np.longdouble),
    "longer double": lambda rng, n: np.longdouble(10) ** rng.integers(300, 400, n),
    "long doubles": lambda rng, n: pd.Series(list(np.longdouble(10) ** rng.integers(300, 400, n)), dtype=object),
    "denormal": _numbers("f8", 5e-324),
    "nan and inf": _typed("f8", 1.0, np.nan, np.inf, -np.inf, 2.5),
    "signed zero": _typed("f8", 0.0, -0.0, 1.0),
    "nearly constant": _typed("f8", 1.0, 1.0 + 2**-52),
    "int8": lambda rng, n: rng.integers(-128, 127, n).astype("i1"),
    "uint64": lambda rng, n: rng.integers(2**63, 2**64 - 1, n, dtype="u8"),
    "huge ints": _some(10**400, -(10**400), 3, 10**30, None),
    "huge int and text": _some(10**400, "x", "y", 1),
    "huge fraction": _some(fractions.Fraction(10**500, 3), fractions.Fraction(1, 10**500), 0.5),
    "decimals": _some(D("1.10"), D("2"), D("-3e5"), None),
    "decimal infinities": _some(D("NaN"), D("Infinity"), D("-Infinity"), D("1")),
    "signalling nan": _some(D("sNaN"), D("1"), D("2.5")),
    "signalling nan and text": _some(D("sNaN"), "a", "b", 1),
    "huge decimals": _some(D("1e999999"), D("-1e999999"), D("1e-999999"), 1),
    "bools": lambda rng, n: rng.random(n) < 0.3,
    "bools and none": _some(True, False, None),
    "nullable bools": _typed("boolean", True, False, None),
    "bools and ints": _some(True, 2, 0, False),
    "numpy scalars": _some(np.int8(1), np.float32(2.5), np.float64("nan"), np.bool_(True)),
    "nullable int": _typed("Int64", 1, 2**62, None),
    "nullable float": _typed("Float32", 1.5, None, 2.0),
    "complex": _numbers("c16"),
    "complex objects": _some(1 + 2j, 3.0),
    "texts": _some("red", "green", "blue"),
    "pandas text": _typed("string", "red", "green", None),
    "pandas 3 text": _typed("str", "red", "green", None),
    "surrogates": _some("\ud800", "a\udfff", "b", "c"),
    "surrogate names": lambda rng, n: pd.Series([f"\ud83d{i}" for i in range(n)], dtype=object),
    "control texts": _some("\0", "a\0b", "\u202e\u0301", "", " ", "line\nbreak"),
    "huge text": _some("x" * 200_000, "y", "z " * 100_000),
    "sentences": lambda rng, n: pd.Series([" ".join(rng.choice(["a1", "bc", "d"], 5)) for _ in range(n)]),
    "surrogate sentences": lambda rng, n: pd.Series(
        [" ".join(rng.choice(["a\udc80", "bc", "d"], 6)) for _ in range(n)], dtype=object
    ),
    "numbers in texts": _some("1,234.5", " 3 ", "12%", "NA", "-7", "€ 9"),
    "huge numbers in texts": _some("1e999", "-1e999", "9" * 5000, "1"),
    "odd digits": _some("１２", "٣", "4", "²"),
    "dates in texts": _some("2024-01-31", "2024-02-29", "0001-01-01", "9999-12-31"),
    "odd dates in texts": _some("2024-01-31T00:00:00+14:00", "2024-02-30", "2024-01-01T25:00"),
    "bytes": _some(b"a", b"\xff\xfe", b""),
    "bytearrays": _some(bytearray(b"a"), bytearray(b"b")),
    "mixed": _some(1, "two", None, 3.5, b"four", True, float("nan"), pd.NA, pd.NaT),
    "only words for missing": _some(None, float("nan"), pd.NA, pd.NaT),
    "missing": lambda rng, n: pd.Series([None] * n, dtype=object),
    "nan": lambda rng, n: np.full(n, np.nan),
    "missing text": lambda rng, n: pd.Series([None] * n, dtype="str"),
    "constant": lambda rng, n: np.full(n, 7),
    "constant text": lambda rng, n: pd.Series(["same"] * n, dtype=object),
    "constant or missing": _typed("f8", 3.0, np.nan),
    "numbered": lambda rng, n: np.arange(n),
    "unique ids": lambda rng, n: pd.Series([str(uuid.UUID(int=i)) for i in range(n)]),
    "uuids": lambda rng, n: pd.Series([uuid.UUID(int=i % 5) for i in range(n)]),
    "paths": _some(PurePosixPath("/a"), PurePosixPath("b")),
    "enums": _some(Colour.RED, Colour.BLUE),
    "int enums": _some(Whole.ONE, Whole.TWO),
    "categories": lambda rng, n: pd.Series(pd.Categorical(rng.choice(["a", "b"], n))),
    "categories and nan": lambda rng, n: pd.Series(pd.Categorical(rng.choice(["a", "b", "c"], n), ["a", "b"])),
    "empty categories": lambda rng, n: pd.Series(pd.Categorical([None] * n)),
    "number categories": lambda rng, n: pd.Series(pd.Categorical(rng.integers(0, 3, n))),
    "interval categories": lambda rng, n: pd.Series(pd.cut(rng.normal(size=n), [-9, 0, 1, 9])),
    "object categories": lambda rng, n: pd.Series(pd.Categorical.from_codes(rng.integers(0, 3, n), [1, "1", 2.5])),
    "bool categories": lambda rng, n: pd.Series(pd.Categorical.from_codes(rng.integers(-1, 2, n), [True, False])),
    "time categories": lambda rng, n: pd.Series(
        pd.Categorical.from_codes(rng.integers(0, 2, n), pd.DatetimeIndex(["2024", "2025"]))
    ),
    "years": _moments("Y"),
    "months": _moments("M"),
    "days": _moments("D"),
    "ten minutes": lambda rng, n: pd.Series(list(rng.integers(0, 9, n).astype("M8[10m]")), dtype=object),
    "nanoseconds": _moments("ns"),
    "far years": _some(np.datetime64("20000-01-01"), np.datetime64("-3000-01-01"), np.datetime64("2024-01-01")),
    "python dates": _some(dt.date(1, 1, 1), dt.date(9999, 12, 31), None, dt.date(2024, 1, 1)),
    "python times": _some(_DAY, dt.datetime.min, dt.datetime.max, None),
    "zoned": lambda rng, n: pd.Series(pd.date_range("2024-03-30", periods=n, freq="7h", tz="Europe/Zurich")),
    "zones mixed": _some(pd.Timestamp(_DAY, tz="Asia/Tokyo"), pd.Timestamp(_DAY, tz="UTC"), None),
    "zoned and not": _some(_DAY, _DAY.replace(tzinfo=UTC), _DAY + dt.timedelta(3)),
    "extreme zoned": _some(dt.datetime.max.replace(tzinfo=dt.timezone(dt.timedelta(hours=-14))), _DAY.astimezone(UTC)),
    "odd offsets": _some(*(_DAY.replace(tzinfo=dt.timezone(dt.timedelta(seconds=s))) for s in (1, -86399))),
    "clocks": _some(dt.time(1), dt.time(23, 59), None),
    "spans": _some(dt.timedelta.max, dt.timedelta.min, dt.timedelta(1), None),
    "timedeltas": lambda rng, n: rng.integers(0, 9, n).astype("m8[D]"),
    "year spans": lambda rng, n: rng.integers(0, 9, n).astype("m8[Y]"),
    "times and spans": _some(_DAY, dt.timedelta(1), _DAY),
    "times and texts": _some(_DAY, "later", None),
    "periods": lambda rng, n: pd.Series(pd.period_range("2024-01", periods=n, freq="M")),
    "far periods": lambda rng, n: pd.Series(pd.PeriodIndex.from_ordinals(rng.integers(1, 9999, n), freq="Y")),
    "period objects": _some(pd.Period("2024-01"), pd.Period("2024Q1"), None),
    "intervals": lambda rng, n: pd.Series(pd.IntervalIndex.from_breaks(range(n + 1))),
    "interval objects": _some(pd.Interval(0, 1), pd.Interval(1, 2)),
    "sparse": lambda rng, n: pd.Series(pd.arrays.SparseArray(rng.integers(0, 3, n))),
    "sparse nan": lambda rng, n: pd.Series(pd.arrays.SparseArray(np.where(rng.random(n) < 0.5, np.nan, 1.5))),
    "sparse bools": lambda rng, n: pd.Series(pd.arrays.SparseArray(rng.random(n) < 0.5)),
    "nested lists": _some([1, 2], [3]),
    "arrays": _some(np.arange(2), np.arange(3)),
    "dictionaries": _some({"a": 1}, None),
    "tuples": _some((1, 2), (3, 4)),
    "sets": _some({1}, frozenset({2})),
    "functions": _some(len, print),
    "awkward": _some(Awkward(), 1),
    "zero-dimensional": _some(np.array(1.5), np.array(2)),
    "arrow int": _arrow(pa.int16(), 1, 2, None),
    "arrow text": _arrow(pa.string(), "a", "b", None),
    "arrow large text": _arrow(pa.large_string(), "a", "b", None),
    "arrow bool": _arrow(pa.bool_(), True, False, None),
    "arrow decimal": _arrow(pa.decimal128(12, 3), D("1.5"), D("2"), None),
    "arrow wide decimal": _arrow(pa.decimal256(70, 3), D("1e60"), D("2"), None),
    "arrow date": _arrow(pa.date32(), dt.date(2024, 1, 1), dt.date(2024, 5, 1), None),
    "arrow date 64": _arrow(pa.date64(), dt.date(2024, 1, 1), dt.date(2024, 5, 1), None),
    "arrow time": _arrow(pa.time64("us"), dt.time(1), dt.time(2), None),
    "arrow stamp": _arrow(pa.timestamp("s", tz="Asia/Tokyo"), _DAY, _DAY + dt.timedelta(40), None),
    "arrow naive stamp": _arrow(pa.timestamp("ns"), _DAY, _DAY + dt.timedelta(40), None),
    "arrow span": _arrow(pa.duration("ms"), dt.timedelta(1), dt.timedelta(2), None),
    "arrow list": _arrow(pa.list_(pa.int8()), [1], [2, 3], None),
    "arrow struct": _arrow(pa.struct({"a": pa.int8()}), {"a": 1}, {"a": 2}),
    "arrow binary": _arrow(pa.binary(), b"a", b"\xff", None),
    "arrow half": lambda rng, n: pd.Series(
        pd.array(pa.array(np.arange(n, dtype="f2") % 7, type=pa.float16()), dtype=pd.ArrowDtype(pa.float16()))
    ),
    "bytes swapped": lambda rng, n: rng.normal(size=n).astype(np.dtype("f8").newbyteorder("S")),
    "bytes of moments swapped": lambda rng, n: rng.integers(0, 10**6, n).astype(np.dtype("M8[s]").newbyteorder("S")),
    "arrow null": _arrow(pa.null(), None),
    "arrow dictionary": lambda rng, n: pd.Series(
        pd.array(pa.array(rng.choice(["a", "b"], n)).dictionary_encode()), dtype=None
    ),
}  # fmt: skip
ROWS = (0, 1, 2, 3, 9, 12, 30, 50)


def table_of(number: int) -> Any:
    """The odd table of that number: each kind of column in turn, alone or among others, in an odd container.

    Every third one has a well-behaved column besides, so that it gets past the encoder.
    """
    rng = np.random.default_rng(number)
    kinds = list(COLUMNS)
    first = kinds[number % len(kinds)]
    n = int(rng.choice(ROWS[4:] if rng.random() < 0.85 else ROWS))
    others = [str(kind) for kind in rng.choice(kinds, rng.integers(0, 3))]
    good = ["normal", "normal"] if rng.random() < 0.7 else []
    parts = {f"{kind} {i}": COLUMNS[kind](rng, n) for i, kind in enumerate([first, *others, *good])}
    frame = pd.DataFrame({name: _column(cells) for name, cells in parts.items()})
    return _contained(frame, rng)


def _column(cells: Any) -> pd.Series[Any]:
    return cells if isinstance(cells, pd.Series) else pd.Series(cells)


def _contained(frame: pd.DataFrame, rng: Rng) -> Any:
    """The frame, most often with an odd index or odd names, or its cells in something that is no frame."""
    n = len(frame)
    indices: list[Any] = [
        pd.RangeIndex(n),
        pd.Index([7] * n),
        pd.MultiIndex.from_arrays([range(n), ["k"] * n]),
        pd.date_range("2024-01-01", periods=n, tz="Asia/Tokyo"),
        pd.Index([f"\ud800{i}" for i in range(n)], dtype=object),
        pd.Index(np.arange(n).astype(np.dtype("f8").newbyteorder("S"))),
        pd.Index([10**400 + i for i in range(n)], dtype=object),
        pd.Index([None, 1.5, "x", b"\xff"][: min(n, 4)] + list(range(max(n - 4, 0))), dtype=object),
    ]
    frame = frame.set_axis(indices[rng.integers(len(indices))], axis=0)
    names: list[Any] = [
        list(frame.columns), list(frame.columns), range(frame.shape[1]), [f"\ud800{i}" for i in range(frame.shape[1])],
        pd.MultiIndex.from_product([["a"], range(frame.shape[1])]), ["same"] * frame.shape[1], [None] * frame.shape[1],
        [10**400 + i for i in range(frame.shape[1])], [f"line\nbreak {i}" for i in range(frame.shape[1])],
    ]  # fmt: skip
    named = names[rng.integers(len(names))] if rng.random() < 0.6 else names[0]
    frame.columns = named if isinstance(named, pd.MultiIndex) else pd.Index(list(named), dtype=object)
    containers: list[Callable[[], Any]] = [
        lambda: frame.to_numpy(dtype=object),
        lambda: frame.to_numpy(dtype=object).tolist(),
        lambda: frame.to_dict("list"),
        lambda: frame.to_dict("records"),
        lambda: frame.iloc[:, :0],
        lambda: frame.T,
        lambda: sparse.coo_array(np.where(rng.random((n, 3)) < 0.8, 0, rng.normal(size=(n, 3)))),
    ]
    return containers[rng.integers(len(containers))]() if rng.random() < 0.15 else frame


def trouble_with(number: int, *, folder: Path | None = None) -> str:
    """What goes wrong with one odd table; empty: it is judged and judged alike again, or refused in our words.

    Args:
        number: Of the table.
        folder: Where the detector is saved and loaded again; None: it is not.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what pandas says of making such a table
        table = table_of(number)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter(
            "ignore", AmbiguousReadingWarning
        )  # it is right: "3" among per cents is one of two things
        try:
            return _judged_twice(table, None if folder is None else folder / str(number))
        except PynomalyError as error:
            return "" if error.fix or error.where else f"refused without help: {error}"
        except Exception as error:
            return f"{type(error).__name__}: {str(error)[:200]}"


def _judged_twice(table: Any, place: Path | None) -> str:
    from pynomaly_auto import AutonomousDetector
    from tests.engine.conftest import quick

    detector = quick(n_trials=2, n_jobs=1, config={"overrides": {"include": ["zscore", "hbos"]}})
    labels = detector.fit_predict(table)
    if not np.isfinite(detector.result_.scores).all():
        return "scores that are no numbers"
    judges = [detector]
    if place is not None:
        try:
            judges.append(AutonomousDetector.load(detector.save(place)))
        except PynomalyError as error:
            return f"not stored: {error}"
    differ = [int((judge.predict(table) != labels).sum()) for judge in judges]
    return f"{differ} labels differ" if any(differ) else ""


def main(count: int) -> int:
    """Try so many tables and print the troubled ones; the exit status says whether there are any."""
    found = 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            trouble = trouble_with(number, folder=Path(folder))
            if trouble:
                found += 1
                print(f"{number} ({list(COLUMNS)[number % len(COLUMNS)]}): {trouble}", flush=True)
    print(f"{found} of {count} tables end with trouble")
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 520))
