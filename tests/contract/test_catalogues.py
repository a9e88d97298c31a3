"""Our own catalogues pass the checks offered to third parties."""

from __future__ import annotations

import pytest
from threadpoolctl import threadpool_limits

from pynomaly_auto.presets import PRESETS, Preset
from pynomaly_auto.profiling import META_FEATURES, MetaFeature
from pynomaly_auto.recommending import RULES, Rule
from pynomaly_auto.testing import check_meta_feature, check_preset, check_rule


@pytest.mark.parametrize("feature", META_FEATURES.values(), ids=lambda f: f.name)
def test_meta_features(feature: MetaFeature) -> None:
    with threadpool_limits(limits=1):
        check_meta_feature(feature)


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda r: r.name)
def test_rules(rule: Rule) -> None:
    check_rule(rule)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda p: p.name)
def test_presets(preset: Preset) -> None:
    check_preset(preset)
