"""The same search and the same build on a local Ray; and the executor's handling of what goes wrong."""

import sys
import time
from pathlib import Path

import fake_detectors
import numpy as np
import pandas as pd
import pytest
from tuning_makers import make_dataset, make_plan, make_ranking

from pynomaly_auto._optional import available
from pynomaly_auto.building import Plan, build
from pynomaly_auto.errors import MissingExtraError
from pynomaly_auto.knowledge import KnowledgeBase
from pynomaly_auto.pool import Job, RayExecutor, open_executor
from pynomaly_auto.settings import Settings
from pynomaly_auto.tuning import tune

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own start-up warns of its future


def test_without_ray_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    if available("ray"):
        monkeypatch.setattr("importlib.import_module", _missing)
    with pytest.raises(MissingExtraError, match=r"pynomaly-auto\[ray\]"):
        open_executor("ray", 1)


def _missing(name):
    raise ModuleNotFoundError(name=name)


@pytest.fixture(scope="module")
def cluster():
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    here = Path(fake_detectors.__file__)
    paths = ":".join([str(here.parent), str(here.parents[2] / "src")])
    ray.init(
        num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False,
        runtime_env={"env_vars": {"PYTHONPATH": paths}},
    )  # fmt: skip
    yield
    ray.shutdown()


@pytest.mark.usefixtures("cluster")
def test_a_search_on_ray():
    settings = Settings(time_budget=None, n_trials=4, backend="ray", n_jobs=2)
    search = tune(
        make_dataset(),
        make_ranking("fake_sum", "raises", "dies"),
        make_plan(open_executor("ray", 2), settings=settings),
    ).search
    assert [t.status for t in search.trials] == ["completed", "failed", "failed", "completed"]
    executor = RayExecutor(2)
    executor.submit(Job(function=fake_detectors.Hangs().fit, args=(None,), timeout=1.0, key="late"))
    assert executor.collect(timeout=120).status == "timeout"
    executor.submit(Job(function=time.sleep, args=(0.2,), key="brief"))
    time.sleep(2.0)  # the task is over long before anybody asks for it
    assert 0.2 <= executor.collect(timeout=120).seconds < 1.5
    for key in ("running", "too", "waiting"):  # two at a time
        executor.submit(Job(function=fake_detectors.Hangs().fit, args=(None,), timeout=60.0, key=key))
    assert executor.pending == 3
    assert executor.collect(timeout=0.3) is None
    assert [(o.key, o.status) for o in executor.cancel()] == [(k, "cancelled") for k in ("running", "too", "waiting")]
    assert executor.collect() is None
    assert executor.cancel() == []


@pytest.mark.usefixtures("cluster")
def test_a_knowledge_base_measured_on_ray_is_the_one_measured_here(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    for i in range(3):
        X = rng.normal(size=(80, 3))
        X[:6] += 4.0
        np.savez(tmp_path / f"table{i}.npz", X=X, y=np.arange(80) < 6)
    monkeypatch.chdir(tmp_path)
    tables = {}
    for backend in ("local", "ray"):
        plan = Plan(workers=2, backend=backend, detectors=("hbos", "iforest"), configurations=1)
        build([Path(f"table{i}.npz") for i in range(3)], Path(backend), plan)
        base = KnowledgeBase.open(Path(backend))
        tables[backend] = base.results.drop(columns=["seconds", "memory_mb"])
        assert base.manifest.n_tasks == 3
    pd.testing.assert_frame_equal(tables["local"], tables["ray"])
    assert not list(Path("ray.parts").glob("pynomaly-kb-*"))
