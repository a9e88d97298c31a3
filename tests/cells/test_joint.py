"""What two columns settle together and neither alone."""

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto.cells import Beside
from pynomaly_auto.cells._joint import JointDependency
from pynomaly_auto.errors import NotApplicableError
from tests.cells.cell_tables import original


def rates(n: int = 600, seed: int = 0) -> pd.DataFrame:
    """A rate that grade and country settle together."""
    rng = np.random.default_rng(seed)
    grade, country = rng.integers(0, 5, n), rng.integers(0, 4, n)
    return pd.DataFrame(
        {
            "grade": [f"G{g}" for g in grade],
            "country": np.array(["DE", "FR", "GB", "IT"], dtype=object)[country],
            "rate": [f"R{(g * c + g // 2) % 4}" for g, c in zip(grade, country, strict=True)],
            "other": rng.choice(list("xyz"), n),
        }
    )


def test_what_breaks_a_rule_of_two_columns_and_what_was_expected() -> None:
    frame = rates()
    right = frame.loc[33, "rate"]
    frame.loc[33, "rate"] = "R9"
    frame.loc[44, "rate"] = "R5" if frame.loc[44, "rate"] != "R5" else "R4"
    cells = original(frame)
    joint = JointDependency().fit(cells)
    found = joint.evidence(cells)
    assert set(np.flatnonzero(found.bits[:, 2]).tolist()) == {33, 44}
    assert found.bits[33, 2] > 5
    assert found.expected.at(33, 2) == right
    told = f"grade {frame.loc[33, 'grade']!r} and country {frame.loc[33, 'country']!r}"
    assert joint.beside(cells, 33, 2) == Beside(text=told, columns=(0, 1))
    assert not found.bits[:, [0, 1, 3]].any()


def test_what_one_column_settles_is_left_to_others() -> None:
    frame = rates()
    frame["rate"] = "R" + frame["grade"]
    with pytest.raises(NotApplicableError):
        JointDependency().fit(original(frame))


def test_small_groups_that_agree_by_chance_are_no_rule() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.choice(8, 200).astype(str) for name in "abcd"}) + "k"
    frame["e"] = np.where(rng.random(200) < 0.97, "usual", "odd")
    with pytest.raises(NotApplicableError):
        JointDependency().fit(original(frame))
