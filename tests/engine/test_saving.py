"""What was saved comes back as it was: scores, labels, record, for every kind of table and of member."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from pynomaly_auto import AutonomousDetector
from pynomaly_auto.dataset import read_table
from pynomaly_auto.errors import SettingError, StorageError, UntrustedError
from pynomaly_auto.settings import Settings
from tests.engine.conftest import quick
from tests.engine.foreign import registered
from tests.storing.forging import Forged

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
    "intervals": frame(pd.interval_range(0, N)),
    "odd column names": frame().rename(columns={"amount": 1, "noise": ("t", 2)}),
    "odd cells": frame().assign(
        half=np.random.default_rng(6).normal(size=N).astype(np.float16),
        years=np.random.default_rng(7).integers(1900, 2000, N).astype(str).astype("M8[Y]"),
        nullable=pd.array(np.random.default_rng(8).integers(0, 9, N), dtype="Int64"),
        price=[Decimal(i % 7) for i in range(N)],
        sort=pd.Categorical(["a", "b", None] * (N // 3)),
        objects=pd.Series([1, "a", 2.5, None] * (N // 4), dtype=object),
        span=pd.arrays.IntervalArray.from_breaks(range(N + 1)),
    ),
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


def test_anything_altered_is_noticed_before_unpacking(
    fitted: AutonomousDetector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fitted.save(tmp_path / "model")
    monkeypatch.setattr("pynomaly_auto.storing._store.json_of", None)
    data = path.read_bytes()
    for at in range(0, len(data), max(1, len(data) // 200)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(StorageError):
            AutonomousDetector.load(path)


def test_a_strangers_detector_needs_trust_both_ways(tmp_path: Path) -> None:
    X = RNG.normal(size=(60, 3))
    with registered("distance") as names:
        detector = quick(n_trials=1, config={"overrides": {"include": names}}).fit(X)
        with pytest.raises(UntrustedError, match="Distance"):
            detector.save(tmp_path / "model")
        assert not (tmp_path / "model").exists()
        path = detector.save(tmp_path / "model", trusted=True)
        for trusted in (False, [], ["another.Type"]):
            with pytest.raises(UntrustedError, match="Distance"):
                AutonomousDetector.load(path, trusted=trusted)
        for trusted in (True, ["tests.engine.foreign.Distance"]):
            loaded = AutonomousDetector.load(path, trusted=trusted)
            np.testing.assert_array_equal(loaded.score_samples(X), detector.score_samples(X))
    with pytest.raises(StorageError, match="not registered"):
        AutonomousDetector.load(path, trusted=True)


def test_signed(fitted: AutonomousDetector, table: pd.DataFrame, tmp_path: Path) -> None:
    path = fitted.save(tmp_path / "model", key="secret")
    loaded = AutonomousDetector.load(path, key=b"secret")
    np.testing.assert_array_equal(loaded.score_samples(table), fitted.score_samples(table))
    assert loaded.result_.warnings == fitted.result_.warnings
    unchecked = AutonomousDetector.load(path).result_.warnings[-1]
    assert unchecked.code == "STO-002"
    with pytest.raises(StorageError, match="does not fit the key"):
        AutonomousDetector.load(path, key="guess")
    with pytest.raises(StorageError, match="not signed"):
        AutonomousDetector.load(fitted.save(tmp_path / "model"), key="secret")


def _without_seed(document: dict[str, Any]) -> None:
    del document["result"]["values"]["settings"]["random_state"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["result"].update(values={}), r"Result\.settings is missing"),
        (lambda d: d["verdict"]["values"].update(threshold="high"), r"Verdict\.threshold is 'high'"),
        (lambda d: d["verdict"]["values"].update(threshold=None), "no such numbers"),
        (lambda d: d["verdict"]["values"].update(contamination=7), "no such numbers"),
        (lambda d: d["verdict"]["values"].pop("method"), r"Verdict\.method is missing"),
        (lambda d: d["verdict"]["arrays"].update(scores=d["verdict"]["arrays"]["labels"]), "'scores' has type"),
        (lambda d: d["verdict"]["arrays"].update(labels=d["verdict"]["arrays"]["scores"]), "'labels' has type"),
        (lambda d: d["verdict"]["arrays"].update(scores=d["verdict"]["arrays"]["knots"]), "differ in length"),
        (lambda d: d["seen"]["arrays"].update(scores=d["verdict"]["arrays"]["knots"]), "out of order"),
        (lambda d: d["reference"]["values"].update(sources=[0]), "differ in size"),
        (lambda d: d["reference"]["values"].update(features="abc"), r"Dataset\.features is 'abc'"),
        (lambda d: d["cells"]["values"].update(columns=["a"]), "differ in number"),
        (lambda d: d["cells"]["values"].update(columns=[1]), "no names"),
        (lambda d: d["cells"]["values"].update(columns=["a"] * 5), "twice"),
        (lambda d: d["params"]["values"].update({"__class__": "os.system"}), "no parameter '__class__'"),
        (lambda d: d["encoder"]["values"].update(version=99), "format 99"),
        (lambda d: d["ensemble"]["values"]["record"].update(members=[]), "one finite number per member"),
        (lambda d: d["ensemble"]["values"]["record"]["members"][0].update(detector="os"), "'os', which is not"),
        (lambda d: d["ensemble"]["values"]["record"]["members"][0].update(detector=["os"]), "instead of text"),
        (lambda d: d["ensemble"]["values"]["record"]["members"][0].update(params=[]), "instead of a mapping"),
        (lambda d: d.pop("member.0"), "'member.0' is missing"),
        (lambda d: d.update({"member.0": d["member.1"]}), "is stored, not"),
        (_without_seed, "seed is no whole number"),
    ],
)  # fmt: skip
def test_crafted_documents(fitted: AutonomousDetector, tmp_path: Path, change: Any, message: str) -> None:
    forged = Forged.of(fitted.save(tmp_path / "model"))
    document = forged.document
    change(document)
    forged.set_document(document).write(tmp_path / "model")
    with pytest.raises(StorageError, match=message) as error:
        AutonomousDetector.load(tmp_path / "model")
    assert "model" in str(error.value)


def test_it_holds_another_thing(fitted: AutonomousDetector, tmp_path: Path) -> None:
    forged = Forged.of(fitted.save(tmp_path / "model"))
    forged.manifest["kind"] = "Monitor"
    with pytest.raises(StorageError, match="holds a Monitor"):
        AutonomousDetector.load(forged.write(tmp_path / "model"))


def test_where_it_may_be_saved(fitted: AutonomousDetector, table: pd.DataFrame, tmp_path: Path) -> None:
    path = fitted.save(tmp_path / "new" / "model.pynomaly")
    other = quick(n_trials=2).fit(table)
    other.save(path)  # over an earlier one
    np.testing.assert_array_equal(AutonomousDetector.load(path).score_samples(table), other.score_samples(table))
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "manifest.json").write_text("{}")
    (tmp_path / "cat.jpg").write_text("cat")
    for name, why in (("old", "older release"), ("new", "is a folder"), ("cat.jpg", "something else")):
        with pytest.raises(StorageError, match=why):
            fitted.save(tmp_path / name)
    for name, why in (("old", "older release"), ("new", "is no file"), ("cat.jpg", "not written"), ("no", "no file")):
        with pytest.raises(StorageError, match=why):
            AutonomousDetector.load(tmp_path / name)
    assert (tmp_path / "cat.jpg").read_text() == "cat"
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["cat.jpg", "manifest.json", "model.pynomaly", "new", "old"]


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


def test_what_is_no_path_and_no_trust_is_one_error(tmp_path: Path) -> None:
    detector = quick().fit(TABLES["numpy"])
    for path in (None, 3, b"model", ["model"], object()):
        for use in (detector.save, AutonomousDetector.load, detector.report, read_table, Settings.from_file):
            with pytest.raises(
                SettingError, match=r"the path is .* \(in path\)\. Give it as text or as a pathlib\.Path"
            ):
                use(path)
    saved = detector.save(tmp_path / "model")
    for trusted in (3, None, [3], {"a": True}, b"a", 1.0):
        with pytest.raises(SettingError, match=r"trusted is .*Give True, False, or"):
            AutonomousDetector.load(saved, trusted=trusted)
        with pytest.raises(SettingError, match="trusted is"):
            detector.save(saved, trusted=trusted)
    for trusted in (True, np.False_, "a.Type", ("a.Type",), {"a.Type"}):
        assert AutonomousDetector.load(saved, trusted=trusted).threshold_ == detector.threshold_
