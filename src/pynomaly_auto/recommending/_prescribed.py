"""Members known beforehand: where a regime names them, they are tried first and combined."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pynomaly_auto.records import Candidate, Params, Reason
from pynomaly_auto.regimes import REGIMES, Regime
from pynomaly_auto.settings import Settings


def prescribed(names: Iterable[str], settings: Settings) -> tuple[tuple[str, Params], ...]:
    """The regime's members that can be used, with the parameters the user has fixed; none where it names none."""
    usable, fixed = set(names), settings.overrides.params
    members = REGIMES[settings.regime].members
    wanted = [(name, {**params, **fixed.get(name, {})}) for name, params in members if name in usable]
    return tuple(pair for i, pair in enumerate(wanted) if pair not in wanted[:i])


def first_params(candidates: list[Candidate], chosen: tuple[tuple[str, Params], ...]) -> list[Candidate]:
    """The candidates, those of members with the parameters of their first member."""
    firsts: dict[str, Any] = {}
    for name, params in chosen:
        firsts.setdefault(name, params)
    return [replace(c, params=firsts[c.detector]) if c.detector in firsts else c for c in candidates]


def unasked(regime: Regime) -> tuple[Reason, ...]:
    """Why the knowledge base is not asked; empty where it is."""
    if regime.asks_knowledge_base:
        return ()
    return (Reason(code="REC-017", subject="knowledge base", text=f"not asked: {regime.unasked}"),)


def of_members(chosen: tuple[tuple[str, Params], ...]) -> tuple[Reason, ...]:
    """What is combined; empty where no members are known beforehand."""
    if not chosen:
        return ()
    said = "; ".join(f"{name} ({', '.join(f'{k}={v}' for k, v in params.items())})" for name, params in chosen)
    text = f"tried first and combined, as the training rows are normal: {said}"
    return (Reason(code="REC-006", subject="portfolio", text=text, evidence={"members": len(chosen), "params": said}),)
