"""Rules that people state about rows, parsed: a small grammar, read by Python's own parser and never run.

``age > 120``, ``country == 'XX' and amount > 1000``, ``not (kind in ('a', 'b'))``, ``end - start < 0``,
```net price` is missing``. What is not listed here is refused, with its place in the text.
"""

from __future__ import annotations

import ast
import keyword
import math
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pynomaly_auto.errors import SettingError, shown

LONGEST = 1_000  # characters of a rule
MOST = 100  # rules of one model
ANOMALY, NORMAL = "anomaly", "normal"
VERDICTS = (ANOMALY, NORMAL)

_DEEPEST = 50  # levels of a rule
_MARK = "\ua66e"  # begins what stands for a name in back-ticks: a letter that no column's name begins with
_COMPARED: Mapping[type[ast.cmpop], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip
_RECKONED: Mapping[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_MISSING = frozenset({"isnull", "isna", "is_missing", "missing"})
_PRESENT = frozenset({"notnull", "notna"})
_WORDS = frozenset({"and", "or", "not", "in", "is", "None", "True", "False"})
_HINTS: tuple[tuple[str, str], ...] = (
    (r"(?<![=!<>])=(?!=)", "Write == to compare."),
    (r"\b(AND|OR|NOT|IN|IS|NULL)\b", "Write and, or, not, in and is in small letters."),
    (r"&&|\|\||<>|!(?!=)", "Write and, or, not, and != for unequal."),
)
_GRAMMAR = (
    "A rule compares columns (==, !=, <, <=, >, >=, in, not in, is missing) and joins comparisons by and, or, not; "
    "names that are no identifiers stand in `back-ticks`, texts in quotes."
)


@dataclass(frozen=True, kw_only=True)
class Constant:
    """A number, text or truth value.

    Args:
        value: As it is compared.
        written: A number as it is written, with all its digits.
    """

    value: float | str | bool
    written: str = field(default="", compare=False)


@dataclass(frozen=True, kw_only=True)
class Name:
    """The cells of a column.

    Args:
        column: Its name.
        place: Where in the rule it stands, counted from 1.
    """

    column: str
    place: int


@dataclass(frozen=True, kw_only=True)
class Reckoned:
    """Two values under +, -, * or /."""

    sign: str
    left: Value
    right: Value


Value: TypeAlias = "Constant | Name | Reckoned"


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Two values compared by ==, !=, <, <=, > or >=.

    Args:
        sign: By which.
        left: One value.
        right: The other.
        place: Where in the rule it begins, counted from 1.
    """

    sign: str
    left: Value
    right: Value
    place: int


@dataclass(frozen=True, kw_only=True)
class Missing:
    """Whether a column's cell holds nothing."""

    name: Name


@dataclass(frozen=True, kw_only=True)
class Not:
    """The contrary."""

    part: Condition


@dataclass(frozen=True, kw_only=True)
class Joined:
    """All (``"and"``) or any (``"or"``) of some conditions."""

    sign: str
    parts: tuple[Condition, ...]


Condition: TypeAlias = "Compared | Missing | Not | Joined"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule.

    Args:
        text: As it was stated.
        verdict: What rows that it matches are: ``"anomaly"`` or ``"normal"``.
        condition: What it says.
    """

    text: str
    verdict: str
    condition: Condition

    @property
    def columns(self) -> tuple[Name, ...]:
        """The columns it names, in order."""
        return tuple(_names(self.condition))


def checked(value: Any) -> dict[str, str] | None:
    """Rules as a setting holds them: text to verdict; None: there are none.

    Args:
        value: One text, several (what they match are anomalies), or a mapping from text to verdict.

    Raises:
        SettingError: It is something else, or one of them is no rule.
    """
    if value is None:
        return None
    given = [value] if isinstance(value, str) else value
    if isinstance(given, Mapping):
        said = list(given.items())
    elif isinstance(given, (list, tuple)):
        said = [(text, ANOMALY) for text in given]
    else:
        raise SettingError(
            f"rules is {shown(value)}.", fix='Give texts such as "age > 120", or a mapping from text to verdict.'
        )
    if len(said) > MOST:
        raise SettingError(f"there are {len(said):,} rules.", where="rules", fix=f"Give at most {MOST}.")
    found: dict[str, str] = {}
    for text, verdict in said:
        rule = parse(text, verdict)
        found[rule.text] = rule.verdict
    return found or None


def parse(text: Any, verdict: Any = ANOMALY) -> Rule:
    """Read one rule.

    Args:
        text: What it says.
        verdict: What rows that it matches are.

    Raises:
        SettingError: It is no text, or none that the grammar knows; the message names the rule and the place.
    """
    if not isinstance(text, str) or not text.isprintable() or not text.strip() or len(text) > LONGEST:
        raise SettingError(
            f"a rule is {shown(text)}.", where="rules", fix=f"Give one line of text, up to {LONGEST:,} characters."
        )
    if not isinstance(verdict, str) or verdict not in VERDICTS:
        raise SettingError(
            f"rule {shown(text)} calls rows {shown(verdict)}.", where="rules", fix="Say 'anomaly' or 'normal'."
        )
    stripped = text.strip()
    return Rule(text=stripped, verdict=verdict, condition=_Reader(stripped).condition())


class _Reader:
    """Turns one text into a condition."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.quoted: dict[str, str] = {}  # what stands for a name in back-ticks
        self.plain = self._without_ticks()

    def condition(self) -> Condition:
        try:
            with warnings.catch_warnings():  # of the parser, on what is refused below anyway
                warnings.simplefilter("ignore")
                tree = ast.parse(self.plain, mode="eval").body
        except SyntaxError as error:
            raise self._wrong("cannot be read", max((error.offset or 1) - 1, 0), self._hint()) from None
        except (RecursionError, MemoryError, ValueError):
            raise self._wrong("is too deep or holds what no text may", 0, "Make it shorter.") from None
        return self._condition(tree, 0)

    def _without_ticks(self) -> str:
        """The text with letters of the same length for names in back-ticks."""
        out, at, text = [], 0, self.text
        while at < len(text):
            if text[at] in "'\"":
                end = _end_of(text, at)
                out.append(text[at:end])
                at = end
            elif text[at] == "`":
                end = text.find("`", at + 1)
                if end <= at + 1:
                    raise self._wrong("holds a back-tick without its fellow", at, "Write `a name` between two of them.")
                mark = f"{_MARK}{len(self.quoted)}".ljust(end + 1 - at, "_")
                self.quoted[mark] = text[at + 1 : end]
                out.append(mark)
                at = end + 1
            else:
                out.append(text[at])
                at += 1
        return "".join(out)

    def _condition(self, node: ast.expr, depth: int) -> Condition:
        self._check_depth(node, depth)
        match node:
            case ast.BoolOp(op=op, values=values):
                sign = "and" if isinstance(op, ast.And) else "or"
                return Joined(sign=sign, parts=tuple(self._condition(v, depth + 1) for v in values))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Not(part=self._condition(operand, depth + 1))
            case ast.Compare():
                return self._compared(node, depth)
            case ast.Call(func=ast.Name(id=name), args=[of], keywords=[]) if name in _MISSING | _PRESENT:
                found = Missing(name=self._name(of))
                return Not(part=found) if name in _PRESENT else found
            case ast.BinOp(op=ast.BitAnd() | ast.BitOr()) | ast.UnaryOp(op=ast.Invert()):
                raise self._wrong("joins by &, | or ~", self._at(node), "Write and, or, not.")
            case ast.Name():
                column = self._name(node).column
                raise self._wrong(f"says nothing of {column!r}", self._at(node), "Compare it, as in paid == True.")
        raise self._wrong("holds what is no condition", self._at(node), _GRAMMAR)

    def _compared(self, node: ast.Compare, depth: int) -> Condition:
        """A comparison, or a chain of them."""
        sides, parts = [node.left, *node.comparators], list[Condition]()
        for sign, left, right in zip(node.ops, sides, sides[1:], strict=False):
            if isinstance(sign, (ast.Is, ast.IsNot)):
                parts.append(self._missing(left, right, present=isinstance(sign, ast.IsNot)))
            elif isinstance(sign, (ast.In, ast.NotIn)):
                parts.append(self._among(left, right, depth, out=isinstance(sign, ast.NotIn)))
            else:
                one, other = self._value(left, depth + 1), self._value(right, depth + 1)
                if isinstance(one, Constant) and isinstance(other, Constant):
                    raise self._wrong(
                        "compares two constants", self._at(left), "Texts stand in quotes, columns do not."
                    )
                place = self._at(left) + 1
                parts.append(Compared(sign=_COMPARED[type(sign)], left=one, right=other, place=place))
        return parts[0] if len(parts) == 1 else Joined(sign="and", parts=tuple(parts))

    def _missing(self, left: ast.expr, right: ast.expr, *, present: bool) -> Condition:
        nothing = isinstance(right, ast.Name) and right.id == "missing"
        if not nothing and not (isinstance(right, ast.Constant) and right.value is None):
            raise self._wrong("says is of something", self._at(right), "Write == to compare, or 'is missing'.")
        found = Missing(name=self._name(left))
        return Not(part=found) if present else found

    def _among(self, left: ast.expr, right: ast.expr, depth: int, *, out: bool) -> Condition:
        if not isinstance(right, (ast.Tuple, ast.List, ast.Set)) or not right.elts:
            raise self._wrong("says in of what is no list", self._at(right), "Write in ('a', 'b').")
        value, place = self._value(left, depth + 1), self._at(left) + 1
        options = [self._value(one, depth + 1) for one in right.elts]
        if isinstance(value, Constant) or not all(isinstance(one, Constant) for one in options):
            what = "has something other than a column before in, or than constants behind it"
            raise self._wrong(what, self._at(left), "Write column in ('a', 'b').")
        each = tuple(Compared(sign="==", left=value, right=one, place=place) for one in options)
        found = Joined(sign="or", parts=each)
        return Not(part=found) if out else found

    def _value(self, node: ast.expr, depth: int) -> Value:
        self._check_depth(node, depth)
        match node:
            case ast.Constant(value=bool() | str() as constant):
                return Constant(value=constant)
            case ast.Constant(value=int() | float() as number):
                return Constant(value=self._number(number, node), written=str(number))
            case ast.Constant(value=None):
                raise self._wrong("compares with None", self._at(node), "Write 'is missing'.")
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as op, operand=operand):
                value, minus = self._value(operand, depth + 1), isinstance(op, ast.USub)
                if isinstance(value, Constant):
                    if isinstance(value.value, (bool, str)):
                        raise self._wrong("has a sign before what is no number", self._at(node), "Leave it out.")
                    sign = "-" if minus else ""
                    return Constant(value=-value.value if minus else value.value, written=f"{sign}{value.written}")
                return Reckoned(sign="*", left=Constant(value=-1.0 if minus else 1.0), right=value)
            case ast.BinOp(op=op, left=left, right=right) if type(op) in _RECKONED:
                one, other = self._value(left, depth + 1), self._value(right, depth + 1)
                return Reckoned(sign=_RECKONED[type(op)], left=one, right=other)
            case ast.BinOp(op=ast.BitAnd() | ast.BitOr()):
                raise self._wrong("joins by & or |", self._at(node), "Write and, or.")
            case ast.Call():
                raise self._wrong("calls a function", self._at(node), f"There is none but isnull(column). {_GRAMMAR}")
            case ast.Name():
                return self._name(node)
            case ast.Attribute() | ast.Subscript():
                raise self._wrong(
                    "holds a name with a dot or bracket", self._at(node), "Put such a name in `back-ticks`."
                )
        raise self._wrong("holds what no value is", self._at(node), _GRAMMAR)

    def _name(self, node: ast.expr) -> Name:
        if not isinstance(node, ast.Name):
            raise self._wrong("asks of what is no column", self._at(node), "Name a column.")
        at = self._at(node)
        written = self.plain[at : at + len(node.id)]  # the parser's own form of a name may be another one
        return Name(column=self.quoted.get(node.id, written if written.isidentifier() else node.id), place=at + 1)

    def _number(self, number: float, node: ast.expr) -> float:
        try:
            found = float(number)
        except OverflowError:
            found = math.inf
        if not math.isfinite(found):
            raise self._wrong("holds a number beyond all others", self._at(node), "Give a smaller one.")
        return found

    def _check_depth(self, node: ast.expr, depth: int) -> None:
        if depth > _DEEPEST:
            raise self._wrong("is too deep", self._at(node), "Make it shorter.")

    def _at(self, node: ast.expr) -> int:
        """Where a part begins; the parser counts bytes."""
        return len(self.plain.encode()[: node.col_offset].decode("utf-8", "ignore"))

    def _hint(self) -> str:
        bare = re.sub(r"'[^']*'|\"[^\"]*\"|`[^`]*`", "''", self.text)
        taken = [word for word in re.findall(r"\w+", bare) if keyword.iskeyword(word) and word not in _WORDS]
        if taken:
            return f"Put the name `{taken[0]}` in back-ticks: to the parser the bare word is none."
        return next((hint for pattern, hint in _HINTS if re.search(pattern, bare)), _GRAMMAR)

    def _wrong(self, what: str, at: int, fix: str) -> SettingError:
        rest = self.text[at : at + 30]
        place = f", at character {at + 1} ({rest!r})" if rest else ", at its end"
        return SettingError(f"rule {self.text!r} {what}{place}.", where="rules", fix=fix)


def _end_of(text: str, at: int) -> int:
    """Where a text in quotes that begins here has ended."""
    place = at + 1
    while place < len(text) and text[place] != text[at]:
        place += 2 if text[place] == "\\" else 1
    return place + 1


def _names(part: Condition | Value) -> list[Name]:
    match part:
        case Name():
            return [part]
        case Missing(name=name):
            return [name]
        case Not(part=inner):
            return _names(inner)
        case Joined(parts=parts):
            return [name for one in parts for name in _names(one)]
        case Compared(left=left, right=right) | Reckoned(left=left, right=right):
            return _names(left) + _names(right)
    return []
