"""Part files: what is kept of one finished task, score vectors included."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pynomaly_auto.errors import StorageError
from pynomaly_auto.models import META
from pynomaly_auto.records import Configuration

DEFAULT = "default"
_RECORD = b"pynomaly_task"
TRAIN_SCORES = "train_scores"  # of the rows fitted on, where others are judged
METRICS = ("roc_auc", "average_precision", "f1_at_n", "precision_at_n")


def label(configuration: Configuration) -> str:
    """What parts call a configuration beside its detector: ``"default"`` or a short hash of its parameters."""
    if not configuration.params:
        return DEFAULT
    text = json.dumps(dict(configuration.params), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def mark(configuration: Configuration) -> tuple[str, str]:
    """What identifies a measurement within a task: the detector and the configuration's `label`."""
    return configuration.detector, label(configuration)


def read_part(path: Path) -> tuple[dict[str, Any], pd.DataFrame]:
    """A part's task record and its results, with the ``scores`` column (novelty: and that of `TRAIN_SCORES`).

    Raises:
        StorageError: The file is damaged.
    """
    try:
        table = pq.read_table(path)
        record = json.loads(table.schema.metadata[_RECORD])
    except (OSError, KeyError, TypeError, ValueError, pa.ArrowException) as error:
        raise StorageError(f"part {path.name!r} is damaged: {error}.", fix="Delete it and build again.") from None
    values = {k: float("nan") if v is None and k.startswith(META) else v for k, v in record.items()}
    return values, table.to_pandas()


def slug(name: str) -> str:
    """A file name for a task: readable, and different for different names."""
    kept = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)[:80]
    return f"{kept}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def write_part(path: Path, record: dict[str, Any], table: pd.DataFrame) -> None:
    """Write a part in one step: a killed build leaves a whole one or none."""
    plain = {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in record.items()}
    vectors = [name for name in ("scores", TRAIN_SCORES) if name in table]
    body = pa.Table.from_pandas(table.drop(columns=vectors), preserve_index=False)
    for name in vectors:
        values = [None if s is None else np.asarray(s, dtype=np.float32) for s in table[name]]
        body = body.append_column(name, pa.array(values, type=pa.list_(pa.float32())))
    body = body.replace_schema_metadata({**(body.schema.metadata or {}), _RECORD: json.dumps(plain).encode()})
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    pq.write_table(body, draft, compression="zstd")
    draft.replace(path)
