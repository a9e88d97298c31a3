"""The demo's table: cell nuclei of 357 benign tumours and 25 malignant ones, from the data that scikit-learn ships.

``python -m meta_datasets.demo FILE`` writes the table without its labels; ``--check ANOMALIES`` says later how many
of the rows found are malignant.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer

_MALIGNANT = 25


def tumours() -> tuple[pd.DataFrame, np.ndarray]:
    """The table, shape (382, 30), and its labels, 1 = malignant, shape (382,).

    Source: W. N. Street, W. H. Wolberg, O. L. Mangasarian (1993), as shipped with scikit-learn (CC BY 4.0).
    """
    bunch = load_breast_cancer(as_frame=True)
    malignant = np.flatnonzero(bunch.target.to_numpy() == 0)[:_MALIGNANT]
    rows = np.sort(np.concatenate([np.flatnonzero(bunch.target.to_numpy() == 1), malignant]))
    return bunch.data.iloc[rows].reset_index(drop=True), np.isin(rows, malignant).astype(int)


def main(arguments: list[str]) -> None:
    """Write the table, or check what was found."""
    table, malignant = tumours()
    if arguments[0] == "--check":
        found = pd.read_csv(arguments[1])["row"].to_numpy()
        hits = int(malignant[found].sum())
        print(f"Of the {len(found)} rows found, {hits} are malignant ({malignant.sum()} of {len(table)} rows are).")
    else:
        table.to_csv(Path(arguments[0]), index=False)
        print(f"Wrote {len(table)} rows of cell nuclei measurements, without labels, to {arguments[0]}.")


if __name__ == "__main__":
    main(sys.argv[1:])
