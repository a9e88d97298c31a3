from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from pynomaly_auto.profiling import META_FEATURES
from pynomaly_auto.records import Column, Dataset

MakeDataset = Callable[..., Dataset]


def _dataset(
    X: Any, *, columns: tuple[Column, ...] | None = None, sources: tuple[int, ...] | None = None, missing: Any = None
) -> Dataset:
    X = np.asarray(X, dtype=np.float64)
    n_rows, n_features = X.shape
    if columns is None:
        columns = tuple(Column(name=f"x{i}", kind="numeric", features=(f"x{i}",)) for i in range(n_features))
    return Dataset(
        X=X,
        features=tuple(name for column in columns for name in column.features),
        sources=sources or tuple(i for i, column in enumerate(columns) for _ in column.features),
        columns=columns,
        row_labels=np.arange(n_rows),
        missing_share=np.zeros(n_rows) if missing is None else np.asarray(missing, dtype=np.float64),
    )


@pytest.fixture(scope="session")
def make_dataset() -> MakeDataset:
    """Builds a data set record straight from an array."""
    return _dataset


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """As `profile` does it: on busy cores, threads that wait for each other cost seconds."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def registered():
    """Names registered during a test are taken out again."""
    before = set(META_FEATURES)
    yield
    for name in set(META_FEATURES) - before:
        META_FEATURES.remove(name)
