import itertools
import os
import queue
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pool_jobs
import psutil
import pytest

from pynomaly_auto.errors import SettingError
from pynomaly_auto.pool import Job, Outcome, Pool, SharedArray, _launching
from pynomaly_auto.pool._launchers import LAUNCHERS, LauncherCache

SOURCE = str(Path(pool_jobs.__file__).parents[2] / "src")


def run_one(pool, function, *args, timeout=20.0):
    return pool.run([Job(function=function, args=args, timeout=timeout, key="k")])[0]


def script(text, *, folder, argv=True, **kwargs):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([SOURCE, str(Path(pool_jobs.__file__).parent)])}
    command = [sys.executable, "-W", "error", "-X", "dev"]
    if argv:
        path = folder / "plain_script.py"
        path.write_text(textwrap.dedent(text))
        return subprocess.Popen(
            [*command, str(path)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kwargs
        )
    process = subprocess.Popen(
        [*command, "-"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, **kwargs,
    )  # fmt: skip
    process.stdin.write(textwrap.dedent(text))
    process.stdin.close()
    process.stdin = None
    return process


def test_outcomes_come_in_the_order_of_the_jobs(pool):
    seen = []
    outcomes = pool.run([Job(function=pool_jobs.double, args=(i,), key=f"job {i}") for i in range(20)], seen.append)
    assert [o.value for o in outcomes] == [2 * i for i in range(20)]
    assert [o.key for o in outcomes] == [f"job {i}" for i in range(20)]
    assert len(seen) == 20
    assert {o.status for o in outcomes} == {"completed"}
    assert pool.pending == 0
    assert pool.collect() is None


@pytest.mark.parametrize(
    ("function", "args", "status", "text"),
    [
        (pool_jobs.fail, ("broken\nacross lines",), "failed", "ValueError: broken across lines"),
        (pool_jobs.leave, (), "failed", "SystemExit: 3"),
        (pool_jobs.die, (), "failed", "died"),
        (pool_jobs.kill_self, (), "failed", "died"),
        (pool_jobs.too_much, (), "memory", "MemoryError"),
        (pool_jobs.eat, (), "memory", "grew by"),
        (pool_jobs.unpicklable, (), "failed", "cannot be sent back"),
        (pool_jobs.hostile, (), "failed", "cannot be read"),
        (pool_jobs.double, (pool_jobs.Hostile(),), "failed", "while unpickling"),
        (pool_jobs.double, ((i for i in "ab"),), "failed", "cannot be sent"),
    ],
)
def test_what_goes_wrong_is_an_outcome(pool, function, args, status, text):
    outcome = run_one(pool, function, *args)
    assert outcome.status == status
    assert text in outcome.error
    assert outcome.value is None
    assert run_one(pool, pool_jobs.double, 4).value == 8


@pytest.mark.parametrize("function", [pool_jobs.hang, pool_jobs.hang_in_c])
def test_a_hanging_job_is_killed_at_its_timeout(pool, function):
    started = time.monotonic()
    outcome = run_one(pool, function, timeout=0.3)
    assert outcome.status == "timeout"
    assert "0.3 s" in outcome.error
    assert time.monotonic() - started < 2.0


def test_one_bad_job_costs_only_itself(pool):
    jobs = [Job(function=pool_jobs.die if i == 3 else pool_jobs.double, args=() if i == 3 else (i,)) for i in range(10)]
    outcomes = pool.run(jobs)
    assert [o.status for o in outcomes] == ["completed"] * 3 + ["failed"] + ["completed"] * 6


def test_memory_is_measured_per_job(pool):
    small, large = run_one(pool, pool_jobs.use, 1), run_one(pool, pool_jobs.use, 80)
    assert large.memory_mb > 60 > small.memory_mb
    assert large.seconds > 0


def test_arrays_are_shared_read_only(pool):
    handle = pool.share(np.arange(10.0))
    assert run_one(pool, pool_jobs.total, handle).value == 45.0
    assert "read-only" in run_one(pool, pool_jobs.write, handle).error


def test_workers_use_one_thread_and_never_see_main(pool):
    assert run_one(pool, pool_jobs.threads).value == 1
    assert run_one(pool, pool_jobs.main_file).value is None


def test_functions_without_a_module_travel_by_value(pool):
    factor = 3
    assert run_one(pool, lambda x: factor * x, 5).value == 15


def test_cancel_returns_what_finished_and_kills_the_rest(pool):
    for key, (function, args) in enumerate([(pool_jobs.double, (1,)), *[(pool_jobs.nap, (30,))] * 4]):
        pool.submit(Job(function=function, args=args, key=key))
    first = pool.collect(timeout=10)
    assert (first.key, first.value) == (0, 2)
    assert pool.collect(timeout=0.05) is None
    left = pool.cancel()
    assert {o.status for o in left} == {"cancelled"}
    assert {o.key for o in left} == {1, 2, 3, 4}
    assert run_one(pool, pool_jobs.double, 2).value == 4


def test_what_a_job_started_dies_with_it(pool, tmp_path, monkeypatch):
    monkeypatch.setenv("GRANDCHILD", str(tmp_path / "pid"))
    with Pool(1, preload=()) as other:
        assert other.run([Job(function=pool_jobs.start_grandchild, timeout=2.0)])[0].status == "timeout"
    grandchild = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and psutil.pid_exists(grandchild):
        if psutil.Process(grandchild).status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.02)
    else:
        assert not psutil.pid_exists(grandchild)


def test_an_idle_worker_that_dies_is_replaced(pool):
    first = run_one(pool, pool_jobs.pid).value
    others = {o.value for o in pool.run([Job(function=pool_jobs.pid) for _ in range(20)])} | {first}
    for number in others:
        os.kill(number, signal.SIGKILL)
    outcomes = pool.run([Job(function=pool_jobs.double, args=(i,)) for i in range(6)])
    assert [o.value for o in outcomes] == [0, 2, 4, 6, 8, 10]


def test_closing_leaves_nothing_behind():
    LAUNCHERS.clear()  # the server an earlier pool left for the next one
    before = psutil.Process().children()
    with Pool(2, preload=()) as other:
        pids = {o.value for o in other.run([Job(function=pool_jobs.pid) for _ in range(8)])}
        handle = other.share(np.ones(3))
        other.submit(Job(function=pool_jobs.hang, key="unfinished"))
    assert (
        other.collect(timeout=1.0) == Outcome(key="unfinished", status="cancelled", error="cancelled before it started")
        or not other.pending
    )
    assert not Path(handle.path).exists()
    deadline = time.monotonic() + 3
    while any(psutil.pid_exists(p) for p in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(psutil.pid_exists(p) for p in pids)
    assert len(psutil.Process().children()) <= len(before) + 1, "more than the server kept for the next pool is left"
    LAUNCHERS.clear()
    assert psutil.Process().children() == before
    with pytest.raises(SettingError, match="closed"):
        other.submit(Job(function=pool_jobs.pid))
    other.close()
    assert other.cancel() == []


@pytest.mark.parametrize("start", ["forkserver", "spawn"])
def test_both_ways_to_start(start):
    with Pool(1, start=start, preload=("no_such_module",)) as other:
        assert other.run([Job(function=pool_jobs.double, args=(1,))])[0].value == 2
        assert other.run([Job(function=pool_jobs.die), Job(function=pool_jobs.double, args=(2,))])[1].value == 4


@pytest.mark.parametrize("start", ["forkserver", "spawn"])
def test_processes_that_cannot_start_fail_the_jobs(start, monkeypatch):
    monkeypatch.setattr(_launching, "BOOTSTRAP", "raise SystemExit('no luck')")
    with Pool(1, start=start) as other:
        outcome = other.run([Job(function=pool_jobs.pid)])[0]
    assert outcome.status == "failed"
    assert "cannot be started: no luck" in outcome.error


def test_a_long_temporary_path_falls_back_to_a_local_port(tmp_path, monkeypatch):
    deep = tmp_path / ("x" * 90)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    with Pool(1, preload=()) as other:
        assert other.run([Job(function=pool_jobs.double, args=(1,))])[0].value == 2


def test_nonsense_is_refused():
    with pytest.raises(SettingError, match="0 workers"):
        Pool(0)
    with pytest.raises(SettingError, match="'fork'"):
        Pool(1, start="fork")


PLAIN = """
    from pynomaly_auto.pool import Job, Pool
    print("started")
    def triple(x):
        return 3 * x
    class Mine:
        value = 7
    def get(mine):
        return mine.value
    pool = Pool(2, preload=())
    print([o.value for o in pool.run([Job(function=triple, args=(2,)), Job(function=get, args=(Mine(),))])])
    pool.submit(Job(function=triple, args=(1,)))
"""


@pytest.mark.parametrize("argv", [True, False])
def test_scripts_without_a_guard_work_and_end_silently(tmp_path, argv):
    process = script(PLAIN, folder=tmp_path, argv=argv)
    out, err = process.communicate(timeout=30)
    assert (out, err, process.returncode) == ("started\n[6, 7]\n", "", 0)


def test_ctrl_c_reaches_only_the_parent_and_keeps_finished_outcomes(tmp_path):
    text = """
        import os, signal, time
        import pool_jobs
        from pynomaly_auto.pool import Job, Pool
        with Pool(2, preload=()) as pool:
            pool.submit(Job(function=pool_jobs.double, args=(4,), key="done"))
            for i in range(3):
                pool.submit(Job(function=pool_jobs.nap, args=(60,), key=i))
            print(pool.collect().value, flush=True)
            try:
                print("waiting", flush=True)
                pool.collect()
            except KeyboardInterrupt:
                print(sorted(o.status for o in pool.cancel()))
            try:
                print("again", flush=True)
                pool.run([Job(function=pool_jobs.nap, args=(60,))], on_done=print)
            except KeyboardInterrupt:
                print("twice", pool.pending)
    """
    process = script(text, folder=tmp_path, process_group=0)
    # The signals come once it has said that it waits: however slow the machine, they meet it where it can answer.
    assert [process.stdout.readline() for _ in range(2)] == ["8\n", "waiting\n"]
    time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)
    told = [process.stdout.readline() for _ in range(2)]
    assert told == ["['cancelled', 'cancelled', 'cancelled']\n", "again\n"]
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (out, err, process.returncode) == ("twice 0\n", "", 0)


def test_workers_die_with_a_parent_that_is_killed(tmp_path):
    text = """
        import pool_jobs
        from pynomaly_auto.pool import Job, Pool
        pool = Pool(1, preload=())
        print(pool.run([Job(function=pool_jobs.pid)])[0].value, flush=True)
        pool.run([Job(function=pool_jobs.hang)])
    """
    process = script(text, folder=tmp_path)
    worker = int(process.stdout.readline())
    time.sleep(0.2)
    process.kill()
    process.communicate(timeout=5)
    deadline = time.monotonic() + 5
    while psutil.pid_exists(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(worker)


def test_a_second_pool_goes_on_with_the_first_one_s_server():
    LAUNCHERS.clear()
    before = {c.pid for c in psutil.Process().children()}
    with Pool(1, preload=()) as first:
        assert run_one(first, pool_jobs.double, 2).value == 4
    (server,) = {c.pid for c in psutil.Process().children()} - before
    with Pool(2, preload=()) as second:
        assert run_one(second, pool_jobs.double, 3).value == 6
        assert server in {c.pid for c in psutil.Process().children()}
    with Pool(1, preload=("json",)) as other:  # other circumstances, another server
        assert run_one(other, pool_jobs.double, 4).value == 8
    LAUNCHERS.clear()
    assert server not in {c.pid for c in psutil.Process().children()}


def test_workers_of_an_old_server_see_today_s_surroundings(monkeypatch, tmp_path):
    LAUNCHERS.clear()
    with Pool(1, preload=()) as first:
        assert run_one(first, os.getenv, "SURROUNDINGS").value is None
    monkeypatch.setenv("SURROUNDINGS", "new")
    monkeypatch.chdir(tmp_path)
    with Pool(1, preload=()) as second:
        assert run_one(second, os.getenv, "SURROUNDINGS").value == "new"
        assert run_one(second, os.getcwd).value == str(tmp_path)


def test_a_server_still_starting_is_kept_and_its_late_workers_are_not():
    LAUNCHERS.clear()
    before = {c.pid for c in psutil.Process().children()}
    Pool(2, preload=()).close()  # long before its server is up
    (server,) = {c.pid for c in psutil.Process().children()} - before
    with Pool(1, preload=()) as second:
        assert run_one(second, pool_jobs.double, 3).value == 6
        assert server in {c.pid for c in psutil.Process().children()}
        second.submit(Job(function=pool_jobs.double, args=(4,), key="late"))
        second.cancel()  # the worker is killed, and another asked for
    with Pool(2, preload=()) as third:
        assert [o.value for o in third.run([Job(function=pool_jobs.double, args=(i,)) for i in range(4)])] == [
            0,
            2,
            4,
            6,
        ]
        assert server in {c.pid for c in psutil.Process().children()}


def test_a_server_nobody_asks_for_goes():
    cache = LauncherCache(seconds=0.2)
    got = queue.SimpleQueue()
    launcher = cache.take("forkserver", (), got.put)
    launcher.ask()
    got.get(timeout=30).kill()
    cache.watch(cache.give_back(launcher))
    assert not launcher.reusable


def test_a_server_started_ahead_serves_the_pool_opened_within():
    cache = LauncherCache(seconds=20.0)
    got = queue.SimpleQueue()
    with cache.ahead("forkserver", ()):
        launcher = cache.take("forkserver", (), got.put)
        launcher.ask()
        got.get(timeout=30).kill()
        assert cache.take("forkserver", (), got.put) is not launcher  # it is taken once
        cache.give_back(launcher)
    assert launcher.reusable  # and kept for the next one
    cache.clear()
    assert not launcher.reusable


def test_a_server_started_ahead_that_nobody_took_goes():
    cache = LauncherCache(seconds=20.0)
    with cache.ahead("forkserver", ()):
        started = cache._kept
    assert not started.reusable
    with cache.ahead("spawn", ()):  # nothing to be started before there are jobs
        assert cache._kept is None


def test_jobs_wait_until_there_is_memory_for_them():
    with Pool(2, memory_limit=10**9, preload=("numpy",)) as pool:
        jobs = [Job(function=pool_jobs.span, memory=6e8) for _ in range(3)]
        spans = sorted(outcome.value for outcome in pool.run(jobs))
        assert all(first[1] <= second[0] for first, second in itertools.pairwise(spans))
        (alone,) = pool.run([Job(function=pool_jobs.span, memory=6e9)])
        assert alone.status == "completed"


def test_who_outgrows_the_limit_beside_others_only_is_begun_again_alone():
    """Whether a job fails must not hang on how many workers there are."""
    with Pool(2, memory_limit=200_000_000, preload=("numpy",)) as pool:
        outcomes = pool.run([Job(function=pool_jobs.hold, args=(130,)) for _ in range(3)])
        assert [o.status for o in outcomes] == ["completed"] * 3
        (alone,) = pool.run([Job(function=pool_jobs.hold, args=(260,))])
        assert alone.status == "memory"


def test_rows_in_a_file_are_not_counted(tmp_path):
    np.save(tmp_path / "rows.npy", np.ones(30_000_000))
    with Pool(1, memory_limit=150_000_000, preload=("numpy",)) as pool:
        (outcome,) = pool.run([Job(function=pool_jobs.slow_total, args=(SharedArray(str(tmp_path / "rows.npy")),))])
    assert outcome.value == 30_000_000
