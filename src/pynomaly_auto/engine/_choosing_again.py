"""From a fitted detector to one at another point of its front."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pynomaly_auto._checks import is_whole
from pynomaly_auto._objectives import parse_objectives
from pynomaly_auto.engine._asking_for import BY_WEIGHTS, Wanted, chosen
from pynomaly_auto.ensembling import compromise
from pynomaly_auto.errors import SettingError, shown
from pynomaly_auto.records import Front, FrontPoint


def at_point(detector: Any, point: Any) -> Any:
    """Make a detector at a point of the front of a fitted one.

    Args:
        detector: The estimator, fitted with objectives.
        point: Number of a point, the point, or weights.

    Raises:
        SettingError: There is none, or nothing to choose from.
    """
    front, model = detector.result_.front, detector._model
    if front is None:
        raise SettingError(
            "the detector has no front to choose from.", where="choose",
            fix="Fit it with objectives=['quality', 'latency', 'size'] and time enough; choose before compact().",
        )  # fmt: skip
    if model.survey is None:
        raise SettingError(
            "the detector was loaded from a file, which holds the chosen model alone.", where="choose",
            fix="Choose with the detector that was fitted, before it is saved.",
        )  # fmt: skip
    if model.sayings.feedback:
        raise SettingError(
            "people have given feedback since the fit, which another model would not know.", where="choose",
            fix="Choose first, then give it; forget() takes it back.",
        )  # fmt: skip
    front, why = _pointed(front, point)
    taken, supervision = model.survey.taken(model, front.chosen)
    front = replace(front, measured_ms=None, reasons=(*model.survey.told, chosen(front, why)))
    made = type(detector)(**detector.get_params(deep=False))
    result = replace(
        detector.result_, ensemble=taken.ensemble.record, verdict=taken.verdict, front=front,
        supervision=supervision or detector.result_.supervision,
    )  # fmt: skip
    made._adopt(replace(taken, survey=model.survey), result)
    return made


def _pointed(front: Front, point: Any) -> tuple[Front, str]:
    """The front with the point chosen, and why it was."""
    if isinstance(point, FrontPoint):
        if point not in front.points:
            raise SettingError("the point is none of this front.", where="choose", fix="Take one of front_.points.")
        return replace(front, chosen=point.number), "it was asked for"
    if isinstance(point, Mapping):
        weights = parse_objectives(dict(point)) or {}
        if strange := [name for name in weights if name not in front.objectives]:
            raise SettingError(
                f"{strange[0]} is none of the objectives compared.", where="choose",
                fix=f"Weigh any of {', '.join(front.objectives)}, or fit with it among the objectives.",
            )  # fmt: skip
        wanted = Wanted(weights=weights, by_labels=front.answer == "labels")
        at = compromise(wanted.costs([one.values for one in front.points]), list(weights.values()))
        moved = replace(front, objectives={name: weights.get(name, 0.0) for name in front.objectives}, chosen=at)
        return moved, BY_WEIGHTS
    if not is_whole(point) or not 0 <= int(point) < len(front.points):
        raise SettingError(
            f"the point is {shown(point)}.", where="choose",
            fix=f"Give the number of one, from 0 to {len(front.points) - 1}, or weights of the objectives.",
        )  # fmt: skip
    return replace(front, chosen=int(point)), "it was asked for"
