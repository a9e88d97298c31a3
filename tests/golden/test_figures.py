"""Every figure in a text is among its evidence, and what reasons count and weigh is what the record holds."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto import AutonomousDetector
from pynomaly_auto.engine._pipeline import look_at
from pynomaly_auto.recommending import guide, recommend
from pynomaly_auto.records import AnomalyHints, Distributions, Patterns, Profile, Quality, Reason, Result, Size
from pynomaly_auto.settings import Settings
from tests.golden.figures import Figure, figures, template, unsupported
from tests.golden.run import result, table

FORCED = {"force": ["cof"], "exclude": ["lof"], "params": {"hbos": {"n_bins": 7}}, "reason": "rule 12 of the audit"}


def _run(**given: Any) -> Result:
    values = {"n_trials": 9, "memory_limit": "1GB", "tracking": False, "random_state": 0, "verbose": 0}
    return AutonomousDetector(**(values | given)).fit(table()).result_


def _moved() -> Result:
    few = {"overrides": {"include": ["hbos", "zscore", "knn_mean", "iqr"]}}
    values = {"n_trials": 6, "memory_limit": "1GB", "tracking": False, "random_state": 0, "verbose": 0}
    detector = AutonomousDetector(**values, config=few, target_metric="precision").fit(table())
    return detector.set_contamination(0.07).set_threshold(3.21).result_


RUNS: dict[str, Callable[[], Result]] = {
    "golden": result,
    "novelty": lambda: _run(novelty=True, contamination=0.04),
    "overrides": lambda: _run(config={"overrides": FORCED}, max_models=5, contamination=0.03),
    "moved": _moved,
    "budget": lambda: _run(alert_budget=3),
    "metric": lambda: _run(preset="network_security", time_budget=30.0),
}
found = cache(lambda name: RUNS[name]())


def check(reasons: tuple[Reason, ...]) -> None:
    wrong = [f"{', '.join(lost)} in: {r} {dict(r.evidence)}" for r in reasons if (lost := unsupported(r))]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", RUNS)
def test_every_figure_is_among_the_evidence(name: str) -> None:
    assert len(found(name).reasons) > 30
    check(found(name).reasons)


@pytest.mark.parametrize("name", RUNS)
def test_reasons_say_what_the_record_holds(name: str) -> None:
    run = found(name)
    last = {r.code: r for r in run.reasons}
    for member in run.ensemble.members:
        weights = [r for r in member.reasons if r.code == "ENS-006"]
        assert [r.evidence["weight"] for r in weights] == [member.weight]
        assert next(figures(weights[0].text)).is_of(member.weight)
    assert sum(m.weight for m in run.ensemble.members) == pytest.approx(1.0)
    assert [r.code for r in run.reasons].count("ENS-006") == len(run.ensemble.members)
    told = {left.trial for left in run.ensemble.left_out} | {m.trial for m in run.ensemble.members}
    assert told == {t.number for t in run.search.completed}
    assert last["ENS-001"].evidence["members"] == len(run.ensemble.members)
    assert last["ENS-001"].evidence["completed"] == len(run.search.completed)
    assert last["TUN-030"].evidence["trials"] == len(run.search.trials)
    assert last["REC-001"].evidence["selected"] == len(run.ranking.selected)
    assert last["REC-001"].evidence["left_out"] == len(run.ranking.candidates) - len(run.ranking.selected)
    assert last["PRO-001"].evidence["features"] == run.profile.size.features
    if name != "moved":  # there the user has said where the threshold is
        labelled = next(r for r in run.reasons if r.code in {"DEC-030", "DEC-031"})
        assert labelled.evidence["labelled"] == (run.labels == -1).sum()
        assert labelled.evidence["threshold"] == run.verdict.threshold


@pytest.mark.parametrize("name", RUNS)
def test_what_a_member_counts_is_what_it_moves(name: str) -> None:
    """The board, the summary and the reasons name one weight."""
    run = found(name)
    heaviest = max(run.ensemble.members, key=lambda m: m.weight)
    assert f"{heaviest.name} {heaviest.weight:.0%}" in run.summary(10_000)
    assert f"Weight {heaviest.weight:.1%}" in " ".join(r.text for r in heaviest.reasons)


def test_the_forced_detector_and_the_one_set_by_hand_have_their_shares() -> None:
    run = found("overrides")
    weights = {m.detector: m.weight for m in run.ensemble.members}
    assert weights["cof"] >= 0.2 - 1e-9
    assert weights["hbos"] >= 0.1 - 1e-9
    assert "lof" not in weights


@pytest.mark.parametrize("seed", range(12))
def test_rules_and_guides_on_tables_of_any_kind(seed: int) -> None:
    profile = _profile(np.random.default_rng(seed))
    settings = Settings(memory_limit="300MB", time_budget=[2.0, 60.0, 900.0][seed % 3], novelty=seed % 4 == 3)
    ranking = recommend(profile, settings, None)
    check(ranking.reasons + tuple(r for c in ranking.candidates for r in c.reasons))
    check(guide(profile, {"speed": 1.5}, {"interpretable": True, "deterministic": seed % 2 == 0}).reasons)


@pytest.mark.parametrize("seed", range(6))
def test_what_is_said_of_columns_and_tables(seed: int) -> None:
    dataset, profile = look_at(_odd_table(np.random.default_rng(seed)), seed=0)
    check(dataset.reasons + profile.reasons)


@pytest.mark.filterwarnings("ignore::pynomaly_auto.errors.AmbiguousReadingWarning")
@pytest.mark.parametrize(
    "texts", [["1.234", "5.678"], ["01/02/2024", "03/04/2024"], ["12%", "0.5"], ["1.5", "12x4", *map(str, range(58))]]
)
def test_what_is_said_of_readings(texts: list[str]) -> None:
    values = (texts * 30)[:60]
    dataset, _ = look_at(pd.DataFrame({"v": values, "other": np.arange(60) % 7}), seed=0)
    assert {"DAT-040", "DAT-013"} & {reason.code for reason in dataset.reasons}
    check(dataset.reasons)


def test_figures_are_found_and_compared_as_printed() -> None:
    texts = [f.text for f in figures("1,234 rows, 20.3 % or -0.50, 12.3 k in F1 of x2 and n²; 1e-05, 7.")]
    assert texts == ["1,234", "20.3 %", "-0.50", "12.3 k", "1e-05", "7"]
    percent = next(figures("Weight 20.3%"))
    assert percent.is_of(0.2034)
    assert not percent.is_of(0.002)
    assert Figure(text="7", value=7.0, half=0.5).is_of(7.49)
    assert template("7 of 1,200 rows (0.6%)") == "# of # rows (#)"
    wrong = Reason(code="ENS-006", subject="knn_mean", text="Weight 20.3%.", evidence={"weight": 0.002})
    assert unsupported(wrong) == ["20.3%"]


def _profile(rng: np.random.Generator) -> Profile:
    rows, features = int(10 ** rng.uniform(1.2, 6.5)), int(10 ** rng.uniform(0, 3.3))

    def some() -> int:
        return int(rng.integers(0, features + 1))

    return Profile(
        size=Size(rows=rows, columns=features, features=features, category="medium", dimensionality="low"),
        types={"numeric": some(), "categorical": some()},
        quality=Quality(
            missing=rng.uniform(), duplicates=rng.uniform(), outliers=rng.uniform(0, 0.4), noise=rng.uniform(),
            consistency=1.0,
        ),
        distributions=Distributions(
            gaussian=some(), skewed=some(), uniform=some(), heavy_tailed=some(), discrete=some()
        ),
        patterns=Patterns(
            max_correlation=0.9, mean_correlation=rng.uniform(0, 0.7), correlated_pairs=3,
            clusters=int(rng.integers(1, 6)), cluster_separation=rng.uniform(), temporal=bool(rng.integers(2)),
            time_column="when",
        ),
        complexity=["simple", "moderate", "complex"][int(rng.integers(3))],
        hints=AnomalyHints(
            share_estimate=rng.uniform(0, 0.2), global_share=rng.uniform(), local_share=rng.uniform(),
            tail_heaviness=1.0,
        ),
        meta_features={}, seconds={}, sampled_rows=rows,
    )  # fmt: skip


def _odd_table(rng: np.random.Generator) -> pd.DataFrame:
    n = int(rng.integers(30, 400))
    common = rng.normal(size=n)
    frame = pd.DataFrame(
        {
            "id": np.arange(n) + 1000,
            "empty": np.full(n, np.nan),
            "one": np.full(n, 3.5),
            "tail": rng.standard_t(1.5, size=n),
            "a": common,
            "b": common + rng.normal(0, 0.05, n),
            "c": common + rng.normal(0, 0.05, n),
            "copy": common,
            "name": [f"user {i}" for i in range(n)],
            "level": rng.choice([f"l{i}" for i in range(90)], n),
            "when": pd.date_range("2025-01-01", periods=n, freq="h"),
            "price": [f"{v:.2f} EUR" if rng.random() < 0.05 else f"{v:.2f}" for v in rng.lognormal(size=n)],
            "mixed": [str(v) if v % 3 else f"x{v}" for v in rng.integers(0, 30, n)],
            "note": [" ".join(rng.choice(["late", "order", "paid", "sent", "lost"], 7)) for _ in range(n)],
            "far": np.where(rng.random(n) < 0.1, np.inf, common),
        }
    )
    frame.loc[rng.random(n) < 0.4, "tail"] = np.nan
    return pd.concat([frame, frame.iloc[: n // 4]], ignore_index=True)
