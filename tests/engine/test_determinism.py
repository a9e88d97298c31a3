"""Same input, same seed, same answer, whatever the number of workers, when the budget is given in trials."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.engine.conftest import quick


def test_twice_and_with_one_or_two_workers(table: pd.DataFrame) -> None:
    runs = [quick(n_trials=10, n_jobs=jobs, random_state=3).fit(table) for jobs in (1, 1, 2)]
    first = runs[0]
    for other in runs[1:]:
        np.testing.assert_array_equal(other.score_samples(table), first.score_samples(table))
        np.testing.assert_array_equal(other.result_.scores, first.result_.scores)
        assert [(t.detector, dict(t.params)) for t in other.trials_] == [
            (t.detector, dict(t.params)) for t in first.trials_
        ]
        assert [m.weight for m in other.ensemble_.members] == [m.weight for m in first.ensemble_.members]


def test_a_fresh_seed_is_recorded(table: pd.DataFrame) -> None:
    seed = quick(random_state=None).fit(table).result_.settings["random_state"]
    assert isinstance(seed, int)
