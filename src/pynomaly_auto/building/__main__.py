"""``python -m pynomaly_auto.building SOURCE ... --out knowledge_base``: a build from the command line."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from pynomaly_auto.building import Plan, Progress, build
from pynomaly_auto.errors import PynomalyError


def main(argv: list[str] | None = None) -> int:
    """Parse, build, say how it goes; 2 for a user's mistake."""
    parser = argparse.ArgumentParser(prog="python -m pynomaly_auto.building", description=__doc__)
    parser.add_argument("sources", nargs="+", type=Path, help="folders or files of labelled tables")
    parser.add_argument("--out", type=Path, default=Path("knowledge_base"))
    parser.add_argument("--parts", type=Path, help="where finished tasks are kept (default: OUT.parts)")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--detectors", default="", help="comma-separated names (default: all installed)")
    parser.add_argument("--suites", default="", help="comma-separated names (default: all)")
    parser.add_argument("--max-rows", type=int, default=2000)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--configurations", type=int, default=2, help="extra points per strong detector")
    parser.add_argument("--fit-timeout", type=float, default=60.0)
    parser.add_argument("--label", default="label")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(argv)
    started = time.monotonic()

    def say(progress: Progress) -> None:
        left = (time.monotonic() - started) / progress.done * (progress.total - progress.done)
        sys.stdout.write(
            f"[{progress.done}/{progress.total}] {progress.task}: {progress.status}, {progress.text} "
            f"({progress.seconds:.1f} s; about {left / 60:.0f} min left)\n"
        )
        sys.stdout.flush()

    try:
        plan = Plan(
            workers=given.workers,
            detectors=tuple(filter(None, given.detectors.split(","))),
            suites=tuple(filter(None, given.suites.split(","))),
            max_rows=given.max_rows,
            limit=given.limit,
            configurations=given.configurations,
            fit_timeout=given.fit_timeout,
            label=given.label,
            seed=given.seed,
            parts=given.parts,
        )
        manifest = build(given.sources, given.out, plan, on_task=say)
    except PynomalyError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{given.out}: {manifest.n_tasks} tasks, {manifest.n_results} results\n")
    for name, card in manifest.models.items():
        sys.stdout.write(f"  {name}: {dict(card.validation)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
