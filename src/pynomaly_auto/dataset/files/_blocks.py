"""Parquet files that are larger than memory: some rows drawn at random, and all rows block by block."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pynomaly_auto._checks import is_whole, path_of
from pynomaly_auto._machine import release_memory
from pynomaly_auto.errors import InvalidInputError, SettingError, StorageError, shown

if TYPE_CHECKING:
    import pyarrow.parquet as pq

BLOCK_ROWS = 100_000


class RowsOnDisk:
    """The rows of a Parquet file, never all of them in memory.

    Args:
        path: The file.

    Raises:
        StorageError: It is not there, or is no Parquet file.
        InvalidInputError: It holds no rows.

    Attributes:
        n_rows: How many there are.
        columns: Names of the columns.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = path_of(path)
        with self._opened() as file:
            self.n_rows = int(file.metadata.num_rows)
            self.columns = tuple(str(name) for name in file.schema_arrow.empty_table().to_pandas().columns)
        if not self.n_rows or not self.columns:
            raise InvalidInputError(f"{self.path.name} holds no rows.", fix="Give a file with data.")

    def blocks(self, size: int = BLOCK_ROWS) -> Iterator[tuple[int, pd.DataFrame]]:
        """Position of the first row of each block, and the block, in the order of the file.

        Args:
            size: Most rows of a block.

        Raises:
            StorageError: The file is damaged, or has vanished.
        """
        import pyarrow as pa

        start = 0
        with self._opened() as file:
            batches = file.iter_batches(batch_size=size, use_threads=False)
            while True:
                try:
                    batch = next(batches, None)
                except (OSError, ValueError) as error:  # pyarrow's ArrowInvalid is a ValueError
                    raise self._unreadable(error) from None
                if batch is None:
                    return
                if not len(batch):
                    continue
                frame = pa.Table.from_batches([batch], file.schema_arrow).to_pandas()
                n_rows = len(frame)
                del batch
                yield start, frame
                start += n_rows
                del frame
                pa.default_memory_pool().release_unused()
                release_memory()

    def sample(self, size: int, *, seed: int) -> pd.DataFrame:
        """Rows drawn at random, each with the same chance, in the order of the file.

        Args:
            size: How many; all where there are no more.
            seed: Of the draw.

        Raises:
            SettingError: The size is no whole number above 1, or the seed none of at least 0.
            StorageError: The file cannot be read.
        """
        if not is_whole(size) or int(size) < 2:
            raise SettingError(f"sample is {shown(size)}.", fix="Give a whole number of rows, such as 200000.")
        if not is_whole(seed) or int(seed) < 0:
            raise SettingError(f"seed is {shown(seed)}.", fix="Give a whole number of at least 0.")
        size = min(int(size), self.n_rows)
        chosen = np.sort(np.random.default_rng(seed).choice(self.n_rows, size, replace=False))
        parts = []
        for start, frame in self.blocks():
            here = chosen[np.searchsorted(chosen, start) : np.searchsorted(chosen, start + len(frame))]
            parts.append(frame.iloc[here - start].set_axis(here, axis=0))
        return pd.concat(parts)

    def _opened(self) -> pq.ParquetFile:
        import pyarrow.parquet as pq

        try:
            return pq.ParquetFile(self.path, pre_buffer=False)
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: Any) -> StorageError:
        first = str(error).strip().split("\n")[0].rstrip(".")
        fix = "Give a Parquet file that is there; only such files are read block by block."
        return StorageError(f"{shown(self.path.name)} cannot be read as Parquet: {first}.", fix=fix)
