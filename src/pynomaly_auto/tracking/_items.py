"""What of a result goes into the tracking store: a pure mapping, tested without any store."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

from pynomaly_auto.records import Result, Standing, Trial, plain

# MLflow refuses longer ones (mlflow.utils.validation), and older servers are stricter than newer ones.
MAX_PARAM = 500
MAX_TAG = 5000
MAX_KEY = 250
_ANOMALIES = 1000
_BAD_KEY = re.compile(r"[^/\w.\- ]")


@dataclass(frozen=True, kw_only=True)
class Param:
    """A parameter of the run."""

    key: str
    value: str


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A measured number, always finite; ``step`` orders several of one key."""

    key: str
    value: float
    step: int = 0


@dataclass(frozen=True, kw_only=True)
class Tag:
    """A label of the run."""

    key: str
    value: str


@dataclass(frozen=True, kw_only=True)
class Text:
    """A text artifact: JSON, Markdown or, shown as a table by MLflow's page, CSV."""

    path: str
    text: str


@dataclass(frozen=True, kw_only=True)
class ChildRun:
    """One trial as a run below the main one.

    Args:
        number: The trial's number.
        name: Name of the run.
        status: MLflow's word: FINISHED, FAILED or KILLED.
        seconds: How long it took.
    """

    number: int
    name: str
    status: str
    seconds: float
    params: tuple[Param, ...] = ()
    metrics: tuple[Metric, ...] = ()
    tags: tuple[Tag, ...] = field(default=())


LogItem: TypeAlias = Param | Metric | Tag | Text | ChildRun


def log_items(result: Result) -> Iterator[LogItem]:
    """Map a result to everything that is logged of it, trials as child runs.

    Args:
        result: A finished run.

    Yields:
        Items that MLflow accepts: keys cleaned and unique, long values cut, numbers finite.
    """
    yield from _params(result)
    yield from _metrics(result)
    yield from _tags(result)
    yield from _artifacts(result)
    for trial in result.search.trials:
        yield child_run(trial)


def child_run(trial: Trial) -> ChildRun:
    """Map one trial to its child run."""
    params = [Param(key="detector", value=trial.detector)]
    params += [Param(key=clean_key(k), value=cut(v, MAX_PARAM)) for k, v in trial.params.items() if k != "detector"]
    metrics = {"quality": trial.quality, "seconds": trial.seconds, "memory_mb": trial.memory_mb, "rows": trial.n_rows}
    metrics |= {f"statistics.{name}": value for name, value in trial.statistics.items()}
    tags = [Tag(key="trial", value=str(trial.number)), Tag(key="trial_status", value=trial.status)]
    if trial.error:
        tags.append(Tag(key="error", value=cut(trial.error, MAX_TAG)))
    status = {"completed": "FINISHED", "cancelled": "KILLED"}.get(trial.status, "FAILED")
    return ChildRun(
        number=trial.number,
        name=f"{trial.number:03d} {trial.detector}",
        status=status,
        seconds=trial.seconds,
        params=_unique(params),
        metrics=tuple(_numbers(metrics)),
        tags=tuple(tags),
    )


def encode(item: LogItem) -> str:
    """One item as a line of JSON."""
    return json.dumps({"kind": type(item).__name__, **asdict(item)}, ensure_ascii=True, allow_nan=False)


def decode(line: str) -> LogItem:
    """The inverse of `encode`."""
    values = json.loads(line)
    kind = values.pop("kind")
    if kind == "ChildRun":
        values["params"] = tuple(Param(**v) for v in values["params"])
        values["metrics"] = tuple(Metric(**v) for v in values["metrics"])
        values["tags"] = tuple(Tag(**v) for v in values["tags"])
        return ChildRun(**values)
    simple: dict[str, type[Param] | type[Metric] | type[Tag] | type[Text]] = {
        "Param": Param,
        "Metric": Metric,
        "Tag": Tag,
        "Text": Text,
    }
    return simple[kind](**values)


def clean_key(key: Any) -> str:
    """A key that MLflow accepts on every platform: it also serves as a file name there.

    >>> clean_key("../size: [cm]/..")
    'size_ _cm_'
    """
    text = _BAD_KEY.sub("_", str(key))
    parts = [part for part in text.split("/") if part not in ("", ".", "..")]
    return "/".join(parts)[:MAX_KEY].rstrip("/") or "_"


def cut(value: Any, most: int) -> str:
    """A value as text of bounded length."""
    text = value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)
    return text if len(text) <= most else text[: most - 1] + "…"


def _params(result: Result) -> Iterator[Param]:
    params = [Param(key=f"settings.{clean_key(k)}", value=cut(v, MAX_PARAM)) for k, v in result.settings.items()]
    size = result.profile.size
    params += [
        Param(key="table.rows", value=str(len(result.labels))),
        Param(key="table.columns", value=str(len(result.columns))),
        Param(key="table.features", value=str(size.features)),
        Param(key="combiner", value=cut(result.ensemble.combiner, MAX_PARAM)),
        Param(key="threshold.method", value=cut(result.verdict.method, MAX_PARAM)),
        Param(key="ranking.source", value=result.ranking.source),
        Param(key="members", value=cut(", ".join(m.name for m in result.ensemble.members), MAX_PARAM)),
    ]
    yield from _unique(params)


def _metrics(result: Result) -> Iterator[Metric]:
    verdict, search = result.verdict, result.search
    found = int((result.labels == -1).sum())
    values: dict[str, Any] = {
        "anomalies": found,
        "anomaly_share": found / max(len(result.labels), 1),
        "contamination": verdict.contamination,
        "threshold": verdict.threshold,
        "trials": len(search.trials),
        "trials_completed": len(search.completed),
        "models": len(result.ensemble.members),
        "ranking.confidence": result.ranking.confidence,
        "seconds.total": sum(result.seconds.values()),
    }
    if verdict.expectation is not None:
        told = verdict.expectation
        values |= {"expected.real": told.real, "expected.low": told.low, "expected.high": told.high}
    values |= {f"seconds.{stage}": v for stage, v in result.seconds.items()}
    p = result.profile
    for part in ("quality", "distributions", "patterns", "hints"):
        numbers = plain(getattr(p, part))
        values |= {f"profile.{part}.{k}": v for k, v in numbers.items() if isinstance(v, (int, float))}
    values |= {f"meta_features.{k}": v for k, v in p.meta_features.items()}
    yield from _numbers(values)
    best = -math.inf
    for trial in search.completed:
        if trial.quality is not None and math.isfinite(trial.quality):
            best = max(best, trial.quality)
            yield Metric(key="best_quality", value=best, step=trial.number)
    for rank, member in enumerate(sorted(result.ensemble.members, key=lambda m: -m.weight)):
        yield from (Metric(key="weights", value=m.value, step=rank) for m in _numbers({"weights": member.weight}))


def _tags(result: Result) -> Iterator[Tag]:
    yield Tag(key="mlflow.note.content", value=cut(_note(result), MAX_TAG))
    for package, version in result.versions.items():
        yield Tag(key=f"version.{clean_key(package)}", value=cut(version, MAX_TAG))
    yield Tag(key="interrupted", value=str(result.search.interrupted).lower())


def _note(result: Result) -> str:
    return "\n".join(f"- {line}" for line in result.summary_lines()) + "\n\nThe whole story: artifact `report.html`."


def _artifacts(result: Result) -> Iterator[Text]:
    yield Text(path="profile.json", text=_json(result.profile.to_dict()))
    yield Text(path="ranking.json", text=_json(result.ranking.to_dict()))
    yield Text(path="ensemble.json", text=_json(result.ensemble.to_dict()))
    yield Text(path="reasons.json", text=_json(plain(result.reasons)))
    reasons = [[r.stage, r.code, r.subject, r.text, _json(plain(r.evidence), indent=None)] for r in result.reasons]
    yield Text(path="reasons.csv", text=_csv(["stage", "code", "subject", "text", "evidence"], reasons))
    yield Text(path="leaderboard.csv", text=_leaderboard(result))
    members = sorted(result.ensemble.members, key=lambda m: -m.weight)
    rows = [[m.name, m.weight, m.quality, m.diversity, m.trial, cut(dict(m.params), MAX_TAG)] for m in members]
    yield Text(path="weights.csv", text=_csv(["detector", "weight", "quality", "diversity", "trial", "params"], rows))
    columns = [[c.name, c.kind, c.n_missing, c.n_infinite, c.n_unique, ", ".join(c.features)] for c in result.columns]
    heads = ["column", "kind", "missing", "infinite", "distinct", "features"]
    yield Text(path="columns.csv", text=_csv(heads, columns))
    top = result.anomalies.head(_ANOMALIES)
    rows = [list(row) for row in top.reset_index().itertuples(index=False)]
    yield Text(path="anomalies.csv", text=_csv(["position", *top.columns], rows))
    if result.cells:
        cells = [[c.row, c.label, c.column, c.value, c.expected, round(c.bits, 2), c.text] for c in result.cells]
        heads = ["position", "row", "column", "value", "expected", "bits", "text"]
        yield Text(path="cells.csv", text=_csv(heads, cells))


def _leaderboard(result: Result) -> str:
    rows = [
        ["" if value is None else cut(value, MAX_TAG) if name == "params" else value for name, value in vars(s).items()]
        for s in result.leaderboard
    ]
    return _csv(list(Standing.__dataclass_fields__), rows)


def _numbers(values: Mapping[str, Any]) -> Iterator[Metric]:
    """Only finite numbers: SQL stores replace NaN by 0, which would be a lie, and infinity by the largest double."""
    for key, value in values.items():
        if value is not None and math.isfinite(value):
            yield Metric(key=clean_key(key), value=float(value))


def _unique(params: list[Param]) -> tuple[Param, ...]:
    """MLflow refuses a whole batch with a key twice; two names that clean to the same are numbered."""
    seen: dict[str, int] = {}
    out = []
    for p in params:
        count = seen[p.key] = seen.get(p.key, 0) + 1
        out.append(p if count == 1 else Param(key=f"{p.key[: MAX_KEY - 5]}_{count}", value=p.value))
    return tuple(out)


def _json(value: Any, *, indent: int | None = 1) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)


def _csv(heads: list[str], rows: list[list[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows(rows)
    # A lone surrogate in the user's data has no UTF-8 form; a question mark is better than no file.
    return out.getvalue().encode("utf-8", "replace").decode("utf-8")
