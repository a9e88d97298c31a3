"""Estimators that are not data: stored as a pickle, with the user's word, and loaded only with it.

A pickle runs whatever its writer put into it. So it lies under a name of its own, and nothing looks into it before the
user has said to trust its type, or everything.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

import cloudpickle
import numpy as np

from pynomaly_auto.errors import StorageError, UntrustedError
from pynomaly_auto.records import State

PICKLE = "cloudpickle"
TYPE = "type"


def is_data(kind: Any) -> bool:
    """Whether an estimator's class can be stored as arrays and values."""
    return isinstance(kind, type) and callable(getattr(kind, "to_state", None)) and hasattr(kind, "from_state")


def full_name(kind: type) -> str:
    """Such as ``"my_package.detectors.MyDetector"``."""
    return f"{kind.__module__}.{kind.__qualname__}"


def pickled(estimator: Any, *, name: str, trusted: bool) -> State:
    """An estimator as the bytes of a pickle.

    Args:
        estimator: Fitted.
        name: Full name of its type.
        trusted: The user has said that such a file may be written.

    Raises:
        UntrustedError: The user has not.
        StorageError: It cannot be pickled.
    """
    if not trusted:
        raise UntrustedError(
            f"{name} cannot be stored as data: it has no to_state and from_state.",
            fix="Save with trusted=True to store it as a pickle, which only those who trust the file can load.",
        )
    try:
        content = cloudpickle.dumps(estimator)
    except Exception as error:  # whatever state a third party's object holds
        raise StorageError(f"{name} cannot be pickled: {type(error).__name__}: {error}.") from error
    return State(arrays={PICKLE: np.frombuffer(content, dtype=np.uint8)}, values={TYPE: name})


def unpickled(state: State, trusted: bool | Sequence[str]) -> Any:
    """The estimator that `pickled` stored.

    Args:
        state: With the pickle.
        trusted: Full names of types the user trusts, or True: whatever the file holds.

    Raises:
        UntrustedError: The user trusts no such file; the message names the type.
        StorageError: The pickle is damaged.
    """
    content, name = state.array(PICKLE, kind="u", ndim=1), state.value(TYPE, str)
    if trusted is not True and name not in ([trusted] if isinstance(trusted, str) else list(trusted or ())):
        raise UntrustedError(
            f"it holds a pickled {name}, and nobody has said to trust it.",
            fix=f"A pickle can run any code. If you know who wrote the file, load it with trusted=[{name!r}].",
        )
    try:
        return pickle.loads(content.tobytes())  # noqa: S301 - the user has said so
    except Exception as error:  # a pickle may fail in any way
        raise StorageError(f"the pickled {name} cannot be read: {type(error).__name__}: {error}.") from error
