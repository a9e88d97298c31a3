"""How many rows are labelled, how many of them are right, and whether "about k of n" held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks._statistics import bootstrap_mean
from benchmarks._store import Line
from benchmarks._text import interval, markdown, number
from pynomaly_auto.deciding import expect
from pynomaly_auto.records import FloatArray

MEASURES = ("precision", "recall", "f1", "labelled", "share_error")
HOW = """\
Precision, recall and F1 of the labels, the share of rows that are labelled beside the true and the expected one (means
over tables), and how often the number of real ones among the flagged lay in the range that was told (80 % is meant).
Runs from before labels were as many as anomalies are expected are counted anew from their stored probabilities: the
highest round(Σp) rows, those of one bin of probability taken as evenly mixed, which is a lower bound."""


def alarms_of(line: Mapping[str, Any]) -> dict[str, float]:
    """What the labels of one run of ours are worth, and whether the told range held.

    Args:
        line: A stored run: measured in full, or of an earlier time, with its binned probabilities.
    """
    if "low" in line:
        kept = {name: float(line[name]) for name in (*MEASURES, "share", "contamination")}
        return kept | {"told": float(line["real"]), "hits": float(line["hits"]), "held": _held(line, line["hits"])}
    return of_bins(line["bins"])


def of_bins(bins: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The same from binned sums of probabilities and labels alone; see `_calibration.binned`.

    >>> found = of_bins({"p": [1.0, 3.0], "y": [1, 3], "n": [96, 4]})
    >>> found["precision"], found["recall"], found["labelled"], found["held"]
    (0.75, 0.75, 0.04, 1.0)
    """
    p, y, n = (np.asarray(bins[key], dtype=np.float64)[::-1] for key in ("p", "y", "n"))
    rows, anomalies, wanted = n.sum(), y.sum(), round(float(p.sum()))
    taken = np.clip(wanted - np.concatenate([[0.0], np.cumsum(n)[:-1]]), 0.0, n)
    part = taken / np.maximum(n, 1.0)
    hits = float(part @ y)
    flagged = np.repeat(p / np.maximum(n, 1.0), taken.astype(np.int64))
    told = expect(np.asarray(flagged, dtype=np.float64))
    share, expected = float(anomalies / rows), float(p.sum() / rows)
    return {
        "precision": hits / max(wanted, 1), "recall": hits / max(float(anomalies), 1.0),
        "f1": 2 * hits / max(wanted + float(anomalies), 1.0), "labelled": float(taken.sum() / rows),
        "share": share, "contamination": expected, "share_error": abs(expected - share),
        "told": told.real, "hits": hits, "held": float(told.low <= round(hits) <= told.high),
    }  # fmt: skip


def alarms_table(
    pools: Mapping[str, Sequence[Mapping[Any, Any]]], ours: Mapping[tuple[str, str], Mapping[str, float]],
    peer: Mapping[tuple[str, str], Line], name: str,
) -> str:  # fmt: skip
    """One line per suite: the labels of ours beside a peer's.

    Args:
        pools: Suite to the tables in it, with their suite, name and group.
        ours: Suite and table to what `alarms_of` gives.
        peer: Suite and table to the peer's line.
        name: The peer's name; empty: there is none.
    """
    rows = []
    for pool, tables in pools.items():
        keys = [(t["suite"], t["table"]) for t in tables if (t["suite"], t["table"]) in ours]
        if not keys:
            continue
        groups = np.array([t["group"] for t in tables if (t["suite"], t["table"]) in ours], dtype=object)
        mine = {m: np.array([ours[key][m] for key in keys]) for m in (*MEASURES, "share", "contamination", "held")}
        cells = [pool, str(len(keys)), *(_mean(mine[m]) for m in ("share", "contamination", "labelled"))]
        for measure in ("share_error", "precision", "recall", "f1"):
            cells.append(_mean(mine[measure]))
            if name:
                cells.append(_mean(np.array([peer_value(peer.get(key, {}), measure) for key in keys])))
        rows.append([*cells, interval(bootstrap_mean(mine["held"], groups))])
    titles = {"share_error": "error of share", "precision": "precision", "recall": "recall", "f1": "F1"}
    both = [h for t in titles.values() for h in ((t, f"{t}, {name}") if name else (t,))]
    head = ["suite", "tables", "true share", "expected", "labelled", *both, "“k of n” held"]
    return markdown(head, rows)


def peer_value(line: Mapping[str, Any], measure: str) -> float:
    """A peer's figure; NaN where its run failed."""
    value = line.get(measure)
    return np.nan if value is None or line.get("error") else float(value)


def _held(line: Mapping[str, Any], hits: float) -> float:
    return float(line["low"] <= hits <= line["high"])


def _mean(values: FloatArray) -> str:
    known = values[np.isfinite(values)]
    return number(float(known.mean())) if len(known) else "–"
