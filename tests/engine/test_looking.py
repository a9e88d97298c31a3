"""What is told of odd cells: of two that do not go together it is said once."""

from dataclasses import replace

import numpy as np
import pandas as pd

from pynomaly_auto.cells import look
from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.engine._looking import _Listing, _told_of

N, ODD = 400, 101


def listing() -> _Listing:
    """Two values that never meet, in a row where they do."""
    first = np.arange(N) % 2
    frame = pd.DataFrame(
        {"kind": np.array(["a", "b"])[first], "place": np.array(["x", "y"])[first], "size": first * 1.0}
    )
    frame["third"] = np.array(["p", "q", "r"])[np.arange(N) // 2 % 3]
    frame.loc[ODD, "place"] = "x"
    original = TableEncoder().fit(frame).original(frame)
    model = look(original, names=["pair"])
    each = model.evidence(original)
    return _Listing(model=model, original=original, whole=each["pair"], each=each, cells=frame)


def test_two_cells_that_are_held_against_each_other_are_told_of_once() -> None:
    told = listing()
    kind, place = told.cell(ODD, 0), told.cell(ODD, 1)
    assert (kind.column, kind.against) == ("kind", ("place",))
    assert (place.column, place.against) == ("place", ("kind",))
    assert kind.text == "'b' of kind almost never meets 'x' of place"
    assert _told_of(place, [kind])
    assert not _told_of(place, [])


def test_others_are_told_of_beside_each_other() -> None:
    kind, place = (listing().cell(ODD, j) for j in (0, 1))
    assert not _told_of(place, [replace(kind, against=("third",))])
    # What one sentence names by chance is not what it is about.
    assert not _told_of(replace(place, against=()), [replace(kind, text=f"{kind.text} {place.text}")])
