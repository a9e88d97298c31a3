from __future__ import annotations

import dataclasses
import math
import time

import pytest

from pynomaly_auto.detectors import DETECTORS, Capabilities, Cost, DetectorSpec
from pynomaly_auto.errors import InvalidInputError, SettingError, UnknownNameError
from pynomaly_auto.knowledge import KnowledgeBase, read_manifest
from pynomaly_auto.recommending import RULES, Context, boost, criteria_weights, recommend, rule
from pynomaly_auto.records import AnomalyHints, Distributions, Patterns, Profile, Quality, Ranking, Size, restore
from pynomaly_auto.regimes import CONTAMINATED, NOVELTY
from pynomaly_auto.settings import Settings

FAMILIES = {
    "statistical": "zscore modified_zscore iqr grubbs elliptic_envelope mcd hbos ecod copod gmm kde",
    "proximity": "knn knn_mean knn_median lof cof abod cblof mini_batch_kmeans inne sampling",
    "linear": "pca ica factor_analysis ocsvm ocsvm_nystroem",
    "trees": "iforest extended_iforest fair_cut_forest density_forest loda",
    "regression": "random_forest_residuals gradient_boosting_residuals svr_residuals",
    "neural": "autoencoder vae deep_svdd gan deep_iforest",
}
QUADRATIC = {"lof", "cof", "abod", "ocsvm", "kde"}
DECLARED = {name: (spec.method, spec.alike) for name, spec in DETECTORS.items()}
SLOW = {"neural": 5.0, "regression": 1.0}


def fake(name, family, **changes):
    power = 2.0 if name in QUADRATIC else 1.0
    method, alike = DECLARED.get(name, (None, None))
    values = {
        "name": name,
        "title": name,
        "family": family,
        "method": method,
        "alike": alike,
        "target": "collections:OrderedDict",
        "paper": "none",
        "summary": "made up",
        "cost": Cost(unit=SLOW.get(family, 0.01), n_power=power, memory_mb=1.0),
        "capabilities": Capabilities(
            finds=frozenset({"local"} if family == "proximity" else {"global"}),
            interpretability={"statistical": 0.9, "neural": 0.1}.get(family, 0.5),
            min_features=2 if family == "regression" else 1,
        ),
    }
    return DetectorSpec(**(values | changes))


@pytest.fixture(autouse=True)
def catalogue(monkeypatch):
    specs = {n: fake(n, family) for family, names in FAMILIES.items() for n in names.split()}
    monkeypatch.setattr(DETECTORS, "_items", specs)
    monkeypatch.setattr(DETECTORS, "_loaded", True)
    return specs


def profile_of(rows=2000, features=10, **changes):
    values = {
        "size": Size(rows=rows, columns=features, features=features, category="medium", dimensionality="low"),
        "types": {"numeric": features},
        "quality": Quality(missing=0.0, duplicates=0.0, outliers=0.02, noise=0.1, consistency=1.0),
        "distributions": Distributions(gaussian=0, skewed=0, uniform=0, heavy_tailed=0, discrete=0),
        "patterns": Patterns(
            max_correlation=0.5,
            mean_correlation=0.2,
            correlated_pairs=0,
            clusters=1,
            cluster_separation=0.0,
            temporal=False,
        ),
        "complexity": "moderate",
        "hints": AnomalyHints(share_estimate=0.03, global_share=0.02, local_share=0.02, tail_heaviness=1.0),
        "meta_features": {"log_rows": math.log(rows), "clusters": 3.0, "noise": 0.0},
        "seconds": {},
        "sampled_rows": rows,
    }
    return Profile(**(values | changes))


def codes(ranking, detector):
    return {r.code for c in ranking.candidates if c.detector == detector for r in c.reasons}


def scores(ranking):
    return {c.detector: c.score for c in ranking.candidates}


def changed(record, **changes):
    return dataclasses.replace(record, **changes)


def test_cold_start_names_everything():
    ranking = recommend(profile_of(), Settings(), None)
    assert {c.detector for c in ranking.candidates} == set(DETECTORS)
    assert ranking.source == "rules"
    assert ranking.confidence == 0.0
    assert any(r.code == "REC-011" and "cold start" in r.text for r in ranking.reasons)
    assert all(0 <= c.score <= 1 and all(0 <= v <= 1 for v in c.criteria.values()) for c in ranking.candidates)
    assert all(c.reasons for c in ranking.candidates if not c.selected)
    chosen = [c.selected for c in ranking.candidates]
    assert chosen == sorted(chosen, reverse=True)
    assert ranking.to_dict()["candidates"][0]["detector"]


def test_the_portfolio_leads_where_accuracy_does():
    ranking = recommend(profile_of(), Settings(), None)
    assert ranking.portfolio == CONTAMINATED.portfolio
    assert tuple(c.detector for c in ranking.selected[: len(CONTAMINATED.portfolio)]) == CONTAMINATED.portfolio
    assert any(r.code == "REC-004" for r in ranking.reasons)
    quick = recommend(profile_of(), Settings(priorities={"speed": 1.0}), None)
    assert quick.portfolio == ()


def test_what_follows_the_portfolio_is_strong_and_mixed():
    ranking = recommend(
        profile_of(), Settings(priorities={"accuracy": 1.0, "speed": 1.1, "interpretability": 0.1}), None
    )
    first = ranking.selected[:5]
    assert all(CONTAMINATED.strength[c.detector] >= 0.6 for c in first)
    assert len({DETECTORS[c.detector].family for c in first}) >= 3


def test_rules_go_by_what_a_detector_declares(catalogue):
    catalogue["mine"] = fake("mine", "linear", method="covariance")
    catalogue["other"] = fake("other", "linear")
    ranking = recommend(profile_of(rows=30), Settings(), None)
    assert "REC-113" in codes(ranking, "mine")
    assert "REC-113" not in codes(ranking, "other")


def test_of_two_alike_the_second_waits(catalogue):
    def place(alike):
        catalogue["mcd"] = fake("mcd", "statistical", alike=alike)  # it comes after the fair-cut forest
        chosen = recommend(profile_of(), Settings(priorities={"speed": 0.6, "accuracy": 0.4}), None).selected
        return [c.detector for c in chosen].index("mcd")

    assert place("density forests") > place(None) == 1


def test_at_least_thirty_rules_all_with_sources():
    assert len(RULES) >= 30
    assert len({r.code for r in RULES.values()}) == len(RULES)
    assert all(r.source and r.summary.endswith(".") and r.code.startswith("REC-") for r in RULES.values())


@pytest.mark.parametrize(
    ("changes", "code", "detector"),
    [
        ({"rows": 500}, "REC-101", "lof"),
        ({"rows": 500}, "REC-102", "iforest"),
        ({"rows": 500}, "REC-103", "vae"),
        ({"rows": 200}, "REC-103", "vae"),
        ({"rows": 60}, "REC-104", "iforest"),
        ({"rows": 5000}, "REC-105", "lof"),
        ({"rows": 5000}, "REC-106", "pca"),
        ({"rows": 50000}, "REC-107", "iforest"),
        ({"rows": 50000}, "REC-107", "random_forest_residuals"),
        ({"rows": 50000}, "REC-108", "lof"),
        ({"rows": 500000}, "REC-109", "hbos"),
        ({"rows": 2_100_000}, "REC-110", "lof"),
        ({"rows": 30, "features": 10}, "REC-113", "mcd"),
        ({"rows": 10, "features": 10}, "REC-113", "mcd"),
        ({"features": 5}, "REC-121", "zscore"),
        ({"features": 50}, "REC-122", "pca"),
        ({"features": 300}, "REC-123", "pca"),
        ({"features": 300}, "REC-124", "knn"),
        ({"features": 3000}, "REC-125", "svr_residuals"),
        ({"features": 3000}, "REC-125", "mcd"),
        ({"features": 2}, "REC-126", "pca"),
        ({"complexity": "simple"}, "REC-139", "zscore"),
        ({"complexity": "complex"}, "REC-139", "iforest"),
        ({"complexity": "complex"}, "REC-139", "iqr"),
    ],
)
def test_size_rules(changes, code, detector):
    assert code in codes(recommend(profile_of(**changes), Settings(time_budget=1e9), None), detector)


PATTERNS = profile_of().patterns
QUALITY = profile_of().quality
SHAPES = profile_of().distributions
HINTS = profile_of().hints


@pytest.mark.parametrize(
    ("changes", "code", "better", "worse"),
    [
        ({"patterns": changed(PATTERNS, clusters=4, cluster_separation=0.7)}, "REC-131", "cblof", None),
        ({"patterns": changed(PATTERNS, clusters=4, cluster_separation=0.7)}, "REC-132", None, "mcd"),
        ({"patterns": changed(PATTERNS, mean_correlation=0.6)}, "REC-133", "mcd", None),
        ({"patterns": changed(PATTERNS, mean_correlation=0.6)}, "REC-134", None, "hbos"),
        ({"patterns": changed(PATTERNS, mean_correlation=0.01)}, "REC-135", "hbos", None),
        ({"patterns": changed(PATTERNS, mean_correlation=0.01)}, "REC-135", None, "pca"),
        ({"patterns": changed(PATTERNS, temporal=True, time_column="t")}, "REC-136", "vae", None),
        ({"hints": changed(HINTS, local_share=0.09)}, "REC-137", "lof", None),
        ({"hints": changed(HINTS, global_share=0.09)}, "REC-138", "iforest", None),
        ({"hints": changed(HINTS, global_share=0.09)}, "REC-138", None, "lof"),
        ({"quality": changed(QUALITY, noise=0.5)}, "REC-141", "iforest", None),
        ({"quality": changed(QUALITY, noise=0.5)}, "REC-142", None, "lof"),
        ({"quality": changed(QUALITY, outliers=0.2)}, "REC-143", "mcd", None),
        ({"quality": changed(QUALITY, outliers=0.2)}, "REC-143", None, "zscore"),
        ({"quality": changed(QUALITY, missing=0.4)}, "REC-144", "iforest", None),
        ({"quality": changed(QUALITY, missing=0.4)}, "REC-144", None, "kde"),
        ({"quality": changed(QUALITY, duplicates=0.4)}, "REC-145", None, "lof"),
        ({"distributions": changed(SHAPES, gaussian=8)}, "REC-151", "mcd", None),
        ({"distributions": changed(SHAPES, skewed=8)}, "REC-152", "ecod", None),
        ({"distributions": changed(SHAPES, heavy_tailed=8)}, "REC-152", None, "zscore"),
        ({"distributions": changed(SHAPES, discrete=8)}, "REC-153", "hbos", None),
        ({"distributions": changed(SHAPES, discrete=8)}, "REC-153", None, "kde"),
        ({"types": {"numeric": 5, "categorical": 5}}, "REC-154", "iforest", None),
        ({"distributions": changed(SHAPES, uniform=8)}, "REC-155", None, "ecod"),
    ],
)
def test_rules_move_scores(changes, code, better, worse):
    plain, moved = (recommend(p, Settings(), None) for p in (profile_of(), profile_of(**changes)))
    detector = better or worse
    assert code in codes(moved, detector)
    difference = scores(moved)[detector] - scores(plain)[detector]
    assert difference > 0 if better else difference < 0


def test_veto_says_why():
    ranking = recommend(profile_of(rows=2_100_000), Settings(time_budget=1e9), None)
    lof = next(c for c in ranking.candidates if c.detector == "lof")
    assert not lof.selected
    assert str(lof.reasons[0]) == "REC-110 lof: left out: 2.1 M rows, cost n² d"
    assert lof.reasons[0].evidence["rows"] == 2_100_000


def test_declared_limits(catalogue):
    catalogue["lof"] = fake("lof", "proximity", capabilities=Capabilities(max_rows=100))
    catalogue["pca"] = fake("pca", "linear", capabilities=Capabilities(max_features=3))
    ranking = recommend(profile_of(), Settings(), None)
    assert "REC-111" in codes(ranking, "lof")
    assert "REC-112" in codes(ranking, "pca")
    assert not {"lof", "pca"} & {c.detector for c in ranking.selected}


def test_time_and_memory(catalogue):
    catalogue["kde"] = fake("kde", "statistical", cost=Cost(unit=0.01, memory_mb=200.0))
    ranking = recommend(profile_of(), Settings(time_budget=12, memory_limit="300MB"), None)
    assert "REC-161" in codes(ranking, "vae")
    assert "REC-163" in codes(ranking, "kde")
    assert "REC-162" in codes(ranking, "svr_residuals")
    roomy = recommend(profile_of(), Settings(time_budget=None, n_trials=5, memory_limit="1GB"), None)
    assert "REC-164" in codes(roomy, "kde")
    assert "vae" in {c.detector for c in roomy.selected}


def test_does_not_apply(catalogue):
    catalogue["lof"] = fake("lof", "proximity", capabilities=Capabilities(min_rows=5000))
    catalogue["gan"] = fake("gan", "neural", extra="no_such_package")
    ranking = recommend(profile_of(), Settings(), None)
    assert codes(ranking, "lof") == {"REC-021"}
    assert codes(ranking, "gan") == {"REC-021"}


def test_needs():
    readable = Settings(priorities={"accuracy": 0.3, "interpretability": 0.7}, domain="healthcare")
    ranking = recommend(profile_of(), readable, None)
    assert {"REC-171", "REC-181"} <= codes(ranking, "zscore")
    assert {"REC-171", "REC-172", "REC-182"} <= codes(ranking, "gan")
    assert DETECTORS[ranking.selected[0].detector].family == "statistical"
    fast = recommend(profile_of(), Settings(priorities={"speed": 1}), None)
    assert "REC-165" in codes(fast, "iforest")
    assert "REC-165" in codes(fast, "svr_residuals")
    exact = recommend(profile_of(), Settings(priorities={"accuracy": 1}), None)
    assert "REC-192" in codes(exact, "zscore")
    clean = recommend(profile_of(), Settings(novelty=True), None)
    assert "REC-191" in codes(clean, "knn")
    assert "REC-193" not in codes(clean, "gan")
    preset = recommend(profile_of(), Settings(preset="fraud_detection"), None)
    assert "REC-181" in codes(preset, "iforest")


def test_novelty_has_members_of_its_own():
    ranking = recommend(profile_of(), Settings(novelty=True), None)
    assert ranking.members == NOVELTY.members
    assert ranking.portfolio == tuple(dict.fromkeys(c.detector for c in NOVELTY.members))
    assert [c.detector for c in ranking.selected][: len(ranking.portfolio)] == list(ranking.portfolio)
    by_name = {c.detector: c for c in ranking.candidates}
    assert by_name["knn"].params == {"n_neighbors": 1}
    assert {"REC-006", "REC-017"} <= {r.code for r in ranking.reasons}
    assert "REC-004" not in {r.code for r in ranking.reasons}
    assert restore(Ranking, ranking.to_dict()).members == ranking.members
    assert recommend(profile_of(), Settings(), None).members == ()


def test_a_base_given_to_a_regime_that_asks_none_is_not_asked(base):
    given, without = (recommend(profile_of(), Settings(novelty=True), known) for known in (base, None))
    assert given == without
    assert not any(c.prediction for c in given.candidates)
    assert recommend(profile_of(), Settings(), base) != recommend(profile_of(), Settings(), None)


def test_novelty_obeys_the_user():
    overrides = {"exclude": ["abod"], "params": {"knn_mean": {"n_neighbors": 9}}, "reason": "policy 12"}
    ranking = recommend(profile_of(), Settings(novelty=True, overrides=overrides), None)
    assert "abod" not in {c.detector for c in ranking.members}
    assert [c.params for c in ranking.members if c.detector == "knn_mean"] == [
        {"n_neighbors": 9, "view": "ranks"}, {"n_neighbors": 9}, {"n_neighbors": 9, "view": "whitened"},
    ]  # fmt: skip
    only = recommend(profile_of(), Settings(novelty=True, overrides={"include": ["hbos"], "reason": "mine"}), None)
    assert only.members == ()
    fast = recommend(profile_of(), Settings(novelty=True, priorities={"speed": 1}), None)
    assert fast.members == fast.portfolio == ()


def test_weights_sum_to_one():
    for priorities in ({"accuracy": 1.0, "speed": 0.0, "interpretability": 0.0}, Settings().priorities):
        assert sum(criteria_weights(priorities).values()) == pytest.approx(1)


def test_overrides_are_obeyed_and_recorded():
    overrides = {
        "exclude": ["iforest"],
        "force": ["cof"],
        "params": {"knn_mean": {"n_neighbors": 7}},
        "reason": "policy 12",
    }
    ranking = recommend(profile_of(rows=200_000), Settings(overrides=overrides), None)
    by_name = {c.detector: c for c in ranking.candidates}
    assert not by_name["iforest"].selected
    assert ranking.selected[0].detector == "cof"  # in spite of the rules' veto
    assert by_name["knn_mean"].params == {"n_neighbors": 7}
    for name, code in (("iforest", "REC-031"), ("cof", "REC-033"), ("knn_mean", "REC-034")):
        reason = by_name[name].reasons[0]
        assert reason.code == code
        assert "policy 12" in reason.text
    assert {r.text.split(":")[0] for r in ranking.reasons if r.code == "REC-030"} == {"exclude", "force", "params"}


def test_detectors_of_rare_values_are_for_tables_with_categories(catalogue):
    catalogue["spad"] = fake("spad", "categorical", capabilities=Capabilities(needs_categories=True))
    numbers, several = (
        recommend(p, Settings(), None) for p in (profile_of(), profile_of(types={"numeric": 5, "text": 1}))
    )
    assert "spad" not in {c.detector for c in numbers.selected}
    assert "REC-156" in codes(numbers, "spad")
    assert "spad" in {c.detector for c in several.selected}
    assert "REC-156" not in codes(several, "spad")
    assert "spad" not in several.shares  # no third party's
    forced = recommend(profile_of(), Settings(overrides={"force": ["spad"]}), None)
    assert "spad" in {c.detector for c in forced.selected}


def test_include_only():
    ranking = recommend(profile_of(), Settings(overrides={"include": ["lof", "kde"], "force": ["pca"]}), None)
    assert {c.detector for c in ranking.selected} == {"lof", "kde", "pca"}
    assert "REC-032" in codes(ranking, "iforest")


def test_fixed_parameters_stay_in_warm_starts(base):
    settings = Settings(overrides={"params": {"lof": {"k": 3}}})
    ranking = recommend(profile_of(), settings, base)
    starts = [step for step in ranking.queue if step.detector == "lof" and step.role == "warm start"]
    assert starts
    assert all(step.params["k"] == 3 for step in starts)


def test_unknown_override():
    with pytest.raises(UnknownNameError, match="iforest"):
        recommend(profile_of(), Settings(overrides={"exclude": ["iforst"]}), None)


def test_forced_but_impossible(catalogue):
    catalogue["lof"] = fake("lof", "proximity", capabilities=Capabilities(min_rows=5000))
    ranking = recommend(profile_of(), Settings(overrides={"force": "lof"}), None)
    lof = next(c for c in ranking.candidates if c.detector == "lof")
    assert not lof.selected
    assert "cannot be fitted" in lof.reasons[0].text
    with pytest.raises(SettingError, match="overrides leave no detector"):
        recommend(profile_of(), Settings(overrides={"include": "lof"}), None)


def test_vetoed_but_nothing_else_left():
    ranking = recommend(profile_of(rows=200_000), Settings(time_budget=1e9, overrides={"include": ["lof"]}), None)
    assert [c.detector for c in ranking.selected] == ["lof"]
    assert "REC-041" in codes(ranking, "lof")
    slow = recommend(profile_of(rows=1_000_000), Settings(time_budget=0.001), None)
    assert len(slow.selected) == 1


def test_no_detector_applies(catalogue):
    for name, spec in catalogue.items():
        catalogue[name] = fake(name, spec.family, capabilities=Capabilities(min_rows=50))
    with pytest.raises(InvalidInputError, match="3 rows"):
        recommend(profile_of(rows=3), Settings(), None)


def test_with_a_knowledge_base(base):
    ranking = recommend(profile_of(), Settings(), base)
    assert ranking.source == "knowledge base"
    assert 0 < ranking.confidence <= 1
    assert len(ranking.similar) == 5
    by_name = {c.detector: c for c in ranking.candidates}
    assert by_name["iforest"].prediction.low <= by_name["iforest"].prediction.quality
    assert by_name["zscore"].prediction is None
    assert {"REC-014", "REC-015"} <= codes(ranking, "lof")
    assert any(r.code == "REC-013" and ranking.similar[0].name in r.text for r in ranking.reasons)


def test_what_no_combination_counts_is_left_out_unless_asked_for(base, monkeypatch):
    monkeypatch.setattr(KnowledgeBase, "fused_members", property(lambda self: ("iforest", "knn", "pca:ranks")))
    ranking = recommend(profile_of(), Settings(), base)
    tried = {c.detector for c in ranking.selected}
    assert {"iforest", "knn", "pca", *CONTAMINATED.portfolio} == tried
    assert "REC-042" in codes(ranking, "vae")
    asked = recommend(profile_of(), Settings(overrides={"force": ("vae",), "reason": "I know it"}), base)
    assert "vae" in {c.detector for c in asked.selected}
    fast = recommend(profile_of(), Settings(priorities={"accuracy": 0.2, "speed": 0.8}), base)
    assert "ecod" in {c.detector for c in fast.selected}  # no portfolio, no ensemble known beforehand


def test_predictions_count_less_far_away(base):
    near, far = (
        recommend(profile_of(meta_features=m), Settings(), base)
        for m in ({"log_rows": 7.0, "clusters": 4.5, "noise": 0.0}, {"log_rows": 70.0, "clusters": 99.0, "noise": 50.0})
    )
    share = {
        r.evidence["weight_of_predictions"] for ranking in (near, far) for r in ranking.reasons if r.code == "REC-001"
    }
    assert max(share) > 0.2
    assert min(share) < 0.02
    nothing = recommend(profile_of(meta_features={}), Settings(), base)
    assert nothing.confidence == 0.0
    assert not any(r.code == "REC-013" for r in nothing.reasons)


def test_fast_enough(base_folder):
    base = KnowledgeBase(base_folder, read_manifest(base_folder))
    import lightgbm  # noqa: F401 - imported once per process, not per recommendation

    started = time.process_time()  # what others do on the machine does not count
    recommend(profile_of(), Settings(), base)
    assert time.process_time() - started < 1.0  # 0.3 s; loading the tables included


def test_own_rule():
    @rule("REC-900", criterion="data", source="this test")
    def tests_like_hbos(spec, context: Context):
        """Tests like hbos."""
        return boost(0.3, "tests like it") if spec.name == "hbos" else None

    try:
        assert "REC-900" in codes(recommend(profile_of(), Settings(), None), "hbos")
    finally:
        RULES.remove("tests_like_hbos")
