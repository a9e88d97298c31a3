from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import NearestNeighbors

from meta_datasets.synthetic import (
    KINDS,
    PRIORS,
    Columns,
    Difficulty,
    SyntheticPlan,
    dependency,
    generate,
    read_columns,
    write,
)
from meta_datasets.synthetic.__main__ import main
from meta_datasets.synthetic.copula import dependence
from pynomaly_auto import scoring
from pynomaly_auto.building import find_tasks, load_task
from pynomaly_auto.errors import InvalidInputError, NotApplicableError, SettingError, StorageError


def table(n=400, seed=0):
    """Dependent, coded, text, constant, half missing and named columns."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=n)
    out = pd.DataFrame(
        {
            "a": a, "b": np.exp(a + 0.3 * rng.normal(size=n)), "code": rng.integers(0, 3, n) * 10, "same": 4.0,
            "word": rng.choice(["x", "y"], n, p=[0.8, 0.2]), "gaps": rng.normal(size=n), "flag": rng.random(n) < 0.3,
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 9, n), unit="D"),
            "name": [f"n{i}" for i in range(n)], "empty": np.nan, "sentinel": np.where(rng.random(n) < 0.1, 1e38, a),
        }
    )  # fmt: skip
    out.loc[rng.random(n) < 0.5, "gaps"] = np.nan
    return out


@pytest.fixture
def columns():
    return read_columns(table(), np.random.default_rng(0))


def test_columns(columns):
    assert columns.values.shape == (400, 9)  # without name and empty
    assert np.isfinite(columns.values).all()
    assert np.abs(columns.values).max() < 1e30
    discrete = [None if level is None else len(level) for level in columns.levels]
    assert discrete == [None, None, 3, 1, 2, None, 2, 9, None]
    assert columns.missing[5] == pytest.approx(0.5, abs=0.1)
    assert columns.missing[0] == 0


def test_few_rows_and_nothing_to_fit():
    with pytest.raises(InvalidInputError, match="too few"):
        read_columns(table(20), np.random.default_rng(0))
    with pytest.raises(InvalidInputError, match="no column varies"):
        read_columns(table()[["same", "name"]], np.random.default_rng(0))


def test_wide_tables_are_cut():
    wide = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 300)))
    assert read_columns(wide, np.random.default_rng(0)).values.shape == (60, 60)


@pytest.mark.parametrize("prior", PRIORS)
def test_priors_draw_what_they_were_fitted_to(prior, columns):
    rng = np.random.default_rng(1)
    X = PRIORS[prior].fit(columns, rng).sample(2000, rng)
    assert X.shape == (2000, 9)
    assert np.isfinite(X).all()
    for j, levels in enumerate(columns.levels):
        if levels is not None:
            assert set(X[:, j]) <= set(levels)
    assert (X[:, 3] == 4.0).all()
    np.testing.assert_allclose(X[:, 0].mean(), columns.values[:, 0].mean(), atol=0.25)
    np.testing.assert_allclose(X[:, 0].std(), columns.values[:, 0].std(), rtol=0.25)
    assert (X[:, 4] == 0).mean() == pytest.approx(0.8, abs=0.1)  # the commoner word


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("d", [1, 2])
def test_priors_keep_dependence_and_take_narrow_tables(prior, d):
    rng = np.random.default_rng(0)
    a = rng.normal(size=300)
    narrow = pd.DataFrame({"a": a, "b": a**3 + 0.1 * rng.normal(size=300)}).iloc[:, :d]
    X = PRIORS[prior].fit(read_columns(narrow, rng), rng).sample(500, rng)
    assert X.shape == (500, d)
    if d == 2:
        assert dependence(X) > 0.7


@pytest.fixture
def normal():
    rng = np.random.default_rng(0)
    a = rng.normal(size=500)
    X = np.column_stack([a, a + 0.1 * rng.normal(size=500), rng.integers(0, 3, 500), np.zeros(500)])
    levels = (None, None, np.arange(3.0), np.zeros(1))
    return Columns(values=X, levels=levels, missing=np.zeros(4))


@pytest.mark.parametrize("kind", KINDS)
def test_anomalies_stand_out(kind, normal):
    anomalies = KINDS[kind](normal, 30, Difficulty(columns=1.0), np.random.default_rng(1))
    assert anomalies.shape == (30, 4)
    assert set(anomalies[:, 2]) <= {0.0, 1.0, 2.0}
    assert (anomalies[:, 3] == 0).all()
    distances, _ = NearestNeighbors(n_neighbors=5).fit(normal.values).kneighbors(np.vstack([normal.values, anomalies]))
    scores, labels = distances.mean(axis=1), np.repeat([0, 1], [500, 30])
    assert scoring.roc_auc(labels, scores) > 0.75


def test_kinds_are_what_they_say(normal):
    rng = np.random.default_rng(2)
    plain = Difficulty(columns=1.0)
    broken = KINDS["dependency"](normal, 400, plain, rng)
    assert abs(np.corrcoef(broken[:, 0], broken[:, 1])[0, 1]) < 0.2
    assert set(broken[:, 0]) <= set(normal.values[:, 0])
    tight = KINDS["cluster"](normal, 50, plain, rng)
    assert tight[:, 0].std() < 0.3
    spread = KINDS["global"](normal, 400, Difficulty(margin=1.0), rng)
    assert spread[:, 0].max() > normal.values[:, 0].max()
    partly = KINDS["global"](normal, 50, Difficulty(columns=0.1), rng)
    kept = [np.isin(partly[:, j], normal.values[:, j]).all() for j in range(4)]
    assert sum(kept) >= 2
    alone = Columns(values=rng.normal(size=(200, 2)), levels=(None, None), missing=np.zeros(2))
    with pytest.raises(NotApplicableError):
        dependency(alone, 5, plain, rng)


@pytest.fixture
def sources(tmp_path):
    folder = tmp_path / "real"
    folder.mkdir()
    for i in range(3):
        table(200 - 60 * i, i).assign(label=[1] * 10 + [0] * (190 - 60 * i)).to_parquet(folder / f"real{i}.parquet")
    table(30).assign(label=[1] * 8 + [0] * 22).to_parquet(folder / "small.parquet")
    return folder


def test_command(sources, tmp_path, capsys):
    out = tmp_path / "made"
    assert main([str(sources), "-o", str(out), "--tables", "7", "--max-rows", "400", "--seed", "3"]) == 0
    assert "7 tables" in capsys.readouterr().out
    index = pd.read_csv(out / "index.csv")
    assert len(index) == 7
    assert set(index["group"]) <= {"real0", "real1", "real2"}
    assert index["group"].nunique() == 3  # groups take turns
    assert index["n_samples"].between(300, 400).all()
    tasks = find_tasks([out])
    assert {t.suite for t in tasks} == {"synthetic"}
    assert [t.group for t in tasks] == list(index["group"])
    for task, share in zip(tasks, index["anomaly_fraction"], strict=True):
        X, y = load_task(task, max_rows=1000, seed=0)
        assert y.mean() == pytest.approx(share, abs=1e-4)
        assert y.sum() >= 8
        assert set(X.dtypes) == {np.dtype("float32")}
        assert X.isna().to_numpy().any()  # as in the real one
        assert not np.isinf(X.to_numpy()).any()
    # Generated tables are nothing to generate from.
    again = list(generate([sources, out], SyntheticPlan(tables=7, max_rows=400, seed=3)))
    assert [t.name for t in again] == list(index["name"])
    with np.load(out / index["path"][4]) as arrays:
        np.testing.assert_array_equal(arrays["X"], again[4].X)
        np.testing.assert_array_equal(arrays["y"], again[4].y)


def test_mistakes(sources, tmp_path, capsys):
    with pytest.raises(SettingError, match="synthetic plan"):
        SyntheticPlan(tables=0)
    with pytest.raises(InvalidInputError, match="too few"):
        list(generate([sources / "small.parquet"], SyntheticPlan(tables=1)))
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        write([], tmp_path / "file" / "out")
    with pytest.raises(StorageError, match="does not exist"):
        write(generate([tmp_path / "nowhere"]), tmp_path / "out")
    assert main([str(tmp_path / "nowhere"), "-o", str(tmp_path / "out")]) == 2
    assert "does not exist" in capsys.readouterr().err
