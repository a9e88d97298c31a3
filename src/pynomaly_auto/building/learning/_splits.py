"""Splits that keep origins together: the one place that says which rows may judge a model trained on which others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pynomaly_auto.errors import InvalidInputError, SettingError
from pynomaly_auto.records import IntArray


def group_folds(groups: Sequence[str] | np.ndarray[Any, Any], n: int, seed: int) -> IntArray:
    """Fold of each row, in 0 … n - 1; all rows of a group lie in one fold.

    Which fold a group falls into depends on the set of groups and the seed alone, not on the order or number of their
    rows. Variants of a task and tables made from it carry its group, so they are on its side too.

    Args:
        groups: Group of each row, task or table.
        n: Number of folds, at least 2. Folds hold about equally many groups.
        seed: Seed of the assignment.

    Raises:
        SettingError: Fewer than two folds are asked for.
        InvalidInputError: There are fewer groups than folds, so that some fold would be empty.
    """
    if n < 2:
        raise SettingError(f"{n} folds cannot be held apart.", where="group_folds", fix="Ask for at least 2.")
    rows = np.asarray(groups).astype(str)
    names = np.unique(rows)
    if len(names) < n:
        raise InvalidInputError(
            f"{len(names)} groups cannot fill {n} folds.", where="group_folds", fix="Give more groups or ask for fewer."
        )
    fold = dict(zip(np.random.default_rng(seed).permutation(names), np.arange(len(names)) % n, strict=True))
    return np.array([fold[g] for g in rows], dtype=np.int64)
