"""Detectors of third parties: a good one is used, a bad one costs its own trial and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pynomaly_auto import AutonomousDetector
from pynomaly_auto.errors import NothingFinishedError
from tests.engine.conftest import quick
from tests.engine.foreign import BAD, registered

X = np.random.default_rng(0).normal(size=(80, 3))
X[4] = 9.0
ERRORS = {
    "raising": ("failed", "RuntimeError: no licence found"),
    "hanging": ("timeout", "killed after"),
    "greedy": ("memory", "killed|MemoryError"),
    "dying": ("failed", "died"),
    "not_a_number": ("failed", "finite|NaN|nan"),
    "too_short": ("failed", "shape|79"),
    "flat": ("failed", "shape|2"),
}


def check_board(detector: AutonomousDetector, *, in_time: bool = False) -> None:
    assert detector.predict(X)[4] == -1
    assert {m.detector for m in detector.ensemble_.members} <= {"distance", "zscore"}
    board = detector.leaderboard().set_index("detector")
    for name, (status, error) in ERRORS.items():
        # On a machine that does much else, what takes memory may be out of time before it is out of memory.
        late = in_time and name == "greedy" and name in board.index and board.loc[name, "status"] == "timeout"
        if name in board.index and not late and board.loc[name, "status"] not in ("left out", "not reached"):
            assert board.loc[name, "status"] == status, name
            assert np.any([w in board.loc[name, "reason"] for w in error.split("|")]), board.loc[name, "reason"]


def test_by_number_of_trials() -> None:
    names = tuple(n for n in BAD if n != "hanging")  # without a clock, a hanging trial is given minutes
    with registered("distance", *names):
        config = {"overrides": {"include": ["zscore", "distance", *names], "force": list(names)}}
        detector = quick(n_trials=10, memory_limit="200MB", config=config).fit(X)
        check_board(detector)
        assert {t.detector for t in detector.trials_} >= set(names)
        text = detector.result_.to_dict()
        assert any("no licence found" in r["text"] for r in text["reasons"])


@pytest.mark.parametrize("name", ["unloadable", "forgetful", "at_home", "stubborn"])
def test_one_that_works_only_until_it_is_stored_costs_its_own_member_only(name: str) -> None:
    with registered("distance", name):
        config = {"overrides": {"include": ["zscore", "distance", name], "force": [name]}}
        detector = quick(n_trials=3, config=config).fit(X)
        assert {m.detector for m in detector.ensemble_.members} <= {"distance", "zscore"}
        assert detector.predict(X + 1e-9)[4] == -1
        said = " ".join(r.text for t in detector.trials_ if t.detector == name for r in t.reasons)
        said += " ".join(r.text for r in detector.result_.reasons)
        assert "wrong version" in said or "centre_" in said or "the licence is another" in said


def test_by_time() -> None:
    with registered("distance", *BAD):
        config = {"overrides": {"include": ["zscore", "distance", *BAD], "force": list(BAD)}}
        given = {"n_trials": None, "time_budget": 6.0, "memory_limit": "200MB"}
        detector = quick(**given, config=config).fit(X)
        check_board(detector, in_time=True)
        tried = {t.detector: t.status for t in detector.trials_}
        assert tried["hanging"] in ("timeout", "cancelled")
        assert tried["raising"] == "failed"


def test_nothing_finished_names_the_first_failures() -> None:
    with registered("raising", "dying") as names, pytest.raises(NothingFinishedError) as error:
        quick(config={"overrides": {"include": names}}).fit(X)
    assert "no licence found" in str(error.value)
    assert "dying" in str(error.value)


def test_a_detector_of_the_users_own_script(tmp_path: Path) -> None:
    """Defined and registered in a plain script: no guard, no module that workers could import."""
    source = Path(__file__).with_name("foreign.py").read_text(encoding="utf-8")
    script = tmp_path / "script.py"
    script.write_text(
        source
        + """
from pynomaly_auto import AutonomousDetector
for name in ("distance", "raising", "dying"):
    DETECTORS.add(spec(name))
X = np.random.default_rng(0).normal(size=(80, 3))
X[4] = 9.0
config = {"overrides": {"include": ["distance", "raising", "dying"]}}
detector = AutonomousDetector(n_trials=3, tracking=False, random_state=0, config=config).fit(X)
again = AutonomousDetector.load(detector.save("model", trusted=True), trusted=["__main__.Distance"])
assert (again.score_samples(X) == detector.score_samples(X)).all()
print(detector.predict(X)[4], *sorted(t.detector + ":" + t.status for t in detector.trials_))
""",
        encoding="utf-8",
    )
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["-1", "distance:completed", "dying:failed", "raising:failed"]
    assert done.stderr == ""


def test_one_registered_by_entry_point_takes_part_by_default(tmp_path: Path) -> None:
    """As a third party's package would be installed, with the shipped knowledge base, which knows nothing of it."""
    source = Path(__file__).with_name("foreign.py").read_text(encoding="utf-8")
    (tmp_path / "third_party.py").write_text(source + "\nDISTANCE = spec('distance')\n", encoding="utf-8")
    info = tmp_path / "third_party-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: third-party\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[pynomaly_auto.detectors]\ndistance = third_party:DISTANCE\n")
    script = tmp_path / "script.py"
    script.write_text(
        """
import json
import numpy as np
from pynomaly_auto import AutonomousDetector
X = np.random.default_rng(0).normal(size=(120, 3))
X[4] = 9.0
found = []
for given in ({"n_trials": 12}, {"novelty": True, "n_trials": 12}, {"time_budget": 6.0}):
    detector = AutonomousDetector(**given, tracking=False, random_state=0, verbose=0).fit(X)
    weights = {m.detector: m.weight for m in detector.ensemble_.members}
    codes = {r.code for r in detector.result_.reasons if r.subject in ("distance", "shares")}
    board = detector.leaderboard().set_index("detector")
    found.append([weights.get("distance", 0.0), sorted(codes), board.loc["distance", "reason"]])
print(json.dumps(found))
""",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for weight, codes, reason in json.loads(done.stdout):
        assert weight >= 0.1 - 1e-9
        assert {"REC-008", "REC-043", "ENS-006", "ENS-024"} <= set(codes)
        assert f"Weight {weight:.1%} of the ensemble's score" in reason
