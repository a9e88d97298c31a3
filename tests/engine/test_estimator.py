"""scikit-learn's own conformance checks, none of them skipped."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from tests.engine.conftest import quick


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
@parametrize_with_checks([quick(n_trials=3)])
def test_scikit_learn_checks(estimator: Any, check: Any) -> None:
    check(estimator)
