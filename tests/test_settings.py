"""Settings: validated once, from keywords, mappings, TOML and YAML."""

from __future__ import annotations

import math
import pickle
import time
from pathlib import Path
from typing import Any

import pytest

from pynomaly_auto._deadline import Deadline, waiting_since
from pynomaly_auto._machine import usable_cores
from pynomaly_auto._optional import available, missing, require
from pynomaly_auto._quantities import parse_bytes
from pynomaly_auto._registry import Registry
from pynomaly_auto.errors import MissingExtraError, PynomalyError, SettingError, StorageError, UnknownNameError
from pynomaly_auto.settings import Overrides, Settings, read_mapping


@pytest.mark.parametrize(
    ("value", "size"),
    [(None, None), (5, 5), ("512", 512), ("1.5GB", 1_500_000_000), ("2 GiB", 2 * 2**30), ("64kb", 64_000), ("3 B", 3)],
)
def test_bytes(value: Any, size: int | None) -> None:
    assert parse_bytes(value) == size


@pytest.mark.parametrize("value", [0, -1, True, "much", "GB", "0.1", 1.5, "-2GB"])
def test_no_bytes(value: Any) -> None:
    with pytest.raises(SettingError, match="memory_limit"):
        parse_bytes(value)


def test_resources_in_either_spelling() -> None:
    settings = Settings(backend="ray", address="auto", resources_per_trial={"CPU": 2, "gpu": 0.5, "memory": 1e9})
    assert settings.resources_per_trial == {"cpu": 2.0, "gpu": 0.5, "memory": 1e9}
    assert Settings.from_mapping(settings.to_dict()) == settings
    assert Settings(backend="ray", resources_per_trial={}).resources_per_trial is None


def test_plain_values_and_back() -> None:
    settings = Settings(
        time_budget=None,
        n_trials=5,
        priorities={"speed": 3},
        overrides={"force": "hbos", "params": {"hbos": {"n_bins": 4}}},
    )  # type: ignore[arg-type]
    assert settings.overrides.force == ("hbos",)
    assert settings.priorities == {"accuracy": 0.0, "speed": 1.0, "interpretability": 0.0}
    again = Settings.from_mapping(settings.to_dict())
    assert again == settings
    assert settings.with_(n_trials=7).n_trials == 7
    assert Settings(n_jobs=-1).workers == Settings().workers == usable_cores()
    assert Settings(n_jobs=3).workers == 3


@pytest.mark.parametrize(
    "values",
    [
        {"time_budget": None},
        {"priorities": {"speed": -1}},
        {"priorities": {"beauty": 1}},
        {"address": "auto"},
        {"resources_per_trial": {"cpu": 1}},
        {"backend": "ray", "address": 8},
        {"backend": "ray", "resources_per_trial": 2},
        {"backend": "ray", "resources_per_trial": {1: 2}},
        {"backend": "ray", "resources_per_trial": {"cpu": 0}},
        {"backend": "ray", "resources_per_trial": {"gpu": -1}},
        {"backend": "ray", "resources_per_trial": {"gpu": 1.5}},
        {"backend": "ray", "resources_per_trial": {"cpu": "two"}},
        {"backend": "ray", "resources_per_trial": {"cpu": float("nan")}},
        {"priorities": {"speed": 0}},
        {"overrides": 3},
        {"overrides": {"exlude": ["lof"]}},
        {"overrides": {"force": ["lof"], "exclude": ["lof"]}},
        {"random_state": 1.5},
        {"nothing": 1},
    ],
)
def test_wrong_values(values: dict[str, Any]) -> None:
    with pytest.raises(SettingError):
        Settings.from_mapping(values)


def test_files(tmp_path: Path) -> None:
    toml = tmp_path / "a.toml"
    toml.write_text('time_budget = 3\n[overrides]\nexclude = ["lof"]\n', encoding="utf-8")
    yaml = tmp_path / "a.yaml"
    yaml.write_text("time_budget: 3\noverrides:\n  exclude: [lof]\n", encoding="utf-8")
    assert (
        Settings.from_file(toml)
        == Settings.from_file(yaml)
        == Settings(time_budget=3, overrides=Overrides(exclude=("lof",)))
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.toml", "x = = 1"),
        ("a.yaml", "a: [1"),
        ("a.yml", "- 1\n- 2"),
        ("a.ini", "x=1"),
        ("a.yaml", "!!python/object:os.system {}"),
    ],
)
def test_files_that_cannot_be_read(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StorageError, match=name):
        read_mapping(path)
    with pytest.raises(StorageError, match=r"gone\.toml"):
        read_mapping(tmp_path / "gone.toml")


def test_deadline() -> None:
    assert math.isinf(Deadline(None).remaining())
    late = Deadline(1e-9)
    assert late.remaining() == 0.0
    assert late.elapsed() > 0
    whole = Deadline(100.0)
    part = whole.reserving(10.0)
    left = whole.remaining()  # first: the clock goes on between the two
    assert 89.0 < part.remaining() <= left - 10.0 + 1e-6
    assert whole.reserving(1e6).remaining() == 0.0
    assert math.isinf(Deadline(None).reserving(5.0).remaining())


def test_the_clock_counts_from_when_somebody_began_to_wait() -> None:
    now = time.monotonic()
    assert Deadline(60.0).waited == 0.0
    with waiting_since(now - 100.0):  # all of it is told, half of the budget taken off
        assert Deadline(60.0).waited == pytest.approx(100.0, abs=5.0)
        assert Deadline(60.0).elapsed() == pytest.approx(30.0, abs=5.0)
    with waiting_since(now - 3.0):
        assert Deadline(60.0).elapsed() == pytest.approx(3.0, abs=0.5)
        assert Deadline(None).elapsed() == pytest.approx(3.0, abs=0.5)
        with waiting_since(now):  # who waits for the outer one waits for this one, too
            assert Deadline(60.0).remaining() == pytest.approx(57.0, abs=0.5)
        assert Deadline(2.0).remaining() == pytest.approx(1.0, abs=0.1)  # half of it is the run's own
    assert Deadline(60.0).elapsed() < 0.5


def test_errors_say_what_where_and_what_to_do() -> None:
    error = SettingError("x is 3.", where="config.toml", fix="Use 2.")
    assert str(error) == "x is 3 (in config.toml). Use 2."
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (SettingError, str(error))
    assert isinstance(error, ValueError)
    assert "Known: a, b" in str(UnknownNameError.of("thing", "zzz", ["b", "a"]))
    assert str(UnknownNameError.of("thing", "zzz", [])) == "unknown thing 'zzz'. There is none so far."


def test_optional_packages() -> None:
    assert require("json").dumps({}) == "{}"
    assert available("numpy")
    assert "pynomaly-auto[deep]" in str(missing("torch"))
    with pytest.raises(MissingExtraError, match="no_such_package"):
        require("no_such_package.part")


class _Item:
    def __init__(self, name: str) -> None:
        self.name = name


def test_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        def __init__(self, found: Any) -> None:
            self.load = lambda: found

    third = [Point(_Item("theirs")), Point((_Item("one"), _Item("two")))]
    monkeypatch.setattr("pynomaly_auto._registry.entry_points", lambda group: third if group == "g" else [])
    registry: Registry[_Item] = Registry("thing", ("json",), "g")
    ours = registry.add(_Item("ours"))
    assert registry.add(ours) is ours
    assert list(registry) == ["ours", "theirs", "one", "two"]
    assert len(registry) == 4
    assert "theirs" in registry
    assert "nothing" not in registry
    with pytest.raises(SettingError, match="twice"):
        registry.add(_Item("ours"))
    with pytest.raises(UnknownNameError, match="Did you mean 'theirs'"):
        registry["their"]
    registry.remove("ours")
    assert "ours" not in registry
    assert issubclass(UnknownNameError, PynomalyError)


def test_cells_are_looked_at_by_name() -> None:
    assert Settings().cells == "auto"
    assert [Settings(cells=way).cells for way in ("auto", "always", "off")] == ["auto", "always", "off"]
    assert Settings.from_mapping({"cells": False}).cells == "off"  # a bare off in YAML
    with pytest.raises(UnknownNameError, match="way of looking at cells"):
        Settings(cells="allways")


def test_the_compute_budget_is_a_share_of_the_machine(monkeypatch):
    monkeypatch.setattr("pynomaly_auto.settings.usable_cores", lambda: 8)
    assert Settings().workers == 8
    assert Settings(compute_budget="50 %").workers == Settings(compute_budget=0.5, n_jobs=6).workers == 4
    assert Settings(compute_budget=0.01).workers == Settings(compute_budget=0.5, n_jobs=1).workers == 1
    assert Settings(n_jobs=12).workers == 12
    for wrong in (0, 1.5, "150%", -1, "half", True, None, "0.5.5", float("nan"), "nan"):
        with pytest.raises(SettingError, match=r"compute_budget.*'50%'"):
            Settings(compute_budget=wrong)
