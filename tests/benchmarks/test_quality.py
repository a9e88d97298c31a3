from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from benchmarks import _running, quality
from benchmarks._alarms import alarms_of, of_bins
from benchmarks._knowledge import Bases
from benchmarks._measuring import Answer, judge, raw_matrix
from benchmarks._page import begin, end, write_part
from benchmarks._panel import bins, of_runs
from benchmarks._peers import RUNS, Choice, Run, chosen_runs, perform
from benchmarks._report import Pictures, real_report
from benchmarks._running import Plan, current, measure
from benchmarks._store import Store, read, write
from benchmarks._tables import folder_tasks, pools, sampled
from pynomaly_auto.building import Task
from pynomaly_auto.errors import PynomalyError
from pynomaly_auto.records import Expectation

NO_BASE = {"base": "none", "base_created": "", "base_knows_group": False}


def made_line(table, method, *, suite="adbench", auc=0.8, **more):
    """A line as the store keeps it."""
    line = {
        "suite": suite, "table": table, "group": table, "domain": "", "method": method, "max_rows": 5000, "seed": 0,
        "rows": 400, "columns": 3, "features": 3, "share": 0.05, "roc_auc": auc, "ap": auc / 2, "f1": 0.4,
        "share_error": 0.03, "seconds": 1.5, "done": "2026-01-01",
    }  # fmt: skip
    if method.startswith("ours"):
        line |= {"bins": {"p": [2.0] + [0.0] * 12, "y": [2] + [0] * 12, "n": [400] + [0] * 12}, "workers": 2} | NO_BASE
    line |= more
    return {k: v for k, v in line.items() if v is not None}


def failed_line(table, method, error="killed after 120 s"):
    return made_line(table, method, roc_auc=None, ap=None, f1=None, share_error=None, error=error)


@pytest.fixture
def lines():
    out = []
    for i in range(12):
        out += [made_line(f"t{i}", "ours@60", auc=0.8 + 0.01 * i), made_line(f"t{i}", "iforest", auc=0.75 + 0.005 * i)]
        out.append(failed_line(f"t{i}", "mcd") if i == 3 else made_line(f"t{i}", "mcd", auc=0.7))
    return out


@pytest.fixture
def few_trials(monkeypatch):
    """Ours ends after two trials: the same on every machine, however busy."""

    def quick(name, path, choice):
        import pynomaly_auto
        from pynomaly_auto.engine import AutonomousDetector

        def make(**given):
            return AutonomousDetector(**(given | {"n_trials": 2, "time_budget": 60.0}))

        pynomaly_auto.AutonomousDetector = make
        return perform(name, path, choice)

    monkeypatch.setattr(_running, "perform", quick)


@pytest.mark.usefixtures("few_trials")
def test_a_folder_of_tables_is_measured_and_broken_files_are_named(folder, tmp_path, capsys):
    out, store = tmp_path / "out" / "report.md", tmp_path / "store.jsonl"
    command = ["--data", str(folder), "--methods", "ours,iforest", "--budget", "2", "--workers", "1"]
    quality.main([*command, "--store", str(store), "--out", str(out)])
    text = out.read_text(encoding="utf-8")
    assert "3 tables of 3 groups" in text
    assert "`broken.npz`: " in text
    assert "`bare.parquet`: InvalidInputError: bare.parquet has no column 'label'" in text
    assert "#### inner: 2 tables of 2 groups" in text
    assert "#### tables: 1 tables of 1 groups" in text
    assert "| PyOD IForest |" in text
    assert (out.parent / "report_images" / "quality-differences.svg").is_file()
    kept = read(store)
    assert len(kept) == 3 * 2 + 2
    assert {line["method"] for line in kept} == {"ours@2", "iforest", "file"}
    ours = next(line for line in kept if line["method"] == "ours@2")
    assert ours["roc_auc"] > 0.9
    assert sum(ours["bins"]["n"]) == ours["rows"]
    assert ours["share_error"] == pytest.approx(abs(ours["contamination"] - ours["share"]), abs=1e-4)
    # A second run finds all of it there.
    capsys.readouterr()
    quality.main([*command, "--store", str(store)])
    assert len(read(store)) == len(kept)


def test_a_folder_of_nothing_usable_ends_with_an_error(tmp_path, capsys):
    (tmp_path / "broken.csv").write_text("", encoding="utf-8")
    with pytest.raises(SystemExit, match="None of the tables could be used"):
        quality.main(["--data", str(tmp_path), "--methods", "iforest"])
    assert "`broken.csv`: StorageError" in capsys.readouterr().out


def test_folders_without_tables_are_refused(tmp_path):
    with pytest.raises(SystemExit, match="is no folder"):
        folder_tasks(tmp_path / "nowhere", "label")
    with pytest.raises(SystemExit, match=r"holds no \.npz"):
        folder_tasks(tmp_path, "label")


def test_a_run_that_hangs_or_raises_is_counted(folder, monkeypatch):
    def hangs(ready, choice):
        import time

        time.sleep(60)

    def raises(ready, choice):
        raise MemoryError("far too much")

    runs = {"mcd": Run(answer=hangs, methods=("mcd",), titles=("",))}
    runs["knn"] = Run(answer=raises, methods=("knn",), titles=("",))
    monkeypatch.setattr(_running, "RUNS", RUNS | runs)
    within = _running.one_job

    def hurried(pool, function, args, limit):
        """The one that hangs alone: a busy machine may take longer than that to start the other."""
        return within(pool, function, args, 1.0 if args[:1] == ("mcd",) else limit)

    monkeypatch.setattr(_running, "one_job", hurried)
    monkeypatch.setattr(_running, "perform", lambda name, path, choice: runs[name].answer(None, choice))
    store = Store(None)
    tasks = [t for t in folder_tasks(folder, "label") if t.name == "text.csv"]
    measure(tasks, Plan(runs=("mcd", "knn"), bases=Bases("")), store, quiet=True)
    assert re.fullmatch(r"killed after \d+ s", store.lines[0]["error"])  # soon after, where the machine is busy
    assert "far too much" in store.lines[1]["error"]


def test_methods_are_named_by_comma():
    assert chosen_runs("iforest") == ("iforest",)
    assert len(chosen_runs("adengine,adengine_raw")) == 4
    with pytest.raises(SystemExit, match="Unknown method 'forest'"):
        chosen_runs("forest")


def test_scores_that_are_not_finite_are_a_failure():
    y = np.array([0, 0, 1])
    with pytest.raises(ValueError, match="one finite number per row"):
        judge(y, Answer(scores=np.array([0.1, np.nan, 1.0]), labels=y))


def test_an_answer_is_judged_by_hand():
    y, labels = np.array([0, 0, 0, 1, 1]), np.array([0, 1, 0, 1, 0])
    found = judge(y, Answer(scores=np.array([0.1, 0.9, 0.2, 0.8, 0.7]), labels=labels))
    assert found["roc_auc"] == pytest.approx(4 / 6)
    assert (found["f1"], found["precision"], found["recall"]) == (0.5, 0.5, 0.5)
    assert (found["contamination"], found["share_error"]) == (0.4, 0.0)
    assert found["labelled"] == 0.4
    assert "bins" not in found
    told = Expectation(flagged=2, real=0.9, low=0, high=1, level=0.8, first=2, first_real=0.9)
    found = judge(y, Answer(scores=np.array([0.1, 0.9, 0.2, 0.8, 0.7]), labels=labels, expectation=told))
    assert (found["hits"], found["low"], found["high"], found["real"]) == (1, 0, 1, 0.9)


BINS = {"p": [2.0, 4.0, 3.0], "y": [0, 4, 6], "n": [170, 20, 10]}


def test_the_labels_of_earlier_runs_are_counted_anew_from_their_bins():
    found = of_bins(BINS)  # nine rows are expected: nine of the ten highest
    assert found["labelled"] == 9 / 200
    assert found["hits"] == pytest.approx(0.9 * 6)
    assert found["precision"] == pytest.approx(0.6)
    assert found["recall"] == pytest.approx(0.54)
    assert found["f1"] == pytest.approx(2 * 5.4 / 19)
    assert found["share_error"] == pytest.approx(abs(9 / 200 - 10 / 200))
    assert of_bins({"p": [0.1], "y": [1], "n": [9]})["held"] == 1.0  # nothing is flagged, nothing is told


def test_what_a_run_has_told_is_held_against_what_it_found():
    line = made_line("a", "ours@60", precision=0.5, recall=0.2, labelled=0.1, contamination=0.1, hits=4, real=3.0)
    assert alarms_of(line | {"low": 1, "high": 4})["held"] == 1.0
    assert alarms_of(line | {"low": 5, "high": 9})["held"] == 0.0
    assert alarms_of(line | {"low": 1, "high": 4})["labelled"] == 0.1


def test_the_labels_of_ours_stand_beside_a_peers():
    told = {"precision": 0.5, "recall": 0.4, "labelled": 0.1, "contamination": 0.1, "hits": 4, "real": 3.0, "low": 1}
    lines = [made_line(f"t{i}", "ours@60", **told, high=4 if i < 9 else 3) for i in range(12)]
    peer = "adengine_consensus_standardised"
    lines += [made_line(f"t{i}", peer, precision=0.25, recall=0.5) for i in range(11)] + [failed_line("t11", peer)]
    text = real_report(lines, Pictures(folder=None))
    row = next(r for r in text.splitlines() if r.startswith("| adbench | 12 | .050 | .100 | .100 |"))
    assert "| .500 | .250 | .400 | .500 |" in row
    assert "| .750 (" in row


def test_a_run_of_two_methods_may_fail_in_one(tmp_path, monkeypatch):
    from benchmarks import _peers

    y = np.array([0, 1, 0])
    answers = {"a": Answer(scores=y.astype(float), labels=y), "b": "it names none"}
    monkeypatch.setattr(_peers, "load", lambda path: type("R", (), {"y": y}))
    monkeypatch.setitem(RUNS, "both", Run(answer=lambda r, c: answers, methods=("a", "b"), titles=("", "")))
    found = perform("both", "", Choice())
    assert found["a"]["roc_auc"] == 1.0
    assert found["b"]["error"] == "it names none"


def test_raw_numbers_of_any_table():
    frame = pd.DataFrame(
        {
            "n": [1.0, np.nan, 5.0, np.inf],
            "word": ["b", "a", None, "b"],
            "flag": [True, False, True, True],
            "when": pd.to_datetime(["1970-01-02", None, "1970-01-01", "1970-01-01"]),
            "empty": [np.nan] * 4,
        }
    )
    X = raw_matrix(frame)
    assert X[:, 0].tolist() == [1.0, 3.0, 5.0, 3.0]
    assert X[:, 1].tolist() == [1.0, 0.0, 1.0, 1.0]
    assert X[:, 2].tolist() == [1.0, 0.0, 1.0, 1.0]
    assert X[:, 3].tolist() == [86400.0, 0.0, 0.0, 0.0]
    assert X[:, 4].tolist() == [0.0] * 4


def test_report_counts_failures_as_chance_and_compares_what_both_finished(lines, tmp_path):
    panel = of_runs(lines)
    assert panel is not None
    assert panel.methods == ("pynomaly_auto, 60 s", "PyOD IForest", "PyOD MCD")
    assert panel.failures().tolist() == [0, 0, 1]
    assert panel.filled("roc_auc")[:, 2].min() == 0.5
    assert panel.filled("ap")[:, 2].min() == 0.05
    text = real_report(lines, Pictures(folder=tmp_path))
    assert "in ROC-AUC none; in AP none" in text
    assert "| mcd | killed after 120 s | 1 |" in text
    assert "| PyOD MCD | 11 |" in text
    assert "12 with the knowledge base “none”" in text
    assert "(real-cd" not in text
    for name in ("quality-differences", "quality-cd-adbench", "quality-reliability"):
        assert f"images/{name}.svg" in text
        assert (tmp_path / f"{name}.svg").read_text(encoding="utf-8").startswith("<?xml")


def test_tables_on_which_a_method_is_missing_are_left_out_and_counted(lines):
    panel = of_runs(lines[:-1])
    assert panel is not None
    assert (len(panel), panel.left_out) == (11, 1)
    assert of_runs([line for line in lines if line["method"] != "ours@60"]) is None


def test_figures_of_a_base_that_knows_the_table_are_called_optimistic(lines):
    for line in lines:
        line |= {"base": "shipped", "base_knows_group": True} if line["method"] == "ours@60" else {}
    text = real_report(lines, Pictures(folder=None))
    assert "which has seen the table's group" in text
    assert "are optimistic" in text


def test_pictures_do_not_change_when_nothing_did(lines, tmp_path):
    for name in ("a", "b"):
        real_report(lines, Pictures(folder=tmp_path / name))
    first, second = (sorted((tmp_path / name).iterdir()) for name in ("a", "b"))
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]


def test_bins_cover_every_table_once(lines):
    panel = of_runs(lines)
    assert panel is not None
    for parts in bins(panel).values():
        assert np.sum([mask for _, mask in parts], axis=0).tolist() == [1] * 12


def test_a_killed_run_leaves_whole_lines(tmp_path):
    path = tmp_path / "store.jsonl"
    store = Store(path)
    store.add({"a": 1.23456789, "b": float("nan")})
    with path.open("a", encoding="utf-8") as file:
        file.write('{"a": 2, "b"')
    again = Store(path)
    assert again.lines == [{"a": 1.23457, "b": None}]
    again.add({"a": 3})
    assert read(path) == [{"a": 1.23457, "b": None}, {"a": 3}]
    path.write_text('{"a": 1}\nbad\n{"a": 2}\n', encoding="utf-8")
    with pytest.raises(SystemExit, match="line 2"):
        read(path)


def test_current_is_the_last_of_the_plans_measurements():
    plan = Plan(runs=("ours", "iforest"), bases=Bases(None), budgets=(60.0,))
    found = current(
        [made_line("t", "ours@60", auc=0.1), made_line("t", "ours@60", auc=0.9), made_line("t", "ours@5"),
         made_line("t", "iforest", max_rows=7), made_line("t", "mcd")], plan,
    )  # fmt: skip
    assert [(line["method"], line["roc_auc"]) for line in found] == [("ours@60", 0.9)]


def test_samples_are_fixed_nested_and_take_turns(tmp_path):
    tasks = [
        Task(name=f"{s}{i}", suite=s, group="", domain="", source="", licence="", path=tmp_path)
        for s in ("a", "b") for i in range(20)
    ]  # fmt: skip
    small, large = ([t.name for t in sampled(tasks[::step], n)] for n, step in ((3, 1), (6, 1)))
    assert len(small) == 6
    assert [name[0] for name in small] == ["a", "b"] * 3
    assert set(small) < set(large)
    assert [t.name for t in sampled(tasks[::-1], 3)] == small


def test_odd_and_ovr_are_also_pooled():
    assert list(pools(["uci", "ovrbench", "oddbench"])) == ["oddbench", "ovrbench", "oddbench + ovrbench", "uci"]
    assert list(pools(["mine"])) == ["mine"]


def test_parts_of_a_page_are_replaced_and_the_rest_stays(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"by hand\n{begin('x')}\nold\n{end('x')}\nmore by hand\n", encoding="utf-8")
    for _ in range(2):
        write_part(page, "x", "new \\1 figures\n")
    expected = f"by hand\n{begin('x')}\n\nnew \\1 figures\n\n{end('x')}\nmore by hand\n"
    assert page.read_text(encoding="utf-8") == expected
    with pytest.raises(SystemExit, match="must hold these two lines"):
        write_part(page, "y", "")
    with pytest.raises(SystemExit, match="cannot be read"):
        write_part(tmp_path / "none.md", "x", "")


def test_the_real_page_has_its_markers():
    from pathlib import Path

    text = (Path(__file__).parents[2] / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    for part in ("quality", "anytime"):
        assert text.count(begin(part)) == text.count(end(part)) == 1


def test_report_of_both_stores_goes_into_the_page(lines, tmp_path, capsys):
    write(tmp_path / "real.jsonl", lines)
    page = tmp_path / "page.md"
    page.write_text(f"{begin('quality')}\n{end('quality')}\n", encoding="utf-8")
    options = ["--store", str(tmp_path / "real.jsonl"), "--cached-store", str(tmp_path / "none.jsonl")]
    quality.main(["report", *options, "--methods", "ours,iforest,mcd", "--page", str(page)])
    assert "### End-to-end runs" in page.read_text(encoding="utf-8")
    assert (tmp_path / "images" / "real-differences.svg").is_file()
    with pytest.raises(SystemExit, match="Nothing is measured yet"):
        quality.main(["report", "--store", str(tmp_path / "no.jsonl"), *options[2:], "--page", str(page)])


def test_fold_bases_must_not_know_the_group(tmp_path, monkeypatch):
    from benchmarks import _knowledge

    for fold, groups in (("0", ["other"]), ("1", ["mine"])):
        (tmp_path / f"kb-fold{fold}").mkdir()
        pd.DataFrame({"group": groups}).to_parquet(tmp_path / f"kb-fold{fold}" / "tasks.parquet")
    (tmp_path / "folds.json").write_text(json.dumps({"mine": 0, "wrong": 1, "other": 1}), encoding="utf-8")

    class Opened:
        def __init__(self, path):
            self.path = path
            self.manifest = type("Manifest", (), {"created": "today"})

        @classmethod
        def open(cls, path):
            from pathlib import Path

            if not Path(path).is_dir():
                raise PynomalyError("missing")
            return cls(Path(path))

    monkeypatch.setattr(_knowledge, "KnowledgeBase", Opened)
    _knowledge._opened.cache_clear()
    bases = Bases(str(tmp_path / "kb-fold{fold}"))
    mine = bases.base("mine")
    assert (mine.name, mine.path, mine.knows) == ("fold 0", str(tmp_path / "kb-fold0"), False)
    assert bases.base("in no fold").name == "fold 0"
    (tmp_path / "folds.json").write_text(json.dumps({"mine": 1, "lost": 7}), encoding="utf-8")
    leaking = Bases(str(tmp_path / "kb-fold{fold}"))
    with pytest.raises(SystemExit, match="knows the group 'mine'"):
        leaking.base("mine")
    with pytest.raises(SystemExit, match="cannot be used"):
        leaking.base("lost")
    assert Bases(str(tmp_path / "kb-fold1")).base("mine").knows
    (tmp_path / "folds.json").unlink()
    with pytest.raises(SystemExit, match=r"folds\.json"):
        Bases(str(tmp_path / "kb-fold{fold}"))
    _knowledge._opened.cache_clear()
