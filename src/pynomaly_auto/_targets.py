"""What the threshold is to serve: a metric by name, so many rows, what mistakes cost, or a function of one's own."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from pynomaly_auto._checks import is_number
from pynomaly_auto.errors import SettingError, UnknownNameError, shown

# Every metric a user may name; what each means without labels is decided where the threshold is.
TARGET_METRICS = ("average_precision", "f1", "precision", "recall", "roc_auc")
_ALIASES = {"ap": "average_precision", "f1_score": "f1", "auc": "roc_auc", "auc_roc": "roc_auc"}
_AT_K = re.compile(r"precision(?:_at_|@|_at@)([0-9]{1,9})")
_COSTS = ("false_alarm", "miss", "hit", "passed")
_FIX = (
    "Give a name, 'precision_at_50' for so many rows, costs such as {'false_alarm': 1, 'miss': 20}, or a function of "
    "the true and the flagged rows."
)
Metric: TypeAlias = Callable[[Any, Any], Any]


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What each of the four outcomes of a row costs, in any one unit; gains are negative.

    Args:
        false_alarm: A normal row that is flagged.
        miss: An anomaly that is not.
        hit: An anomaly that is flagged.
        passed: A normal row that is not.
    """

    false_alarm: float
    miss: float
    hit: float = 0.0
    passed: float = 0.0

    @property
    def cutoff(self) -> float:
        """Probability from which on flagging a row is the cheaper choice (Elkan, IJCAI 2001).

        >>> Costs(false_alarm=1, miss=19).cutoff
        0.05
        """
        alarm, miss = self.false_alarm - self.passed, self.miss - self.hit
        return alarm / (alarm + miss)

    def value(self, anomalous: Any, flagged: Any) -> float:
        """Mean cost of a row.

        Args:
            anomalous: Whether each row is an anomaly, or how likely; shape (n_rows,).
            flagged: Whether it is flagged; shape (n_rows,).
        """
        p, f = np.asarray(anomalous, dtype=np.float64), np.asarray(flagged, dtype=np.float64)
        each = f * (p * self.hit + (1 - p) * self.false_alarm) + (1 - f) * (p * self.miss + (1 - p) * self.passed)
        return float(each.mean()) if len(each) else 0.0

    def to_dict(self) -> dict[str, float]:
        """Plain values, as they are read."""
        return {name: getattr(self, name) for name in _COSTS}

    def __str__(self) -> str:
        said = [f"a false alarm costs {self.false_alarm:g}", f"a miss {self.miss:g}"]
        said += [f"a hit {self.hit:g}"] if self.hit else []
        said += [f"a normal row left alone {self.passed:g}"] if self.passed else []
        return ", ".join(said)


@dataclass(frozen=True, kw_only=True)
class OwnMetric:
    """A function of the user's: the larger, the better.

    Args:
        name: Its module and name; all of it that is stored.
        function: Takes which rows are anomalies and which are flagged, each of 0 and 1, and returns a number; None:
            it was not stored with the detector.
    """

    name: str
    function: Metric | None = field(default=None, compare=False)

    def value(self, anomalous: Any, flagged: Any) -> float:
        """Of rows, each 0 or 1, shape (n_rows,); NaN where it has none or fails."""
        if self.function is None:
            return float("nan")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn's warn of what has no anomalies or no flagged rows
            try:
                return float(self.function(anomalous, flagged))
            except Exception:  # whatever a function of the user's raises on some rows
                return float("nan")

    def to_dict(self) -> dict[str, str]:
        """Its name: a function is no data."""
        return {"function": self.name}

    def __str__(self) -> str:
        return self.name


Target: TypeAlias = str | Costs | OwnMetric


def parse_target(value: Any) -> Target | None:
    """Read a target metric in any of its forms.

    Args:
        value: None, a name, ``"precision_at_50"``, costs as a mapping, as text (``"miss=20, false_alarm=1"``) or as the
            matrix ``[[passed, false_alarm], [miss, hit]]`` (rows: normal, anomalous; columns: not flagged, flagged), or
            a function.

    Raises:
        UnknownNameError: There is no metric of that name.
        SettingError: It is something else, or the costs make no sense.

    >>> parse_target("precision@50"), parse_target({"false_alarm": 1, "miss": 9}).cutoff
    ('precision_at_50', 0.1)
    """
    if value is None or isinstance(value, (Costs, OwnMetric)):
        return value
    if isinstance(value, str):
        return _costs_of_text(value) if "=" in value else _named(value)
    if isinstance(value, Mapping):
        if set(value) == {"function"} and isinstance(value["function"], str):
            return OwnMetric(name=value["function"][:200])
        return _costs(value)
    if isinstance(value, (Sequence, np.ndarray)):
        return _costs(_of_matrix(value))
    if callable(value):
        return _own(value)
    raise SettingError(f"target_metric is {shown(value)}.", fix=_FIX)


def named_alone(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with the name of a target metric that is a function in its place: a function is no data."""
    target = settings.get("target_metric")
    return {**settings, **({"target_metric": parse_target(target)} if callable(target) else {})}


def rows_at(target: Target | None) -> int | None:
    """How many rows a precision at so many rows looks at; None for all else."""
    found = _AT_K.fullmatch(target) if isinstance(target, str) else None
    return None if found is None else int(found[1])


def _named(value: str) -> str:
    name = value.strip().lower().replace(" ", "_")
    found = _AT_K.fullmatch(name)
    if found is not None and int(found[1]) >= 1:
        return f"precision_at_{int(found[1])}"
    if name in ("precision_at_k", "precision_at_n", "precision@k", "precision_at_0", "precision@0"):
        raise SettingError(f"target_metric is {shown(value)}.", fix="Say of how many rows, as in 'precision_at_50'.")
    name = _ALIASES.get(name, name)
    if name not in TARGET_METRICS:
        raise UnknownNameError.of("target metric", value, (*TARGET_METRICS, "precision_at_50"))
    return name


def _costs_of_text(value: str) -> Costs:
    parts = [part.partition("=") for part in value.split(",")]
    try:
        costs = {name.strip(): float(number) for name, _, number in parts}
    except ValueError:
        raise SettingError(
            f"target_metric is {shown(value)}.", fix="Write costs as in 'miss=20, false_alarm=1'."
        ) from None
    return _costs(costs)


def _of_matrix(given: Any) -> Mapping[str, Any]:
    value = given.tolist() if isinstance(given, np.ndarray) and given.ndim == 2 else given
    value = value if isinstance(value, Sequence) else []
    rows = [list(row) if isinstance(row, Sequence) and not isinstance(row, str) else [] for row in value]
    if [len(row) for row in rows] != [2, 2]:
        raise SettingError(
            f"target_metric is {shown(given)}.", fix="Give [[passed, false_alarm], [miss, hit]], or costs by name."
        )
    return {"passed": rows[0][0], "false_alarm": rows[0][1], "miss": rows[1][0], "hit": rows[1][1]}


def _costs(value: Mapping[Any, Any]) -> Costs:
    for name in value:
        if name not in _COSTS:
            raise UnknownNameError.of("cost in target_metric", name, _COSTS)
    missing = [name for name in ("false_alarm", "miss") if name not in value]
    if missing or not all(is_number(cost) for cost in value.values()):
        raise SettingError(
            f"target_metric is {shown(dict(value))}.",
            fix="Give what a false_alarm and a miss cost as numbers; hit and passed are 0 where you do not say.",
        )
    costs = Costs(**{name: float(cost) for name, cost in value.items()})
    if costs.false_alarm <= costs.passed or costs.miss <= costs.hit:
        raise SettingError(
            f"target_metric is {shown(dict(value))}: the right answer costs no less than the wrong one.",
            fix="A false_alarm has to cost more than a row that is passed, and a miss more than a hit.",
        )
    return costs


def _own(function: Metric) -> OwnMetric:
    """A function that was tried on four rows, before hours are spent on a run that it ends."""
    name = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', type(function).__name__)}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = function(np.array([0, 1, 0, 1]), np.array([0, 1, 1, 0]))
    except Exception as error:  # whatever a function of the user's raises
        said = f"{type(error).__name__}: {error}"
        raise SettingError(f"the target_metric {name} fails on four rows: {said[:300]}.", fix=_FIX) from error
    if isinstance(value, np.generic):
        value = value.item()
    if not is_number(value):
        raise SettingError(f"the target_metric {name} returns {shown(value)}.", fix="It has to return one number.")
    return OwnMetric(name=name, function=function)
