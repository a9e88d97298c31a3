"""``python -m benchmarks.compaction``: smaller models of the demo's default model, and the picture of their front.

Latencies are seconds of the processor of one thread: sums of what was measured of the parts. Agreement is told on
resampled new rows that nothing was fitted on or chosen by.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

from benchmarks import _charts as charts
from meta_datasets.demo import tumours
from pynomaly_auto import AutonomousDetector
from pynomaly_auto.records import Compaction

_SECONDS = 30.0
_TICKS = (0.3, 0.5, 1, 2, 3, 5, 10, 20)
_MEASURES = {"overlap": "flagged rows in common", "agreement": "rank correlation"}
_WAYS = {False: "weighted sum", True: "with small trees"}


def main() -> None:
    """Fit, make smaller, print the front, draw it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency-ms", type=float, default=20.0)
    parser.add_argument("--model", type=Path, help="a saved model of the demo's table, instead of fitting one")
    parser.add_argument("--time-budget", type=float, default=_SECONDS)
    parser.add_argument("--images", type=Path, default=Path("docs/images"))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.model is not None:
        whole = AutonomousDetector.load(options.model)
    else:
        whole = AutonomousDetector(tracking=False, random_state=0, verbose=0, time_budget=options.time_budget)
        whole.fit(tumours()[0])
    small = whole.compact(latency_ms=options.latency_ms)
    print(f"compact(latency_ms={options.latency_ms:g}): {small.ensemble_.reasons[-1].text}", flush=True)
    found = small.ensemble_.compaction
    assert found is not None, "a smaller model says what is lost"
    print(f"{'members':>8} {'ms':>7} {'MB':>6} {'agreement':>10} {'overlap':>8}")
    for p in found.front:
        figures = f"{p.members:8} {p.latency_ms:7.2f} {p.size_mb:6.2f} {p.agreement:10.3f} {p.overlap:8.1%}"
        print(f"{figures}  {_WAYS[p.taught]}")
    draw(options.images / "compact.svg", found)


def draw(path: Path, found: Compaction) -> None:
    """The front: agreement with the whole model against milliseconds of a row."""
    with charts._figure(path, (7.6, 3.2)) as figure:
        for i, (measure, title) in enumerate(_MEASURES.items()):
            axes = figure.add_subplot(1, 2, i + 1)
            for taught, colour in ((False, charts._REST), (True, charts._OURS)):
                points = [p for p in found.front if p.taught is taught]
                x, y = [p.latency_ms for p in points], [getattr(p, measure) for p in points]
                axes.plot(x, y, color=colour, lw=1, marker="o", ms=3.5, label=_WAYS[taught])
                for p in points if taught else points[:1]:
                    axes.annotate(p.members, (p.latency_ms, getattr(p, measure)), textcoords="offset points",
                                  xytext=(0, 5), ha="center", fontsize=7, color=colour)  # fmt: skip
            axes.axvline(found.latency_ms_before, color=charts._MUTED, lw=0.8, ls="--")
            axes.set(xscale="log", xlabel="ms of a row, sum of its parts (dashed: the whole)", ylabel=title)
            axes.set_xticks(_TICKS, labels=[f"{tick:g}" for tick in _TICKS])
            axes.xaxis.set_minor_formatter("")
            axes.grid(color="#e8e8e8", lw=0.6)
        axes.legend(frameon=False, fontsize=8, loc="lower right")


if __name__ == "__main__":
    main()
