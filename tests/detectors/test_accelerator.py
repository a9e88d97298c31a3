"""What a GPU would compute, computed by PyTorch on the CPU: the answers of numpy, whatever the table."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from pynomaly_auto.detectors import (
    DETECTORS,
    Accelerator,
    FittedDetector,
    accelerating,
    accelerator_for,
    fit_detector,
    remembering,
    score_each,
    uses_gpu,
    wanting,
)
from pynomaly_auto.detectors.estimators._accelerator import accelerator
from pynomaly_auto.detectors.estimators._points import Points

torch = pytest.importorskip("torch")

DISTANCES = ("knn", "knn_mean", "knn_median", "lof", "cof", "abod", "kde")
NETWORKS = ("autoencoder", "vae", "deep_svdd", "gan")
rng = np.random.default_rng(3)
PLAIN = rng.normal(size=(300, 6))
TABLES = {
    "plain": PLAIN,
    "ties": np.round(PLAIN),
    "duplicates": np.repeat(PLAIN[:12], 25, axis=0),
    "constant column": np.column_stack([PLAIN, np.full(300, 7.0)]),
    "constant": np.full((40, 3), 0.1),
    "fewer rows than neighbours": PLAIN[:9],
    "many columns": rng.normal(size=(60, 400)),
    "huge": PLAIN * 1e150,
    "tiny": PLAIN * 1e-150,
    "far from zero": PLAIN + 1e7,
    "one far row": np.vstack([PLAIN, np.full((1, 6), 1e12)]),
    "two features": rng.normal(size=(2_100, 2)),
}


class Small(Accelerator):
    """With so little memory that each block has a few rows."""

    def _room(self) -> int:
        return 200_000


class Full(Accelerator):
    """Whose memory is full for more than so many rows."""

    def __init__(self, rows: int) -> None:
        super().__init__("cpu")
        self.rows = rows

    def blockwise(self, n_rows, row_bytes, work, points=None):
        def refusing(part: slice, held: object) -> None:
            if part.stop - part.start > self.rows:
                raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
            work(part, held)

        return super().blockwise(n_rows, row_bytes, refusing, points)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", DISTANCES)
def test_scores_are_those_of_numpy(name: str, table: str) -> None:
    X = TABLES[table]
    new = np.vstack([X[:6] + 0.1 * X.std(axis=0), X[:3]])
    with np.errstate(all="ignore"):
        fitted, expected = fit_detector(DETECTORS[name], {}, X, seed=0)
        for unit in (Accelerator("cpu"), Small("cpu")):
            with accelerating(unit):
                swift, found = fit_detector(DETECTORS[name], {}, X, seed=0)
                scores = swift.score(new)
                alone = np.concatenate([swift.score(row[None]) for row in new])
            assert (unit.used, unit.given_up) == (True, "")
            np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())
            np.testing.assert_allclose(scores, fitted.score(new), rtol=1e-6, atol=1e-6 * np.abs(expected).max())
            np.testing.assert_allclose(alone, scores, rtol=1e-12)


@pytest.mark.parametrize("power", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("k", [1, 4, 40, 119])
def test_the_nearest_are_the_nearest_and_ties_go_by_position(power: float, k: int) -> None:
    X = np.round(2 * rng.normal(size=(120, 3)))
    found = Accelerator("cpu").nearest(Points(X), X, k, power=power, themselves=True)
    assert found is not None
    away = cdist(X, X, "minkowski", p=power)
    np.fill_diagonal(away, np.inf)
    order = np.argsort(np.round(away, 9), axis=1, kind="stable")[:, :k]
    np.testing.assert_allclose(found[0], np.take_along_axis(away, order, axis=1), atol=1e-9)
    if power == 2.0:
        np.testing.assert_array_equal(found[1], order)


def test_a_row_alone_is_told_the_same_to_the_last_bit_whatever_the_block() -> None:
    X, new = rng.normal(size=(500, 9)), rng.normal(size=(40, 9))
    points, unit = Points(X), Accelerator("cpu")
    whole, parts = unit.nearest(points, new, 7), Small("cpu").nearest(points, new, 7)
    alone = [unit.nearest(points, row[None], 7) for row in new]
    assert whole is not None
    for i in (0, 1):
        np.testing.assert_array_equal(whole[i], parts[i])
        np.testing.assert_array_equal(whole[i], np.concatenate([one[i] for one in alone]))


def test_coarse_products_that_others_ask_for_are_not_used_and_stay_asked_for() -> None:
    torch.set_float32_matmul_precision("medium")
    try:
        seen = []
        Accelerator("cpu").blockwise(3, 1, lambda *_: seen.append(torch.get_float32_matmul_precision()))
        assert set(seen) == {"highest"}
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


@pytest.mark.parametrize("name", [*DISTANCES, "autoencoder"])
def test_full_memory_makes_blocks_smaller_and_then_the_cpu_goes_on(name: str) -> None:
    params = {"epochs": 2} if name == "autoencoder" else {}
    fitted, expected = fit_detector(DETECTORS[name], params, PLAIN, seed=0)
    for rows, given_up in ((40, ""), (0, "its memory is full")):
        unit = Full(rows)
        with accelerating(unit):
            _, found = fit_detector(DETECTORS[name], params, PLAIN, seed=0)
            assert (accelerator() is None) == bool(given_up)
        assert unit.given_up == given_up
        assert unit.shrunk > 0
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert fitted.score(PLAIN[:2]).shape == (2,)


def test_a_device_that_fails_is_given_up_with_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(part: slice, held: object) -> None:
        raise RuntimeError("CUDA error: an illegal memory access\nwas encountered")

    unit = Accelerator("cpu")
    assert not unit.blockwise(5, 1, failing)
    assert unit.given_up == "RuntimeError: CUDA error: an illegal memory access was encountered"


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_that_cannot_train_on_a_device_train_on_the_cpu(name: str) -> None:
    _, expected = fit_detector(DETECTORS[name], {"epochs": 2}, PLAIN, seed=0)
    unit = Accelerator("cuda")  # there is none here; where there is, both agree as far as single precision does
    with accelerating(unit):
        fitted, found = fit_detector(DETECTORS[name], {"epochs": 2}, PLAIN, seed=0)
    if torch.cuda.is_available():
        assert np.corrcoef(found, expected)[0, 1] > 0.99
        return
    assert unit.given_up
    np.testing.assert_array_equal(found, expected)
    again = FittedDetector.from_state(DETECTORS[name], {"epochs": 2}, fitted.to_state())
    np.testing.assert_array_equal(again.score(PLAIN), found)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_score_on_the_device_as_on_the_cpu(name: str) -> None:
    fitted, expected = fit_detector(DETECTORS[name], {"epochs": 2}, PLAIN, seed=0)
    with accelerating(Small("cpu")):
        _, found = fit_detector(DETECTORS[name], {"epochs": 2}, PLAIN, seed=0)
        alone = fitted.score(PLAIN[5:6])
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    np.testing.assert_allclose(alone, expected[5:6], rtol=1e-9)


@pytest.mark.parametrize("name", [*DISTANCES, "autoencoder"])
def test_what_a_device_fitted_is_data_that_scores_without_one(name: str) -> None:
    with accelerating(Accelerator("cpu")):
        fitted, _ = fit_detector(DETECTORS[name], {}, PLAIN, seed=0)
        expected = fitted.score(PLAIN[:20])
        state = fitted.to_state()
        pickled = pickle.dumps(fitted.estimator)
    np.testing.assert_allclose(FittedDetector.from_state(DETECTORS[name], {}, state).score(PLAIN[:20]), expected)
    again = FittedDetector(DETECTORS[name], {}, pickle.loads(pickled))
    np.testing.assert_allclose(again.score(PLAIN[:20]), expected)


def test_members_share_what_a_device_found(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    nearest = Accelerator.nearest
    monkeypatch.setattr(Accelerator, "nearest", lambda self, *a, **kw: calls.append(a[2]) or nearest(self, *a, **kw))
    fitted = [fit_detector(DETECTORS[name], {}, PLAIN, seed=0)[0] for name in ("knn", "knn_median", "lof", "hbos")]
    plain = score_each(fitted, PLAIN[:50] + 0.01)
    assert not calls
    with wanting("cpu:torch"):
        found = score_each(fitted, PLAIN[:50] + 0.01, n_threads=2)
    assert len(calls) == 2  # with ties parted and without
    for one, other in zip(found, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9)
    calls.clear()
    with remembering(), accelerating(Accelerator("cpu")):
        for name in ("knn", "knn_median"):
            fit_detector(DETECTORS[name], {}, PLAIN, seed=0)
    assert calls == [24]


def test_who_uses_a_gpu_unasked() -> None:
    knn, network, forest = (DETECTORS[name] for name in ("knn_mean", "autoencoder", "iforest"))
    large, small, wide = (1_000_000, 20), (2_000, 20), (20_000, 500)
    assert [uses_gpu(knn, {}, shape, "auto") for shape in (small, large)] == [False, True]
    assert [uses_gpu(network, {"epochs": 100}, shape, "auto") for shape in (large, wide)] == [False, True]
    assert uses_gpu(knn, {}, small, "cuda")
    assert not uses_gpu(knn, {}, large, "cpu")
    assert not uses_gpu(forest, {}, large, "cuda")
    assert accelerator_for(knn, {}, small, "auto") == (None, "")


def test_only_named_detectors_declare_a_gpu() -> None:
    torchs = {name for name, spec in DETECTORS.items() if spec.extra == "torch"}
    declared = torchs | {name for name, spec in DETECTORS.items() if spec.capabilities.gpu and spec.own}
    assert declared == {*DISTANCES, *NETWORKS}


@pytest.fixture(autouse=True)
def the_state_of_torch_is_left_alone() -> Iterator[None]:
    before = (torch.get_num_threads(), torch.get_float32_matmul_precision(), torch.get_rng_state())
    yield
    after = (torch.get_num_threads(), torch.get_float32_matmul_precision(), torch.get_rng_state())
    assert before[:2] == after[:2]
    assert torch.equal(before[2], after[2])
