"""A short suite on every interpreter found from 3.11 on, with the core dependencies alone, at their lowest and newest.

``python -m tests.matrix`` runs it; ``--others`` leaves out the running interpreter with the newest, which `make test`
covers. Environments are kept in ``.matrix`` and made anew when the dependencies change. The newest are those of
``constraints.txt``, so that a release made elsewhere breaks nothing here; the lowest are those that have wheels.

Two suites run side by side where there are two cores: half of a suite's time is waiting. What cannot be tried is said,
and fails nothing: the lowest without ``uv``, which alone can find them, and an interpreter that `pyproject.toml` does
not promise and some dependency has no wheel for.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / ".matrix"
FIRST = (3, 11)
LAST = 20  # no such minor version yet
TOOLS = ("pytest", "hypothesis", "polars")  # as in constraints.txt
TIMEOUT = 1200  # seconds of one suite on a busy machine
SIDE_BY_SIDE = min(2, os.cpu_count() or 1)

# What depends on the interpreter and on the versions of others: processes, threads, exit, storing, tables, MLflow.
SUITE = (
    "tests/test_registry.py", "tests/test_machine.py", "tests/pool", "tests/engine/test_exit.py",
    "tests/engine/test_resources.py", "tests/tracking/test_mlflow.py",
    "tests/detectors/test_linear.py",
)  # fmt: skip


def interpreters() -> dict[tuple[int, int], str]:
    """One interpreter per minor version, the oldest found of each: the first releases are the roughest."""
    found: dict[tuple[int, int, int], str] = {}
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [sys.executable, *(str(p) for p in pyenv.glob("3.*/bin/python"))]
    candidates += [p for minor in range(FIRST[1], LAST) if (p := shutil.which(f"python3.{minor}"))]
    for path in candidates:
        ask = [path, "-c", "import sys, venv, sqlite3, ssl; print(*sys.version_info[:3])"]
        told = subprocess.run(ask, capture_output=True, text=True, check=False)
        words = told.stdout.split()
        if told.returncode == 0 and len(words) == 3:
            version = (int(words[0]), int(words[1]), int(words[2]))
            if version[:2] >= FIRST:
                found.setdefault(version, path)
    chosen: dict[tuple[int, int], str] = {}
    for version in sorted(found):
        chosen.setdefault(version[:2], found[version])
    return chosen


def promised() -> set[tuple[int, int]]:
    """The versions that the classifiers name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    words = [line.rpartition(" ")[2].split(".") for line in project["classifiers"] if "Python :: 3." in line]
    return {(int(major), int(minor)) for major, minor in words}


def find_uv() -> str | None:
    """Path of ``uv``: the one installed, the one kept, or one fetched now; None: it cannot be had."""
    kept = PLACE / "uv" / "bin" / "uv"
    if found := shutil.which("uv"):
        return found
    if not kept.exists():
        for command in (
            [sys.executable, "-m", "venv", str(PLACE / "uv")],
            [str(PLACE / "uv" / "bin" / "pip"), "install", "--quiet", "uv"],
        ):
            if subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode:
                return None
    return str(kept) if kept.exists() else None


@dataclass(frozen=True)
class Run:
    """One suite: on which interpreter, with which dependencies."""

    python: str
    version: tuple[int, int]
    kind: str

    @property
    def name(self) -> str:
        return f"Python {self.version[0]}.{self.version[1]}, {self.kind} dependencies"

    @property
    def folder(self) -> Path:
        return PLACE / f"{self.version[0]}.{self.version[1]}-{self.kind}"

    def prepare(self, uv: str | None) -> None:
        """Make its environment; one that is there is kept as long as what is asked for stays the same.

        Raises:
            subprocess.CalledProcessError: Something has no wheel for it, or cannot be fetched.
        """
        dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
        pinned = (ROOT / "constraints.txt").read_text()
        asked = [*dependencies, *(line for line in pinned.splitlines() if line.split("==")[0] in TOOLS)]
        pins = pinned if self.kind == "newest" else ""
        mark = hashlib.sha256("\n".join([self.python, *asked, pins]).encode()).hexdigest()
        stamp = self.folder / "made-from"
        if stamp.exists() and stamp.read_text() == mark:
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        own = [str(self.folder / "bin" / "python")]
        install = [uv, "pip", "install", "--python", *own] if uv else [*own, "-m", "pip", "install"]
        how = ["-c", "constraints.txt"] if self.kind == "newest" else ["--resolution", "lowest-direct"]
        for command in (
            [self.python, "-m", "venv", *(["--without-pip"] if uv else []), str(self.folder)],
            [*install, "--quiet", "--only-binary", ":all:", *how, *asked],
        ):
            subprocess.run(command, check=True, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        stamp.write_text(mark)

    def test(self) -> tuple[bool, str]:
        """Whether its suite passed, and what that printed.

        Deprecations that a version of another library brings are not ours to fail by.
        """
        options = ["-q", "-p", "no:cacheprovider", "-o", "filterwarnings=default", "--disable-warnings"]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
        command = [str(self.folder / "bin" / "python"), "-m", "pytest", *options, "--durations=5", *SUITE]
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=environment, check=False, timeout=TIMEOUT, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            told = error.stdout.decode(errors="replace") if isinstance(error.stdout, bytes) else str(error.stdout)
            return False, f"{told}\nnot done after {TIMEOUT} s"
        return done.returncode == 0, done.stdout


def judged(one: Run, uv: str | None, say: Callable[[str], None]) -> bool:
    """Prepare and run one suite, and say how it went; False: it failed."""
    began = time.monotonic()
    try:
        one.prepare(uv)
    except subprocess.CalledProcessError as error:
        due = one.version in promised()
        said = " ".join(str(error.stdout).split())[-600:]
        say(f"== {one.name}: {'FAILED' if due else 'not tried'}, its environment cannot be made: {said}")
        return not due
    ready = time.monotonic()
    good, told = one.test()
    seconds = f"{time.monotonic() - ready:.0f} s, after {ready - began:.0f} s for its environment"
    say(f"{told.strip()}\n== {one.name}: {'passed' if good else 'FAILED'} in {seconds}")
    return good


def main() -> int:
    """Run all of it; the exit status says whether everything that could be tried passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--others", action="store_true", help="leave out this interpreter with the newest")
    others = parser.parse_args().others
    PLACE.mkdir(exist_ok=True)
    (PLACE / ".gitignore").write_text("*\n")
    began, uv = time.monotonic(), find_uv()
    kinds = ("lowest", "newest") if uv else ("newest",)
    if uv is None:
        print("== the lowest dependencies: not tried, as uv cannot be had", flush=True)
    runs = [Run(python, version, kind) for version, python in interpreters().items() for kind in kinds]
    if others:
        runs = [one for one in runs if (one.kind, one.version) != ("newest", sys.version_info[:2])]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as threads:
        good = list(threads.map(lambda one: judged(one, uv, lambda text: print(text, flush=True)), runs))
    failed = [one.name for one, fine in zip(runs, good, strict=True) if not fine]
    spent = os.times()
    cpu = spent.children_user + spent.children_system
    print(f"{len(runs)} suites in {time.monotonic() - began:.0f} s, with {cpu:.0f} s of CPU")
    print("\n".join(f"failed: {name}" for name in failed) or "none failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
