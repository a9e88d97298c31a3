"""The command line: parses, calls, prints. What it shows is what the records say."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from pynomaly_auto._deadline import waiting_since
from pynomaly_auto._saying import say
from pynomaly_auto._version import __version__
from pynomaly_auto.cli._blocks import ComputeOption, SampleOption, detect_on_sample, refuse_beside_sample
from pynomaly_auto.cli._kb import kb
from pynomaly_auto.cli._known import ExpectOption, NormalRuleOption, RuleOption, WeightOption, known
from pynomaly_auto.cli._options import (
    AlertOption,
    CheckpointOption,
    DeviceOption,
    ExcludeOption,
    LearnFromOption,
    ObjectivesOption,
    TargetOption,
)
from pynomaly_auto.cli._resume import hand_over, resume
from pynomaly_auto.cli._review import review
from pynomaly_auto.cli._score import score
from pynomaly_auto.cli._show import (
    PLAIN,
    AddressOption,
    BackendOption,
    DatasetOption,
    DatesOption,
    DecimalOption,
    DropOption,
    EncodingOption,
    FailOption,
    KeyOption,
    LabelsOption,
    Limit,
    OutputOption,
    QuietOption,
    SheetOption,
    ThousandsOption,
    by_column,
    labels_to_learn,
    out,
    parts_of,
    secret_in,
    show,
    told_warnings,
)
from pynomaly_auto.errors import PynomalyError, SettingError

_INTERRUPTED = 130  # exit status, as shells have it
_OLD = 60.0  # seconds; a program that has run for longer was not started for this command
app = typer.Typer(
    help="Find anomalies without labels: choose, tune, combine, threshold and explain detectors.", **PLAIN
)
auto = typer.Typer(help="Detect anomalies, or prepare a configuration for it.", **PLAIN)
app.add_typer(auto, name="auto")
app.add_typer(kb, name="kb")
auto.command()(score)
auto.command()(review)
auto.command()(resume)


def main() -> None:
    """Run the command line; a user's mistake is one line on standard error and exit status 2."""
    try:
        with waiting_since(_began()):
            status = app(standalone_mode=False)
            if status == _INTERRUPTED:  # which typer makes of Ctrl-C, without a word
                raise KeyboardInterrupt
            sys.exit(status)
    except PynomalyError as error:
        _fail(str(error))
    except typer.TyperException as error:
        # Wrong arguments; a command group called without a command carries its whole help as its message.
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        if message.startswith("Usage:"):
            say(f"{message}")
            sys.exit(2)
        _fail(f"{message.rstrip('.')}. Try --help.")
    except (KeyboardInterrupt, typer.Abort):
        kept = any(word.startswith("--checkpoint") for word in sys.argv)
        say("Interrupted." + " `pynomaly auto resume` goes on with the run." * kept)
        sys.exit(_INTERRUPTED)


def _began() -> float:
    """When this program was started, on the monotonic clock: from then on somebody waits."""
    import psutil

    age = time.time() - psutil.Process().create_time()
    return time.monotonic() - (age if 0 <= age < _OLD else 0.0)


def _fail(message: str) -> NoReturn:
    say(f"Error: {' '.join(message.split())}")
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


@auto.command()
def detect(  # noqa: PLR0913 - one parameter per option
    dataset: DatasetOption,
    output: OutputOption = Path("results"),
    preset: Annotated[str | None, typer.Option(help="Domain preset; see `pynomaly presets`.")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML or YAML file with settings.")] = None,
    target_metric: TargetOption = None,
    time_budget: Annotated[float | None, typer.Option(help="Seconds for the whole run [default: 60].")] = None,
    n_trials: Annotated[int | None, typer.Option(help="Trials instead of seconds: repeatable results.")] = None,
    contamination: Annotated[str | None, typer.Option(help="'auto' or a share in (0, 0.5] [default: auto].")] = None,
    alert_budget: AlertOption = None,
    max_models: Annotated[int | None, typer.Option(help="Most models combined [default: as many as help].")] = None,
    memory_limit: Annotated[str | None, typer.Option(help="Most memory of the whole run, such as 2GB.")] = None,
    compute_budget: ComputeOption = None,
    n_jobs: Annotated[int | None, typer.Option(help="Worker processes [default: all cores].")] = None,
    backend: BackendOption = None,
    address: AddressOption = None,
    device: DeviceOption = None,
    novelty: Annotated[bool, typer.Option(help="Take all rows as normal; for judging later rows.")] = False,
    exclude: ExcludeOption = None,
    expect: ExpectOption = None,
    rules: RuleOption = None,
    normal_rules: NormalRuleOption = None,
    column_weights: WeightOption = None,
    objectives: ObjectivesOption = None,
    drop: DropOption = None,
    labels: LabelsOption = None,
    learn_from: LearnFromOption = None,
    sample: SampleOption = None,
    encoding: EncodingOption = None,
    sheet: SheetOption = None,
    decimal: DecimalOption = None,
    thousands: ThousandsOption = None,
    dates: DatesOption = None,
    fail_above: FailOption = None,
    tracking: Annotated[str | None, typer.Option(help="MLflow tracking URI, or 'off' [default: ./mlruns].")] = None,
    experiment_name: Annotated[str | None, typer.Option(help="MLflow experiment [default: pynomaly_auto].")] = None,
    random_state: Annotated[int | None, typer.Option(help="Seed.")] = None,
    save_model: Annotated[bool, typer.Option(help="Also save the fitted detector as OUTPUT/model.pynomaly.")] = False,
    checkpoint: CheckpointOption = None,
    key_file: KeyOption = None,
    quiet: QuietOption = False,
) -> None:
    """Find the anomalies of a table and write them, with the reasons, to a folder.

    Exit status: 0 done, 2 a mistake in what was asked for, 3 more rows flagged than --fail-above allows.
    """
    from pynomaly_auto.dataset import read_table
    from pynomaly_auto.engine import AutonomousDetector
    from pynomaly_auto.reporting import check_writable

    given = {
        "preset": preset, "config": config, "target_metric": target_metric, "time_budget": time_budget,
        "n_trials": n_trials, "contamination": _contamination(contamination), "alert_budget": alert_budget,
        "max_models": max_models, "memory_limit": memory_limit, "compute_budget": compute_budget, "n_jobs": n_jobs,
        "backend": backend, "address": address, "device": device, "novelty": novelty or None,
        "tracking": False if tracking == "off" else tracking, "experiment_name": experiment_name,
        "random_state": random_state, "verbose": 0 if quiet else 1,
        "objectives": objectives, **known(expect, rules, normal_rules, column_weights),
    }  # fmt: skip
    if key_file is not None and not save_model:
        raise SettingError("--key-file signs the model, and none is saved.", fix="Give --save-model, too.")
    key = None if key_file is None else secret_in(key_file)
    chosen: dict[str, Any] = {k: v for k, v in given.items() if v is not None}
    detector = AutonomousDetector(**chosen)
    if exclude:
        detector.override(exclude=tuple(exclude), reason="asked for on the command line")
    limit = None if fail_above is None else Limit(fail_above)
    if sample is not None:
        refuse_beside_sample({"--labels": labels, "--learn-from": learn_from, "--checkpoint": checkpoint})
        kept = {"key": key, "save_model": save_model, "quiet": quiet}
        detect_on_sample(detector, dataset, output, sample=sample, drop=drop or [], limit=limit, kept=kept)
        return
    said = {
        name: by_column(words) for name, words in (("decimal", decimal), ("thousands", thousands), ("dates", dates))
    }
    with told_warnings():
        table, truth = parts_of(read_table(dataset, encoding=encoding, sheet=sheet, **said), drop, labels)
        check_writable(output)
        table, learned = labels_to_learn(table, learn_from)
        result = detector.fit(table, labels=learned, checkpoint=checkpoint).result_
    evaluated = None if truth is None else detector.evaluate(table, truth)
    hand_over(detector, table, output, evaluated=evaluated, key=key, save_model=save_model, quiet=quiet)
    if limit is not None:
        limit.check(int((result.labels == -1).sum()), len(result.labels))


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
    encoding: EncodingOption = None,
    sheet: SheetOption = None,
    seed: Annotated[int, typer.Option(help="Seed of the sampling.")] = 0,
    meta_features: Annotated[bool, typer.Option("--meta-features", help="Also list the meta-features.")] = False,
) -> None:
    """Show what a table looks like to the library: types, quality, shapes, patterns, hints."""
    from pynomaly_auto.dataset import read_table
    from pynomaly_auto.engine import look_at
    from pynomaly_auto.reporting import number, profile_facts

    with told_warnings():
        data, found = look_at(read_table(dataset, encoding=encoding, sheet=sheet), seed=seed)
    show(
        "Columns",
        ("column", "kind", "missing", "distinct"),
        [(c.name, c.kind.replace("_", " "), f"{c.n_missing:,}", f"{c.n_unique:,}") for c in data.columns],
    )
    for part, facts in profile_facts(found):
        show(part, ("fact", "value"), [(fact.name, fact.value) for fact in facts])
    if meta_features:
        show("Meta-features", ("name", "value"), [(k, number(v)) for k, v in found.meta_features.items()])
    show("Findings", ("about", "finding", "code"), [(r.subject, r.text, r.code) for r in found.reasons])


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
            "yes" if s.capabilities.gpu else "",
            "yes" if s.installed else f"needs {s.extra}",
        )
        for s in DETECTORS.values()
        if family in (None, s.family)
    ]
    if not rows:
        raise SettingError(f"no detector family {family!r}.", fix="See `pynomaly detectors`.")
    show("Detectors", ("name", "family", "cost", "finds", "GPU", "installed"), rows)


@app.command()
def presets() -> None:
    """List the domain presets."""
    from pynomaly_auto.presets import PRESETS

    show("Presets", ("name", "for"), [(p.name, f"{p.title}. {p.description}") for p in PRESETS.values()])


@app.command()
def status() -> None:
    """Say what is installed, what the knowledge base holds, and where runs are tracked."""
    from pynomaly_auto.engine import environment

    show("Status", ("what", "value"), list(environment().items()))


def _contamination(text: str | None) -> float | str | None:
    if text in (None, "auto"):
        return text
    try:
        return float(text)
    except ValueError:
        raise SettingError(f"--contamination is {text!r}.", fix="Give 'auto' or a share in (0, 0.5].") from None
