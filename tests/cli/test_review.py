"""A person in front of the terminal: rows are shown, answers are in the file before the next row is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from pynomaly_auto import AutonomousDetector
from pynomaly_auto.cli import app
from pynomaly_auto.cli._review import _answer
from pynomaly_auto.engine import Answers, labels_in
from pynomaly_auto.errors import InvalidInputError, PynomalyError, StorageError
from tests.engine.conftest import quick

HEAD = "row,position,label,by,when\n"


def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(150, 3)), columns=["a", "b", "c"])
    frame["shop"] = rng.choice(["x", "[red]y[/]"], 150)
    frame.loc[[3, 4], "a"] = 30.0
    return frame


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("review")
    quick(n_trials=3).fit(table()).save(made / "model")
    table().assign(key=range(150)).to_csv(made / "data.csv", index=False)
    return made


def review(folder: Path, answers: str, *arguments: str | Path, status: int = 0) -> str:
    given = ["auto", "review", "-m", folder / "model", "-d", folder / "data.csv", "--drop", "key", *arguments]
    outcome = CliRunner().invoke(app, [str(a) for a in given], input=answers, catch_exceptions=False)
    assert outcome.exit_code == status, outcome.output
    return outcome.output


def test_a_person_is_shown_rows_and_what_they_say_is_heeded(folder: Path, tmp_path: Path) -> None:
    labels, saved = tmp_path / "labels.csv", tmp_path / "told"
    text = review(
        folder, "y\nperhaps\nn\ns\nY\nq\n", "--labels", labels, "--by", "Ada", "--strategy", "top", "--save", saved
    )
    assert "Row 3 (position 3)" in text
    assert "Probability of being an anomaly" in text
    assert "Row 3 stands out by a 30 (usually" in text
    assert "[red]y[/]" in text, "what stands in a cell is no markup"
    assert "'perhaps' is no answer." in text
    assert "3 new answers" in text
    said = pd.read_csv(labels)
    assert list(said.columns) == ["row", "position", "label", "by", "when"]
    asked = AutonomousDetector.load(folder / "model").query(5, table(), strategy="top").index
    assert said["position"].tolist() == [asked[0], asked[1], asked[3]]
    assert said["label"].tolist() == [1, 0, 1]
    assert set(said["by"]) == {"Ada"}
    told = AutonomousDetector.load(saved)
    assert [(one.row, one.label, one.by) for one in told.feedback_] == [
        (asked[0], 1, "Ada"), (asked[1], 0, "Ada"), (asked[3], 1, "Ada"),
    ]  # fmt: skip


def test_an_interrupted_review_goes_on_where_it_was(folder: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    review(folder, "y\nn\n", "--labels", labels, "--by", "Ada", status=1)  # nobody answers any more
    first = pd.read_csv(labels)
    assert len(first) == 2
    text = review(folder, "n\nn\nn\n", "--labels", labels, "--n", "3", "--save", tmp_path / "told")
    assert "2 answers in" in text
    assert "3 new answers" in text
    both = pd.read_csv(labels)
    assert both["position"].is_unique
    pd.testing.assert_frame_equal(both.head(2), first)
    told = AutonomousDetector.load(tmp_path / "told")
    assert [one.by for one in told.feedback_] == ["Ada", "Ada", "", "", ""]


def test_what_review_wrote_and_a_column_can_be_learned_from(folder: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text(HEAD + "3,3,0,Ada,\n3,3,1,Bob,\n9,9,0,Ada,\n4,4,1,Ada,\n")
    frame = table().assign(known=[{3: 1, 9: 0, 4: 1}.get(i) for i in range(150)])
    frame.to_csv(tmp_path / "known.csv", index=False)
    found = []
    for data, given in ((folder / "data.csv", labels), (tmp_path / "known.csv", "known")):
        drop = ["--drop", "key"] if given == labels else []
        arguments = ["auto", "detect", "-d", data, "-o", tmp_path / "r", "--learn-from", given, *drop]
        outcome = CliRunner().invoke(
            app, [str(a) for a in [*arguments, "--n-trials", "2", "--random-state", "0", "--tracking", "off"]],
            catch_exceptions=False,
        )  # fmt: skip
        assert outcome.exit_code == 0
        assert "Labels: 2 anomalies and 1 normal rows" in outcome.output
        found.append(pd.read_parquet(tmp_path / "r" / "scores.parquet"))
    pd.testing.assert_frame_equal(*found)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,b\n1,2\n", "holds a, b instead of row, position"),
        (HEAD + "1,one,1,,\n", "has 'one' as position in line 2"),
        (HEAD + "1,1,2,,\n", "has '2' as label in line 2"),
        (HEAD + "1,1,yes,,\n", "has 'yes' as label in line 2.*Give 1 for an anomaly"),
        (HEAD + "9000,9000,1,,\n", "rows that a table of 150 rows does not have"),
        ("\n\n", "no CSV file of labels"),
    ],
)
def test_files_that_hold_something_else_are_left_as_they_are(
    content: str, said: str, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(content)
    with pytest.raises(InvalidInputError, match=said):
        review(folder, "y\n", "--labels", path)
    assert path.read_text() == content


def test_mistakes_are_told_before_anybody_answers(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot use"):
        Answers(tmp_path / "nowhere" / "labels.csv")
    with pytest.raises(StorageError, match="cannot read"):
        labels_in(tmp_path / "none.csv", 5)
    for more in (["--n", "0"], ["--strategy", "best"], ["--model", str(tmp_path / "none")]):
        with pytest.raises(PynomalyError):
            review(folder, "y\n", "--labels", tmp_path / "labels.csv", *more)
    (tmp_path / "other.csv").write_text("label,number\n1,2\n")
    with pytest.raises(InvalidInputError, match="no columns label and position"):
        labels_in(tmp_path / "other.csv", 5)


@pytest.mark.parametrize("end", ["1,1,1,Ada,2024-01-01", "1,1,1,Ada,2024-01-01\r\n7,7", "1,1,1,Ada,\n7,7,,,\n,,,,\n"])
def test_an_answer_has_a_line_of_its_own_whatever_the_file_ends_with(end: str, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes((HEAD + end).encode())
    text = review(folder, "y\nq\n", "--labels", path, "--strategy", "top")
    assert "1 answers in" in text
    assert "1 new answer in" in text
    assert path.read_bytes().startswith((HEAD + end).encode())
    said = Answers(path).said
    assert [one[:2] for one in said] == [(1, 1), (said[1][0], 1)]
    assert said[1][0] in (3, 4)


@pytest.mark.parametrize(
    "data",
    [
        "\ufeffposition,label\r\n3,1\r\n9,0\r\n5,\r\n,\r\n".encode(),
        "when;by;label;position;row\r\n;Zoë;1;3;3\r\n;Zoë;0.0;9.0;9\r\n".encode("cp1252"),
        b"row\tlabel\n3\t1\n9\t0\n",
    ],
)
def test_labels_that_a_spreadsheet_wrote_are_learned_from(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(data)
    found = labels_in(path, 12)
    assert {i: one for i, one in enumerate(found) if one is not None} == {3: 1, 9: 0}


def test_nobody_to_answer_is_no_mistake_of_the_program(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pynomaly_auto.cli._review.sys.stdin", None)
    with pytest.raises(typer.Abort):
        _answer()
    with pytest.raises(PynomalyError, match="by is"):
        review(folder, "y\n", "--labels", tmp_path / "labels.csv", "--by", "a\nb")
    assert not (tmp_path / "labels.csv").exists()
