"""The one adapter: whatever the library behind a detector, scores come out finite, 1-D, higher = more anomalous."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pynomaly_auto import _optional
from pynomaly_auto._devices import CPU
from pynomaly_auto._machine import ONE_THREAD
from pynomaly_auto.detectors._devices import accelerator_for, wanted_device
from pynomaly_auto.detectors._foreign import PICKLE, full_name, is_data, pickled, unpickled
from pynomaly_auto.detectors._spec import CHUNK_ROWS
from pynomaly_auto.detectors.estimators._accelerator import Accelerator, accelerating
from pynomaly_auto.detectors.estimators._scales import blocks
from pynomaly_auto.detectors.estimators._search import NeighbourSearch
from pynomaly_auto.detectors.estimators._sharing import Shared, sharing
from pynomaly_auto.detectors.estimators._stored import Stored, read
from pynomaly_auto.detectors.views._views import Viewed
from pynomaly_auto.errors import DetectorError, PynomalyError, StorageError
from pynomaly_auto.records import State

if TYPE_CHECKING:
    from pynomaly_auto.detectors._spec import DetectorSpec
    from pynomaly_auto.records import FloatArray

_DETECTOR = "detector"
_FEWEST_SHARED = 256  # rows of a block, below which calls cost more than sharing saves
_MOST_SHARED = 2_048
_LIMITED = 2_000  # rows from which on it is worth looking for the libraries whose threads are to rest
_WIDE = 16_384  # rows of a block for those that are quickest on many


class Scorer(Protocol):
    """What scores encoded rows."""

    def score(self, X: FloatArray, *, shared: Shared | None) -> FloatArray:
        """As `FittedDetector.score`."""
        ...


class FittedDetector:
    """A fitted detector behind the uniform interface.

    Args:
        spec: Its declaration.
        params: The parameters it was built with, without the defaults.
        estimator: The fitted estimator of the library behind it.
    """

    def __init__(self, spec: DetectorSpec, params: Mapping[str, Any], estimator: Any) -> None:
        self.spec = spec
        self.params = dict(params)
        self.estimator = estimator

    @property
    def stranger(self) -> str | None:
        """Full name of the estimator's type where it is not data, so that storing and loading need trust; or None."""
        kind = type(self._inner)
        return None if is_data(kind) else full_name(kind)

    @property
    def n_neighbours(self) -> int:
        """How many nearest rows it looks for; 0: it looks for none."""
        return int(getattr(self._inner, "n_neighbors_", 0))

    @property
    def n_reference_rows(self) -> int:
        """Among how many rows it looks for them."""
        search = getattr(self._inner, "search_", None)
        return len(search) if isinstance(search, NeighbourSearch) else 1

    @property
    def wide(self) -> bool:
        """Whether it scores quickest where the rows are many thousands; forests do, which look at them bitwise."""
        return hasattr(self._inner, "forest_")

    @property
    def _inner(self) -> Any:
        return self.estimator.estimator if isinstance(self.estimator, Viewed) else self.estimator

    def to_state(self, *, trusted: bool = False) -> State:
        """The fitted estimator as arrays and values.

        Args:
            trusted: Store a `stranger` as a pickle, for those who will trust it.

        Raises:
            UntrustedError: It is a `stranger`, and not trusted.
            StorageError: Its state cannot be stored.
        """
        name = self.stranger
        try:
            state = self.estimator.to_state() if name is None else pickled(self.estimator, name=name, trusted=trusted)
        except PynomalyError as error:
            error.where = error.where or f"detector {self.spec.name}"
            raise
        except Exception as error:  # a third party's to_state may fail in any way
            raise _unstorable(self.spec, "stored", error) from error
        own: State = State(values={_DETECTOR: self.spec.name}) | state
        return own

    @classmethod
    def from_state(
        cls,
        spec: DetectorSpec,
        params: Mapping[str, Any],
        state: State,
        *,
        n_features: int | None = None,
        trusted: bool | Sequence[str] = False,
    ) -> FittedDetector:
        """What `to_state` stored; it scores as the stored one did, to the bit.

        Args:
            spec: The detector's declaration.
            params: The parameters it was built with, without the defaults.
            state: What `to_state` made.
            n_features: Columns of the rows it is to score, compared with the state's; None: not compared.
            trusted: Full names of types whose pickles may be loaded; True: any.

        Raises:
            StorageError: The state is incomplete, damaged, or of another detector.
            UntrustedError: It holds a pickle that nobody has said to trust; the message names its type.
            MissingExtraError: A package of an optional extra is missing.
        """
        if not spec.installed:
            raise _optional.missing(spec.extra or "")
        try:
            found = state.value(_DETECTOR, str)
            if found != spec.name:
                raise StorageError(f"{found} is stored, not {spec.name}.")
            made = cls(spec, params, _estimator(spec, params, state, n_features, trusted))
            if n_features is not None and not isinstance(made._inner, Stored):
                made._raw(np.zeros((1, n_features)))  # nothing compares a third party's arrays with the table's width
            return made
        except DetectorError as error:
            raise StorageError(f"it scores no row: {error.what}", where=f"detector {spec.name}") from error
        except PynomalyError as error:
            error.where = error.where or f"detector {spec.name}"
            raise
        except Exception as error:  # a third party's from_state may fail in any way
            raise _unstorable(spec, "loaded", error) from error

    def score(
        self,
        X: FloatArray,
        wanted: np.ndarray[Any, np.dtype[np.bool_]] | None = None,
        *,
        shared: Shared | None = None,
    ) -> FloatArray:
        """Score new rows; shape (n_rows,), finite, higher = more anomalous.

        Several detectors score the same rows fastest by `score_each`, or with one `Shared` of their own for each block
        of rows: then the rows in a view and the nearest neighbours are found once for all of them.

        Args:
            X: Encoded rows; shape (n_rows, n_features). They are looked at in chunks and never copied as a whole.
            wanted: Which of them to score, shape (n_rows,); None: all.
            shared: What other detectors made of these very rows (the same memory); None: nothing.

        Raises:
            DetectorError: The estimator failed, or returned something other than one number per row.
        """
        slices = [slice(i, i + CHUNK_ROWS) for i in range(0, len(X), CHUNK_ROWS)]
        chunks = (X[s] if wanted is None else X[s][wanted[s]] for s in slices)
        with sharing(shared):
            parts = [self._raw(chunk) for chunk in chunks if len(chunk)]
        raw = np.concatenate(parts) if parts else np.empty(0)
        return self._oriented(raw, len(X) if wanted is None else int(wanted.sum()))

    def _raw(self, X: FloatArray) -> FloatArray:
        try:
            found = getattr(self.estimator, self.spec.score_method)(X)
            return np.asarray(found, dtype=np.float64).reshape(-1)
        except MemoryError:
            raise
        except Exception as error:  # whatever its library raises
            text = " ".join(str(error).split())[:400]
            raise DetectorError(f"{self.spec.name} cannot score rows: {type(error).__name__}: {text}") from error

    def _oriented(self, raw: FloatArray, n_rows: int) -> FloatArray:
        if raw.shape != (n_rows,):
            raise DetectorError(f"{self.spec.name} returned scores of shape {raw.shape} for {n_rows} rows.")
        scores = raw if self.spec.higher_is_anomalous else -raw
        finite = np.isfinite(scores)
        if finite.all():
            return scores
        if not finite.any() and n_rows > 1:
            raise DetectorError(f"{self.spec.name} returned no finite score.")
        # Infinity is a statement ("beyond everything"), NaN is none: the one ranks last, the other in the middle.
        seen = scores[finite] if finite.any() else np.zeros(1)
        return np.nan_to_num(scores, nan=float(np.median(seen)), posinf=float(seen.max()), neginf=float(seen.min()))


def score_each(detectors: Sequence[Scorer], X: FloatArray, *, n_threads: int = 1) -> list[FloatArray]:
    """Scores of the same rows by several detectors, which share what they have in common.

    Args:
        detectors: Fitted on the same features.
        X: Encoded rows; shape (n_rows, n_features).
        n_threads: Detectors that score side by side.

    Returns:
        For each detector what `FittedDetector.score` returns.

    Raises:
        DetectorError: One returned something other than one number per row.
    """
    out = [np.empty(len(X)) for _ in detectors]
    # Who looks for most neighbours goes first: what is found then is enough for the others.
    order = sorted(range(len(detectors)), key=lambda i: -getattr(detectors[i], "n_neighbours", 0))
    largest = max((getattr(detector, "n_reference_rows", 1) for detector in detectors), default=1)
    units = _units(detectors, X)
    wide = [i for i in order if getattr(detectors[i], "wide", False) or i in units]
    # Threads of the numerical libraries would fight over the cores with ours, and are as many as the machine has cores
    # where only one of them may be used: 100,000 rows on one of two cores took four times as long.
    alone = ONE_THREAD if len(X) >= _LIMITED else nullcontext()
    with alone, ThreadPoolExecutor(n_threads) if n_threads > 1 else nullcontext() as threads:
        for chosen, size in (
            ([i for i in order if i not in wide], min(_MOST_SHARED, max(_FEWEST_SHARED, 2_000_000 // largest))),
            (wide, _WIDE),
        ):
            for part in blocks(len(X) if chosen else 0, size):
                shared = Shared()

                def score(i: int, part: slice = part, shared: Shared = shared) -> None:
                    with accelerating(units.get(i)):
                        out[i][part] = detectors[i].score(X[part], shared=shared)

                deque(map(score, chosen) if threads is None else threads.map(score, chosen), maxlen=0)
    return out


def _units(detectors: Sequence[Scorer], X: FloatArray) -> dict[int, Accelerator]:
    """What computes the scores of those that a GPU scores: one device for all, so that they take turns."""
    device, found = wanted_device(), dict[int, Accelerator]()
    if device == CPU or not len(X):
        return found
    for i, detector in enumerate(detectors):
        if isinstance(detector, FittedDetector):
            unit, why = accelerator_for(detector.spec, detector.params, X.shape[:2], device)
            if unit is not None:
                found[i] = next(iter(found.values()), unit)
            elif why:
                break  # there is none, for nobody
    return found


def _unstorable(spec: DetectorSpec, done: str, error: Exception) -> StorageError:
    return StorageError(f"{spec.name} cannot be {done}: {type(error).__name__}: {error}.")


def _estimator(
    spec: DetectorSpec,
    params: Mapping[str, Any],
    state: State,
    n_features: int | None,
    trusted: bool | Sequence[str],
) -> Any:
    kind, view = spec.kind(), spec.view(params)
    if PICKLE in state.arrays:
        found = unpickled(state, trusted)
        inner = found.estimator if isinstance(found, Viewed) else found
        # A target may also be a function that makes the estimator; then there is no type to hold it to.
        if isinstance(kind, type) and not isinstance(inner, kind):
            raise StorageError(f"a {full_name(type(inner))} is stored, not a {full_name(kind)}.")
        return found
    if not is_data(kind):
        raise StorageError(f"{spec.target} cannot be made from data: it has no from_state.")
    sizes = {} if n_features is None else {"d": n_features}
    return read(kind, state, sizes) if view is None else Viewed.around(kind, view, state, sizes)


def fit_detector(
    spec: DetectorSpec, params: Mapping[str, Any], X: FloatArray, *, seed: int, batch: int | None = None
) -> tuple[FittedDetector, FloatArray]:
    """Fit one detector and score the rows it was fitted on.

    Args:
        spec: Which detector.
        params: Values that replace its defaults.
        X: Encoded rows, finite; shape (n_rows, n_features).
        seed: Seed of everything random.
        batch: Rows to fit at a time, for a detector that can be fitted so; None: all at once.

    Returns:
        The fitted detector and the scores of the rows of ``X``, shape (n_rows,), higher = more anomalous. Rows that
        were fitted on are scored in-sample where the detector can (a neighbour search leaves the row itself out).

    Raises:
        NotApplicableError: The detector cannot be fitted on a table of this shape.
        DetectorError: It returned unusable scores.
    """
    n_rows = len(X)
    spec.check_applies(n_rows, X.shape[1])
    estimator = spec.build(spec.scaled_to_reference(params, n_rows), seed=seed)
    chosen = _reference(spec, n_rows, seed)
    if batch is not None:
        _fit_batches(estimator, X, batch)
        made = FittedDetector(spec, params, estimator)
        return made, made.score(X)
    getattr(estimator, spec.fit_method)(X if chosen is None else np.ascontiguousarray(X[chosen]))
    fitted = FittedDetector(spec, params, estimator)
    own = None if spec.train_scores is None else getattr(estimator, spec.train_scores, None)
    if own is None:
        return fitted, fitted.score(X)
    in_sample = fitted._oriented(
        np.asarray(own, dtype=np.float64).reshape(-1), n_rows if chosen is None else len(chosen)
    )
    if chosen is None:
        return fitted, in_sample
    scores = np.empty(n_rows)
    others = np.ones(n_rows, dtype=bool)
    others[chosen] = False
    scores[chosen] = in_sample
    scores[others] = fitted.score(X, others)
    return fitted, scores


def _fit_batches(estimator: Any, X: FloatArray, size: int) -> None:
    """Fit rows some at a time: by scikit-learn's ``partial_fit``, or by ours, which may go through them repeatedly."""
    parts = blocks(len(X), size)
    if getattr(estimator, "fit_batches", None) is not None:
        estimator.fit_batches(lambda: (X[part] for part in parts))
        return
    for part in parts:
        estimator.partial_fit(np.array(X[part]))  # copied, as some compiled code refuses read-only memory


def _reference(spec: DetectorSpec, n_rows: int, seed: int) -> np.ndarray[Any, Any] | None:
    size = spec.reference_size(n_rows)
    if size == n_rows:
        return None
    return np.sort(np.random.default_rng(seed).choice(n_rows, size, replace=False))
