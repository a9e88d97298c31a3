"""A catalogue is filled to its end or not at all: by threads, after a Ctrl-C, beside a plug-in that fails."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pynomaly_auto import _registry
from pynomaly_auto._registry import Registry
from pynomaly_auto.errors import SettingError, UnknownNameError

HEAD = "from tests.test_registry import CURRENT, Thing\nregistry = CURRENT[0]\n"
CURRENT: list[Registry[Any]] = []


@dataclass(frozen=True)
class Thing:
    name: str
    call: Callable[[], int]


@pytest.fixture
def declaring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Registry[Thing]]]:
    """Makes a registry that is filled by importing a module of this source."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "tests.test_registry", sys.modules[__name__])
    monkeypatch.setattr(_registry, "entry_points", lambda group: [])

    def make(source: str) -> Registry[Thing]:
        (tmp_path / "declares_things.py").write_text(HEAD + source)
        registry: Registry[Thing] = Registry("thing", ("declares_things",), "things")
        CURRENT[:] = [registry]
        return registry

    yield make
    sys.modules.pop("declares_things", None)


def test_a_second_thread_waits_for_the_first_one_s_filling(declaring: Callable[[str], Registry[Thing]]) -> None:
    registry = declaring("import time\ntime.sleep(0.3)\nregistry.add(Thing('late', lambda: 1))\n")
    found: list[list[str]] = []
    threads = [threading.Thread(target=lambda: found.append(list(registry))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [["late"]] * 4


def test_a_filling_that_is_broken_off_starts_again(declaring: Callable[[str], Registry[Thing]]) -> None:
    registry = declaring(
        "@lambda call: registry.add(Thing('first', call))\ndef first(): return 1\n"
        "if not hasattr(registry, 'interrupted'):\n"
        "    registry.interrupted = True\n"
        "    raise KeyboardInterrupt\n"
        "registry.add(Thing('second', lambda: 2))\n"
    )
    with pytest.raises(KeyboardInterrupt):
        list(registry)
    assert list(registry) == ["first", "second"]
    assert registry["first"].call() == 1


def test_a_module_may_look_while_it_declares(declaring: Callable[[str], Registry[Thing]]) -> None:
    registry = declaring("registry.add(Thing('one', len))\nregistry.add(Thing('seen ' + ', '.join(registry), len))\n")
    assert list(registry) == ["one", "seen one"]


def test_a_name_cannot_be_taken_twice_by_one_module(declaring: Callable[[str], Registry[Thing]]) -> None:
    registry = declaring("registry.add(Thing('one', len))\nregistry.add(Thing('one', max))\n")
    with pytest.raises(SettingError, match="twice"):
        list(registry)


def test_a_plug_in_that_fails_is_left_out_and_named(
    declaring: Callable[[str], Registry[Thing]], monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = declaring("registry.add(Thing('ours', len))\n")

    class Broken:
        name, dist = "theirs", SimpleNamespace(name="their-package")

        def load(self) -> Thing:
            raise ValueError("no licence")

    class Taken(Broken):
        name = "ours"

        def load(self) -> Thing:
            return Thing("ours", max)

    fine = SimpleNamespace(name="fine", dist=None, load=lambda: Thing("fine", len))
    monkeypatch.setattr(_registry, "entry_points", lambda group: [Broken(), Taken(), fine])
    with pytest.warns(UserWarning, match=r"of 'their-package' is left out") as caught:
        assert list(registry) == ["ours", "fine"]
    said = [str(w.message) for w in caught]
    assert [("'theirs'" in s, "no licence" in s) for s in said] == [(True, True), (False, False)]
    assert registry["ours"].call is len


@pytest.mark.parametrize("name", [None, 3, [], {}, ["a"], float("nan"), b"a", ("a",)])
def test_what_is_no_name_is_an_unknown_one(declaring: Callable[[str], Registry[Thing]], name: Any) -> None:
    registry = declaring("registry.add(Thing('a', int))\n")
    assert name not in registry
    with pytest.raises(UnknownNameError, match="unknown thing"):
        registry[name]
