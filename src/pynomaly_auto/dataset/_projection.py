"""Sparse tables too wide to be written out: projected onto their main directions first."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from pynomaly_auto.dataset._table import Array, Table
from pynomaly_auto.records import Column, FloatArray

MAX_COMPONENTS = 100
_LARGEST = 1e150  # squares of larger numbers overflow


def components_of(table: Table) -> FloatArray:
    """The main directions of a sparse table by truncated SVD, shape (n_components, n_columns).

    Halko, Martinsson and Tropp, "Finding structure with randomness", SIAM Review 53(2), 2011.
    """
    from sklearn.decomposition import TruncatedSVD

    wanted = min(MAX_COMPONENTS, table.n_columns - 1, table.n_rows - 1)
    svd = TruncatedSVD(n_components=max(wanted, 1), random_state=0)
    return np.ascontiguousarray(svd.fit(_tame(table.source)).components_, dtype=np.float64)


def project(table: Table, components: FloatArray) -> Table:
    """The table along the directions, as a dense one; each row by itself."""
    source = table.source if table.is_sparse else sparse.csc_array(np.asarray(table.source, dtype=np.float64))
    dense = _tame(source).tocsr() @ np.ascontiguousarray(components.T)
    return Table(
        source=dense,
        names=tuple(f"svd{i}" for i in range(len(components))),
        labelled=False,
        named=False,
        row_labels=table.row_labels,
    )


def sparse_columns(table: Table) -> list[Column]:
    """What was counted of a sparse table's columns."""
    pointers = table.source.indptr
    out = []
    for j, name in enumerate(table.names):
        stored = table.source.data[pointers[j] : pointers[j + 1]]
        distinct = np.unique(stored[~np.isnan(stored)])
        implied = len(stored) < table.n_rows and not (distinct == 0).any()
        out.append(
            Column(
                name=name,
                kind="numeric",
                n_missing=int(np.isnan(stored).sum()),
                n_unique=len(distinct) + int(implied),
                n_infinite=int(np.isinf(stored).sum()),
            )
        )
    return out


def missing_per_row(source: Any, n_rows: int) -> Array:
    """Missing cells of each row of a sparse matrix by columns, shape (n_rows,)."""
    return np.bincount(source.indices[np.isnan(source.data)], minlength=n_rows).astype(np.float64)


def _tame(matrix: Any) -> Any:
    """Missing cells as zeros, and nothing so large that its square overflows."""
    out = matrix.astype(np.float64)
    if out.data is matrix.data:
        out = out.copy()
    np.nan_to_num(out.data, copy=False, nan=0.0, posinf=_LARGEST, neginf=-_LARGEST)
    np.clip(out.data, -_LARGEST, _LARGEST, out=out.data)
    return out
