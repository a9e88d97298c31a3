"""Contextual anomalies planted into real tables: cells that are ordinary in their column and improbable in their row.

After Song et al. (2007), Conditional anomaly detection, IEEE TKDE: values are exchanged between rows. An exchange is
kept only where a model fitted to other rows of the table calls the new value improbable, and the old one was not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd

from meta_datasets.synthetic._draft import Planted
from meta_datasets.synthetic._exchanging import exchanges
from meta_datasets.synthetic._moving import amounts, bursts, hours
from meta_datasets.synthetic._usable import FEWEST_PLANTED, Usable, usable
from pynomaly_auto.errors import InvalidInputError, NotApplicableError

FEWEST_ROWS = 200
# Exchanges come last and take what the others could not place.
KINDS: Mapping[str, Callable[[Usable, int], int]] = {
    "amount": amounts,
    "hour": hours,
    "burst": bursts,
    "exchange": exchanges,
}


def planted(table: pd.DataFrame, seed: int, rate: float = 0.02, *, name: str = "planted") -> Planted:
    """Plant contextual anomalies into a real table.

    *exchange*: one or two attributes of a row replaced by another row's, where a random forest fitted to the other half
    of the rows gives the new value less than 1 % and the old one more than 20 %. *amount*: a number moved to a
    value of another group, far outside of its own. *hour*: a time moved to an hour when nothing happens. *burst*:
    events of one entity moved together. Kinds that a table has no room for are left out; the others share what is to
    be planted.

    Args:
        table: Ordinary rows, columns as they come: numbers, text, times.
        seed: Of everything random.
        rate: Planted rows as a share of the rows, in (0, 0.2].
        name: For the result; part of the seed.

    Raises:
        SettingError: The rate or the seed cannot be used.
        InvalidInputError: There are too few rows, or next to nothing can be planted in this table.
    """
    found = usable(table, seed, rate, name, FEWEST_ROWS)
    wanted, done = max(round(rate * len(table)), len(KINDS)), 0
    for turn, plant in enumerate(KINDS.values()):
        try:
            done += plant(found, -(-(wanted - done) // (len(KINDS) - turn)))
        except NotApplicableError:
            continue
    if done < FEWEST_PLANTED:
        raise InvalidInputError("next to nothing can be planted: hardly a column of this table depends on another.")
    return found.draft.finish(name)
