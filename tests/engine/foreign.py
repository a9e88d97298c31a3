"""Detectors a third party might register: one that works, and every way in which one may fail."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from pynomaly_auto.detectors import DETECTORS, Cost, DetectorSpec


class Distance:
    """Distance from the centre: a detector as anybody would write it."""

    def __init__(self, power: float = 2.0) -> None:
        self.power = power

    def fit(self, X: np.ndarray[Any, Any]) -> Distance:
        self.centre_ = X.mean(axis=0)
        return self

    def score_samples(self, X: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.asarray((np.abs(X - self.centre_) ** self.power).sum(axis=1))


class Raising(Distance):
    def fit(self, X: np.ndarray[Any, Any]) -> Distance:
        raise RuntimeError("no licence found")


class Hanging(Distance):
    def fit(self, X: np.ndarray[Any, Any]) -> Distance:
        time.sleep(600)
        return self


class Greedy(Distance):
    def fit(self, X: np.ndarray[Any, Any]) -> Distance:
        self.hoard = []
        while True:
            self.hoard.append(np.ones(2_000_000))


class Dying(Distance):
    def fit(self, X: np.ndarray[Any, Any]) -> Distance:
        os._exit(3)


class NotANumber(Distance):
    def score_samples(self, X: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.full(len(X), np.nan)


class TooShort(Distance):
    def score_samples(self, X: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.zeros(len(X) - 1)


class Flat(Distance):
    def score_samples(self, X: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.zeros((len(X), 2))


class Unloadable(Distance):
    def __setstate__(self, state: dict[str, Any]) -> None:
        raise RuntimeError("wrong version of the driver")


class Forgetful(Distance):
    def __getstate__(self) -> dict[str, Any]:
        return {"power": self.power}  # without what was fitted


class AtHome(Distance):
    """Works in the process it was fitted in, however often it is stored, and in no other."""

    def fit(self, X: np.ndarray[Any, Any]) -> Distance:
        self.home = os.getpid()
        return super().fit(X)

    def __setstate__(self, state: dict[str, Any]) -> None:
        if state["home"] != os.getpid():
            raise RuntimeError("the licence is another process's")
        self.__dict__.update(state)


class Stubborn(AtHome):
    """The same, but it says so only when it scores."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def score_samples(self, X: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        if self.home != os.getpid():
            raise RuntimeError("the licence is another process's")
        return super().score_samples(X)


BAD = ("raising", "greedy", "dying", "not_a_number", "too_short", "flat", "hanging")


def spec(name: str, module: str = __name__) -> DetectorSpec:
    """The declaration of one of the classes above: ``"too_short"`` for `TooShort`."""
    kind = name.title().replace("_", "")
    return DetectorSpec(
        name=name, title=kind, family="statistical", target=f"{module}:{kind}", paper="none, 2025", summary="Test.",
        cost=Cost(unit=0.001), score_method="score_samples", train_scores=None,
    )  # fmt: skip


@contextmanager
def registered(*names: str) -> Iterator[list[str]]:
    """Register some of them for a while."""
    for name in names:
        DETECTORS.add(spec(name))
    try:
        yield list(names)
    finally:
        for name in names:
            DETECTORS.remove(name)
