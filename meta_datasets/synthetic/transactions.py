"""A table of card transactions in which what is odd is odd in its context alone: by category, hour, pair or entity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from meta_datasets.synthetic._draft import Cells, Draft, Planted, at_hour, clock, coded, days, lognormal, weights
from pynomaly_auto.errors import SettingError
from pynomaly_auto.records import FloatArray

KINDS = ("amount", "hour", "pair", "burst")
START, SPAN = "2024-01-01", 91
COUNTRIES = ("DE", "FR", "GB", "IT", "NL")
_AT_HOME = 0.85
_BEYOND = 6.0  # standard deviations above its category's usual amount, on the log scale
_BURST_MINUTES = 20.0
_NIGHT = 3.0
_EVEN = 30.0  # how alike entities and countries are in size
_DEAR_PART = (0.3, 0.95)  # quantiles of dear amounts that a planted one lies between
_FEWEST_ROWS = 400


@dataclass(frozen=True, kw_only=True)
class Category:
    """What purchases of one kind look like.

    Args:
        median: Usual amount.
        sigma: Its standard deviation on the log scale.
        opens: First hour of the day.
        closes: Last hour of the day.
        share: How common it is, beside the others'.
    """

    median: float
    sigma: float
    opens: float
    closes: float
    share: float


CATEGORIES: Mapping[str, Category] = {
    "groceries": Category(median=38.0, sigma=0.32, opens=8.0, closes=21.0, share=1.4),
    "coffee": Category(median=5.0, sigma=0.25, opens=8.0, closes=18.5, share=1.2),
    "restaurant": Category(median=42.0, sigma=0.28, opens=11.0, closes=22.0, share=1.2),
    "fuel": Category(median=62.0, sigma=0.22, opens=7.0, closes=21.0, share=1.0),
    "electronics": Category(median=520.0, sigma=0.32, opens=9.5, closes=20.0, share=1.0),
    "travel": Category(median=880.0, sigma=0.32, opens=8.0, closes=21.0, share=1.0),
}
_NAMES = np.array(list(CATEGORIES), dtype=object)
_DEAR = ("electronics", "travel")


def transactions(seed: int, *, rows: int = 1980, each: int = 5) -> Planted:
    """Card transactions of a quarter of a year, with four kinds of anomalies.

    ``timestamp, entity_id, category, country, amount``, in the order of time. Planted are ``each`` of: an *amount*
    far too high for its category, though ordinary for a dearer one; an *hour*, a purchase between three and four in
    the night, when nobody buys; a *pair*, a category in a country where it is never sold, both of them frequent; and
    one *burst*, that many purchases of one entity within 20 minutes.

    Args:
        seed: Of everything random, which categories are sold where included.
        rows: Ordinary rows.
        each: Planted rows of every kind.

    Raises:
        SettingError: There are too few rows for what is to be planted.
    """
    if rows < max(_FEWEST_ROWS, 80 * each) or each < 1 or seed < 0:
        raise SettingError(
            f"{rows} rows with {each} anomalies of each kind and the seed {seed} cannot be made.",
            where="transactions",
            fix=f"rows from {_FEWEST_ROWS} and 80 for each, each from 1, seed from 0.",
        )
    rng = np.random.default_rng([seed, *b"transactions"])
    sold = _sold(rng)
    changed = len(KINDS) - 1  # a burst's rows are added, all others take an ordinary row's place
    draft = Draft(_ordinary(rows + changed * each, sold, rng), rng)
    _amounts(draft, each)
    _pairs(draft, sold, each)
    _hours(draft, each)
    _burst(draft, each)
    return draft.finish(f"transactions_s{seed}", by="timestamp")


def _sold(rng: np.random.Generator) -> Cells:
    """Which category is sold where, bool of shape (n_categories, n_countries); each is missing in one country."""
    out = np.ones((len(CATEGORIES), len(COUNTRIES)), dtype=bool)
    order = rng.permutation(len(COUNTRIES))
    for i in range(len(CATEGORIES)):
        out[i, order[i % len(COUNTRIES)]] = False
    return out


def _ordinary(rows: int, sold: Cells, rng: np.random.Generator) -> pd.DataFrame:
    entities = int(rng.integers(60, 91))
    share = np.array([c.share for c in CATEGORIES.values()])
    home = rng.choice(len(COUNTRIES), entities, p=weights(rng, len(COUNTRIES), _EVEN))
    level = np.exp(0.15 * rng.normal(size=entities))
    entity = rng.choice(entities, rows, p=weights(rng, entities, _EVEN))
    abroad = rng.random(rows) > _AT_HOME
    country = np.where(abroad, rng.integers(len(COUNTRIES), size=rows), home[entity])
    category = np.array([rng.choice(len(share), p=_renormed(share * sold[:, c])) for c in country])
    kinds = [CATEGORIES[_NAMES[c]] for c in category]
    opens, closes = np.array([k.opens for k in kinds]), np.array([k.closes for k in kinds])
    median = np.array([k.median for k in kinds]) * level[entity]
    return pd.DataFrame(
        {
            "timestamp": clock(rng, days(rng, rows, START, SPAN), opens, closes),
            "entity_id": coded("E", 1000 + entity),
            "category": _NAMES[category],
            "country": np.array(COUNTRIES, dtype=object)[country],
            "amount": lognormal(rng, median, np.array([k.sigma for k in kinds])),
        }
    )


def _renormed(share: FloatArray) -> FloatArray:
    return np.asarray(share / share.sum())


def _amounts(draft: Draft, each: int) -> None:
    """Amounts of dear categories in cheap ones."""
    dear = draft["amount"][np.isin(draft["category"], _DEAR)]
    low, high = np.quantile(dear, _DEAR_PART)
    cheap = [name for name, c in CATEGORIES.items() if c.median * np.exp(_BEYOND * c.sigma) < low]
    rows = draft.take(each, np.isin(draft["category"], cheap))
    found = draft.rng.choice(dear[(dear >= low) & (dear <= high)], each)
    draft.change("amount", rows, {"amount": found}, odd=("amount", "category"))


def _pairs(draft: Draft, sold: Cells, each: int) -> None:
    """Purchases of a category that is not sold in their country, at its own prices and hours."""
    places = np.array(COUNTRIES, dtype=object)
    by_category = np.array([(draft["category"] == name).sum() for name in _NAMES])
    by_country = np.array([(draft["country"] == place).sum() for place in places])
    expected = (by_category[:, None] * by_country / len(draft.frame)).ravel()
    never = np.flatnonzero((~sold).ravel())
    # The most frequent ones first: where both are rare, never having met says nothing.
    often = never[np.argsort(-expected[never], kind="stable")]
    for pair in np.resize(often, each):
        category, place = _NAMES[pair // len(places)], places[pair % len(places)]
        row = draft.take(1, (draft["country"] == place) & (draft["category"] != category))
        kind = CATEGORIES[category]
        cells = {
            "category": category,
            "amount": lognormal(draft.rng, np.array([kind.median]), kind.sigma),
            "timestamp": clock(draft.rng, draft["timestamp"][row], np.array([kind.opens]), np.array([kind.closes])),
        }
        draft.change("pair", row, cells, odd=("category", "country"))


def _hours(draft: Draft, each: int) -> None:
    """Purchases in the night of the same day."""
    rows = draft.take(each)
    when = at_hour(draft["timestamp"][rows], _NIGHT + draft.rng.random(each))
    draft.change("hour", rows, {"timestamp": when})


def _burst(draft: Draft, each: int) -> None:
    """Ordinary purchases of an entity that is neither rare nor frequent, within minutes of one of its own."""
    names, counts = np.unique(draft["entity_id"], return_counts=True)
    usual = names[(counts >= np.quantile(counts, 0.25)) & (counts <= np.quantile(counts, 0.75))]
    entity = draft.rng.choice(usual)
    first = draft.frame.iloc[draft.take(1, draft["entity_id"] == entity)[0]]
    rows = draft.frame.iloc[draft.take(each, draft["country"] == first["country"])].copy()
    kinds = [CATEGORIES[c] for c in rows["category"]]
    minutes = np.sort(draft.rng.uniform(0.0, _BURST_MINUTES, each))
    rows["entity_id"] = entity
    rows["amount"] = lognormal(draft.rng, np.array([k.median for k in kinds]), np.array([k.sigma for k in kinds]))
    rows["timestamp"] = first["timestamp"] + pd.to_timedelta(np.round(60 * minutes), unit="s")
    draft.insert("burst", rows, odd=("timestamp", "entity_id"))
