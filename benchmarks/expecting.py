"""``python -m benchmarks.expecting``: what it gains to say beforehand which side is suspicious, rules, column weights.

Two kinds of tables. *Known directions*: real tables with labels, where the meaning of a column says which side of it is
suspicious, written down here before anything was measured. *Planted*: the normal rows of real tables, and generated
ones, with one column in which 1 % of the rows get high values, the anomalies, and 1 % get low ones, which are harmless.
Nothing is learned, so no group is held out. A killed run goes on; ``report`` prints the tables.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks._mixed_tables import Source, load, sources
from benchmarks._statistics import signed_rank
from benchmarks._store import Store
from pynomaly_auto import AutonomousDetector
from pynomaly_auto.errors import PynomalyError
from pynomaly_auto.scoring import average_precision

ROWS = 2_000
TRIALS = 6
SHARE = 0.01  # of the rows, planted on either side
_DISTINCT = 50  # values of a column that something is planted into

# What the meaning of a column says, by the table's name.
DIRECTIONS: Mapping[str, Mapping[str, str]] = {
    "ai4i2020_machine_failure": {"Tool wear [min]": "high"},
    "auto_claims_1000": {"total_claim_amount": "high"},
    "backblaze_disks": {"smart_5": "high", "smart_187": "high", "smart_197": "high", "smart_198": "high"},
    "cloudwalk_chargebacks": {"transaction_amount": "high"},
    "credit_card_bad_clients": {"Income": "low"},
    "credit_risk_32k": {"loan_percent_income": "high", "person_income": "low", "loan_int_rate": "high"},
    "cyber_sessions_simulated": {"login_attempts": "high", "failed_logins": "high"},
    "equipment_anomaly": {"vibration": "high", "temperature": "high"},
    "fdh_card_transactions": {"TX_AMOUNT": "high"},
    "hmda_boston_denials": {"pirat": "high", "lvrat": "high"},
    "home_equity_hmeq": {"DEROG": "high", "DELINQ": "high", "NINQ": "high", "DEBTINC": "high", "CLAGE": "low"},
    "hr_attrition_ibm": {"MonthlyIncome": "low", "DistanceFromHome": "high"},
    "lending_club_2016": {"int_rate": "high", "annual_inc": "low", "delinq_2yrs": "high", "inq_last_6mths": "high"},
    "merchant_card_fraud": {
        "Transaction_amount": "high", "Daily_chargeback_avg_amt": "high", "6_month_avg_chbk_amt": "high",
        "6-month_chbk_freq": "high", "Total Number of declines/day": "high",
    },
    "motorcycle_insurance_claims": {"agarald": "low"},
    "network_attacks_nslkdd": {"num_failed_logins": "high", "hot": "high", "wrong_fragment": "high"},
    "paysim_sample": {"amount": "high"},
    "pdf_malware": {"JS": "high", "Javascript": "high", "OpenAction": "high", "EmbeddedFile": "high", "pages": "low"},
    "pdm_maintenance_events": {"errors_last_24h": "high", "age": "high"},
    "seismic_bumps": {"genergy": "high", "gpuls": "high", "nbumps": "high", "energy": "high"},
    "shill_bidding": {
        "Bidder_Tendency": "high", "Bidding_Ratio": "high", "Successive_Outbidding": "high", "Winning_Ratio": "high",
    },
}  # fmt: skip
WEIGHTS = (0.5, 2.0, 5.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """One table with what is known of it.

    Args:
        suite: Of the report.
        name: Unique within it.
        frame: The table.
        y: 1 for an anomaly; shape (n_rows,).
        variants: Name to settings of the detector.
    """

    suite: str
    name: str
    frame: pd.DataFrame
    y: Any
    variants: Mapping[str, Mapping[str, Any]]


def main() -> None:
    """Measure what is not measured yet, and print what is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", choices=("run", "report"), default="run")
    parser.add_argument("--store", type=Path, default=Path("benchmarks/results/expecting.jsonl"))
    parser.add_argument("--tables", type=int, default=20, help="of each planted suite at most")
    parser.add_argument("--seconds", type=float, default=np.inf)
    options = parser.parse_args()
    store = Store(options.store)
    if options.what == "run":
        _measure(store, options.tables, time.monotonic() + options.seconds)
    print(report(store.lines))


def _measure(store: Store, tables: int, until: float) -> None:
    warnings.simplefilter("ignore")
    done = {(line["suite"], line["table"], line["variant"]) for line in store.lines}
    for source in _chosen(tables):
        if time.monotonic() > until:
            return
        case = _case(source)
        if case is None:
            continue
        for variant, settings in case.variants.items():
            if (case.suite, case.name, variant) not in done and time.monotonic() < until:
                store.add({"suite": case.suite, "table": case.name, "variant": variant, **_fitted(case, settings)})


def _chosen(tables: int) -> Iterator[tuple[str, Source]]:
    known = {s.name: s for s in sources(("business",))}
    yield from (("known directions", known[name]) for name in DIRECTIONS if name in known)
    yield from (("planted", s) for s in sources(("business",))[:tables])
    yield from (("generated", s) for s in sources(("domains",))[:tables])


def _case(chosen: tuple[str, Source]) -> Case | None:
    suite, source = chosen
    try:
        table = load(source, max_rows=ROWS, seed=0)
    except PynomalyError:
        return None
    if suite == "known directions":
        sides = DIRECTIONS[source.name]
        variants: dict[str, Mapping[str, Any]] = {"without": {}, "expect": {"expect": dict(sides)}}
        variants["weights 2"] = {"column_weights": dict.fromkeys(sides, 2.0)}
        return Case(suite=suite, name=source.name, frame=table.frame, y=table.y, variants=variants)
    return planted(suite, source.name, table.frame[table.y == 0].reset_index(drop=True))


def planted(suite: str, name: str, frame: pd.DataFrame) -> Case | None:
    """A table with anomalies high up in one column, and harmless values deep down in it."""
    rng = np.random.default_rng([0, *name.encode()])
    frame = frame.iloc[:ROWS].copy()
    wide = [c for c in frame.columns if pd.api.types.is_numeric_dtype(frame[c]) and frame[c].nunique() >= _DISTINCT]
    wide = [c for c in wide if not pd.api.types.is_bool_dtype(frame[c]) and frame[c].nunique() < len(frame)]
    if not wide:
        return None
    column = str(wide[int(rng.integers(len(wide)))])
    values = frame[column].to_numpy(dtype=np.float64, na_value=np.nan).copy()
    low, middle, high = np.nanquantile(values, [0.005, 0.5, 0.995])
    n = max(round(SHARE * len(frame)), 5)
    rows = rng.permutation(len(frame))[: 2 * n]
    reach = 0.2 + 0.8 * rng.random(2 * n)
    up, down = max(high - middle, 1e-9), max(middle - low, max(high - middle, 1e-9))
    values[rows[:n]] = high + reach[:n] * up
    values[rows[n:]] = low - reach[n:] * down
    frame[column] = values
    y = np.zeros(len(frame), dtype=np.int64)
    y[rows[:n]] = 1
    limit = float(np.median(values[rows[:n]]))
    variants: dict[str, Mapping[str, Any]] = {
        "without": {}, "expect": {"expect": {column: "high"}},
        "rule for half": {"rules": [f"`{column}` >= {limit!r}"]},
        "both": {"expect": {column: "high"}, "rules": [f"`{column}` >= {limit!r}"]},
    }  # fmt: skip
    variants |= {f"weight {w:g}": {"column_weights": {column: w}} for w in WEIGHTS}
    variants["expect, weight 2"] = {"expect": {column: "high"}, "column_weights": {column: 2.0}}
    others = [str(c) for c in frame.columns if str(c) != column]
    variants["others ignored"] = {"column_weights": dict.fromkeys(others[: len(others) // 2], 0.0)}
    return Case(suite=suite, name=name, frame=frame, y=y, variants=variants)


def _fitted(case: Case, settings: Mapping[str, Any]) -> dict[str, Any]:
    began = time.perf_counter()
    try:
        detector = AutonomousDetector(n_trials=TRIALS, tracking=False, random_state=0, verbose=0, **settings)
        scores = detector.fit(case.frame).result_.verdict.scores
    except PynomalyError as error:
        return {"error": str(error)[:200]}
    return {"ap": average_precision(case.y, scores), "seconds": time.perf_counter() - began}


def report(lines: list[dict[str, Any]]) -> str:
    """Mean average precision of each variant beside that without, on the same tables."""
    out = [
        "| tables | variant | n | without | with | gain | better / worse | p |",
        "|---|---|---:|---:|---:|---:|---|---:|",
    ]
    for suite in dict.fromkeys(line["suite"] for line in lines):
        own = [line for line in lines if line["suite"] == suite and "ap" in line]
        before = {line["table"]: line["ap"] for line in own if line["variant"] == "without"}
        for variant in dict.fromkeys(line["variant"] for line in own):
            after = {line["table"]: line["ap"] for line in own if line["variant"] == variant}
            both = [table for table in after if table in before]
            if variant == "without" or not both:
                continue
            old, new = (np.array([aps[table] for table in both]) for aps in (before, after))
            better, worse = int((new > old + 1e-9).sum()), int((new < old - 1e-9).sum())
            p = signed_rank(new - old) if better + worse > 4 else float("nan")
            out.append(
                f"| {suite} | {variant} | {len(both)} | {old.mean():.3f} | {new.mean():.3f} | "
                f"{(new - old).mean():+.3f} | {better} / {worse} | {p:.2g} |"
            )
    return "\n".join(out)


if __name__ == "__main__":
    main()
