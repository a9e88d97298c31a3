"""A run that is killed goes on from its checkpoint, and a folder that is no such thing is refused with one error."""

from __future__ import annotations

import json
import random
import shutil
import warnings
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.chaos import kills
from pynomaly_auto import AutonomousDetector
from pynomaly_auto.dataset import TableEncoder, open_table
from pynomaly_auto.engine import _stored_run as stored_run
from pynomaly_auto.engine._checkpoint import held
from pynomaly_auto.engine._heeding import Given
from pynomaly_auto.engine._stored_table import encoded_digest
from pynomaly_auto.errors import PynomalyError, SettingError, StorageError
from pynomaly_auto.records import Labels
from pynomaly_auto.settings import Settings
from tests.engine.conftest import QUICK
from tests.engine.conftest import quick as quicker
from tests.odd_frames import table_of

X = np.random.default_rng(0).normal(size=(200, 4))
X[:6] += 5.0
TRIALS = 16  # more than are in the queue, so that some are proposed by the sampler
TUNED = "svr_residuals"  # of a family that is tuned without labels


def quick(**kw: Any) -> AutonomousDetector:
    """The same with a detector that is tuned."""
    return quicker(**({"config": {"overrides": {"include": [*QUICK, TUNED]}}} | kw))


def same(one: AutonomousDetector, other: AutonomousDetector) -> None:
    a, b = one.result_, other.result_
    np.testing.assert_array_equal(a.verdict.scores, b.verdict.scores)
    np.testing.assert_array_equal(a.labels, b.labels)
    assert one.threshold_ == other.threshold_
    assert [(m.configuration, m.weight) for m in a.ensemble.members] == [
        (m.configuration, m.weight) for m in b.ensemble.members
    ]
    np.testing.assert_array_equal(one.score_samples(X[:20] + 0.1), other.score_samples(X[:20] + 0.1))


def codes(detector: AutonomousDetector) -> list[str]:
    return [r.code for r in detector.result_.reasons]


def interrupt(folder: Path, keep: int, seed: int = 0) -> None:
    """Make it what a kill leaves: some of the trials, no result, and a file that was being written."""
    (folder / "result.pynomaly").unlink(missing_ok=True)
    made = sorted((folder / "trials").iterdir())
    for path in random.Random(seed).sample(made, max(0, len(made) - keep)):
        path.unlink()
    (folder / "trials" / ".000099.pynomaly.saving-1-0a0b0c0d").write_bytes(b"PYNOM")


@pytest.fixture(scope="module")
def whole() -> AutonomousDetector:
    return quick(n_trials=TRIALS).fit(X)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint") / "run"
    quick(n_trials=TRIALS).fit(X, checkpoint=folder)
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


def test_a_checkpoint_changes_nothing_and_a_resumed_run_equals_an_uninterrupted_one(
    whole: AutonomousDetector, folder: Path
) -> None:
    assert any(r.code == "TUN-013" for r in whole.result_.reasons)
    same(whole, AutonomousDetector.resume(folder))  # finished: loaded
    for keep in (TRIALS, 9, 3, 0):
        interrupt(folder, keep, seed=keep)
        resumed = AutonomousDetector.resume(folder)
        same(whole, resumed)
        reason = next(r for r in resumed.result_.reasons if r.code == "ENG-002")
        assert reason.evidence["trials"] == keep
        assert not list(folder.rglob(".*saving*"))
        assert (folder / "result.pynomaly").is_file()


def test_kill_9_at_random_moments() -> None:
    lines = kills(2, "local", seed=5)
    assert all(line.endswith("differs in: nothing") for line in lines), lines


def test_the_same_call_goes_on_and_a_finished_run_is_loaded(whole: AutonomousDetector, folder: Path) -> None:
    with pytest.raises(StorageError, match="finished"):
        quick(n_trials=TRIALS).fit(X, checkpoint=folder)
    assert "ENG-003" in codes(AutonomousDetector.resume(folder))
    interrupt(folder, 5)
    again = quick(n_trials=TRIALS, n_jobs=1).fit(X, checkpoint=folder)  # how many workers there are is free
    same(whole, again)
    assert "ENG-002" in codes(again)


def test_another_table_or_other_settings_are_refused(folder: Path) -> None:
    interrupt(folder, 5)
    with pytest.raises(SettingError, match="n_trials=16"):
        quick(n_trials=4).fit(X, checkpoint=folder)
    with pytest.raises(StorageError, match="another table"):
        quick(n_trials=TRIALS).fit(X + 1, checkpoint=folder)
    with pytest.raises(StorageError, match="another table"):
        AutonomousDetector.resume(folder, X[:100])


def test_a_folder_in_use_is_refused_and_what_is_none_too(folder: Path, tmp_path: Path) -> None:
    with held(folder, make=False), pytest.raises(StorageError, match="at work"):
        AutonomousDetector.resume(folder)
    with pytest.raises(StorageError, match="no folder"):
        AutonomousDetector.resume(tmp_path / "nowhere")
    (tmp_path / "other").mkdir()
    with pytest.raises(StorageError, match="no run has begun"):
        AutonomousDetector.resume(tmp_path / "other")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("text")
    with pytest.raises(StorageError, match="holds something else"):
        quick().fit(X, checkpoint=tmp_path / "mine")
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.tex"]
    (tmp_path / "file").write_text("text")
    with pytest.raises(StorageError, match="cannot be used"):
        quick().fit(X, checkpoint=tmp_path / "file")
    with pytest.raises(SettingError, match="path"):
        quick().fit(X, checkpoint=7)  # type: ignore[arg-type]
    with pytest.raises(StorageError):
        AutonomousDetector.resume("a\0b")


def test_another_version_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_run, "__version__", "99.0")
    with pytest.raises(StorageError, match=r"this is 99\.0"):
        AutonomousDetector.resume(folder)


def test_a_drawn_seed_and_labels_and_groups_are_kept(tmp_path: Path) -> None:
    frame = pd.DataFrame(X, columns=list("abcd"), index=[f"r{i}" for i in range(len(X))])
    frame["known"] = [1.0] * 4 + [np.nan] * 100 + [0.0] * 20 + [np.nan] * 76
    frame["who"] = [f"g{i % 9}" for i in range(len(X))]
    first = quick(random_state=None).fit(frame, labels="known", groups="who", checkpoint=tmp_path / "run")
    interrupt(tmp_path / "run", 2)
    for table in (None, frame):
        resumed = AutonomousDetector.resume(tmp_path / "run", table)
        np.testing.assert_array_equal(first.result_.verdict.scores, resumed.result_.verdict.scores)
        assert resumed.result_.supervision is not None
        assert resumed.result_.row_labels.tolist() == frame.index.tolist()
        assert resumed.feature_names_in_.tolist() == ["a", "b", "c", "d", "who"]
        interrupt(tmp_path / "run", 2)
    again = quick(random_state=None).fit(frame, labels="known", groups="who", checkpoint=tmp_path / "run")
    np.testing.assert_array_equal(first.result_.verdict.scores, again.result_.verdict.scores)


def test_a_table_that_no_file_holds_is_asked_for_again(tmp_path: Path) -> None:
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame["odd"] = pd.Series([Fraction(i, 7) for i in range(len(X))], dtype=object)
    first = quick().fit(frame, checkpoint=tmp_path / "run")
    assert "ENG-006" in [w.code for w in first.result_.warnings]
    interrupt(tmp_path / "run", 2)
    with pytest.raises(SettingError, match="does not hold the table"):
        AutonomousDetector.resume(tmp_path / "run")
    again = AutonomousDetector.resume(tmp_path / "run", frame)
    np.testing.assert_array_equal(first.result_.verdict.scores, again.result_.verdict.scores)


@pytest.mark.parametrize("number", range(80))
def test_odd_tables_come_back_as_they_were_or_are_said_not_to(number: int, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            table = open_table(table_of(number))
            encoder = TableEncoder()
            dataset = encoder.fit(table).encode(table)
        except PynomalyError:
            return
        opened = stored_run.Opened(
            table=table, given=Given(labels=Labels.none(table.n_rows)), encoder=encoder, dataset=dataset
        )
        asked = stored_run.Asked(params={}, settings=Settings(random_state=1), reasons=())
        stored_run.write_run(tmp_path / "run", asked, opened)
        back = stored_run.read_run(tmp_path / "run")
        if back.table is not None:
            again = TableEncoder().fit(back.table).encode(back.table)
            assert encoded_digest(again) == back.encoded == encoded_digest(dataset)
            assert list(map(repr, again.row_labels)) == list(map(repr, dataset.row_labels))
            assert (back.table.names, back.table.named) == (table.names, table.named)
        assert stored_run.same_table(back, opened)


def test_damaged_folders_give_one_error_and_never_another(folder: Path, whole: AutonomousDetector) -> None:
    interrupt(folder, 4)
    rng = random.Random(1)
    files = [p for p in folder.rglob("*") if p.is_file() and p.name != "lock" and "saving" not in p.name]
    for number in range(60):
        path = rng.choice(files)
        before = path.read_bytes()
        damaged = bytearray(before)
        kind = number % 4
        if kind == 0:
            damaged = damaged[: rng.randrange(len(damaged) + 1)]
        elif kind == 1 and damaged:
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        elif kind == 2:
            damaged = bytearray(rng.randbytes(rng.randrange(200)))
        else:
            damaged = bytearray(b'[[{"seconds": "x"}, 3, {"seconds": 1e400}]' + b"[" * 9000)
        path.write_bytes(damaged)
        try:
            with held(folder, make=False) as checkpoint:
                assert checkpoint.stored is not None
        except StorageError:
            pass
        path.write_bytes(before)
    (folder / "trials" / "000050.pynomaly").symlink_to("/dev/zero")
    with pytest.raises(StorageError, match="000050"):
        AutonomousDetector.resume(folder)
    (folder / "trials" / "000050.pynomaly").unlink()
    (folder / "lock").unlink()
    (folder / "lock").symlink_to(folder / "target")
    with pytest.raises(StorageError):
        AutonomousDetector.resume(folder)
    (folder / "lock").unlink()
    same(whole, AutonomousDetector.resume(folder))


def test_a_time_budget_has_what_was_left_and_no_trial_is_lost(tmp_path: Path) -> None:
    given: dict[str, Any] = {"n_trials": None, "time_budget": 20.0}
    first = quick(**given).fit(X, checkpoint=tmp_path / "run")
    interrupt(tmp_path / "run", 6)
    attempts = json.loads((tmp_path / "run" / "attempts.json").read_text())
    attempts[0]["seconds"] = 12.0
    (tmp_path / "run" / "attempts.json").write_text(json.dumps(attempts))
    with held(tmp_path / "run", make=False) as checkpoint:
        known = {t.configuration for t in checkpoint.trials}
    resumed = AutonomousDetector.resume(tmp_path / "run")
    assert known <= {t.configuration for t in resumed.trials_}
    reason = next(r for r in resumed.result_.reasons if r.code == "ENG-002")
    assert reason.evidence["seconds_counted"] == 12.0
    assert resumed.result_.search.seconds < 8.0
    assert first.result_.labels[0] == resumed.result_.labels[0] == -1


@contextmanager
def _no_room(monkeypatch: pytest.MonkeyPatch) -> Any:
    def full(*_: Any) -> None:
        raise StorageError("no space left on device.")

    monkeypatch.setattr("pynomaly_auto.engine._checkpoint.write_trial", full)
    yield


def test_a_full_disk_costs_the_journal_and_not_the_run(
    whole: AutonomousDetector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _no_room(monkeypatch):
        detector = quick(n_trials=TRIALS).fit(X, checkpoint=tmp_path / "run")
    same(whole, detector)
    warned = [w for w in detector.result_.warnings if w.code == "ENG-004"]
    assert len(warned) == 1
    assert "journalled: no space left on device. After" in warned[0].text


def test_an_interrupted_run_stays_resumable(
    whole: AutonomousDetector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pynomaly_auto.engine._checkpoint import Checkpoint

    note, made = Checkpoint.note, []

    def noting(self: Checkpoint, trial: Any) -> None:
        note(self, trial)
        made.append(trial)
        if len(made) == 10:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "note", noting)
    first = quick(n_trials=TRIALS).fit(X, checkpoint=tmp_path / "run")
    assert first.result_.search.interrupted
    assert not (tmp_path / "run" / "result.pynomaly").exists()
    same(whole, AutonomousDetector.resume(tmp_path / "run"))


def test_optunas_own_tools_read_the_studies(folder: Path) -> None:
    import optuna

    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(folder / "studies.log")))
    names = optuna.get_all_study_names(storage)
    studies = [optuna.load_study(study_name=name, storage=storage) for name in names]
    assert sum(len(s.trials) for s in studies) == TRIALS
    study = max(studies, key=lambda s: len(s.trials))
    assert study.metric_names == ["quality", "seconds", "memory_mb"]
    assert {"detector", "role", "prior", "consensus", "tail"} <= set(study.trials[0].user_attrs)
    assert study.best_trials
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the direction, which changes nothing here
        importances = optuna.importance.get_param_importances(study, target=lambda t: t.values[0])
    assert set(importances) <= {name for t in study.trials for name in t.params}
    assert not (folder / "studies.log.lock").exists()


@pytest.mark.parametrize("known", [{"expect": {"amount": "high"}}, {"column_weights": {"age": 0.0}}])
def test_a_table_of_which_something_is_known_is_held_as_any_other(known: dict[str, Any], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "amount": rng.lognormal(size=120), "kind": pd.Categorical(rng.choice(list("abc"), 120)),
            "age": rng.integers(1, 90, 120),
        }
    )  # fmt: skip
    detector = quick(**known).fit(table, checkpoint=tmp_path / "run")
    assert "ENG-006" not in {reason.code for reason in detector.result_.warnings}
    (tmp_path / "run" / "result.pynomaly").unlink()
    again = AutonomousDetector.resume(tmp_path / "run")
    assert np.array_equal(again.result_.verdict.scores, detector.result_.verdict.scores)


def test_what_computed_a_trial_is_told_after_resuming_too(tmp_path: Path) -> None:
    wanted = {"n_trials": 4, "device": "cpu:torch", "config": {"overrides": {"include": ["knn", "lof", "kde"]}}}
    whole = quick(**wanted).fit(X, checkpoint=tmp_path / "run")
    trials = whole.result_.search.trials
    assert {r.code for t in trials for r in t.reasons} >= {"TUN-080"}
    (tmp_path / "run" / "result.pynomaly").unlink()
    resumed = AutonomousDetector.resume(tmp_path / "run")
    same(whole, resumed)
    assert [t.reasons for t in resumed.result_.search.trials] == [t.reasons for t in trials]


def test_files_of_another_run_are_refused_though_they_fit(tmp_path: Path) -> None:
    for name, table in (("mine", X), ("other", X + 1.0)):
        quick(n_trials=2).fit(table, checkpoint=tmp_path / name)
    mine, other = tmp_path / "mine", tmp_path / "other"
    own = (mine / "result.pynomaly").read_bytes()
    shutil.copy(other / "result.pynomaly", mine / "result.pynomaly")
    with pytest.raises(StorageError, match=r"result of another run .*result\.pynomaly.* Remove this file"):
        AutonomousDetector.resume(mine)
    (mine / "result.pynomaly").write_bytes(own[:-10])
    with pytest.raises(StorageError, match="Remove this file, and the result is made again"):
        AutonomousDetector.resume(mine)
    (mine / "result.pynomaly").unlink()
    shutil.copy(other / "trials" / "000000.pynomaly", mine / "trials" / "000000.pynomaly")
    with pytest.raises(StorageError, match=r"trial of another run .*000000\.pynomaly.* Remove this file"):
        AutonomousDetector.resume(mine)
    moved = shutil.move(other, tmp_path / "ein anderer Ort ü")
    assert "ENG-003" in codes(AutonomousDetector.resume(moved))


def test_what_is_wrong_with_a_folder_is_said_with_what_to_do(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"no folder .* killed before it made one, call fit"):
        AutonomousDetector.resume(tmp_path / "nowhere")
    (tmp_path / "file").write_text("text")
    with pytest.raises(StorageError, match="it is no folder"):
        AutonomousDetector.resume(tmp_path / "file")
    for content in (b"", (folder / "run.pynomaly").read_bytes()[:300]):
        (folder / "run.pynomaly").write_bytes(content)
        with pytest.raises(StorageError, match="Start the run anew in another folder"):
            AutonomousDetector.resume(folder)
