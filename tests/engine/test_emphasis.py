"""What a preset or the settings say is to count more: who comes first changes, what is said of new rows agrees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto import AutonomousDetector
from pynomaly_auto.errors import SettingError, UnknownNameError

QUIET: dict[str, Any] = {"n_trials": 3, "tracking": False, "random_state": 0, "verbose": 0}
ODD, FAR = 17, 140


def sales() -> pd.DataFrame:
    """Amounts by category, one usual among all and far from those of its own; and one number far from all others."""
    rng = np.random.default_rng(3)
    category = np.repeat(["pen", "desk", "car"], 100)
    amount = np.repeat([3.0, 300.0, 30_000.0], 100) * np.exp(0.2 * rng.normal(size=300))
    table = pd.DataFrame({"category": category, "amount": amount.round(2), "units": rng.integers(1, 9, 300)})
    table.loc[ODD, "amount"] = 310.0
    table.loc[FAR, "units"] = 900
    return table


def place(scores: Any, row: int) -> int:
    return int((scores > scores[row]).sum())


@pytest.fixture(scope="module")
def fitted() -> dict[str, AutonomousDetector]:
    says = {
        "group": {"emphasis": {"group": 2.0, "burst": 0.5}},
        "number": {"emphasis": {"number": 2.0}},
        "member": {"emphasis": {"lof": 2.0}},
        "none": {},
    }
    return {name: AutonomousDetector(**QUIET, config=config).fit(sales()) for name, config in says.items()}


def test_what_is_emphasised_comes_first_and_the_share_stays(fitted: dict[str, AutonomousDetector]) -> None:
    by_group = fitted["group"].result_.verdict
    assert place(by_group.scores, ODD) == 0
    far = {name: [c.column for c in fitted[name].result_.cells if c.row == FAR] for name in ("none", "number")}
    assert "units" in far["number"]
    assert "units" not in far["none"]
    assert by_group.contamination == pytest.approx(fitted["none"].result_.verdict.contamination, abs=0.01)


def test_it_is_told_and_so_is_what_of_it_is_not_there(fitted: dict[str, AutonomousDetector]) -> None:
    (told,) = [r for r in fitted["group"].result_.reasons if r.code == "ENS-034"]
    assert "group 2" in told.text
    assert told.text.endswith("or was not tried: burst.")
    assert not any(r.code == "ENS-034" for r in fitted["none"].result_.reasons)


def test_a_member_that_is_emphasised_is_tried(fitted: dict[str, AutonomousDetector]) -> None:
    names = {member.name for member in fitted["member"].result_.ensemble.members}
    assert "lof" in names
    assert not np.array_equal(fitted["member"].result_.verdict.scores, fitted["none"].result_.verdict.scores)


def test_new_rows_alone_in_a_batch_and_after_loading(fitted: dict[str, AutonomousDetector], tmp_path: Path) -> None:
    new = sales().iloc[:5].assign(amount=[2.5, 290.0, 3.5, 31_000.0, 3.1])
    loaded = AutonomousDetector.load(fitted["group"].save(tmp_path / "m.pynomaly"))
    scores = fitted["group"].score_samples(new)
    assert np.array_equal(loaded.score_samples(new), scores)
    alone = [float(loaded.score_samples(new.iloc[[i]])[0]) for i in range(5)]
    assert alone == pytest.approx(scores.tolist(), rel=1e-12)


def test_where_nobody_looks_at_cells_it_says_that_it_changes_nothing() -> None:
    numbers = sales()[["amount", "units"]].assign(weight=np.random.default_rng(0).normal(size=300))
    with_it = AutonomousDetector(**QUIET, config={"emphasis": {"group": 1.0}}).fit(numbers).result_
    without = AutonomousDetector(**QUIET).fit(numbers).result_
    assert np.array_equal(with_it.verdict.scores, without.verdict.scores)
    assert any(r.code == "SET-021" for r in with_it.reasons)


@pytest.mark.parametrize(
    ("emphasis", "error", "message"),
    [
        ({"bursts": 0.5}, UnknownNameError, "burst"),
        ({"lof:white": 0.5}, UnknownNameError, "whitened"),
        ({"burst": 3}, SettingError, "from 0 to 2"),
        ({"burst": True}, SettingError, "emphasis"),
        ("burst", SettingError, "mapping"),
    ],
)
def test_what_it_cannot_be_is_refused(emphasis: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        AutonomousDetector(**QUIET, config={"emphasis": emphasis}).fit(sales())
