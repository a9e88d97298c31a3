"""scikit-learn's own conformance checks, none of them skipped."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from tests.engine.conftest import quick


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
@parametrize_with_checks([quick(n_trials=3)])
def test_scikit_learn_checks(estimator: Any, check: Any) -> None:
    check(estimator)


def test_the_check_that_needs_an_environment_variable() -> None:
    """`check_array_api_input` skips itself unless SciPy was imported with SCIPY_ARRAY_API set."""
    code = (
        "from sklearn.utils.estimator_checks import check_estimator\n"
        "from tests.engine.conftest import quick\n"
        "results = check_estimator(quick(n_trials=3), on_skip=None)\n"
        "assert all(r['status'] == 'passed' for r in results), results\n"
        "print(len(results))"
    )
    environment = os.environ | {"SCIPY_ARRAY_API": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.strip().splitlines()[-1]) > 40
