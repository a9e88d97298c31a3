"""What a worker does for one trial, and the one place where a failing detector is caught."""

from __future__ import annotations

import dataclasses
import importlib
import pickle
import random
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cloudpickle
import numpy as np

from pynomaly_auto.detectors import (
    Accelerator,
    DetectorSpec,
    FittedDetector,
    accelerating,
    accelerator_for,
    fit_detector,
    remembering,
    uses_gpu,
)
from pynomaly_auto.errors import DetectorError, NotApplicableError
from pynomaly_auto.pool import Job
from pynomaly_auto.records import FloatArray, IntArray, Reason, Scalar, TrialStatus

_PROBED = 2  # rows that a third party's detector scores again after it was stored
_COPY_BYTES = 64 * 2**20  # up to here rows are copied, as some compiled code refuses read-only memory


@dataclass(frozen=True, kw_only=True)
class TrialRequest:
    """One trial, as a worker needs it.

    Args:
        spec: The detector's declaration, without its search space.
        kind: The estimator class when it lives in the user's ``__main__``, where a worker cannot import it.
        rows: Positions of the rows to fit on as a shared array; None: all.
        score_all: Score all rows, also when only some were fitted on, which keep the scores they have as such.
        batch: Rows to fit at a time, of a detector that can be fitted so; None: all at once.
        largest_payload: Most bytes of a pickled fitted estimator worth sending back.
        device: What is asked for; see `Settings`.
    """

    spec: DetectorSpec
    kind: type | None
    params: Mapping[str, Any]
    seed: int
    rows: Any = None
    score_all: bool = False
    batch: int | None = None
    largest_payload: float = 0.0
    device: str = "cpu"


@dataclass(frozen=True, kw_only=True, eq=False)
class TrialResult:
    """What came of it.

    Args:
        scores: Of the rows fitted on (or of all), higher = more anomalous.
        payload: The pickled fitted estimator, when it is wanted and small enough.
        reasons: What computed it, where that is or could have been a GPU.
    """

    status: TrialStatus
    error: str | None = None
    scores: FloatArray | None = None
    payload: bytes | None = None
    seconds: float = 0.0
    reasons: tuple[Reason, ...] = ()


def trial_request(spec: DetectorSpec, params: Mapping[str, Any], seed: int, **wanted: Any) -> TrialRequest:
    """Make a request in the parent, where ``__main__`` is the user's."""
    module, _, attribute = spec.target.partition(":")
    kind = getattr(sys.modules[module], attribute, None) if module == "__main__" else None
    slim = dataclasses.replace(spec, space={})
    return TrialRequest(spec=slim, kind=kind, params=dict(params), seed=seed, **wanted)


def run_trial(request: TrialRequest, table: Any) -> TrialResult:
    """Fit one detector on the shared table; any failure of it becomes an outcome.

    Args:
        request: What to fit.
        table: Handle of the encoded rows; its ``load()`` gives an array of shape (n_rows, n_features).
    """
    started = time.perf_counter()
    try:
        return _fit(request, table.load(), started)
    except MemoryError:
        raise  # the pool records it as what it is
    except NotApplicableError as error:
        return TrialResult(status="not_applicable", error=str(error), seconds=time.perf_counter() - started)
    except Exception as error:  # the one place: third-party detectors raise whatever they like
        text = " ".join(str(error).split())[:400]
        message = f"{type(error).__name__}: {text}" if text else type(error).__name__
        return TrialResult(status="failed", error=message, seconds=time.perf_counter() - started)


def run_in_worker(request: TrialRequest, table: Any) -> TrialResult:
    """`run_trial` in a process that runs one trial after the other: what one has searched for, the next one finds.

    Args:
        request: What to fit.
        table: As for `run_trial`.
    """
    with remembering():
        return run_trial(request, table)


def trial_job(
    request: TrialRequest, table: Any, shape: tuple[int, int], *, timeout: float | None, key: int, memory: float = 0.0
) -> Job:
    """One trial as a job of the pool's.

    Args:
        request: What to fit.
        table: As for `run_trial`.
        shape: Rows fitted on, and features.
        timeout: Seconds after which it is ended; None: never.
        key: Comes back with the outcome.
        memory: Bytes by which its worker is expected to grow.
    """
    gpu = uses_gpu(request.spec, request.params, shape, request.device)
    return Job(function=run_in_worker, args=(request, table), timeout=timeout, key=key, gpu=gpu, memory=memory)


def _fit(request: TrialRequest, table: FloatArray, started: float) -> TrialResult:
    if request.kind is not None:
        setattr(importlib.import_module("__main__"), request.spec.target.partition(":")[2], request.kind)
    X = table if request.rows is None else table[request.rows.load()]
    if X.nbytes <= _COPY_BYTES:
        X = np.array(X, dtype=np.float64, order="C")
    _seed_everything(request.seed)
    unit, why = accelerator_for(request.spec, request.params, X.shape[:2], request.device)
    with accelerating(unit):
        fitted, scores = fit_detector(request.spec, request.params, X, seed=request.seed, batch=request.batch)
        if request.score_all and request.rows is not None:
            scores = _of_all(fitted, table, request.rows.load(), scores)
    seconds = time.perf_counter() - started
    payload = cloudpickle.dumps(fitted.estimator) if request.largest_payload > 0 else None
    if payload is not None and not request.spec.own:
        _check_again(request, payload, X[:_PROBED])
    if payload is not None and len(payload) > request.largest_payload:
        payload = None
    return TrialResult(status="completed", scores=scores, payload=payload, seconds=seconds,
                       reasons=_computed_by(request, unit, why))  # fmt: skip


def _of_all(fitted: FittedDetector, table: FloatArray, rows: IntArray, own: FloatArray) -> FloatArray:
    """Scores of all rows: of those fitted on the ones they have, so that none finds itself among its neighbours."""
    scores = np.empty(len(table))
    others = np.ones(len(table), dtype=bool)
    others[rows] = False
    scores[rows] = own
    if others.any():
        scores[others] = fitted.score(table, others)
    return scores


def _computed_by(request: TrialRequest, unit: Accelerator | None, why: str) -> tuple[Reason, ...]:
    """Which device computed, where a GPU could have; nothing where nobody would have asked for one."""
    name = request.spec.name
    evidence: dict[str, Scalar] = {"device": request.device}
    if unit is None:
        text = f"Computed on the CPU: {why}."
        return (Reason(code="TUN-081", subject=name, text=text, evidence=evidence),) if why else ()
    if unit.given_up:
        text = f"Computed on the CPU, as {unit.name} was given up: {unit.given_up}."
        return (Reason(code="TUN-081", subject=name, text=text, evidence={**evidence, "unit": unit.name}),)
    if not unit.used:
        return ()
    shrunk = f", in smaller blocks, as its memory was full {unit.shrunk} times" if unit.shrunk else ""
    more: dict[str, Scalar] = {**evidence, "unit": unit.name, "shrunk": unit.shrunk}
    return (Reason(code="TUN-080", subject=name, text=f"Computed on {unit.name}{shrunk}.", evidence=more),)


def _check_again(request: TrialRequest, payload: bytes, X: FloatArray) -> None:
    """Load what was fitted and score with it, as will be done with a member: better its trial fails than the run."""
    try:
        FittedDetector(request.spec, request.params, pickle.loads(payload)).score(X)  # noqa: S301 - made here just now
    except Exception as error:
        raise DetectorError(f"it cannot be used once it was stored: {type(error).__name__}: {error}") from error


def _seed_everything(seed: int) -> None:
    # Some detectors draw from the global generators; without this their result would depend on the worker's past.
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(seed)
