"""Arrays that workers share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pynomaly_auto.errors import StorageError
from pynomaly_auto.pool import SharedArray


def test_where_there_is_no_room_that_is_said_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, array: Any) -> None:
        path.write_bytes(b"part")
        raise OSError("3000 requested and 2544 written")  # numpy's own, without a number

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(StorageError, match=r"8,000,000 bytes cannot be written .*no room.*Set TMPDIR"):
        SharedArray.save(np.zeros(1_000_000), tmp_path / "x.npy")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"No such file.*\(in .*gone\)"):
        SharedArray.save(np.zeros(3), tmp_path / "gone" / "x.npy")
