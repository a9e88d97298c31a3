"""Orders: totals that follow from price, quantity and discount, prices by product, postcodes by country."""

from __future__ import annotations

import numpy as np
import pandas as pd

from meta_datasets.synthetic._draft import Cells, Draft, Planted, coded, days, weights

# Price, usual quantity and group of every product.
_PRODUCTS = {
    "ballpoint pen": (1.2, 60, "office"),
    "copy paper": (4.9, 40, "office"),
    "stapler": (11.5, 6, "office"),
    "desk lamp": (39.0, 2, "furniture"),
    "office chair": (189.0, 2, "furniture"),
    "standing desk": (540.0, 1, "furniture"),
    "monitor": (229.0, 2, "technology"),
    "laptop": (1090.0, 1, "technology"),
    "usb cable": (6.5, 10, "technology"),
}
_NAMES = np.array(list(_PRODUCTS), dtype=object)
_PLACES = np.array(["DE", "NL", "GB", "US", "PL"], dtype=object)
_DISCOUNTS = {"consumer": (0.0, 0.0, 0.05), "business": (0.05, 0.1, 0.15), "public": (0.2, 0.2, 0.25)}
_SEGMENTS = np.array(list(_DISCOUNTS), dtype=object)
_SHIPPING = {"office": ("parcel", "letter"), "furniture": ("freight", "freight"), "technology": ("parcel", "courier")}


def orders(rng: np.random.Generator, rows: int, each: int) -> Planted:
    """Order lines of a year; planted: total, price, quantity, postcode, discount, shipping."""
    draft = Draft(_ordinary(rng, rows), rng)
    at = draft.take(each, draft["total"] > 40)
    factor = rng.choice([0.1, 0.5, 2.0, 10.0], each)
    draft.change("total", at, {"total": np.round(draft["total"][at] * factor, 2)}, odd=("total", "unit_price"))
    at = draft.take(each, draft["group"] != "office")
    price = np.round(draft["unit_price"][at] * rng.choice([0.1, 10.0], each), 2)
    total = _total(price, draft["quantity"][at], draft["discount"][at])
    draft.change("price", at, {"unit_price": price, "total": total}, odd=("unit_price", "product"))
    at = draft.take(each, np.isin(draft["product"], ("laptop", "standing desk", "office chair")))
    quantity = rng.integers(45, 90, each)
    total = _total(draft["unit_price"][at], quantity, draft["discount"][at])
    draft.change("quantity", at, {"quantity": quantity, "total": total}, odd=("quantity", "product"))
    for row in draft.take(each):
        other = draft.rng.choice(draft["postcode"][draft["country"] != draft["country"][row]])
        draft.change("postcode", np.array([row]), {"postcode": other}, odd=("postcode", "country"))
    at = draft.take(each, draft["segment"] == "consumer")
    total = _total(draft["unit_price"][at], draft["quantity"][at], np.full(each, 0.25))
    draft.change("discount", at, {"discount": 0.25, "total": total}, odd=("discount", "segment"))
    at = draft.take(each, draft["group"] == "furniture")
    draft.change("shipping", at, {"shipping": "letter"}, odd=("shipping", "group"))
    return draft.finish("orders", by="ordered")


def _ordinary(rng: np.random.Generator, rows: int) -> pd.DataFrame:
    customers = rows // 8
    segment_of = rng.choice(_SEGMENTS, customers, p=[0.5, 0.35, 0.15])
    country_of = rng.choice(_PLACES, customers, p=weights(rng, len(_PLACES), 8.0))
    postcode_of = np.array([_postcode(c, rng) for c in country_of], dtype=object)
    customer = rng.choice(customers, rows, p=weights(rng, customers))
    product = rng.choice(_NAMES, rows, p=weights(rng, len(_NAMES), 10.0))
    facts = np.array([_PRODUCTS[p][:2] for p in product])
    segment = segment_of[customer]
    quantity = 1 + rng.poisson(np.maximum(facts[:, 1] - 1, 0.3) * np.where(segment == "consumer", 0.6, 1.2))
    # Prices rise once, in the middle of the year.
    ordered = days(rng, rows, "2023-01-01", 364)
    price = np.round(facts[:, 0] * np.where(ordered < np.datetime64("2023-07-01"), 1.0, 1.05), 2)
    discount = np.array([rng.choice(_DISCOUNTS[s]) for s in segment])
    group = np.array([_PRODUCTS[p][2] for p in product], dtype=object)
    second = (rng.random(rows) < 0.3).astype(int)
    return pd.DataFrame(
        {
            "order": coded("O-", 50000 + np.arange(rows), 6),
            "ordered": ordered.astype("datetime64[s]"),
            "customer": coded("K", customer),
            "segment": segment,
            "country": country_of[customer],
            "postcode": postcode_of[customer],
            "product": product,
            "group": group,
            "unit_price": price,
            "quantity": quantity,
            "discount": discount,
            "shipping": np.array([_SHIPPING[g][s] for g, s in zip(group, second, strict=True)], dtype=object),
            "total": _total(price, quantity, discount),
        }
    )


def _total(price: Cells, quantity: Cells, discount: Cells) -> Cells:
    return np.asarray(np.round(price * quantity * (1 - discount), 2))


def _postcode(country: str, rng: np.random.Generator) -> str:
    digits = rng.integers(0, 10, 5)
    letters = "".join(rng.choice(list("ABDEGHLNRSTW"), 2))
    a, b, c, d, e = (int(x) for x in digits)
    forms = {
        "DE": f"{a}{b}{c}{d}{e}",
        "NL": f"{a}{b}{c}{d} {letters}",
        "GB": f"{letters}{a} {b}{letters}",
        "US": f"{a}{b}{c}{d}{e}-{a}{c}{e}{b}",
        "PL": f"{a}{b}-{c}{d}{e}",
    }
    return forms[country]
