"""Whether a detector tuned without labels is better than with its default parameters, family by family."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks._statistics import compare, holm
from benchmarks._store import Line
from benchmarks._text import interval, markdown, number, probability
from pynomaly_auto._machine import ONE_THREAD
from pynomaly_auto.building import Task, load_rows
from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.profiling import profile
from pynomaly_auto.recommending import recommend
from pynomaly_auto.records import Candidate, FloatArray, IntArray, Ranking, Step
from pynomaly_auto.scoring import average_precision
from pynomaly_auto.settings import Settings
from pynomaly_auto.tuning._objective import run_trial, trial_request
from pynomaly_auto.tuning._optuna import Proposer
from pynomaly_auto.tuning._quality import Judge

# Two or three of each family, none of which needs minutes; the others of a family are taken to be alike.
TUNED = (
    "hbos", "gmm", "kde", "knn", "lof", "cblof", "pca", "ocsvm_nystroem", "iforest", "loda", "svr_residuals",
    "deep_iforest", "spad", "pair_histograms",
)  # fmt: skip
TRIALS = 8  # tuned trials of each, as many as a run of a minute affords


@dataclass(frozen=True, kw_only=True, eq=False)
class _Rows:
    """What a worker would map from a file."""

    rows: FloatArray

    def load(self) -> FloatArray:
        """Them."""
        return self.rows


def tuned(task: Task, *, max_rows: int, trials: int = TRIALS) -> Iterator[Line]:
    """Of each detector on one table: average precision with its defaults, and as tuned by the estimate of quality.

    The knowledge base has no part in it, so nothing was learned from any table.

    Args:
        task: Which table.
        max_rows: Larger ones are sampled, by class.
        trials: Tuned ones of each detector.

    Raises:
        PynomalyError: The table cannot be used.
    """
    loaded = load_rows(task, max_rows=max_rows, seed=0)
    dataset = TableEncoder().fit(loaded.frame).encode(loaded.frame)
    settings = Settings(n_trials=999, random_state=0, tracking=False, overrides={"include": list(TUNED)})  # type: ignore[arg-type]
    ranking = recommend(profile(dataset, seed=0), settings, None)
    judge, table, firsts = Judge(ranking, None), _Rows(rows=dataset.X), {}
    for candidate in ranking.selected:
        scores = _scores(candidate.detector, dict(candidate.params), table)
        if scores is not None:
            firsts[candidate.detector] = (candidate, scores)
            judge.add_reference(candidate.detector, scores)
    for name, (candidate, scores) in firsts.items():
        found = _searched(candidate, scores, judge, table, ranking, trials)
        values = [average_precision(loaded.y, one) for _, one in found]
        best = int(np.argmax([quality for quality, _ in found]))  # ties: the first, which is the default
        yield {
            "part": "family", "suite": task.suite, "table": task.name, "group": task.group, "detector": name,
            "family": DETECTORS[name].family, "trials": len(found) - 1, "default": values[0], "tuned": values[best],
            "changed": best > 0, "mean": float(np.mean(values)), "best": max(values),
        }  # fmt: skip


def _searched(
    candidate: Candidate, scores: FloatArray, judge: Judge, table: _Rows, ranking: Ranking, trials: int
) -> list[tuple[float, FloatArray]]:
    """Estimated quality and scores of the default and of what the sampler of a run proposes."""
    name, (n, d) = candidate.detector, table.rows.shape
    first = Step(configuration=candidate.configuration, role="portfolio")
    alone = replace(ranking, candidates=(candidate,), queue=(first,), portfolio=())
    proposer = Proposer(alone, {}, seed=0, n_rows=n, n_features=max(d, 1))
    out: list[tuple[float, FloatArray]] = []
    while len(out) <= trials and (proposal := proposer.next()) is not None:
        made = scores if not out else _scores(name, dict(proposal.params), table)
        quality = None if made is None else judge.judge(name, made).quality
        proposer.tell(proposal, quality)
        if made is not None and quality is not None:
            out.append((quality, made))
        elif not out:
            break
    return out


def _scores(name: str, params: dict[str, Any], table: _Rows) -> FloatArray | None:
    with ONE_THREAD:
        result = run_trial(trial_request(DETECTORS[name], params, 0), table)
    return result.scores if result.scores is not None and np.isfinite(result.scores).all() else None


def family_report(lines: Sequence[Line]) -> str:
    """A row a family: default, tuned, their difference, p over groups, held to the level of all families (Holm)."""
    families = sorted({line["family"] for line in lines})
    found = {family: _of_family([line for line in lines if line["family"] == family]) for family in families}
    compared = {f: compare(tuned, default, groups) for f, (default, tuned, _, groups) in found.items()}
    corrected = dict(zip(families, holm([compared[f].p for f in families]), strict=True))
    rows = []
    for family in families:
        default, tuned, best, groups = found[family]
        told = compared[family]
        rows.append([
            family, ", ".join(sorted({line["detector"] for line in lines if line["family"] == family})),
            str(len(groups)), number(float(default.mean())), number(float(tuned.mean())),
            interval(told.difference, signed=True), f"{told.wins} / {told.ties} / {told.losses}", probability(told.p),
            probability(corrected[family]), number(float(best.mean())),
        ])  # fmt: skip
    heads = ["family", "detectors", "tables", "default", "tuned", "difference", "won / tied / lost", "p", "p (Holm)",
             "best of its trials"]  # fmt: skip
    return markdown(heads, rows)


def _of_family(lines: Sequence[Line]) -> tuple[FloatArray, FloatArray, FloatArray, IntArray]:
    """Default, tuned and best, a table each (mean over its detectors), and the tables' groups."""
    tables = sorted({line["table"] for line in lines})
    values, groups = [], []
    for table in tables:
        own = [line for line in lines if line["table"] == table]
        values.append([float(np.mean([line[key] for line in own])) for key in ("default", "tuned", "best")])
        groups.append(own[0]["group"])
    default, tuned, best = np.array(values).T
    return default, tuned, best, np.array(groups)
