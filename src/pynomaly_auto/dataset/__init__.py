"""Tables in, records out: reading files, reading any kind of table, and encoding its columns for the detectors."""

from pynomaly_auto.dataset._encoder import TableEncoder
from pynomaly_auto.dataset._equal import EqualRows, fingerprints
from pynomaly_auto.dataset._labels import read_labels, value_for_each
from pynomaly_auto.dataset._table import Table, labels_of, open_table, to_frame
from pynomaly_auto.dataset._values import read_values
from pynomaly_auto.dataset._zones import is_zone
from pynomaly_auto.dataset.files import BLOCK_ROWS, RowsOnDisk, read_table

__all__ = [
    "BLOCK_ROWS", "EqualRows", "RowsOnDisk", "Table", "TableEncoder", "fingerprints", "is_zone", "labels_of",
    "open_table", "read_labels", "read_table", "read_values", "to_frame", "value_for_each",
]  # fmt: skip
