"""Time zones by name: names come from stored files, too, and must neither fail late nor name a file."""

from __future__ import annotations

import re

import pandas as pd

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}|UTC[+-]\d\d:\d\d(:\d\d)?")


def is_zone(name: str) -> bool:
    """Whether a time zone's name alone brings it back.

    >>> is_zone("Europe/Berlin"), is_zone("UTC+01:00"), is_zone("Nowhere"), is_zone("dateutil//etc/zone")
    (True, True, False, False)
    """
    if not _NAME.fullmatch(name) or name.startswith("dateutil"):  # pandas opens what follows as a file
        return False
    try:
        return str(pd.Timestamp(0, tz=name).tz) == name
    except Exception:  # whatever the libraries behind it say of a name they do not know
        return False
