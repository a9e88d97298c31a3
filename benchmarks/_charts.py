"""Pictures of the report, drawn with matplotlib's object interface; the suffix of the path says in what format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._calibration import calibration_error
from benchmarks._statistics import Comparison, cliques
from pynomaly_auto.records import FloatArray

_OURS, _REST, _MUTED = "#b3261e", "#1f4e79", "#8a8a8a"
_TICKS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 120)  # seconds
_COLOURS = ("#1f4e79", "#b3261e", "#2e7d32", "#a15c00", "#6a3d9a", "#00798c", "#8a8a8a", "#c2185b")
# Text stays text and nothing depends on the day it was drawn: a picture changes only when its figures do.
_STYLE = {"font.size": 9, "svg.fonttype": "none", "svg.hashsalt": "pynomaly", "axes.spines.top": False,
          "axes.spines.right": False, "font.family": "DejaVu Sans"}  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranks:
    """Mean ranks of one critical-difference diagram.

    Args:
        title: Of the diagram.
        methods: Their names.
        means: Mean rank of each; shape (n_methods,).
        difference: Critical difference.
        ours: The name to set off.
    """

    title: str
    methods: tuple[str, ...]
    means: FloatArray
    difference: float
    ours: str


@dataclass(frozen=True, kw_only=True)
class Point:
    """A method's mean quality at a mean cost.

    Args:
        low: Lower end of the interval of the quality.
        high: Its upper end.
        label: What stands beside it.
    """

    seconds: float
    quality: float
    low: float
    high: float
    label: str = ""


def critical_differences(path: Path, diagrams: Sequence[Ranks]) -> None:
    """Mean ranks on a line, best on the left; bars join methods no two of which differ significantly (Demšar 2006)."""
    rows = max(len(d.methods) for d in diagrams)
    height = 1.0 + 0.115 * rows + 0.1
    with _figure(path, (9.5, height * len(diagrams))) as figure:
        for i, diagram in enumerate(diagrams):
            axes = figure.add_subplot(len(diagrams), 1, i + 1)
            _ranks(axes, diagram)


def _ranks(axes: Any, diagram: Ranks) -> None:
    order = np.argsort(diagram.means, kind="stable")
    means = diagram.means[order]
    k, half = len(means), (len(means) + 1) // 2
    bars = cliques(means, diagram.difference)
    top, step = 0.35 + 0.22 * max(len(bars), 1), 0.36
    axes.set_xlim(1 - 0.55 * (k - 1), k + 0.55 * (k - 1))
    axes.set_ylim(-(top + step * half + 0.1), 1.3)
    axes.axis("off")
    axes.plot([1, k], [0, 0], color="black", lw=1)
    for tick in range(1, k + 1):
        axes.plot([tick, tick], [0, 0.1], color="black", lw=1)
        axes.text(tick, 0.16, str(tick), ha="center", va="bottom")
    axes.text(1 - 0.55 * (k - 1), 0.95, diagram.title, ha="left", weight="bold")
    axes.plot([1, 1 + diagram.difference], [0.65, 0.65], color=_MUTED, lw=2)
    axes.text(1 + diagram.difference + 0.02 * k, 0.65, f"critical difference {diagram.difference:.2f}", va="center")
    for place, (mean, at) in enumerate(zip(means, order, strict=True)):
        left = place < half
        y = -(top + step * (place if left else k - 1 - place))
        end = 1 - 0.03 * k if left else k + 0.03 * k
        name = diagram.methods[at]
        colour = _OURS if name == diagram.ours else "black"
        axes.plot([mean, mean, end], [0, y, y], color=colour, lw=0.8)
        text = f"{name}  {mean:.2f}" if left else f"{mean:.2f}  {name}"
        axes.text(end, y, text + " " if left else " " + text, ha="right" if left else "left", va="center", color=colour)
    for i, (first, last) in enumerate(bars):
        y = -(0.18 + 0.2 * i)
        axes.plot([means[first] - 0.04, means[last] + 0.04], [y, y], color=_REST, lw=3, solid_capstyle="round")


def differences(path: Path, panels: Mapping[str, Mapping[str, Mapping[str, Comparison]]]) -> None:
    """Ours minus each rival with 95 % intervals: a row of axes per suite, a column per measure.

    Args:
        path: The picture's file.
        panels: Suite to measure's title to rival to comparison.
    """
    measures = list(next(iter(panels.values())))
    heights = [0.6 + 0.19 * len(next(iter(found.values()))) for found in panels.values()]
    with _figure(path, (10.0, sum(heights) + 0.4)) as figure:
        grid = figure.add_gridspec(len(panels), len(measures), height_ratios=heights)
        for i, (suite, found) in enumerate(panels.items()):
            for j, measure in enumerate(measures):
                axes = figure.add_subplot(grid[i, j])
                _differences(axes, found[measure], names=j == 0)
                axes.set_title(f"{suite}: {measure}, ours − theirs", fontsize=9, loc="left")


def _differences(axes: Any, found: Mapping[str, Comparison], *, names: bool) -> None:
    places = np.arange(len(found))[::-1]
    for y, comparison in zip(places, found.values(), strict=True):
        gap = comparison.difference
        sure = gap.low > 0 or gap.high < 0
        colour = (_REST if gap.mean > 0 else _OURS) if sure else _MUTED
        axes.plot([gap.low, gap.high], [y, y], color=colour, lw=2)
        axes.plot([gap.mean], [y], "o", color=colour, ms=4)
    axes.axvline(0, color="black", lw=0.8)
    axes.set_ylim(-0.7, len(found) - 0.3)
    axes.set_yticks(places, list(found) if names else [""] * len(found))
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#e3e3e3", lw=0.6)
    axes.set_axisbelow(True)


def reliability(path: Path, pools: Mapping[str, Mapping[str, FloatArray]]) -> None:
    """Predicted probability against the share of anomalies found, and where the rows lie.

    Args:
        path: The picture's file.
        pools: Title to pooled bins (see `_calibration.pooled`).
    """
    with _figure(path, (7.5, 6.0)) as figure:
        grid = figure.add_gridspec(2, 1, height_ratios=(4, 1))
        axes, below = figure.add_subplot(grid[0]), figure.add_subplot(grid[1])
        axes.plot([0, 1], [0, 1], color=_MUTED, lw=1, ls="--")
        for i, (title, bins) in enumerate(pools.items()):
            known = bins["n"] > 0
            p, y = bins["p"][known] / bins["n"][known], bins["y"][known] / bins["n"][known]
            colour = _COLOURS[i % len(_COLOURS)]
            label = f"{title} (expected calibration error {calibration_error(bins):.3f})"
            axes.plot(p, y, "o-", color=colour, lw=1.3, ms=3.5, label=label)
            below.plot(p, bins["n"][known], "o-", color=colour, lw=1, ms=3)
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), ylabel="share of anomalies among them")
        axes.legend(frameon=False, fontsize=8, loc="upper left")
        below.set(xlim=(-0.01, 1.01), yscale="log", xlabel="anomaly_score, mean of the bin", ylabel="share of rows")


def anytime(path: Path, panels: Mapping[str, Mapping[str, Mapping[str, Sequence[Point]]]]) -> None:
    """Quality against seconds: ours as a curve, others as points; a column per size, a row per measure.

    Args:
        path: The picture's file.
        panels: Measure to size to method to points; a method of several points is drawn as a curve.
    """
    rows, columns = len(panels), len(next(iter(panels.values())))
    with _figure(path, (3.6 * columns, 3.0 * rows + 0.6)) as figure:
        handles: dict[str, Any] = {}
        for i, (measure, sizes) in enumerate(panels.items()):
            for j, (size, methods) in enumerate(sizes.items()):
                axes = figure.add_subplot(rows, columns, i * columns + j + 1)
                for n, (method, points) in enumerate(methods.items()):
                    handles[method] = _curve(axes, points, "#b3261e" if n == 0 else _COLOURS[2 * n % len(_COLOURS)])
                axes.set(title=size if i == 0 else "", ylabel=measure if j == 0 else "")
                _plain_log(axes, [p.seconds for found in methods.values() for p in found])
                axes.set_xlabel("mean seconds" if i == rows - 1 else "")
                axes.grid(color="#e8e8e8", lw=0.6)
        figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3, frameon=False)


def _plain_log(axes: Any, values: Sequence[float]) -> None:
    """A logarithmic axis of seconds with ticks a reader knows."""
    axes.set_xscale("log")
    axes.minorticks_off()
    shown = [t for t in _TICKS if min(values) / 1.5 <= t <= max(values) * 1.5]
    axes.set_xticks(shown, [f"{t:g}" for t in shown])
    axes.set_xlim(min(values) / 1.5, max(values) * 1.7)


def _curve(axes: Any, points: Sequence[Point], colour: str) -> Any:
    x, y = [p.seconds for p in points], [p.quality for p in points]
    error = [[p.quality - p.low for p in points], [p.high - p.quality for p in points]]
    style = "o-" if len(points) > 1 else "s"
    drawn = axes.errorbar(x, y, yerr=error, fmt=style, color=colour, lw=1.5, ms=4, elinewidth=0.6)
    for bar in drawn[2]:
        bar.set_alpha(0.4)  # of each method by itself; what counts is the distance on the same tables
    for point in points:
        axes.annotate(point.label, (point.seconds, point.quality), (3, 4), textcoords="offset points", fontsize=7)
    return drawn


@contextmanager
def _figure(path: Path, size: tuple[float, float]) -> Iterator[Any]:
    """A figure that is written when the block ends.

    Raises:
        SystemExit: matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise SystemExit("Pictures need matplotlib: pip install 'pynomaly-auto[plots]'.") from None
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=size, layout="constrained", facecolor="white")
        yield figure
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
