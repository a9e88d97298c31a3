"""Every installed detector passes every check."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pynomaly_auto.detectors import DETECTORS, DetectorSpec
from pynomaly_auto.testing import DETECTOR_CHECKS

_INSTALLED = [spec for spec in DETECTORS.values() if spec.installed]


@pytest.mark.parametrize("check", DETECTOR_CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
@pytest.mark.parametrize("spec", _INSTALLED, ids=lambda spec: spec.name)
def test_detector(spec: DetectorSpec, check: Callable[[DetectorSpec], None]) -> None:
    check(spec)
