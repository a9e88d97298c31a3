"""The matrix of interpreters says what it cannot try, and fails only by what it has tried or was promised."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import matrix

HERE = sys.version_info[:2]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix, "PLACE", tmp_path / "matrix")
    monkeypatch.setattr(sys, "argv", ["matrix", "--others"])


def test_one_interpreter_without_uv_has_nothing_to_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(matrix, "find_uv", lambda: None)
    monkeypatch.setattr(matrix, "interpreters", lambda: {HERE: sys.executable})
    assert matrix.main() == 0
    said = capsys.readouterr().out
    assert "the lowest dependencies: not tried, as uv cannot be had" in said
    assert "0 suites" in said


@pytest.mark.parametrize(("version", "status"), [((3, 11), 1), ((3, 19), 0)])
def test_an_environment_that_cannot_be_made_fails_what_was_promised(
    version: tuple[int, int], status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(self: matrix.Run, uv: str | None) -> None:
        raise subprocess.CalledProcessError(1, "uv", output="no wheel\nfor it")

    monkeypatch.setattr(matrix.Run, "prepare", refuse)
    monkeypatch.setattr(matrix, "find_uv", lambda: "uv")
    monkeypatch.setattr(matrix, "interpreters", lambda: {version: "python"})
    assert version in matrix.promised() or status == 0
    assert matrix.main() == status
    said = capsys.readouterr().out
    assert f"{'FAILED' if status else 'not tried'}, its environment cannot be made: no wheel for it" in said


def test_a_suite_that_is_not_done_shows_how_far_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_: Any, **__: Any) -> None:
        raise subprocess.TimeoutExpired("pytest", 1, output=b"two dots..")

    monkeypatch.setattr(subprocess, "run", late)
    good, told = matrix.Run("python", HERE, "newest").test()
    assert (good, "two dots..\nnot done after" in told) == (False, True)


def test_the_running_interpreter_or_an_older_one_of_its_kind_is_found() -> None:
    assert HERE in matrix.interpreters()
