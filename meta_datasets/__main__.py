"""``python -m meta_datasets FOLDER`` prints what is known of every table of a folder with an index, as CSV."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pandas as pd

from pynomaly_auto.building import table_facts
from pynomaly_auto.errors import PynomalyError


def main(arguments: list[str]) -> int:
    """Print the facts; the exit status says whether that went well."""
    if len(arguments) != 1:
        print("Usage: python -m meta_datasets FOLDER", file=sys.stderr)
        return 2
    try:
        facts = table_facts(Path(arguments[0]))
    except PynomalyError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    pd.DataFrame([dataclasses.asdict(table) for table in facts]).to_csv(sys.stdout, index=False)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
