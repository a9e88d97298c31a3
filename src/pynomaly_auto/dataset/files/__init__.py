"""Files in, frames out: every kind of file that holds a table, however it is laid out."""

from pynomaly_auto.dataset.files._blocks import BLOCK_ROWS, RowsOnDisk
from pynomaly_auto.dataset.files._reading import EXTENSIONS, read_table

__all__ = ["BLOCK_ROWS", "EXTENSIONS", "RowsOnDisk", "read_table"]
