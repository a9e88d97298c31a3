"""Several objectives at once, as settings hold them: what a model is to be good at, and how much each counts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pynomaly_auto._checks import is_number
from pynomaly_auto.errors import SettingError, UnknownNameError, shown


@dataclass(frozen=True, kw_only=True)
class Objective:
    """One thing a model can be good at.

    Args:
        name: What it is called in settings and records.
        title: What it is, for a person.
        minimize: Whether less of it is better.
        answers: Whether it says how right the answer is; the others say what that costs.
        of_labels: Whether nothing but labels can tell.
        unit: What it is counted in; empty: in nothing.
    """

    name: str
    title: str
    minimize: bool = False
    answers: bool = False
    of_labels: bool = False
    unit: str = ""


OBJECTIVES: Mapping[str, Objective] = {
    one.name: one
    for one in (
        Objective(name="quality", title="average precision on labels, or agreement with all members", answers=True),
        Objective(name="agreement", title="rank correlation with the answer of all members", answers=True),
        Objective(name="average_precision", title="average precision on labels", answers=True, of_labels=True),
        Objective(name="roc_auc", title="area under the ROC curve on labels", answers=True, of_labels=True),
        Objective(name="f1", title="F1 on labels", answers=True, of_labels=True),
        Objective(name="precision", title="precision on labels", answers=True, of_labels=True),
        Objective(name="recall", title="recall on labels", answers=True, of_labels=True),
        Objective(name="latency", title="declared ms of scoring one row", minimize=True, unit="ms"),
        Objective(name="fit_time", title="declared seconds of fitting the members", minimize=True, unit="s"),
        Objective(name="size", title="MB of all that is fitted, before it is packed", minimize=True, unit="MB"),
        Objective(name="interpretability", title="declared interpretability of the members, weighed"),
    )
}
_ALIASES = {
    "ap": "average_precision", "auc": "roc_auc", "auc_roc": "roc_auc", "f1_score": "f1",
    "inference_latency": "latency", "inference_time": "latency", "latency_ms": "latency",
    "prediction_latency": "latency", "prediction_time": "latency", "scoring_latency": "latency",
    "scoring_time": "latency", "explainability": "interpretability", "memory": "size", "memory_usage": "size",
    "model_size": "size", "size_mb": "size", "fitting_time": "fit_time", "train_time": "fit_time",
    "training_time": "fit_time",
}  # fmt: skip
_WORDS = ("metric", "weight", "minimize")  # of one objective in the documents
_FIX = (
    "Give names such as ['quality', 'latency', 'size'], a mapping from name to weight, or "
    "{'primary': {'metric': 'f1_score', 'weight': 0.6}, 'secondary': [{'metric': 'training_time', 'weight': 0.4}]}."
)


def parse_objectives(value: Any) -> dict[str, float] | None:
    """Read objectives in any of their forms; name to weight, which sum to 1.

    Args:
        value: None; names, which count alike; a mapping from name to weight; text such as ``"quality=2, latency"``; or
            the documents' ``primary`` and ``secondary``, also within ``optimization_objectives``.

    Raises:
        UnknownNameError: There is no such objective.
        SettingError: It is something else, one counts twice, or they are no choice.

    >>> parse_objectives(["quality", "latency"])
    {'quality': 0.5, 'latency': 0.5}
    >>> parse_objectives({"primary": {"metric": "f1_score", "weight": 3}, "secondary": [
    ...     {"metric": "training_time", "weight": 1, "minimize": True}]})
    {'f1': 0.75, 'fit_time': 0.25}
    """
    if value is None:
        return None
    said = _said(value)
    weights: dict[str, float] = {}
    for word, weight in said:
        name = _named(word)
        if name in weights:
            raise SettingError(f"{name} is named twice.", where="objectives", fix="Name each objective once.")
        if not is_number(weight) or float(weight) < 0:
            raise SettingError(
                f"the weight of {name} is {shown(weight)}.", where="objectives", fix="Give a number of at least 0."
            )
        weights[name] = float(weight)
    if math.isinf(sum(weights.values())):
        weights = {name: weight / max(weights.values()) for name, weight in weights.items()}
    total = sum(weights.values()) or 1.0
    # What is read again, from a file, stays what it is to the last bit.
    shares = weights if abs(total - 1.0) < 1e-12 else {name: weight / total for name, weight in weights.items()}
    shares = {name: share for name, share in shares.items() if share > 0}
    _check(shares, value)
    return shares


def _check(weights: Mapping[str, float], value: Any) -> None:
    if len(weights) < 2:
        raise SettingError(
            f"objectives is {shown(value)}: fewer than two that count are no choice.", where="objectives",
            fix="Give two or more, such as ['quality', 'latency']; compact(latency_ms=...) keeps to a limit.",
        )  # fmt: skip
    if not any(OBJECTIVES[name].answers for name in weights):
        raise SettingError(
            f"none of {', '.join(weights)} says how right the answer is to be.", where="objectives",
            fix="Add 'quality', or the smallest model would always be the best.",
        )  # fmt: skip


def _said(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, str):
        parts = [part.partition("=") for part in value.split(",") if part.strip()]
        return [(name.strip(), _number(weight) if between else 1.0) for name, between, weight in parts]
    if isinstance(value, Mapping):
        if set(value) == {"optimization_objectives"}:
            return _said(value["optimization_objectives"])
        return _of_documents(value) if {"primary", "secondary"} & set(value) else list(value.items())
    if isinstance(value, (list, tuple)):
        return [_one(entry) for entry in value]
    raise SettingError(f"objectives is {shown(value)}.", where="objectives", fix=_FIX)


def _of_documents(value: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    for word in value:
        if word not in ("primary", "secondary"):
            raise _unknown("word", word, ("primary", "secondary"))
    out = [value["primary"]] if value.get("primary") is not None else []
    rest = value.get("secondary") or []
    out += rest if isinstance(rest, (list, tuple)) else [rest]
    return [_one(entry) for entry in out]


def _one(entry: Any) -> tuple[Any, Any]:
    """A name alone, or the documents' mapping of one objective."""
    if not isinstance(entry, Mapping):
        return entry, 1.0
    for word in entry:
        if word not in _WORDS:
            raise _unknown("word", word, _WORDS)
    if "metric" not in entry:
        raise SettingError(f"{shown(dict(entry))} names no metric.", where="objectives", fix=_FIX)
    name = _named(entry["metric"])
    way = entry.get("minimize")
    if way is not None and bool(way) is not OBJECTIVES[name].minimize:
        better = "smaller" if OBJECTIVES[name].minimize else "larger"
        raise SettingError(
            f"{name} with minimize={shown(way)}.", where="objectives", fix=f"The {better} it is the better; leave it."
        )
    return name, entry.get("weight", 1.0)


def _named(word: Any) -> str:
    asked = word.strip().lower().replace(" ", "_").replace("-", "_") if isinstance(word, str) else word
    name = _ALIASES.get(asked, asked) if isinstance(asked, str) else asked
    if not isinstance(name, str) or name not in OBJECTIVES:
        raise _unknown("objective", word, OBJECTIVES)
    return name


def _unknown(kind: str, word: Any, known: Any) -> UnknownNameError:
    error = UnknownNameError.of(kind, word, known)
    return UnknownNameError(error.what, where="objectives", fix=error.fix)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SettingError(
            f"a weight is {shown(text)}.", where="objectives", fix="Write weights as in 'quality=2, latency=1'."
        ) from None
