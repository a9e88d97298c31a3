"""What may be given as a path."""

from __future__ import annotations

from pathlib import Path

import pytest

from pynomaly_auto._checks import path_of
from pynomaly_auto.errors import SettingError


def test_a_tilde_is_the_users_own_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert path_of("~/run") == path_of(Path("~/run")) == Path("/home/ada/run")
    assert path_of("a/~/run") == Path("a/~/run")
    assert path_of("~nobody-of-that-name/run") == Path("~nobody-of-that-name/run")


def test_no_text_is_no_path() -> None:
    with pytest.raises(SettingError, match="the path is ''"):
        path_of("")
