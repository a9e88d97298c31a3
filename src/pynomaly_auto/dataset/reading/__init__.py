"""How columns are read: what the texts of a table say, settled once from all of them and the same for later rows."""

from pynomaly_auto.dataset.reading._dates import is_date
from pynomaly_auto.dataset.reading._evidence import OUTVOTES
from pynomaly_auto.dataset.reading._numbers import PLAIN, STEADY, TWOFOLD, number_in
from pynomaly_auto.dataset.reading._origin import Origin
from pynomaly_auto.dataset.reading._reading import PARSES, Reading, named
from pynomaly_auto.dataset.reading._settling import Settled, Survey
from pynomaly_auto.dataset.reading._units import known_unit
from pynomaly_auto.dataset.reading._words import MISSING_WORDS

__all__ = [
    "MISSING_WORDS",
    "OUTVOTES",
    "PARSES",
    "PLAIN",
    "STEADY",
    "TWOFOLD",
    "Origin",
    "Reading",
    "Settled",
    "Survey",
    "is_date",
    "known_unit",
    "named",
    "number_in",
]
