"""The notebook's view of a result: compact, no script, readable on light and dark pages."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from pynomaly_auto.records._base import Reason
from pynomaly_auto.records._outcome import OddCell

if TYPE_CHECKING:
    from pynomaly_auto.records._result import Result

_MEMBERS = 12
_ROWS = 10  # anomalies shown; the report shows more
_REASONS = 400  # reasons listed; beyond, a notebook with many runs gets heavy
_CELL = 60  # characters of a cell, the rest in its tooltip

# Colours are the page's own text colour made fainter, because a notebook's theme need not be the system's.
_STYLE = """
<style>
.pyn-view{font:13px/1.45 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;max-width:940px;color:inherit}
.pyn-view .pyn-head{font-size:15px;font-weight:650;margin:.2em 0 .5em}
.pyn-view .pyn-cards{display:flex;flex-wrap:wrap;gap:8px;margin:0 0 10px}
.pyn-view .pyn-card{border:1px solid rgba(128,128,128,.35);border-radius:8px;padding:6px 12px;min-width:92px}
.pyn-view .pyn-card b{display:block;font-size:17px;font-variant-numeric:tabular-nums}
.pyn-view .pyn-card span{font-size:11.5px;opacity:.72}
.pyn-view details{margin:5px 0;border-top:1px solid rgba(128,128,128,.25);padding-top:5px}
.pyn-view summary{cursor:pointer;font-weight:600}
.pyn-view summary small{font-weight:400;opacity:.7}
.pyn-view table{border-collapse:collapse;margin:6px 0;font-size:12.5px;width:auto;color:inherit}
.pyn-view th,.pyn-view td{text-align:left!important;padding:3px 14px 3px 0;background:none!important;
border:0;border-bottom:1px solid rgba(128,128,128,.2);vertical-align:top;color:inherit}
.pyn-view th{font-weight:600;opacity:.72}
.pyn-view td.pyn-num,.pyn-view th.pyn-num{text-align:right!important;font-variant-numeric:tabular-nums}
.pyn-view .pyn-bar{display:inline-block;height:8px;border-radius:4px;background:#4c7fd9;vertical-align:middle}
.pyn-view .pyn-red{background:#d5533f}
.pyn-view code{font-size:11.5px;background:rgba(128,128,128,.15);border-radius:3px;padding:0 4px;color:inherit}
.pyn-view .pyn-note{opacity:.72;font-size:12px;margin:3px 0}
.pyn-view .pyn-scroll{max-height:340px;overflow:auto}
</style>
"""


def notebook_view(result: Result) -> str:
    """Render a result as an HTML fragment for a notebook's output cell."""
    found, total = int((result.labels == -1).sum()), len(result.labels)
    parts = [
        _STYLE,
        '<div class="pyn-view">',
        f'<div class="pyn-head">{escape(result.headline)}</div>',
        *([f'<p class="pyn-note">{escape(result.labelled)}</p>'] if result.labelled else []),
        _cards(result, found, total),
        _anomalies(result, found),
        _odd_cells(result.cells),
        _members(result),
        _warnings(result.warnings),
        _reasons(result.reasons),
        "</div>",
    ]
    return "".join(parts)


def _cards(result: Result, found: int, total: int) -> str:
    done, tried = len(result.search.completed), len(result.search.trials)
    expected = result.verdict.expectation
    real = () if expected is None else ((expected.range_text(), f"of them real, about {expected.real:,.0f}"),)
    cards = (
        (f"{found:,}", f"rows flagged of {total:,}"),
        *real,
        (f"{found / max(total, 1):.2%}", "of all rows"),
        (
            f"{result.verdict.contamination:.2%}",
            "share the threshold is set for" if expected is None else "anomalies expected, flagged or not",
        ),
        (f"{result.verdict.threshold:.3g}", "threshold"),
        (str(len(result.ensemble.members)), "models combined"),
        (f"{done} / {tried}", "trials completed"),
        (f"{sum(result.seconds.values()):.1f} s", "run time"),
    )
    inner = "".join(
        f'<div class="pyn-card"><b>{escape(value)}</b><span>{escape(name)}</span></div>' for value, name in cards
    )
    return f'<div class="pyn-cards">{inner}</div>'


def _anomalies(result: Result, found: int) -> str:
    if not found:
        return '<p class="pyn-note">No row lies above the threshold.</p>'
    top = result.anomalies.head(_ROWS)
    rows = [
        (_text(row), _bar(score, "pyn-red"), _text(features or "not explained"))
        for row, score, features in zip(top["row"], top["score"], top["top_features"], strict=True)
    ]
    note = f" <small>(the first {len(top)} of {found:,})</small>" if found > len(top) else ""
    table = _table(("row", "probability", "stands out in"), rows)
    scale = f'<p class="pyn-note">{escape(result.probability_note)}</p>'
    return f"<details open><summary>Most anomalous rows{note}</summary>{scale}{table}</details>"


def _odd_cells(cells: Sequence[OddCell]) -> str:
    if not cells:
        return ""
    top = cells[:_ROWS]
    rows = [tuple(map(_text, (c.label, c.column, c.value, c.expected or "–", c.text))) for c in top]
    note = f" <small>(the first {len(top)} of {len(cells):,})</small>" if len(cells) > len(top) else ""
    table = _table(("row", "column", "value", "expected", "why"), rows)
    return f"<details open><summary>Odd cells{note}</summary>{table}</details>"


def _members(result: Result) -> str:
    members = sorted(result.ensemble.members, key=lambda m: -m.weight)
    rows = [
        (
            _text(m.name),
            _bar(m.weight),
            f"{m.quality:.2f}",
            _text(", ".join(f"{k}={v}" for k, v in m.params.items()) or "defaults"),
        )
        for m in members[:_MEMBERS]
    ]
    rest = f"; the first {_MEMBERS} of {len(members)}" if len(members) > _MEMBERS else ""
    title = f"Models <small>({escape(result.ensemble.combiner)}{rest})</small>"
    table = _table(("detector", "weight", "quality", "parameters"), rows, numeric=(2,))
    beside = f'<p class="pyn-note">{escape(result.beside_models)}</p>' if result.beside_models else ""
    return f"<details open><summary>{title}</summary>{beside}{table}</details>"


def _warnings(warnings: Sequence[Reason]) -> str:
    if not warnings:
        return ""
    items = "".join(f"<li>{_text(w.subject)}: {escape(w.text)} <code>{escape(w.code)}</code></li>" for w in warnings)
    return f"<details open><summary>Warnings <small>({len(warnings)})</small></summary><ul>{items}</ul></details>"


def _reasons(reasons: Sequence[Reason]) -> str:
    shown = reasons[:_REASONS]
    groups: dict[str, list[Reason]] = {}
    for reason in shown:
        groups.setdefault(reason.stage, []).append(reason)
    blocks = []
    for stage, members in groups.items():
        rows = [(f"<code>{escape(r.code)}</code>", _text(r.subject), escape(r.text)) for r in members]
        blocks.append(f"<div><b>{escape(stage)}</b></div>{_table(('code', 'about', 'why'), rows)}")
    truncated = f'<p class="pyn-note">The first {len(shown)} are shown; <code>result.reasons</code> has all.</p>'
    note = truncated if len(reasons) > len(shown) else ""
    title = f"Reasons <small>({_plural(len(reasons), 'decision', 'decisions')})</small>"
    body = "".join(blocks)
    return f'<details><summary>{title}</summary><div class="pyn-scroll">{note}{body}</div></details>'


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], numeric: Sequence[int] = ()) -> str:
    kinds = [' class="pyn-num"' if i in numeric else "" for i in range(len(head))]
    top = "".join(f"<th{kind}>{escape(name)}</th>" for kind, name in zip(kinds, head, strict=True))
    body = itertools.chain.from_iterable(
        ("<tr>", *(f"<td{kind}>{cell}</td>" for kind, cell in zip(kinds, row, strict=True)), "</tr>") for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def _bar(share: float, kind: str = "") -> str:
    width = round(70 * min(max(float(share), 0.0), 1.0))
    return f'<span class="pyn-bar {kind}" style="width:{width}px"></span> {share:.3f}'


def _text(value: Any) -> str:
    """Escaped text of any value; long text is cut and shown whole in a tooltip."""
    text = str(value)
    if len(text) <= _CELL:
        return escape(text)
    return f'<span title="{escape(text)}">{escape(text[:_CELL])}…</span>'


def _plural(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"
