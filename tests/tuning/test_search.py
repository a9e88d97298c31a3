import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import fake_detectors
import numpy as np
import pytest
from tuning_makers import make_dataset, make_plan, make_ranking

from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.errors import NothingFinishedError
from pynomaly_auto.settings import Overrides, Settings
from pynomaly_auto.tuning import tune
from pynomaly_auto.tuning._plan import share_of_search
from pynomaly_auto.tuning._telling import pareto

GOOD = ("fake_sum", "fake_max", "fake_few")


def identity(search):
    return [(t.number, t.detector, sorted(t.params.items()), t.status, t.quality) for t in search.trials]


def codes(search):
    return [r.code for t in search.trials for r in t.reasons] + [r.code for r in search.reasons]


def test_the_portfolio_comes_first_then_warm_starts_then_the_sampler(pool):
    ranking = make_ranking(*GOOD, warm_starts={"fake_max": ({"power": 1.5}, {"power": 2.0, "kind": "max"})})
    seen = []
    search = tune(make_dataset(), ranking, make_plan(pool, n_trials=12), on_trial=seen.append).search
    assert [t.detector for t in search.trials[:3]] == list(GOOD)
    origins = [t.reasons[0].code for t in search.trials]
    assert origins == ["TUN-011"] * 3 + ["TUN-012"] * 2 + ["TUN-013"] * 7
    assert len(search.trials) == len(seen) == 12
    assert search.stopped == "all 12 trials were made"
    assert search.rows is None
    assert {t.status for t in search.trials} == {"completed"}
    assert all(0 <= t.quality <= 1 and t.scores.shape == (300,) for t in search.trials)
    tried = [(t.detector, *sorted({**DETECTORS[t.detector].defaults, **t.params}.items())) for t in search.trials]
    assert len(set(tried)) == len(tried)
    assert search.pareto
    assert {"TUN-001", "TUN-030", "TUN-031"} <= {r.code for r in search.reasons}


def test_the_same_seed_gives_the_same_search_with_one_or_two_workers(pool, single):
    ranking = make_ranking(*GOOD, "raises", "constant", "noise")
    first, second, third = (
        tune(make_dataset(), ranking, make_plan(p, n_trials=25, seed=s)).search
        for p, s in ((pool, 3), (single, 3), (pool, 4))
    )
    assert identity(first) == identity(second)
    assert identity(first) != identity(third)
    for a, b in zip(first.completed, second.completed, strict=True):
        assert np.array_equal(a.scores, b.scores)


def test_what_misbehaves_is_recorded_and_costs_only_itself(pool):
    bad = ("raises", "dies", "eats", "shapeless", "nothing", "hangs", "picky")
    search = tune(make_dataset(), make_ranking("fake_sum", *bad), make_plan(pool, budget=24.0, patience=1)).search
    status = {t.detector: t.status for t in search.trials[:8]}
    assert status == {
        "fake_sum": "completed", "raises": "failed", "dies": "failed", "eats": "memory", "shapeless": "failed",
        "nothing": "failed", "hangs": "timeout", "picky": "not_applicable",
    }  # fmt: skip
    errors = {t.detector: t.error for t in search.trials[:8]}
    assert errors["raises"] == "ValueError: singular matrix"
    assert "shape (600,)" in errors["shapeless"]
    assert "no finite score" in errors["nothing"]
    assert {"TUN-020", "TUN-021", "TUN-022", "TUN-023"} <= set(codes(search))
    assert search.trials[1].quality is None
    assert all(t.detector == "fake_sum" for t in search.trials[8:])  # who never completed is not tuned


def test_it_stops_when_nothing_improves(pool):
    search = tune(make_dataset(), make_ranking(*GOOD), make_plan(pool, budget=60.0, patience=6)).search
    assert "in a row brought no gain" in search.stopped
    assert search.seconds < 30


def test_it_stops_when_nothing_is_left(pool):
    search = tune(make_dataset(), make_ranking("fake_few", "noise"), make_plan(pool, budget=60.0)).search
    assert search.stopped == "nothing new was left to try"
    assert len(search.trials) == 3  # two defaults, and the other value of the one parameter


@pytest.mark.parametrize("budget", [2.0, 4.0])
def test_the_time_budget_holds(pool, budget):
    tune(make_dataset(), make_ranking(*GOOD), make_plan(pool, n_trials=8))  # both workers are up
    started = time.monotonic()
    ranking = make_ranking("slow", "fake_sum", "hangs", "costly", *[n for n in GOOD if n != "fake_sum"])
    search = tune(make_dataset(), ranking, make_plan(pool, budget=budget, patience=10_000)).search
    assert time.monotonic() - started < budget
    assert search.completed
    assert "time budget" in search.stopped
    assert "TUN-025" in codes(search)  # the costly one was never started
    assert "costly" not in {t.detector for t in search.trials}


def test_a_budget_shorter_than_a_fit_has_a_little_grace(pool):
    tune(make_dataset(), make_ranking(*GOOD), make_plan(pool, n_trials=8))  # both workers are up
    started = time.monotonic()
    search = tune(make_dataset(), make_ranking("slow"), make_plan(pool, budget=0.1)).search
    assert len(search.completed) == 1
    assert time.monotonic() - started < 0.1 * 1.1 + 2


def test_nothing_finished_says_what_failed(pool):
    with pytest.raises(NothingFinishedError, match="raises: ValueError: singular matrix; dies: the worker"):
        tune(make_dataset(), make_ranking("raises", "dies"), make_plan(pool, n_trials=5))
    with pytest.raises(NothingFinishedError, match="no candidate"):
        tune(make_dataset(), make_ranking(), make_plan(pool, n_trials=5))
    started = time.monotonic()
    with pytest.raises(NothingFinishedError, match="hangs"):
        tune(make_dataset(), make_ranking("hangs"), make_plan(pool, budget=0.5))
    assert time.monotonic() - started < 0.5 * 1.1 + 2


def test_rows_are_sampled_for_trials_and_recorded(pool):
    search = tune(make_dataset(600), make_ranking(*GOOD), make_plan(pool, n_trials=3, tuning_rows=200)).search
    assert search.rows.shape == (200,)
    assert (np.diff(search.rows) > 0).all()
    assert all(t.n_rows == 200 and t.scores.shape == (200,) for t in search.completed)
    assert "200 of 600 rows" in search.reasons[0].text


def test_short_budgets_and_wide_tables_mean_fewer_rows(pool):
    slow = fake_detectors.spec("crawls", "Distance", unit=2.0)
    DETECTORS.add(slow)
    try:
        search = tune(
            make_dataset(5000, 2), make_ranking("fake_sum", "crawls"), make_plan(pool, budget=3.0, patience=1)
        ).search
    finally:
        DETECTORS.remove("crawls")
    assert len(search.rows) < 5000
    assert "time budget" in search.reasons[0].text
    wide = tune(make_dataset(2100, 1001), make_ranking("fake_sum"), make_plan(pool, n_trials=1)).search
    assert len(wide.rows) == 2000
    assert "width" in wide.reasons[0].text


def test_parameters_set_by_hand_are_kept_and_not_tuned(pool):
    by_hand = {"fake_sum": {"power": 3.0, "skip": 1}}
    settings = Settings(time_budget=None, n_trials=10, overrides=Overrides(params=by_hand))
    search = tune(make_dataset(), make_ranking("fake_sum", params=by_hand), make_plan(pool, settings=settings)).search
    assert len(search.trials) == 2  # only the kind is left to choose
    assert all(t.params["power"] == 3.0 and t.params["skip"] == 1 for t in search.trials)


def settled_but(*still):
    def settled(wanted, trials):
        done = [t for t in trials if t.scores is not None]
        detector, params = (wanted, {}) if isinstance(wanted, str) else (wanted.detector, wanted.params)
        if detector in still or params.get("power") == 1.5 or len(done) < 3:
            return None
        return {"members": len(done), "margin_members": 3}

    return settled


@pytest.mark.parametrize("limit", [{"n_trials": 40}, {"budget": 60.0}])
def test_it_stops_when_nothing_can_change_the_answer(pool, limit):
    ranking = make_ranking(*GOOD, warm_starts={"fake_max": ({"power": 2.5}, {"power": 1.5})})
    search = tune(make_dataset(), ranking, make_plan(pool, settled=settled_but(), **limit)).search
    tuned = [t.params for t in search.trials[3:]]
    assert {"power": 1.5} in tuned  # would still change it
    if "n_trials" in limit:
        assert len(search.trials) == 5  # with the other warm start: of one batch, none has been judged
        assert search.stopped == "nothing left to try can change the answer"
    assert search.reasons[-2].code == "TUN-032"
    assert f"with {search.reasons[-2].evidence['members']} members" in search.reasons[-2].text
    assert "nothing left to try" in search.reasons[-1].text


def test_what_still_matters_is_tuned(pool):
    plan = make_plan(pool, settled=settled_but("fake_few"), n_trials=40)
    search = tune(make_dataset(), make_ranking(*GOOD), plan).search
    assert {t.detector for t in search.trials[3:]} == {"fake_few"}
    assert len(search.trials) == 4  # its one other value


def test_a_prediction_from_the_knowledge_base_leads(pool):
    def predict(detector, statistics):
        return {"fake_max": 0.95, "fake_sum": 0.2}.get(detector, float("nan"))

    plan = make_plan(pool, n_trials=3, predict_quality=predict)
    search = tune(make_dataset(), make_ranking(*GOOD), plan).search
    quality = {t.detector: t.quality for t in search.trials}
    assert quality["fake_max"] > quality["fake_sum"]
    assert search.trials[0].statistics["predicted"] == 0.2
    assert "predicted" not in search.trials[2].statistics


def test_quality_tells_agreeing_from_odd_ones(pool):
    search = tune(make_dataset(), make_ranking(*GOOD, "noise", "constant"), make_plan(pool, n_trials=5)).search
    quality = {t.detector: t.quality for t in search.trials}
    assert min(quality[name] for name in GOOD) > max(quality["noise"], quality["constant"]) + 0.1


def test_an_error_in_the_callback_ends_the_search_cleanly(pool):
    def broken(trial):
        raise RuntimeError("callback")

    with pytest.raises(RuntimeError, match="callback"):
        tune(make_dataset(), make_ranking("fake_sum", "hangs"), make_plan(pool, budget=20.0), on_trial=broken)
    assert pool.pending == 0


def test_pareto_leaves_out_who_is_beaten_in_everything(pool):
    search = tune(make_dataset(), make_ranking(*GOOD, "slow"), make_plan(pool, n_trials=4)).search
    front = pareto(search.trials)
    best = max(search.completed, key=lambda t: t.quality)
    assert best.number in front
    assert pareto([]) == ()


SCRIPT = """
    import sys
    from tuning_makers import make_dataset, make_plan, make_ranking
    import fake_detectors
    from pynomaly_auto.detectors import DETECTORS
    from pynomaly_auto.errors import NothingFinishedError
    from pynomaly_auto.pool import Pool
    from pynomaly_auto.tuning import tune
    list(DETECTORS)
    for spec in fake_detectors.SPECS:
        DETECTORS.add(spec)
    with Pool(2, preload=("numpy",)) as pool:
        plan = make_plan(pool, {limit})
        try:
            tuned = tune(make_dataset(), make_ranking({names}), plan, on_trial=lambda t: print(t.status, flush=True))
            search = tuned.search
            print(search.interrupted, search.stopped, sorted(t.status for t in search.trials))
        except NothingFinishedError as error:
            print(error)
"""


@pytest.mark.parametrize(
    ("limit", "names", "lines", "expected"),
    [
        ("budget=60.0", "'fake_bulky', 'hangs', 'hangs'", 1, "True interrupted by the user ['cancelled', 'completed']"),
        ("n_trials=3", "'fake_bulky', 'hangs'", 0, "True interrupted by the user ['cancelled', 'completed']"),
        ("budget=60.0", "'hangs'", 0, "interrupted before any trial had completed (in tuning)."),
    ],
)
def test_ctrl_c_keeps_finished_work(limit, names, lines, expected, tmp_path):
    here = Path(fake_detectors.__file__)
    path = os.pathsep.join([str(here.parent), str(here.parents[2] / "src")])
    text = textwrap.dedent(SCRIPT).format(limit=limit, names=names)
    environment = os.environ | {"PYTHONPATH": path, "FAKE_MARK": str(tmp_path / "mark")}
    process = subprocess.Popen(
        [sys.executable, "-c", text], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        process_group=0,
    )  # fmt: skip
    for _ in range(lines):
        assert process.stdout.readline() == "completed\n"
    end = time.monotonic() + 40
    while not (tmp_path / "mark").exists() and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(1.0)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert err == ""
    assert out.splitlines()[-1] == expected


def test_a_dear_trial_has_to_promise_something(pool):
    ranking = replace(make_ranking("fake_sum", "fake_max", "slow"), portfolio=("fake_sum", "fake_max"))
    dataset = make_dataset(3_000, 10)  # "slow" declares 0.3 s for 1,000 rows of 10 features
    search = tune(dataset, ranking, make_plan(pool, budget=600.0, patience=1)).search
    assert "slow" in {t.detector for t in search.trials}
    search = tune(dataset, ranking, make_plan(pool, budget=20.0, patience=1)).search
    assert "slow" not in {t.detector for t in search.trials}
    assert "TUN-026" in codes(search)


def test_the_search_leaves_time_for_fitting_the_likely_members():
    ranking = make_ranking("fake_sum", "slow")
    shares = [share_of_search(ranking, (rows, 10), 2, 60.0) for rows in (1_000, 100_000, 10_000_000)]
    assert shares == sorted(shares, reverse=True)
    assert (shares[0], shares[-1]) == (0.55, 0.2)
    assert share_of_search(ranking, (1_000, 10), 2, 0.0) == 0.2
    assert share_of_search(replace(ranking, portfolio=("fake_sum",)), (10_000_000, 10), 2, 60.0) > 0.2
