import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import fake_detectors

from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.pool import Pool


def pytest_collection_modifyitems(items):
    """Leave the tests of Ray as they stand: they share one cluster, as it takes long to come up, and break it."""
    places = [i for i, item in enumerate(items) if item.path.name == "test_ray.py"]
    as_written = sorted((items[i] for i in places), key=lambda item: item.location[1])
    for place, item in zip(places, as_written, strict=True):
        items[place] = item


@pytest.fixture(autouse=True)
def _fakes():
    list(DETECTORS)
    for spec in fake_detectors.SPECS:
        DETECTORS.add(spec)
    yield
    for spec in fake_detectors.SPECS:
        DETECTORS.remove(spec.name)


@pytest.fixture(scope="session")
def pool():
    with Pool(2, memory_limit=200_000_000, preload=("numpy", "fake_detectors")) as made:
        yield made


@pytest.fixture(scope="session")
def single():
    with Pool(1, memory_limit=200_000_000, preload=("numpy", "fake_detectors")) as made:
        yield made
