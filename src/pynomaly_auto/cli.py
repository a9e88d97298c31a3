"""The command line: parses, calls, prints. What it shows is what the records say."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pynomaly_auto._deadline import waiting_since
from pynomaly_auto._version import __version__
from pynomaly_auto.errors import PynomalyError, SettingError

_OLD = 60.0  # seconds; a program that has run for longer was not started for this command
_CONTEXT = {"help_option_names": ["-h", "--help"]}
_PLAIN: Any = {
    "no_args_is_help": True,
    "pretty_exceptions_enable": False,
    "rich_markup_mode": None,
    "context_settings": _CONTEXT,
}
app = typer.Typer(
    help="Find anomalies without labels: choose, tune, combine, threshold and explain detectors.", **_PLAIN
)
auto = typer.Typer(help="Detect anomalies, or prepare a configuration for it.", **_PLAIN)
kb = typer.Typer(help="The knowledge base: build it, look at it, add to it.", **_PLAIN)
app.add_typer(auto, name="auto")
app.add_typer(kb, name="kb")

out = Console(highlight=False, soft_wrap=True)


def main() -> None:
    """Run the command line; a user's mistake is one line on standard error and exit status 2."""
    try:
        with waiting_since(_began()):
            sys.exit(app(standalone_mode=False))
    except PynomalyError as error:
        _fail(str(error))
    except typer.TyperException as error:
        # Wrong arguments; a command group called without a command carries its whole help as its message.
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        if message.startswith("Usage:"):
            sys.stderr.write(f"{message}\n")
            sys.exit(2)
        _fail(f"{message.rstrip('.')}. Try --help.")
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write("Interrupted.\n")
        sys.exit(130)


def _began() -> float:
    """When this program was started, on the monotonic clock: from then on somebody waits."""
    import psutil

    age = time.time() - psutil.Process().create_time()
    return time.monotonic() - (age if 0 <= age < _OLD else 0.0)


def _fail(message: str) -> NoReturn:
    sys.stderr.write(f"Error: {' '.join(message.split())}\n")
    sys.exit(2)


def _version(show: bool) -> None:
    if show:
        out.print(f"pynomaly-auto {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


DatasetOption = Annotated[
    Path, typer.Option("--dataset", "-d", help="CSV, TSV, Parquet, Arrow/Feather, JSON lines, Excel or OpenDocument.")
]


@auto.command()
def detect(  # noqa: PLR0913 - one parameter per option
    dataset: DatasetOption,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")] = Path("results"),
    preset: Annotated[str | None, typer.Option(help="Domain preset; see `pynomaly presets`.")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML or YAML file with settings.")] = None,
    target_metric: Annotated[
        str | None, typer.Option(help="f1, precision, recall, roc_auc or average_precision.")
    ] = None,
    time_budget: Annotated[float | None, typer.Option(help="Seconds for the whole run [default: 60].")] = None,
    n_trials: Annotated[int | None, typer.Option(help="Trials instead of seconds: repeatable results.")] = None,
    contamination: Annotated[str | None, typer.Option(help="'auto' or a share in (0, 0.5] [default: auto].")] = None,
    alert_budget: Annotated[
        str | None,
        typer.Option(help="Most rows to flag: a number, a share such as 0.01, or per period such as 20/day."),
    ] = None,
    max_models: Annotated[
        int | None, typer.Option(help="Most models in the ensemble [default: as many as help].")
    ] = None,
    memory_limit: Annotated[str | None, typer.Option(help="Most memory of one trial, such as 2GB.")] = None,
    n_jobs: Annotated[int | None, typer.Option(help="Worker processes [default: all cores].")] = None,
    novelty: Annotated[bool, typer.Option(help="Take all rows as normal; for judging later rows.")] = False,
    exclude: Annotated[
        list[str] | None, typer.Option(help="Detector never to use (repeatable); see `pynomaly detectors`.")
    ] = None,
    drop: Annotated[list[str] | None, typer.Option(help="Column to leave out, such as a label (repeatable).")] = None,
    tracking: Annotated[str | None, typer.Option(help="MLflow tracking URI, or 'off' [default: ./mlruns].")] = None,
    experiment_name: Annotated[str | None, typer.Option(help="MLflow experiment [default: pynomaly_auto].")] = None,
    random_state: Annotated[int | None, typer.Option(help="Seed.")] = None,
    save_model: Annotated[bool, typer.Option(help="Also save the fitted detector as OUTPUT/model.pynomaly.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar, no summary.")] = False,
) -> None:
    """Find the anomalies of a table and write them, with the reasons, to a folder."""
    from pynomaly_auto.dataset import read_table
    from pynomaly_auto.engine import AutonomousDetector
    from pynomaly_auto.reporting import check_writable, write_results

    given = {
        "preset": preset, "config": config, "target_metric": target_metric, "time_budget": time_budget,
        "n_trials": n_trials, "contamination": _contamination(contamination), "alert_budget": alert_budget,
        "max_models": max_models, "memory_limit": memory_limit, "n_jobs": n_jobs, "novelty": novelty or None,
        "tracking": False if tracking == "off" else tracking, "experiment_name": experiment_name,
        "random_state": random_state, "verbose": 0 if quiet else 1,
    }  # fmt: skip
    chosen: dict[str, Any] = {k: v for k, v in given.items() if v is not None}
    detector = AutonomousDetector(**chosen)
    if exclude:
        detector.override(exclude=tuple(exclude), reason="asked for on the command line")
    table = _without(read_table(dataset), drop or [])
    check_writable(output)
    result = detector.fit(table).result_
    write_results(result, output)
    if save_model:
        detector.save(output / "model.pynomaly")
    if quiet:
        for warning in result.warnings:
            sys.stderr.write(f"Warning: {warning.subject}: {warning.text}\n")
    else:
        out.print(result.summary(out.width), markup=False)
        out.print(f"Results in {output}: anomalies.csv, scores.parquet, result.json, report.html", markup=False)


@auto.command()
def configure(
    dataset: Annotated[
        Path | None, typer.Option("--dataset", "-d", help="A table like the one to be analysed.")
    ] = None,
    interactive: Annotated[bool, typer.Option("--interactive/--no-interactive", help="Ask questions.")] = False,
    preset: Annotated[str | None, typer.Option(help="Start from this preset.")] = None,
    priority: Annotated[str, typer.Option(help="accuracy, speed or interpretability.")] = "accuracy",
    seconds: Annotated[float, typer.Option(help="Seconds a run may take.")] = 60.0,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="TOML file to write; else printed.")] = None,
) -> None:
    """Work out a configuration and print it, or write it, as TOML."""
    from pynomaly_auto.dataset import read_table
    from pynomaly_auto.engine import AutonomousDetector, configuration_toml
    from pynomaly_auto.presets import PRESETS

    if interactive:
        names = ", ".join(PRESETS)
        preset = typer.prompt(f"Use case, one of {names}; or none", default=preset or "none")
        priority = typer.prompt("Priority (accuracy, speed, interpretability)", default=priority)
        seconds = typer.prompt("Seconds a run may take", default=seconds, type=float)
        given = typer.prompt("A table to look at (file; empty: none)", default=str(dataset or ""), show_default=False)
        dataset = Path(given) if given else None
    if preset == "none":
        preset = None
    preview = None if dataset is None else read_table(dataset).head(1000)
    guidance = AutonomousDetector(preset=preset).guided_setup(
        preview, priorities={priority: 1.0}, constraints={"max_training_time": seconds}
    )
    text = configuration_toml(guidance)
    if output is None:
        out.print(text, markup=False, end="")
    else:
        from pynomaly_auto.reporting import write_text

        write_text(output, text)
        out.print(f"Wrote {output}; use it with: pynomaly auto detect --config {output} --dataset ...", markup=False)


@app.command()
def profile(
    dataset: DatasetOption,
    seed: Annotated[int, typer.Option(help="Seed of the sampling.")] = 0,
    meta_features: Annotated[bool, typer.Option("--meta-features", help="Also list the meta-features.")] = False,
) -> None:
    """Show what a table looks like to the library: types, quality, shapes, patterns, hints."""
    from pynomaly_auto.dataset import read_table
    from pynomaly_auto.engine import look_at
    from pynomaly_auto.reporting import number, profile_facts

    data, found = look_at(read_table(dataset), seed=seed)
    _show(
        "Columns",
        ("column", "kind", "missing", "distinct"),
        [(c.name, c.kind.replace("_", " "), f"{c.n_missing:,}", f"{c.n_unique:,}") for c in data.columns],
    )
    for part, facts in profile_facts(found):
        _show(part, ("fact", "value"), [(fact.name, fact.value) for fact in facts])
    if meta_features:
        _show("Meta-features", ("name", "value"), [(k, number(v)) for k, v in found.meta_features.items()])
    _show("Findings", ("about", "finding", "code"), [(r.subject, r.text, r.code) for r in found.reasons])


@app.command()
def detectors(family: Annotated[str | None, typer.Option(help="Only this family.")] = None) -> None:
    """List the detectors, with what they cost and find."""
    from pynomaly_auto.detectors import DETECTORS

    rows = [
        (
            s.name,
            s.family,
            s.cost.label,
            ", ".join(sorted(s.capabilities.finds)),
            "yes" if s.installed else f"needs {s.extra}",
        )
        for s in DETECTORS.values()
        if family in (None, s.family)
    ]
    if not rows:
        raise SettingError(f"no detector family {family!r}.", fix="See `pynomaly detectors`.")
    _show("Detectors", ("name", "family", "cost", "finds", "installed"), rows)


@app.command()
def presets() -> None:
    """List the domain presets."""
    from pynomaly_auto.presets import PRESETS

    _show("Presets", ("name", "for"), [(p.name, f"{p.title}. {p.description}") for p in PRESETS.values()])


@app.command()
def status() -> None:
    """Say what is installed, what the knowledge base holds, and where runs are tracked."""
    from pynomaly_auto.engine import environment

    _show("Status", ("what", "value"), list(environment().items()))


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
        protocol=protocol,  # type: ignore[arg-type]  # checked by the plan
    )
    build(sources, output, plan, on_task=_say)
    kb_info(output)


@kb.command("info")
def kb_info(base: Annotated[Path | None, typer.Argument(help="Folder; default: the shipped one.")] = None) -> None:
    """Show what a knowledge base holds."""
    _show(
        "Knowledge base",
        ("what", "value"),
        [(k.replace("_", " "), _readable(v)) for k, v in _base(base).info().items()],
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


def _say(progress: Any) -> None:
    line = f"[{progress.done}/{progress.total}] {progress.task}: {progress.status}, {progress.text}"
    out.print(f"{line} ({progress.seconds:.1f} s)", markup=False)


def _base(path: Path | None) -> Any:
    from pynomaly_auto.knowledge import KnowledgeBase

    found = KnowledgeBase.shipped() if path is None else KnowledgeBase.open(path)
    if found is None:
        raise SettingError("no knowledge base is installed.", fix="Build one with `pynomaly kb build`.")
    return found


def _contamination(text: str | None) -> float | str | None:
    if text in (None, "auto"):
        return text
    try:
        return float(text)
    except ValueError:
        raise SettingError(f"--contamination is {text!r}.", fix="Give 'auto' or a share in (0, 0.5].") from None


def _without(table: Any, names: list[str]) -> Any:
    for name in names:
        if name not in table.columns:
            from pynomaly_auto.errors import UnknownNameError

            raise UnknownNameError.of("column", name, [str(c) for c in table.columns])
    return table.drop(columns=names)


def _readable(value: Any) -> str:
    """Nested values as lines of text, numbers with three digits."""
    if isinstance(value, dict):
        nested = any(isinstance(v, dict) for v in value.values())
        parts = [f"{str(k).replace('_', ' ')}{':' if nested else ''} {_readable(v)}" for k, v in value.items()]
        return ("\n" if nested else ", ").join(parts)
    if isinstance(value, (list, tuple)):
        return "\n".join(_readable(v) for v in value)
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}" if value >= 10_000 else str(value)
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() and abs(value) >= 10 else f"{value:.3g}"
    return str(value)


def _show(title: str, header: tuple[str, ...], rows: list[Any]) -> None:
    table = Table(title=title, title_justify="left")
    for i, name in enumerate(header):
        # Names are looked up and copied: they are only broken where they would fill half of the line.
        whole = i == 0 and max((len(str(row[0])) for row in rows), default=0) <= out.width // 2
        table.add_column(name, overflow="fold", no_wrap=whole)
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    out.print(table)


if __name__ == "__main__":
    main()
