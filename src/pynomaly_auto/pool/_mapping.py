"""A large array in a file that this process and its workers map, so that its rows lie in memory once."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np

from pynomaly_auto._scratch import Closing, Scratch
from pynomaly_auto.errors import StorageError
from pynomaly_auto.pool._jobs import SharedArray
from pynomaly_auto.records import FloatArray

LARGE = 64 * 2**20  # bytes from which a file pays; below, a second copy costs less than the file
_BLOCK = 2**24  # bytes written at a time where the system cannot reserve a file's room


class _Mapped(np.memmap):
    """Rows in a file of ours; arrays that look at all of them have it as their base."""

    scratch: Scratch


class Mapping(Closing):
    """Where the encoded rows of one run lie: large ones in a private file, which is removed when it closes.

    Arrays stay readable after that, as long as somebody holds them; their pages are the system's to write out and read
    again, so that they are the last that memory is wanting for.

    Args:
        wanted: Whether there are workers who can map the file; else all rows lie in memory.

    Attributes:
        unmapped: Bytes of rows that were to lie in a file and do not, and why.
    """

    def __init__(self, *, wanted: bool = True) -> None:
        self.unmapped: tuple[tuple[int, str], ...] = ()
        self._wanted = wanted
        self._scratch: Scratch | None = None

    def empty(self, shape: tuple[int, int]) -> FloatArray:
        """An array to be filled; shape as asked for."""
        size = 8 * math.prod(shape)
        if not self._wanted or size < LARGE:
            return np.empty(shape)
        try:
            self._scratch = self._scratch or Scratch()
            return _mapped(shape, self._scratch)
        except (OSError, StorageError) as error:  # no room there, or none at all: a run is none the worse for it
            self.unmapped += ((size, str(error)),)
            return np.empty(shape)

    def close(self) -> None:
        """Remove the file."""
        if self._scratch is not None:
            self._scratch.close()


def mapped_file(array: np.ndarray[Any, Any]) -> tuple[SharedArray, Scratch] | None:
    """The file in which all of an array lies, and the folder it is in; None: it lies in memory."""
    base = array.base
    if not isinstance(base, _Mapped) or not _same(array, base):
        return None
    path = base.filename
    return None if path is None else (SharedArray(str(path)), base.scratch)


def _same(array: np.ndarray[Any, Any], base: np.ndarray[Any, Any]) -> bool:
    def where(one: np.ndarray[Any, Any]) -> tuple[Any, ...]:
        return one.__array_interface__["data"][0], one.shape, one.strides, one.dtype

    return where(array) == where(base)


def _mapped(shape: tuple[int, int], scratch: Scratch) -> FloatArray:
    """Rows in a file of numpy's own form, whose room is reserved: a full disk is to be known now, not while writing."""
    path = scratch.path / "rows.npy"
    kind = np.dtype(np.float64)
    try:
        with path.open("wb") as file:
            header = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_2_0(file, header)
            file.flush()
            start = file.tell()
            _reserve(file.fileno(), start, kind.itemsize * math.prod(shape))
    except OSError:
        path.unlink(missing_ok=True)
        raise
    rows = _Mapped(path, dtype=kind, mode="r+", offset=start, shape=shape)
    rows.scratch = scratch
    return np.asarray(rows)


def _reserve(file: int, start: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, start, size)
        return
    nothing = bytes(_BLOCK)
    while size > 0:
        size -= os.write(file, nothing[:size])
