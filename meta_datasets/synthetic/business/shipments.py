"""Shipments: distances by lane, costs by weight, distance and service, days by service, services by carrier."""

from __future__ import annotations

import numpy as np
import pandas as pd

from meta_datasets.synthetic._draft import Cells, Draft, Planted, coded, days, lognormal, weights
from pynomaly_auto.records import FloatArray

_PLACES = {
    "Hamburg": (0.0, 860.0), "Lyon": (-420.0, -60.0), "Milan": (-50.0, -40.0), "Warsaw": (760.0, 700.0),
    "Madrid": (-1290.0, -640.0), "Gdansk": (560.0, 930.0), "Vienna": (440.0, 240.0),
}  # fmt: skip
_NAMES = np.array(list(_PLACES), dtype=object)
# Price of a kilometre and kilogram, kilometres a day.
_SERVICES = {"economy": (0.00035, 260.0), "standard": (0.0006, 450.0), "express": (0.0017, 1300.0)}
_CARRIERS = {"Nordfracht": ("economy", "standard"), "Alpa": ("standard", "express"), "QuickVan": ("express",)}
_GOODS = {"paper": 640.0, "machine parts": 210.0, "textiles": 95.0, "samples": 2.5}
_KINDS = np.array(list(_GOODS), dtype=object)


def shipments(rng: np.random.Generator, rows: int, each: int) -> Planted:
    """Shipments of a year; planted: cost, weight, lane, early, late, service."""
    draft = Draft(_ordinary(rng, rows), rng)
    at = draft.take(each, draft["cost"] < np.quantile(draft["cost"], 0.5))
    cost = np.round(draft["cost"][at] * rng.uniform(6.0, 12.0, each), 2)
    draft.change("cost", at, {"cost": cost}, odd=("cost", "weight_kg"))
    at = draft.take(each, draft["goods"] == "samples")
    draft.change("weight", at, {"weight_kg": np.round(rng.uniform(400, 900, each), 1)}, odd=("weight_kg", "goods"))
    for row in draft.take(each):
        gap = np.abs(draft["distance_km"] - draft["distance_km"][row])
        draft.change("lane", np.array([row]), {"distance_km": rng.choice(draft["distance_km"][gap > 400])},
                     odd=("distance_km", "destination"))  # fmt: skip
    at = draft.take(each)
    before = draft["shipped"][at] - rng.integers(3, 12, each).astype("timedelta64[D]")
    draft.change("early", at, {"delivered": before}, odd=("delivered", "shipped"))
    at = draft.take(each, draft["service"] == "express")
    late = draft["delivered"][at] + rng.integers(25, 60, each).astype("timedelta64[D]")
    draft.change("late", at, {"delivered": late}, odd=("delivered", "service"))
    at = draft.take(each, draft["carrier"] == "QuickVan")
    draft.change("service", at, {"service": "economy"}, odd=("service", "carrier"))
    return draft.finish("shipments", by="shipped")


def _ordinary(rng: np.random.Generator, rows: int) -> pd.DataFrame:
    origin = rng.choice(3, rows, p=weights(rng, 3, 8.0))
    destination = (origin + 1 + rng.choice(len(_NAMES) - 1, rows, p=weights(rng, len(_NAMES) - 1, 8.0))) % len(_NAMES)
    distance = _distances()[origin, destination] * np.round(1.0 + 0.01 * rng.normal(size=rows), 3)
    carrier = rng.choice(np.array(list(_CARRIERS), dtype=object), rows, p=[0.5, 0.3, 0.2])
    service = np.array([rng.choice(_CARRIERS[c]) for c in carrier], dtype=object)
    goods = rng.choice(_KINDS, rows, p=[0.3, 0.3, 0.25, 0.15])
    weight = np.round(lognormal(rng, np.array([_GOODS[g] for g in goods]), 0.45), 1)
    facts = np.array([_SERVICES[s] for s in service])
    shipped = days(rng, rows, "2023-02-01", 360)
    took = np.ceil(distance / facts[:, 1] + rng.exponential(0.5, rows)).astype(np.int64)
    return pd.DataFrame(
        {
            "shipment": coded("S", 100000 + np.arange(rows), 6),
            "shipped": shipped.astype("datetime64[s]"),
            "delivered": (shipped + took.astype("timedelta64[D]")).astype("datetime64[s]"),
            "carrier": carrier,
            "service": service,
            "origin": _NAMES[origin],
            "destination": _NAMES[destination],
            "distance_km": np.round(distance),
            "goods": goods,
            "weight_kg": weight,
            "cost": _cost(distance, weight, facts[:, 0], rng),
        }
    )


def _cost(distance: FloatArray, weight: FloatArray, price: FloatArray, rng: np.random.Generator) -> Cells:
    """A fixed part, and what distance and weight cost; small consignments pay for ten kilograms."""
    fair = 9.0 + price * distance * np.maximum(weight, 10.0)
    return np.asarray(np.round(fair * np.exp(0.06 * rng.normal(size=len(fair))), 2))


def _distances() -> FloatArray:
    """By road, a fifth longer than the straight line; kilometres, shape (n_places, n_places)."""
    at = np.array(list(_PLACES.values()))
    return np.asarray(np.round(1.2 * np.hypot(*(at[:, None] - at[None]).transpose(2, 0, 1))))
