"""The report: complete, self-contained, harmless, whole or not there at all."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import Configuration, Explanation, Front, FrontPoint, Supervision
from pynomaly_auto.reporting import _charts, _files, check_writable, profile_facts, render, write_report, write_results
from pynomaly_auto.reporting._view import ANOMALIES, number
from tests.factories import make_result

_VOID = {"meta", "link", "input", "br", "img", "hr"}


class _Outline(HTMLParser):
    """Collects tags and headings, and checks that tags nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outline(html: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Outline()
    parser.feed(html)
    assert parser.open == []
    return parser.tags


@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"anomalies": 0},
        {"n": 1, "anomalies": 0, "trials": 1},
        {"n": 20_000, "anomalies": 5_000},
        {"column_names": ["only"]},
        {"column_names": ["名前", "größe", "x" * 400]},
        {"trials": 0},
        {"cold": True, "interrupted": True},
    ],
)
def test_report_is_well_formed_and_needs_nothing_from_outside(kwargs):
    html = render(make_result(**kwargs))
    tags = outline(html)
    assert [t for t, _ in tags].count("h1") == 1
    assert not [a for _, a in tags if str(a.get("href", "#"))[:1] != "#" or "src" in a]
    assert "http" not in re.sub(r"http://www.w3.org/2000/svg|http-equiv", "", html)
    charts = [a for t, a in tags if t == "svg"]
    assert len(charts) == 4
    assert all(a["role"] == "img" and a["aria-label"] for a in charts)


def test_many_anomalies_are_cut_with_a_note():
    html = render(make_result(n=20_000, anomalies=5_000))
    assert html.count('<td class="row">') == 20
    assert f"{ANOMALIES - 20} more, listed only" in html
    assert "The first 500 of 5,000 are shown" in html
    assert len(html) < 1_500_000


def test_every_row_shown_with_its_columns_is_explained_and_all_are_counted():
    result = make_result(anomalies=40, explained=20)
    html = render(result)
    assert html.count('<td class="row">') == html.count('<div class="parts">') == 20
    assert "20 more, listed only" in html
    assert html.count(result.headline) == 2  # below the title, and in the summary
    assert "confidence" not in html[html.index('id="anomalies"') : html.index('id="ensemble"')]
    assert "8 to 40" not in html
    assert "13 to 40 of the rows flagged" in html


def test_no_anomalies_is_said():
    assert "No row lies above the threshold" in render(make_result(anomalies=0))


def test_names_from_the_data_are_escaped_everywhere():
    evil = '<script>alert("x")</script>'
    result = make_result(column_names=[evil, "b"], row_labels=[f"{evil}{i}" for i in range(500)])
    html = render(result, title=evil, labels_note=evil)
    assert evil not in html
    assert html.count("<script>") == 1
    assert "&lt;script&gt;alert" in html
    outline(html)
    outline(str(_charts.bars([_charts.Bar(name=evil, value=0.5)], label=evil)))


def test_reasons_are_grouped_by_stage_with_their_evidence():
    html = render(make_result())
    for stage in ("Data", "Profile", "Recommending", "Tuning", "Ensembling", "Deciding"):
        assert f"<h3>{stage} " in html
    assert "unique = 10, missing = 0.01" in html


def test_a_contribution_that_does_not_raise_the_score_is_not_shown():
    result = make_result(explained=1)
    first: Explanation = result.explanations[0]
    assert first.contributions[0].contribution > 0
    assert render(result).count('class="column"') == 4


def test_number_reads_well():
    assert [number(v) for v in (None, float("nan"), 3, 3.0, 1234567, 0.12345, True, "a")] == [
        "–", "–", "3", "3", "1,234,567", "0.1235", "True", "a",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("scores", "threshold"),
    [
        (np.array([]), 0.0),
        (np.array([np.nan]), 0.0),
        (np.zeros(5), 0.0),
        (np.zeros(5), 3.0),
        (np.arange(10.0), -5.0),
        (np.array([1e-300, 2e-300]), 1.5e-300),
        (np.array([0.0, 1e12]), 1.0),
    ],
)
def test_histogram_draws_any_scores(scores, threshold):
    svg = str(_charts.histogram(scores, threshold))
    outline(svg)
    assert "nan" not in re.sub("aria-label.*?>", "", svg)


def test_histogram_bars_never_mix_both_sides_of_the_threshold():
    svg = str(_charts.histogram(np.arange(100.0), 90.5))
    rows = {
        kind: sum(int(n) for n in re.findall(rf'fill-{kind}".*?<title>(\d+) rows', svg)) for kind in ("bad", "accent")
    }
    assert rows == {"bad": 9, "accent": 91}


def test_scatter_spreads_times_over_decades():
    points = [_charts.Point(x=10.0**e, y=0.5 + 0.05 * e, name="a", pareto=e > 0) for e in range(-3, 4)]
    svg = str(_charts.scatter(points))
    assert ">0.01 s<" in svg
    assert ">0.02 s<" not in svg
    assert 'class="front"' in svg


def test_write_report_replaces_whole_files_only(tmp_path: Path):
    path = tmp_path / "deep" / "report.html"
    assert write_report(make_result(), path, title="One") == path
    write_report(make_result(), path, title="Two")
    assert "<h1>Two</h1>" in path.read_text(encoding="utf-8")
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]


@pytest.mark.parametrize("place", ["file/report.html", "folder"])
def test_write_report_says_why_it_cannot(tmp_path: Path, place: str):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match="cannot write"):
        write_report(make_result(), tmp_path / place)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


def test_write_results_leaves_four_files(tmp_path: Path):
    result = make_result()
    folder = write_results(result, tmp_path / "results")
    assert sorted(p.name for p in folder.iterdir()) == ["anomalies.csv", "report.html", "result.json", "scores.parquet"]
    scores = pd.read_parquet(folder / "scores.parquet")
    assert list(scores.columns) == ["row", "score", "label", "confidence"]
    np.testing.assert_array_equal(scores["score"], result.scores)
    assert len(pd.read_csv(folder / "anomalies.csv")) == 25
    assert json.loads((folder / "result.json").read_text(encoding="utf-8"))["n_anomalies"] == 25


@pytest.mark.parametrize(
    "labels",
    [
        pd.date_range("2026-01-01", periods=500, tz="Europe/Berlin"),
        pd.Series(["a", 1, 2.5, None, ("x", 1)] * 100, dtype=object).to_numpy(),
        [f"zeile-{i}-ü" for i in range(500)],
        [10**400 + i for i in range(500)],
    ],
    ids=["zoned", "mixed", "text", "huge"],
)
def test_write_results_with_any_index(tmp_path: Path, labels):
    values = np.empty(500, dtype=object)
    values[:] = list(labels)
    write_results(make_result(row_labels=values), tmp_path)
    assert len(pd.read_parquet(tmp_path / "scores.parquet")) == 500
    json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))


def test_the_rows_themselves_stand_beside_the_anomalies(tmp_path: Path):
    result = make_result()
    table = pd.DataFrame({"amount": np.arange(500.0), "score": ["a,b\n"] * 500, 3: [[1, 2]] * 500})
    write_results(result, tmp_path, table=table)
    listed = pd.read_csv(tmp_path / "anomalies.csv", index_col="position")
    assert list(listed.columns) == ["row", "score", "confidence", "top_features", "amount", "score (cell)", "3"]
    np.testing.assert_array_equal(listed["amount"], listed.index)
    assert listed["score (cell)"].eq("a,b\n").all()


def test_when_one_file_fails_none_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(path, labels, **columns):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_files, "_scores", full)
    with pytest.raises(StorageError, match="No space left"):
        write_results(make_result(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_check_writable(tmp_path: Path):
    check_writable(tmp_path)
    check_writable(tmp_path / "new" / "deeper" / "report.html")
    (tmp_path / "file").write_text("x")
    check_writable(tmp_path / "file")
    with pytest.raises(StorageError, match="cannot write"):
        check_writable(tmp_path / "file" / "results")
    with pytest.raises(StorageError, match="cannot write"):
        check_writable("/proc/no/such")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_profile_is_told_in_percentages_and_words() -> None:
    parts = dict(profile_facts(make_result().profile))
    assert list(parts) == ["Overview", "Quality", "Distributions", "Patterns", "Anomaly hints"]
    assert all(fact.value.endswith("%") for fact in parts["Quality"])
    assert not any("_" in fact.name for facts in parts.values() for fact in facts)


def test_listed_scores_have_few_digits(tmp_path: Path) -> None:
    write_results(make_result(), tmp_path)
    cells = pd.read_csv(tmp_path / "anomalies.csv", dtype=str)
    assert cells["score"].str.len().max() <= 8
    assert cells["confidence"].str.len().max() <= 6


def test_many_models_are_drawn_together_and_listed_each():
    result = make_result()
    first = result.ensemble.members[0]
    members = tuple(
        replace(first, configuration=Configuration.in_view(f"d{i}", "ranks" if i % 2 else "standard"), weight=1 / 60)
        for i in range(60)
    )
    page = render(replace(result, ensemble=replace(result.ensemble, members=members)))
    assert "40 more" in page
    assert "66.7%, each less" in page
    assert "d59 (ranks)" in page


def test_the_models_score_is_called_final_only_where_it_is() -> None:
    made = make_result()
    labelled = Supervision(
        completeness="partial", n_anomalies=3, n_normal=5, weight_unlabelled=0.5, weight_learned=1.2, learner="forest"
    )
    points = tuple(
        FrontPoint(number=i, members=("knn",), positions=(0,), weights=() if i else (1.0,), agreement=0.9 + 0.1 * i,
                   values={"latency": 1.0 + i, "agreement": 0.9 + 0.1 * i})
        for i in range(2)
    )  # fmt: skip
    front = Front(
        objectives={"agreement": 0.5, "latency": 0.5}, minimize=("latency",), answer="agreement", points=points,
        chosen=0, tried=2,
    )  # fmt: skip
    final = "which is the final one"
    assert final in render(made)
    assert final in render(replace(made, front=replace(front, chosen=1)))
    assert final not in render(replace(made, front=front))
    assert final not in render(replace(made, supervision=labelled))
