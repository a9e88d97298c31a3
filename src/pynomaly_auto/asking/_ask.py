"""From rows to questions: which are worth a label, and why."""

from __future__ import annotations

import numpy as np

from pynomaly_auto._checks import is_whole
from pynomaly_auto.asking._catalogue import STRATEGIES, Pool
from pynomaly_auto.asking._mixture import mixed
from pynomaly_auto.errors import SettingError, shown
from pynomaly_auto.records import IntArray, Question, Reason, Scalar


def check(n: object, strategy: object) -> None:
    """Whether so many rows can be asked by that strategy.

    Raises:
        SettingError: ``n`` is no whole number above 0.
        UnknownNameError: There is no such strategy.
    """
    if not is_whole(n) or n < 1:  # type: ignore[operator]
        raise SettingError(f"n is {shown(n)}.", where="query", fix="Give a whole number of rows, at least 1.")
    STRATEGIES[strategy]  # type: ignore[index]  # says which there are


def propose(rows: Pool, n: int, *, strategy: str = "auto", seed: int = 0) -> IntArray:
    """Positions of rows worth a label, best first; fewer than asked for where there are no more.

    Args:
        rows: What could be asked, and what is known.
        n: At most so many.
        strategy: One of `STRATEGIES`.
        seed: Of everything random.

    Raises:
        SettingError: ``n`` is no whole number above 0, or there is no such strategy.
    """
    check(n, strategy)
    return STRATEGIES[strategy].order(rows, n, seed)[:n]


def ask(rows: Pool, n: int, *, strategy: str = "auto", seed: int = 0) -> tuple[Question, ...]:
    """As `propose`, with the reason for each row.

    Raises:
        SettingError: ``n`` is no whole number above 0, or there is no such strategy.
    """
    check(n, strategy)
    if strategy == "auto":
        at, by = mixed(rows, n, seed)
    else:
        at = propose(rows, n, strategy=strategy, seed=seed)
        by = (strategy,) * len(at)
    known = np.zeros(len(rows.scores)) if rows.probabilities is None else rows.probabilities
    # From where on rows are flagged, as a probability: that of the lowest row above the threshold.
    above = known[rows.scores > rows.threshold]
    limit = float(above.min()) if len(above) else 1.0
    ordered, spreads = np.sort(rows.scores), rows.disagreement(at)
    places = len(ordered) - np.searchsorted(ordered, rows.scores[at], side="right") + 1
    most = np.ones(len(at))
    if rows.ranks is not None and rows.ranks.shape[1]:
        most = np.exp(-rows.ranks[at].max(axis=1).astype(np.float64))
    return tuple(
        _question(
            row=int(row),
            name=name,
            figures={
                "probability": float(known[row]), "threshold": limit, "spread": float(spreads[i]),
                "most": float(most[i]), "place": int(places[i]),
            },
        )
        for i, (row, name) in enumerate(zip(at, by, strict=True))
    )  # fmt: skip


def _question(*, row: int, name: str, figures: dict[str, Scalar]) -> Question:
    found, place = STRATEGIES[name], int(figures["place"] or 0)
    text = found.says.format(**(figures | {"place": _ordinal(place)}))
    reason = Reason(code=found.code, subject=f"row {row}", text=f"{text[:1].upper()}{text[1:]}.", evidence=figures)
    return Question(row=row, probability=float(figures["probability"] or 0.0), strategy=name, reason=reason)


def _ordinal(place: int) -> str:
    """A place in words.

    >>> [_ordinal(n) for n in (1, 2, 12, 23)]
    ['highest', '2nd highest', '12th highest', '23rd highest']
    """
    if place == 1:
        return "highest"
    end = "th" if 10 <= place % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place:,}{end} highest"
