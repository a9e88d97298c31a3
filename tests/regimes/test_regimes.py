"""A regime is one literal: complete, made of names that exist, and the only place that tells one from another."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest

import pynomaly_auto
from pynomaly_auto.building._build import _PREPARING
from pynomaly_auto.deciding._verdict import _WANTED
from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.ensembling import COMBINERS
from pynomaly_auto.ensembling._combining import WEIGHING
from pynomaly_auto.regimes import CONTAMINATED, NOVELTY, REGIMES, Combiner, Judged, ThresholdMeaning, Weighing
from pynomaly_auto.settings import Settings

SOURCE = Path(pynomaly_auto.__file__).parent
# The public word is `novelty`: its value is taken here, and nowhere else.
TAKEN = ("settings.py", "engine/_detector.py")


def _told_apart(tree: ast.AST, names: frozenset[str]) -> list[int]:
    """Lines that read an attribute ``novelty`` or ask for a regime by name."""
    lines = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "novelty":
            lines.append(node.lineno)
        if isinstance(node, (ast.Compare, ast.Match)):
            parts = [p for p in ast.walk(node) if isinstance(p, ast.Constant) and p.value in names]
            named = [
                p for p in ast.walk(node)
                if isinstance(p, ast.Name) and p.id in {"CONTAMINATED", "NOVELTY"} and isinstance(node, ast.Compare)
                and p in (node.left, *node.comparators)
            ]  # fmt: skip
            if parts or named:
                lines.append(node.lineno)
    return lines


def test_nothing_but_the_regimes_tells_one_from_another() -> None:
    names = frozenset(REGIMES)
    found = {
        f"{path.relative_to(SOURCE).as_posix()}:{line}"
        for path in sorted(SOURCE.rglob("*.py"))
        if path.parent.name != "regimes" and path.relative_to(SOURCE).as_posix() not in TAKEN
        for line in _told_apart(ast.parse(path.read_text(encoding="utf-8")), names)
    }
    assert not found, "give `Regime` a field that says what differs"


@pytest.mark.parametrize(
    "line", ["settings.novelty", "if a.novelty: pass", "plan.protocol == 'novelty'", "regime is NOVELTY",
             "match regime:\n case 'contaminated': pass"],
)  # fmt: skip
def test_what_tells_them_apart_is_found(line: str) -> None:
    assert _told_apart(ast.parse(line), frozenset(REGIMES))


def test_the_public_word_gives_the_regime() -> None:
    assert REGIMES[Settings().regime] is CONTAMINATED
    assert REGIMES[Settings(novelty=True).regime] is NOVELTY
    assert list(REGIMES) == ["contaminated", "novelty"]


@pytest.mark.parametrize("name", list(REGIMES))
def test_a_regime_names_detectors_that_exist(name: str) -> None:
    regime = REGIMES[name]
    used = {*regime.strength, *regime.portfolio, *regime.favoured.detectors, *regime.disfavoured.detectors}
    assert used <= {*DETECTORS}
    assert all(member.detector in regime.portfolio for member in regime.members)
    assert bool(regime.unasked) != regime.asks_knowledge_base
    assert all(bool(leaning.detectors) == bool(leaning.why) for leaning in (regime.favoured, regime.disfavoured))
    for member in regime.members:
        DETECTORS[member.detector].build(member.params, seed=0)


@pytest.mark.parametrize(
    ("values", "table"),
    [(Combiner, COMBINERS), (Weighing, WEIGHING), (ThresholdMeaning, _WANTED), (Judged, _PREPARING)],
)
def test_a_stage_knows_every_value(values: Any, table: Mapping[str, Callable[..., Any] | str]) -> None:
    assert set(get_args(values)) == set(table)
