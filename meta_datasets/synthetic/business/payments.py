"""Payments: amounts by category and currency, currencies by country, merchants with one category and its channels."""

from __future__ import annotations

import numpy as np
import pandas as pd

from meta_datasets.synthetic._draft import Draft, Planted, at_hour, clock, coded, days, lognormal, weights

# Usual amount in euro, spread on the log scale, first and last hour.
_CATEGORIES = {
    "supermarket": (34.0, 0.45, 7.0, 22.0),
    "bakery": (7.0, 0.35, 6.0, 18.0),
    "filling station": (58.0, 0.3, 5.5, 23.0),
    "parking": (6.0, 0.4, 6.0, 23.0),
    "furniture": (610.0, 0.5, 9.0, 20.0),
    "airline": (420.0, 0.45, 7.0, 23.0),
    "streaming": (12.0, 0.2, 7.0, 23.5),
}
_CHANNELS = {
    "supermarket": ("chip", "contactless"),
    "bakery": ("contactless", "chip"),
    "filling station": ("chip", "contactless"),
    "parking": ("contactless", "app"),
    "furniture": ("chip", "online"),
    "airline": ("online", "app"),
    "streaming": ("online", "app"),
}
_CURRENCIES = {"DE": ("EUR", 1.0), "FR": ("EUR", 1.0), "GB": ("GBP", 0.86), "CH": ("CHF", 0.95), "SE": ("SEK", 11.4)}
_NAMES, _PLACES = np.array(list(_CATEGORIES), dtype=object), np.array(list(_CURRENCIES), dtype=object)


def payments(rng: np.random.Generator, rows: int, each: int) -> Planted:
    """Payments of half a year; planted: amount, currency, channel, merchant, hour, burst."""
    draft = Draft(_ordinary(rng, rows), rng)
    dear = np.isin(draft["category"], ("furniture", "airline"))
    euro = draft["currency"] == "EUR"
    at = draft.take(each, euro & np.isin(draft["category"], ("bakery", "parking", "streaming")))
    draft.change("amount", at, {"amount": rng.choice(draft["amount"][dear & euro], each)}, odd=("amount", "category"))
    at = draft.take(each, np.isin(draft["country"], ("DE", "FR")))
    draft.change("currency", at, {"currency": rng.choice(["GBP", "CHF"], each)}, odd=("currency", "country"))
    at = draft.take(each, np.isin(draft["category"], ("bakery", "filling station")))
    draft.change("channel", at, {"channel": "online"}, odd=("channel", "category"))
    _merchants(draft, each)
    at = draft.take(each, draft["channel"] != "online")
    draft.change("hour", at, {"timestamp": at_hour(draft["timestamp"][at], 2.5 + 1.5 * rng.random(each))})
    _burst(draft, each)
    return draft.finish("payments", by="timestamp")


def _ordinary(rng: np.random.Generator, rows: int) -> pd.DataFrame:
    merchants, customers = 60, 110
    kind, place = rng.integers(len(_NAMES), size=merchants), rng.choice(len(_PLACES), merchants, p=weights(rng, 5, 8.0))
    home = rng.choice(len(_PLACES), customers, p=weights(rng, 5, 8.0))
    customer = rng.choice(customers, rows, p=weights(rng, customers))
    merchant = rng.choice(merchants, rows, p=weights(rng, merchants))
    # Most pay where they live: their merchant is drawn anew among those of their country.
    for i in np.flatnonzero(rng.random(rows) < 0.8):
        near = np.flatnonzero(place == home[customer[i]])
        merchant[i] = rng.choice(near) if len(near) else merchant[i]
    category, country = _NAMES[kind[merchant]], _PLACES[place[merchant]]
    facts = np.array([_CATEGORIES[c] for c in category])
    rate = np.array([_CURRENCIES[c][1] for c in country])
    level = np.exp(0.15 * rng.normal(size=merchants))[merchant]
    first = rng.random(rows) < 0.65
    return pd.DataFrame(
        {
            "timestamp": clock(rng, days(rng, rows, "2023-01-02", 180), facts[:, 2], facts[:, 3]),
            "customer": coded("C", customer),
            "merchant": coded("M", 100 + merchant, 3),
            "category": category,
            "country": country,
            "currency": np.array([_CURRENCIES[c][0] for c in country], dtype=object),
            "channel": np.array([_CHANNELS[c][int(not f)] for c, f in zip(category, first, strict=True)], dtype=object),
            "amount": lognormal(rng, facts[:, 0] * rate * level, facts[:, 1]),
        }
    )


def _merchants(draft: Draft, each: int) -> None:
    """Another merchant of the same country, of another category."""
    frequent = draft.frame["merchant"].map(draft.frame["merchant"].value_counts()).to_numpy() >= 15
    at = draft.take(each, frequent)
    for row in at:
        same = (draft["country"] == draft["country"][row]) & (draft["category"] != draft["category"][row]) & frequent
        others = draft["merchant"][same] if same.any() else draft["merchant"][frequent]
        draft.change("merchant", np.array([row]), {"merchant": draft.rng.choice(others)}, odd=("merchant", "category"))


def _burst(draft: Draft, each: int) -> None:
    """Payments of one customer in a quarter of an hour."""
    anchor = draft.frame.iloc[draft.take(1)[0]]
    rows = draft.frame.iloc[draft.take(each, draft["country"] == anchor["country"])].copy()
    rows["customer"] = anchor["customer"]
    rows["amount"] = np.round(rows["amount"] * draft.rng.uniform(0.9, 1.1, each), 2)
    rows["timestamp"] = anchor["timestamp"] + pd.to_timedelta(np.sort(draft.rng.integers(10, 900, each)), unit="s")
    draft.insert("burst", rows, odd=("timestamp", "customer"))
