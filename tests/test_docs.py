"""What the README and the pages show, runs."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parent.parent
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.S)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_readme_code_runs(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, demo_table: pd.DataFrame
) -> None:
    monkeypatch.chdir(tmp_path)
    demo_table.to_csv("transactions.csv", index=False)
    # The text shows the budget a user would take; the test takes a shorter one.
    code = BLOCKS[number].replace("time_budget=60", "time_budget=8, tracking=False")
    exec(compile(code, "README.md", "exec"), {})


def test_every_page_is_in_the_navigation_once_and_every_decision_has_a_number_of_its_own() -> None:
    pages = sorted(str(p.relative_to(ROOT / "docs")) for p in (ROOT / "docs").rglob("*.md"))
    listed = re.findall(r"^ +- (?:[^:\n]+: )?(\S+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), flags=re.M)
    assert sorted(listed) == pages
    decisions = [page for page in listed if re.match(r"decisions/\d", page)]
    numbers = [page.split("/")[1][:4] for page in decisions]
    assert numbers == [f"{i:04d}" for i in range(1, len(decisions) + 1)]
    for page, number in zip(decisions, numbers, strict=True):
        assert (ROOT / "docs" / page).read_text(encoding="utf-8").startswith(f"# {number} ")


@pytest.mark.parametrize("page", ["score.md", "feedback.md", "resuming.md", "knowledge.md", "objectives.md"])
def test_examples_of_a_page_give_what_they_say(page: str) -> None:
    outcome = doctest.testfile(str(ROOT / "docs" / page), module_relative=False)
    assert outcome.attempted > 10
    assert outcome.failed == 0
