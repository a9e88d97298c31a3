"""What the world does to a pool: folders that vanish, forks, full process tables, the end of the interpreter."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pool_jobs
import psutil
import pytest

from pynomaly_auto import _scratch
from pynomaly_auto._scratch import Scratch, sweep
from pynomaly_auto.errors import NothingFinishedError, ResourceError, SettingError, StorageError
from pynomaly_auto.pool import Job, Pool, _launching, _worker
from pynomaly_auto.pool._launchers import LAUNCHERS

linux = pytest.mark.skipif(sys.platform != "linux", reason="fork, /proc and signals as on Linux")


def value(pool, function, *args):
    outcome = pool.run([Job(function=function, args=args, timeout=20.0)])[0]
    assert outcome.status == "completed", outcome.error
    return outcome.value


@pytest.fixture
def own_temp(monkeypatch):
    """A temporary directory of the test's own, of a short name, and no server from before."""
    LAUNCHERS.clear()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        monkeypatch.setattr(tempfile, "tempdir", place)
        yield Path(place)
        LAUNCHERS.clear()


def clean(folder: Path) -> None:
    """Remove a folder as a cleaner does, while others may still write into it."""
    for _ in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.02)


@pytest.mark.parametrize("port", [True, False])
def test_a_removed_temporary_folder_is_made_again(own_temp, port, monkeypatch):
    if port:
        monkeypatch.setattr(_launching, "_address", lambda folder: ("localhost", 0))
    with Pool(1, preload=()) as pool:
        handle = pool.share(np.arange(4.0))
        assert value(pool, pool_jobs.total, handle) == 6.0
        clean(own_temp)
        pool.submit(Job(function=pool_jobs.die, timeout=20.0))  # the next worker has to find the pool again
        assert pool.collect(timeout=20).status == "failed"
        assert value(pool, pool_jobs.total, handle) == 6.0
        assert value(pool, pool_jobs.total, pool.share(np.ones(2))) == 2.0
    clean(own_temp)
    with Pool(1, preload=()) as pool:  # with the server of the first
        assert value(pool, pool_jobs.double, 2) == 4
    LAUNCHERS.clear()
    assert list(own_temp.iterdir()) == []


def test_a_temporary_folder_that_cannot_be_made_is_our_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    with pytest.raises(StorageError, match="TMPDIR"):
        Pool(1, preload=())


@linux
def test_a_forked_child_leaves_its_parent_s_pool_alone(own_temp):
    with Pool(1, preload=()) as pool:
        handle = pool.share(np.ones(3))
        assert value(pool, pool_jobs.total, handle) == 3.0
    before = {c.pid for c in psutil.Process().children()}
    with Pool(1, preload=()) as pool:
        handle = pool.share(np.ones(3))
        child = os.fork()
        if child == 0:  # what an exit does, without the handlers of the test runner
            with pytest.raises(SettingError, match="forked"):
                pool.submit(Job(function=pool_jobs.pid))
            pool.close()
            LAUNCHERS.clear()
            with Pool(1, preload=()) as own:
                good = own.run([Job(function=pool_jobs.double, args=(2,), timeout=20.0)])[0].value == 4
            LAUNCHERS.clear()
            os._exit(0 if good else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert value(pool, pool_jobs.total, handle) == 3.0
    with Pool(1, preload=()) as pool:
        assert value(pool, pool_jobs.double, 2) == 4
        assert before <= {c.pid for c in psutil.Process().children()}, "the server of the parent has been ended"


def left_by(script, folder, end):
    """The temporary folders that a process leaves when it is ended while its pool is open."""
    text = (
        f"import time\nfrom pynomaly_auto.pool import Pool\npool = Pool(1, preload=())\nprint(1, flush=True)\n{script}"
    )
    environment = os.environ | {"TMPDIR": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", text], env=environment, stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    found = set(folder.iterdir())
    end(process)
    process.communicate(timeout=20)
    return found


@linux
@pytest.mark.parametrize("signals", [signal.SIGTERM, signal.SIGKILL])
def test_what_a_killed_process_left_is_swept_by_the_next(tmp_path, signals):
    left = left_by("time.sleep(60)", tmp_path, lambda process: process.send_signal(signals))
    assert len(left) == 2
    assert set(tmp_path.iterdir()) == left
    left_by("", tmp_path, lambda process: None)
    assert list(tmp_path.iterdir()) == []


def test_only_what_is_ours_and_dead_is_swept(tmp_path, monkeypatch):
    own = Scratch(place=tmp_path).path
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    mine = own.name
    dead = mine.replace(f"-{os.getpid()}-", f"-{gone.pid}-")
    number_used_again = mine.replace(f"-{os.getpid()}-", "-1-")
    elsewhere = dead.replace(mine.split("-")[1], "0123abcd")
    foreign = "pynomaly-report"
    for name in (dead, number_used_again, elsewhere, foreign):
        (tmp_path / name).mkdir()
    (tmp_path / (dead + "x")).symlink_to(own)
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    sweep(tmp_path)
    assert (tmp_path / dead).exists(), "another user's"
    monkeypatch.undo()
    sweep(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {mine, elsewhere, foreign, dead + "x"}
    assert own.is_dir()


def test_without_proc_numbers_alone_are_asked_for(monkeypatch):
    monkeypatch.setattr(_scratch, "_started", lambda pid: None)
    assert _scratch._runs(os.getpid(), 5)
    assert not _scratch._runs(2**22 + 5, 5)


@linux
def test_a_job_that_prints_or_writes_without_end_fills_no_disk(own_temp, monkeypatch):
    monkeypatch.setattr(_worker, "_MOST_WRITTEN", 5_000_000)  # of this test's server, which is this process's child
    with Pool(1, preload=(), start="spawn") as pool:
        outcome = pool.run([Job(function=pool_jobs.print_without_end, timeout=0.5)])[0]
        assert outcome.status == "timeout"
        assert sum(p.stat().st_size for p in own_temp.rglob("log")) == 0
        assert value(pool, pool_jobs.limit_of_files) == 2**30
        assert value(pool, pool_jobs.oom_score) == 800


@linux
def test_a_file_that_grows_too_large_is_an_error_of_the_job(tmp_path):
    text = (
        "from pynomaly_auto.pool import _worker\nimport pool_jobs, sys\n"
        "_worker._MOST_WRITTEN = 3_000_000\n_worker._restrain()\n"
        "try:\n    pool_jobs.write_without_end(sys.argv[1])\nexcept OSError as error:\n    sys.exit(error.errno)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", text, str(tmp_path / "f")], env=environment, check=False, timeout=30)
    assert done.returncode == 27  # EFBIG
    assert (tmp_path / "f").stat().st_size == 3_000_000


def test_a_system_that_refuses_some_processes_is_used_as_far_as_it_goes(monkeypatch):
    LAUNCHERS.clear()
    monkeypatch.setattr(_launching, "_PAUSE", 0.1)
    real, made = subprocess.Popen, []

    def popen(*args, **kwargs):
        if made and made[0].poll() is None:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        made[:] = [real(*args, **kwargs)]
        return made[0]

    monkeypatch.setattr(_launching.subprocess, "Popen", popen)
    with Pool(2, preload=(), start="spawn") as pool:
        jobs = [Job(function=pool_jobs.double, args=(i,)) for i in range(4)]
        values = [o.value for o in pool.run([*jobs, Job(function=pool_jobs.die), *jobs])]
        assert values == [0, 2, 4, 6, None, 0, 2, 4, 6]
        assert pool.broken is None


def test_a_system_that_refuses_every_process_fails_the_jobs_soon(monkeypatch):
    LAUNCHERS.clear()
    monkeypatch.setattr(_launching, "_PAUSE", 0.1)

    def popen(*_, **__):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(_launching.subprocess, "Popen", popen)
    started = time.monotonic()
    with Pool(2, preload=()) as pool:
        outcome = pool.run([Job(function=pool_jobs.pid)])[0]
        assert (outcome.status, "refuses" in outcome.error) == ("failed", True)
        with pytest.raises(ResourceError, match=r"refuses.*ulimit"), pool.needed():
            raise NothingFinishedError("none of 3 trials completed")
    with pytest.raises(NothingFinishedError), Pool(1, preload=()) as pool, pool.needed():
        raise NothingFinishedError("none of 3 trials completed")
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("name", ["pynomaly-acceptor", "pynomaly-supervisor"])
def test_without_threads_there_is_one_error_and_nothing_left(name, own_temp, monkeypatch):
    real = threading.Thread.start

    def start(thread):
        if thread.name == name:
            raise RuntimeError("can't start new thread")
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(ResourceError, match="ulimit"):
        Pool(1, preload=())
    assert list(own_temp.iterdir()) == []


AT_EXIT = """
import atexit, subprocess, threading
def late():
    def refuse(*args, **kwargs):
        raise RuntimeError("can't create new thread at interpreter shutdown")
    threading.Thread.start = subprocess.Popen.__init__ = refuse
from pynomaly_auto.pool import Job, Pool
closed = Pool(1, preload=())
closed.run([Job(function=abs, args=(1,))])
closed.close()
pool = Pool(1, preload=())
print(pool.run([Job(function=abs, args=(-1,))])[0].value)
atexit.register(late)
"""


def test_nothing_is_started_at_exit(tmp_path):
    environment = os.environ | {"TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", AT_EXIT], env=environment, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr, done.returncode) == ("1\n", "", 0)
    assert list(tmp_path.iterdir()) == []


def test_folders_are_private():
    with Scratch() as scratch:
        assert scratch.path.stat().st_mode & 0o077 == 0
        scratch.path.rmdir()
        assert scratch.vanished
        assert scratch.path.stat().st_mode & 0o077 == 0
    assert not Path(scratch._path).exists()
