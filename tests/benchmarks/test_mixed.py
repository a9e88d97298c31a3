from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from benchmarks import _mixed_tables, cell_folds, mixed
from benchmarks._knowledge import Bases
from benchmarks._mixed_judging import Cells, Flags, judged, known_values
from benchmarks._mixed_methods import METHODS, OURS, PEERS, Choice, Ready, chosen, perform, prepare
from benchmarks._mixed_report import against_best, against_every, best_peer, flags_table, mixed_report, values
from benchmarks._mixed_running import Plan, current, keep_scores, measure
from benchmarks._mixed_tables import MixedTable, Source, load, sources, spread
from benchmarks._page import begin, end
from benchmarks._sensible import as_number, as_time, numbers_only, sensible
from benchmarks._store import Store, read
from pynomaly_auto.building import Task
from pynomaly_auto.building.learning._cells import CellTask
from pynomaly_auto.building.measuring._cell_parts import write_cell_task
from pynomaly_auto.ensembling import BaseScores
from pynomaly_auto.records import CellLayout, Expectation

SOURCE = Source(suite="dirty", name="small", group="g", kind="typos")


def table(frame, y, wrong=None, **more):
    y = np.asarray(y)
    return MixedTable(source=SOURCE, frame=frame, y=y, rows=np.arange(len(y)), wrong=wrong, **more)


def test_sensible_encoding():
    rng = np.random.default_rng(0)
    n = 200
    frame = pd.DataFrame(
        {
            "id": range(1000, 1000 + n), "name": [f"n{i}" for i in range(n)], "two": rng.choice(["a", "b"], n),
            "many": [f"v{i % 60}" for i in range(n)], "amount": np.exp(2 * rng.normal(size=n)), "same": 1.0,
            "text": [f"{x:.2f}" for x in rng.normal(size=n)], "day": pd.date_range("2024-01-01", periods=n),
            "when": pd.date_range("2024-01-01", periods=n, freq="7h").strftime("%Y-%m-%d %H:%M"),
        }
    )  # fmt: skip
    X = sensible(frame)
    # Two one-hots, a frequency, amount, number as text, elapsed time, two of the circle.
    assert X.shape == (n, 2 + 1 + 1 + 1 + 1 + 2)
    assert np.isfinite(X).all()
    np.testing.assert_allclose(X.std(axis=0)[:2], 1 / np.sqrt(2))
    assert abs(np.log(frame["amount"]).corr(pd.Series(X[:, 3]))) > 0.85
    assert numbers_only(frame).shape == (n, 3)
    assert numbers_only(frame[["two"]]) is None
    assert sensible(frame[["name"]]).shape == (n, 1)
    frame.loc[:9, "text"] = "12x4"
    assert np.isnan(as_number(frame["text"])[:10]).all()
    assert sensible(frame).shape == (n, X.shape[1] + 1)  # gaps are told beside
    assert as_time(frame["text"]) is None
    assert as_time(pd.Series(["2024-01-01", "", "2024-02-01"])).isna().tolist() == [False, True, False]


def test_rows_are_judged():
    made = table(pd.DataFrame({"a": range(6)}), [1, 1, 0, 0, 0, 0], kinds=("x", "y", "", "", "", ""))
    found = judged(made, np.array([9.0, 2.0, 5.0, 4.0, 1.0, 0.0]))
    assert (found["recall_1"], found["recall_15"], found["recall_2"]) == (0.5, 0.5, 1.0)
    assert found["kinds"] == {"x": 1.0, "y": 1.0}
    assert found["ap"] == pytest.approx((1 + 2 / 4) / 2)
    assert "cell_ap" not in found


def test_labels_are_judged():
    made = table(pd.DataFrame({"a": range(6)}), [1, 1, 0, 0, 0, 0])
    labels = np.array([-1, 1, -1, -1, 1, 1])
    told = Expectation(flagged=3, real=1.5, low=0, high=2, level=0.8, first=3, first_real=1.5)
    found = judged(made, np.arange(6.0), flags=Flags(labels=labels, told=told))
    assert {k: found[k] for k in ("flagged", "hits", "real", "low", "high")} == {
        "flagged": 3, "hits": 1, "real": 1.5, "low": 0, "high": 2,
    }  # fmt: skip
    silent = judged(made, np.arange(6.0), flags=Flags(labels=labels, told=None))
    assert (silent["hits"], "real" in silent) == (1, False)
    assert "hits" not in judged(made, np.arange(6.0))


@pytest.fixture
def cities():
    frame = pd.DataFrame({"city": ["Bonn"] * 5 + ["Ulm"] * 5, "region": ["west"] * 5 + ["south"] * 5, "n": range(10)})
    frame.loc[0, "region"] = "south"
    wrong = np.zeros((10, 3), dtype=bool)
    wrong[0, 1] = True
    return table(frame, [1] + [0] * 9, wrong)


def test_cells_are_judged(cities):
    bits = np.zeros((10, 3))
    bits[0, 1], bits[3, 2] = 5.0, 9.0
    found = judged(
        cities,
        np.arange(10.0),
        cells=Cells(bits=bits, expected=lambda row, column: "west" if row == 0 else None),
        named={0: "region"},
    )
    assert found["cell_ap"] == pytest.approx(0.5)
    assert (found["expected_right"], found["expected_asked"]) == (1.0, 1)
    assert (found["first_right"], found["first_asked"]) == (1.0, 1)
    silent = judged(cities, np.arange(10.0), cells=Cells(bits=bits, expected=lambda *_: None), named={0: "n"})
    assert (silent["expected_right"], silent["first_right"]) == (0.0, 0.0)


def test_right_values_are_known(cities):
    assert known_values(cities) == {(0, 1): "west"}
    clean = cities.frame.copy()
    clean.loc[0, "region"] = "West"
    for kind, known in (("dependency", {(0, 1): "West"}), ("amount", {})):
        made = table(cities.frame, cities.y, cities.wrong, clean=clean, kinds=(kind, *[""] * 9))
        assert known_values(made) == known


def test_methods():
    assert chosen("all") == METHODS
    assert chosen("peers") == PEERS
    assert set(chosen("fast")) == {m for m in PEERS if "adengine" not in m}
    assert chosen("ours, knn5") == ("ours", "knn5_encoded", "knn5_numbers")
    assert chosen("ours_quality") == ("ours_quality",)
    assert "mean_numbers" not in METHODS
    with pytest.raises(SystemExit, match="Unknown method 'x'"):
        chosen("x")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Two shared mixed tables of either suite, and one of the other folder."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "mixed"
    lines = []
    for suite, kind in (("dirty", "typos"), ("dirty", "numbers"), ("business", "claims"), ("business", "orders")):
        n = 320
        word = rng.choice(["apple", "berry", "cherry"], n)
        frame = pd.DataFrame(
            {"word": word, "fruit": word, "shade": pd.Series(word).map({"apple": "green"}).fillna("red")}
        )
        frame["number"] = rng.normal(size=n).round(2)
        frame["label"] = [1] * 10 + [0] * (n - 10)
        if suite == "dirty":
            frame = frame.astype({"number": str})
            frame.loc[:9, "word"] = "aple"
            frame["wrong"] = ["word"] * 10 + [""] * (n - 10)
        name = f"{suite}_{kind}"
        (folder / suite).mkdir(parents=True, exist_ok=True)
        frame.to_parquet(folder / suite / f"{name}.parquet")
        lines.append((name, suite, name, f"{suite}/{name}.parquet", "made", "label", "", kind))
    head = ["name", "modality", "group", "path", "source", "target", "target_kind", "domain"]
    pd.DataFrame([*lines, lines[0]], columns=head).to_csv(folder / "index.csv", index=False)
    other = tmp_path / "other"
    (other / "mixed").mkdir(parents=True)
    frame.to_parquet(other / "mixed" / "raw.parquet")
    raw = [("raw", "mixed", "raw", "mixed/raw.parquet", "made", "", "", "")]
    pd.DataFrame(raw, columns=head).to_csv(other / "index.csv", index=False)
    monkeypatch.setenv("PYNOMALY_MIXED_DATASETS", str(folder))
    monkeypatch.setenv("PYNOMALY_META_DATASETS", str(other))
    return tmp_path


def test_sources(home):
    found = sources()
    count = {suite: sum(s.suite == suite for s in found) for suite in _mixed_tables.SUITES}
    assert count == {
        "dirty": 2, "business": 2, "mixed": 1, "domains": 40, "planted": 3, "mistakes": 4, "transactions": 10,
    }  # fmt: skip
    few = spread((s for s in found if s.suite != "mixed"), 2)
    suites = [suite for suite in _mixed_tables.SUITES if suite != "mixed"]
    assert [s.suite for s in few] == [suite for suite in suites for _ in range(2)]
    assert spread((s for s in found if s.suite != "mixed"), 1) == few[::2]
    assert {s.kind for s in few if s.suite == "dirty"} == {"typos", "numbers"}
    with pytest.raises(SystemExit, match="Unknown suite nonsense"):
        sources(["nonsense"])
    dirty, planted_one = found[0], next(s for s in found if s.suite == "planted")
    loaded = load(dirty, max_rows=100, seed=0)
    assert loaded.frame.shape == (100, 4)
    assert (loaded.wrong.any(axis=1) == (loaded.y == 1)).all()
    assert loaded.frame.iloc[int(np.flatnonzero(loaded.y)[0])]["word"] == "aple"
    made = load(planted_one, max_rows=4000, seed=0)
    assert made.clean is not None
    assert len(made.y) == 310  # the labelled rows are no part of it
    assert load(next(s for s in found if s.suite == "mistakes"), max_rows=4000, seed=0).kinds


def test_no_shared_tables(monkeypatch, tmp_path):
    monkeypatch.setenv("PYNOMALY_MIXED_DATASETS", str(tmp_path))
    with pytest.raises(SystemExit, match="PYNOMALY_MIXED_DATASETS"):
        sources(["dirty"])


def test_one_method_on_one_table(home, tmp_path):
    path = tmp_path / "table"
    facts = prepare(sources(["dirty"])[0], 200, 0, str(path))
    assert facts["rows"] == 200
    answer = perform("mean_encoded", str(path), Choice())
    assert answer["scores"].shape == answer["y"].shape == answer["rows"].shape == (200,)
    assert answer["line"]["ap"] > 0.5
    assert (tmp_path / "table.lof_encoded.npz").is_file()
    prepare(sources(["business"])[0], 200, 0, str(path))
    assert not (tmp_path / "table.lof_encoded.npz").is_file()


def test_running_and_resuming(home, tmp_path, capsys):
    cache, scores = tmp_path / "cache" / "mixed.jsonl", tmp_path / "scores"
    options = ["--suite", "dirty,business", "--method", "knn5,ecod_encoded", "--max-rows", "200"]
    options += ["--cache", str(cache), "--scores", str(scores)]
    mixed.main([*options, "--tables", "1"])
    assert "### Wrong cells" in capsys.readouterr().out
    before = cache.read_text()
    mixed.main(options)
    lines = read(cache)
    assert cache.read_text().startswith(before)
    assert len(lines) == 4 * 3
    assert all("ap" in line for line in lines)
    with np.load(scores / "dirty__dirty_typos.npz") as kept:
        assert set(kept.files) == {"rows", "y", "group", "kind", "knn5_encoded", "knn5_numbers", "ecod_encoded"}
        assert str(kept["group"]) == "dirty_typos"
        assert len(kept["rows"]) == len(kept["ecod_encoded"]) == 200
    mixed.main([*options, "--forget", "--tables", "1"])
    assert len(read(cache)) == 2 * 3
    page, figures = tmp_path / "page.md", tmp_path / "figures.jsonl"
    page.write_text(f"before\n{begin('mixed')}\n{end('mixed')}\nafter\n")
    report = ["report", "--max-rows", "200", "--cache", str(cache), "--figures", str(figures), "--page", str(page)]
    mixed.main(report)
    assert "kNN, k = 5; sensible encoding" in page.read_text()
    with pytest.raises(SystemExit, match="held_out: written"):
        mixed.main([*report, "--part", "held_out"])  # the page has no such part
    cache.unlink()
    mixed.main(report)  # from the figures alone
    assert len(read(figures)) == 2 * 3
    with pytest.raises(SystemExit, match="Nothing is measured"):
        mixed.main([*report, "--max-rows", "7"])
    with pytest.raises(SystemExit, match="Nothing is measured"):
        mixed.main([*report, "--common"])  # ours was run on none of them
    lines = read(figures)
    figures.write_text("\n".join(json.dumps(line) for line in [*lines, lines[0] | {"method": "ours"}]))
    mixed.main([*report, "--common"])
    assert {line["table"] for line in read(figures)} == {lines[0]["table"]}


def test_tables_that_cannot_be_used(home, tmp_path, capsys):
    missing = Task(
        name="gone", suite="dirty", group="g", domain="", source="", licence="", path=tmp_path / "gone.parquet"
    )
    store = Store(None)
    gone = Source(suite="dirty", name="gone", group="g", kind="typos", task=missing)
    measure([gone], Plan(methods=("knn5_encoded",), choice=Choice()), store)
    assert "cannot be read" in store.lines[0]["error"]
    assert "gone" in capsys.readouterr().err
    measure([gone], Plan(methods=("ecod_encoded",), choice=Choice()), store)
    assert len(store.lines) == 1


def test_scores_of_another_sample_are_dropped(tmp_path):
    rows, y = np.arange(3), np.array([1, 0, 0])
    for method, at in (("a", rows), ("b", rows), ("c", rows + 1)):
        keep_scores(tmp_path, SOURCE, method, {"rows": at, "y": y, "scores": np.zeros(3)})
        with np.load(tmp_path / "dirty__small.npz") as kept:
            names = {name for name in kept.files if len(name) == 1} - {"y"}
        assert names == {"a": {"a"}, "b": {"a", "b"}, "c": {"c"}}[method]


def line(name, method, ap, **more):
    return {
        "suite": "dirty", "table": name, "group": name, "kind": "typos", "method": method, "max_rows": 4000, "seed": 0,
        "rows": 100, "columns": 3, "features": 5, "found": 5, "roc_auc": 0.8, "ap": ap, "recall_1": ap, "recall_15": ap,
        "recall_2": ap, "seconds": 1.0,
    } | more  # fmt: skip


def test_report():
    lines = [line(f"t{i}", "ours", 0.6 + 0.01 * i, cell_ap=0.5, first_right=0.75, first_asked=4) for i in range(8)]
    lines += [line(f"t{i}", "knn5_encoded", 0.5) for i in range(8)]
    lines += [line(f"t{i}", "ecod_encoded", 0.9) for i in range(2)]  # better, but on two tables alone
    failed = {k: v for k, v in line("t0", "lof_encoded", 0.0).items() if k not in {"ap", "roc_auc", "recall_1"}}
    lines.append(failed | {"error": "killed"})
    text = mixed_report(lines)
    assert "| pynomaly_auto | .800 | .635 |" in text
    assert "+.135" in text
    assert "8 / 0 / 0" in text
    assert ".750 of 32" in text
    tables = [f"t{i}" for i in range(8)]
    assert best_peer(lines, METHODS, tables, "ap") == "knn5_encoded"
    assert values(lines, "lof_encoded", "ap", tables)[0] == 0.05  # chance
    assert np.isnan(values(lines, "lof_encoded", "ap", tables)[1:]).all()
    assert against_best([x for x in lines if x["method"] not in OURS], ["knn5_encoded"], tables) is None
    json.dumps(lines)


def test_raw_tables_are_compared_with_every_peer():
    lines = [line(f"t{i}", m, ap, suite="mixed") for i in range(8) for m, ap in (("ours", 0.6), ("ecod_encoded", 0.4))]
    lines += [line(f"t{i}", "knn5_encoded", 0.7, suite="mixed") for i in range(8)]
    text = mixed_report(lines)
    rows = [row for row in text.splitlines() if row.startswith("| pynomaly_auto | ") and row.count("|") == 9]
    assert [row.split("|")[2].strip().split(";")[0] for row in rows] == ["kNN, k = 5", "ECOD"]
    assert "−.100" in rows[0]
    assert "8 / 0 / 0" in rows[1]
    assert against_every([x for x in lines if x["method"] not in OURS], ["ecod_encoded"], ["t0"]) is None


def test_rows_flagged_are_told():
    more = {"flagged": 10, "hits": 4, "real": 5.0, "low": 3, "high": 7}
    lines = [line("t0", "ours", 0.6, **more), line("t1", "ours", 0.6, kind="numbers", **more | {"hits": 2})]
    old = line("t2", "ours", 0.6)  # of a time when labels were not kept
    rows = flags_table([*lines, old, line("t0", "knn5_encoded", 0.5)]).splitlines()[2:]
    assert rows == [
        "| pynomaly_auto | all | 2 | 20 | 6 | 10 | 10 | .300 | .600 | 1.67 | 1 of 2 |",
        "| pynomaly_auto | numbers | 1 | 10 | 2 | 5 | 5 | .200 | .400 | 2.50 | 0 of 1 |",
        "| pynomaly_auto | typos | 1 | 10 | 4 | 5 | 5 | .400 | .800 | 1.25 | 1 of 1 |",
    ]
    assert rows[0] in mixed_report([*lines, old])
    assert flags_table([old]) is None
    nothing = line("t0", "ours", 0.6, flagged=0, hits=0)
    assert "| 1 | 0 | 0 | 5 | 0 | – | .000 | – | 0 of 0 |" in flags_table([nothing])


def test_the_last_measurement_counts():
    plan = Plan(methods=("ours",), choice=Choice())
    old, new, other = line("t", "ours", 0.1), line("t", "ours", 0.2), line("t", "ours", 0.3, seed=1)
    assert current([old, new, other], plan) == [new]
    assert plan.seconds("ours") == 120.0
    assert Plan(methods=("ours",), choice=Choice(budget=90.0)).seconds("ours") == 150.0
    assert Ready(table=table(pd.DataFrame({"a": [1]}), [1]), numbers=None, encoded=np.zeros((1, 1))).numbers is None


def test_who_has_learned_from_a_table_is_told():
    peer = [line("t0", "knn5_encoded", 0.5)]
    assert "optimistic" in mixed_report([line("t0", "ours", 0.6), *peer])
    held_out = mixed_report([line("t0", "ours", 0.6, base="fold 1"), *peer])
    assert "optimistic" not in held_out
    assert "have seen no table of its group" in held_out
    assert "optimistic" not in mixed_report([line("t0", "ours", 0.6, suite="domains"), *peer])
    assert "optimistic" not in mixed_report(peer)
    raw = line("t0", "ours", 0.6, suite="mixed", base="fold 0")
    for known, said in ((False, "with models that have seen no table of its group"), (True, "all others have")):
        assert said in mixed_report([raw | {"base_knows_group": known}, peer[0] | {"suite": "mixed"}])


def test_each_group_is_judged_with_the_base_that_left_it_out(tmp_path, monkeypatch):
    """Two bases whose models of cells are learned on what `pynomaly kb cells` has kept, each on half of the groups."""
    learned = []

    def learn(tasks, detectors, *, seed):
        learned.append({task.group for task in tasks})
        return {}

    monkeypatch.setattr(cell_folds, "learn_cells", learn)
    for i in range(6):
        write_cell_task(tmp_path / "parts" / f"t{i}.npz", cell_task(i))
    arguments = [str(tmp_path / "parts"), "--out", str(tmp_path / "folds")]
    cell_folds.main(arguments)
    folds = json.loads((tmp_path / "folds" / "folds.json").read_text())
    assert learned == [{g for g, at in folds.items() if at != fold} for fold in (0, 1)]
    assert learned[0] | learned[1] == {f"g{i}" for i in range(6)}
    cell_folds.main(arguments)
    assert len(learned) == 2  # those that are there are kept
    bases = Bases(str(tmp_path / "folds" / "kb-fold{fold}"), strict=False)
    plan = Plan(methods=("ours",), choice=Choice(), bases=bases)
    for group, fold in folds.items():
        source = Source(suite="dirty", name="small", group=group, kind="typos")
        assert plan.base_facts(source) == {"base": f"fold {fold}", "base_knows_group": False}
        assert plan.choice_for(source).base == str((tmp_path / "folds" / f"kb-fold{fold}").resolve())
    assert Plan(methods=("ours",), choice=Choice()).choice_for(SOURCE).base is None
    with pytest.raises(SystemExit, match="no measured table"):
        cell_folds.main([str(tmp_path), "--out", str(tmp_path / "other")])


def cell_task(number: int) -> CellTask:
    labels = np.zeros(20, dtype=np.int64)
    ranks = np.ones((20, 1))
    return CellTask(
        task=f"t{number}", suite="dirty", group=f"g{number}", labels=labels, kinds=("numeric",),
        layout=CellLayout.of({"form": [0]}, 1), bits=np.zeros((20, 1)), wrong=None,
        scores=BaseScores(final=ranks[:, 0], robust=ranks[:, 0], members=("knn",), ranks=ranks),
    )  # fmt: skip
