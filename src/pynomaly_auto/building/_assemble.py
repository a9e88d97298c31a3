"""From finished parts to a knowledge base: the tables, the learned models, the manifest."""

from __future__ import annotations

import datetime
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from pynomaly_auto import _optional
from pynomaly_auto._version import __version__
from pynomaly_auto.building.learning._train import Learned, train
from pynomaly_auto.building.measuring._parts import DEFAULT, METRICS, TRAIN_SCORES, read_part
from pynomaly_auto.building.tasks._sources import Task
from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.errors import StorageError
from pynomaly_auto.knowledge import (
    MANIFEST,
    RESULTS,
    TASKS,
    DetectorFacts,
    Manifest,
    ModelCard,
    read_manifest,
    sha256,
    write_manifest,
)
from pynomaly_auto.models import STATISTIC, Scaling

_PACKAGES = ("numpy", "scipy", "pandas", "scikit-learn", "pyod", "lightgbm", "optuna", "isotree", "torch")
_MODELS = "models"
_SAID = ("suite", "group", "domain", "source", "licence")


class Tables(NamedTuple):
    """The two tables of a knowledge base: one row per task, and one row per measured fit."""

    tasks: pd.DataFrame
    results: pd.DataFrame


def parts_tables(parts: Iterable[Path]) -> Tables:
    """The tasks and results tables of part files, without score vectors.

    Raises:
        StorageError: A part is damaged.
    """
    records, results = [], []
    for path in parts:
        record, table = read_part(path)
        records.append(record)
        results.append(table.drop(columns=["scores", TRAIN_SCORES], errors="ignore"))
    return Tables(tasks=pd.DataFrame(records), results=pd.concat(results, ignore_index=True))


def described(tasks: pd.DataFrame, now: Iterable[Task]) -> pd.DataFrame:
    """The tasks table with what is said of the tasks now: a part knows what the registry said when it was measured."""
    said = {t.name: t for t in now}
    columns = {
        column: [
            getattr(said[name], column) if name in said else old
            for name, old in zip(tasks["task"], tasks[column], strict=True)
        ]
        for column in _SAID
    }
    return tasks.assign(**columns)


def union(old: Tables, new: Tables) -> Tables:
    """Both together; a task in both is taken from the new one."""
    again = set(new.tasks["task"])
    kept = Tables(*(table[~table["task"].isin(again)] for table in old))
    return Tables(*(pd.concat(both, ignore_index=True) for both in zip(kept, new, strict=True)))


def assemble(
    tables: Tables, out: Path, *, seed: int, max_rows: int, learned: Mapping[str, Learned] | None = None
) -> Manifest:
    """Write a knowledge base: tables, models, manifest.

    Everything is written beside the target first and put in place at the end, so that a build that is killed here
    leaves the old base intact.

    Args:
        tables: What is in it.
        out: The base's folder.
        seed: Seed of the training.
        max_rows: Rows tables were capped at, for the record.
        learned: Models made elsewhere, by name: those over rows, which the tables do not hold.

    Raises:
        StorageError: Nothing can be written there.
    """
    tasks, results = tables
    tasks = tasks.sort_values("task", kind="stable").reset_index(drop=True)
    results = results.sort_values(["task", "detector", "config"], kind="stable").reset_index(drop=True)
    results = _compact(results)
    families = {name: DETECTORS[name].family for name in results["detector"].unique() if name in DETECTORS}
    facts = detector_facts(results, families)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        try:
            tasks.to_parquet(draft / TASKS, compression="zstd", index=False)
            results.to_parquet(draft / RESULTS, compression="zstd", index=False)
            models = _write_models({**train(tasks, results, facts, seed=seed), **(learned or {})}, draft)
            manifest = Manifest(
                created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                versions=_versions(),
                sources=tuple(sorted({str(s) for s in tasks["source"]})),
                seed=seed,
                max_rows=max_rows,
                n_tasks=len(tasks),
                n_results=len(results),
                files={p.relative_to(draft).as_posix(): sha256(p) for p in sorted(draft.rglob("*")) if p.is_file()},
                detectors=facts,
                scaling=Scaling.of(tasks),
                models=models,
            )
            write_manifest(draft, manifest)
            _put_in_place(draft, out)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise StorageError(f"the knowledge base {str(out)!r} cannot be written: {error}.") from None
    return manifest


def put_models(out: Path, learned: Mapping[str, Learned]) -> Manifest:
    """Put models into an intact knowledge base beside those that it has; of one name the new one stays.

    Args:
        out: The base's folder.
        learned: The models, by name.

    Raises:
        StorageError: The base is damaged, or nothing can be written there.
    """
    manifest = read_manifest(out)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as folder:
            draft = Path(folder)
            cards = _write_models(learned, draft)
            written = sorted(p for p in draft.rglob("*") if p.is_file())
            files = {p.relative_to(draft).as_posix(): sha256(p) for p in written}
            gone = {f for name in cards for f in getattr(manifest.models.get(name), "files", {}).values()} - set(files)
            kept = {name: digest for name, digest in manifest.files.items() if name not in gone}
            found = replace(manifest, models={**manifest.models, **cards}, files=kept | files)
            for path in written:
                path.replace(out / path.relative_to(draft))
            write_manifest(out, found)
            for name in gone:
                (out / name).unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"the knowledge base {str(out)!r} cannot be written: {error}.") from None
    return found


def detector_facts(results: pd.DataFrame, families: Mapping[str, str]) -> dict[str, DetectorFacts]:
    """What each detector reached with its defaults over all tasks.

    Compared as they stand, means would favour detectors that fail on the hard tables; a detector's mean is
    therefore taken relative to the median detector of each task, and laid back onto the scale of ROC-AUC.
    """
    done = results[(results["status"] == "completed") & (results["config"] == DEFAULT)].dropna(subset=["roc_auc"])
    level = done.groupby("task")["roc_auc"].transform("median")
    overall = float(done.groupby("task")["roc_auc"].median().mean()) if len(done) else 0.5
    out = {}
    for name, part in done.assign(lead=done["roc_auc"] - level).groupby("detector", sort=True):
        low, high = part["roc_auc"].quantile([0.05, 0.95])
        out[str(name)] = DetectorFacts(
            family=families.get(str(name), "unknown"),
            mean=float(min(1.0, max(0.0, overall + part["lead"].mean()))),
            low=float(low),
            high=float(high),
            tasks=len(part),
        )
    return out


def _compact(results: pd.DataFrame) -> pd.DataFrame:
    """Single precision where nothing is lost by it, and errors cut short: the base ships in the wheel."""
    numbers = [c for c in results.columns if c.startswith(STATISTIC) or c in {*METRICS, "seconds", "memory_mb"}]
    return results.astype(dict.fromkeys(numbers, "float32")).assign(error=results["error"].str.slice(0, 120))


def _write_models(learned: Mapping[str, Learned], draft: Path) -> dict[str, ModelCard]:
    (draft / _MODELS).mkdir()
    cards = {}
    for name, model in learned.items():
        files = {}
        for role, text in model.boosters.items():
            files[role] = f"{_MODELS}/{name}_{role}.txt"
            (draft / files[role]).write_text(text, encoding="utf-8")
        cards[name] = model.card(files)
    return cards


def _put_in_place(draft: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    # The manifest goes first and comes last: in between there is no base rather than a mixed one.
    (out / MANIFEST).unlink(missing_ok=True)
    for stale in (out / _MODELS).glob("*.txt"):
        stale.unlink()
    for path in sorted(p for p in draft.rglob("*") if p.is_file() and p.name != MANIFEST):
        target = out / path.relative_to(draft)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
    (draft / MANIFEST).replace(out / MANIFEST)


def _versions() -> dict[str, Any]:
    return {"pynomaly-auto": __version__, **_optional.versions(_PACKAGES)}
