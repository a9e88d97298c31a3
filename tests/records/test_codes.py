"""One code, one meaning: every code that is used is in a table, every code in a table is used, and none is read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pynomaly_auto.errors import SettingError
from pynomaly_auto.records import CODES, ReasonCode
from tests.pages import REASONS, reasons_page

SRC = Path(__file__).parents[2] / "src" / "pynomaly_auto"
MODULES = {path.relative_to(SRC).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in SRC.rglob("*.py")}
CODE = re.compile(r"[A-Z]{3}-\d{3}")
# Whose room a code's letters are. Recording a run spans two, and the ensembling tells the tuning what is settled.
ROOMS = {
    "SET": {"engine"}, "PRE": {"presets"}, "DAT": {"dataset"}, "CEL": {"cells"}, "PRO": {"profiling"},
    "REC": {"recommending"},
    "GUI": {"recommending"}, "TUN": {"tuning", "ensembling"}, "ENS": {"ensembling"}, "DEC": {"deciding"},
    "SUP": {"supervising"}, "ASK": {"asking"},
    "RUL": {"ruling"},
    "EXP": {"explaining"}, "TRK": {"tracking", "engine"}, "STO": {"storing"}, "ENG": {"engine"}, "MON": {"monitoring"},
}  # fmt: skip
# Who shows reasons to people, and so may look into them.
SHOWING = {
    "records/_base.py", "records/_html.py", "reporting/_view.py", "tracking/_items.py", "engine/_attributes.py",
    "testing.py",
}  # fmt: skip
# What has evidence that is none of a reason's.
OTHER_EVIDENCE = {
    "recommending/_recommend.py: effect", "records/_data.py: self", "engine/_pipeline.py: dataset",
    "engine/_answering.py: dataset",
    "engine/_storage.py: dataset", "engine/_looking.py: dataset", "dataset/_encoder.py: settled",
    "dataset/reading/_settling.py: choice", "dataset/reading/_settling.py: more", "records/_result.py: self.ensemble",
}  # fmt: skip


def used() -> Iterator[tuple[str, str]]:
    """Every code written down outside of the tables, and where."""
    for name, tree in MODULES.items():
        if not name.endswith("_codes.py"):
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
                    yield node.value, name


def test_every_code_has_a_line_in_a_table_and_every_line_is_used() -> None:
    codes = {code for code, _ in used()}
    assert sorted(codes - set(CODES)) == [], "add a line to the stage's _codes.py"
    assert sorted(set(CODES) - codes) == [], "nobody gives such a reason: drop its line"


def test_a_code_is_used_by_its_own_stage() -> None:
    strangers = [(code, name) for code, name in used() if name.partition("/")[0] not in ROOMS[code[:3]]]
    assert strangers == []


def test_a_code_has_one_line() -> None:
    with pytest.raises(SettingError, match="registered twice"):
        CODES.add(ReasonCode("ENS-001", "Another meaning", "Something else."))


@pytest.mark.parametrize("code", CODES.values(), ids=lambda c: c.code)
def test_a_line_says_what_it_means_and_what_to_do(code: ReasonCode) -> None:
    assert CODE.fullmatch(code.code)
    assert code.title
    assert not code.title.endswith(".")
    assert code.says.endswith(".")
    assert code.do.endswith(".")


def test_the_page_is_current() -> None:
    assert REASONS.read_text(encoding="utf-8") == reasons_page(), "run python -m tests.pages"


def test_nobody_reads_a_reason_to_decide_something() -> None:
    """What is decided travels in fields; a reason is what is said of it."""
    found = []
    for name, tree in MODULES.items():
        if name in SHOWING:
            continue
        # What is called is a cell detector's method; a reason's evidence is a mapping.
        called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        for node in ast.walk(tree):
            compared = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
            if any(isinstance(side, ast.Attribute) and side.attr == "code" for side in compared):
                found.append(f"{name}:{node.lineno} compares a code")
            # A rule's effect and a reading have evidence of their own, of which the reason is made; a data set has that
            # of its cells.
            reads = isinstance(node, ast.Attribute) and node.attr == "evidence" and id(node) not in called
            if reads and f"{name}: {ast.unparse(node.value)}" not in OTHER_EVIDENCE:
                found.append(f"{name}:{node.lineno} reads evidence")
    assert found == []
