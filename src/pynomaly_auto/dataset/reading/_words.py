"""Words that stand for no value."""

from __future__ import annotations

import re

# Among numbers and dates all of these stand for a missing one; compared in lower case.
MISSING_WORDS = frozenset({
    "", "na", "n/a", "n.a.", "n.a", "#n/a", "#na", "<na>", "nan", "-nan", "nat", "null", "none", "nil", "?", "-", "--",
    "---",
    "–", "—", ".", "..", "...", "*", "missing", "unknown", "unk", "unknown value", "not available", "not applicable",
    "not known", "no data", "nodata", "no value", "tbd", "tba", "n.d.", "nd", "(null)", "(blank)", "blank", "empty",
    "#div/0!", "#value!", "#ref!", "#num!", "#name?", "#null!", "#error", "k.a.", "k. a.", "keine angabe", "unbekannt",
    "inconnu", "desconocido", "sconosciuto",
})  # fmt: skip
# In a column of texts only these do: any other may be a level of its own.
PLAINLY_MISSING = frozenset({
    "", "n/a", "#n/a", "<na>", "nan", "null", "(null)", "?", "-", "--", "---", "–", "—", "#div/0!", "#value!", "#ref!",
    "#num!", "#name?", "#null!",
})  # fmt: skip
# These do where they do among the numbers of the same table: R and Python write them for every kind of column.
_WRITTEN_OUT = frozenset({"na", "none"})
_TWO_LETTERS = re.compile(r"[A-Z]{2}")  # a country, a state, initials


def is_missing(text: str) -> bool:
    """Whether a text stands for no value among numbers or dates."""
    return text.strip().lower() in MISSING_WORDS


def missing_among(texts: list[str], elsewhere: frozenset[str]) -> tuple[str, ...]:
    """Which of a category's distinct texts stand for no value.

    Args:
        texts: The distinct texts of a column.
        elsewhere: Words that stand for a missing number in other columns of the table, in lower case.

    >>> missing_among(["NA", "DE"], frozenset({"na"})), missing_among(["NA", "red"], frozenset({"na"}))
    ((), ('NA',))
    """
    found = [text for text in texts if text.strip().lower() in PLAINLY_MISSING]
    written = [text for text in texts if text.strip().lower() in _WRITTEN_OUT & elsewhere]
    if written:
        others = [text for text in texts if text not in found and text not in written]
        if not (others and all(_TWO_LETTERS.fullmatch(text.strip()) for text in others)):
            found += written
    return tuple(sorted(found))
