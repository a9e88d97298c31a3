"""The result: everything one run found and decided, readable by people and by machines."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pynomaly_auto.records._base import FloatArray, IntArray, Reason, plain
from pynomaly_auto.records._data import Column, Profile
from pynomaly_auto.records._front import Front
from pynomaly_auto.records._labels import Performance, Supervision
from pynomaly_auto.records._leaderboard import Standing, standings
from pynomaly_auto.records._outcome import Ensemble, Explanation, Member, OddCell, Verdict
from pynomaly_auto.records._search import Ranking, Search

if TYPE_CHECKING:
    import pandas as pd

    from pynomaly_auto.settings import Settings


_NAMED = 8  # members a summary names
_LIGHT = 0.01  # weight below which it names none


def column_of(values: Any) -> pd.Series[Any]:
    """A column of a data frame, of any objects where its texts are no proper Unicode, which pandas' own must be."""
    import pandas as pd

    try:
        return pd.Series(values)
    except UnicodeEncodeError:
        return pd.Series(values, dtype=object)


@dataclass(frozen=True, kw_only=True)
class Guidance:
    """The configuration a guided setup proposes, and why; ``config=guidance`` uses it.

    Args:
        suggested: The settings that nobody asked for: a preset, or a glance at the data, suggests them.
    """

    settings: Settings
    reasons: tuple[Reason, ...] = ()
    suggested: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Result:
    """Everything one run found and decided.

    Args:
        settings: What was asked for, as plain values, with the seed that was used.
        columns: The user's columns and what became of them.
        row_labels: The user's row labels; shape (n_rows,).
        explanations: Of the most anomalous rows.
        cells: The oddest cells, most bits first; empty where nobody looked at them.
        supervision: What was made of labels; None: there were none.
        front: What several objectives left to choose from, and what was chosen; None: none were asked for.
        seconds: Stage to wall-clock seconds; ``starting``: what was waited for before the first, such as imports.
        versions: Package to version.
    """

    settings: dict[str, Any]
    columns: tuple[Column, ...]
    row_labels: np.ndarray[Any, Any] = field(repr=False)
    data_reasons: tuple[Reason, ...]
    profile: Profile
    ranking: Ranking
    search: Search
    ensemble: Ensemble
    verdict: Verdict
    explanations: tuple[Explanation, ...]
    seconds: dict[str, float]
    versions: dict[str, str]
    warnings: tuple[Reason, ...] = ()
    cells: tuple[OddCell, ...] = ()
    supervision: Supervision | None = None
    front: Front | None = None

    @property
    def performance(self) -> Performance | None:
        """How right the answer is on rows with labels, with intervals; None where there are none, or too few."""
        return None if self.supervision is None else self.supervision.performance

    @property
    def labels(self) -> IntArray:
        """-1 for an anomaly, 1 for a normal row; shape (n_rows,)."""
        return self.verdict.labels

    @property
    def scores(self) -> FloatArray:
        """Calibrated probability of being an anomaly, in [0, 1]; shape (n_rows,)."""
        return self.verdict.probabilities

    @property
    def confidence(self) -> FloatArray:
        """Probability that each label is right, in [0, 1]; shape (n_rows,).

        `scores` where the label is -1, 1 less that elsewhere.
        """
        return self.verdict.confidence

    @property
    def headline(self) -> str:
        """How many rows are flagged, and how many of them are expected to be real."""
        found = int((self.labels == -1).sum())
        if self.verdict.expectation is not None:
            return self.verdict.expectation.sentence()
        if not found:
            return "No row is flagged."
        rows = "1 row lies" if found == 1 else f"{found:,} rows lie"
        return f"{rows} above the threshold: false alarms, as all rows are taken as normal."

    @property
    def probability_note(self) -> str:
        """Where the probabilities of rows come from, wherever they are shown."""
        verdict = self.verdict
        if verdict.expectation is None:
            note = "The probability rises with the score: all rows are taken as normal, so none of them tells how often"
            note += " one like it is a real anomaly."
        elif verdict.calibration.single_point:
            note = "The probability rises with the score and fits the share of anomalies; known tables say nothing of"
            note += " rows like these."
        elif self.supervision is not None:
            note = "The probability is how likely the row is to be a real anomaly, by the labels of this table and by"
            note += " what was learned from them."
        else:
            note = "The probability is how likely the row is to be a real anomaly: how often rows like it were, in"
            note += " tables with known answers. The range of real ones is made to hold on four of five tables like"
            note += " these."
        return f"{note} A row that a rule decides of counts as certain." if self.settings.get("rules") else note

    @cached_property
    def reasons(self) -> tuple[Reason, ...]:
        """Every decision of the run, in the order taken."""
        candidates = tuple(r for c in self.ranking.candidates for r in c.reasons)
        trials = tuple(r for t in self.search.trials for r in t.reasons)
        members = tuple(r for m in self.ensemble.members for r in m.reasons)
        members += tuple(left.reason for left in self.ensemble.left_out)
        return (
            self.data_reasons + self.profile.reasons + self.ranking.reasons + candidates + self.search.reasons + trials
            + self.ensemble.reasons + members + (() if self.supervision is None else self.supervision.reasons)
            + self.verdict.reasons + (() if self.front is None else self.front.reasons) + self.warnings
        )  # fmt: skip

    @property
    def leaderboard(self) -> tuple[Standing, ...]:
        """Every candidate, tried or left out, with what was predicted, what was reached and why."""
        return standings(self)

    @cached_property
    def anomalies(self) -> pd.DataFrame:
        """The rows labelled anomalous, most anomalous first: row label, score, confidence, top features.

        The score is the probability of being an anomaly, and so is the confidence that the label is right.
        """
        import pandas as pd

        rows = np.flatnonzero(self.labels == -1)
        rows = rows[np.argsort(-self.verdict.scores[rows], kind="stable")]
        top = {e.row: ", ".join(c.column for c in e.contributions[:3]) for e in self.explanations}
        return pd.DataFrame(
            {
                "row": column_of(self.row_labels[rows]).set_axis(rows),
                "score": self.scores[rows],
                "confidence": self.confidence[rows],
                "top_features": column_of([top.get(int(r), "") for r in rows]).set_axis(rows),
            },
            index=pd.Index(rows, name="position"),
        )

    def summary(self, width: int = 80) -> str:
        """What was found, by what, and why, in a few lines for a person; at most ``width`` characters each."""
        lines = []
        for line in self.summary_lines():
            lines += textwrap.wrap(line, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
        return "\n".join(lines)

    def summary_lines(self) -> tuple[str, ...]:
        """The sentences of the summary, one each."""
        members = self.ensemble.members
        done, tried = len(self.search.completed), len(self.search.trials)
        return (
            self.headline,
            self._shares(),
            f"{len(members)} {'model' if len(members) == 1 else 'models combined'}: {_named(members)}.",
            *((self.beside_models,) if self.beside_models else ()),
            *((self.labelled,) if self.labelled else ()),
            *((self.front.sentence(),) if self.front is not None else ()),
            f"{done} of {tried} trials completed; {self.search.stopped}. {sum(self.seconds.values()):.1f} s in all.",
            *(f"{e.text[:1].upper()}{e.text[1:]}" for e in self._still_flagged[:3]),
            *self._odd_cells(),
            *(f"Warning: {w.subject}: {w.text}" for w in self.warnings),
        )

    @property
    def _still_flagged(self) -> tuple[Explanation, ...]:
        """Explanations of rows that are flagged now; feedback, or another threshold, may have come after them."""
        return tuple(e for e in self.explanations if self.labels[e.row] == -1)

    def _shares(self) -> str:
        """The share that is flagged beside the share expected, which counts rows on either side of the threshold."""
        n, share = len(self.labels), self.verdict.contamination
        flagged = f"That is {(self.labels == -1).sum() / max(n, 1):.2%} of {n:,} rows"
        if self.verdict.expectation is None:
            return f"{flagged}; the threshold was set for {share:.2%} ({self.verdict.method})."
        expected = f"{share:.2%} of all rows, flagged or not, are expected to be anomalies"
        return f"{flagged}; {expected} ({self.verdict.method})."

    @property
    def beside_models(self) -> str:
        """How much of the final score is the models' and how much cell detectors have; empty without these."""
        weights = [one.weight for one in self.ensemble.evidence]
        if not weights:
            return ""
        detectors = "1 cell detector" if len(weights) == 1 else f"{len(weights)} cell detectors"
        share = sum(weights)
        return f"The final score is {1 - share:.0%} that of these models and {share:.0%} that of {detectors}."

    @property
    def models_decide(self) -> bool:
        """Whether the members' combined score is the final one of training rows.

        Labels move it, cells stand beside it, and rows keep theirs where objectives chose a smaller model.
        """
        smaller = self.front is not None and not self.front.point.whole
        return not (self.ensemble.evidence or self.supervision is not None or smaller)

    @property
    def labelled(self) -> str:
        """What the labels were, and how right the answer is on them; empty without any."""
        known = self.supervision
        if known is None:
            return ""
        told = f"Labels: {known.n_anomalies:,} anomalies and {known.n_normal:,} normal rows"
        if known.performance is None or known.performance.average_precision is None:
            return f"{told}; too few to say how right the answer is."
        reached, before = known.performance.average_precision, known.performance.before
        return f"{told}; average precision {reached} on them, {before} without ({known.performance.how})."

    def _odd_cells(self) -> tuple[str, ...]:
        """How many cells are odd, and the oddest."""
        if not self.cells:
            return ()
        oddest, others = self.cells[0], len(self.cells) - 1
        more = f"; {others:,} more in result.cells" if others else ""
        return (f"Oddest cell, in row {oddest.label}: {oddest.text}{more}.",)

    def to_dict(self) -> dict[str, Any]:
        """Plain values only: what ``result.json`` holds."""
        return {
            "settings": plain(self.settings),
            "columns": plain(self.columns),
            "profile": self.profile.to_dict(),
            "ranking": self.ranking.to_dict(),
            "search": self.search.to_dict(),
            "ensemble": self.ensemble.to_dict(),
            "threshold": plain(self.verdict.threshold),
            "contamination": plain(self.verdict.contamination),
            "method": self.verdict.method,
            "n_rows": len(self.labels),
            "n_anomalies": int((self.labels == -1).sum()),
            "expectation": plain(self.verdict.expectation),
            # Row labels may be dates, tuples or anything else an index holds.
            "anomalies": plain(self.anomalies.reset_index().to_dict(orient="list")),
            "explanations": plain(self.explanations),
            "cells": plain(self.cells),
            "supervision": plain(self.supervision),
            "front": plain(self.front),
            "reasons": plain(self.reasons),
            "seconds": plain(self.seconds),
            "versions": dict(self.versions),
        }

    def __repr__(self) -> str:
        return f"<Result\n{self.summary()}\n>"

    def _repr_html_(self) -> str:
        from pynomaly_auto.records._html import notebook_view

        return notebook_view(self)


def _named(members: tuple[Member, ...]) -> str:
    """The heaviest members with their weights, and how many more there are."""
    heaviest = sorted(members, key=lambda m: -m.weight)
    shown = [m for m in heaviest[:_NAMED] if m.weight >= _LIGHT] or heaviest[:1]
    rest = heaviest[len(shown) :]
    said = ", ".join(f"{m.name} {m.weight:.0%}" for m in shown)
    if not rest:
        return said
    return f"{said} and {len(rest)} more" + (f", each less than {_LIGHT:.0%}" if rest[0].weight < _LIGHT else "")
