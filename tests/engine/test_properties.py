"""Whatever the table: our own errors or finite answers that agree with each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pynomaly_auto.errors import PynomalyError
from tests.engine.conftest import quick

FLOATS = st.floats(allow_nan=True, allow_infinity=True, width=64)
CELLS: dict[str, Any] = {
    "float": FLOATS,
    "whole": st.integers(-(2**62), 2**62),
    "huge": st.integers(-(10**30), 10**30),
    "flag": st.booleans(),
    "text": st.text(max_size=5),
    "few": st.sampled_from(["a", "b", None]),
    "time": st.datetimes(min_value=pd.Timestamp("1700-01-01"), max_value=pd.Timestamp("2200-01-01")) | st.none(),
    "duration": st.timedeltas() | st.none(),
    "mixed": st.one_of(FLOATS, st.text(max_size=3), st.none(), st.booleans(), st.binary(max_size=2)),
}


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """Frames of a few odd columns, from no row to forty, with an index of any kind."""
    n = draw(st.integers(0, 40))
    kinds = draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=4))
    columns = {f"{kind}{i}": draw(st.lists(CELLS[kind], min_size=n, max_size=n)) for i, kind in enumerate(kinds)}
    index = draw(st.sampled_from(["range", "same", "text"]))
    labels = {"range": range(n), "same": [7] * n, "text": [f"r{i % 5}" for i in range(n)]}[index]
    return pd.DataFrame({name: pd.Series(cells, dtype=_dtype(name)) for name, cells in columns.items()}).set_axis(
        pd.Index(list(labels)), axis=0
    )


def _dtype(name: str) -> Any:
    return None if name.startswith(("float", "whole", "flag")) else object


def check(X: Any, n: int) -> None:
    """Fit, and compare what fitting said with what predicting says."""
    detector = quick(n_trials=2, n_jobs=1, config={"overrides": {"include": ["zscore", "hbos"]}})
    try:
        labels = detector.fit_predict(X)
    except PynomalyError:
        return
    result = detector.result_
    assert labels.shape == (n,)
    assert set(labels.tolist()) <= {-1, 1}
    for values in (result.scores, result.confidence, result.verdict.scores, detector.score_samples(X)):
        assert np.isfinite(values).all()
    assert 0 <= min(result.scores) <= max(result.scores) <= 1
    np.testing.assert_array_equal(detector.predict(X), labels)
    order = np.random.default_rng(0).permutation(n)  # of the rows judged, not of those fitted on
    shuffled = X.iloc[order] if isinstance(X, pd.DataFrame) else X[order]
    np.testing.assert_array_equal(detector.score_samples(shuffled), detector.score_samples(X)[order])
    assert len(result.anomalies) == (labels == -1).sum()
    assert result.summary()


QUIETLY = settings(
    max_examples=5, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)


def test_bytes_that_are_no_text() -> None:
    cells = [b"\xa1", "two", None, 3.5, True] * 8
    X = pd.DataFrame({"mixed": pd.Series(cells, dtype=object), "v": np.arange(40.0) ** 2})
    assert quick(n_trials=2, n_jobs=1, contamination=0.1).fit(X).result_.anomalies.shape[0] == 4


@QUIETLY
@given(frames())
def test_generated_frames(frame: pd.DataFrame) -> None:
    check(frame, len(frame))


@QUIETLY
@given(
    hnp.arrays(
        st.sampled_from([np.float64, np.float32, np.int64, np.uint8, np.bool_]),
        st.tuples(st.integers(0, 30), st.integers(1, 4)),
    )
)
def test_generated_arrays(array: np.ndarray[Any, Any]) -> None:
    check(array, len(array))
