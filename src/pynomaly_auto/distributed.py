"""Large tables judged in parts on a Ray cluster, from Parquet to Parquet, in memory that does not grow."""

from __future__ import annotations

import contextlib
import logging
import shutil
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from pynomaly_auto._checks import is_whole, path_of
from pynomaly_auto._machine import ONE_THREAD, release_memory
from pynomaly_auto.errors import (
    DetectorError,
    InvalidInputError,
    PynomalyError,
    SchemaError,
    SettingError,
    StorageError,
    shown,
)  # fmt: skip
from pynomaly_auto.pool import Cluster, Connection
from pynomaly_auto.settings import Settings

if TYPE_CHECKING:
    from pynomaly_auto.engine import AutonomousDetector

OUTCOME = ("score", "probability", "label", "confidence")
_MOST_ROWS = 10**7  # of one batch
_LOGGERS = ("ray", "ray.data")

_KNOWN: dict[str, Any] = {}  # in a worker: the detector that it has judged with last


@dataclass(frozen=True)
class _Part:
    """Some row groups of one file, and where their rows go."""

    source: str
    groups: tuple[int, ...]
    target: str


def score(  # noqa: PLR0913 - the public interface
    detector: AutonomousDetector,
    data: Any,
    output: str | Path,
    *,
    keep: Iterable[str] | None = None,
    batch_rows: int = 65_536,
    address: str | None = None,
    resources_per_part: Mapping[str, float] | None = None,
) -> Path:
    """Judge a table that need not fit into memory, by Ray Data; each row gets what `AutonomousDetector.judge` gives it.

    Added are the columns ``score`` (higher is more anomalous: minus `score_samples`), ``probability`` of being an
    anomaly (`anomaly_score`), ``label`` (-1 for an anomaly, else 1) and ``confidence`` in the label. Rows stay in their
    order, that of the files written sorted by name. Row groups are what is judged side by side: a file that has a
    single one is judged by a single worker, in as little memory.

    Args:
        detector: Fitted.
        data: Path of a Parquet file or of a folder of them, or several paths. All nodes of the cluster must see them.
        output: Folder for the Parquet files, new or empty, which all nodes must see, too.
        keep: Columns of the table that go along; None: all.
        batch_rows: Rows judged at once.
        address: Ray cluster: ``"auto"``, ``"ray://host:port"`` or ``"host:port"``; None: the one that Ray is connected
            to, or that in ``RAY_ADDRESS``, else one of our own until all is written.
        resources_per_part: What a worker takes of it, such as ``{"cpu": 2}``; None: one core.

    Returns:
        The folder.

    Raises:
        SchemaError: The columns are not those fitted on.
        SettingError: An argument cannot be used.
        InvalidInputError: There is no Parquet file, or one cannot be read.
        StorageError: The folder has files already, or cannot be written.
        ResourceError: No such cluster answers.
        MissingExtraError: Ray is not installed.
    """
    asked = Settings(backend="ray", address=address, resources_per_trial=resources_per_part)
    if not is_whole(batch_rows) or not 1 <= batch_rows <= _MOST_ROWS:
        raise SettingError(f"batch_rows is {shown(batch_rows)}.", fix=f"Give a whole number from 1 to {_MOST_ROWS:,}.")
    names = _names(detector)
    files = _files(data)
    schema = _schema(files, names)
    kept = _kept(keep, schema)
    folder, ours = _folder(output)
    parts = list(_parts(files, int(batch_rows), folder))
    connection: Connection | None = None
    try:
        connection = Connection(Cluster(address=asked.address, resources=asked.resources_per_trial or {}), None)
        with _silent():
            _carry_out(detector, parts, _Judging(names, kept, int(batch_rows)), connection, asked)
    except BaseException:
        if connection is not None:
            connection.close()  # first, as nothing is to be written any more
        for part in parts:
            Path(part.target).unlink(missing_ok=True)
        if ours:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    connection.close()
    return folder


def _carry_out(
    detector: AutonomousDetector, parts: list[_Part], judging: _Judging, connection: Connection, asked: Settings
) -> None:
    import ray.data

    takes = Cluster(resources=asked.resources_per_trial or {}).of_trial(gpu=connection.with_gpu > 0)
    reference = ray.put(detector)
    rows = ray.data.from_items([{"part": part} for part in parts], override_num_blocks=len(parts))
    try:
        rows.map(
            judging.part, fn_kwargs={"detector": [reference]}, num_cpus=takes.pop("CPU"),
            num_gpus=takes.pop("GPU", None), max_retries=1, **({"resources": takes} if takes else {}),
        ).materialize()  # fmt: skip
    except ray.exceptions.RayError as error:
        raise _told(error) from None


@dataclass(frozen=True)
class _Judging:
    """What is done with a part.

    Args:
        names: Columns fitted on; None: all, as they stand.
        kept: Columns that go along.
        batch_rows: Rows at once.
    """

    names: tuple[str, ...] | None
    kept: tuple[str, ...]
    batch_rows: int

    def part(self, row: dict[str, Any], detector: list[Any]) -> dict[str, Any]:
        """In a worker: judge one part and write it, whole or not at all."""
        part, known = row["part"], self._detector(detector[0])
        target = Path(part.target)
        unfinished = target.with_name(f".{target.name}.unfinished")
        n_rows, writer = 0, None
        try:
            with ONE_THREAD, pq.ParquetFile(part.source) as source:
                for batch in source.iter_batches(self.batch_rows, row_groups=list(part.groups)):
                    judged = self._judged(pa.Table.from_batches([batch]), known)
                    writer = writer or pq.ParquetWriter(unfinished, judged.schema)
                    writer.write_table(judged)
                    n_rows += len(judged)
            if writer is not None:
                writer.close()
                unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)
            release_memory()
        return {"rows": n_rows}

    def _judged(self, table: pa.Table, detector: Any) -> pa.Table:
        given = table if self.names is None else table.select(list(self.names))
        found = detector.judge(given.to_pandas())
        out = table.select(list(self.kept))
        columns = (found.scores, found.probabilities, found.labels, found.confidence)
        for name, values in zip(OUTCOME, columns, strict=True):
            out = out.append_column(name, pa.array(values))
        return out

    @staticmethod
    def _detector(reference: Any) -> Any:
        import ray

        key = reference.hex()
        if key not in _KNOWN:
            _KNOWN.clear()
            _KNOWN[key] = ray.get(reference)
        return _KNOWN[key]


def _names(detector: AutonomousDetector) -> tuple[str, ...] | None:
    """The columns fitted on, where they have names."""
    from pynomaly_auto.engine import fitted_one

    fitted_one(detector)
    names = getattr(detector, "feature_names_in_", None)
    return None if names is None else tuple(map(str, names))


def _files(data: Any) -> list[Path]:
    given = [data] if isinstance(data, (str, Path)) else data
    several = isinstance(given, Iterable) and not isinstance(given, (bytes, Mapping))
    given = list(given) if several else []
    if not several or not all(isinstance(path, (str, Path)) for path in given):
        raise InvalidInputError(
            f"data is {shown(data)}.", fix="Give the path of a Parquet file, of a folder, or several."
        )
    files: list[Path] = []
    for path in map(path_of, given):
        files += sorted(p for p in path.rglob("*.parquet") if p.name[0] not in "._") if path.is_dir() else [path]
    if not files:
        raise InvalidInputError(f"{shown(data)} has no Parquet file.", fix="Give files that end in .parquet.")
    return files


def _schema(files: list[Path], names: tuple[str, ...] | None) -> pa.Schema:
    """The columns that all files have in common, which must be all that is needed."""
    first = None
    for path in files:
        try:
            found = pq.read_schema(path)
        except (OSError, pa.ArrowException) as error:
            raise InvalidInputError(
                f"{path.name!r} cannot be read: {str(error).rstrip('.')}.", fix="Give Parquet files."
            ) from None
        first = first or found
        missing = [name for name in (names or first.names) if name not in found.names]
        if missing:
            raise SchemaError(f"{path.name!r} lacks the column {missing[0]!r}.", fix="Give the columns fitted on.")
    assert first is not None
    return first


def _kept(keep: Iterable[str] | None, schema: pa.Schema) -> tuple[str, ...]:
    if isinstance(keep, str):
        keep = [keep]
    if keep is not None and not isinstance(keep, Iterable):
        raise SettingError(f"keep is {shown(keep)}.", fix="Give names of columns, or None for all.")
    kept = tuple(schema.names) if keep is None else tuple(keep)
    unknown = [name for name in kept if name not in schema.names]
    if unknown:
        raise SettingError(
            f"keep names {shown(unknown[0])}, which is no column.", fix=f"There are {shown(schema.names)}."
        )
    taken = [name for name in kept if name in OUTCOME]
    if taken:
        raise SettingError(
            f"the table has a column {taken[0]!r}, as the output is to have.", fix="Leave it out of keep, or rename it."
        )
    return kept


def _folder(output: str | Path) -> tuple[Path, bool]:
    """The folder to write into, absolute, and whether it was made here."""
    folder = path_of(output).absolute()
    try:
        made = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise StorageError(f"{str(output)!r} has files already.", fix="Give a folder that is new or empty.")
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"{str(output)!r} cannot be written: {error}.", fix="Give another folder.") from None
    return folder, made


def _parts(files: list[Path], batch_rows: int, folder: Path) -> Iterator[_Part]:
    """Row groups put together to a batch at least, in their order."""
    number = 0
    for path in files:
        metadata = pq.read_metadata(path)
        groups: list[int] = []
        rows = 0
        for group in range(metadata.num_row_groups):
            groups.append(group)
            rows += metadata.row_group(group).num_rows
            if rows >= batch_rows or group == metadata.num_row_groups - 1:
                yield _Part(str(path.absolute()), tuple(groups), str(folder / f"part-{number:06d}.parquet"))
                number, groups, rows = number + 1, [], 0


def _told(error: BaseException) -> PynomalyError:
    """Our own error, where one of ours is what went wrong in a worker."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, PynomalyError):
            return cause
        cause = getattr(cause, "cause", None) or cause.__cause__
    text = " ".join(str(error).split())
    return DetectorError(f"a part could not be judged: {text[-400:]}", where="distributed scoring")


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Ray Data reports its plan, its progress and its end; nobody has asked."""
    import ray.data

    context = ray.data.DataContext.get_current()
    bars, context.enable_progress_bars = context.enable_progress_bars, False
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            # Of max_retries: without it a part that ends its worker would be begun again for ever.
            warnings.filterwarnings("ignore", message=".*ray_remote_args")
            yield
    finally:
        context.enable_progress_bars = bars
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
