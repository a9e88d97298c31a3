import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from pynomaly_auto.pool import Pool


@pytest.fixture(scope="module")
def pool():
    with Pool(2, memory_limit=150_000_000, preload=("numpy",)) as made:
        yield made
