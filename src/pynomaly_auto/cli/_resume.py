"""``pynomaly auto resume``: a run that was killed goes on; and what it and ``detect`` write and say at the end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pynomaly_auto._checks import path_of
from pynomaly_auto._saying import say
from pynomaly_auto.cli import _show
from pynomaly_auto.errors import SettingError

if TYPE_CHECKING:
    from pynomaly_auto.engine import AutonomousDetector
    from pynomaly_auto.records import Evaluation


def resume(
    checkpoint: Annotated[Path, typer.Argument(help="What `detect --checkpoint` was given.")],
    output: _show.OutputOption = Path("results"),
    fail_above: _show.FailOption = None,
    save_model: Annotated[bool, typer.Option(help="Also save the fitted detector as OUTPUT/model.pynomaly.")] = False,
    key_file: _show.KeyOption = None,
    quiet: _show.QuietOption = False,
) -> None:
    """Go on with a run that was killed, from its checkpoint, and write what `detect` writes.

    Exit status: 0 done, 2 a mistake in what was asked for, 3 more rows flagged than --fail-above allows.
    """
    from pynomaly_auto.dataset import to_frame
    from pynomaly_auto.engine import AutonomousDetector, go_on
    from pynomaly_auto.reporting import check_writable

    if key_file is not None and not save_model:
        raise SettingError("--key-file signs the model, and none is saved.", fix="Give --save-model, too.")
    key = None if key_file is None else _show.secret_in(key_file)
    limit = None if fail_above is None else _show.Limit(fail_above)
    folder = path_of(checkpoint)
    check_writable(output)
    with _show.told_warnings():
        resumed = go_on(AutonomousDetector, folder, None)
    if resumed.table is None:
        raise SettingError(
            "the checkpoint does not hold the table, whose rows are to be written.", where=str(checkpoint),
            fix="Load the result in Python: AutonomousDetector.resume(directory).",
        )  # fmt: skip
    detector: AutonomousDetector = resumed.detector
    hand_over(detector, to_frame(resumed.table), output, evaluated=None, key=key, save_model=save_model, quiet=quiet)
    if limit is not None:
        labels = detector.result_.labels
        limit.check(int((labels == -1).sum()), len(labels))


def hand_over(  # noqa: PLR0913 - one parameter per thing that may be asked for
    detector: AutonomousDetector,
    table: Any,
    output: Path,
    *,
    evaluated: Evaluation | None,
    key: bytes | None,
    save_model: bool,
    quiet: bool,
) -> None:
    """Write a run's results into a folder, and print what was found."""
    from pynomaly_auto.reporting import write_results

    result = detector.result_
    write_results(result, output, table=table, evaluated=evaluated)
    if save_model:
        detector.save(output / "model.pynomaly", key=key)
    if quiet:
        for warning in result.warnings:
            if warning.subject != "MLflow":  # whose losses have been said already
                say(f"Warning: {warning.subject}: {warning.text}")
        return
    _show.out.print(result.summary(_show.out.width), markup=False)
    _show.print_lines(evaluated.summary_lines() if evaluated is not None else ())
    written = "anomalies.csv, scores.parquet, result.json, report.html"
    written += ", cells.csv" if result.cells else ""
    written += ", evaluation.json" if evaluated is not None else ""
    written += ", model.pynomaly" if save_model else ""
    _show.out.print(f"Results in {output}: {written}", markup=False)
