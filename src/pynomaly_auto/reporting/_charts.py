"""Small charts as inline SVG: no library, no script; colours come from the page's CSS variables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from markupsafe import Markup

from pynomaly_auto.records import FloatArray

_W, _H = 940, 270  # drawing units; the page scales the drawing to its width
_LEFT, _RIGHT, _TOP, _BOTTOM = 54, 16, 22, 42
_ROW = 25
_NAMES, _VALUES = 200, 130  # columns for names and values beside horizontal bars
_MAX_NAME = 26


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One horizontal bar; ``low`` and ``high`` draw an interval over it; values in [0, 1]."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    strong: bool = True
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One trial: seconds against quality."""

    x: float
    y: float
    name: str
    member: bool = False
    pareto: bool = False


def histogram(scores: FloatArray, threshold: float, *, bins: int = 48) -> Markup:
    """Draw how the scores are spread, rows above the threshold in the warning colour; heights are logarithmic."""
    scores = scores[np.isfinite(scores)]
    if not len(scores):
        return _frame("", "No scores to show.", _H)
    low, high = float(scores.min()), float(scores.max())
    low, high = min(low, threshold), max(high, threshold)
    if high <= low:
        low, high = low - 0.5, high + 0.5
    # The threshold is made an edge, so that no bar mixes both sides of it.
    below = max(1, min(bins - 1, round(bins * (threshold - low) / (high - low)))) if low < threshold < high else bins
    edges = np.linspace(low, high, bins + 1)
    if below < bins:
        edges = np.r_[np.linspace(low, threshold, below + 1), np.linspace(threshold, high, bins - below + 1)[1:]]
    counts, edges = np.histogram(scores, edges)
    top = math.log1p(max(int(counts.max()), 1)) * 1.05
    x = _scale(low, high, _LEFT, _W - _RIGHT)
    y = _scale(0.0, top, _H - _BOTTOM, _TOP)
    parts = [_y_line(y(math.log1p(tick)), f"{tick:,}") for tick in _log_counts(int(counts.max()))]
    for count, left, right in zip(counts, edges[:-1], edges[1:], strict=True):
        if count:
            kind = "bad" if left >= threshold else "accent"
            height = y(0) - y(math.log1p(count))
            parts.append(
                f'<rect class="fill-{kind}" x="{x(left) + 0.5:.1f}" y="{y(math.log1p(count)):.1f}" '
                f'width="{max(x(right) - x(left) - 1, 0.6):.1f}" height="{height:.1f}" rx="1.5">'
                f"<title>{count:,} rows, scores {left:.3g} to {right:.3g}</title></rect>"
            )
    parts += [_x_label(x(tick), _number(tick)) for tick in _ticks(low, high, 9)]
    line = x(threshold)
    side, shift = ("end", -6) if line > _W * 0.7 else ("start", 6)
    parts.append(
        f'<line class="threshold" x1="{line:.1f}" x2="{line:.1f}" y1="{_TOP - 8}" y2="{_H - _BOTTOM}"/>'
        f'<text class="strong" x="{line + shift:.1f}" y="{_TOP - 6}" text-anchor="{side}">'
        f"threshold {_number(threshold)}</text>"
    )
    parts.append(_axis_title("combined score", "rows (log)"))
    above = int((scores > threshold).sum())
    return _frame("".join(parts), f"Histogram of {len(scores):,} combined scores; {above:,} above the threshold.", _H)


def bars(items: Sequence[Bar], *, label: str, upper: float = 1.0, percent: bool = False) -> Markup:
    """Draw horizontal bars, one per item, on a scale from 0 to ``upper``."""
    height = len(items) * _ROW + 30
    x = _scale(0.0, upper, _NAMES, _W - _VALUES)
    parts = []
    for tick in _ticks(0.0, upper):
        parts.append(f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="4" y2="{height - 24}"/>')
        parts.append(
            f'<text x="{x(tick):.1f}" y="{height - 8}" text-anchor="middle">'
            f"{_number(100 * tick) + '%' if percent else _number(tick)}</text>"
        )
    for i, item in enumerate(items):
        middle = 4 + i * _ROW + _ROW / 2
        kind = "accent" if item.strong else "faint"
        end = x(min(max(item.value, 0.0), upper))
        parts.append(
            f'<text class="name" x="{_NAMES - 10}" y="{middle + 4}" text-anchor="end">{_short(item.name)}</text>'
            f'<rect class="fill-{kind}" x="{_NAMES}" y="{middle - 7}" width="{max(end - _NAMES, 1):.1f}" height="14" '
            f'rx="3"><title>{escape(item.name)}: {item.value:.3f}</title></rect>'
        )
        if item.low is not None and item.high is not None:
            low, high = (x(min(max(v, 0.0), upper)) for v in (item.low, item.high))
            parts.append(
                f'<path class="whisker" d="M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 4}v8M{high:.1f} '
                f'{middle - 4}v8"><title>90 % interval {item.low:.2f} to {item.high:.2f}</title></path>'
            )
        note = item.note or f"{item.value:.2f}"
        parts.append(f'<text class="value" x="{_W - _VALUES + 12}" y="{middle + 4}">{escape(note)}</text>')
    text = f"{label}: " + ", ".join(f"{i.name} {i.value:.2f}" for i in items[:12])
    return _frame("".join(parts), text, height)


def scatter(points: Sequence[Point]) -> Markup:
    """Draw the trials: seconds (logarithmic) against quality, the Pareto front joined by a line."""
    if not points:
        return _frame("", "No trial completed.", _H)
    times = [max(p.x, 1e-4) for p in points]
    left, right = math.log10(min(times)) - 0.12, math.log10(max(times)) + 0.12
    low, high = min(p.y for p in points), max(p.y for p in points)
    pad = max((high - low) * 0.12, 0.01)
    x, y = _scale(left, right, _LEFT, _W - _RIGHT), _scale(low - pad, high + pad, _H - _BOTTOM, _TOP)
    parts = [_y_line(y(tick), _number(tick)) for tick in _ticks(low - pad, high + pad)]
    parts += [_x_label(x(at), text) for at, text in _log_seconds(left, right)]
    # The front has three sides (memory is not drawn): the line joins the points that get better as time goes on.
    front: list[Point] = []
    for p in sorted((p for p in points if p.pareto), key=lambda p: (p.x, -p.y)):
        if not front or p.y > front[-1].y:
            front.append(p)
    if len(front) > 1:
        path = "L".join(f"{x(math.log10(max(p.x, 1e-4))):.1f} {y(p.y):.1f}" for p in front)
        parts.append(f'<path class="front" d="M{path}"/>')
    for p in sorted(points, key=lambda p: (p.member, p.pareto)):
        kind = "bad" if p.member else "accent"
        ring = " ring" if p.pareto else ""
        parts.append(
            f'<circle class="fill-{kind} dot{ring}" cx="{x(math.log10(max(p.x, 1e-4))):.1f}" cy="{y(p.y):.1f}" '
            f'r="{6 if p.member else 4.5}"><title>{escape(p.name)}: quality {p.y:.3f} in {p.x:.2f} s</title></circle>'
        )
    parts.append(_axis_title("seconds of one fit (log)", "quality"))
    best = max(points, key=lambda p: p.y)
    text = f"{len(points)} completed trials; best quality {best.y:.3f} by {best.name} in {best.x:.2f} s."
    return _frame("".join(parts), text, _H)


def _frame(inner: str, label: str, height: float) -> Markup:
    """Every text that goes in here has been escaped by the function that drew it."""
    body = inner or f'<text x="{_W / 2}" y="{height / 2}" text-anchor="middle">{escape(label)}</text>'
    return Markup(  # noqa: S704
        f'<svg class="chart" viewBox="0 0 {_W} {height:.0f}" role="img" aria-label="{escape(label)}" '
        f'xmlns="http://www.w3.org/2000/svg">{body}</svg>'
    )


class _scale:  # noqa: N801 - used like a function
    """A linear map from data to drawing units."""

    def __init__(self, low: float, high: float, start: float, stop: float) -> None:
        self.low, self.start = low, start
        self.factor = (stop - start) / (high - low)

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) * self.factor


def _ticks(low: float, high: float, wanted: int = 6) -> list[float]:
    """Round numbers (1, 2, 5 times a power of ten) that cover the range."""
    raw = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(raw)) if raw > 0 else 1.0
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw)
    first = math.ceil(low / step)
    return [step * i for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _log_counts(most: int) -> list[int]:
    powers = [10**i for i in range(int(math.log10(max(most, 1))) + 1)]
    return powers if len(powers) > 2 else sorted({1, *(v for v in (3, 10, 30, 100) if v <= most)})


def _log_seconds(left: float, right: float) -> list[tuple[float, str]]:
    """Positions and texts of the time axis: powers of ten, with 2 and 5 between where there is room."""
    steps = (1,) if right - left > 2.5 else (1, 2, 5)
    values = [m * 10.0**p for p in range(math.floor(left), math.ceil(right) + 1) for m in steps]
    return [(math.log10(v), f"{v:g} s") for v in values if left <= math.log10(v) <= right]


def _y_line(at: float, text: str) -> str:
    return (
        f'<line class="grid" x1="{_LEFT}" x2="{_W - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
        f'<text x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{escape(text)}</text>'
    )


def _x_label(at: float, text: str) -> str:
    return f'<text x="{at:.1f}" y="{_H - _BOTTOM + 17}" text-anchor="middle">{escape(text)}</text>'


def _axis_title(x: str, y: str) -> str:
    return (
        f'<text class="axis" x="{(_LEFT + _W - _RIGHT) / 2}" y="{_H - 6}" text-anchor="middle">{escape(x)}</text>'
        f'<text class="axis" x="0" y="11">{escape(y)}</text>'
    )


def _number(value: float) -> str:
    return f"{0.0 if abs(value) < 1e-12 else value:.4g}"


def _short(name: str) -> str:
    return escape(name if len(name) <= _MAX_NAME else name[: _MAX_NAME - 1] + "…")
