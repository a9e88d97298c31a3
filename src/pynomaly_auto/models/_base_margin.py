"""Where the learned fusion starts from: the mean of a few members that holds on tables of any origin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pynomaly_auto.models._member_scores import RANK, RANK_MEAN
from pynomaly_auto.records import FloatArray

_FEWEST = 3  # of its members, or else the mean of all there are


@dataclass(frozen=True, kw_only=True)
class BaseMargin:
    """Log odds as a line over the log of a mean tail rank; the fusion's trees learn what it leaves unexplained.

    Trees that start from nothing have to learn the mean first, and forget it where a table is unlike the known ones.

    Args:
        members: Whose mean tail rank it is; the same mean stands beside the fusion as the robust mean.
        slope: Of the line.
        intercept: Of the line.
        share: Of the log odds' variance on held-out groups, how much is the line's and not the trees'; in [0, 1].
    """

    members: tuple[str, ...]
    slope: float
    intercept: float
    share: float = 0.0

    def among(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those of its members that are among the names; empty when they are too few."""
        found = tuple(name for name in self.members if name in names)
        return found if len(found) >= _FEWEST else ()

    def log_odds(self, features: Sequence[str], X: np.ndarray[Any, np.dtype[np.float32]]) -> FloatArray:
        """The line's log odds for a design matrix of `fusion_inputs`; shape (n_rows,)."""
        return self.slope * log_mean_rank(features, X, self.members) + self.intercept


def log_mean_rank(
    features: Sequence[str], X: np.ndarray[Any, np.dtype[np.float32]], members: Sequence[str]
) -> FloatArray:
    """Log of one plus the members' mean tail rank, of all members where too few of these are there; shape (n_rows,).

    Args:
        features: Names of the inputs.
        X: Design matrix of `fusion_inputs`.
        members: Whose mean it is.
    """
    position = {name: j for j, name in enumerate(features)}
    # In one memory order, so that sums round alike for one row and for many.
    at = [position[RANK + name] for name in members if RANK + name in position]
    own = np.ascontiguousarray(X[:, at], dtype=np.float64)
    there = np.isfinite(own)
    count = there.sum(axis=1)
    mean = np.where(there, own, 0.0).sum(axis=1) / np.maximum(count, 1)
    everyone = X[:, position[RANK_MEAN]].astype(np.float64)
    return np.asarray(np.log1p(np.where(count >= _FEWEST, mean, everyone)), dtype=np.float64)
