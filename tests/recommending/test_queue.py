"""One queue of what is tried first: who comes when, and in which role."""

from __future__ import annotations

from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.recommending._judged import Judged
from pynomaly_auto.recommending._queue import queue_of
from pynomaly_auto.records import Candidate, Configuration, Step


def judged(name, *, params=None, views=(), starts=()):
    made = Candidate(detector=name, params=params or {}, score=0.5, seconds=1.0, memory_mb=1.0)
    further = (
        *(Step(configuration=Configuration.in_view(name, view), role="view") for view in views),
        *(Step(configuration=Configuration(detector=name, params=p), role="warm start") for p in starts),
    )
    return Judged(candidate=made, family="", further=further)


CHOSEN = [
    judged("knn", views=("ranks", "trimmed"), starts=({"n_neighbors": 9},)),
    judged("lof", starts=({"n_neighbors": 7}, {"n_neighbors": 8})),
    judged("ecod"),
]


def said(queue):
    return [(step.configuration.key, step.role) for step in queue]


def step(role, detector, **params):
    return Configuration(detector=detector, params=params).key, role


def queue(chosen=CHOSEN, **first):
    return said(queue_of([j.candidate for j in chosen], chosen, **first))


def test_candidates_first_then_one_further_step_of_each_in_turn():
    assert queue() == [
        step("portfolio", "knn"), step("portfolio", "lof"), step("portfolio", "ecod"),
        step("view", "knn", view="ranks"), step("warm start", "lof", n_neighbors=7),
        step("view", "knn", view="trimmed"), step("warm start", "lof", n_neighbors=8),
        step("warm start", "knn", n_neighbors=9),
    ]  # fmt: skip


def test_members_and_the_learned_order_come_before_and_nothing_comes_twice():
    members = (Configuration(detector="ecod"), Configuration(detector="lof", params={"n_neighbors": 8}))
    order = (Configuration.in_view("knn", "trimmed"), Configuration(detector="lof"), Configuration(detector="ecod"))
    assert queue(members=members, order=order) == [
        step("member", "ecod"), step("member", "lof", n_neighbors=8),
        step("view", "knn", view="trimmed"), step("portfolio", "lof"),
        step("portfolio", "knn"),
        step("view", "knn", view="ranks"), step("warm start", "lof", n_neighbors=7),
        step("warm start", "knn", n_neighbors=9),
    ]  # fmt: skip


def test_defaults_given_by_name_are_the_defaults():
    usual = DETECTORS["lof"].defaults["n_neighbors"]
    chosen = [judged("lof", params={"n_neighbors": usual}, starts=({}, {"n_neighbors": usual + 1}))]
    assert queue(chosen) == [
        step("portfolio", "lof", n_neighbors=usual), step("warm start", "lof", n_neighbors=usual + 1),
    ]  # fmt: skip
