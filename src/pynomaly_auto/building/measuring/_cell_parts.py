"""What is kept of a task measured for hearing cells: the task as it is learned from, and its members' raw scores."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from pynomaly_auto import scoring
from pynomaly_auto.ensembling import BaseScores
from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import CellLayout, FloatArray, IntArray, plain, restore


@dataclass(frozen=True, kw_only=True, eq=False)
class CellTask:
    """A labelled table as an ensemble and cell detectors see it.

    Args:
        task: Its name.
        suite: Where it comes from: ``"dirty"``, ``"business"``, ``"planted"``, ``"uci"``, ``"mixed"``.
        group: Its group.
        labels: 1 for an anomaly; shape (n_rows,).
        kinds: Kind of each column.
        layout: Of the evidence.
        bits: Evidence; shape (n_rows, n_cell_features).
        wrong: Which cells are wrong; shape (n_rows, n_columns); None: not known.
        scores: What the ensemble says without cells.
        asked: Cell detectors that were asked, those that have nothing to go by included.
    """

    task: str
    suite: str
    group: str
    labels: IntArray
    kinds: tuple[str, ...]
    layout: CellLayout
    bits: FloatArray = field(repr=False)
    wrong: np.ndarray[Any, np.dtype[np.bool_]] | None = field(default=None, repr=False)
    scores: BaseScores = field(repr=False)
    asked: tuple[str, ...] = ()

    def rows(self, chosen: IntArray) -> CellTask:
        """The same with some of the rows; ranks are taken anew, the evidence is as it was."""
        ranks = [scoring.tail_ranks(column) for column in self.scores.ranks[chosen].T]
        scores = BaseScores(
            final=self.scores.final[chosen], robust=self.scores.robust[chosen], members=self.scores.members,
            ranks=np.column_stack(ranks),
        )  # fmt: skip
        return replace(
            self, labels=self.labels[chosen], bits=self.bits[chosen], scores=scores,
            wrong=None if self.wrong is None else self.wrong[chosen],
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class RawScores:
    """What detectors said of one encoded table, to be used again wherever the same table comes out of the encoder.

    Args:
        digest: Of the encoded table and the seed.
        scores: Name of a detector, as the learned fusion knows it, to its scores, shape (n_rows,); None: it could not
            be fitted.
    """

    digest: str
    scores: dict[str, FloatArray | None] = field(repr=False)


def digest_of(X: FloatArray, seed: int) -> str:
    """What tells one encoded table and seed from another."""
    head = f"{X.shape} {seed} ".encode()
    return hashlib.sha256(head + np.ascontiguousarray(X).tobytes()).hexdigest()[:32]


def write_cell_task(path: Path, task: CellTask) -> None:
    """Keep what was measured, in one step.

    Raises:
        StorageError: It cannot be written.
    """
    head = {name: getattr(task, name) for name in ("task", "suite", "group")}
    head |= {"kinds": list(task.kinds), "layout": plain(task.layout), "members": list(task.scores.members)}
    head["asked"] = list(task.asked)
    arrays = {"labels": task.labels, "bits": task.bits.astype(np.float32)}
    arrays |= {name: getattr(task.scores, name) for name in ("final", "robust", "ranks")}
    if task.wrong is not None:
        arrays["wrong"] = task.wrong
    _write(path, head, arrays)


def read_cell_task(path: Path) -> CellTask:
    """The inverse of `write_cell_task`.

    Raises:
        StorageError: The file is damaged.
    """
    head, arrays = _read(path)
    try:
        scores = BaseScores(
            final=arrays["final"], robust=arrays["robust"], members=tuple(head["members"]), ranks=arrays["ranks"]
        )
        return CellTask(
            task=head["task"], suite=head["suite"], group=head["group"], labels=arrays["labels"].astype(np.int64),
            kinds=tuple(head["kinds"]), layout=restore(CellLayout, head["layout"]),
            bits=arrays["bits"].astype(np.float64), wrong=arrays.get("wrong"), scores=scores,
            asked=tuple(head.get("asked", ())),
        )  # fmt: skip
    except (KeyError, ValueError) as error:
        raise _damaged(path, error) from None


def write_raw_scores(path: Path, raw: RawScores) -> None:
    """Keep what detectors said, in one step.

    Raises:
        StorageError: It cannot be written.
    """
    said = {name: scores for name, scores in raw.scores.items() if scores is not None}
    head = {"digest": raw.digest, "names": list(said), "unfit": [n for n in raw.scores if n not in said]}
    _write(path, head, {"scores": np.column_stack([*said.values()])} if said else {})


def read_raw_scores(path: Path, digest: str) -> RawScores:
    """What is known of a table; nothing where the file is missing, damaged or of another table."""
    try:
        head, arrays = _read(path)
        if head["digest"] == digest:
            said = {name: arrays["scores"][:, i] for i, name in enumerate(head["names"])}
            return RawScores(digest=digest, scores=said | dict.fromkeys(head["unfit"]))
    except (StorageError, KeyError, IndexError):
        pass  # it is measured again
    return RawScores(digest=digest, scores={})


def _write(path: Path, head: dict[str, Any], arrays: dict[str, Any]) -> None:
    draft = path.with_name(f".{path.name}.tmp.npz")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(draft, head=np.array(json.dumps(head)), **arrays)
        draft.replace(path)
    except OSError as error:
        raise StorageError(f"{path.name} cannot be written: {error}.") from None


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            head = json.loads(str(found["head"]))
            return head, {name: np.asarray(found[name]) for name in found.files if name != "head"}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> StorageError:
    return StorageError(f"{path.name} is damaged: {error}.", fix="Delete it; it is measured again.")
