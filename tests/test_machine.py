"""The limits of a container are the machine; every layout is laid into a folder of its own."""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path

import numpy  # noqa: F401 - the libraries whose threads are counted
import psutil
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from pynomaly_auto import _machine
from pynomaly_auto._machine import ONE_THREAD, OneThread, free_memory, usable_cores
from pynomaly_auto.settings import Settings

GB = 10**9


@pytest.fixture(autouse=True)
def large_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    host = psutil.virtual_memory()._replace(available=64 * GB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: host)


def lay(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text + "\n")
    return root


V2 = {"proc/self/cgroup": "0::/"}
V1 = {"proc/self/cgroup": "4:memory:/docker/abc\n1:cpu,cpuacct:/docker/abc\n0::/"}
NESTED = {"proc/self/cgroup": "0::/kubepods/pod1/main"}


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 64),
        (V2 | {"sys/fs/cgroup/cpu.max": "max 100000"}, 64),
        (V2 | {"sys/fs/cgroup/cpu.max": "50000 100000"}, 1),
        (V2 | {"sys/fs/cgroup/cpu.max": "250000 100000"}, 3),
        (V2 | {"sys/fs/cgroup/cpu.max": "nonsense"}, 64),
        (V1 | {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000"}, 64),
        (V1 | {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "150000", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000"}, 2),
        (
            V1
            | {
                "sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us": "400000",
                "sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us": "100000",
            },
            4,
        ),
        (NESTED | {"sys/fs/cgroup/kubepods/pod1/cpu.max": "200000 100000", "sys/fs/cgroup/cpu.max": "max 100000"}, 2),
        ({"proc/self/cgroup": "0::/../../other", "sys/fs/cgroup/cpu.max": "300000 100000"}, 3),
        (V2 | {"sys/fs/cgroup/unified/cpu.max": "200000 100000"}, 2),
    ],
)
def test_cores(files: dict[str, str], cores: int, tmp_path: Path) -> None:
    assert usable_cores(lay(tmp_path, files)) == cores


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({}, 64 * GB),
        (V2 | {"sys/fs/cgroup/memory.max": "max", "sys/fs/cgroup/memory.current": "5"}, 64 * GB),
        (
            V2
            | {
                "sys/fs/cgroup/memory.max": str(2 * GB),
                "sys/fs/cgroup/memory.current": str(1 * GB),
                "sys/fs/cgroup/memory.stat": f"anon 7\ninactive_file {GB // 2}\nactive_file 9",
            },
            3 * GB // 2,
        ),
        (
            V1
            | {
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": "5",
            },
            64 * GB,
        ),
        (
            V1
            | {
                "sys/fs/cgroup/memory/memory.limit_in_bytes": str(GB),
                "sys/fs/cgroup/memory/memory.usage_in_bytes": str(GB // 2),
                "sys/fs/cgroup/memory/memory.stat": f"cache 1\ntotal_inactive_file {GB // 4}",
            },
            3 * GB // 4,
        ),
        (
            NESTED
            | {
                "sys/fs/cgroup/kubepods/pod1/main/memory.max": str(8 * GB),
                "sys/fs/cgroup/kubepods/pod1/main/memory.current": "0",
                "sys/fs/cgroup/kubepods/memory.max": str(9 * GB),
                "sys/fs/cgroup/kubepods/memory.current": str(4 * GB),
            },
            5 * GB,
        ),
        (V2 | {"sys/fs/cgroup/memory.max": "5", "sys/fs/cgroup/memory.current": "9"}, 0),
    ],
)
def test_memory(files: dict[str, str], free: int, tmp_path: Path) -> None:
    assert free_memory(lay(tmp_path, files)) == free


def test_workers_are_one_per_usable_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(tmp_path, V2 | {"sys/fs/cgroup/cpu.max": "150000 100000"})
    monkeypatch.setattr(_machine.usable_cores, "__defaults__", (tmp_path,))
    assert Settings().workers == Settings(n_jobs=-1).workers == 2
    assert Settings(n_jobs=5).workers == 5


def test_threads_that_overlap_leave_the_libraries_as_they_were() -> None:
    def threads() -> list[int]:
        return [library["num_threads"] for library in threadpool_info()]

    before = threads()
    with ONE_THREAD:
        with ONE_THREAD:
            assert set(threads()) == {1}
        assert set(threads()) == {1}  # the first has left, the other is still within
    assert threads() == before


def test_a_library_that_was_loaded_meanwhile_gets_one_thread_too(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    monkeypatch.setattr(_machine, "threadpool_limits", lambda n: looked.append(n) or threadpool_limits(n))
    one = OneThread()
    with one, one:
        assert looked == [1]
        monkeypatch.setitem(sys.modules, "a library", types.ModuleType("a library"))
        with one:
            assert looked == [1, 1]
    with one:
        assert looked == [1, 1, 1]
