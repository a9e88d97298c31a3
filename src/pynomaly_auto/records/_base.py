"""What all records share: the reason, and the way to plain values."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

Scalar: TypeAlias = str | int | float | bool | None
FloatArray: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
IntArray: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]

# Metadata of a field that is a record of its own: its plain values lie among those of the record that holds it.
FLAT: Mapping[str, bool] = MappingProxyType({"flat": True})

# What the letters of a reason's code stand for; a third party's letters stand for themselves.
_STAGES = {
    "SET": "Settings", "PRE": "Preset", "DAT": "Data", "CEL": "Cells", "PRO": "Profile", "KNB": "Knowledge base",
    "REC": "Recommending", "TUN": "Tuning", "ENS": "Ensembling", "SUP": "Supervising", "ASK": "Asking", "RUL": "Ruling",
    "DEC": "Deciding", "EXP": "Explaining", "GUI": "Guided setup", "TRK": "Tracking", "STO": "Storing", "ENG": "Engine",
    "MON": "Monitoring",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why something was decided, made where the decision is taken.

    Args:
        code: Stable identifier such as ``REC-012``: stage, then number.
        subject: What the decision is about: a column, a detector, a parameter.
        text: One sentence for a person.
        evidence: The measured values the decision rests on.
    """

    code: str
    subject: str
    text: str
    evidence: Mapping[str, Scalar] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.code} {self.subject}: {self.text}"

    @property
    def stage(self) -> str:
        """Name of the stage that took the decision, read off the code.

        >>> Reason(code="REC-012", subject="lof", text="Left out: cost n².").stage
        'Recommending'
        """
        letters = self.code.partition("-")[0]
        return _STAGES.get(letters, letters)

    def with_evidence(self, **more: Scalar) -> Reason:
        """The same with more evidence."""
        return dataclasses.replace(self, evidence={**self.evidence, **more})

    def to_dict(self) -> dict[str, Any]:
        """Plain values only."""
        return {"code": self.code, "subject": self.subject, "text": self.text, "evidence": plain(self.evidence)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Reason:
        """The inverse of `to_dict`."""
        return cls(**values)


def plain_fields(record: Any, *, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """A record's fields as plain values; those of a flat one lie among them.

    Args:
        record: Any dataclass instance.
        without: Names of fields to leave out.
    """
    out: dict[str, Any] = {}
    for f in dataclasses.fields(record):
        if f.name not in without:
            value = plain(getattr(record, f.name))
            out |= value if f.metadata.get("flat") else {f.name: value}
    return out


def plain(value: Any) -> Any:
    """Turn records, arrays, numpy scalars, mappings and tuples into what JSON can hold (non-finite numbers: None)."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        convert = getattr(value, "to_dict", None)
        if convert is not None:
            return convert()
        return plain_fields(value)
    if isinstance(value, (dict, MappingProxyType)):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return [plain(v) for v in value.tolist()]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int, bool)):
        return value
    return str(value)
