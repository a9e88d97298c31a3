"""A detector with parameters: what people read, what files hold and what the fusion calls it."""

import copy
import json
import pickle

import pytest

from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import Configuration, Member, Ranking, Step, Trial, plain, restore

NESTED = {"sizes": (3, (2, 1)), "inner": {"of": [1, (2,)]}, "view": "ranks"}


@pytest.mark.parametrize(
    ("params", "view", "name", "fusion_name"),
    [
        ({}, "standard", "knn", "knn"),
        ({"view": "standard"}, "standard", "knn", "knn"),
        ({"view": "ranks"}, "ranks", "knn (ranks)", "knn:ranks"),
        ({"n_neighbors": 3}, "standard", "knn", None),
        ({"n_neighbors": 3, "view": "ranks"}, "ranks", "knn (ranks)", None),
    ],
)
def test_what_it_is_called(params, view, name, fusion_name):
    made = Configuration(detector="knn", params=params)
    assert (made.view, made.name, made.fusion_name) == (view, name, fusion_name)
    if fusion_name is not None:
        assert Configuration.of_fusion_name(fusion_name).fusion_name == fusion_name


def test_it_is_what_its_parameters_are():
    one = Configuration(detector="knn", params={"a": (1, 2), "b": 1})
    same = Configuration(detector="knn", params={"b": 1, "a": [1, 2]})
    assert one == same
    assert len({one, same}) == 1
    others = [one.fixing({"b": 2}), Configuration(detector="lof", params=one.params), Configuration(detector="knn")]
    assert len({one, *others}) == 4
    assert one != "knn"
    assert one.over({"b": 9, "c": 3}).params == {"a": (1, 2), "b": 1, "c": 3}


def test_it_cannot_be_changed():
    given = {"n_neighbors": 3}
    made = Configuration(detector="knn", params=given)
    given["n_neighbors"] = 4
    assert made.params == {"n_neighbors": 3}
    with pytest.raises(TypeError):
        made.params["n_neighbors"] = 5


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))])
def test_it_can_be_copied_and_pickled(again):
    made = Configuration(detector="knn", params=NESTED)
    assert again(made) == made
    assert again(made).params == made.params
    assert repr(made) == f"Configuration(detector='knn', params={NESTED})"


def test_it_comes_back_from_a_file_with_its_tuples():
    made = Configuration(detector="mlp", params=NESTED)
    again = restore(Configuration, json.loads(json.dumps(plain(made))))
    assert again == made
    assert again.params == {"sizes": (3, (2, 1)), "inner": {"of": (1, (2,))}, "view": "ranks"}


def test_in_files_its_values_lie_among_those_of_who_has_it():
    made = Configuration(detector="mlp", params=NESTED)
    trial = Trial(number=2, configuration=made, status="completed")
    member = Member(trial=2, configuration=made, weight=1.0, quality=0.5, diversity=0.0)
    step = Step(configuration=made, role="warm start")
    for record in (trial, member, step):
        values = json.loads(json.dumps(plain(record)))
        assert (values["detector"], values["params"]) == ("mlp", plain(NESTED))
        assert "configuration" not in values
        again = restore(type(record), values)
        assert again.configuration == made
        assert (again.detector, again.params) == (record.detector, again.configuration.params)
        del values["detector"]
        with pytest.raises(StorageError, match=f"{type(record).__name__}.detector is missing"):
            restore(type(record), values)


def test_a_queue_comes_back_from_a_file():
    steps = (
        Step(configuration=Configuration(detector="mlp", params=NESTED), role="member"),
        Step(configuration=Configuration(detector="knn"), role="portfolio"),
    )
    ranking = Ranking(candidates=(), source="rules", confidence=0.0, queue=steps)
    again = restore(Ranking, json.loads(json.dumps(ranking.to_dict())))
    assert again.queue == steps
    assert again.members == (steps[0].configuration,)
