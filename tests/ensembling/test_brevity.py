"""When an answer is a brief one, and what it then says."""

from __future__ import annotations

import numpy as np
import pytest

from pynomaly_auto.ensembling import brevity
from pynomaly_auto.models import BaseMargin, Fusion
from pynomaly_auto.records import Configuration, Ranking, Search, Step, Trial

KNOWN = ("knn:trimmed", "pca", "loda", "mcd", "kde:ranks", "hbos")
FUSION = Fusion(
    members=KNOWN, features=(), forests=(), base_margin=BaseMargin(members=KNOWN[:3], slope=1.0, intercept=0.0)
)


def ranking(names=KNOWN):
    steps = tuple(Step(configuration=Configuration.of_fusion_name(name), role="portfolio") for name in names)
    return Ranking(candidates=(), source="rules", confidence=0.5, portfolio=("pca", "mcd"), queue=steps)


def search(names):
    trials = [
        Trial(number=i, configuration=Configuration.of_fusion_name(name), scores=np.arange(5.0), status="completed")
        for i, name in enumerate(names)
    ]
    late = Trial(number=99, configuration=Configuration(detector="lof"), status="cancelled", error="late")
    return Search(
        trials=(*trials, late), rows=None, pareto=(), stopped="late", interrupted=False, seconds=1.0, reasons=()
    )


@pytest.mark.parametrize("names", [KNOWN, KNOWN[:3], (*KNOWN[:3], "lof")])
def test_with_all_that_it_rests_on_and_half_of_the_others_it_is_none(names):
    assert brevity(search(names), ranking(), FUSION) == ()


def test_without_what_it_rests_on_it_is():
    (told,) = brevity(search(KNOWN[1:]), ranking(), FUSION)
    assert told.code == "ENS-035"
    assert "Of the 3 members that it rests on, these are missing: knn (trimmed)." in told.text
    assert told.evidence == {"core": 3, "core_missing": 1, "known": 6, "tried": 5}


def test_with_few_of_those_that_are_known_it_is():
    many = (*KNOWN[:3], *(f"{name}:ranks" for name in ("pca", "loda", "mcd", "hbos", "lof", "knn")))
    fusion = Fusion(members=many, features=(), forests=(), base_margin=FUSION.base_margin)
    (told,) = brevity(search(KNOWN[:3]), ranking(many), fusion)
    assert told.text.endswith("3 of the 9 members that the learned fusion knows were fitted.")


def test_without_a_fusion_the_portfolio_is_what_it_rests_on():
    assert brevity(search(("pca", "mcd")), ranking(), None) == ()
    (told,) = brevity(search(("pca",)), ranking(), None)
    assert "Of the 2 members that it rests on, these are missing: mcd." in told.text
