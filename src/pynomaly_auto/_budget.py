"""The one policy for a time budget: which part of it each step of a run may take, and what gives way where it is short.

With a count of trials no decision looks at a clock (decision 0004), and nothing here applies but the guards against
fits that hang. With a budget every step is given a share of what is left when it begins:

==========  ===========================================================================================================
starting    Imports and the reading of the table count, and yet half of the budget is left for the run itself.
profiling   Fewer rows where the budget is under two seconds.
search      80 % where fitted trials are taken over as members; where members have to be fitted again on more rows, what
            these are expected to leave, from 20 to 55 %. Never less than a tenth of the budget. One round over the
            candidates may take half of it (trials get fewer rows until it does), the quick trials in this process a
            fifth; a trial of over 2 % of the budget has to promise something.
members     85 %, less on many rows, which what follows has to go through: the slowest are dropped until the others fit
            in. Of those that the learned fusion alone counts, the ones of its base margin may take 30 %.
fusing      Only where it should take less than 30 %.
labels      What learning from them is expected to take, at most two fifths of the budget: else from fewer.
choosing    Where objectives are given, all before leave it 20 %, at most 12 seconds; with less it compares fewer.
explaining  All before leave it a tenth of the budget, at most two seconds; it may use what is left beyond, up to eight.
recording   Waited for a little beyond the end; the rest goes on in the background.
==========  ===========================================================================================================

A run may end a tenth of its budget and two seconds late: with nothing finished yet the search waits nearly that long
for a first result, and recording takes no more than about half of it. All figures are judged, so that runs end in time
on two busy cores, and none is tuned for quality; where one rests on a measurement its line says which.
"""

from __future__ import annotations

import math

STARTING_SHARE = 0.5  # of a time budget that may be over before the run itself begins

BRIEF = 2.0  # seconds of budget below which fewer rows are profiled
BRIEF_ROWS = 500  # so many: meta-features of a sample are nearly the same

SEARCH_SHARE = 0.8  # of the time left, when trials are fitted on all rows and can be taken over
LEAST_SEARCH = 0.1  # of the budget, when what came before has used it up: within what a run may be late
ROUND_SHARE = 0.3  # of the time left that one round over all candidates may take: half of a middling search
COSTLY_SHARE = 0.02  # of the budget from which one trial has to promise something
WANTED_SHARE, OTHER_SHARE = 0.4, 0.1  # of the search that one trial may take at least before it is given up
HANG, REFIT_HANG = 600.0, 3600.0  # seconds after which a fit is given up when the clock decides nothing else

# Trials in this process, until the workers are up (which takes one to several seconds on a loaded machine).
HERE_SHARE = 0.2  # of the search that they may be expected to take
HERE_LEAST, HERE_MOST = 0.15, 0.3  # expected seconds of all, within that: an answer a moment late is better than none
HERE_EACH = 0.1  # most expected seconds of one
HERE_TAKEN = 1.0  # seconds they may really take, imports included

HOPELESS_SHARE = 0.8  # of the worker-seconds left: who alone would take more to fit again is no member
MARGIN_SHARE = 0.3  # of the worker-seconds left that fitting the fusion's base margin again may take
LAST_RESORT = 1.0  # seconds a last attempt gets even when the time is used up
FIRST_ANSWER = 20.0  # the same while there is nothing at all: late is better than never

_REFIT_SHARE = 0.85  # of the time left; the rest is for what follows
# Per row, on two cores: fusing, smoothing over neighbours, hearing cells, labels; 10 to 13 s of 100,000 x 20 measured.
_FOLLOWING_SECONDS, _FOLLOWING_MOST = 1.2e-4, 0.5  # and the most of the time left that is kept for it

_REFIT_MARGIN = 1.6  # how much longer than declared fitting the members may take
_AFTERWARDS = 0.1  # of the time left, for what follows the members
_LEAST_SEARCH_SHARE, _LARGEST_SEARCH_SHARE = 0.2, 0.55  # without a search no members; beyond, more of it is idle

_LATE_SHARE, _LATE_SECONDS = 0.1, 1.3  # of the budget, and seconds, past its end that the first result may take

_FUSING_SECONDS = 3e-5  # per row, with reserve over what benchmarks.fusion measures
_FUSING_SHARE = 0.3  # of the time left

_LEARNING_SHARE = 0.4  # of the budget: many labels are worth more than many trials

# Ten times what twenty rows of thirty columns take.
_EXPLAINING_SHARE, _EXPLAINING_RESERVE = 0.1, 2.0
_EXPLAINING_MOST = 8.0  # seconds, however much is left

_CHOOSING_SHARE, _CHOOSING_RESERVE = 0.2, 12.0  # about eight seconds of CPU with 63 members

_RECORDING_SHARE, _RECORDING_SECONDS = 0.05, 0.7  # of the budget, and seconds, past its end
RECORDING_MOST = 20.0  # seconds that a slow store is waited for without a budget


def search_share(needed: float, left: float) -> float:
    """Share of the time left for a search whose members have to be fitted again on more rows.

    Args:
        needed: Seconds that fitting them is declared to take.
        left: Seconds left of the run.
    """
    free = 1.0 - _REFIT_MARGIN * needed / max(left, 1e-9) - _AFTERWARDS
    return min(max(free, _LEAST_SEARCH_SHARE), _LARGEST_SEARCH_SHARE)


def refit_seconds(left: float, n_rows: int) -> float:
    """Seconds that fitting the members on so many rows may take of what is left, so that what follows has its time."""
    following = min(n_rows * _FOLLOWING_SECONDS / max(left, 1e-9), _FOLLOWING_MOST)
    return left * min(_REFIT_SHARE, 1.0 - following)


def quick_seconds(search: float) -> float:
    """Expected seconds that trials in this process may take in a search of so many."""
    return min(HERE_MOST, max(HERE_SHARE * search, HERE_LEAST))


def overtime(budget: float | None) -> float:
    """Seconds past the end of the search that the first result may take."""
    return 0.0 if budget is None else _LATE_SHARE * budget + _LATE_SECONDS


def time_to_fuse(left: float, n_rows: int) -> bool:
    """Whether fusing all rows leaves enough of so many seconds for what follows."""
    return n_rows * _FUSING_SECONDS < _FUSING_SHARE * left


def learning_most(budget: float | None) -> float | None:
    """Seconds that learning from labels may take; None: no limit."""
    return None if budget is None else _LEARNING_SHARE * budget


def explaining_reserve(budget: float | None) -> float:
    """Seconds that all before leave to the explanations."""
    return min(_EXPLAINING_RESERVE, _EXPLAINING_SHARE * (budget or math.inf))


def explaining_seconds(budget: float | None, left: float) -> float | None:
    """Seconds that explanations may take; None: no limit."""
    return None if budget is None else min(_EXPLAINING_MOST, max(left, explaining_reserve(budget)))


def search_reserve(budget: float | None, *, chooses: bool) -> float:
    """Seconds that the search and the members leave to what follows; more where models are compared by objectives."""
    choosing = min(_CHOOSING_RESERVE, _CHOOSING_SHARE * (budget or math.inf)) if chooses else 0.0
    return explaining_reserve(budget) + choosing


def recording_seconds(budget: float | None) -> float:
    """Seconds past the end that recording is waited for."""
    return _RECORDING_SECONDS + _RECORDING_SHARE * (budget or 0.0)
