"""Whether an answer is a brief one: the clock ended the search before what the answer is to rest on was there."""

from __future__ import annotations

from pynomaly_auto.models import Fusion
from pynomaly_auto.records import Ranking, Reason, Search

_MOST_NAMED = 4
_ENOUGH = 0.5  # of the members that the fusion knows: with half of them its order is nearly that of all


def brevity(search: Search, ranking: Ranking, fusion: Fusion | None) -> tuple[Reason, ...]:
    """Why more time would give another answer; empty where it would hardly.

    The members that the learned fusion starts from, or else the portfolio, come first in every search, in one order;
    an answer without one of them, or with fewer than half of the members that the fusion knows, is a brief one.

    Args:
        search: That the clock could end.
        ranking: What was to be tried.
        fusion: The learned fusion, or None.
    """
    wanted = {step.configuration.fusion_name or "": step.configuration.name for step in ranking.queue}
    known = {name for name in wanted if fusion is not None and name in fusion.members}
    core = () if fusion is None else fusion.core(tuple(known))
    core = core or tuple(name for name in ranking.portfolio if name in wanted)
    done = {trial.configuration.fusion_name for trial in search.completed}
    missing = [wanted[name] for name in core if name not in done]
    tried = len(known & done)
    if not missing and (not known or tried >= _ENOUGH * len(known)):
        return ()
    text = "it was up early, and more would give another answer. "
    if missing:
        others = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
        named = ", ".join(missing[:_MOST_NAMED])
        text += f"Of the {len(core)} members that it rests on, these are missing: {named}{others}."
    else:
        text += f"{tried} of the {len(known)} members that the learned fusion knows were fitted."
    evidence = {"core": len(core), "core_missing": len(missing), "known": len(known), "tried": tried}
    return (Reason(code="ENS-035", subject="time", text=text, evidence=evidence),)
