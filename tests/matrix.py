"""A short suite on every interpreter found from 3.11 on, with the core dependencies alone, at their lowest and newest.

``python -m tests.matrix`` runs it; ``--others`` leaves out the running interpreter with the newest, which `make test`
covers. Environments are kept in ``.matrix`` and made anew when the dependencies change. The newest are those of
``constraints.txt``, so that a release made elsewhere breaks nothing here; the lowest are those that have wheels.
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
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / ".matrix"
FIRST = (3, 11)
LAST = 20  # no such minor version yet
TOOLS = ("pytest", "hypothesis", "polars")  # as in constraints.txt
TIMEOUT = 600  # seconds of one suite on a busy machine

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


def prepare(python: str, version: tuple[int, int], kind: str, uv: str) -> Path:
    """The environment of one run; kept as long as what is asked for stays the same."""
    folder = PLACE / f"{version[0]}.{version[1]}-{kind}"
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    pinned = (ROOT / "constraints.txt").read_text()
    asked = [*dependencies, *(line for line in pinned.splitlines() if line.split("==")[0] in TOOLS)]
    pins = pinned if kind == "newest" else ""
    mark = hashlib.sha256("\n".join([python, *asked, pins]).encode()).hexdigest()
    stamp = folder / "made-from"
    if not stamp.exists() or stamp.read_text() != mark:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True)
        how = ["-c", "constraints.txt"] if kind == "newest" else ["--resolution", "lowest-direct"]
        install = [uv, "pip", "install", "--quiet", "--only-binary", ":all:", "--python", str(folder / "bin/python")]
        subprocess.run([*install, *how, *asked], check=True, cwd=ROOT)
        stamp.write_text(mark)
    return folder / "bin" / "python"


def main() -> int:
    """Run all of it; the exit status says whether everything passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--others", action="store_true", help="leave out this interpreter with the newest")
    others = parser.parse_args().others
    PLACE.mkdir(exist_ok=True)
    (PLACE / ".gitignore").write_text("*\n")
    uv = PLACE / "uv" / "bin" / "uv"
    if not uv.exists():
        subprocess.run([sys.executable, "-m", "venv", str(PLACE / "uv")], check=True)
        subprocess.run([str(PLACE / "uv" / "bin" / "pip"), "install", "--quiet", "uv"], check=True)
    failed: list[str] = []
    for version, python in interpreters().items():
        for kind in ("lowest", "newest"):
            if others and kind == "newest" and version == sys.version_info[:2]:
                continue
            name = f"Python {version[0]}.{version[1]}, {kind} dependencies"
            print(f"== {name}", flush=True)
            began = time.monotonic()
            good = run(prepare(python, version, kind, str(uv)))
            print(f"== {name}: {'passed' if good else 'FAILED'} in {time.monotonic() - began:.0f} s", flush=True)
            failed += [] if good else [name]
    print("\n".join(f"failed: {name}" for name in failed) or "all passed")
    return 1 if failed else 0


def run(python: Path) -> bool:
    """The suite in one environment. Deprecations that a version of another library brings are not ours to fail by."""
    options = ["-q", "-p", "no:cacheprovider", "-o", "filterwarnings=default", "--disable-warnings", "--durations=5"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    command = [str(python), "-m", "pytest", *options, *SUITE]
    try:
        return subprocess.run(command, cwd=ROOT, env=environment, check=False, timeout=TIMEOUT).returncode == 0
    except subprocess.TimeoutExpired:
        return False


if __name__ == "__main__":
    sys.exit(main())
