"""Rows in a file that everybody maps: once in memory, gone afterwards, and in memory where there is no room."""

import errno
import os
from pathlib import Path

import numpy as np
import pool_jobs
import pytest

from pynomaly_auto.errors import StorageError
from pynomaly_auto.pool import Job, Mapping, Pool, _mapping
from pynomaly_auto.pool._jobs import SharedArray
from pynomaly_auto.pool._mapping import mapped_file


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(_mapping, "LARGE", 1_000)


def folder_of(array):
    return Path(mapped_file(array)[0].path).parent


def test_workers_read_the_file_and_no_other_is_written(pool):
    with Mapping() as mapping:
        rows = mapping.empty((500, 3))
        rows[:] = np.arange(1500.0).reshape(500, 3)
        handle = pool.share(rows)
        assert handle.path == mapped_file(rows)[0].path
        assert np.array_equal(handle.load(), rows)
        (outcome,) = pool.run([Job(function=pool_jobs.total, args=(handle,))])
        assert outcome.value == rows.sum()
        folder = folder_of(rows)
        assert folder.is_dir()
    assert not folder.exists()
    assert rows[-1, -1] == 1499.0  # whoever holds them still reads them
    assert mapping.unmapped == ()


def test_a_part_of_them_is_written_as_any_other_rows(pool):
    with Mapping() as mapping:
        rows = mapping.empty((500, 3))
        rows[:] = 1.0
        assert mapped_file(rows[:100]) is mapped_file(rows[:, :2]) is mapped_file(rows.T) is None
        assert mapped_file(rows.copy()) is mapped_file(np.ones(3)) is None
        assert pool.share(rows[:100]).load().shape == (100, 3)


@pytest.mark.parametrize(("wanted", "shape"), [(False, (500, 3)), (True, (10, 3))])
def test_small_rows_and_those_nobody_maps_lie_in_memory(wanted, shape):
    with Mapping(wanted=wanted) as mapping:
        assert mapped_file(mapping.empty(shape)) is None


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EOPNOTSUPP])
def test_a_full_disk_is_a_reason_and_no_error(number, monkeypatch):
    def full(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(_mapping, "_reserve", full)
    with Mapping() as mapping:
        rows = mapping.empty((500, 3))
        assert mapped_file(rows) is None
        (unmapped,) = mapping.unmapped
        assert unmapped[0] == 12_000
        assert os.strerror(number) in unmapped[1]
        assert not list(mapping._scratch.path.iterdir())


def test_no_temporary_folder_is_a_reason_and_no_error(monkeypatch):
    def none():
        raise StorageError("no temporary folder can be made.")

    monkeypatch.setattr(_mapping, "Scratch", none)
    with Mapping() as mapping:
        assert mapping.empty((500, 3)).shape == (500, 3)
        assert len(mapping.unmapped) == 1


def test_where_a_file_cannot_be_reserved_it_is_written(monkeypatch, tmp_path):
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    monkeypatch.setattr(_mapping, "_BLOCK", 1_000)
    with (tmp_path / "file").open("wb") as file:
        _mapping._reserve(file.fileno(), 0, 2_500)
    assert (tmp_path / "file").stat().st_size == 2_500


def test_a_removed_file_is_put_back():
    with Mapping() as mapping, Pool(1, memory_limit=10**8, preload=("numpy",)) as pool:
        rows = mapping.empty((500, 3))
        rows[:] = 2.0
        handle = pool.share(rows)
        for path in (Path(handle.path), Path(handle.path).parent):
            path.unlink() if path.is_file() else path.rmdir()
        pool._mend()
        assert np.array_equal(SharedArray(handle.path).load(), rows)
        folder = folder_of(rows)
    assert not folder.exists()


def test_rows_that_cannot_be_written_for_workers_are_a_clear_error(pool, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(StorageError, match="TMPDIR"):
        pool.share(np.ones((10, 2)))
