"""Sensors of machines that run through states: levels by state and product, one reading that follows from another."""

from __future__ import annotations

import numpy as np
import pandas as pd

from meta_datasets.synthetic._draft import Cells, Draft, Planted, coded

# Temperature, speed and vibration that belong to a state.
_STATES = {
    "off": (21.0, 0.0, 0.02),
    "idle": (38.0, 0.0, 0.15),
    "heating": (92.0, 140.0, 0.6),
    "running": (168.0, 1450.0, 2.4),
    "cleaning": (74.0, 420.0, 1.1),
}
_CYCLE = ("off", "idle", "heating", "running", "running", "running", "cleaning", "idle")
_PRODUCTS = {"A": 0.0, "B": 9.0, "C": -7.0}
_NONE = "none"


def sensors(rng: np.random.Generator, rows: int, each: int) -> Planted:
    """Readings of six machines every ten minutes; planted: product, temperature, state, power, vibration, stuck."""
    draft = Draft(_ordinary(rng, rows), rng)
    at = draft.take(each, (draft["state"] == "running") & np.isin(draft["product"], ("B", "C")))
    other = np.where(draft["product"][at] == "B", "C", "B")
    draft.change("product", at, {"product": other}, odd=("product", "temperature"))
    at = draft.take(each, np.isin(draft["state"], ("off", "idle")))
    warm = draft["temperature"][draft["state"] == "cleaning"]
    draft.change("temperature", at, {"temperature": rng.choice(warm, each)}, odd=("temperature", "state"))
    at = draft.take(each, draft["state"] == "running")
    draft.change("state", at, {"state": rng.choice(["heating", "cleaning"], each)}, odd=("state", "speed"))
    at = draft.take(each, draft["state"] == "running")
    power = np.round(draft["power"][at] * rng.uniform(0.5, 0.65, each), 2)
    draft.change("power", at, {"power": power}, odd=("power",))
    at = draft.take(each, draft["state"] == "idle")
    shaken = draft["vibration"][draft["state"] == "heating"]
    draft.change("vibration", at, {"vibration": rng.choice(shaken, each)}, odd=("vibration", "state"))
    at = draft.take(each, draft["state"] == "running")
    draft.change("stuck", at, {"speed": 0.0}, odd=("speed", "state"))
    return draft.finish("sensors", by="time")


def _ordinary(rng: np.random.Generator, rows: int) -> pd.DataFrame:
    machines = 6
    parts = [_machine(rng, machine, -(-rows // machines)) for machine in range(machines)]
    return pd.concat(parts, ignore_index=True).iloc[:rows]


def _machine(rng: np.random.Generator, machine: int, n: int) -> pd.DataFrame:
    """One machine going round its cycle, a product for each round."""
    state, product = _rounds(rng, n)
    facts = np.array([_STATES[s] for s in state])
    offset = np.array([_PRODUCTS.get(p, 0.0) for p in product])
    warm = 2.0 * rng.normal()
    temperature = facts[:, 0] + offset + (warm + 1.8 * rng.normal(size=n)) * (facts[:, 0] > 30)
    speed = facts[:, 1] * (1.0 + 0.02 * rng.normal(size=n))
    # Power follows speed and vibration, so that neither alone tells it.
    vibration = np.maximum(facts[:, 2] * np.exp(0.15 * rng.normal(size=n)), 0.0)
    power = 0.4 + 0.006 * speed + 1.1 * vibration + 0.15 * np.abs(rng.normal(size=n))
    start = np.datetime64("2024-05-06T00:00:00")
    return pd.DataFrame(
        {
            "time": start + np.arange(n) * np.timedelta64(600, "s") + np.timedelta64(7 * machine, "s"),
            "machine": coded("press-", np.full(n, machine + 1), 2),
            "state": state,
            "product": product,
            "temperature": np.round(temperature + 0.3 * rng.normal(size=n), 1),
            "speed": np.round(speed),
            "vibration": np.round(vibration, 3),
            "power": np.round(power, 2),
        }
    )


def _rounds(rng: np.random.Generator, n: int) -> tuple[Cells, Cells]:
    states: list[str] = []
    products: list[str] = []
    while len(states) < n:
        product = str(rng.choice(list(_PRODUCTS)))
        for state in _CYCLE:
            stay = int(rng.integers(2, 7))
            states += [state] * stay
            products += [product if state in {"heating", "running"} else _NONE] * stay
    return np.array(states[:n], dtype=object), np.array(products[:n], dtype=object)
