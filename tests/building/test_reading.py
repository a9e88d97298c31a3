"""Labelled files that are none."""

from __future__ import annotations

import numpy as np
import pytest

from pynomaly_auto.building import read_labelled
from pynomaly_auto.errors import StorageError


@pytest.mark.parametrize("content", [b"nothing", b""])
def test_a_broken_npz_is_named_without_advice_to_unpickle(tmp_path, content):
    path = tmp_path / "broken.npz"
    path.write_bytes(content)
    with pytest.raises(StorageError, match=r"broken\.npz") as raised:
        read_labelled(path, "label")
    assert "pickle" not in str(raised.value)


def test_pickled_objects_are_not_loaded(tmp_path):
    path = tmp_path / "objects.npz"
    np.savez(path, X=np.array([[1, None]], dtype=object), y=np.array([0, 1]))
    with pytest.raises(StorageError, match="plain arrays"):
        read_labelled(path, "label")
