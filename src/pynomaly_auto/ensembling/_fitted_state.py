"""A fitted ensemble as data, and the parts it is made of again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from pynomaly_auto.detectors import Scorer
from pynomaly_auto.ensembling._compacting import Alignment
from pynomaly_auto.ensembling._distribution import Distribution
from pynomaly_auto.ensembling._fusing import Fused
from pynomaly_auto.ensembling._student import Student
from pynomaly_auto.ensembling._with_cells import WithCells
from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import Ensemble, Member, State, restore

if TYPE_CHECKING:
    from pynomaly_auto.ensembling._fitted import FittedEnsemble

_FUSED, _ALIGNED, _CELLS, _STUDENT = "fused", "alignment", "cells", "student"
_MOST_EVIDENCES = 100_000  # in a row


def state_of(ensemble: FittedEnsemble) -> State:
    """All but the detectors."""
    found = {
        _FUSED: ensemble.fused, _ALIGNED: ensemble.aligned, _CELLS: ensemble.cells, _STUDENT: ensemble.student,
    }  # fmt: skip
    there = {name: part is not None for name, part in found.items()}
    values = {"record": ensemble.record.to_dict(), "beside": ensemble.beside, "there": there}
    out = State(arrays={"robust": np.asarray(ensemble.robust, dtype=np.float64)}, values=values)
    for name, part in found.items():
        if part is not None:
            out = out | part.to_state().within(name)
    for i, distribution in enumerate(ensemble.distributions):
        out = out | distribution.to_state().within(f"distribution.{i}")
    return out


def parts_of(state: State, make: Callable[[Member, int], Scorer], n_features: int) -> dict[str, Any]:
    """What an ensemble is made of, by the names of its fields.

    Args:
        state: From `state_of`.
        make: Makes the detector of a member, which has that number.
        n_features: Columns of the rows it is to score.

    Raises:
        StorageError: Something is missing, or does not fit.
    """
    record = restore(Ensemble, state.value("record", dict))
    weights = state.array("robust", ndim=1)
    if len(weights) != len(record.members) or not len(weights) or not np.isfinite(weights).all():
        raise StorageError("the weights are not one finite number per member.", where="ensemble")
    beside, there = state.value("beside", int), state.value("there", dict)
    if not 0 <= beside <= _MOST_EVIDENCES or not all(
        isinstance(there.get(n), bool) for n in (_FUSED, _ALIGNED, _CELLS)
    ):
        raise StorageError("what it consists of is damaged.", where="ensemble")
    seen = len(weights) + n_features + beside
    return {
        "record": record,
        "distributions": tuple(Distribution.from_state(state.part(f"distribution.{i}")) for i in range(len(weights))),
        "robust": tuple(float(w) for w in weights),
        "fused": Fused.from_state(state.part(_FUSED), n_features) if there[_FUSED] else None,
        "aligned": Alignment.from_state(state.part(_ALIGNED)) if there[_ALIGNED] else None,
        "cells": WithCells.from_state(state.part(_CELLS)) if there[_CELLS] else None,
        "student": Student.from_state(state.part(_STUDENT), seen) if there.get(_STUDENT) is True else None,
        "beside": beside,
        "detectors": tuple(make(member, i) for i, member in enumerate(record.members)),
    }
