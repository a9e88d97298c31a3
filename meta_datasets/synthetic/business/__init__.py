"""Business tables of eight domains with planted anomalies; for judging alone, nothing is ever learned from them.

Columns are mixed and depend on each other as they do in such tables; what is planted is ordinary in each column by
itself wherever it can be, and odd beside the row's other cells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from meta_datasets.synthetic._draft import Planted
from meta_datasets.synthetic.business.access_logs import access_logs
from meta_datasets.synthetic.business.claims import claims
from meta_datasets.synthetic.business.lab_results import lab_results
from meta_datasets.synthetic.business.orders import orders
from meta_datasets.synthetic.business.payments import payments
from meta_datasets.synthetic.business.payroll import payroll
from meta_datasets.synthetic.business.sensors import sensors
from meta_datasets.synthetic.business.shipments import shipments
from pynomaly_auto.errors import SettingError

DOMAINS: Mapping[str, Callable[[np.random.Generator, int, int], Planted]] = {
    "payments": payments,
    "claims": claims,
    "orders": orders,
    "access_logs": access_logs,
    "sensors": sensors,
    "payroll": payroll,
    "shipments": shipments,
    "lab_results": lab_results,
}
SMALLEST, LARGEST = 2000, 4000
_FEWEST_ROWS, _ROWS_FOR_EACH = 600, 80


def business(domain: str, seed: int, *, rows: int | None = None, each: int = 5) -> Planted:
    """A table of one of the eight domains.

    Args:
        domain: A name of `DOMAINS`.
        seed: Of everything random.
        rows: Rows before any are added; None: between 2,000 and 4,000, by the seed.
        each: Planted rows of every kind; domains have four to six kinds.

    Raises:
        SettingError: The domain is unknown, or there are too few rows for what is to be planted.
    """
    if domain not in DOMAINS:
        raise SettingError(f"the domain {domain!r} is unknown.", where="business", fix=f"Known: {', '.join(DOMAINS)}.")
    if each < 1 or seed < 0 or (rows is not None and rows < max(_FEWEST_ROWS, _ROWS_FOR_EACH * each)):
        raise SettingError(
            f"{rows} rows with {each} anomalies of each kind and the seed {seed} cannot be made.",
            where="business",
            fix=f"rows from {_FEWEST_ROWS} and {_ROWS_FOR_EACH} for each, each from 1, seed from 0.",
        )
    rng = np.random.default_rng([seed, *domain.encode()])
    drawn = int(rng.integers(SMALLEST, LARGEST + 1))
    return replace(DOMAINS[domain](rng, rows or drawn, each), name=f"{domain}_s{seed}")


__all__ = ["DOMAINS", "LARGEST", "SMALLEST", "business"]
