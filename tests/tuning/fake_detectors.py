"""Detectors that behave and misbehave; importable in workers because conftest puts this folder on the path."""

import os
import time
from pathlib import Path

import numpy as np
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from pynomaly_auto.detectors import Cost, DetectorSpec


class Distance:
    """Distance from the median, in some power, of some features."""

    def __init__(self, power=2.0, skip=0, kind="sum", bulk=0):
        self.power, self.skip, self.kind, self.bulk = power, skip, kind, bulk

    def fit(self, X):
        self.centre = np.median(X, axis=0)
        self.ballast = np.zeros(self.bulk)
        return self

    def decision_function(self, X):
        apart = np.abs(X - self.centre)[:, self.skip :] ** self.power
        return apart.sum(axis=1) if self.kind == "sum" else apart.max(axis=1)


class Noise(Distance):
    def decision_function(self, X):
        return np.sin(1e4 * X.sum(axis=1))


class Constant(Distance):
    def decision_function(self, X):
        return np.ones(len(X))


class Raises(Distance):
    def fit(self, X):
        raise ValueError("singular\nmatrix")


class Hangs(Distance):
    def fit(self, X):
        if "FAKE_MARK" in os.environ:
            Path(os.environ["FAKE_MARK"]).touch()
        while True:
            time.sleep(0.01)


class Eats(Distance):
    def fit(self, X):
        kept = []
        while True:
            kept.append(bytearray(20_000_000))
            time.sleep(0.01)


class Dies(Distance):
    def fit(self, X):
        os._exit(7)


class Shapeless(Distance):
    def decision_function(self, X):
        return np.ones((len(X), 2))


class Nothing(Distance):
    def decision_function(self, X):
        return np.full(len(X), np.nan)


class Choosy(Distance):
    """Refuses more than 500 rows."""

    def fit(self, X):
        if len(X) > 500:
            raise ValueError("too many rows")
        return super().fit(X)


class Small(Distance):
    """Fails on more than 500 rows."""

    def fit(self, X):
        if len(X) > 500:
            raise MemoryError("too large")
        return super().fit(X)


class Slow(Distance):
    def fit(self, X):
        time.sleep(0.4)
        return super().fit(X)


class Gradual(Distance):
    """Learns batch after batch."""

    def __init__(self):
        super().__init__()
        self.batches = []

    def fit(self, X):
        return self.partial_fit(X)

    def partial_fit(self, X):
        self.batches.append(len(X))
        self.centre = np.zeros(X.shape[1])
        return self


SPACE = {
    "power": FloatDistribution(0.5, 4.0),
    "skip": IntDistribution(0, 2),
    "kind": CategoricalDistribution(["sum", "max"]),
}


def spec(name, kind=None, unit=0.001, space=None, memory_mb=1.0, **more):
    return DetectorSpec(
        name=name, title=name, family="statistical", target=f"fake_detectors:{kind or name.capitalize()}",
        paper="-", summary="-", cost=Cost(unit=unit, memory_mb=memory_mb), space=space or {}, train_scores=None, **more,
    )  # fmt: skip


SPECS = (
    spec("fake_sum", "Distance", space=SPACE, defaults={"power": 2.0, "skip": 0, "kind": "sum"}),
    spec("fake_max", "Distance", space={"power": SPACE["power"]}, defaults={"kind": "max"}),
    spec("fake_few", "Distance", space={"kind": SPACE["kind"]}, defaults={"skip": 1, "kind": "sum"}),
    spec("fake_bulky", "Distance", defaults={"bulk": 3_000_000, "power": 1.0}),
    spec("noise"), spec("constant"), spec("raises", space=SPACE), spec("hangs"), spec("eats"), spec("dies"),
    spec("shapeless"), spec("nothing"), spec("small"), spec("choosy"),
    spec("hungry", "Distance", memory_mb=1_000.0), spec("gradual", memory_mb=1_000.0),
    spec("slow", unit=0.3), spec("costly", "Distance", unit=1e6),
    spec("picky", "Distance", extra="no_such_package"),
)  # fmt: skip
