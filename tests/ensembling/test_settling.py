"""When tuned trials cannot change the answer any more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pynomaly_auto.ensembling import Expertise, Settling
from pynomaly_auto.models import BaseMargin, Fusion
from pynomaly_auto.records import Configuration, Trial
from pynomaly_auto.settings import Settings

KNOWN = ("knn", "pca", "loda", "mcd", "kde:ranks", "hbos", "lof", "iforest")
LINE = BaseMargin(members=("knn", "pca", "loda"), slope=1.0, intercept=0.0)
TUNED = Configuration(detector="knn", params={"n_neighbors": 3})
FUSION = Fusion(members=KNOWN, features=(), forests=(), base_margin=LINE)


def trial(number, name, **changes):
    values = {
        "configuration": Configuration.of_fusion_name(name),
        "scores": np.arange(5.0),
        "status": "completed",
    } | changes
    return Trial(number=number, **values)


def trials(names=KNOWN):
    return [trial(i, name) for i, name in enumerate(names)]


def settling(trust=1.0, fusion=FUSION, **settings):
    expertise = Expertise(fusion=fusion, trust=trust, X=np.zeros((5, 2)), seed=0)
    return Settling(settings=Settings(**settings), expertise=expertise)


def test_once_the_fusion_is_in_force_tuned_trials_cannot_change_the_answer():
    assert settling()("knn", trials()) == {"members": 8, "margin_members": 3}
    assert settling()(Configuration(detector="iforest", params={"n_estimators": 7}), trials()) is not None
    assert settling()(Configuration(detector="iforest", params={"view": "unheard"}), trials()) is not None


def test_a_member_the_fusion_knows_is_still_tried():
    assert settling()(Configuration(detector="kde", params={"view": "ranks"}), trials()[:7]) is None


@pytest.mark.parametrize(
    "made",
    [
        trials(KNOWN[:5]),  # too few for the fusion
        trials(KNOWN[2:]),  # too few of those it starts from
        [*trials(KNOWN[2:]), trial(9, "knn", status="failed", scores=None), trial(8, "pca", scores=np.ones(5))],
        [*trials(KNOWN[2:]), trial(9, "knn", configuration=TUNED), trial(8, "pca:none")],
    ],
)
def test_where_the_fusion_is_not_in_force_parameters_are_tuned(made):
    assert settling()("hbos", made) is None


def test_where_the_fusion_is_not_asked_parameters_are_tuned():
    assert Settling(settings=Settings(), expertise=None)("knn", trials()) is None
    assert settling(trust=0.0)("knn", trials()) is None
    assert settling(max_models=5)("knn", trials()) is None
    assert settling(fusion=replace(FUSION, base_margin=None))("knn", trials()) is None
