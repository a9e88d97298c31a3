"""Insurance claims: causes by product, amounts by cause and within the sum insured, reports after incidents."""

from __future__ import annotations

import numpy as np
import pandas as pd

from meta_datasets.synthetic._draft import Draft, Planted, coded, days, lognormal, weights

# Causes of each product with the usual amount as a share of the sum insured.
_CAUSES = {
    "motor": {"collision": 0.18, "theft": 0.7, "glass": 0.03, "hail": 0.09},
    "home": {"water": 0.04, "fire": 0.25, "burglary": 0.05, "storm": 0.06},
    "travel": {"cancellation": 0.55, "luggage": 0.2, "illness": 0.4},
}
_SUMS = {"motor": (19000.0, 0.35), "home": (240000.0, 0.35), "travel": (2600.0, 0.35)}
_REGIONS = np.array(["north", "south", "east", "west", "centre"], dtype=object)
_DELAYS = {"motor": 3.0, "home": 5.0, "travel": 12.0}


def claims(rng: np.random.Generator, rows: int, each: int) -> Planted:
    """Claims of two years; planted: amount, cause, order, age, insured, series."""
    draft = Draft(_ordinary(rng, rows), rng)
    at = draft.take(each, np.isin(draft["cause"], ("glass", "water", "burglary")))
    share = rng.uniform(0.6, 0.95, each)
    odd = ("amount", "cause", "sum_insured")
    draft.change("amount", at, {"amount": np.round(draft["sum_insured"][at] * share, 2)}, odd=odd)
    at = draft.take(each, draft["product"] == "motor")
    draft.change("cause", at, {"cause": rng.choice(["water", "luggage", "illness"], each)}, odd=("cause", "product"))
    at = draft.take(each)
    early = draft["incident"][at] - rng.integers(20, 90, each).astype("timedelta64[D]")
    draft.change("order", at, {"reported": early}, odd=("reported", "incident"))
    at = draft.take(each, draft["product"] == "motor")
    draft.change("age", at, {"age": rng.integers(4, 15, each)}, odd=("age", "product"))
    at = draft.take(each, draft["product"] == "travel")
    sums = np.round(draft.rng.choice(draft["sum_insured"][draft["product"] == "home"], each), -2)
    draft.change("insured", at, {"sum_insured": sums}, odd=("sum_insured", "product"))
    _series(draft, each)
    return draft.finish("claims", by="reported")


def _ordinary(rng: np.random.Generator, rows: int) -> pd.DataFrame:
    policies = rows // 2
    product_of = rng.choice(np.array(list(_CAUSES), dtype=object), policies, p=[0.5, 0.32, 0.18])
    age_of = np.clip(np.round(rng.normal(47, 14, policies)), 18, 92).astype(np.int64)
    sums = np.array([_SUMS[p] for p in product_of])
    sum_of = np.round(lognormal(rng, sums[:, 0], sums[:, 1]), -2)
    region_of = rng.choice(_REGIONS, policies, p=weights(rng, len(_REGIONS)))
    policy = rng.integers(policies, size=rows)
    product = product_of[policy]
    cause = np.array([rng.choice(list(_CAUSES[p])) for p in product], dtype=object)
    share = np.array([_CAUSES[p][c] for p, c in zip(product, cause, strict=True)])
    amount = np.minimum(lognormal(rng, share * sum_of[policy], 0.4), sum_of[policy])
    incident = days(rng, rows, "2022-01-01", 720)
    delay = np.ceil(rng.gamma(2.0, np.array([_DELAYS[p] for p in product]) / 2.0)).astype(np.int64)
    return pd.DataFrame(
        {
            "claim": coded("CL", np.arange(rows), 6),
            "policy": coded("P", 10000 + policy, 5),
            "product": product,
            "region": region_of[policy],
            "age": np.clip(age_of[policy] + rng.integers(0, 2, rows), 18, 93),
            "sum_insured": sum_of[policy],
            "cause": cause,
            "incident": incident.astype("datetime64[s]"),
            "reported": (incident + delay.astype("timedelta64[D]")).astype("datetime64[s]"),
            "amount": np.round(amount, 2),
        }
    )


def _series(draft: Draft, each: int) -> None:
    """One policy with a claim every other day."""
    base = draft.frame.iloc[draft.take(1, draft["product"] == "motor")[0]]
    rows = pd.DataFrame([base] * each).astype(draft.frame.dtypes.to_dict())
    step = np.cumsum(draft.rng.integers(1, 3, each)).astype("timedelta64[D]")
    rows["claim"] = coded("CL", 900000 + np.arange(each), 6)
    rows["cause"] = draft.rng.choice(["collision", "hail"], each)
    rows["incident"] = rows["incident"].to_numpy() + step
    rows["reported"] = rows["incident"].to_numpy() + draft.rng.integers(1, 5, each).astype("timedelta64[D]")
    share = np.array([_CAUSES["motor"][c] for c in rows["cause"]])
    rows["amount"] = lognormal(draft.rng, share * float(base["sum_insured"]), 0.3)
    draft.insert("series", rows, odd=("policy", "incident"))
