"""What all tests share."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pandas as pd
import pytest

META_DATASETS = Path(os.environ.get("PYNOMALY_META_DATASETS", "../shared/meta_datasets"))


def pytest_configure() -> None:
    """A shell starts a background job with Ctrl-C ignored, and whatever a test starts would inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests on the shared tables say so where those are not."""
    if (META_DATASETS / "index.csv").is_file():
        return
    missing = pytest.mark.skip(reason=f"no shared tables at {META_DATASETS} (set PYNOMALY_META_DATASETS)")
    for item in items:
        if item.get_closest_marker("shared_data"):
            item.add_marker(missing)


@pytest.fixture(scope="session")
def demo_table() -> pd.DataFrame:
    """The demo's table."""
    from meta_datasets.demo import tumours

    return tumours()[0]
