from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

from pynomaly_auto.building._assemble import assemble
from pynomaly_auto.knowledge import KnowledgeBase


def _synthetic():
    spec = importlib.util.spec_from_file_location("synthetic", Path(__file__).parents[1] / "knowledge" / "synthetic.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def made():
    return _synthetic()


@pytest.fixture(scope="session")
def base_folder(tmp_path_factory, made):
    out = tmp_path_factory.mktemp("kb") / "base"
    assemble(made.tables(), out, seed=0, max_rows=2000)
    return out


@pytest.fixture(scope="session")
def base(base_folder):
    return KnowledgeBase.open(base_folder)


@pytest.fixture
def copied(base_folder, tmp_path):
    return Path(shutil.copytree(base_folder, tmp_path / "copy"))
