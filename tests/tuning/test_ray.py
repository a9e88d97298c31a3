"""The same search and the same build on a cluster of three nodes; and what is made of whatever goes wrong there."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import fake_detectors
import numpy as np
import pandas as pd
import pytest
from tuning_makers import make_dataset, make_plan, make_ranking

from pynomaly_auto import AutonomousDetector, distributed
from pynomaly_auto._optional import available
from pynomaly_auto._scratch import mark
from pynomaly_auto.building import Plan, build
from pynomaly_auto.engine._resources import cluster_of
from pynomaly_auto.errors import (
    InvalidInputError,
    MissingExtraError,
    PynomalyError,
    ResourceError,
    SettingError,
    StorageError,
)
from pynomaly_auto.knowledge import KnowledgeBase
from pynomaly_auto.pool import Cluster, Job, Pool, RayExecutor, open_executor
from pynomaly_auto.pool._cluster import _rooms, sweep_sessions
from pynomaly_auto.settings import Settings
from pynomaly_auto.tuning import tune

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own start-up warns of its future

FAKES = Path(fake_detectors.__file__).parent


def test_without_ray_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    if available("ray"):
        monkeypatch.setattr("importlib.import_module", _missing)
    with pytest.raises(MissingExtraError, match=r"pynomaly-auto\[ray\]"):
        open_executor("ray", 1)


def _missing(name):
    raise ModuleNotFoundError(name=name)


def test_what_a_trial_takes_is_said_in_rays_words():
    assert Cluster().of_trial(gpu=True) == {"CPU": 1.0}
    asked = Cluster(resources={"gpu": 0.5, "memory": 1e9})
    assert asked.of_trial(gpu=False) == {"CPU": 1.0, "memory": 1e9}
    assert asked.of_trial(gpu=True) == {"CPU": 1.0, "GPU": 0.5, "memory": 1e9}


def test_a_trial_that_fits_on_no_node_is_an_error_and_a_gpu_too_many():
    nodes = [{"CPU": 2.0, "GPU": 1.0}, {"CPU": 4.0}]
    assert _rooms(nodes, Cluster()) == (6, 0)
    assert _rooms(nodes, Cluster(resources={"cpu": 1, "gpu": 0.5})) == (6, 2)
    assert _rooms(nodes, Cluster(resources={"cpu": 0.1})) == (60, 0)
    assert _rooms(nodes, Cluster(resources={"gpu": 2})) == (6, 0)  # no trial asks for one
    with pytest.raises(ResourceError, match=r"CPU 1, GPU 2: the most that one has is CPU 4, GPU 1.*device='cpu'"):
        _rooms(nodes, Cluster(resources={"gpu": 2}, needs_gpu=True))
    with pytest.raises(ResourceError, match="CPU 5: the most that one has is CPU 4"):
        _rooms(nodes, Cluster(resources={"cpu": 5}))


@pytest.mark.parametrize(
    ("device", "asked", "takes", "needed"),
    [
        ("auto", {}, {"CPU": 1.0, "GPU": 1.0}, False),
        ("auto", {"gpu": 0}, {"CPU": 1.0}, False),
        ("auto", {"gpu": 0.5}, {"CPU": 1.0, "GPU": 0.5}, True),
        ("cuda", {"cpu": 2}, {"CPU": 2.0, "GPU": 1.0}, True),
        ("cpu", {"gpu": 0.5}, {"CPU": 1.0}, False),
    ],
)
def test_what_a_trial_asks_for_follows_from_the_device(device, asked, takes, needed):
    cluster = cluster_of(Settings(backend="ray", device=device, resources_per_trial=asked))
    assert (cluster.of_trial(gpu=True), cluster.needs_gpu) == (takes, needed)


def test_a_certain_gpu_is_rays_to_give():
    with pytest.raises(SettingError, match="the cluster says which GPU"):
        AutonomousDetector(backend="ray", device="cuda:1", n_trials=1, tracking=False).fit(np.eye(30, 2))


def test_what_a_killed_cluster_of_our_own_left_is_swept_and_nothing_else(tmp_path):
    sessions = [tmp_path / f"session_2026-01-0{i}" for i in range(4)]
    for session in sessions:
        (session / "logs").mkdir(parents=True)
    mark(sessions[0])
    code = f"import pathlib; from pynomaly_auto._scratch import mark; mark(pathlib.Path({str(sessions[1])!r}))"
    assert subprocess.run([sys.executable, "-c", code], check=True).returncode == 0
    (sessions[2] / "pynomaly-00000000-1-1-mark").touch()  # of another machine
    sweep_sessions(tmp_path)
    assert [session.exists() for session in sessions] == [True, False, True, True]


@pytest.mark.parametrize("address", ["127.0.0.1:1", "localhost:1", "[::1]:1", "ray://127.0.0.1:1", "nonsense", "a:b"])
def test_a_cluster_that_is_not_there_is_one_error_soon(address):
    pytest.importorskip("ray", reason="Ray is not installed")
    begun = time.monotonic()
    with pytest.raises(ResourceError, match=r"no Ray cluster at .*docs/ray\.md"):
        RayExecutor(1, Cluster(address=address))
    assert time.monotonic() - begun < 20


@pytest.fixture(scope="module")
def nodes():
    """Three nodes, the first of which is the head and has, as Ray counts, a GPU; and Ray connected to them."""
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    from ray.cluster_utils import Cluster as Nodes

    # A node that is gone is known within two seconds; one that is only slow, on a busy machine, is not taken for gone.
    quick = {"health_check_period_ms": 500, "health_check_timeout_ms": 10_000, "health_check_failure_threshold": 3}
    node = {"object_store_memory": 100 * 2**20}
    head = {**node, "num_cpus": 2, "num_gpus": 1, "_system_config": quick}
    cluster = Nodes(initialize_head=True, head_node_args=head)
    workers = [cluster.add_node(**node, num_cpus=1, num_gpus=0) for _ in range(2)]
    cluster.wait_for_nodes()
    ray.init(address=cluster.address, log_to_driver=False, configure_logging=False)
    session = cluster.head_node.get_session_dir_path()
    yield cluster, workers
    ray.shutdown()
    cluster.shutdown()
    shutil.rmtree(session, ignore_errors=True)


@pytest.fixture(scope="module")
def executor(nodes):
    with RayExecutor(2) as opened:
        yield opened


class Timed:
    """An executor that gives no job more than three seconds, as the clock is to decide nothing in these tests."""

    def __init__(self, inner):
        self.inner, self.workers = inner, inner.workers

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def submit(self, job):
        self.inner.submit(Job(function=job.function, args=job.args, timeout=3.0, key=job.key))


@pytest.mark.usefixtures("nodes")
def test_what_the_cluster_cannot_give_is_an_error_at_once():
    for resources in ({"cpu": 64}, {"cpu": 1, "accelerator": 1}, {"gpu": 2}):
        with pytest.raises(ResourceError, match="no node of the cluster can hold a trial of CPU"):
            RayExecutor(2, Cluster(resources=resources, needs_gpu="gpu" in resources))
    for address in ("192.0.2.1:6379", "nonsense", "a:b"):
        with pytest.raises(ResourceError, match="Ray is connected to "):
            RayExecutor(2, Cluster(address=address))


@pytest.mark.usefixtures("nodes")
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
        build([tmp_path / f"table{i}.npz" for i in range(3)], tmp_path / backend, plan)
        base = KnowledgeBase.open(Path(backend))
        tables[backend] = base.results.drop(columns=["seconds", "memory_mb"])
        assert base.manifest.n_tasks == 3
    pd.testing.assert_frame_equal(tables["local"], tables["ray"])
    assert not list(Path("ray.parts").glob("pynomaly-kb-*"))


_ROWS = np.random.default_rng(0).normal(size=(300, 3))
_ASKED = {
    "n_trials": 16, "n_jobs": 2, "random_state": 0, "tracking": False, "verbose": 0,
    "config": {"overrides": {"include": ["hbos", "zscore", "ecod", "iforest"]}},
}  # fmt: skip
_DRIVER = f"""
import sys, numpy as np
from pynomaly_auto import AutonomousDetector
X = np.random.default_rng(0).normal(size=(300, 3))
AutonomousDetector(**{_ASKED}, backend="ray", address=sys.argv[1]).fit(X, checkpoint=sys.argv[2])
"""


def test_after_the_driver_died_the_run_goes_on_and_nothing_of_it_stays(nodes, tmp_path):
    import ray

    folder = tmp_path / "run"
    driver = subprocess.Popen([sys.executable, "-c", _DRIVER, nodes[0].address, str(folder)])
    end = time.monotonic() + 240
    while len(list(folder.glob("trials/*.pynomaly"))) < 8 and driver.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    desks = ray.util.list_named_actors(all_namespaces=True)
    driver.kill()
    assert driver.wait() == -signal.SIGKILL
    while ray.util.list_named_actors(all_namespaces=True) and time.monotonic() < end:
        time.sleep(0.2)
    assert desks
    assert not ray.util.list_named_actors(all_namespaces=True)
    done = len(list(folder.glob("trials/*.pynomaly")))
    resumed = AutonomousDetector.resume(folder)
    here = AutonomousDetector(**_ASKED).fit(_ROWS)
    assert [r.evidence["trials"] for r in resumed.result_.reasons if r.code == "ENG-002"] == [done]
    assert resumed.get_params()["backend"] == "ray"
    np.testing.assert_array_equal(resumed.result_.scores, here.result_.scores)
    assert [(t.configuration, t.status, t.quality) for t in resumed.trials_] == [
        (t.configuration, t.status, t.quality) for t in here.trials_
    ]


@pytest.mark.usefixtures("nodes")
def test_parquet_is_judged_on_a_cluster_as_here(tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=500), "b": rng.exponential(size=500), "shop": list("xyzzy") * 100})
    table.loc[3, "b"] = np.nan
    table.insert(0, "id", range(500))
    fitted = AutonomousDetector(n_trials=3, random_state=0, tracking=False, verbose=0).fit(table[["a", "b", "shop"]])
    table.to_parquet(tmp_path / "rows.parquet", row_group_size=120)
    written = distributed.score(fitted, tmp_path / "rows.parquet", tmp_path / "judged", keep=["id"], batch_rows=100)
    found, here = pd.read_parquet(written), fitted.judge(table[["a", "b", "shop"]])
    assert len(list(written.iterdir())) == 5  # one of 120 rows each, the last of 20
    assert found["id"].tolist() == list(range(500))
    for name, values in zip(distributed.OUTCOME, (here.scores, here.probabilities, here.labels), strict=False):
        np.testing.assert_array_equal(found[name], values)
    np.testing.assert_array_equal(found["confidence"], here.confidence)
    with pytest.raises(StorageError, match="has files already"):
        distributed.score(fitted, tmp_path / "rows.parquet", written)
    table["b"] = "no number"
    table.to_parquet(tmp_path / "other.parquet")
    with pytest.raises(PynomalyError):
        distributed.score(fitted, tmp_path / "other.parquet", tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"data": "missing.parquet"}, InvalidInputError),
        ({"data": 3}, InvalidInputError),
        ({"data": []}, InvalidInputError),
        ({"batch_rows": 0}, SettingError),
        ({"keep": ["nobody"]}, SettingError),
        ({"address": 3}, SettingError),
        ({"resources_per_part": {"cpu": 0}}, SettingError),
    ],
)
def test_what_cannot_be_judged_is_said_before_any_cluster(tmp_path, wrong, error):
    fitted = AutonomousDetector(n_trials=1, random_state=0, tracking=False, verbose=0).fit(np.eye(30, 2))
    pd.DataFrame(np.eye(30, 2), columns=["a", "b"]).to_parquet(tmp_path / "rows.parquet")
    given = {"data": tmp_path / "rows.parquet", "output": tmp_path / "out", **wrong}
    with pytest.raises(error):
        distributed.score(fitted, **given)
    assert not (tmp_path / "out").exists()


def test_what_goes_wrong_costs_only_itself_and_is_said_as_on_this_machine(executor):
    names = ("fake_sum", "raises", "dies", "nothing", "shapeless", "hangs")
    told = {}
    for backend in ("ray", "local"):
        settings = Settings(time_budget=None, n_trials=6, backend=backend, n_jobs=2)
        with Pool(2) as pool:
            plan = make_plan(executor if backend == "ray" else Timed(pool), settings=settings)
            if backend == "ray":
                plan = make_plan(Timed(executor), settings=settings)
            told[backend] = tune(make_dataset(), make_ranking(*names), plan).search.trials
    assert [t.status for t in told["ray"]] == ["completed", "failed", "failed", "failed", "failed", "timeout"]
    for there, here in zip(told["ray"], told["local"], strict=True):
        assert (there.configuration, there.error, there.reasons) == (here.configuration, here.error, here.reasons)
        np.testing.assert_array_equal(there.scores, here.scores)
        assert there.quality == here.quality


def test_jobs_are_counted_awaited_and_cancelled_as_the_protocol_says(executor):
    executor.submit(Job(function=time.sleep, args=(0.2,), key="brief"))
    time.sleep(2.0)  # the job is over before anybody asks for it
    assert 0.2 <= executor.collect(timeout=240).seconds < 1.9
    for key in ("running", "too", "waiting"):  # two at a time
        executor.submit(Job(function=fake_detectors.Hangs().fit, args=(None,), key=key))
    executor.submit(Job(function=lambda generator: generator, args=((i for i in ()),), key="unsendable"))
    assert executor.pending == 4
    assert executor.collect().error.startswith("the job cannot be sent: TypeError")
    assert executor.collect(timeout=0.5) is None
    assert [(o.key, o.status) for o in executor.cancel()] == [(k, "cancelled") for k in ("running", "too", "waiting")]
    assert (executor.pending, executor.collect(), executor.cancel()) == (0, None, [])
    executor.submit(Job(function=abs, args=(-1,), key="after"))
    assert executor.collect(timeout=240).value == 1


@pytest.mark.usefixtures("nodes")
def test_who_uses_a_gpu_gets_a_share_and_nobody_else_sees_one(executor):
    executor.close()
    with RayExecutor(2, Cluster(resources={"cpu": 1, "gpu": 0.5}), preload=()) as opened:
        for key in range(8):
            opened.submit(Job(function=os.getenv, args=("CUDA_VISIBLE_DEVICES",), key=key, gpu=key % 4 == 0))
        found = {o.key: o.value for o in (opened.collect(timeout=240) for _ in range(8))}
    assert found == {key: "0" if key % 4 == 0 else "" for key in range(8)}


def test_a_node_that_is_lost_costs_only_time(nodes):
    cluster, others = nodes
    mine = sys.modules["ray"].get_runtime_context().get_node_id()  # the tests would end with it
    doomed = next(node for node in others if node.node_id != mine)
    # All the cores there are, so that there is no room for what is lost but with others.
    with RayExecutor(None, preload=()) as lost:
        table = lost.share(np.arange(5.0))
        for key in range(6):
            lost.submit(Job(function=_slowly, args=(table,), key=key))
        first = lost.collect(timeout=240)
        cluster.remove_node(doomed, allow_graceful=False)
        found = [first, *(lost.collect(timeout=240) for _ in range(5))]
    assert sorted(o.key for o in found) == list(range(6))
    assert {(o.status, o.value) for o in found} == {("completed", 10.0)}


def _slowly(table):
    time.sleep(1.5)
    return float(table.load().sum())
