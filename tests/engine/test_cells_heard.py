"""Tables of several kinds of columns from fit to file: wrong cells reach the top, and are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto import AutonomousDetector
from pynomaly_auto.engine import _pipeline
from pynomaly_auto.errors import InvalidInputError, StorageError
from tests.engine.conftest import quick
from tests.storing.forging import Forged

pytestmark = pytest.mark.filterwarnings("ignore::pynomaly_auto.errors.UnseenValuesWarning")

MISSPELT, FAR, BROKEN = 20, 40, 60


def orders(n: int = 150) -> pd.DataFrame:
    """Orders with a misspelt city, an absurd amount and a state that is another city's."""
    rng = np.random.default_rng(0)
    city = rng.choice(["Boston", "Chicago", "Denver"], n, p=[0.5, 0.3, 0.2])
    frame = pd.DataFrame({
        "city": city,
        "state": pd.Series(city).map({"Boston": "MA", "Chicago": "IL", "Denver": "CO"}).to_numpy(),
        "amount": np.round(rng.lognormal(3, 0.4, n), 2),
        "day": pd.date_range("2025-01-01 09:00", periods=n, freq="D"),
    }, index=[f"r{i}" for i in range(n)])  # fmt: skip
    frame.iloc[MISSPELT, 0] = {"Boston": "Bostom", "Chicago": "Chicgao", "Denver": "Denvre"}[city[MISSPELT]]
    frame.iloc[FAR, 2] = 9e5
    frame.iloc[BROKEN, 1] = "IL" if city[BROKEN] != "Chicago" else "MA"
    return frame


FRAME = orders()


@pytest.fixture(scope="module")
def detector() -> AutonomousDetector:
    return quick(contamination=0.04).fit(FRAME)


@pytest.fixture(scope="module")
def saved(detector: AutonomousDetector, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(detector.save(tmp_path_factory.mktemp("cells") / "model"))


@pytest.fixture(scope="module")
def new() -> pd.DataFrame:
    frame = FRAME.iloc[:30].copy()
    frame["amount"] += 1.5
    frame.iloc[3, 0], frame.iloc[5, 1], frame.iloc[7, 2] = "Bosston", "XX", -4e4
    frame.iloc[9, 0] = None
    return frame


def test_wrong_cells_reach_the_top_and_their_columns_are_first(detector: AutonomousDetector) -> None:
    result = detector.result_
    assert set(np.argsort(-result.verdict.scores)[:3]) == {MISSPELT, FAR, BROKEN}
    first = {e.row: e.contributions[0].column for e in result.explanations}
    assert first[MISSPELT] == "city"
    assert first[FAR] == "amount"
    assert first[BROKEN] in {"city", "state"}
    found = {(cell.row, cell.column): cell for cell in result.cells}
    cell = found[MISSPELT, "city"]
    assert (cell.label, cell.value) == (f"r{MISSPELT}", FRAME.iloc[MISSPELT, 0])
    assert cell.expected in {"Boston", "Chicago", "Denver"}
    assert cell.expected in cell.text
    assert cell.detectors
    assert (FAR, "amount") in found
    assert {(BROKEN, "city"), (BROKEN, "state")} & set(found)
    bits = [cell.bits for cell in result.cells]
    assert bits == sorted(bits, reverse=True)
    told = next(e.text for e in result.explanations if e.row == MISSPELT)
    assert cell.text in told


def test_rows_fitted_on_score_as_they_did(detector: AutonomousDetector) -> None:
    assert (-detector.score_samples(FRAME)).tolist() == detector.result_.verdict.scores.tolist()
    assert detector.predict(FRAME).tolist() == detector.result_.verdict.labels.tolist()


def test_a_row_alone_scores_as_among_others(detector: AutonomousDetector, new: pd.DataFrame) -> None:
    batch = detector.score_samples(new)
    alone = [detector.score_samples(new.iloc[[i]])[0] for i in range(len(new))]
    # Sums over neighbours are rounded by how many rows there are; what is said of cells is not.
    np.testing.assert_allclose(alone, batch, rtol=1e-12, atol=1e-12)
    whole = detector.cell_evidence(new)
    for i in range(len(new)):
        one = detector.cell_evidence(new.iloc[[i]])
        assert one.bits[0].tolist() == whole.bits[i].tolist()
        assert [one.expected.at(0, j) for j in range(4)] == [whole.expected.at(i, j) for j in range(4)]


def test_evidence_of_new_cells(detector: AutonomousDetector, new: pd.DataFrame) -> None:
    found = detector.cell_evidence(new)
    assert found.bits.shape == new.shape
    assert np.isfinite(found.bits).all()
    assert (found.bits >= 0).all()
    for row, column in ((3, 0), (5, 1), (7, 2)):
        assert found.bits[row, column] > np.median(found.bits[:, column])
    assert found.expected.at(3, 0) == "Boston"
    assert detector.cell_evidence(new.iloc[:0]).bits.shape == (0, 4)


def test_rows_of_the_same_cells_score_alike(detector: AutonomousDetector, new: pd.DataFrame) -> None:
    scores = detector.score_samples(pd.concat([new, new.iloc[::-1]]))
    np.testing.assert_allclose(scores, [*scores[:30], *scores[:30][::-1]], rtol=1e-12)
    twice = pd.concat([FRAME, FRAME.iloc[[3, 3, MISSPELT]]], ignore_index=True)
    scores = quick().fit(twice).result_.verdict.scores
    assert scores[3] == scores[-3] == scores[-2]
    assert scores[MISSPELT] == scores[-1]


def test_new_rows_are_explained_with_their_cells(detector: AutonomousDetector, new: pd.DataFrame) -> None:
    told = detector.explain(new, rows=[3, 7])
    first = told.groupby("position").head(1)
    assert first["column"].tolist() == ["city", "amount"]
    assert set(told["column"]) == set(FRAME.columns)
    assert detector.explain(new, rows=[]).empty
    # A table of texts as objects, and one without an index of its own.
    assert detector.explain(new.reset_index(drop=True).astype(object), rows=[3])["column"].iloc[0] == "city"


def test_judging_and_other_thresholds(saved: Path, new: pd.DataFrame) -> None:
    detector = AutonomousDetector.load(saved)
    judged = detector.judge(new)
    assert judged.scores.tolist() == (-detector.score_samples(new)).tolist()
    assert np.isfinite(judged.probabilities).all()
    before = detector.result_.verdict.scores.copy()
    detector.set_threshold(float(np.sort(before)[-2]))
    assert detector.result_.verdict.scores.tolist() == before.tolist()
    assert detector.predict(new).tolist() == np.where(judged.scores > detector.threshold_, -1, 1).tolist()
    detector.set_contamination(0.1)
    assert (detector.predict(FRAME) == -1).sum() == 15


def test_saved_and_loaded_all_is_the_same(detector: AutonomousDetector, saved: Path, new: pd.DataFrame) -> None:
    again = AutonomousDetector.load(saved)
    assert again.result_.cells == detector.result_.cells
    assert again.result_.to_dict() == detector.result_.to_dict()
    for X in (new, FRAME):
        assert again.score_samples(X).tolist() == detector.score_samples(X).tolist()
        assert again.cell_evidence(X).bits.tolist() == detector.cell_evidence(X).bits.tolist()
    pd.testing.assert_frame_equal(again.explain(new, rows=[3, 5]), detector.explain(new, rows=[3, 5]))
    assert again.ensemble_.evidence == detector.ensemble_.evidence


def test_a_smaller_one_takes_the_same_tables(detector: AutonomousDetector, tmp_path: Path, new: pd.DataFrame) -> None:
    small = detector.compact(latency_ms=1_000)
    assert small.ensemble_.compaction is not None
    assert small.ensemble_.compaction.rank_correlation > 0.7
    again = AutonomousDetector.load(small.save(tmp_path / "small"))
    for X in (new, FRAME):
        assert again.score_samples(X).tolist() == small.score_samples(X).tolist()
    pd.testing.assert_frame_equal(again.explain(new, rows=[3]), small.explain(new, rows=[3]))
    assert again.cell_evidence(new).bits.tolist() == detector.cell_evidence(new).bits.tolist()
    assert {MISSPELT, FAR, BROKEN} & set(np.argsort(small.score_samples(FRAME))[:5].tolist())


def without_looking(document: dict[str, Any]) -> None:
    del document["looking"]


def of_no_evidence(document: dict[str, Any]) -> None:
    document["reference"]["values"]["layout"] = None


def of_other_columns(document: dict[str, Any]) -> None:
    columns = document["looking"]["values"]["cells.layout"]["columns"]
    columns[0], columns[1] = columns[1], columns[0]


def heard_by_nobody(document: dict[str, Any]) -> None:
    document["ensemble"]["values"]["there"]["cells"] = False


def of_fewer_detectors(document: dict[str, Any]) -> None:
    document["looking"]["values"]["detectors.names"].pop()


def of_more_columns(document: dict[str, Any]) -> None:
    document["looking"]["values"]["detectors.n_columns"] += 1


@pytest.mark.parametrize(
    "damage",
    [without_looking, of_no_evidence, of_other_columns, heard_by_nobody, of_fewer_detectors, of_more_columns],
)
def test_files_whose_parts_disagree_about_the_evidence(saved: Path, damage: Any, tmp_path: Path) -> None:
    forged = Forged.of(saved)
    document = forged.document
    damage(document)
    with pytest.raises(StorageError):
        AutonomousDetector.load(forged.set_document(document).write(tmp_path / "forged"))


def numeric() -> np.ndarray[Any, np.dtype[np.float64]]:
    X = np.random.default_rng(0).normal(size=(150, 4))
    X[3] += 6
    return X


def test_tables_of_numbers_have_no_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = quick().fit(numeric())
    assert plain.result_.cells == ()
    assert plain.ensemble_.evidence == ()
    assert plain._model.reference.evidence is None
    assert plain._model.ensemble.cells is None
    with pytest.raises(InvalidInputError, match="numbers alone"):
        plain.cell_evidence(numeric())
    monkeypatch.setattr(_pipeline, "_look", lambda table, encoder, dataset, settings: (None, dataset))
    without = quick().fit(numeric())
    assert without.result_.verdict.scores.tolist() == plain.result_.verdict.scores.tolist()
    assert [e.text for e in without.result_.explanations] == [e.text for e in plain.result_.explanations]


def test_the_clean_regime_hears_no_cells() -> None:
    clean = FRAME.drop(FRAME.index[[MISSPELT, FAR, BROKEN]])
    detector = quick(novelty=True).fit(clean)
    assert detector.result_.cells == ()
    assert detector._model.looking is None
    scores = -detector.score_samples(FRAME)
    assert FAR in np.argsort(-scores)[:5]
    with pytest.raises(InvalidInputError):
        detector.cell_evidence(FRAME)


def odd_tables() -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(0)
    n = 60
    number = rng.normal(size=n)
    kinds = rng.choice(["a", "b"], n)
    return {
        "one column of texts": pd.DataFrame({"t": [*rng.choice(["red", "green", "blue"], n - 1), "gren"]}),
        "texts that are all missing": pd.DataFrame({"x": number, "t": pd.Series([None] * n, dtype=object), "k": kinds}),
        "all missing but one": pd.DataFrame({"x": number, "t": [None] * (n - 1) + ["a"]}),
        "more columns than are looked at": pd.DataFrame(
            {f"c{i}": rng.normal(size=n) for i in range(205)} | {"t": kinds}
        ),
        "equal rows": pd.DataFrame({"x": [1.0] * n, "t": ["a"] * n, "y": [*([2.0] * (n - 1)), 9.0]}),
        "numbers beside texts": pd.DataFrame({"x": [*map(str, range(100, 100 + n - 1)), "12x4"], "k": kinds}),
        "braces": pd.DataFrame({"{0}": [*(["{a}"] * (n - 1)), "{b}{"], "x{value": number}),
        "times": pd.DataFrame({"t": pd.date_range("2025-01-01", periods=n, freq="h"), "x": number}),
    }


@pytest.mark.parametrize("name", odd_tables())
@pytest.mark.filterwarnings("ignore")
def test_odd_tables_pass_through(name: str, tmp_path: Path) -> None:
    frame = odd_tables()[name]
    detector = quick(config={"overrides": {"include": ["hbos", "zscore"]}}).fit(frame)
    scores = detector.result_.verdict.scores
    assert np.isfinite(scores).all()
    assert (-detector.score_samples(frame)).tolist() == scores.tolist()
    again = AutonomousDetector.load(detector.save(tmp_path / "model"))
    rows = frame.iloc[[0, 1]]
    assert again.score_samples(rows).tolist() == detector.score_samples(rows).tolist()
    detector.explain(frame, rows=[len(frame) - 1])
    if detector._model.looking is not None:
        assert detector.cell_evidence(frame).bits.shape == frame.shape


def test_two_rows_are_too_few_and_it_is_said() -> None:
    with pytest.raises(InvalidInputError, match="2 rows"):
        quick(config={}).fit(pd.DataFrame({"x": [1.0, 2.0], "t": ["a", "b"]}))


def test_arrays_of_objects_are_looked_at_as_well() -> None:
    X = FRAME.drop(columns="day").to_numpy(dtype=object)
    detector = quick().fit(X)
    assert (-detector.score_samples(X)).tolist() == detector.result_.verdict.scores.tolist()
    assert detector.cell_evidence(X).bits.shape == X.shape
    assert detector.explain(X, rows=[FAR])["column"].iloc[0] == "x2"
    assert MISSPELT in {cell.row for cell in detector.result_.cells}
