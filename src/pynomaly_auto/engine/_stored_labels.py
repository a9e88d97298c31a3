"""Labels and feedback in a saved file: what people said, the answer before it, and the training rows where few."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pynomaly_auto.deciding import confidence_of
from pynomaly_auto.engine._model import Model
from pynomaly_auto.engine._population import Answer, Population, Sight, single
from pynomaly_auto.engine._sayings import Sayings, Strangers, Untold
from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import Calibration, Feedback, Labels, State, Supervision, Verdict, plain, restore
from pynomaly_auto.ruling import Ruling
from pynomaly_auto.supervising import Kinship, Supervised

MOST_STORED = 4_000_000  # bytes of what learners see of the training rows, that a file may hold
_APART = ("scores", "probabilities", "labels", "confidence", "calibration")  # of a verdict; all follow from the first


def states_of(model: Model) -> dict[str, State]:
    """The parts that labels and feedback add to a file; none where there are neither.

    What learners see of the training rows is among them where it is small; without it a loaded detector is to be
    given the table again before it hears more.
    """
    population, sayings = model.population, model.sayings
    if population is None or not (population.labels.known.any() or sayings.last):
        return {}
    return {"population": _population_state(population), "sayings": _sayings_state(sayings)}


def labels_from(parts: Mapping[str, State], *, n_rows: int, shape: tuple[int, int, int]) -> dict[str, Any]:
    """The fields of a `Model` that `states_of` was made of.

    Args:
        parts: Of the file.
        n_rows: Training rows there are.
        shape: Features, members and inputs that learners see.

    Raises:
        StorageError: Something is missing, or does not fit.
    """
    if "population" not in parts or "sayings" not in parts:
        return {}
    population = _population(parts["population"], n_rows, shape)
    return {"population": population, "sayings": _sayings(parts["sayings"], n_rows, shape[2])}


def _population_state(population: Population) -> State:
    arrays: dict[str, np.ndarray[Any, Any]] = {
        "prints": population.prints, "scores": population.scores, "labels": population.labels.values,
    }  # fmt: skip
    kinship, sight = population.kinship, population.sight
    for name, array in (("groups", kinship.groups), ("moments", kinship.moments), ("periods", population.periods)):
        if array is not None:
            arrays[name] = array
    if sight is not None and len(population.scores) * sight.width * 4 <= MOST_STORED:
        arrays |= {"own": sight.own, "ranks": single(sight.ranks), "heard": sight.heard}
    state = State(arrays=arrays, values={"answer": population.unlabelled is not None})
    if population.unlabelled is not None:
        state = state | _answer_state(population.unlabelled).within("unlabelled")
    return state


def _population(state: State, n_rows: int, shape: tuple[int, int, int]) -> Population:
    sight = None
    if "own" in state.arrays:
        parts = {name: _of_rows(state, name, n_rows, ndim=2) for name in ("own", "ranks", "heard")}
        sight = Sight(**parts)
        if (sight.own.shape[1], sight.ranks.shape[1], sight.width) != shape or any(
            array.dtype != np.float32 or not np.isfinite(array).all() for array in parts.values()
        ):
            raise StorageError("what learners see of the training rows does not fit.", where="population")
    groups, periods = (
        _of_rows(state, name, n_rows, kind="iu").astype(np.int64) if name in state.arrays else None
        for name in ("groups", "periods")
    )
    return Population(
        prints=_prints(state, n_rows),
        scores=_finite(_of_rows(state, "scores", n_rows)),
        labels=_labels(_of_rows(state, "labels", n_rows, kind="i")),
        unlabelled=_answer(state.part("unlabelled")) if state.value("answer", bool) else None,
        kinship=Kinship(
            groups=groups, moments=_of_rows(state, "moments", n_rows) if "moments" in state.arrays else None
        ),
        periods=periods,
        sight=sight,
    )  # fmt: skip


def _answer_state(answer: Answer) -> State:
    calibration = answer.calibration
    return State(
        arrays={"knots": calibration.knots, "values": calibration.values},
        values={"share": float(answer.share), "single_point": bool(calibration.single_point)},
    )


def _answer(state: State) -> Answer:
    share = float(state.value("share", (int, float)))
    if not 0 <= share <= 1:
        raise StorageError("the share of anomalies is none.", where="population")
    return Answer(calibration=_calibration(state), share=share)


def _calibration(state: State) -> Calibration:
    knots, values = _finite(state.array("knots", ndim=1)), _finite(state.array("values", ndim=1))
    if len(knots) != len(values) or not len(knots) or (np.diff(knots) < 0).any() or (np.diff(values) < 0).any():
        raise StorageError("the calibration does not ascend.", where="population")
    return Calibration(knots=knots, values=values, single_point=state.value("single_point", bool))


def _sayings_state(sayings: Sayings) -> State:
    before, strangers = sayings.before, sayings.strangers
    state = State(
        values={
            "feedback": plain(sayings.feedback), "last": sayings.last, "strangers": strangers is not None,
            "before": before is not None,
        }
    )  # fmt: skip
    if strangers is not None:
        arrays = {name: getattr(strangers, name) for name in strangers.__dataclass_fields__}
        state = state | State(arrays=arrays).within("stranger")
    return state if before is None else state | _untold_state(before).within("untold")


def _sayings(state: State, n_rows: int, n_inputs: int) -> Sayings:
    told = state.value("feedback", list)
    feedback = tuple(restore(Feedback, one) for one in told)
    last, numbers = state.value("last", int), [one.number for one in feedback]
    if (
        any(not -1 <= one.row < n_rows or one.label not in (0, 1) for one in feedback)
        or numbers != sorted(set(numbers))
        or last < max(numbers, default=0)
        or min(numbers, default=1) < 1
    ):
        raise StorageError("what people said is damaged.", where="sayings")
    strangers = None
    if state.value("strangers", bool):
        strangers = _strangers(state.part("stranger"), [one.number for one in feedback if one.row < 0], n_inputs)
    elif any(one.row < 0 for one in feedback):
        raise StorageError("rows that people spoke of are missing.", where="sayings")
    before = _untold(state.part("untold"), n_rows, n_inputs) if state.value("before", bool) else None
    if (before is None) != (not feedback):
        raise StorageError("the answer before what people said is missing.", where="sayings")
    return Sayings(feedback=feedback, last=last, strangers=strangers, before=before)


def _strangers(state: State, numbers: list[int], n_inputs: int) -> Strangers:
    n = len(numbers)
    inputs = _of_rows(state, "inputs", n, ndim=2)
    own = _of_rows(state, "numbers", n, kind="iu").astype(np.int64)
    if inputs.shape[1] != n_inputs or inputs.dtype != np.float32 or not n or own.tolist() != numbers:
        raise StorageError("rows that people spoke of do not fit.", where="sayings")
    return Strangers(
        numbers=own, prints=_prints(state, n), inputs=_finite(inputs),
        scores=_finite(_of_rows(state, "scores", n)), moments=_of_rows(state, "moments", n),
    )  # fmt: skip


def _untold_state(before: Untold) -> State:
    verdict, calibration = before.verdict, before.verdict.calibration
    values = {name: plain(getattr(verdict, name)) for name in verdict.__dataclass_fields__ if name not in _APART}
    state = State(
        arrays={"scores": verdict.scores, "knots": calibration.knots, "values": calibration.values},
        values={
            "verdict": values, "single_point": bool(calibration.single_point), "supervision": plain(before.supervision),
            "supervised": before.supervised is not None,
        },
    )  # fmt: skip
    if before.ruling is not None and before.base is not None:
        state = state | before.ruling.to_state().within("ruling") | State(arrays={"base": before.base})
    return state if before.supervised is None else state | before.supervised.to_state().within("learned")


def _untold(state: State, n_rows: int, n_inputs: int) -> Untold:
    scores, calibration = _finite(_of_rows(state, "scores", n_rows)), _calibration(state)
    values = state.value("verdict", dict)
    threshold = values.get("threshold")
    if isinstance(threshold, bool) or not isinstance(threshold, (int, float)) or not np.isfinite(threshold):
        raise StorageError("the threshold is no number.", where="sayings")
    probabilities, flagged = calibration.at(scores), scores > threshold
    verdict = restore(
        Verdict, values, scores=scores, calibration=calibration, probabilities=probabilities,
        labels=np.where(flagged, -1, 1).astype(np.int64), confidence=confidence_of(probabilities, flagged),
    )  # fmt: skip
    supervision = state.value("supervision", (dict, type(None)))
    learned, ruled = state.value("supervised", bool), "base" in state.arrays
    return Untold(
        verdict=verdict,
        supervised=Supervised.from_state(state.part("learned"), n_inputs) if learned else None,
        supervision=None if supervision is None else restore(Supervision, supervision),
        ruling=Ruling.from_state(state.part("ruling"), n_rows) if ruled else None,
        base=_finite(_of_rows(state, "base", n_rows)) if ruled else None,
    )


def _of_rows(state: State, name: str, n_rows: int, *, kind: str = "f", ndim: int = 1) -> Any:
    array = state.array(name, kind=kind, ndim=ndim)
    if len(array) != n_rows:
        raise StorageError(f"the array {name!r} is of {len(array):,} rows instead of {n_rows:,}.", where="labels")
    return array if kind != "f" or ndim > 1 else array.astype(np.float64)


def _finite(array: Any) -> Any:
    if not np.isfinite(array).all():
        raise StorageError("there are numbers that are not finite.", where="labels")
    return array


def _prints(state: State, n_rows: int) -> Any:
    prints = _of_rows(state, "prints", n_rows, kind="u")
    if prints.dtype != np.uint64:
        raise StorageError("the fingerprints are of another type.", where="labels")
    return prints


def _labels(values: Any) -> Labels:
    if not np.isin(values, (-1, 0, 1)).all():
        raise StorageError("there are labels other than 1, 0 and none.", where="population")
    return Labels(values=values.astype(np.int8))
