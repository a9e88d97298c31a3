"""Markdown tables and the numbers in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from benchmarks._statistics import Comparison, Interval


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; columns after the first are set to the right."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def number(value: float, *, signed: bool = False) -> str:
    """Three decimals without the zero before the point; a dash where there is none."""
    if not np.isfinite(value):
        return "–"
    text = f"{abs(value):.3f}"
    text = text[1:] if text.startswith("0") else text
    if float(f"{value:.3f}") == 0.0:
        return text
    return ("−" if value < 0 else "+" if signed else "") + text


def interval(value: Interval, *, signed: bool = False) -> str:
    """Mean and, in brackets, the ends of its interval."""
    if not np.isfinite(value.mean):
        return "–"
    if not np.isfinite(value.low):
        return number(value.mean, signed=signed)
    return (
        f"{number(value.mean, signed=signed)} ({number(value.low, signed=signed)} to "
        f"{number(value.high, signed=signed)})"
    )


def record(value: Comparison) -> str:
    """Wins, ties and losses of ours."""
    return f"{value.wins} / {value.ties} / {value.losses}"


def probability(value: float) -> str:
    """A p value."""
    if value < 0.0001:
        return "<.0001"
    return f"{value:.4f}"[1:] if value < 0.01 else number(min(value, 1.0))


def seconds(value: float) -> str:
    """Mean seconds."""
    if not np.isfinite(value):
        return "–"
    return f"{value:.2f}" if value < 1 else f"{value:.1f}"
