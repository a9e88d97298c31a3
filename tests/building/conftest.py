from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest


def labelled(rows, seed, shift=6.0):
    """Rows around 0 with 5 % of them far off."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(rows, 3)), np.zeros(rows, dtype=np.int8)
    y[: max(8, rows // 20)] = 1
    X[y == 1] += shift
    return X.astype(np.float32), y


@pytest.fixture
def folder(tmp_path) -> Path:
    """Two npz tables, one parquet, one CSV."""
    out = tmp_path / "tables"
    out.mkdir()
    for i in range(2):
        X, y = labelled(120, i)
        np.savez(out / f"set{i}.npz", X=X, y=y)
    X, y = labelled(100, 7)
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(word=["x", "y"] * 50, label=y)
    frame.to_parquet(out / "mixed.parquet")
    frame.to_csv(out / "text.csv", index=False)
    return out


@pytest.fixture
def indexed(tmp_path) -> Path:
    """A folder with an index as the shared meta data sets have it."""
    out = tmp_path / "indexed"
    out.mkdir()
    rng = np.random.default_rng(0)
    X, y = labelled(120, 3)
    np.savez(out / "odd.npz", X=X, y=y)
    n = 400
    frame = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n)})
    frame.assign(target=frame["a"] + rng.normal(size=n)).to_parquet(out / "number.parquet")
    kinds = np.array(["big"] * 250 + ["mid"] * 130 + ["tiny"] * 20)
    frame.assign(kind=kinds).to_parquet(out / "kinds.parquet")
    frame.assign(kind="same").to_parquet(out / "useless.parquet")
    frame.assign(target=[1.0, 2.0] * 200).to_parquet(out / "binary.parquet")
    pd.DataFrame(
        [
            ["oddbench_odd", "tabular_small", "g1", "odd.npz", "made up", None, None, "Science"],
            ["number", "source_table", "g2", "number.parquet", "made up", "target", "numeric", None],
            ["kinds", "source_table", "g3", "kinds.parquet", "made up", "kind", "nominal", None],
            ["useless", "source_table", "g4", "useless.parquet", "made up", "kind", "nominal", None],
            ["binary", "source_table", "g4", "binary.parquet", "made up", "target", "numeric", None],
            ["series", "timeseries", "g5", "series.parquet", "made up", None, None, None],
        ],
        columns=["name", "modality", "group", "path", "source", "target", "target_kind", "domain"],
    ).to_csv(out / "index.csv", index=False)
    return out
