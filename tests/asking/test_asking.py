"""Which rows are worth a label, and why."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from pynomaly_auto.asking import MIXTURE, STRATEGIES, Pool, ask, propose
from pynomaly_auto.errors import SettingError, UnknownNameError
from pynomaly_auto.records import CODES

N = 300
NAMES = ("top", "uncertainty", "disagreement", "diversity", "random", "auto")


def pool(**changes: Any) -> Pool:
    rng = np.random.default_rng(0)
    scores = rng.exponential(size=N)
    given = {
        "scores": scores,
        "probabilities": scores / scores.max(),
        "threshold": float(np.sort(scores)[-20]),
        "free": np.ones(N, dtype=bool),
        "inputs": rng.normal(size=(N, 3)).astype(np.float32),
        "ranks": rng.exponential(size=(N, 5)),
        "weights": np.array([0.4, 0.3, 0.2, 0.1, 0.0]),
        "labelled": np.empty(0, dtype=np.int64),
    }
    return Pool(**(given | changes))


def test_all_strategies_are_there() -> None:
    assert set(STRATEGIES) == set(NAMES)
    assert set(MIXTURE) <= set(NAMES) - {"auto"}
    assert abs(sum(MIXTURE.values()) - 1) < 1e-12


@pytest.mark.parametrize("name", NAMES)
def test_only_free_rows_none_twice_and_always_the_same(name: str) -> None:
    free = np.random.default_rng(1).random(N) < 0.3
    rows = pool(free=free, labelled=np.flatnonzero(~free)[:7])
    found = propose(rows, 20, strategy=name, seed=3)
    assert len(found) == len(set(found.tolist())) == 20
    assert free[found].all()
    np.testing.assert_array_equal(found, propose(rows, 20, strategy=name, seed=3))
    assert sorted(propose(rows, 10_000, strategy=name)) == np.flatnonzero(free).tolist()
    assert len(propose(pool(free=np.zeros(N, dtype=bool)), 5, strategy=name)) == 0


@pytest.mark.parametrize("name", NAMES)
def test_each_row_has_its_reason(name: str) -> None:
    rows = pool()
    questions = ask(rows, 8, strategy=name)
    assert [one.row for one in questions] == propose(rows, 8, strategy=name).tolist()
    for one in questions:
        assert one.reason.code in CODES
        assert one.reason.stage == "Asking"
        assert one.probability == rows.probabilities[one.row]  # type: ignore[index]
        assert not re.search(r"[{}]", one.reason.text)
    if name != "auto":
        assert {one.strategy for one in questions} == {name}


def test_what_each_strategy_is_after() -> None:
    rows = pool()
    scores, ranks = rows.scores, rows.ranks
    assert ranks is not None
    assert propose(rows, 5, strategy="top").tolist() == np.argsort(-scores)[:5].tolist()
    near = propose(rows, 5, strategy="uncertainty")
    assert np.abs(scores[near] - rows.threshold).max() <= np.sort(np.abs(scores - rows.threshold))[4]
    weights = np.array([0.4, 0.3, 0.2, 0.1])
    mean = ranks[:, :4] @ weights
    spread = np.sqrt(np.square(ranks[:, :4] - mean[:, None]) @ weights)
    assert propose(rows, 5, strategy="disagreement").tolist() == np.argsort(-spread)[:5].tolist()


def test_diverse_rows_are_high_and_far_from_each_other_and_from_labelled_ones() -> None:
    inputs = np.zeros((N, 2), dtype=np.float32)
    inputs[100:200], inputs[200:] = (4, 0), (0, 4)
    scores = np.zeros(N)
    scores[[5, 6, 7, 105, 106, 205]] = [9, 8, 7, 6, 5, 4]
    rows = pool(scores=scores, inputs=inputs)
    assert sorted(propose(rows, 3, strategy="diversity")) == [5, 105, 205]
    rows = pool(scores=scores, inputs=inputs, labelled=np.array([50, 150]))
    assert propose(rows, 1, strategy="diversity").tolist() == [205]


def test_random_rows_do_not_change_with_what_is_labelled() -> None:
    order = propose(pool(), N, strategy="random", seed=4)
    free = np.ones(N, dtype=bool)
    free[order[:10]] = False
    np.testing.assert_array_equal(propose(pool(free=free), 10, strategy="random", seed=4), order[10:20])


def test_the_mixture_takes_turns_by_its_shares() -> None:
    found = [one.strategy for one in ask(pool(), 40)]
    for name, share in MIXTURE.items():
        assert abs(found.count(name) - 40 * share) <= 2


def test_models_that_nobody_knows_disagree_on_nothing() -> None:
    rows = pool(ranks=None, weights=None, probabilities=None)
    assert propose(rows, 3, strategy="disagreement").tolist() == [0, 1, 2]
    assert len(ask(rows, 5)) == 5


@pytest.mark.parametrize("n", [0, -1, 2.5, True, "3", None])
def test_how_many_is_a_whole_number(n: Any) -> None:
    with pytest.raises(SettingError, match="Give a whole number of rows"):
        ask(pool(), n)


def test_an_unknown_strategy_names_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'uncertainty'"):
        ask(pool(), 3, strategy="uncertanty")
    with pytest.raises(UnknownNameError, match="diversity"):
        ask(pool(), 3, strategy=None)  # type: ignore[arg-type]
