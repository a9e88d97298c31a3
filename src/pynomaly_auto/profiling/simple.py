"""Meta-features of size, kinds of columns, missing and repeated values."""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np

from pynomaly_auto.profiling._meta import meta_feature
from pynomaly_auto.profiling._statistics import need
from pynomaly_auto.profiling._view import View


@meta_feature(group="simple")
def log_rows(view: View) -> float:
    """Natural logarithm of the number of rows."""
    need(view.n_rows > 0, "rows")
    return math.log(view.n_rows)


@meta_feature(group="simple")
def log_features(view: View) -> float:
    """Natural logarithm of the number of encoded features."""
    need(view.n_features > 0, "features")
    return math.log(view.n_features)


@meta_feature(group="simple")
def log_rows_per_feature(view: View) -> float:
    """Natural logarithm of rows per encoded feature."""
    need(view.n_rows > 0 and view.n_features > 0, "rows and features")
    return math.log(view.n_rows / view.n_features)


@meta_feature(group="simple")
def log_features_per_column(view: View) -> float:
    """Natural logarithm of encoded features per column of the user's table."""
    need(len(view.dataset.columns) > 0 and view.n_features > 0, "columns and features")
    return math.log(view.n_features / len(view.dataset.columns))


@meta_feature(group="simple")
def numeric_columns_share(view: View) -> float:
    """Share of the columns that hold numbers."""
    return _share_of_kinds(view, {"numeric"})


@meta_feature(group="simple")
def boolean_columns_share(view: View) -> float:
    """Share of the columns that hold yes or no."""
    return _share_of_kinds(view, {"boolean"})


@meta_feature(group="simple")
def categorical_columns_share(view: View) -> float:
    """Share of the columns that hold categories, few or many."""
    return _share_of_kinds(view, {"categorical", "high_cardinality"})


@meta_feature(group="simple")
def text_columns_share(view: View) -> float:
    """Share of the columns that hold text."""
    return _share_of_kinds(view, {"text"})


@meta_feature(group="simple")
def time_columns_share(view: View) -> float:
    """Share of the columns that hold points in time or durations."""
    return _share_of_kinds(view, {"datetime", "timedelta"})


@meta_feature(group="simple")
def left_out_columns_share(view: View) -> float:
    """Share of the columns that no feature was made of: identifiers, constant, duplicate and empty columns."""
    columns = view.dataset.columns
    need(len(columns) > 0, "columns")
    return sum(not column.features for column in columns) / len(columns)


@meta_feature(group="simple")
def missing_cells_share(view: View) -> float:
    """Share of the table's cells without a value."""
    columns = view.dataset.columns
    need(len(columns) > 0 and view.n_rows > 0, "cells")
    return sum(column.n_missing for column in columns) / (len(columns) * view.n_rows)


@meta_feature(group="simple")
def missing_columns_share(view: View) -> float:
    """Share of the columns with at least one missing value."""
    columns = view.dataset.columns
    need(len(columns) > 0, "columns")
    return sum(column.n_missing > 0 for column in columns) / len(columns)


@meta_feature(group="simple")
def missing_rows_share(view: View) -> float:
    """Share of the rows with at least one missing value."""
    need(view.n_rows > 0, "rows")
    return float(np.count_nonzero(view.dataset.missing_share) / view.n_rows)


@meta_feature(group="simple")
def missing_cells_of_worst_row(view: View) -> float:
    """Largest share of missing cells in one row."""
    need(view.n_rows > 0, "rows")
    return float(view.dataset.missing_share.max())


@meta_feature(group="simple")
def infinite_cells_share(view: View) -> float:
    """Share of the table's cells with plus or minus infinity."""
    columns = view.dataset.columns
    need(len(columns) > 0 and view.n_rows > 0, "cells")
    return sum(column.n_infinite for column in columns) / (len(columns) * view.n_rows)


@meta_feature(group="simple")
def duplicate_rows_share(view: View) -> float:
    """Share of the encoded rows that repeat another row."""
    return view.duplicates


@meta_feature(group="simple")
def constant_features_share(view: View) -> float:
    """Share of the encoded features that take one value only in the sample."""
    return float(1.0 - view.varies.mean())


@meta_feature(group="simple")
def binary_features_share(view: View) -> float:
    """Share of the encoded features that take exactly two values in the sample."""
    return float((view.distinct == 2).mean())


@meta_feature(group="simple")
def discrete_features_share(view: View) -> float:
    """Share of the encoded features that take few values in the sample (at most 20)."""
    return float(view.discrete.mean())


@meta_feature(group="simple")
def distinct_values_share_median(view: View) -> float:
    """Distinct values per sampled row, median over features."""
    return float(np.median(view.distinct) / len(view.sample))


@meta_feature(group="simple")
def mode_share_median(view: View) -> float:
    """Share of the rows that hold a feature's most frequent value, median over features."""
    return float(np.median(view.mode_share))


@meta_feature(group="simple")
def mode_share_max(view: View) -> float:
    """Share of the rows that hold a feature's most frequent value, largest over features that vary."""
    need(bool(view.varies.any()), "a feature that varies")
    return float(view.mode_share[view.varies].max())


def _share_of_kinds(view: View, kinds: Collection[str]) -> float:
    columns = view.dataset.columns
    need(len(columns) > 0, "columns")
    return sum(column.kind in kinds for column in columns) / len(columns)
