"""The order in which members are tried: what the fusion starts from, then the most gain for its time."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.models import BaseMargin, Fusion
from pynomaly_auto.recommending._judged import Judged
from pynomaly_auto.recommending._meta_learner import Opinion
from pynomaly_auto.recommending._ordering import in_learned_order
from pynomaly_auto.recommending._recommend import _views
from pynomaly_auto.records import Candidate, Configuration, Step

KNOWN = {"iforest": 0.004, "hbos": 0.003, "ecod": -0.01, "knn:trimmed": 0.0, "pca:trimmed": 0.0, "kde:trimmed": 0.0}


class FakeGains:
    """Gives each member the same gain whatever is there."""

    peers = SimpleNamespace(names=tuple(KNOWN))

    def predict(self, members, candidates, facts):
        return {name: KNOWN[name] for name in candidates}


def base(members=("knn:trimmed", "pca:trimmed", "kde:trimmed"), gains=True):
    base_margin = BaseMargin(members=members, slope=1.0, intercept=0.0)
    return SimpleNamespace(
        gains=FakeGains() if gains else None,
        fusion=Fusion(members=tuple(KNOWN), features=(), forests=(), base_margin=base_margin),
    )


def candidate(name, *, view=None, params=None):
    further = () if view is None else (Step(configuration=Configuration.in_view(name, view), role="view"),)
    made = Candidate(detector=name, selected=True, score=0.5, params=params or {}, seconds=1.0, memory_mb=1.0)
    return Judged(candidate=made, family="", further=further)


CHOSEN = [
    candidate("ecod"), candidate("iforest"), candidate("hbos"), candidate("knn", view="trimmed"),
    candidate("kde", view="trimmed"), candidate("pca", view="trimmed"),
]  # fmt: skip
HEARD = (Configuration(detector="ecod"), Configuration(detector="lof", params={"n_neighbors": 7}))


def test_first_what_the_fusion_starts_from_then_gain_for_time():
    order, reasons = in_learned_order(base(), CHOSEN, (5000, 10))
    names = [c.detector for c in order]
    assert set(names[:3]) == {"knn", "kde", "pca"}
    assert names[0] == "pca"  # the cheapest of them
    assert DETECTORS["hbos"].seconds(5000, 10) < DETECTORS["iforest"].seconds(5000, 10) / 10
    assert names[3:] == ["hbos", "iforest", "ecod"]  # less gain, but at once
    assert [r.code for r in reasons] == ["REC-005"]
    assert "pca:trimmed" in reasons[0].text


def test_forced_detectors_come_before_all_others():
    chosen = [*CHOSEN, candidate("lof", params={"n_neighbors": 7})]
    order, _ = in_learned_order(base(), chosen, (5000, 10), forced=("ecod", "lof"))
    assert order[:2] == HEARD
    assert [c.detector for c in order].count("ecod") == 1


def test_who_has_a_least_share_comes_after_what_the_fusion_starts_from():
    chosen = [*CHOSEN, candidate("lof", params={"n_neighbors": 7})]
    order, _ = in_learned_order(base(), chosen, (5000, 10), asked=("lof", "ecod"))
    assert {c.detector for c in order[:3]} == {"knn", "kde", "pca"}
    assert order[3:5] == HEARD
    assert len(order) == len(set(order)) == 7


def test_too_few_of_the_start_are_like_all_others():
    order, _ = in_learned_order(base(members=("knn:trimmed", "lof:trimmed", "mcd:trimmed")), CHOSEN, (5000, 10))
    assert order[0].detector == "hbos"


def test_what_is_set_by_hand_is_another_member():
    chosen = [*CHOSEN[:2], candidate("hbos", params={"n_bins": 7})]
    assert [c.detector for c in in_learned_order(base(), chosen, (500, 4))[0]] == ["iforest", "ecod"]


@pytest.mark.parametrize("known", [None, base(gains=False)])
def test_without_a_learned_order_there_is_none(known):
    assert in_learned_order(known, CHOSEN, (500, 4)) == ((), ())


@pytest.mark.parametrize(("rows", "views"), [(20_000, ("ranks", "trimmed")), (20_001, ("trimmed",))])
def test_of_a_large_table_only_the_start_of_the_fusion_is_fitted_twice(rows, views):
    context = SimpleNamespace(rows=rows)
    opinion = Opinion(views={"knn": ("ranks", "trimmed")}, margin_members=frozenset({"knn:trimmed"}))
    assert _views("knn", context, opinion) == views
