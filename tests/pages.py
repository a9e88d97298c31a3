"""Pages of the documentation that are made from the code: ``python -m tests.pages`` writes them."""

from __future__ import annotations

from pathlib import Path

from pynomaly_auto.records import CODES, Reason

REASONS = Path(__file__).parent.parent / "docs" / "reasons.md"
_HEAD = """# Reasons

Every decision of a run is a `Reason(code, subject, text, evidence)`, made where the decision is taken.
`result_.reasons` lists them in order, `explain_decisions()` as a table. A code has one meaning; the text of a reason
says what is so in this run, and each figure in it is among its evidence. This page is made from the tables of codes in
`src` by `python -m tests.pages`.
"""


def reasons_page() -> str:
    """The page of reason codes, a table for each stage."""
    parts = [_HEAD]
    stages: dict[str, list[str]] = {}
    for code in sorted(CODES.values(), key=lambda c: c.code):
        stage = Reason(code=code.code, subject="", text="").stage
        line = f"| `{code.code}` | {code.title} | {code.says} | {code.do} |".replace("\n", " ")
        stages.setdefault(stage, []).append(line)
    for stage, lines in stages.items():
        parts.append(
            "\n".join([f"## {stage}\n", "| Code | Title | What it says | What to do |", "|---|---|---|---|", *lines])
        )
    return "\n\n".join(part.strip() for part in parts) + "\n"


if __name__ == "__main__":
    REASONS.write_text(reasons_page(), encoding="utf-8")
