"""The clock of one search: when it has to be over, and how long trials take here and now."""

from __future__ import annotations

import math

import numpy as np

from pynomaly_auto._budget import HANG, LEAST_SEARCH, OTHER_SHARE, WANTED_SHARE, overtime
from pynomaly_auto._deadline import Deadline

_SLOWEST = 10.0  # most that trials are believed to take longer than declared: beyond, one of them hung
# Seconds of imagined trials that took as long as declared: what they are mixed with, a few short trials, whose
# duration says little about the machine, move no decision.
_USUAL, _OWN_USUAL = 0.5, 0.1


class Clock:
    """Decides about seconds, and about nothing when the number of trials rules.

    What a trial is expected to take is what its detector declares, times a factor learned from the trials of this run
    that have ended: the ratio of what they took to what they declared, the detector's own trials counting most. A
    busy machine or a fit that converges slowly shows there long before a table of declared costs knows of it.

    Args:
        deadline: Of the whole run.
        share: Of the time left that the search may take; None: the clock decides nothing.
    """

    def __init__(self, deadline: Deadline, share: float | None) -> None:
        self._deadline = deadline
        self.begun = deadline.elapsed()
        left = deadline.remaining()
        self.end = math.inf
        if share is not None and deadline.seconds is not None:
            self.end = self.begun + max(share * left, LEAST_SEARCH * deadline.seconds)
        self._taken: dict[str, float] = {}
        self._declared: dict[str, float] = {}
        self._all_taken = self._all_declared = _USUAL

    @property
    def rules(self) -> bool:
        """Whether it decides anything."""
        return math.isfinite(self.end)

    @property
    def span(self) -> float:
        """Seconds of the whole search."""
        return self.end - self.begun

    def left(self) -> float:
        """Seconds left of the search; negative when it is over."""
        return self.end - self._deadline.elapsed()

    def late(self) -> bool:
        """Whether the search should be over."""
        return self.left() <= 0

    def note(self, detector: str, taken: float, declared: float, *, completed: bool = True) -> None:
        """Learn from a trial that has ended; one that was given up says something of its detector only."""
        if completed:
            self._all_taken += taken
            self._all_declared += declared
        self._taken[detector] = self._taken.get(detector, 0.0) + taken
        self._declared[detector] = self._declared.get(detector, 0.0) + declared

    def slowness(self) -> float:
        """How much longer trials take than declared, from 1 to 10."""
        if not self.rules:
            return 1.0
        return float(np.clip(self._all_taken / self._all_declared, 1.0, _SLOWEST))

    def expected(self, detector: str, declared: float) -> float:
        """Seconds that a trial of a detector will probably take."""
        if not self.rules:
            return declared
        taken, said = self._taken.get(detector, 0.0), self._declared.get(detector, 0.0)
        return declared * max(1.0, (taken + _OWN_USUAL * self.slowness()) / (said + _OWN_USUAL))

    def timeout(self, expected: float, *, wanted: bool, answered: bool) -> float:
        """Seconds after which a trial is given up.

        Args:
            expected: Seconds it will probably take.
            wanted: It is worth waiting for.
            answered: Some trial has completed.
        """
        if not self.rules:
            return max(HANG, 50 * expected)
        # A worker's first trial also pays for its imports.
        floor = max(1.0, (WANTED_SHARE if wanted else OTHER_SHARE) * self.span)
        return max(0.1, min(max(self.left(), 0.0) + self._overtime(answered), max(floor, 5 * expected)))

    def patient(self, *, answered: bool) -> bool:
        """Whether, with nothing finished yet, there still is a little time for the first result."""
        limit = (self._deadline.seconds or 0.0) + self._overtime(answered) * 0.8
        return not answered and self._deadline.elapsed() < limit

    def _overtime(self, answered: bool) -> float:
        """Seconds past the end that the first result may take, within what the whole run may overrun."""
        return 0.0 if answered else overtime(self._deadline.seconds)

    def wait(self) -> float | None:
        """Seconds until the next look at the clock; None: no need to look."""
        return min(max(self.left(), 0.05), 1.0) if self.rules else None
