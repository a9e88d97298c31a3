"""Which rows a rule matches, all at once; a missing value matches nothing, nor does its contrary (Kleene's logic)."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from pynomaly_auto._rules import Compared, Condition, Constant, Joined, Missing, Name, Not, Reckoned, Rule, Value
from pynomaly_auto.errors import SettingError, shown
from pynomaly_auto.records import FloatArray, IntArray, OriginalColumn

Flags = np.ndarray[Any, np.dtype[np.bool_]]

_SIGNS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_RECKONING: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
}  # fmt: skip
_HOLDS = {
    "number": "numbers", "boolean": "true and false", "time": "dates", "duration": "durations", "text": "texts",
    "mixed": "numbers and texts",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class _Truth:
    """What is known of a condition in each row.

    Args:
        true: Where it holds; shape (n_rows,).
        known: Where anything is known of it.
    """

    true: Flags
    known: Flags


@dataclass(frozen=True, kw_only=True, eq=False)
class _Cells:
    """Values of rows.

    Args:
        said: What they are called in messages.
        role: What they are: as of a column, or of a constant.
        numbers: NaN where there is none; shape (n_rows,) or (); zero-length for texts.
        codes: Positions among the texts, -1 where there is none; zero-length for numbers.
        texts: The distinct texts.
        zone: Time zone of dates.
    """

    said: str
    role: str
    numbers: FloatArray = field(default_factory=lambda: np.empty(0))
    codes: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    texts: tuple[str, ...] = ()
    zone: str | None = None

    @property
    def has_numbers(self) -> bool:
        return self.role != "text"


def matched(rule: Rule, columns: Mapping[str, OriginalColumn], n_rows: int) -> Flags:
    """Which rows a rule matches; shape (n_rows,).

    Args:
        rule: The rule.
        columns: By name, all that it names, as they are read.
        n_rows: Rows there are.

    Raises:
        SettingError: Values are compared that cannot be.
    """
    truth = _Matching(rule, columns, n_rows).of(rule.condition)
    return truth.true & truth.known


class _Matching:
    def __init__(self, rule: Rule, columns: Mapping[str, OriginalColumn], n_rows: int) -> None:
        self.rule, self.columns, self.n_rows = rule, columns, n_rows

    def of(self, condition: Condition) -> _Truth:
        match condition:
            case Compared():
                return self._compared(condition)
            case Missing(name=name):
                return _Truth(true=self.columns[name.column].missing, known=np.ones(self.n_rows, dtype=bool))
            case Not(part=part):
                truth = self.of(part)
                return _Truth(true=~truth.true, known=truth.known)
            case Joined(sign=sign, parts=parts):
                return self._joined(sign, [self.of(part) for part in parts])

    def _joined(self, sign: str, parts: list[_Truth]) -> _Truth:
        """All or any of them: one that decides does so whatever is not known of the others."""
        yes = np.stack([part.true & part.known for part in parts])
        no = np.stack([~part.true & part.known for part in parts])
        true, false = (yes.all(axis=0), no.any(axis=0)) if sign == "and" else (yes.any(axis=0), no.all(axis=0))
        return _Truth(true=np.asarray(true), known=np.asarray(true | false))

    def _compared(self, condition: Compared) -> _Truth:
        left, right, sign = condition.left, condition.right, condition.sign
        if isinstance(left, Constant):
            left, right, sign = right, left, _TURNED.get(sign, sign)
        one = self._cells(left, condition)
        if isinstance(right, Constant):
            return self._with_constant(one, right, sign, condition)
        other = self._cells(right, condition)
        if one.role == other.role == "text":
            return self._texts(one, other, sign, condition)
        if "text" in (one.role, other.role) or (one.role == "time") != (other.role == "time"):
            raise self._wrong(f"compares {one.said} with {other.said}", condition, "Compare what is of one kind.")
        return self._numbers(one.numbers, other.numbers, sign)

    def _with_constant(self, cells: _Cells, constant: Constant, sign: str, condition: Compared) -> _Truth:
        value = constant.value
        if isinstance(value, bool) and cells.role == "text":
            value = str(value)
        if not isinstance(value, str):
            if not cells.has_numbers or cells.role == "time":
                written = constant.written or str(value)
                fix = f"Write '{written}' in quotes." if sign in ("==", "!=") else _NO_ORDER
                fix = "Write the date in quotes." if cells.role == "time" else fix
                raise self._wrong(f"compares {cells.said} with {written}", condition, fix)
            truth = self._numbers(cells.numbers, np.asarray(float(value)), sign)
            if cells.role == "mixed" and len(cells.codes):  # texts are unequal to numbers
                texts = (cells.codes >= 0) & np.isnan(cells.numbers)
                known = truth.known | (texts if sign in ("==", "!=") else False)
                return _Truth(true=np.where(texts, sign == "!=", truth.true), known=known)
            return truth
        if cells.role == "time":
            return self._numbers(cells.numbers, np.asarray(self._moment(value, cells.zone, condition)), sign)
        if cells.role not in ("text", "mixed"):
            raise self._wrong(
                f"compares {cells.said} with the text {value!r}", condition, "Write numbers without quotes."
            )
        self._check_equality(sign, condition)
        equal = np.append(np.array([text == value for text in cells.texts], dtype=bool), False)[cells.codes]
        known = cells.codes >= 0
        if len(cells.numbers):
            known = known | ~np.isnan(cells.numbers)
        return _Truth(true=equal if sign == "==" else ~equal, known=known)

    def _texts(self, one: _Cells, other: _Cells, sign: str, condition: Compared) -> _Truth:
        self._check_equality(sign, condition)
        place = {text: i for i, text in enumerate(one.texts)}
        moved = np.array([*(place.get(text, len(place) + i) for i, text in enumerate(other.texts)), -1], dtype=np.int64)
        equal = one.codes == moved[other.codes]
        return _Truth(true=equal if sign == "==" else ~equal, known=(one.codes >= 0) & (other.codes >= 0))

    def _numbers(self, one: FloatArray, other: FloatArray, sign: str) -> _Truth:
        true = np.broadcast_to(_SIGNS[sign](one, other), (self.n_rows,))
        known = np.broadcast_to(~(np.isnan(one) | np.isnan(other)), (self.n_rows,))
        return _Truth(true=np.asarray(true), known=np.asarray(known))

    def _cells(self, value: Value, condition: Compared) -> _Cells:
        match value:
            case Name(column=name):
                column = self.columns[name]
                # A column that is empty is whatever is asked for, and matches nothing.
                role = str(column.role)
                said = f"column {name!r}, which is read as {_HOLDS[role]},"
                return _Cells(said=said, role=role, numbers=column.numbers, codes=column.codes, texts=column.texts,
                              zone=column.zone)  # fmt: skip
            case Constant(value=constant):
                if isinstance(constant, (str, bool)):
                    raise self._wrong(f"reckons with {constant!r}", condition, "Reckon with numbers.")
                return _Cells(said=f"{constant:g}", role="number", numbers=np.asarray(float(constant)))
            case Reckoned(sign=sign, left=left, right=right):
                return self._reckoned(sign, self._cells(left, condition), self._cells(right, condition), condition)

    def _reckoned(self, sign: str, one: _Cells, other: _Cells, condition: Compared) -> _Cells:
        times = (one.role == "time") + (other.role == "time")
        if not (one.has_numbers and other.has_numbers) or times == 1 or (times == 2 and sign != "-"):
            what = f"reckons {one.said} {sign} {other.said}"
            raise self._wrong(what, condition, "Reckon with numbers; of dates, one less another gives seconds.")
        with np.errstate(all="ignore"):
            found = np.asarray(_RECKONING[sign](one.numbers, other.numbers), dtype=np.float64)
        return _Cells(said="what is reckoned", role="number", numbers=np.where(np.isfinite(found), found, np.nan))

    def _moment(self, text: str, zone: str | None, condition: Compared) -> float:
        """A date in ISO form as seconds since 1970; without an offset of its own in the zone of the column."""
        try:
            found = datetime.fromisoformat(text.strip())
            if found.tzinfo is None:
                found = found.replace(tzinfo=UTC if zone in (None, "UTC") else ZoneInfo(str(zone)))
            return found.timestamp()
        except (ValueError, OverflowError, OSError, KeyError):
            what, fix = f"compares dates with {shown(text)}", "Write dates as '2024-12-31' or with a time."
            raise self._wrong(what, condition, fix) from None

    def _check_equality(self, sign: str, condition: Compared) -> None:
        if sign not in ("==", "!="):
            raise self._wrong("asks which text is larger", condition, _NO_ORDER)

    def _wrong(self, what: str, condition: Compared, fix: str) -> SettingError:
        part = self.rule.text[condition.place - 1 :][:30]
        return SettingError(
            f"rule {self.rule.text!r} {what.rstrip(',')}, at character {condition.place} ({part!r}).",
            where="rules", fix=fix,
        )  # fmt: skip


_NO_ORDER = "Texts are equal or not: write ==, != or in."
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
