"""Payroll: rates by grade, jobs by department, gross from hours and rate, tax by class and net by what is left."""

from __future__ import annotations

import numpy as np
import pandas as pd

from meta_datasets.synthetic._draft import Cells, Draft, Planted, coded, weights

_JOBS = {
    "warehouse": ("picker", "driver", "shift lead"),
    "finance": ("accountant", "controller"),
    "it": ("developer", "administrator", "architect"),
    "sales": ("clerk", "account manager"),
}
# Hourly rate of every grade.
_GRADES = {"G1": 16.5, "G2": 21.0, "G3": 28.0, "G4": 38.0, "G5": 55.0}
_GRADE_OF = {
    "picker": "G1", "driver": "G2", "clerk": "G2", "shift lead": "G3", "accountant": "G3", "administrator": "G3",
    "developer": "G4", "account manager": "G4", "controller": "G4", "architect": "G5",
}  # fmt: skip
_TAX = {"I": 0.24, "II": 0.21, "III": 0.12, "V": 0.34}
_CLASSES = np.array(list(_TAX), dtype=object)
_DEPARTMENTS = np.array(list(_JOBS), dtype=object)


def payroll(rng: np.random.Generator, rows: int, each: int) -> Planted:
    """Pay slips of a year; planted: rate, net, tax, department, hours, twice."""
    draft = Draft(_ordinary(rng, rows), rng)
    at = draft.take(each, np.isin(draft["grade"], ("G1", "G2")))
    rate = np.round(_GRADES["G5"] * rng.uniform(0.95, 1.1, each), 2)
    _change(draft, "rate", at, {"rate": rate}, ("rate", "grade"))
    at = draft.take(each)
    net = np.round(draft["net"][at] * rng.choice([0.7, 1.3, 1.6], each), 2)
    draft.change("net", at, {"net": net}, odd=("net", "gross"))
    at = draft.take(each, np.isin(draft["tax_class"], ("I", "II")))
    tax = np.round(draft["gross"][at] * 0.03, 2)
    net = np.round(draft["gross"][at] - tax, 2)
    draft.change("tax", at, {"tax": tax, "net": net}, odd=("tax", "gross"))
    at = draft.take(each, np.isin(draft["department"], ("finance", "it")))
    draft.change("department", at, {"department": "warehouse"}, odd=("department", "job"))
    at = draft.take(each, draft["contract"] == "part time")
    _change(draft, "hours", at, {"hours": np.round(rng.uniform(165, 185, each), 1)}, ("hours", "contract"))
    at = draft.take(each)
    # Nobody can tell which of the two is the one too many: both count.
    draft.insert("twice", draft.frame.iloc[at], odd=("employee", "month"))
    draft.change("twice", at, {}, odd=("employee", "month"))
    return draft.finish("payroll", by="month")


def _ordinary(rng: np.random.Generator, rows: int) -> pd.DataFrame:
    months = pd.date_range("2023-01-31", periods=12, freq="ME").to_numpy()
    employees = -(-rows // len(months))
    department = rng.choice(_DEPARTMENTS, employees, p=weights(rng, len(_DEPARTMENTS), 12.0))
    job = np.array([rng.choice(_JOBS[d]) for d in department], dtype=object)
    grade = np.array([_GRADE_OF[j] for j in job], dtype=object)
    rate = np.round(np.array([_GRADES[g] for g in grade]) * np.exp(0.04 * rng.normal(size=employees)), 2)
    part = rng.random(employees) < 0.3
    agreed = np.where(part, rng.choice([60.0, 80.0, 100.0], employees), 160.0)
    tax_class = rng.choice(_CLASSES, employees, p=[0.45, 0.1, 0.25, 0.2])
    who = np.tile(np.arange(employees), len(months))[:rows]
    hours = np.round(agreed[who] + rng.normal(size=rows) * 0.03 * agreed[who], 1)
    frame = pd.DataFrame(
        {
            "employee": coded("", 70000 + who, 5),
            "month": np.repeat(months, employees)[:rows],
            "department": department[who],
            "job": job[who],
            "grade": grade[who],
            "contract": np.where(part, "part time", "full time").astype(object)[who],
            "hours": hours,
            "rate": rate[who],
            "tax_class": tax_class[who],
        }
    )
    return frame.assign(**_paid(hours, rate[who], tax_class[who], rng))


def _paid(hours: Cells, rate: Cells, tax_class: Cells, rng: np.random.Generator) -> dict[str, Cells]:
    gross = np.round(hours * rate, 2)
    share = np.array([_TAX[c] for c in tax_class]) + 0.004 * rng.normal(size=len(gross))
    tax = np.round(gross * share, 2)
    return {"gross": gross, "tax": tax, "net": np.round(gross - tax, 2)}


def _change(draft: Draft, kind: str, at: Cells, cells: dict[str, Cells], odd: tuple[str, str]) -> None:
    """Change hours or rate, and let what is paid follow."""
    now = {name: cells.get(name, draft[name][at]) for name in ("hours", "rate")}
    paid = _paid(now["hours"], now["rate"], draft["tax_class"][at], draft.rng)
    draft.change(kind, at, cells | paid, odd=odd)
