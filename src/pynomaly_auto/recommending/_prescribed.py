"""Members known beforehand: where a regime names them, they are tried first and combined."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pynomaly_auto.records import Candidate, Configuration, Reason
from pynomaly_auto.regimes import REGIMES, Regime
from pynomaly_auto.settings import Settings


def prescribed(names: Iterable[str], settings: Settings) -> tuple[Configuration, ...]:
    """The regime's members that can be used, with the parameters the user has fixed; none where it names none."""
    usable, fixed = set(names), settings.overrides.params
    members = (c for c in REGIMES[settings.regime].members if c.detector in usable)
    return tuple(dict.fromkeys(c.fixing(fixed.get(c.detector, {})) for c in members))


def first_params(candidates: list[Candidate], chosen: tuple[Configuration, ...]) -> list[Candidate]:
    """The candidates, those of members with the parameters of their first member."""
    firsts: dict[str, Any] = {}
    for configuration in chosen:
        firsts.setdefault(configuration.detector, configuration.params)
    return [replace(c, params=firsts[c.detector]) if c.detector in firsts else c for c in candidates]


def unasked(regime: Regime) -> tuple[Reason, ...]:
    """Why the knowledge base is not asked; empty where it is."""
    if regime.asks_knowledge_base:
        return ()
    return (Reason(code="REC-017", subject="knowledge base", text=f"not asked: {regime.unasked}"),)


def of_members(chosen: tuple[Configuration, ...]) -> tuple[Reason, ...]:
    """What is combined; empty where no members are known beforehand."""
    if not chosen:
        return ()
    said = "; ".join(f"{c.detector} ({', '.join(f'{k}={v}' for k, v in c.params.items())})" for c in chosen)
    text = f"tried first and combined, as the training rows are normal: {said}"
    return (Reason(code="REC-006", subject="portfolio", text=text, evidence={"members": len(chosen), "params": said}),)
