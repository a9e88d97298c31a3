"""What cell detectors say of a cell, to the odds that it is wrong: learned on tables whose wrong cells are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from pynomaly_auto._machine import in_threads, parts
from pynomaly_auto.errors import StorageError
from pynomaly_auto.forest import Forest
from pynomaly_auto.models._aligned import aligned
from pynomaly_auto.models._reading import fitting, read_model
from pynomaly_auto.records import FloatArray, State

BITS, TAIL, BOTH, SPEAKS = "bits=", "tail=", "both=", "speaks="
SUM_OF_BITS, SUM_OF_BOTH = "sum of bits", "sum of both"
SILENT = -8.0  # log odds of a cell of which hardly anything is said
LEAST = 1.0  # bits of all detectors together, up to which that is so
_CHUNK = 50_000  # cells judged at a time


def cell_judge_features(detectors: Sequence[str]) -> tuple[str, ...]:
    """Names of the inputs for these cell detectors, in order."""
    own = tuple(prefix + name for prefix in (BITS, TAIL, BOTH, SPEAKS) for name in detectors)
    return (*own, SUM_OF_BITS, SUM_OF_BOTH)


def cell_judge_inputs(
    features: Sequence[str], detectors: Sequence[str], said: FloatArray, tails: FloatArray, speaks: FloatArray
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Inputs for some cells; a detector that is not there says nothing.

    Args:
        features: As `cell_judge_features` makes them.
        detectors: Those that are there.
        said: Bits of each; shape (n_cells, n_detectors).
        tails: −log₂ share of the training cells of which it says as much, 0 where it is silent; same shape.
        speaks: Share of the training rows in whose cell of that column it says something; same shape.

    Returns:
        Single precision, shape (n_cells, n_features).
    """
    both = np.sqrt(said * tails)
    values: dict[str, Any] = dict.fromkeys(features, 0.0)
    for prefix, columns in ((BITS, said), (TAIL, tails), (BOTH, both), (SPEAKS, speaks)):
        values |= {prefix + name: columns[:, j] for j, name in enumerate(detectors)}
    values |= {SUM_OF_BITS: said.sum(axis=1), SUM_OF_BOTH: both.sum(axis=1)}
    return aligned(features, values, len(said), np.float32)


def rising_in_cells(features: Sequence[str]) -> tuple[int, ...]:
    """For each input, 1 where more of it may never lower the odds: all but how often a detector speaks."""
    return tuple(0 if name.startswith(SPEAKS) else 1 for name in features)


@dataclass(frozen=True, kw_only=True, eq=False)
class CellJudge:
    """Boosted trees over the cells of known tables, rising in all that is said.

    Args:
        features: Input names, in the model's order.
        forest: The trees.
    """

    features: tuple[str, ...]
    forest: Forest = field(repr=False)

    @classmethod
    def of(cls, features: Sequence[str], text: str) -> Self:
        """Make it of its model's text.

        Raises:
            StorageError: The text is no model.
        """
        return cls(features=tuple(features), forest=read_model(text, len(features), "the judge of cells"))

    def log_odds(self, detectors: Sequence[str], said: FloatArray, tails: FloatArray, speaks: FloatArray) -> FloatArray:
        """Log odds that cells are wrong, if half of all were; shape (n_cells,); see `cell_judge_inputs`.

        Detectors that it was not learned with are not heard, in no sum either.
        """
        known = [j for j, name in enumerate(detectors) if BITS + name in self.features]
        if len(known) < len(detectors):
            said, tails, speaks = said[:, known], tails[:, known], speaks[:, known]
            detectors = [detectors[j] for j in known]
        out = np.full(len(said), SILENT)
        heard = np.flatnonzero(said.sum(axis=1) > LEAST)

        def judged(part: slice) -> FloatArray:
            at = heard[part]
            inputs = cell_judge_inputs(self.features, detectors, said[at], tails[at], speaks[at])
            return self.forest.predict(inputs, raw=True)

        out[heard] = np.concatenate(in_threads(judged, parts(len(heard), _CHUNK)) or [np.empty(0)])
        return out

    def to_state(self) -> State:
        """Its model and its inputs."""
        return State(values={"features": list(self.features)}) | self.forest.to_state().within("forest")

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Make it again.

        Raises:
            StorageError: Something is missing or damaged.
        """
        features = state.value("features", list)
        if not all(isinstance(name, str) for name in features) or SUM_OF_BITS not in features:
            raise StorageError("the judge of cells is damaged: its inputs.")
        forest = fitting(Forest.from_state(state.part("forest")), len(features))
        return cls(features=tuple(features), forest=forest)
