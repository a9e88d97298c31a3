"""What a run says is what it said: ``python -m tests.golden`` writes it anew, and the difference is read by people."""

from __future__ import annotations

from tests.golden.figures import figures, template
from tests.golden.run import read, result, said

CLOSE = 0.1  # relative; figures are those of another machine, other versions


def test_the_run_says_what_it_said() -> None:
    before, now = read(), said(result())
    assert [_frame(entry) for entry in now] == [_frame(entry) for entry in before], "python -m tests.golden"
    far = [
        (code, subject, old, new)
        for (code, subject, old), (_, _, new) in zip(before, now, strict=True)
        for a, b in zip(figures(old), figures(new), strict=True)
        if abs(a.value - b.value) > 2 * (a.half + b.half) + CLOSE * abs(a.value)
    ]
    assert far == [], "python -m tests.golden"


def _frame(entry: list[str]) -> tuple[str, str, str]:
    code, subject, text = entry
    return code, subject, template(text)
