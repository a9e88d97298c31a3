"""What was saved comes back as it was: scores, labels, record, for every kind of table and of member."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from pynomaly_auto import AutonomousDetector
from pynomaly_auto.errors import StorageError, UntrustedError
from pynomaly_auto.settings import Settings
from tests.engine.conftest import quick
from tests.engine.foreign import registered

RNG = np.random.default_rng(0)
N = 120


def frame(index: Any = None) -> pd.DataFrame:
    """Columns of every common kind, with the given index."""
    table = pd.DataFrame(
        {
            "amount": np.random.default_rng(1).lognormal(size=N),
            "noise": np.random.default_rng(2).normal(size=N),
            "shop": np.random.default_rng(3).choice(list("xyz"), N),
            "when": pd.date_range("2025-01-01", periods=N, freq="h", tz="Europe/Berlin"),
            "took": pd.to_timedelta(np.random.default_rng(4).integers(0, 999, N), unit="s"),
            "ok": np.random.default_rng(5).random(N) > 0.2,
        },
        index=index,
    )
    table.iloc[3, 0], table.iloc[5, 1] = 999.0, np.nan
    return table


TOKYO, BERLIN = pd.Timestamp("2024-01-01", tz="Asia/Tokyo"), pd.Timestamp("2024-01-01", tz="Europe/Berlin")
TABLES: dict[str, Any] = {
    "numpy": np.random.default_rng(0).normal(size=(N, 4)),
    "range": frame(),
    "duplicates": frame([0, 1] * (N // 2)),
    "time zone": frame(pd.date_range("2024-01-01", periods=N, tz="Asia/Tokyo")),
    "time zones": frame(pd.Index([TOKYO, BERLIN, pd.NaT] * (N // 3), dtype=object)),
    "tuples": frame(pd.MultiIndex.from_product([range(N // 2), ["a", BERLIN]])),
    "mixed": frame(
        pd.Index([1, "a", None, 2.5, float("nan"), True, TOKYO.date(), TOKYO - BERLIN] * (N // 8), dtype=object)
    ),
    "unknown": frame(pd.Index([object, 1] * (N // 2), dtype=object)),
    "periods": frame(pd.period_range("2024-01-01", periods=N, freq="D")),
    "odd column names": frame().rename(columns={"amount": 1, "noise": ("t", 2)}),
}


def assert_same(one: AutonomousDetector, other: AutonomousDetector, X: Any, folder: Path) -> None:
    """Both judge, tell and show the same."""
    for method in ("score_samples", "predict", "anomaly_score", "confidence"):
        np.testing.assert_array_equal(getattr(one, method)(X), getattr(other, method)(X))
    assert one.result_.to_dict() == other.result_.to_dict()
    pd.testing.assert_frame_equal(one.leaderboard(), other.leaderboard())
    pd.testing.assert_frame_equal(one.explain_decisions(), other.explain_decisions())
    pd.testing.assert_frame_equal(one.explain(X, rows=[3]), other.explain(X, rows=[3]))
    texts = [d.report(folder / "report.html").read_text(encoding="utf-8") for d in (one, other)]
    assert texts[0] == texts[1]
    assert one.get_params() == other.get_params()


@pytest.mark.parametrize("kind", TABLES)
def test_every_kind_of_table(kind: str, tmp_path: Path) -> None:
    X = TABLES[kind]
    detector = quick(n_trials=2, contamination=0.05, novelty=kind == "range").fit(X)
    loaded = AutonomousDetector.load(detector.save(tmp_path / "model"))
    assert_same(detector, loaded, X, tmp_path)
    if kind != "unknown":  # labels of a kind nobody has foreseen come back as text
        pd.testing.assert_frame_equal(detector.result_.anomalies, loaded.result_.anomalies)
    for each in (detector, loaded):
        each.set_contamination(0.1)
    assert_same(detector, loaded, X, tmp_path)


@pytest.mark.parametrize(
    "member",
    ["fair_cut_forest", "autoencoder", "gradient_boosting_residuals", "knn", "lof", "gmm", "ocsvm_nystroem"],
)
def test_every_kind_of_member(member: str, tmp_path: Path) -> None:
    X, new = frame(), frame().assign(amount=lambda t: t["amount"] * 1.01)
    detector = quick(n_trials=1, config={"overrides": {"include": [member]}}).fit(X)
    assert [m.detector for m in detector.ensemble_.members] == [member]
    loaded = AutonomousDetector.load(detector.save(tmp_path / "model"))
    assert_same(detector, loaded, X, tmp_path)
    np.testing.assert_array_equal(detector.score_samples(new), loaded.score_samples(new))


def test_loads_in_a_fresh_process(fitted: AutonomousDetector, table: pd.DataFrame, tmp_path: Path) -> None:
    fitted.save(tmp_path / "model")
    table.to_pickle(tmp_path / "table.pkl")
    code = (
        "import pandas as pd; from pynomaly_auto import AutonomousDetector; "
        "print(AutonomousDetector.load('model').score_samples(pd.read_pickle('table.pkl')).sum().hex())"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == fitted.score_samples(table).sum().hex()


def test_anything_altered_is_noticed_before_loading(
    fitted: AutonomousDetector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fitted.save(tmp_path / "model")
    monkeypatch.setattr("pynomaly_auto.engine._storage.load_detector", None)
    monkeypatch.setattr("pynomaly_auto.storing._store._read_json", None)
    for path in [p for p in folder.rglob("*") if p.is_file()]:
        kept = path.read_bytes()
        path.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
        with pytest.raises(StorageError):
            AutonomousDetector.load(folder)
        path.write_bytes(kept)


def test_a_strangers_type_needs_trust(tmp_path: Path) -> None:
    X = RNG.normal(size=(60, 3))
    with registered("distance") as names:
        detector = quick(n_trials=1, config={"overrides": {"include": names}}).fit(X)
        folder = detector.save(tmp_path / "model")
        with pytest.raises(UntrustedError, match="Distance"):
            AutonomousDetector.load(folder)
        for trusted in (True, ["tests.engine.foreign.Distance"]):
            loaded = AutonomousDetector.load(folder, trusted=trusted)
            np.testing.assert_array_equal(loaded.score_samples(X), detector.score_samples(X))
    with pytest.raises(StorageError, match="not registered"):
        AutonomousDetector.load(folder, trusted=True)


def test_where_it_may_be_saved(fitted: AutonomousDetector, table: pd.DataFrame, tmp_path: Path) -> None:
    folder = fitted.save(tmp_path / "model")
    other = quick(n_trials=2).fit(table)
    other.save(folder)  # over an earlier one
    np.testing.assert_array_equal(AutonomousDetector.load(folder).score_samples(table), other.score_samples(table))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("cat")
    with pytest.raises(StorageError, match="something else"):
        fitted.save(tmp_path / "photos")
    for nothing in ("photos", "nowhere"):
        with pytest.raises(StorageError, match="manifest"):
            AutonomousDetector.load(tmp_path / nothing)
    assert (tmp_path / "photos" / "cat.jpg").read_text() == "cat"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model", "photos"]


@pytest.mark.parametrize("kind", ["mapping", "settings", "file", "lost file"])
def test_a_loaded_detector_can_be_fitted_again(kind: str, table: pd.DataFrame, tmp_path: Path) -> None:
    said: dict[str, Any] = {"overrides": {"include": ["hbos", "zscore"]}, "max_models": 1}
    file = tmp_path / "config.toml"
    file.write_text('max_models = 1\n[overrides]\ninclude = ["hbos", "zscore"]\n')
    config = {"mapping": said, "settings": Settings.from_mapping(said)}.get(kind, file)
    detector = quick(n_trials=2, config=config).fit(table)
    if kind == "lost file":
        file.unlink()
    loaded = AutonomousDetector.load(detector.save(tmp_path / "model"))
    assert loaded.config["max_models"] == 1
    again = clone(loaded).fit(table)
    np.testing.assert_array_equal(again.score_samples(table), detector.score_samples(table))
    assert loaded.set_params(n_trials=1).fit(table).result_.settings["n_trials"] == 1
