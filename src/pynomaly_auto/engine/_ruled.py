"""Rules in the flow of a run: which rows they match, and the verdict that heeds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from pynomaly_auto.dataset import Table, TableEncoder
from pynomaly_auto.deciding import SURE, Probabilities, certain, most_rows, move, surely
from pynomaly_auto.records import FloatArray, IntArray, Labels, OriginalColumn, Reason, Verdict
from pynomaly_auto.ruling import Found, Ruling, columns_of, find, held_back, outvoted, told_of, warned_of
from pynomaly_auto.settings import Settings

Prints = np.ndarray[tuple[int, ...], np.dtype[np.uint64]]
_NO_PRINTS: Prints = np.empty(0, dtype=np.uint64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Stated:
    """Rules and what they say of a table's rows.

    Args:
        ruling: The rules.
        found: What they say.
        held: Columns, by the names in the rules, of rules that match no row.
    """

    ruling: Ruling
    found: Found
    held: Mapping[str, OriginalColumn] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, rules: Mapping[str, str] | None, encoder: TableEncoder, table: Table) -> Stated | None:
        """Look which rows of the table fitted on rules match; None without rules.

        Raises:
            UnknownNameError: A rule names a column that is not there.
            SettingError: Values are compared that cannot be.
        """
        if not rules:
            return None
        ruling = Ruling.of(rules, np.empty(0, dtype=np.int8))
        found = said_of(ruling, encoder, table)
        unmatched = [rule for rule, count in zip(ruling.rules, found.counts, strict=True) if not count]
        wanted = columns_of(unmatched, encoder.names)
        read = encoder.as_read(table, sorted(set(wanted.values()))) if wanted else {}
        held = {word: read[name] for word, name in wanted.items()}
        return cls(ruling=replace(ruling, said=found.said), found=found, held=held)

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """How many rows each rule matches."""
        return told_of(self.ruling.rules, self.found, self.held)

    @property
    def warnings(self) -> tuple[Reason, ...]:
        """What of them contradicts, or leaves nothing to be judged."""
        return warned_of(self.ruling.rules, self.found)


def said_of(ruling: Ruling, encoder: TableEncoder, table: Table) -> Found:
    """What rules say of the rows of a table with the columns fitted on.

    Raises:
        SchemaError: A column now holds something else.
    """
    return find(ruling.rules, encoder.names, lambda names: encoder.as_read(table, names), table.n_rows)


@dataclass(frozen=True, kw_only=True, eq=False)
class Ruled:
    """The scores of the training rows as rules leave them.

    Args:
        scores: To be decided on; shape (n_rows,).
        said: What is heard of the rules; shape (n_rows,); None: there are none.
        ruling: The rules, bound to these scores.
        reasons: What is told of it.
    """

    scores: FloatArray = field(repr=False)
    said: np.ndarray[tuple[int, ...], np.dtype[np.int8]] | None = field(default=None, repr=False)
    ruling: Ruling | None = None
    reasons: tuple[Reason, ...] = ()

    @classmethod
    def of(
        cls, ruling: Ruling | None, scores: FloatArray, prints: Prints = _NO_PRINTS, labels: Labels | None = None
    ) -> Ruled:
        """Of training rows.

        Args:
            ruling: The rules, rows with a label excused; None: there are none.
            scores: Without rules; shape (n_rows,).
            prints: Fingerprints of the rows; needed only where some are excused.
            labels: Of the rows.
        """
        if ruling is None:
            return cls(scores=scores)
        bound = ruling.bound(scores, prints)
        said = bound.heard(bound.said, prints)
        told = () if labels is None else outvoted(bound.said, labels)
        return cls(scores=bound.scale.apply(scores, said), said=said, ruling=bound, reasons=told)

    def sure(self, probabilities: Probabilities | None) -> Probabilities | None:
        """Probabilities of the rows, those that rules decide of being sure."""
        if probabilities is None or self.said is None:
            return probabilities
        values = np.where(self.said == 1, SURE, np.where(self.said == 0, 1 - SURE, probabilities.values))
        return replace(probabilities, values=values)

    def settle(self, verdict: Verdict, settings: Settings, periods: IntArray | None) -> Verdict:
        """A verdict on the scores with rows that rules decide of on their side of the threshold."""
        if self.ruling is None:
            return verdict
        budget, scale = settings.alert_budget, self.ruling.scale
        most = None if budget is None else most_rows(verdict.scores, budget, periods)
        out = certain(verdict, scale, most)
        called = scale.decided(out.scores)[0]
        more = held_back(int(called.sum()), int((called & (out.labels == -1)).sum()))
        return replace(out, reasons=out.reasons + self.reasons + more)


def moved(
    verdict: Verdict, ruling: Ruling | None, *, contamination: float | None = None, threshold: float | None = None
) -> Verdict:
    """A verdict with another share or threshold, as `move` makes it; rules stay heeded.

    A share leaves rows that rules decide of where they are; a threshold is taken as it is given.
    """
    found = move(verdict, contamination=contamination, threshold=threshold)
    if ruling is None:
        return found
    if threshold is not None:
        return surely(found, found.threshold, ruling.scale)
    return certain(found, ruling.scale, None)
