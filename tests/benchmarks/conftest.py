from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest


def labelled(rows: int, seed: int, shift: float = 5.0) -> tuple[np.ndarray, np.ndarray]:
    """Rows around 0, 6 % of them far off."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(rows, 3)), np.zeros(rows, dtype=np.int8)
    y[: max(8, rows * 6 // 100)] = 1
    X[y == 1] += shift
    return X, y


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Good tables of three kinds in two suites, and broken ones."""
    out = tmp_path / "tables"
    (out / "inner").mkdir(parents=True)
    for i in range(2):
        X, y = labelled(120, i)
        np.savez(out / "inner" / f"set{i}.npz", X=X, y=y)
    X, y = labelled(100, 7)
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(word=["x", None] * 50, label=y)
    frame.loc[3:6, "b"] = np.nan
    frame.to_csv(out / "text.csv", index=False)
    (out / "broken.npz").write_bytes(b"no archive")
    frame.drop(columns="label").to_parquet(out / "bare.parquet")
    return out
