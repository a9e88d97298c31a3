"""Counts of texts, of which those met once need not be kept: what was never seen counts as they do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np

from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import FloatArray, IntArray, State

_USUAL = 0.9


@dataclass(frozen=True, kw_only=True, eq=False)
class Counts:
    """How many rows hold each of some keys; a key that is not there counts as met once.

    Args:
        keys: The keys met in two rows or more, in order.
        counts: Rows of each, shape (n_keys,).
        total: Rows counted.
    """

    keys: tuple[str, ...] = field(repr=False)
    counts: IntArray = field(repr=False)
    total: int

    @classmethod
    def of(cls, counted: Mapping[str, int], total: int) -> Counts:
        """From all keys and their rows."""
        kept = sorted(key for key, n in counted.items() if n > 1)
        return cls(keys=tuple(kept), counts=np.array([counted[k] for k in kept], dtype=np.int64), total=total)

    @cached_property
    def _rows_of(self) -> dict[str, int]:
        return dict(zip(self.keys, self.counts.tolist(), strict=True))

    @cached_property
    def _place_of(self) -> dict[str, int]:
        return {key: i for i, key in enumerate(self.keys)}

    def rows(self, keys: Iterable[str]) -> FloatArray:
        """Rows of each of some keys, at least 1 each, shape (n,)."""
        known = self._rows_of
        return np.array([known.get(key, 1) for key in keys], dtype=np.float64)

    def surprise(self, keys: Iterable[str]) -> FloatArray:
        """Bits of each of some keys: −log₂ of their share of the rows, shape (n,)."""
        return np.asarray(np.log2(max(self.total, 1)) - np.log2(self.rows(keys)))

    def places(self, keys: Iterable[str], *, last: int) -> IntArray:
        """Position among `keys` of each of some texts, -1: not there, and one more place; shape (n + 1,)."""
        known = self._place_of
        return np.array([*(known.get(key, -1) for key in keys), last], dtype=np.int64)

    def to_state(self) -> State:
        """As data."""
        return pack("keys", self.keys) | State(arrays={"counts": self.counts}, values={"total": self.total})

    @classmethod
    def from_state(cls, state: State) -> Counts:
        """The inverse of `to_state`.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        keys, counts = unpack("keys", state), state.array("counts", kind="i", ndim=1)
        total = state.value("total", int)
        if len(keys) != len(counts) or total < 0 or (counts < 1).any():
            raise StorageError("counts of texts do not fit the texts.")
        return cls(keys=keys, counts=counts, total=total)


def usual_bits(bits: FloatArray, counts: IntArray) -> float:
    """What nine of ten cells of a column stay below or at.

    Args:
        bits: Of each distinct cell.
        counts: Rows of each.
    """
    order = np.argsort(bits, kind="stable")
    upto = np.cumsum(counts[order])
    return float(bits[order][np.searchsorted(upto, _USUAL * upto[-1])]) if len(upto) and upto[-1] else 0.0


def tally(keys: Sequence[str], counts: IntArray) -> dict[str, int]:
    """Rows of each distinct key, of keys that each stand for some rows."""
    out: dict[str, int] = {}
    for key, n in zip(keys, counts.tolist(), strict=True):
        out[key] = out.get(key, 0) + n
    return out


def pack(name: str, texts: Sequence[str]) -> State:
    """Texts as two arrays: their bytes, and where each ends."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    ends = np.cumsum([len(e) for e in encoded], dtype=np.int64)
    return State(arrays={f"{name}_bytes": np.frombuffer(b"".join(encoded), dtype=np.uint8), f"{name}_ends": ends})


def unpack(name: str, state: State) -> tuple[str, ...]:
    """The inverse of `pack`.

    Raises:
        StorageError: Something is missing, or the bytes are no texts.
    """
    ends = state.array(f"{name}_ends", kind="i", ndim=1)
    raw = state.array(f"{name}_bytes", kind="u", ndim=1).astype(np.uint8).tobytes()
    cuts = [0, *ends.tolist()]
    if cuts[-1] != len(raw) or any(a > b for a, b in pairwise(cuts)):
        raise StorageError(f"the texts {name!r} are damaged.")
    try:
        return tuple(raw[a:b].decode("utf-8", "surrogatepass") for a, b in pairwise(cuts))
    except UnicodeDecodeError:
        raise StorageError(f"the texts {name!r} are damaged.") from None
