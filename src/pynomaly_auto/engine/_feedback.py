"""Asking people and hearing them after the fit: nothing of the detectors is fitted again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pynomaly_auto._checks import is_whole, one_line
from pynomaly_auto._machine import ONE_THREAD
from pynomaly_auto.asking import ask, check
from pynomaly_auto.dataset import Table, fingerprints, open_table
from pynomaly_auto.engine._heeding import Later, heed, inputs_of
from pynomaly_auto.engine._model import Model
from pynomaly_auto.engine._periods import periods_of
from pynomaly_auto.engine._pools import labelled_prints, own_pool, pool_of
from pynomaly_auto.engine._population import Answer, Population, Sight, moments_of
from pynomaly_auto.engine._sayings import Sayings, Strangers, Untold
from pynomaly_auto.engine._seen import SeenRows
from pynomaly_auto.errors import InvalidInputError, SettingError, shown
from pynomaly_auto.records import Dataset, Feedback, IntArray, Labels, Result, column_of
from pynomaly_auto.regimes import REGIMES
from pynomaly_auto.settings import Settings
from pynomaly_auto.supervising import Kinship, since_the_fit

if TYPE_CHECKING:
    import pandas as pd

Prints: TypeAlias = "np.ndarray[Any, np.dtype[np.uint64]]"
Changed: TypeAlias = tuple[Model, Result]
_LARGEST = 2**62  # position there could be


@dataclass(frozen=True, kw_only=True, eq=False)
class _Spoken:
    """Rows somebody speaks of.

    Args:
        places: Positions among the training rows; -1: it is none of them; shape (n,).
        strangers: What is known of the latter, in their order, their numbers not yet given; None: there are none.
    """

    places: IntArray = field(repr=False)
    strangers: Strangers | None = None


def query(model: Model, result: Result, n: Any, X: Any, strategy: Any) -> tuple[Model, pd.DataFrame]:
    """Rows worth a label; see `AutonomousDetector.query`. The model comes back, as it may have met its rows again."""
    import pandas as pd

    check(n, strategy)
    settings = _settings(model, result)
    if X is None:
        model = replace(model, population=_population(model, result, None))
        pool, labels = own_pool(model, result), result.row_labels
    else:
        opened = open_table(X)
        dataset, labels = model.encode(opened), np.asarray(opened.row_labels)
        if _is_own(model, result, dataset):
            model = replace(model, population=_met_again(model, result, opened, dataset))
            pool = own_pool(model, result)
        else:
            pool = pool_of(model, opened, dataset)
    found = ask(pool, int(n), strategy=strategy, seed=int(settings.random_state or 0))
    rows = [one.row for one in found]
    return model, pd.DataFrame(
        {
            "row": column_of(labels[rows]).set_axis(rows),
            "probability": [one.probability for one in found],
            "strategy": [one.strategy for one in found],
            "reason": [one.reason.text for one in found],
        },
        index=pd.Index(rows, name="position", dtype=np.int64),
    )


def hear(model: Model, result: Result, said: tuple[Any, Any, Any], X: Any) -> Changed:
    """Learn again from all labels and what people say; see `AutonomousDetector.feedback`.

    Args:
        model: In force.
        result: In force.
        said: Rows, labels, and who says so.
        X: The table the rows are of; None: the training rows.
    """
    _settings(model, result)
    rows, labels, by = _checked(*said)
    population, spoken = _spoken(model, result, rows, X)
    if not len(rows):
        return model, result
    _check_names(said[0], result.row_labels if X is None else open_table(X).row_labels)
    before, when = model.sayings, datetime.now().astimezone().isoformat(timespec="seconds")
    numbers = before.last + 1 + np.arange(len(rows))
    new = tuple(
        Feedback(row=int(place), label=int(label), by=by, when=when, number=int(number))
        for place, label, number in zip(spoken.places, labels, numbers, strict=True)
    )
    strangers = before.strangers
    if spoken.strangers is not None:
        numbered = replace(spoken.strangers, numbers=numbers[spoken.places < 0])
        strangers = numbered if strangers is None else strangers.and_more(numbered)
    sayings = replace(before, feedback=before.feedback + new, last=int(numbers[-1]), strangers=strangers)
    return _heard(model, result, population, sayings)


def forget(model: Model, result: Result, number: Any, by: Any, X: Any) -> Changed:
    """Take back what somebody said; see `AutonomousDetector.forget`."""
    if (number is None) == (by is None):
        raise SettingError(
            "neither is given." if number is None else "both are given.", where="forget",
            fix="Give the number of a saying, as in feedback_, or by= whose sayings are to be forgotten.",
        )  # fmt: skip
    if number is not None and not is_whole(number):
        raise SettingError(f"number is {shown(number)}.", where="forget", fix="Give one of those in feedback_.")
    if by is not None and not isinstance(by, str):
        raise SettingError(f"by is {shown(by)}.", where="forget", fix="Give the name of somebody in feedback_.")
    sayings = model.sayings
    gone = frozenset(
        one.number for one in sayings.feedback if one.number == number or (by is not None and one.by == by)
    )
    if not gone:
        known = [str(one.number) if by is None else repr(one.by) for one in sayings.feedback]
        raise SettingError(
            f"there is no saying {shown(number)}." if by is None else f"nothing was said by {shown(by)}.",
            where="forget", fix=f"There are {', '.join(dict.fromkeys(known[:20]))}." if known else "There is none.",
        )  # fmt: skip
    left = sayings.without(gone)
    if left.feedback:
        return _heard(model, result, _population(model, result, X), left)
    before, population = sayings.before, model.population
    assert before is not None
    assert population is not None
    base = before.verdict.scores if before.base is None else before.base
    model = replace(
        model, verdict=before.verdict, supervised=before.supervised, sayings=Sayings(last=sayings.last),
        seen=SeenRows.known_as(population.prints, base), ruling=before.ruling,
    )  # fmt: skip
    return model, replace(result, verdict=before.verdict, supervision=before.supervision)


def _heard(model: Model, result: Result, population: Population, sayings: Sayings) -> Changed:
    """The answer that heeds the labels given to `fit` and all that was said since."""
    before = sayings.before or Untold(
        verdict=result.verdict, supervised=model.supervised, supervision=result.supervision, ruling=model.ruling,
        base=None if model.ruling is None else model.seen.scores_of(population.prints),
    )  # fmt: skip
    sayings = replace(sayings, before=before)
    strangers, said = sayings.last_of_strangers
    later = None
    prints = population.prints
    if strangers is not None:
        later = Later(inputs=strangers.inputs, scores=strangers.scores, anomalous=said, moments=strangers.moments)
        prints = np.concatenate([prints, strangers.prints])
    labels = sayings.over(population.labels)
    unlabelled = population.unlabelled or Answer.of(before.verdict)
    ruling = model.ruling
    if ruling is not None:
        told = replace(model, population=population, sayings=sayings)
        ruling = ruling.excusing(labelled_prints(told))
    with ONE_THREAD:  # as in fit
        found, verdict, ruling = heed(population, labels, unlabelled, _settings(model, result), later, ruling)
    model = replace(
        model, verdict=verdict, supervised=found.supervised, population=population, sayings=sayings,
        seen=SeenRows.known_as(prints, found.scores), ruling=ruling,
    )  # fmt: skip
    record = replace(found.record, reasons=found.record.reasons + since_the_fit(sayings.feedback, population.labels))
    return model, replace(result, verdict=verdict, supervision=record)


def _settings(model: Model, result: Result) -> Settings:
    """What the run was asked for, where labels have a place in it."""
    settings = Settings.from_mapping(result.settings)
    if model.own_metric is not None:
        settings = settings.with_(target_metric=model.own_metric)
    if not REGIMES[settings.regime].heeds_labels:
        raise SettingError(
            "the detector was fitted with novelty=True, which takes all training rows as normal.", where="feedback",
            fix="Fit without novelty to have labels heeded.",
        )  # fmt: skip
    return settings


def _population(model: Model, result: Result, table: Any) -> Population:
    """The training rows with what learners see of them: kept in memory, or made again of the table.

    Raises:
        SettingError: They are not kept, and no table is given.
        InvalidInputError: The table is not the one fitted on.
    """
    known = model.population
    if known is not None and known.sight is not None:
        return known
    if table is None:
        raise SettingError(
            "this detector does not hold what labels need of its training rows: it was loaded from a file, is a "
            "compact one, or the table was very large.", where="X",
            fix="Give X=, the table it was fitted on; once is enough.",
        )  # fmt: skip
    opened = open_table(table)
    return _met_again(model, result, opened, model.encode(opened))


def _is_own(model: Model, result: Result, dataset: Dataset) -> bool:
    """Whether a table is the one fitted on, row by row."""
    prints, known = fingerprints(dataset.rows), model.population
    if known is not None:
        return np.array_equal(prints, known.prints)
    if not np.array_equal(np.sort(prints), model.seen.fingerprints):
        return False
    scores = model.seen.recall(dataset.rows)[1]
    if model.ruling is not None:
        scores = model.ruling.apply(scores, model.ruling.said, prints)
    return np.array_equal(scores, result.verdict.scores)


def _met_again(model: Model, result: Result, opened: Table, dataset: Dataset) -> Population:
    """The training rows, from the table fitted on."""
    rows, known = dataset.rows, model.population
    if known is not None and known.sight is not None:
        return known
    if not _is_own(model, result, dataset):
        raise InvalidInputError(
            "X is not the table the detector was fitted on, row by row, and it does not hold what labels need of that.",
            where="X", fix="Give that table first, such as query(X=table); then feedback on other rows is heard.",
        )  # fmt: skip
    if known is None:
        budget = _settings(model, result).alert_budget
        known = Population(
            prints=fingerprints(rows), scores=model.seen.recall(rows)[1], labels=Labels.none(len(rows)),
            kinship=Kinship(moments=moments_of(opened, model.encoder)),
            periods=periods_of(opened, dataset, model.encoder, budget),
        )  # fmt: skip
    ranks, _ = model.ensemble.inputs_and_scores(rows)
    return replace(known, sight=Sight.of(model.ensemble, rows, ranks))


def _spoken(model: Model, result: Result, rows: IntArray, X: Any) -> tuple[Population, _Spoken]:
    """The training rows, and which rows are spoken of."""
    if X is None:
        _check_rows(rows, len(result.row_labels))
        return _population(model, result, None), _Spoken(places=rows)
    known = model.population
    if known is None or known.sight is None:
        population = _population(model, result, X)
        _check_rows(rows, len(population.prints))
        return population, _Spoken(places=rows)
    part, at = _some(X, rows)
    opened = open_table(part)
    encoded = model.encode(opened).rows
    _check_rows(at, len(encoded))
    when = moments_of(opened, model.encoder)
    own, prints = encoded[at], fingerprints(encoded)[at]
    places = known.places(prints)
    new = np.flatnonzero(places < 0)
    if not len(new):
        return known, _Spoken(places=places)
    ranks, scores = model.ensemble.inputs_and_scores(own[new])
    return known, _Spoken(
        places=places,
        strangers=Strangers(
            numbers=new,
            prints=prints[new],
            inputs=inputs_of(model.ensemble, own[new], ranks, scores),
            scores=scores,
            moments=np.full(len(new), np.nan) if when is None else when[at][new],
        ),
    )


def _some(X: Any, rows: IntArray) -> tuple[Any, IntArray]:
    """Some rows of a table where these can be had alone, and their positions there; else all of it."""
    part: Callable[[Any], Any] | None = None
    if hasattr(X, "iloc"):
        part = X.iloc.__getitem__
    elif isinstance(X, np.ndarray) and X.ndim == 2:
        part = X.__getitem__
    if part is None or not len(rows):
        return X, rows
    _check_rows(rows, len(X))
    each, at = np.unique(rows, return_inverse=True)
    return part(each), at.astype(np.int64)


def _check_rows(rows: IntArray, n_rows: int) -> None:
    outside = rows[(rows < 0) | (rows >= n_rows)]
    if len(outside):
        raise InvalidInputError(
            f"there is no row {int(outside[0])} among {n_rows:,}.", where="rows",
            fix="Give positions from 0, as query() has them in its index.",
        )  # fmt: skip


def _checked(rows: Any, labels: Any, by: Any) -> tuple[IntArray, IntArray, str]:
    """Positions, labels and a name as they should be."""
    who = one_line("by", by) or ""
    places, said = _listed(_positions(rows)), _listed(labels)
    if len(places) != len(said):
        raise InvalidInputError(f"{len(said):,} labels for {len(places):,} rows.", where="feedback")
    for place in places:
        if not is_whole(place) or abs(int(place)) > _LARGEST:
            raise InvalidInputError(
                f"a row is {shown(place)}.", where="rows", fix="Give positions, as query() has them in its index."
            )
    for label in said:
        if not (isinstance(label, (bool, np.bool_, int, float, np.number)) and label in (0, 1)):
            raise InvalidInputError(
                f"a label is {shown(label)}.", where="labels", fix="Give 1 for an anomaly and 0 for a normal row."
            )
    return np.array(places, dtype=np.int64), np.array([int(one) for one in said], dtype=np.int64), who


def _positions(rows: Any) -> Any:
    """Of a table that `query` returned, also where its index has become a column, the positions; else what is given.

    Raises:
        InvalidInputError: The table is another one: what its index says are no positions.
    """
    if not hasattr(rows, "columns"):
        return rows
    names = list(getattr(rows, "column_names", rows.columns))
    if "position" in names:
        return rows["position"]
    if getattr(getattr(rows, "index", None), "name", None) == "position":
        return rows.index
    raise InvalidInputError(
        f"a table of {', '.join(map(str, names[:6]))} says no positions.", where="rows",
        fix="Give positions from 0, or the table that query() returned.",
    )  # fmt: skip


def _check_names(rows: Any, known: Any) -> None:
    """Whether the rows of a table that `query` returned are called so in the table they are said to be of.

    Raises:
        InvalidInputError: One is called something else: it was chosen from another table.
    """
    if not (hasattr(rows, "iloc") and hasattr(rows, "columns") and "row" in rows.columns):
        return
    for place, name in zip(_positions(rows), rows["row"], strict=True):
        own = known[place]
        own, name = (one.item() if isinstance(one, np.generic) else one for one in (own, name))
        if type(own) is type(name) and own != name:
            raise InvalidInputError(
                f"row {int(place)} is called {shown(own)}, and query() called it {shown(name)}.", where="rows",
                fix="Give X=, the table that query() chose from.",
            )  # fmt: skip


def _listed(values: Any) -> Sequence[Any]:
    if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
        return [values]
    return list(values)


__all__ = ["forget", "hear", "query"]
