"""Laboratory results: units and ranges by test, values by test and sex, flags that follow from values and ranges."""

from __future__ import annotations

import numpy as np
import pandas as pd

from meta_datasets.synthetic._draft import Cells, Draft, Planted, clock, coded, days, weights
from pynomaly_auto.records import FloatArray

# Unit, lower and upper end of the reference range of women and of men, device.
_TESTS = {
    "haemoglobin": ("g/L", (120.0, 160.0), (135.0, 175.0), "XN-1"),
    "glucose": ("mmol/L", (3.9, 6.1), (3.9, 6.1), "AU-2"),
    "sodium": ("mmol/L", (136.0, 145.0), (136.0, 145.0), "AU-2"),
    "creatinine": ("umol/L", (45.0, 84.0), (59.0, 104.0), "AU-2"),
    "platelets": ("10^9/L", (150.0, 400.0), (150.0, 400.0), "XN-1"),
    "PSA": ("ug/L", (0.2, 4.0), (0.2, 4.0), "CO-3"),
    "TSH": ("mIU/L", (0.4, 4.0), (0.4, 4.0), "CO-3"),
}
_NAMES = np.array(list(_TESTS), dtype=object)
_WARDS = {"paediatrics": (1, 16), "surgery": (18, 88), "cardiology": (40, 92), "obstetrics": (18, 44)}
_PLACES = np.array(list(_WARDS), dtype=object)


def lab_results(rng: np.random.Generator, rows: int, each: int) -> Planted:
    """Results of three months; planted: value, unit, flag, sex, age, device."""
    draft = Draft(_ordinary(rng, rows), rng)
    at = draft.take(each, np.isin(draft["test"], ("glucose", "TSH")))
    value = np.round(rng.uniform(120.0, 170.0, each), 1)
    odd = ("value", "test")
    draft.change("value", at, {"value": value, "flag": "high"}, odd=odd)
    at = draft.take(each, np.isin(draft["test"], ("sodium", "creatinine")))
    draft.change("unit", at, {"unit": rng.choice(["g/L", "mIU/L"], each)}, odd=("unit", "test"))
    middle = np.abs(draft["value"] - (draft["low"] + draft["high"]) / 2) < 0.25 * (draft["high"] - draft["low"])
    at = draft.take(each, (draft["flag"] == "normal") & middle)
    draft.change("flag", at, {"flag": rng.choice(["high", "low"], each)}, odd=("flag", "value"))
    at = draft.take(each, draft["test"] == "PSA")
    draft.change("sex", at, {"sex": "F"}, odd=("sex", "test"))
    at = draft.take(each, draft["ward"] == "paediatrics")
    draft.change("age", at, {"age": rng.integers(60, 85, each)}, odd=("age", "ward"))
    at = draft.take(each, draft["device"] == "XN-1")
    draft.change("device", at, {"device": "CO-3"}, odd=("device", "test"))
    return draft.finish("lab_results", by="taken")


def _ordinary(rng: np.random.Generator, rows: int) -> pd.DataFrame:
    patients = rows // 5
    ward_of = rng.choice(_PLACES, patients, p=[0.2, 0.35, 0.3, 0.15])
    sex_of = np.where(ward_of == "obstetrics", "F", rng.choice(["F", "M"], patients)).astype(object)
    age_of = np.array([rng.integers(*_WARDS[w]) for w in ward_of])
    patient = rng.integers(patients, size=rows)
    sex, ward, age = sex_of[patient], ward_of[patient], age_of[patient]
    test = rng.choice(_NAMES, rows, p=weights(rng, len(_NAMES), 12.0))
    # Only grown men are tested for it; others get the commonest test instead.
    test = np.where((test == "PSA") & ((sex == "F") | (age < 40)), "sodium", test)
    low, high = _ranges(test, sex)
    taken = clock(rng, days(rng, rows, "2024-01-08", 90), np.full(rows, 6.0), np.full(rows, 19.0))
    value = _values(low, high, rng)
    return pd.DataFrame(
        {
            "taken": taken,
            "patient": coded("", 300000 + patient, 6),
            "sex": sex,
            "age": age,
            "ward": ward,
            "test": test,
            "device": np.array([_TESTS[t][3] for t in test], dtype=object),
            "unit": np.array([_TESTS[t][0] for t in test], dtype=object),
            "low": low,
            "high": high,
            "value": value,
            "flag": np.where(value < low, "low", np.where(value > high, "high", "normal")).astype(object),
        }
    )


def _ranges(test: Cells, sex: Cells) -> tuple[FloatArray, FloatArray]:
    ends = np.array([_TESTS[t][1 if s == "F" else 2] for t, s in zip(test, sex, strict=True)])
    return ends[:, 0], ends[:, 1]


def _values(low: FloatArray, high: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Nine in ten within their range, skewed upward where the range is wide."""
    middle, spread = np.sqrt(low * high), np.log(high / low) / 3.4
    values = middle * np.exp(spread * rng.normal(size=len(middle)))
    return np.asarray(np.where(high < 10, np.round(values, 2), np.round(values, 1)))
