"""The same search on a local Ray; and the executor's handling of what goes wrong."""

import sys
from pathlib import Path

import fake_detectors
import pytest
from tuning_makers import make_dataset, make_plan, make_ranking

from pynomaly_auto._optional import available
from pynomaly_auto.errors import MissingExtraError
from pynomaly_auto.pool import Job
from pynomaly_auto.settings import Settings
from pynomaly_auto.tuning import _ray, tune

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own start-up warns of its future


def test_without_ray_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    if available("ray"):
        monkeypatch.setattr("importlib.import_module", _missing)
    with pytest.raises(MissingExtraError, match=r"pynomaly-auto\[ray\]"):
        _ray.RayExecutor(1)


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
    search = tune(make_dataset(), make_ranking("fake_sum", "raises", "dies"), make_plan(None, settings=settings))
    assert [t.status for t in search.trials] == ["completed", "failed", "failed", "completed"]
    executor = _ray.RayExecutor(2)
    executor.submit(Job(function=fake_detectors.Hangs().fit, args=(None,), timeout=1.0, key="late"))
    assert executor.collect(timeout=20).status == "timeout"
    executor.submit(Job(function=fake_detectors.Hangs().fit, args=(None,), key="running"))
    assert executor.collect(timeout=0.3) is None
    assert [o.status for o in executor.cancel()] == ["cancelled"]
    assert executor.collect() is None
    assert executor.cancel() == []
