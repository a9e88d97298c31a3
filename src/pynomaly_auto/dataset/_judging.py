"""What becomes of one column, and what is told of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pynomaly_auto.dataset._columns import Verdict, judge
from pynomaly_auto.dataset._facts import Facts, facts_of
from pynomaly_auto.dataset.reading import Reading, Settled, Survey
from pynomaly_auto.records import Column, Reason, Scalar

_SHOWN = 20  # a reason that more columns than this share is told once for all of them


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One column, judged.

    Args:
        verdict: What becomes of it.
        column: What is told of it.
        reading: How it is read, where it is left out as well.
        doubts: Both readings, where there are two.
    """

    verdict: Verdict
    column: Column
    reading: Reading
    doubts: tuple[Reason, ...] = ()


def summed_up(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    """Reasons, those that very many columns share told once, with how many there are and which come first."""
    groups: dict[tuple[str, str], list[Reason]] = {}
    for reason in reasons:
        groups.setdefault((reason.code, reason.text), []).append(reason)
    out = []
    for reason in reasons:
        code, text = reason.code, reason.text
        group = groups[code, text]
        if len(group) <= _SHOWN:
            out.append(reason)
            continue
        if reason is not group[0]:
            continue
        first = ", ".join(one.subject for one in group[:5])
        evidence: dict[str, Scalar] = {"columns": len(group), "first": first}
        out.append(Reason(code=code, subject=f"{len(group)} columns", text=text, evidence=evidence))
    return tuple(out)


def told_by(survey: Survey) -> list[Reason]:
    """What was done to a file to make a table of it."""
    file = survey.origin.file
    return [Reason(code="DAT-041", subject=file or "file", text=text) for text in survey.origin.said]


def doubted(settled: Settled, name: str) -> tuple[Reason, ...]:
    """Both readings of a column that has two."""
    if not settled.doubt:
        return ()
    return (Reason(code="DAT-040", subject=name, text=settled.doubt, evidence=settled.readings),)


def judge_column(settled: Settled, name: str, twins: dict[bytes, str], *, watch: bool) -> tuple[Judged, Facts]:
    """What becomes of one column, and the facts that it hangs on; ``twins`` holds the columns met so far."""
    facts = facts_of(name, settled.reading, settled.cells, n_unread=settled.n_unread, note=settled.note)
    verdict = judge(facts, twins, watches_constants=watch)
    if verdict.kind not in ("empty", "constant"):
        twins.setdefault(facts.print, name)
    column = Column(
        name=name,
        kind=verdict.kind,
        n_missing=facts.n_missing,
        n_unique=facts.n_unique,
        n_infinite=facts.n_infinite,
    )
    return Judged(verdict=verdict, column=column, reading=settled.reading, doubts=doubted(settled, name)), facts


def distinct(names: Sequence[str], taken: set[str]) -> list[str]:
    """Feature names, numbered where another column has made the same one already."""
    out = []
    for name in names:
        free, n = name, 2
        while free in taken:
            free, n = f"{name}_{n}", n + 1
        taken.add(free)
        out.append(free)
    return out
