"""What people and machines see of a result."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto.records import Configuration, Reason, Supervision
from pynomaly_auto.reporting._view import make_view
from tests.factories import make_result


def test_notebook_view_shows_the_main_things():
    html = make_result()._repr_html_()
    assert "25 rows flagged; about 15 of them (8 to 25) are expected to be real, the first 10 with 8." in html
    assert ">8 to 25<" in html
    assert "The probability rises with the score" in html
    assert "confidence" not in html.partition("Reasons")[0]
    assert "the first 10 of 25" in html
    assert "hbos" in html
    assert "DAT-031" in html
    assert html.count("<details") == html.count("</details>") == 4
    assert "<script" not in html


@pytest.mark.parametrize("kwargs", [{"anomalies": 0}, {"n": 1, "anomalies": 0, "trials": 0}, {"anomalies": 1}])
def test_notebook_view_of_small_results(kwargs):
    html = make_result(**kwargs)._repr_html_()
    assert ("No row lies above" in html) == (kwargs["anomalies"] == 0)
    assert ("1 row flagged; the chance that it is a real anomaly is put at 60%." in html) == (kwargs["anomalies"] == 1)
    assert ("No row is flagged." in html) == (kwargs["anomalies"] == 0)


def test_where_probabilities_come_from_is_told_as_it_is():
    fitted = make_result()
    learned = replace(fitted.verdict, calibration=replace(fitted.verdict.calibration, single_point=False))
    result = replace(fitted, verdict=learned)
    assert "how often rows like it were, in tables with known answers. The range" in result._repr_html_()
    by_labels = Supervision(
        completeness="partial", n_anomalies=3, n_normal=9, weight_unlabelled=0.9, weight_learned=0.1, learner="trees"
    )
    cases = {
        "by the labels of this table": replace(result, supervision=by_labels),
        "all rows are taken as normal": replace(result, verdict=replace(result.verdict, expectation=None)),
        "known tables say nothing": fitted,
    }
    for told, one in cases.items():
        for page in (one._repr_html_(), make_view(one, title=None, labels_note=None).scale):
            assert told in page
            assert "known answers" not in page
    ruled = replace(result, settings={**result.settings, "rules": {"age > 120": "anomaly"}})
    assert "A row that a rule decides of counts as certain." in ruled._repr_html_()


def test_where_all_rows_are_normal_what_is_flagged_is_said_to_be_a_false_alarm():
    result = make_result()
    novelty = replace(result, verdict=replace(result.verdict, expectation=None))
    assert novelty.headline == "25 rows lie above the threshold: false alarms, as all rows are taken as normal."
    assert "expected to be real" not in novelty._repr_html_()
    assert "anomalies expected" not in novelty._repr_html_()
    assert novelty.summary_lines()[1].startswith("That is 5.00% of 500 rows; the threshold was set for 5.00% (")
    assert "expectation" in result.to_dict()


def test_the_summary_says_how_many_are_expected_to_be_real():
    first, second = make_result().summary_lines()[:2]
    assert first == "25 rows flagged; about 15 of them (8 to 25) are expected to be real, the first 10 with 8."
    assert second.startswith(
        "That is 5.00% of 500 rows; 5.00% of all rows, flagged or not, are expected to be anomalies ("
    )


def test_notebook_view_escapes_what_comes_from_the_data():
    evil = "<script>" + "y" * 80
    html = make_result(column_names=[evil], row_labels=[f"{evil}{i}" for i in range(500)])._repr_html_()
    assert "<script>" not in html
    assert "…" in html


def many_members(result, count=50):
    first = result.ensemble.members[0]
    views = ({}, {"view": "ranks"}, {"view": "trimmed"})
    members = tuple(
        replace(
            first, configuration=Configuration(detector=f"d{i // 3}", params=views[i % 3]),
            weight=(count - i) / (count * (count + 1) / 2),
        )
        for i in range(count)
    )  # fmt: skip
    return replace(result, ensemble=replace(result.ensemble, members=members))


def test_of_many_members_the_heaviest_are_shown_each_with_its_view():
    result = many_members(make_result())
    html = result._repr_html_()
    assert "the first 12 of 50" in html
    assert "d3 (trimmed)" in html
    assert "d9 (trimmed)" not in html
    assert "d0 (ranks)" in result.summary().replace("\n  ", " ")
    assert result.summary_lines()[2].endswith(" and 42 more.")


def test_members_that_hardly_weigh_are_counted_and_not_named():
    result = make_result()
    first = result.ensemble.members[0]
    weights = (0.99, 0.004, 0.003, 0.003)
    named = (replace(first, configuration=Configuration(detector=f"d{i}")) for i in range(len(weights)))
    members = tuple(replace(member, weight=w) for member, w in zip(named, weights, strict=True))
    light = replace(result, ensemble=replace(result.ensemble, members=members))
    assert light.summary_lines()[2] == "4 models combined: d0 99% and 3 more, each less than 1%."


def test_notebook_view_cuts_long_lists_of_reasons():
    result = make_result(trials=5_000)
    assert len(result.reasons) > 400
    html = result._repr_html_()
    assert "The first 400 are shown" in html
    assert len(html) < 200_000


def test_stage_is_read_off_the_code():
    assert Reason(code="ENS-002", subject="s", text="t").stage == "Ensembling"
    assert Reason(code="XYZ-1", subject="s", text="t").stage == "XYZ"


def test_to_dict_holds_plain_values_whatever_the_row_labels():
    result = make_result(row_labels=pd.date_range("2026-01-01", periods=500).to_numpy())
    json.dumps(result.to_dict(), allow_nan=False)


def test_anomalies_come_most_anomalous_first():
    table = make_result().anomalies
    assert np.all(np.diff(table["score"]) <= 0)
    assert table.index.name == "position"
    assert table["top_features"].iloc[0]


def test_a_summary_explains_no_row_that_is_flagged_no_more():
    result = make_result()
    first = result.explanations[0]
    assert f"{first.text[:1].upper()}{first.text[1:]}" in result.summary_lines()
    labels = result.labels.copy()
    labels[first.row] = 1
    later = replace(result, verdict=replace(result.verdict, labels=labels))
    assert not any(line.endswith(first.text[1:]) for line in later.summary_lines())
