"""The catalogue of meta-features, and the one place that runs them."""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from pynomaly_auto._registry import Registry
from pynomaly_auto.errors import NotApplicableError, SettingError
from pynomaly_auto.profiling._view import View
from pynomaly_auto.records import Reason

Function: TypeAlias = Callable[[View], float]

_GROUPS = ("simple", "distribution", "geometry", "information", "landmarks")


@dataclass(frozen=True, kw_only=True)
class MetaFeature:
    """One number that says something about a table; call it with a `View`.

    Args:
        name: In snake case; the knowledge base aligns by it, so it never changes.
        group: Which aspect of the table it measures.
        function: Computes it; raises `NotApplicableError` where the table gives it no meaning.
        description: What it is, from the docstring's first paragraph.
        paper: Where it comes from, from the docstring's line ``Paper: ...``; empty when it is common knowledge.
    """

    name: str
    group: str
    function: Function
    description: str
    paper: str = ""

    def __call__(self, view: View) -> float:
        """Compute it."""
        return self.function(view)


META_FEATURES: Registry[MetaFeature] = Registry(
    kind="meta-feature",
    modules=tuple(f"pynomaly_auto.profiling.{group}" for group in _GROUPS),
    group="pynomaly_auto.meta_features",
)


def meta_feature(*, group: str) -> Callable[[Function], MetaFeature]:
    """Register a function of a `View` as a meta-feature under its own name.

    Third parties list the decorated function under the entry-point group ``pynomaly_auto.meta_features``.

    Args:
        group: Which aspect of the table it measures; any name is allowed.

    Raises:
        SettingError: The function has no docstring, or its name is taken.
    """

    def register(function: Function) -> MetaFeature:
        name, text = function.__name__, inspect.getdoc(function) or ""
        if not text and sys.flags.optimize < 2:  # python -OO takes all docstrings away
            raise SettingError(f"meta-feature {name!r} has no docstring.", fix="Say in one sentence what it measures.")
        papers = [line.removeprefix("Paper:").strip() for line in text.splitlines() if line.startswith("Paper:")]
        description = " ".join(text.split("\n\n")[0].split())
        item = MetaFeature(name=name, group=group, function=function, description=description, paper=" ".join(papers))
        return META_FEATURES.add(item)

    return register


def measure_all(view: View) -> tuple[dict[str, float], tuple[Reason, ...]]:
    """Compute every registered meta-feature, timing each on the view's clock.

    Returns:
        Values by name, NaN where one does not apply or failed; and the reasons for those.
    """
    values: dict[str, float] = {}
    reasons: list[Reason] = []
    outside: dict[str, str] = {}
    for name, item in META_FEATURES.items():
        with view.clock.measure(name):
            try:
                value = float(item(view))
            except NotApplicableError as error:
                value, outside[name] = math.nan, str(error)
            except Exception as error:
                # Meta-features come from third parties too: one that fails costs its own value, never the profile.
                value = math.nan
                reasons.append(_failed(name, f"{type(error).__name__}: {error}"))
        if math.isinf(value):
            value = math.nan
            reasons.append(_failed(name, "it is infinite"))
        values[name] = value
    if outside:
        text = f"{len(outside)} of {len(values)} meta-features do not apply to this table and are left empty."
        reasons.append(Reason(code="PRO-021", subject="meta-features", text=text, evidence=outside))
    return values, tuple(reasons)


def _failed(name: str, why: str) -> Reason:
    text = f"The meta-feature {name} could not be computed and is left empty."
    return Reason(code="PRO-020", subject=name, text=text, evidence={"error": why})
