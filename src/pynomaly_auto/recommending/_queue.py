"""What is tried before anything is searched for: one queue of configurations, each in one role."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.recommending._judged import Judged
from pynomaly_auto.records import Candidate, Configuration, Step


def queue_of(
    chosen: Sequence[Candidate],
    judged: Iterable[Judged],
    *,
    members: Sequence[Configuration] = (),
    order: Sequence[Configuration] = (),
) -> tuple[Step, ...]:
    """Put together what is to be tried.

    First what the ensemble is to be made of, then the learned order, then every other candidate as it was ranked; then
    one of each in turn: a detector's second view or warm start comes after the first of all others.

    Args:
        chosen: The candidates to be tried, best first.
        judged: What else of each is worth trying.
        members: What the ensemble is to be made of, where that is known beforehand.
        order: What comes first of all others, where the knowledge base says what each is expected to add.
    """
    further = {j.candidate.detector: j.further for j in judged}
    turns = itertools.zip_longest(*(further.get(c.detector, ()) for c in chosen))
    steps = itertools.chain(
        (Step(configuration=c, role="member") for c in members),
        (Step(configuration=c, role="view" if c.only_view else "portfolio") for c in order),
        (Step(configuration=c.configuration, role="portfolio") for c in chosen),
        (step for turn in turns for step in turn if step is not None),
    )
    # Parameters that are the defaults anyway make no other configuration.
    first: dict[Configuration, Step] = {}
    for step in steps:
        first.setdefault(step.configuration.over(DETECTORS[step.detector].defaults), step)
    return tuple(first.values())
