"""``pynomaly kb``: the knowledge base, built, looked at, added to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pynomaly_auto.cli._show import PLAIN, out, readable, show
from pynomaly_auto.errors import SettingError

kb = typer.Typer(help="The knowledge base: build it, look at it, add to it.", **PLAIN)


@kb.command("build")
def kb_build(  # noqa: PLR0913 - one parameter per option
    sources: Annotated[
        list[Path], typer.Argument(help="Folders with index.csv, or of npz / parquet tables with labels.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the knowledge base.")],
    parts: Annotated[Path | None, typer.Option(help="Where finished tasks are kept [default: OUTPUT.parts].")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes [default: all cores].")] = None,
    backend: Annotated[str, typer.Option(help="Where fits run: local, or ray (the cluster it is connected to).")] = (
        "local"
    ),
    max_rows: Annotated[int, typer.Option(help="Rows used of each table.")] = 2000,
    limit: Annotated[int | None, typer.Option(help="Only that many tables.")] = None,
    suite: Annotated[list[str] | None, typer.Option(help="Only this suite of the index (repeatable).")] = None,
    detector: Annotated[list[str] | None, typer.Option(help="Only this detector (repeatable).")] = None,
    variant: Annotated[
        list[str] | None, typer.Option(help="Also each task so changed: share=0.02, noise, missing=0.2 (repeatable).")
    ] = None,
    configurations: Annotated[int, typer.Option(help="Points of the search space beside each strong default.")] = 2,
    fit_timeout: Annotated[float, typer.Option(help="Seconds after which one fit is given up.")] = 60.0,
    label: Annotated[str, typer.Option(help="Label column in tables without an index.")] = "label",
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
    protocol: Annotated[str, typer.Option(help="contaminated, or novelty: half of the normal rows train.")] = (
        "contaminated"
    ),
) -> None:
    """Measure detectors on labelled tables; a killed build continues where it was."""
    from pynomaly_auto.building import Plan, build

    plan = Plan(
        workers=workers,
        backend=backend,
        detectors=tuple(detector or ()),
        max_rows=max_rows,
        limit=limit,
        suites=tuple(suite or ()),
        seed=seed,
        fit_timeout=fit_timeout,
        configurations=configurations,
        label=label,
        parts=parts,
        variants=tuple(variant or ()),
        protocol=protocol,
    )
    build(sources, output, plan, on_task=_say)
    kb_info(output)


@kb.command("info")
def kb_info(base: Annotated[Path | None, typer.Argument(help="Folder; default: the shipped one.")] = None) -> None:
    """Show what a knowledge base holds."""
    show(
        "Knowledge base",
        ("what", "value"),
        [(k.replace("_", " "), readable(v)) for k, v in _base(base).info().items()],
    )


@kb.command("verify")
def kb_verify(base: Annotated[Path | None, typer.Argument(help="Folder; default: the shipped one.")] = None) -> None:
    """Check a knowledge base's files against its manifest; exit status 1 when something is wrong."""
    problems = _base(base).verify()
    for problem in problems:
        out.print(problem, markup=False)
    if problems:
        raise typer.Exit(1)
    out.print("The knowledge base is sound.")


@kb.command("add")
def kb_add(
    table: Annotated[Path, typer.Argument(help="A table with labels, or a folder of them.")],
    base: Annotated[Path, typer.Option("--base", help="Folder of the knowledge base to add to.")],
    label: Annotated[str, typer.Option(help="Column with 1 for an anomaly, else 0.")] = "label",
    workers: Annotated[int | None, typer.Option(help="Processes [default: all cores].")] = None,
) -> None:
    """Measure the detectors on your own labelled tables and add the results."""
    from pynomaly_auto.building import Plan, add

    add(base, table, Plan(label=label, workers=workers), on_task=_say)
    kb_info(base)


@kb.command("cells")
def kb_cells(  # noqa: PLR0913 - one parameter per option
    tables: Annotated[list[Path], typer.Argument(help="Folders with index.csv, or tables with labels.")],
    base: Annotated[Path, typer.Option("--base", help="Folder of the knowledge base that gets the models.")],
    parts: Annotated[Path | None, typer.Option(help="Where measured tables are kept [default: BASE.cells].")] = None,
    max_rows: Annotated[int, typer.Option(help="Rows used of each table.")] = 1500,
    suite: Annotated[list[str] | None, typer.Option(help="Only this suite of the index (repeatable).")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes [default: all cores].")] = None,
    again: Annotated[bool, typer.Option(help="Look at all tables again: the encoder or a detector changed.")] = False,
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
) -> None:
    """Learn what odd cells say of rows, on labelled tables of several kinds of columns; a killed run continues."""
    from pynomaly_auto.building import Plan, build_cells

    plan = Plan(max_rows=max_rows, suites=tuple(suite or ()), seed=seed, parts=parts, workers=workers)
    build_cells(base, tables, plan, again=again, on_task=_say)
    kb_info(base)


def _say(progress: Any) -> None:
    line = f"[{progress.done}/{progress.total}] {progress.task}: {progress.status}, {progress.text}"
    out.print(f"{line} ({progress.seconds:.1f} s)", markup=False)


def _base(path: Path | None) -> Any:
    from pynomaly_auto.knowledge import KnowledgeBase

    found = KnowledgeBase.shipped() if path is None else KnowledgeBase.open(path)
    if found is None:
        raise SettingError("no knowledge base is installed.", fix="Build one with `pynomaly kb build`.")
    return found
