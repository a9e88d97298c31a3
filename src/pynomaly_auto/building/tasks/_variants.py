"""Variants of a task: another share of anomalies, corrupted tables. They keep their origin's group."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pynomaly_auto.building.tasks._corruptions import CORRUPTIONS, Corruption
from pynomaly_auto.building.tasks._recipes import thin
from pynomaly_auto.errors import InvalidInputError, SettingError, UnknownNameError
from pynomaly_auto.records import IntArray

SHARE = "share"
_CHAIN = "+"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What is done to a task, in order.

    Args:
        text: As it was asked for, and as it stands in the name of the task.
        share: Share of anomalies to thin to, before rows are capped; None: as it is.
        corruptions: Each with its strength.
    """

    text: str
    share: float | None = None
    corruptions: tuple[tuple[Corruption, float], ...] = ()

    def thinned(self, labels: IntArray, rng: np.random.Generator) -> IntArray:
        """Positions kept of a task's rows.

        Raises:
            InvalidInputError: The task has too few anomalies, or too few would be left.
        """
        return np.arange(len(labels)) if self.share is None else thin(labels, self.share, rng)

    def corrupted(self, table: pd.DataFrame, labels: IntArray, rng: np.random.Generator) -> pd.DataFrame:
        """The spoilt table, of as many rows.

        Raises:
            InvalidInputError: A corruption finds nothing to change, so that the variant would be its origin again.
        """
        for corruption, strength in self.corruptions:
            spoilt = corruption.function(table, labels, strength, rng)
            if spoilt.equals(table):
                raise InvalidInputError(f"{corruption.name} finds nothing to change in this table.")
            table = spoilt
        return table


def parse_variant(text: str) -> Variant:
    """Read what a variant is asked for by: ``share=0.02``, ``noise``, ``noise=0.5``, or several joined by ``+``.

    Raises:
        SettingError: It cannot be read, or a value lies outside what it may be.
        UnknownNameError: A corruption is unknown.
    """
    share: float | None = None
    corruptions = []
    for step in text.split(_CHAIN):
        name, given, value = (part.strip() for part in step.partition("="))
        strength = _number(value, text) if given else None
        if name == SHARE:
            if strength is None or not 0 < strength <= 0.5:
                raise SettingError(
                    f"variant {text!r} gives no share of anomalies in (0, 0.5].", fix="Write for example share=0.02."
                )
            share = strength
            continue
        if name not in CORRUPTIONS:
            raise UnknownNameError.of("variant", name, [SHARE, *CORRUPTIONS])
        corruption = CORRUPTIONS[name]
        strength = corruption.strength if strength is None else strength
        if not corruption.low <= strength <= corruption.high:
            raise SettingError(
                f"variant {text!r}: {strength:g} lies outside {corruption.low:g} … {corruption.high:g}.",
                fix=f"It is the {corruption.summary}.",
            )
        corruptions.append((corruption, strength))
    return Variant(text=text.replace(" ", ""), share=share, corruptions=tuple(corruptions))


def parse_variants(texts: Iterable[str]) -> tuple[Variant, ...]:
    """Read several, each once.

    Raises:
        SettingError: One cannot be read.
    """
    found = {variant.text: variant for variant in map(parse_variant, texts)}
    return tuple(found.values())


def _number(value: str, text: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise SettingError(f"variant {text!r}: {value!r} is no number.", fix="Write for example noise=0.5.") from None
