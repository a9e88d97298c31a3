"""``python -m meta_datasets.synthetic SOURCES -o DIR --tables 200 --seed 0`` writes generated tables and an index."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from meta_datasets.synthetic.generate import SyntheticPlan, generate, write
from pynomaly_auto.errors import PynomalyError


def main(arguments: list[str]) -> int:
    """Generate and write; the exit status says whether that went well."""
    parser = argparse.ArgumentParser(prog="python -m meta_datasets.synthetic", description=__doc__)
    parser.add_argument("sources", nargs="+", type=Path, metavar="SOURCE", help="folder or file of labelled tables")
    parser.add_argument("-o", "--output", required=True, type=Path, help="folder written to")
    parser.add_argument("--tables", type=int, default=SyntheticPlan.tables, help="how many [%(default)s]")
    parser.add_argument("--max-rows", type=int, default=SyntheticPlan.max_rows, help="of the largest [%(default)s]")
    parser.add_argument("--seed", type=int, default=SyntheticPlan.seed, help="of everything random [%(default)s]")
    options = parser.parse_args(arguments)
    try:
        plan = SyntheticPlan(tables=options.tables, max_rows=options.max_rows, seed=options.seed)
        count = write(generate(options.sources, plan), options.output)
    except PynomalyError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    print(f"Wrote {count} tables and their index to {options.output}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
