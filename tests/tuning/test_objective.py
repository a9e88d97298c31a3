"""The worker's side of a trial, run here."""

import sys

import fake_detectors
import numpy as np
import pytest

from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.tuning import _objective
from pynomaly_auto.tuning._objective import run_trial, trial_request


class Table:
    def __init__(self, X):
        self.X = X

    def load(self):
        return self.X


X = np.random.default_rng(0).normal(size=(50, 3))


def test_a_fit_gives_scores_and_a_payload_when_wanted_and_small():
    spec = DETECTORS["fake_sum"]
    assert run_trial(trial_request(spec, {}, 0), Table(X)).payload is None
    assert run_trial(trial_request(spec, {}, 0, largest_payload=10), Table(X)).payload is None
    got = run_trial(trial_request(spec, {"power": 1.0}, 0, largest_payload=1e6), Table(X))
    assert got.status == "completed"
    assert got.payload
    part = trial_request(spec, {}, 0, rows=Table(np.arange(10)), score_all=True)
    assert run_trial(part, Table(X)).scores.shape == (50,)
    assert run_trial(trial_request(spec, {}, 0, rows=Table(np.arange(10))), Table(X)).scores.shape == (10,)


def test_failures_become_outcomes(monkeypatch):
    monkeypatch.setattr(_objective, "_COPY_BYTES", 0)
    assert run_trial(trial_request(DETECTORS["raises"], {}, 0), Table(X)).status == "failed"
    assert run_trial(trial_request(DETECTORS["picky"], {}, 0), Table(X)).status == "not_applicable"
    with pytest.raises(MemoryError):
        run_trial(trial_request(DETECTORS["small"], {}, 0), Table(np.zeros((501, 2))))


def test_a_class_of_the_users_main_travels_with_the_request(monkeypatch):
    main = sys.modules["__main__"]
    monkeypatch.setattr(main, "MyOwn", fake_detectors.Distance, raising=False)
    spec = fake_detectors.spec("mine")
    object.__setattr__(spec, "target", "__main__:MyOwn")
    request = trial_request(spec, {}, 0)
    assert request.kind is fake_detectors.Distance
    monkeypatch.delattr(main, "MyOwn")
    assert run_trial(request, Table(X)).status == "completed"
    del main.MyOwn


def test_global_generators_are_seeded(monkeypatch):
    seeds = []

    class Torch:
        manual_seed = staticmethod(seeds.append)

    monkeypatch.setitem(sys.modules, "torch", Torch)
    _objective._seed_everything(5)
    first = np.random.random()  # noqa: NPY002
    _objective._seed_everything(5)
    assert np.random.random() == first  # noqa: NPY002
    assert seeds == [5, 5]
