"""A member's scores on the scale of its training scores, where these are odd."""

from __future__ import annotations

import numpy as np
import pytest

from pynomaly_auto.ensembling import Distribution


@pytest.mark.filterwarnings("error")
def test_scores_nearer_than_a_slope_can_tell_have_finite_ranks():
    # As of a kernel that is zero almost everywhere: the three largest differ by less than 1e-300.
    scores = np.concatenate([-np.linspace(1.0, 0.1, 97), [-1e-200, -1.4e-318, 0.0]])
    found = Distribution.of(scores)
    new = found(np.array([-2.0, -0.5, -3e-320, -1.4e-318, -1e-319, 0.0, 1.0]))
    assert np.isfinite(new).all()
    assert (np.diff(new) >= 0).all()
    assert found(scores).tolist() == pytest.approx(found.ranks.tolist())
    assert new[2] == found.ranks[-2]
    assert new[5] == found.ranks[-1] < new[6]


def test_elsewhere_it_interpolates():
    scores = np.arange(10.0)
    assert Distribution.of(scores)(np.array([3.5]))[0] == pytest.approx(
        float(np.mean(Distribution.of(scores)(np.array([3.0, 4.0]))))
    )
