"""What finding the presumed outliers costs: apart from doing it, as costs are asked for without fitting."""

from __future__ import annotations

_PAIRS = 25_000_000  # most distances looked at for the neighbours of presumed outliers
_FEWEST, _MOST = 100, 5_000  # rows that these are looked for among
_PAIR_SECONDS = 4.5e-9  # for ten features
_SHARING = 4  # members of a run that share in one process what finding its presumed outliers costs


def searched_among(n_rows: int) -> int:
    """Rows that neighbours are looked for among when presumed outliers are."""
    return min(n_rows, max(_FEWEST, min(_MOST, _PAIRS // max(n_rows, 1))))


def view_seconds(view: str, n_rows: int, n_features: int) -> float:
    """What a view adds to the expected seconds of fitting a detector."""
    pairs = n_rows * searched_among(n_rows) if view == "trimmed" else 0
    return _PAIR_SECONDS * pairs * float((n_features / 10) ** 0.5) / _SHARING
