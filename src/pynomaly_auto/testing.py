"""What everything registered with this library must do: checks for our own catalogues and for third parties'.

Each check is a plain function of the declared thing that raises `AssertionError`; the tuples collect them for
``pytest.mark.parametrize``.
"""

from __future__ import annotations

import io
import json
import pickle
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from pynomaly_auto.detectors import DETECTORS, DetectorSpec, FittedDetector, fit_detector
from pynomaly_auto.errors import NotApplicableError, StorageError, UntrustedError
from pynomaly_auto.presets import Preset
from pynomaly_auto.profiling import MetaFeature, View, profile
from pynomaly_auto.recommending import Context, Rule
from pynomaly_auto.records import Column, Dataset, FloatArray, State
from pynomaly_auto.settings import Settings

_SEED = 7


def check_detector_metadata(spec: DetectorSpec) -> None:
    """The declaration is complete and consistent."""
    assert re.fullmatch(r"[a-z][a-z0-9_]*", spec.name), f"{spec.name!r} is not in snake case"
    assert re.fullmatch(r"[\w.]+:\w+", spec.target), f"target {spec.target!r} is not 'module:attribute'"
    assert len(spec.title) >= 3
    assert re.search(r"(19|20)\d\d", spec.paper), "the paper has no year"
    assert spec.summary.endswith("."), "the summary is no sentence"
    assert "\n" not in spec.summary
    assert spec.capabilities.finds
    assert 0.0 <= spec.capabilities.interpretability <= 1.0
    assert spec.capabilities.deterministic or spec.seed_parameter, "random, yet it takes no seed"
    assert 0.0 < spec.seconds(1_000, 10) < 60.0
    assert spec.seconds(1_000, 10) <= spec.seconds(100_000, 10)
    assert 0.0 < spec.memory_mb(1_000, 10) <= spec.memory_mb(1_000_000, 10)
    assert spec.cost.label
    for name, distribution in spec.space.items():
        if name in spec.defaults and not isinstance(spec.defaults[name], str):
            distribution.to_internal_repr(spec.defaults[name])


def check_finds_outliers(spec: DetectorSpec) -> None:
    """Finite scores of the right shape; higher means more anomalous on a blob with far outliers."""
    X, y = blob_with_outliers()
    fitted, scores = _fit(spec, {}, X)
    for found in (scores, fitted.score(X)):
        assert found.shape == (len(X),)
        assert found.dtype == np.float64
        assert np.isfinite(found).all()
        least = 0.8 if "global" in spec.capabilities.finds else 0.6
        assert roc_auc(y, found) > least, f"ROC-AUC {roc_auc(y, found):.3f}"


def check_repeats(spec: DetectorSpec) -> None:
    """The same seed gives the same scores."""
    X, _ = blob_with_outliers(n_rows=120)
    first, again = _fit(spec, {}, X), _fit(spec, {}, X)
    np.testing.assert_array_equal(first[1], again[1])
    np.testing.assert_array_equal(first[0].score(X[:20] + 0.1), again[0].score(X[:20] + 0.1))


def check_one_row_alone(spec: DetectorSpec) -> None:
    """A row alone scores as in a batch, and the order of the rows does not matter."""
    rng = np.random.default_rng(_SEED)
    # Ordinal features, standardised, make ties up to rounding: a careless neighbour search parts them by the batch.
    ordinal = (rng.integers(0, 4, size=(400, 8)) - 1.47) / 1.118
    tables: tuple[Any, ...] = (blob_with_outliers(n_rows=160)[0], ordinal)
    for X in tables:
        fitted, _ = _fit(spec, {}, X[:-60])
        new = X[-80:]
        batch = fitted.score(new)
        alone = np.concatenate([fitted.score(new[i : i + 1]) for i in range(len(new))])
        tolerance = 1e-8 * max(1.0, float(np.abs(batch).max()))
        np.testing.assert_allclose(alone, batch, rtol=0.0, atol=tolerance)
        np.testing.assert_allclose(fitted.score(new[::-1])[::-1], batch, rtol=0.0, atol=tolerance)


def check_new_rows(spec: DetectorSpec) -> None:
    """Rows far outside score higher than rows in the middle, also when they were never seen."""
    X, _ = blob_with_outliers()
    fitted, _ = _fit(spec, {}, X)
    rng = np.random.default_rng(_SEED)
    middle = 0.5 * rng.normal(size=(20, X.shape[1]))
    outside = 12.0 * np.sign(rng.normal(size=(20, X.shape[1]))) + rng.normal(size=(20, X.shape[1]))
    scores = fitted.score(np.vstack([middle, outside]))
    assert np.isfinite(scores).all()
    assert np.median(scores[20:]) > np.median(scores[:20])
    assert fitted.score(X[:0]).shape == (0,)


def check_leaves_input_alone(spec: DetectorSpec) -> None:
    """Neither fitting nor scoring changes the rows given, read-only and of any memory order."""
    X = np.asfortranarray(blob_with_outliers(n_rows=100)[0])
    before = X.copy()
    X.setflags(write=False)
    fitted, _ = _fit(spec, {}, X)
    fitted.score(X)
    np.testing.assert_array_equal(X, before)


def check_parameters(spec: DetectorSpec) -> None:
    """Defaults and parameters drawn from the search space build, fit and score."""
    X, _ = blob_with_outliers(n_rows=80)
    rng = np.random.default_rng(_SEED)
    spec.build({}, seed=_SEED)
    for _ in range(3):
        params = {name: _draw(distribution, rng) for name, distribution in spec.space.items()}
        assert spec.seconds(1_000, 10, params) > 0.0
        assert np.isfinite(_fit(spec, params, X)[1]).all(), params


def check_odd_tables(spec: DetectorSpec) -> None:
    """Small, wide, constant, repeated and huge tables score finitely, or the detector says it does not apply."""
    for name, X in odd_tables().items():
        try:
            fitted, scores = _fit(spec, {}, X)
        except NotApplicableError:
            continue
        assert scores.shape == (len(X),), name
        assert np.isfinite(scores).all(), name
        new = fitted.score(X[:3] + 1.0)
        assert new.shape == (min(3, len(X)),), name
        assert np.isfinite(new).all(), name


def check_pickles(spec: DetectorSpec) -> None:
    """A fitted detector survives pickling with its scores."""
    X, _ = blob_with_outliers(n_rows=100)
    fitted, _ = _fit(spec, {}, X)
    again = pickle.loads(pickle.dumps(fitted))  # noqa: S301 - made one line above
    np.testing.assert_array_equal(again.score(X), fitted.score(X))


def check_stored(spec: DetectorSpec) -> None:
    """A fitted detector stored as data scores the same when loaded; damaged data is refused by a `StorageError`.

    One whose class has no ``to_state`` is stored as a pickle, and neither written nor read without trust.
    """
    X, _ = blob_with_outliers(n_rows=100)
    fitted, _ = _fit(spec, {}, X)
    foreign = fitted.stranger is not None
    if foreign:
        with _raises(UntrustedError):
            fitted.to_state()
    state = through_files(fitted.to_state(trusted=foreign))
    if foreign:
        with _raises(UntrustedError):
            FittedDetector.from_state(spec, {}, state)
    again = FittedDetector.from_state(spec, {}, state, n_features=X.shape[1], trusted=foreign)
    np.testing.assert_array_equal(again.score(X), fitted.score(X))
    np.testing.assert_array_equal(again.score(X[3:4]), fitted.score(X[3:4]))
    for what, damaged in damaged_states(state):
        with _raises(StorageError, what):
            FittedDetector.from_state(spec, {}, damaged, n_features=X.shape[1], trusted=foreign)


def through_files(state: State) -> State:
    """The state as it comes back from files: arrays by ``np.save`` without pickle, values by JSON."""
    arrays = {}
    for name, array in state.arrays.items():
        file = io.BytesIO()
        np.save(file, array, allow_pickle=False)
        arrays[name] = np.load(io.BytesIO(file.getvalue()), allow_pickle=False)
    return State(arrays=arrays, values=json.loads(json.dumps(dict(state.values))))


def damaged_states(state: State) -> Iterator[tuple[str, State]]:
    """What was done, and the state with one array missing or of another type or shape, or one value missing or odd."""
    for name, array in state.arrays.items():
        others = {key: value for key, value in state.arrays.items() if key != name}
        yield f"{name} is missing", State(arrays=others, values=state.values)
        wrong = {"text": array.astype(np.str_), "one more dimension": array[None], "a column less": array[..., :-1]}
        for what, bad in wrong.items():
            if bad.shape != array.shape or what == "text":
                yield f"{name}: {what}", State(arrays={**others, name: bad}, values=state.values)
    for name in state.values:
        kept = {key: value for key, value in state.values.items() if key != name}
        yield f"{name} is missing", State(arrays=state.arrays, values=kept)
        yield f"{name} is a mapping", State(arrays=state.arrays, values={**kept, name: {}})


@contextmanager
def _raises(kind: type[Exception], what: str = "") -> Iterator[None]:
    try:
        yield
    except kind:
        return
    raise AssertionError(f"no {kind.__name__} {what}".strip())


DETECTOR_CHECKS: tuple[Callable[[DetectorSpec], None], ...] = (
    check_detector_metadata,
    check_finds_outliers,
    check_repeats,
    check_one_row_alone,
    check_new_rows,
    check_leaves_input_alone,
    check_parameters,
    check_odd_tables,
    check_pickles,
    check_stored,
)


def check_meta_feature(feature: MetaFeature) -> None:
    """A meta-feature is documented, finite or inapplicable on odd tables, and does not depend on the rows' order."""
    assert re.fullmatch(r"[a-z][a-z0-9_]*", feature.name), f"{feature.name!r} is not in snake case"
    assert feature.description, "says nothing of what it is"
    for name, X in odd_tables().items():
        value = _measured(feature, X)
        assert value is None or np.isfinite(value), f"{feature.name} is {value} on the table {name!r}"
    X, _ = blob_with_outliers()
    first, again = _measured(feature, X), _measured(feature, X)
    assert first == again, f"{feature.name} gives {first}, then {again}"


def check_rule(rule: Rule) -> None:
    """A rule has a code, a source and a summary, and judges every detector without failing."""
    assert re.fullmatch(r"[A-Z]{3}-\d{3}", rule.code), f"{rule.code!r} is no code"
    assert rule.source
    assert rule.summary
    X, _ = blob_with_outliers()
    settings = Settings()
    context = Context(profile=profile(_dataset(X), seed=_SEED), settings=settings, time_budget=60.0, memory_mb=1e4)
    for spec in DETECTORS.values():
        effect = rule.judge(spec, context)
        assert effect is None or (effect.text and -1.0 <= effect.amount <= 1.0)


def check_preset(preset: Preset) -> None:
    """A preset makes valid settings, gives a reason for each value, and names only detectors there are."""
    assert re.fullmatch(r"[a-z][a-z0-9_]*", preset.name), f"{preset.name!r} is not in snake case"
    assert preset.title
    assert preset.description
    Settings.from_mapping(preset.values, where=f"preset {preset.name}")
    unexplained = set(preset.values) - {r.subject for r in preset.reasons} - {"domain"}
    assert not unexplained, f"no reason for {sorted(unexplained)}"
    for name in (*preset.preferred, *preset.discouraged):
        assert name in DETECTORS, f"names {name!r}, which is no detector"


def _measured(feature: MetaFeature, X: FloatArray) -> float | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in a profile: arithmetic on odd tables may warn, the value counts
        try:
            return float(feature(View(_dataset(X), seed=_SEED)))
        except NotApplicableError:
            return None


def _dataset(X: FloatArray) -> Dataset:
    """Rows as a data set of numeric columns, as they are."""
    names = tuple(f"x{i}" for i in range(X.shape[1]))
    return Dataset(
        X=X,
        features=names,
        sources=tuple(range(X.shape[1])),
        columns=tuple(Column(name=n, kind="numeric", features=(n,)) for n in names),
        row_labels=np.arange(len(X)),
        missing_share=np.zeros(len(X)),
    )


def blob_with_outliers(n_rows: int = 300, n_features: int = 4, seed: int = _SEED) -> tuple[FloatArray, FloatArray]:
    """A normal blob with 4 % of rows far outside in all directions, and which those are."""
    rng = np.random.default_rng(seed)
    n_far = max(3, n_rows // 25)
    X = rng.normal(size=(n_rows, n_features))
    direction = rng.normal(size=(n_far, n_features))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    X[-n_far:] = direction * rng.uniform(7.0, 12.0, size=(n_far, 1))
    y = np.zeros(n_rows)
    y[-n_far:] = 1.0
    order = rng.permutation(n_rows)
    return X[order], y[order]


def odd_tables() -> dict[str, FloatArray]:
    """Tables that break careless code, by name."""
    rng = np.random.default_rng(_SEED)
    huge = rng.normal(size=(60, 3))
    huge[0] = 1e6
    huge[1, 2] = -1e6
    partly = rng.normal(size=(50, 4))
    partly[:, 1] = 0.0
    partly[:, 3] = 2.5
    mostly = np.repeat(rng.normal(size=(3, 3)), 20, axis=0)
    mostly[:2] += 3.0
    rare = (rng.uniform(size=(80, 5)) < 0.05).astype(float)
    tables = {f"{n} rows": rng.normal(size=(n, 3)) for n in (1, 2, 3, 5, 6, 8, 12, 20)}
    tables |= {f"{n} rows of one feature": rng.normal(size=(n, 1)) for n in (5, 40)}
    return tables | {
        "more features than rows": rng.normal(size=(100, 300)),
        "constant features": partly,
        "constant table": np.ones((30, 3)),
        "constant feature": np.zeros((30, 1)),
        "three distinct rows": mostly,
        "duplicated rows": np.vstack([rng.normal(size=(20, 2))] * 4),
        "huge values": huge,
        "rare flags": rare,
        "lattice": rng.integers(0, 3, size=(70, 6)).astype(float),
        "collinear": np.outer(rng.normal(size=60), [1.0, -2.0, 0.5]),
    }


def roc_auc(y: FloatArray, scores: FloatArray) -> float:
    """Probability that an anomaly scores higher than a normal row (ties count half)."""
    gaps = scores[y == 1][:, None] - scores[y == 0][None, :]
    return float((gaps > 0).mean() + 0.5 * (gaps == 0).mean())


def _fit(spec: DetectorSpec, params: Mapping[str, Any], X: FloatArray) -> tuple[FittedDetector, FloatArray]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return fit_detector(spec, params, X, seed=_SEED)


def _draw(distribution: Any, rng: np.random.Generator) -> Any:
    choices = getattr(distribution, "choices", None)
    if choices is not None:
        return choices[int(rng.integers(len(choices)))]
    low, high = distribution.low, distribution.high
    value = float(np.exp(rng.uniform(np.log(low), np.log(high)))) if distribution.log else float(rng.uniform(low, high))
    return round(value) if isinstance(low, int) else value
