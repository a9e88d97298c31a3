"""Every kind of table behind one face: columns by position, their names, and the rows' labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias, TypeVar

import narwhals as nw
import numpy as np
import pandas as pd
from scipy import sparse

from pynomaly_auto.errors import InvalidInputError, InvalidTypeError

Made = TypeVar("Made")
Array: TypeAlias = np.ndarray[Any, Any]
# What one column looks like to the readers of cells: a plain numeric array, or a series of anything.
RawColumn: TypeAlias = "Array | pd.Series[Any]"

_KINDS = "a pandas, polars or pyarrow table, a 2-D numpy array, a scipy sparse matrix or a list of rows"
_CONVERT = "Convert it to a data frame or a two-dimensional numpy array first."
# How the rows of a frame that is a plan only are asked for; by narwhals' name of the library.
_LOADED_BY = {
    "DASK": "compute", "DUCKDB": "df", "IBIS": "to_pandas",
    "PYSPARK": "toPandas", "PYSPARK_CONNECT": "toPandas", "SQLFRAME": "toPandas",
}  # fmt: skip
SMALL = 1_000  # rows of a table whose cells are copied to get at its columns sooner
_RESHAPE = (
    "Reshape your data either using array.reshape(-1, 1) if your data has a single feature or array.reshape(1, -1) "
    "if it contains a single sample."
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """A table of any kind, its cells not yet looked at.

    Args:
        source: What holds the cells: a 2-D numeric array, a sparse matrix by columns, or a data frame.
        names: One name per column (``"x0"``, ``"x1"``, ... where the user gave none), all different.
        labelled: Whether the names are the user's.
        named: Whether they are all text, so that scikit-learn's ``feature_names_in_`` applies.
        row_labels: The rows' labels, shape (n_rows,).
    """

    source: Any
    names: tuple[str, ...]
    labelled: bool
    named: bool
    row_labels: Array

    @cached_property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.source.shape[0])

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return int(self.source.shape[1])

    @property
    def is_sparse(self) -> bool:
        """Whether the cells lie in a sparse matrix."""
        return bool(sparse.issparse(self.source))

    @cached_property
    def numbers(self) -> Array | None:
        """All cells of a small frame of one numeric type: a frame takes longer to give a column than to score it."""
        if len(self.source) > SMALL or not self.n_columns:
            return None
        kind, *others = set(self.source.dtypes)
        if others or not isinstance(kind, np.dtype) or kind.kind not in "iuf":
            return None
        return np.asarray(self.source.to_numpy())

    @cached_property
    def _held(self) -> dict[Any, Any]:
        return {}

    def once(self, key: Any, make: Callable[[], Made]) -> Made:
        """What is made of a table again and again, kept where the table is small and making it takes longest.

        Args:
            key: What tells it from all else that is made of the table.
            make: Makes it; nobody may change it.
        """
        if self.n_rows > SMALL:
            return make()
        found: Made = self._held[key] if key in self._held else self._held.setdefault(key, make())
        return found

    def column(self, position: int) -> RawColumn:
        """The cells of one column, shape (n_rows,)."""
        if isinstance(self.source, pd.DataFrame):
            if self.numbers is not None:
                return self.numbers[:, position]
            if self.n_rows > SMALL:
                return self.source.iloc[:, position]
            # A frame that is asked for its columns one by one takes longer.
            columns: list[pd.Series[Any]] = self.once("columns", lambda: [held for _, held in self.source.items()])
            return columns[position]
        if self.is_sparse:
            start, stop = self.source.indptr[position], self.source.indptr[position + 1]
            dense = np.zeros(self.n_rows, dtype=np.float64)
            dense[self.source.indices[start:stop]] = self.source.data[start:stop]
            return dense
        return np.asarray(self.source[:, position])

    def check_size(self, least_rows: int) -> None:
        """Refuse tables without columns or with too few rows.

        Raises:
            InvalidInputError: The table is too small, in scikit-learn's words.
        """
        shape = f"(shape={(self.n_rows, self.n_columns)})"
        if self.n_columns == 0:
            raise InvalidInputError(
                f"Found array with 0 feature(s) {shape} while a minimum of 1 is required.",
                fix="Give a table with at least one column.",
            )
        if self.n_rows < least_rows:
            least = 1 if self.n_rows == 0 else least_rows
            given = shape if self.n_rows == 0 else f"(n_samples={self.n_rows})"
            raise InvalidInputError(
                f"Found array with {self.n_rows} sample(s) {given} while a minimum of {least} is required.",
                fix="Give more rows.",
            )


def open_table(table: Any) -> Table:
    """Look at a table of any supported kind without copying its cells; one that was opened already is itself.

    Raises:
        InvalidInputError: It is not two-dimensional, ragged, complex, or has a column name twice.
        InvalidTypeError: It is no table at all.
    """
    if isinstance(table, Table):
        return table
    if isinstance(table, pd.DataFrame):
        return _of_frame(table)
    if sparse.issparse(table):
        return _of_sparse(table)
    if isinstance(table, (str, bytes)) or table is None:
        fix = "Read files with read_table(path)." if isinstance(table, str) else None
        raise InvalidTypeError(f"expected {_KINDS}, got {type(table).__name__}.", fix=fix or "Give a table.")
    if isinstance(table, Mapping):
        return _of_frame(_frame(dict(table)))
    if isinstance(table, (list, tuple)):
        return _of_rows(table)
    if isinstance(table, np.ndarray):
        return _of_array(table)
    return _of_foreign(table)


def to_frame(table: Any) -> pd.DataFrame:
    """Any supported table as a pandas data frame, with the same column names and row labels the encoder uses.

    Raises:
        InvalidInputError: It is not two-dimensional, ragged, complex, or has a column name twice.
        InvalidTypeError: It is no table at all.

    >>> to_frame([[1, "a"], [2, "b"]]).columns.tolist()
    ['x0', 'x1']
    """
    opened = open_table(table)
    if isinstance(opened.source, pd.DataFrame):
        frame = opened.source.copy(deep=False)
        frame.columns = pd.Index(opened.names, dtype=object)  # pandas' own texts must be proper Unicode
        return frame
    if opened.is_sparse:
        accessor: Any = pd.DataFrame.sparse  # the stubs leave it out
        wide: pd.DataFrame = accessor.from_spmatrix(opened.source, columns=list(opened.names))
        return wide
    return pd.DataFrame(opened.source, columns=list(opened.names), copy=False)


def _of_frame(frame: pd.DataFrame, *, labelled: bool = True) -> Table:
    names = tuple(writable(str(c)) for c in frame.columns) if labelled else _numbered(frame.shape[1])
    _refuse_twice(names)
    return Table(
        source=_native_frame(frame),
        names=names,
        labelled=labelled,
        named=labelled and all(isinstance(c, str) for c in frame.columns),
        row_labels=labels_of(frame.index),
    )


def _of_sparse(matrix: Any) -> Table:
    if matrix.ndim != 2:
        raise InvalidInputError(f"Expected 2D array, got {matrix.ndim}D sparse array instead.", fix=_RESHAPE)
    _refuse_complex(matrix.dtype)
    columns = sparse.csc_array(matrix)
    if not columns.has_canonical_format:
        columns = columns.copy()  # summing duplicates works in place, and the user's matrix is not ours to change
        columns.sum_duplicates()
    return _unlabelled(columns)


def _of_array(array: Array) -> Table:
    if isinstance(array, np.ma.MaskedArray):
        array = np.ma.filled(array.astype(np.float64), np.nan)
    if array.dtype.names is not None and array.ndim == 1:
        _refuse_nested(array.dtype)
        return _of_frame(pd.DataFrame(_native(array)))
    _refuse_shape(array)
    _refuse_complex(array.dtype)
    if array.dtype.kind in "biuf":
        return _unlabelled(np.asarray(_native(array)))
    if array.dtype.kind not in "OSUMmT":
        raise InvalidTypeError(f"cannot read an array of {array.dtype}.", fix=f"Give {_KINDS}.")
    if array.dtype.kind in "Mm":
        return _of_frame(pd.DataFrame(_native(array)), labelled=False)
    frame = pd.DataFrame(np.asarray(array, dtype=object), dtype=object)
    return _of_frame(_inferred(frame), labelled=False)


def _of_rows(rows: Sequence[Any]) -> Table:
    if rows and all(isinstance(row, Mapping) for row in rows):
        return _of_frame(_frame(rows))
    lengths = [len(row) if isinstance(row, (list, tuple, np.ndarray)) else -1 for row in rows]
    if not rows or -1 in lengths:
        if any(n >= 0 for n in lengths):
            raise InvalidInputError(
                f"row {lengths.index(-1)} is no list of cells, as other rows are.", fix="Give every row as a list."
            )
        if rows and all(hasattr(row, "__array__") and np.asarray(row).ndim == 1 for row in rows):
            return _of_rows([np.asarray(row) for row in rows])
        _refuse_shape(np.asarray(rows, dtype=object))
    odd = next((i for i, n in enumerate(lengths) if n != lengths[0]), None)
    if odd is not None:
        raise InvalidInputError(
            f"the rows are ragged: row {odd} has {lengths[odd]} cells, row 0 has {lengths[0]}.",
            fix="Give every row the same number of cells.",
        )
    numbers = _quiet_array(rows)
    if numbers is not None and (numbers.ndim != 2 or numbers.dtype.kind in "biufc"):
        return _of_array(numbers)
    return _of_frame(_inferred(_frame([list(row) for row in rows])), labelled=False)


def _of_foreign(table: Any) -> Table:
    """Tables of other libraries: through narwhals, else as an array where they are one, else by their Arrow stream."""
    _refuse_twice([str(name) for name in getattr(table, "column_names", ())])  # pyarrow allows it, narwhals does not
    found = nw.from_native(table, eager_only=True, allow_series=True, pass_through=True)
    if isinstance(found, nw.DataFrame):
        return _of_frame(found.to_pandas())
    if isinstance(found, nw.Series):
        return _of_array(np.asarray(found.to_numpy()))
    lazy = nw.from_native(table, pass_through=True)
    if isinstance(lazy, nw.LazyFrame):
        call = _LOADED_BY.get(lazy.implementation.name, "collect")
        raise InvalidTypeError(
            f"a lazy frame ({type(table).__name__}) holds no rows yet.", fix=f"Call .{call}() first."
        )
    # An array may offer an Arrow stream, too, of all its cells in one column: its dimensions are asked first.
    if hasattr(table, "__arrow_c_stream__") and not hasattr(table, "ndim"):
        import pyarrow as pa

        return _of_foreign(pa.table(table))
    if hasattr(table, "__array__") or hasattr(table, "__array_interface__"):
        return _of_array(_foreign_array(table))
    raise InvalidTypeError(f"expected {_KINDS}, got {type(table).__name__}.", fix=_CONVERT)


def _native(array: Array) -> Array:
    """Cells in this machine's order of bytes, the only one pandas works with; FITS and FORTRAN write others."""
    return array if array.dtype == (native := array.dtype.newbyteorder("=")) else array.astype(native)


def _native_frame(frame: pd.DataFrame) -> pd.DataFrame:
    kinds: list[Any] = list(frame.dtypes)
    other = [i for i, kind in enumerate(kinds) if isinstance(kind, np.dtype) and not kind.isnative]
    if not other:
        return frame
    columns = [frame.iloc[:, i] for i in range(len(kinds))]
    for i in other:
        columns[i] = pd.Series(_native(columns[i].to_numpy()), index=frame.index)
    native = pd.concat(columns, axis=1)
    native.columns, native.attrs = frame.columns, frame.attrs
    return native


def _refuse_nested(dtype: Any) -> None:
    nested = [name for name in dtype.names if dtype[name].shape or dtype[name].names]
    if nested:
        raise InvalidInputError(
            f"the cells of {', '.join(map(repr, nested))} are arrays or records.",
            fix="Spread nested values over columns of their own.",
        )


def _foreign_array(table: Any) -> Array:
    try:
        return np.asarray(table)
    except Exception as error:  # another library's own errors, of any kind: a tensor on a device or with gradients, ...
        told = str(error).strip().split("\n")[0].rstrip(".")
        raise InvalidTypeError(f"a {type(table).__name__} could not be read: {told}.", fix=_CONVERT) from error


def _unlabelled(source: Any) -> Table:
    return Table(
        source=source,
        names=_numbered(source.shape[1]),
        labelled=False,
        named=False,
        row_labels=np.arange(source.shape[0]),
    )


def _numbered(n_columns: int) -> tuple[str, ...]:
    return tuple(f"x{i}" for i in range(n_columns))


def labels_of(index: pd.Index[Any]) -> Array:
    """Row labels as a 1-D array; tuples and time zones kept as objects, texts so that every file takes them."""
    if index.dtype.kind in "biufM" and isinstance(index.dtype, np.dtype):
        return _native(index.to_numpy())
    labels = np.empty(len(index), dtype=object)
    # Through a list: numpy would turn equal-length tuples into a second dimension.
    labels[:] = [writable(label) if isinstance(label, str) else label for label in index]
    return labels


def _frame(cells: Any) -> pd.DataFrame:
    try:
        return pd.DataFrame(cells)
    except UnicodeEncodeError:
        return _inferred(pd.DataFrame(_writable_keys(cells), dtype=object))
    except (ValueError, TypeError) as error:
        raise InvalidInputError(
            f"the cells do not make a table: {str(error).rstrip('.')}.",
            fix="Give every column as many cells as the others.",
        ) from error


def writable(text: str) -> str:
    r"""Text that every file and library takes: lone surrogates, which have no UTF-8 form, by their number.

    >>> print(writable("a" + chr(0xD800)))
    a\ud800
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


def _writable_keys(cells: Any) -> Any:
    if isinstance(cells, Mapping):
        return {writable(key) if isinstance(key, str) else key: value for key, value in cells.items()}
    return [_writable_keys(row) if isinstance(row, Mapping) else row for row in cells]


def _inferred(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns of objects with the types of what they hold, but for those with texts that pandas cannot take."""
    try:
        return frame.infer_objects()
    except UnicodeEncodeError:
        if frame.shape[1] == 1:
            return frame
        return pd.concat([_inferred(frame.iloc[:, [i]]) for i in range(frame.shape[1])], axis=1)


def _quiet_array(rows: Sequence[Any]) -> Array | None:
    """The rows as one array, or None where numpy cannot make one."""
    try:
        return np.asarray(rows)
    except (ValueError, TypeError, OverflowError):
        return None


def _refuse_shape(array: Array) -> None:
    if array.ndim < 2:
        kind = "scalar" if array.ndim == 0 else "1D"
        shown = np.array2string(array, threshold=6)
        raise InvalidInputError(f"Expected 2D array, got {kind} array instead:\narray={shown}.\n{_RESHAPE}")
    if array.ndim > 2:
        raise InvalidInputError(
            f"Found array with dim {array.ndim}, while dim <= 2 is required.", fix="Give rows and columns only."
        )


def _refuse_complex(dtype: Any) -> None:
    if dtype.kind == "c":
        raise InvalidInputError("Complex data not supported.", fix="Give real and imaginary parts as two columns.")


def _refuse_twice(names: Sequence[str]) -> None:
    twice = [name for i, name in enumerate(names) if name in set(names[:i])] if len(set(names)) < len(names) else []
    if twice:
        raise InvalidInputError(
            f"column names given more than once: {', '.join(repr(n) for n in dict.fromkeys(twice))}.",
            fix="Rename or drop all but one.",
        )
