"""Fitted detectors as data: nothing is trusted unasked, and what is damaged or foreign is refused by name."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest

from pynomaly_auto.detectors import DETECTORS, Cost, DetectorSpec, FittedDetector, fit_detector
from pynomaly_auto.detectors.estimators._stored import Array, Part, Stored, Value, check_parts
from pynomaly_auto.errors import DetectorError, MissingExtraError, StorageError, UntrustedError
from pynomaly_auto.records import State
from pynomaly_auto.testing import check_stored, damaged_states, through_files

X = np.random.default_rng(0).normal(size=(60, 4))
NEW = np.vstack([X[:10] + 0.1, np.full((1, 4), 9.0)])


class Centre:
    """A third party's estimator that is data."""

    def __init__(self, power: float = 1.0) -> None:
        self.power = power

    def fit(self, rows: np.ndarray) -> Centre:
        self.centre = rows.mean(axis=0)
        return self

    def decision_function(self, rows: np.ndarray) -> np.ndarray:
        return (np.abs(rows - self.centre) ** self.power).sum(axis=1)

    def to_state(self) -> State:
        return State(arrays={"centre": self.centre}, values={"power": self.power})

    @classmethod
    def from_state(cls, state: State) -> Centre:
        made = cls(state.value("power", float))
        made.centre = state.array("centre", ndim=1)
        return made


class Stranger:
    """One that is not."""

    def fit(self, rows: np.ndarray) -> Stranger:
        self.centre = rows.mean(axis=0)
        return self

    def decision_function(self, rows: np.ndarray) -> np.ndarray:
        return np.abs(rows - self.centre).sum(axis=1)


class Trap:
    """Pickles to something that leaves a mark when it is loaded."""

    loaded: ClassVar[list[str]] = []

    def __reduce__(self) -> Any:
        return (Trap.loaded.append, ("loaded",))


def spec_of(name: str, target: str) -> DetectorSpec:
    return DetectorSpec(
        name=name, title=name, family="proximity", target=target, paper="-", summary="-", cost=Cost(unit=0.1)
    )


@pytest.fixture
def strangers(monkeypatch: pytest.MonkeyPatch) -> DetectorSpec:
    module = types.ModuleType("strangers_package")
    module.Stranger = Stranger  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "strangers_package", module)
    monkeypatch.setattr(Stranger, "__module__", "strangers_package")
    return spec_of("stranger", "strangers_package:Stranger")


class TestThirdParties:
    def test_one_that_is_data_needs_no_trust(self) -> None:
        spec = spec_of("centre", f"{__name__}:Centre")
        fitted, _ = fit_detector(spec, {"power": 2.0}, X, seed=0)
        assert fitted.stranger is None
        again = FittedDetector.from_state(spec, {"power": 2.0}, through_files(fitted.to_state()))
        np.testing.assert_array_equal(again.score(NEW), fitted.score(NEW))

    def test_one_that_is_not_is_written_with_the_users_word_only(self, strangers: DetectorSpec) -> None:
        fitted, _ = fit_detector(strangers, {}, X, seed=0)
        assert fitted.stranger == "strangers_package.Stranger"
        with pytest.raises(UntrustedError, match=r"strangers_package\.Stranger .*stranger.*trusted=True"):
            fitted.to_state()

    def test_and_loaded_with_it_only(self, strangers: DetectorSpec) -> None:
        fitted, _ = fit_detector(strangers, {}, X, seed=0)
        state = through_files(fitted.to_state(trusted=True))
        for untrusted in (False, (), ["something.Else"], "something.Else"):
            with pytest.raises(UntrustedError, match=r"trusted=\[.strangers_package\.Stranger.\]"):
                FittedDetector.from_state(strangers, {}, state, trusted=untrusted)
        for trusted in (True, ["strangers_package.Stranger"], "strangers_package.Stranger"):
            again = FittedDetector.from_state(strangers, {}, state, trusted=trusted)
            np.testing.assert_array_equal(again.score(NEW), fitted.score(NEW))

    def test_in_a_view_too(self, strangers: DetectorSpec) -> None:
        fitted, _ = fit_detector(strangers, {"view": "ranks"}, X, seed=0)
        assert fitted.stranger == "strangers_package.Stranger"
        state = fitted.to_state(trusted=True)
        again = FittedDetector.from_state(strangers, {"view": "ranks"}, state, trusted=True)
        np.testing.assert_array_equal(again.score(NEW), fitted.score(NEW))

    @pytest.mark.parametrize("name", ["knn", "stranger"])
    def test_nothing_looks_into_a_pickle_before(self, strangers: DetectorSpec, name: str) -> None:
        """Also for a detector that is data, and under a name that is ours."""
        Trap.loaded.clear()
        trap = FittedDetector(strangers, {}, Trap()).to_state(trusted=True)
        for kind in ("pynomaly_auto.detectors.estimators._neighbours.NearestNeighbours", "strangers_package.Stranger"):
            state = State(arrays=trap.arrays, values={**trap.values, "detector": name, "type": kind})
            spec = DETECTORS["knn"] if name == "knn" else strangers
            with pytest.raises(UntrustedError):
                FittedDetector.from_state(spec, {}, state)
        assert not Trap.loaded

    def test_another_type_in_the_pickle(self, strangers: DetectorSpec) -> None:
        state = FittedDetector(strangers, {}, Centre().fit(X)).to_state() | State(values={"type": "a.B"})
        pickled = FittedDetector(strangers, {}, {"no": "estimator"}).to_state(trusted=True)
        with pytest.raises(StorageError, match=r"builtins\.dict is stored, not .*Stranger"):
            FittedDetector.from_state(strangers, {}, pickled, trusted=True)
        with pytest.raises(StorageError, match="no from_state"):
            FittedDetector.from_state(strangers, {}, state, trusted=True)

    def test_state_that_cannot_be_pickled(self, strangers: DetectorSpec) -> None:
        estimator = Stranger().fit(X)
        estimator.extra = (value for value in (1, 2))
        with pytest.raises(StorageError, match="cannot be pickled"):
            FittedDetector(strangers, {}, estimator).to_state(trusted=True)

    @pytest.mark.parametrize("target", ["centre", "stranger"])
    def test_the_public_check(self, strangers: DetectorSpec, target: str) -> None:
        check_stored(strangers if target == "stranger" else spec_of("centre", f"{__name__}:Centre"))

    def test_the_public_check_finds_a_class_that_does_not_look(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def careless(state: State) -> Centre:
            made = Centre(state.values.get("power", 1.0))
            made.centre = state.arrays.get("centre")
            return made

        monkeypatch.setattr(Centre, "from_state", careless)
        with pytest.raises(AssertionError, match="no StorageError centre: one more dimension"):
            check_stored(spec_of("centre", f"{__name__}:Centre"))

    def test_a_failing_class_is_a_storage_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        spec = spec_of("centre", f"{__name__}:Centre")
        fitted, _ = fit_detector(spec, {}, X, seed=0)
        state = fitted.to_state()
        monkeypatch.setattr(Centre, "from_state", lambda state: 1 / 0)
        with pytest.raises(StorageError, match="centre cannot be loaded: ZeroDivisionError"):
            FittedDetector.from_state(spec, {}, state)
        monkeypatch.setattr(Centre, "to_state", lambda self: 1 / 0)
        with pytest.raises(StorageError, match="centre cannot be stored: ZeroDivisionError"):
            fitted.to_state()


class TestOurs:
    @pytest.mark.parametrize("name", ["knn", "lof", "hbos", "ecod", "inne", "sampling", "gmm", "ocsvm"])
    def test_odd_numbers_are_refused_or_harmless(self, name: str) -> None:
        """Whatever a number in the file is, it is refused, or scores come out."""
        spec = DETECTORS[name]
        fitted, _ = fit_detector(spec, {}, X, seed=0)
        state = fitted.to_state()
        for key, array in state.arrays.items():
            for at in (0, array.size // 2, -1):
                for number in (-1, 2**31, np.nan, np.inf, 1e308) if array.dtype.kind == "f" else (-1, 2**31):
                    bad = array.copy()
                    bad.flat[at] = number
                    self.refused_or_scores(spec, State(arrays={**state.arrays, key: bad}, values=state.values))
        for key, value in state.values.items():
            for number in (-1, 0, 10**9, 0.5, float("nan"), True, "", None):
                if number != value:
                    self.refused_or_scores(spec, State(arrays=state.arrays, values={**state.values, key: number}))

    def refused_or_scores(self, spec: DetectorSpec, state: State) -> None:
        try:
            again = FittedDetector.from_state(spec, {}, state, n_features=4)
        except StorageError:
            return
        with np.errstate(all="ignore"), suppress(DetectorError):  # no finite score
            assert again.score(NEW).shape == (len(NEW),)

    def test_another_detector_or_another_table(self) -> None:
        fitted, _ = fit_detector(DETECTORS["pca"], {}, X, seed=0)
        with pytest.raises(StorageError, match="pca is stored, not ica"):
            FittedDetector.from_state(DETECTORS["ica"], {}, fitted.to_state())
        with pytest.raises(StorageError, match="detector pca"):
            FittedDetector.from_state(DETECTORS["pca"], {}, fitted.to_state(), n_features=5)

    def test_without_the_extra(self) -> None:
        spec = replace(DETECTORS["pca"], extra="no_such_package")
        fitted, _ = fit_detector(DETECTORS["pca"], {}, X, seed=0)
        with pytest.raises(MissingExtraError, match="no_such_package"):
            FittedDetector.from_state(spec, {}, fitted.to_state())

    @pytest.mark.parametrize("name", ["autoencoder", "vae", "deep_svdd", "gan"])
    @pytest.mark.parametrize("hidden", [[10**9], [0], [-1], [8] * 10_000, 7, ["a"], [1.5], []])
    def test_networks_of_absurd_sizes_take_no_memory(self, name: str, hidden: object) -> None:
        pytest.importorskip("torch")
        fitted, _ = fit_detector(DETECTORS[name], {"epochs": 1, "hidden": [4, 3]}, X, seed=0)
        state = fitted.to_state()
        with pytest.raises(StorageError):
            FittedDetector.from_state(
                fitted.spec, {}, State(arrays=state.arrays, values={**state.values, "hidden": hidden})
            )

    def test_networks_are_made_again_from_their_weights(self) -> None:
        pytest.importorskip("torch")
        for name in ("autoencoder", "vae", "deep_svdd", "gan"):
            fitted, _ = fit_detector(DETECTORS[name], {"epochs": 1}, X, seed=0)
            assert {a.dtype.kind for a in fitted.to_state().arrays.values()} <= {"f", "b"}


def raised(read: Callable[[State], object], state: State) -> bool:
    try:
        read(state)
    except StorageError:
        return True
    return False


class Inner(Stored):
    layout: ClassVar = {"points": Array(shape=("n", "d"))}


class Outer(Stored):
    layout: ClassVar = {
        "edges": Array(shape=("e + 1",)),
        "widths": Array(shape=("e",), positive=True),
        "inner": Part(kind=Inner, renamed={"d": "e"}),
        "places": Array(shape=("k", 2), dtype=np.int64, below="n"),
        "k": Value(kind=int, least=1, most="n"),
        "how": Value(kind=str, among=("a", "b")),
        "factor": Value(kind=float),
    }


def outer() -> Outer:
    made, inner = Outer(), Inner()
    inner.points = np.arange(12.0).reshape(4, 3)
    made.edges, made.widths, made.inner = np.arange(4.0), np.ones(3), inner
    made.places, made.k, made.how, made.factor = np.array([[0, 3]]), 4, "b", 2
    return made


class TestLayout:
    def test_it_comes_back_as_it_was(self) -> None:
        state = through_files(outer().to_state())
        again = Outer.from_state(state)
        np.testing.assert_array_equal(again.inner.points, outer().inner.points)
        assert (again.k, again.how, again.factor) == (4, "b", 2.0)
        assert list(state.arrays) == ["edges", "widths", "inner.points", "places"]

    def test_what_it_refuses(self) -> None:
        state = outer().to_state()
        bad_arrays = {
            "edges": [np.arange(5.0), np.zeros(0), np.arange(4.0, dtype=np.float32)],
            "widths": [np.array([1.0, 0.0, 1.0]), np.array([1.0, np.nan, 1.0])],
            "inner.points": [np.zeros((4, 2)), np.zeros((0, 3)), np.zeros((2, 3)), np.zeros(3)],
            "places": [np.array([[0, 4]]), np.array([[-1, 0]]), np.array([[0, 1, 2]]), np.zeros((0, 2), dtype=int)],
        }
        for name, arrays in bad_arrays.items():
            for bad in arrays:
                with pytest.raises(StorageError, match=r"the (array|value) '"):
                    Outer.from_state(State(arrays={**state.arrays, name: bad}, values=state.values))
        for name, values in {"k": [0, 5, 1.0, True], "how": ["c", 1], "factor": [np.inf, None]}.items():
            for value in values:
                with pytest.raises(StorageError, match=name):
                    Outer.from_state(State(arrays=state.arrays, values={**state.values, name: value}))
        for what, damaged in damaged_states(state):
            assert raised(Outer.from_state, damaged), what

    def test_parts_of_an_array(self) -> None:
        check_parts(np.array([0, 2, 3]), np.array([1.0, 2.0, 0.0]))
        for starts in ([0, 3, 3], [1, 2, 3], [0, 2, 4], [0, 4, 3]):
            with pytest.raises(StorageError, match="do not cut"):
                check_parts(np.array(starts), np.array([1.0, 2.0, 0.0]))
        with pytest.raises(StorageError, match="ascend"):
            check_parts(np.array([0, 1, 3]), np.array([1.0, 2.0, 0.0]))
