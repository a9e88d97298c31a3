"""What the README shows, runs."""

from __future__ import annotations

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
