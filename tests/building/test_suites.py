from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from pynomaly_auto.building import read_registry, table_facts
from pynomaly_auto.errors import InvalidInputError, StorageError

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("PYNOMALY_META_DATASETS", ROOT.parent / "shared" / "meta_datasets"))
MIXED = Path(os.environ.get("PYNOMALY_MIXED_DATASETS", ROOT.parent / "shared" / "mixed_datasets"))

REGISTRY = """
[odd]
modality = "tabular_small"
prefix = "oddbench_"
origin = "somewhere"
licence = "MIT"
form = "npz"
task = '''as
published'''
domain = "Other"

[made]
modality = "source_table"
origin = "elsewhere"
domain = "Other"
domains = { Human = ["kinds", "useless"] }

[[origins]]
what = "one source"
groups = ["g2", "g3"]
"""


def test_full_facts(indexed):
    registry = indexed / "registry.toml"
    registry.write_text(REGISTRY)
    facts = {f.name: f for f in table_facts(indexed, registry=registry)}
    assert len(facts) == 6
    odd = facts["oddbench_odd"]
    assert (odd.suite, odd.group, odd.domain, odd.licence) == ("odd", "g1", "Science", "MIT")
    assert (odd.origin, odd.form, odd.construction, odd.target) == ("somewhere", "npz", "as published", "")
    kinds = facts["kinds"]
    assert (kinds.suite, kinds.domain, kinds.licence, kinds.target, kinds.target_kind) == (
        "made", "Human", "not stated", "kind", "nominal",
    )  # fmt: skip
    assert facts["number"].domain == "Other"
    assert facts["number"].group == facts["kinds"].group == "g2"  # linked
    assert facts["series"].skipped
    assert facts["series"].origin == "made up"  # no suite says more than the index


def test_mistakes(tmp_path, indexed):
    with pytest.raises(StorageError, match="index"):
        table_facts(tmp_path)
    pd.DataFrame({"name": ["a"]}).to_csv(tmp_path / "index.csv")
    with pytest.raises(InvalidInputError, match="modality, group, path, source"):
        table_facts(tmp_path)
    twice = tmp_path / "twice.toml"
    twice.write_text('[[origins]]\ngroups = ["a", "b"]\n[[origins]]\ngroups = ["c", "b"]\n')
    with pytest.raises(StorageError, match="'b' to two origins"):
        table_facts(indexed, registry=twice)


def test_the_repositorys_registry_is_whole():
    registry = read_registry()
    assert {
        "adbench",
        "adbench_embeddings",
        "oddbench",
        "ovrbench",
        "mixed",
        "uci",
        "synthetic",
        "business",
        "dirty",
    } <= set(registry.suites)
    for facts in registry.suites.values():
        assert all(facts.get(key) for key in ("modality", "title", "form", "origin", "licence", "task"))
        names = [name for listed in facts.get("domains", {}).values() for name in listed]
        assert len(names) == len(set(names))
    assert registry.group("housing") == registry.group("boston")
    assert registry.group("nobody knows it") == "nobody knows it"


@pytest.mark.skipif(not (MIXED / "index.csv").is_file(), reason=f"no mixed tables at {MIXED}")
def test_all_is_known_of_every_mixed_table():
    facts = table_facts(MIXED)
    assert {table.suite for table in facts} == {"business", "dirty"}
    for table in facts:
        assert all((table.origin, table.licence, table.group, table.domain, table.construction, table.form)), table.name
        assert (table.wrong == "wrong") == (table.suite == "dirty")
        assert table.path.is_file()
    # Some share their origin with tables of the other folder.
    assert {t.group for t in facts} & {t.group for t in table_facts(SHARED)}


@pytest.mark.shared_data
def test_all_is_known_of_every_shared_table():
    facts = table_facts(SHARED)
    for table in facts:
        assert all((table.origin, table.licence, table.group, table.domain, table.construction, table.form)), table.name
    # What the registry says is said of tables that exist.
    registry = read_registry()
    groups = set(pd.read_csv(SHARED / "index.csv")["group"])
    assert set(registry.linked) <= groups
    names = {table.name for table in facts}
    for suite in registry.suites.values():
        assert {name for listed in suite.get("domains", {}).values() for name in listed} <= names
