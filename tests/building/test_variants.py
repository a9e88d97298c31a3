from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

from pynomaly_auto.building import CORRUPTIONS, Plan, build, find_tasks, load_task, variants_of
from pynomaly_auto.building.tasks._variants import parse_variant, parse_variants
from pynomaly_auto.errors import InvalidInputError, SettingError, UnknownNameError
from pynomaly_auto.knowledge import KnowledgeBase


@pytest.fixture
def mixed():
    """Continuous, coded, text, boolean and constant columns, with gaps."""
    rng = np.random.default_rng(0)
    n = 300
    table = pd.DataFrame(
        {
            "a": rng.normal(5, 2, n), "b": rng.lognormal(size=n), "code": rng.integers(0, 4, n),
            "word": rng.choice(["x", "y", "z"], n), "flag": rng.random(n) < 0.5, "same": 1.0,
        }
    )  # fmt: skip
    table.loc[::17, "a"] = np.nan
    labels = np.zeros(n, dtype=np.int64)
    labels[:15] = 1
    return table, labels


def corrupt(name, mixed, strength=None, seed=0):
    corruption = CORRUPTIONS[name]
    table, labels = mixed
    return corruption.function(table, labels, strength or corruption.strength, np.random.default_rng(seed))


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_every_corruption(name, mixed):
    table, _ = mixed
    before = table.copy()
    spoilt = corrupt(name, mixed)
    pd.testing.assert_frame_equal(table, before)  # nothing is changed in place
    assert spoilt.index.equals(table.index)
    assert list(spoilt.columns[: table.shape[1]]) == list(table.columns)
    assert not spoilt.equals(table)
    pd.testing.assert_frame_equal(spoilt, corrupt(name, mixed))
    if name != "missing":
        assert spoilt["same"].nunique() == 1
    if name not in {"duplicates", "missing"}:
        assert spoilt["a"].isna().equals(table["a"].isna())
        assert spoilt["word"].equals(table["word"])
    numbers = spoilt.select_dtypes("number").to_numpy(dtype=float)
    assert not np.isinf(numbers.astype(np.float32)).any()


@pytest.mark.parametrize("name", ["monotone", "log", "exp", "rank", "scaling"])
def test_order_is_kept(name, mixed):
    spoilt = corrupt(name, mixed)
    for column in ("a", "b", "code"):
        np.testing.assert_array_equal(
            rankdata(spoilt[column].dropna()), rankdata(mixed[0][column].dropna())
        )  # fmt: skip


def test_strengths(mixed):
    table, labels = mixed
    little, much = (corrupt("noise", mixed, s)["b"] - table["b"] for s in (0.1, 1.0))
    assert much.std() == pytest.approx(10 * little.std())
    assert corrupt("noise", mixed)["code"].equals(table["code"])
    assert corrupt("irrelevant", mixed, 1.0).shape[1] == 12
    spoilt = corrupt("duplicates", mixed, 0.5)
    assert spoilt[labels == 1].equals(table[labels == 1])
    assert spoilt[labels == 0]["b"].nunique() == pytest.approx(0.5 * (labels == 0).sum(), abs=1)
    emptied = corrupt("missing", mixed, 0.9)
    assert emptied.notna().any(axis=1).all()
    assert corrupt("rounding", mixed, 5.0)["b"].nunique() < 50
    bent = corrupt("log", mixed, 0.01)
    assert sum(not bent[c].equals(table[c].astype(bent[c].dtype)) for c in ("a", "b", "code")) <= 1


def test_columns_of_the_same_name():
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 2)), columns=["x", "x"])
    labels = np.repeat([1, 0], [8, 42])
    for corruption in CORRUPTIONS.values():
        spoilt = corruption.function(table, labels, corruption.strength, np.random.default_rng(0))
        assert len(spoilt) == 50


def test_variants_of_tasks(indexed):
    tasks = find_tasks([indexed])
    variants = variants_of(tasks, ["noise", "share=0.02 + missing=0.2", "noise"])
    assert [v.name for v in variants[:2]] == ["oddbench_odd@noise", "number__high@noise"]
    assert len(variants) == 2 * len(tasks)
    for task, variant in zip(tasks * 2, variants, strict=True):
        assert (variant.group, variant.suite, variant.origin) == (task.group, task.suite, task.name)
        assert task.origin == task.name
    by_name = {v.name: v for v in variants}
    plain, y = load_task(next(t for t in tasks if t.name == "kinds__downsampled"), max_rows=200, seed=0)
    noisy, again = load_task(by_name["kinds__downsampled@noise"], max_rows=200, seed=0)
    np.testing.assert_array_equal(y, again)  # the rows of its origin
    assert 0.9 < np.corrcoef(plain["a"], noisy["a"])[0, 1] < 1
    thinned, y = load_task(by_name["number__high@share=0.02+missing=0.2"], max_rows=1000, seed=0)
    assert (len(y), y.sum()) == (388, 8)
    assert thinned.isna().to_numpy().mean() == pytest.approx(0.2, abs=0.04)


def test_variants_that_are_none(indexed):
    tasks = [t for t in find_tasks([indexed]) if t.name == "kinds__rare"]
    with pytest.raises(InvalidInputError, match="not more than"):
        load_task(variants_of(tasks, ["share=0.1"])[0], max_rows=1000, seed=0)
    words = indexed / "words.csv"
    pd.DataFrame({"word": list("ab") * 30, "label": [1] * 8 + [0] * 52}).to_csv(words, index=False)
    with pytest.raises(InvalidInputError, match="nothing to change"):
        load_task(variants_of(find_tasks([words]), ["scaling"])[0], max_rows=1000, seed=0)


@pytest.mark.parametrize("text", ["share", "share=2", "share=nan", "noise=much", "noise=-1", "rounding=0.5", "log=2"])
def test_values_are_checked(text):
    with pytest.raises(SettingError, match=text):
        parse_variant(text)


def test_names_are_checked():
    with pytest.raises(UnknownNameError, match="'noise'"):
        Plan(variants=("nois",))
    with pytest.raises(UnknownNameError):
        parse_variant("")
    assert len(parse_variants(["noise", "noise", "noise=0.3"])) == 2


def test_build_measures_variants(folder, tmp_path):
    plan = Plan(workers=1, detectors=("hbos",), configurations=0, limit=1, variants=("noise", "share=0.5"))
    seen = []
    build(folder, tmp_path / "kb", plan, on_task=seen.append)
    name = seen[0].task
    assert {p.task: p.status for p in seen} == {
        name: "measured", f"{name}@noise": "measured", f"{name}@share=0.5": "failed",
    }  # fmt: skip
    tasks = KnowledgeBase.open(tmp_path / "kb").tasks
    assert set(tasks["task"]) == {name, f"{name}@noise"}
    assert tasks["group"].nunique() == 1


def test_a_part_takes_what_the_registry_says_now(indexed, tmp_path):
    plan = Plan(workers=1, detectors=("hbos",), configurations=0, suites=("oddbench",), parts=tmp_path / "parts")
    build(indexed, tmp_path / "kb", plan)
    assert list(KnowledgeBase.open(tmp_path / "kb").tasks["group"]) == ["g1"]
    index = pd.read_csv(indexed / "index.csv").replace({"group": {"g1": "g9"}})
    index.to_csv(indexed / "index.csv", index=False)
    seen = []
    build(indexed, tmp_path / "kb", plan, on_task=seen.append)
    assert [p.status for p in seen] == ["known"]
    assert list(KnowledgeBase.open(tmp_path / "kb").tasks["group"]) == ["g9"]
