"""Families of detectors whose parameters are worth tuning without labels, as measured; the others are not tuned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pynomaly_auto.records import Reason

_LEVEL = 0.05


@dataclass(frozen=True, kw_only=True)
class Gain:
    """What tuning a family's detectors by the estimate of quality gained (``python -m benchmarks.tuning families``).

    Args:
        tables: It was measured on, one of each group; nothing had been learned from any table.
        difference: Average precision with the parameters that the estimate took for the best of eight, less that with
            the defaults.
        p: Wilcoxon's signed rank test over groups, two-sided, held to the level of all families (Holm 1979).
    """

    tables: int
    difference: float
    p: float

    @property
    def proven(self) -> bool:
        """Whether tuning is better than not."""
        return self.difference > 0 and self.p < _LEVEL


MEASURED: Mapping[str, Gain] = MappingProxyType({
    "categorical": Gain(tables=15, difference=-0.007, p=1.0),
    "linear": Gain(tables=84, difference=0.005, p=0.364),
    "neural": Gain(tables=74, difference=0.021, p=0.0234),
    "proximity": Gain(tables=84, difference=0.015, p=0.304),
    "regression": Gain(tables=84, difference=0.045, p=0.000319),
    "statistical": Gain(tables=84, difference=0.008, p=0.449),
    "trees": Gain(tables=84, difference=0.001, p=1.0),
})  # fmt: skip


def untuned(family: str) -> Reason | None:
    """Why a family is not tuned without labels; None: it may be, or nobody has measured it."""
    gain = MEASURED.get(family)
    if gain is None or gain.proven:
        return None
    text = (
        f"Parameters of {family} detectors are not tuned without labels: on {gain.tables} tables those that the "
        f"estimate of quality took for the best changed average precision by {gain.difference:+.3f} (p {gain.p:.2g}), "
        "which proves no gain."
    )
    evidence = {"tables": gain.tables, "difference": gain.difference, "p": gain.p}
    return Reason(code="TUN-033", subject=family, text=text, evidence=evidence)
