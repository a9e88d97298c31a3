"""Quality against the number of trials: is more never worse, and does the count of anomalies stay where it is?

    python -m benchmarks.trials SOURCES --tables 24

Tables are generated from labelled ones (`meta_datasets.synthetic`). Each is searched once, to the end; what fewer
trials would have said is made of the first of them, as a budget in trials makes the same ones in the same order.
Prints, by number of trials, mean quality, the expected and the labelled share of rows as multiples of the true one, and
by how much more trials were worse anywhere, beside the noise of the difference.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks._statistics import Names, bootstrap_mean
from benchmarks._text import interval, markdown
from meta_datasets.synthetic.generate import Generated, SyntheticPlan, generate
from pynomaly_auto._deadline import Deadline
from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.deciding import Probabilities, decide
from pynomaly_auto.detectors import DETECTORS, FittedDetector
from pynomaly_auto.ensembling import Expertise, FittedEnsemble, Settling, choose_members
from pynomaly_auto.errors import PynomalyError
from pynomaly_auto.knowledge import KnowledgeBase
from pynomaly_auto.pool import Pool
from pynomaly_auto.profiling import profile
from pynomaly_auto.recommending import recommend
from pynomaly_auto.records import Dataset, FloatArray, IntArray, Ranking, Search
from pynomaly_auto.scoring import average_precision, roc_auc
from pynomaly_auto.settings import Settings
from pynomaly_auto.tuning import FittedMember, TuningPlan, tune

COUNTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
MEASURES = ("ROC-AUC", "average precision", "found in the first", "expected / true", "labelled / true")
_SETTINGS = Settings(n_trials=200, time_budget=None, random_state=0, tracking=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class Searched:
    """One table and all trials on it.

    Args:
        y: 1 for an anomaly; shape (n_rows,).
    """

    dataset: Dataset
    ranking: Ranking
    expertise: Expertise
    search: Search
    y: IntArray


def search(table: Generated, base: KnowledgeBase, pool: Pool) -> Searched:
    """Make every trial worth making on a table."""
    dataset = TableEncoder().fit(table.X).encode(table.X)
    found = profile(dataset, seed=0)
    ranking = recommend(found, _SETTINGS, base)
    if base.fusion is None:
        raise SystemExit("The knowledge base has learned no fusion.")
    trust = min(1.0, 2.0 * base.neighbours(found.meta_features).confidence)
    expertise = Expertise(fusion=base.fusion, trust=trust, X=dataset.X, seed=0)
    plan = TuningPlan(
        settings=_SETTINGS, seed=0, deadline=Deadline(None), pool=pool,
        predict_quality=base.fitted_quality(found.meta_features),
        settled=Settling(settings=_SETTINGS, expertise=expertise),
    )  # fmt: skip
    made = tune(dataset, ranking, plan).search
    return Searched(dataset=dataset, ranking=ranking, expertise=expertise, search=made, y=np.asarray(table.y, np.int64))


def after(done: Searched, count: int, base: KnowledgeBase) -> list[float]:
    """What the first ``count`` trials say of a table, in the order of `MEASURES`."""
    first = replace(done.search, trials=done.search.trials[:count])
    shape = (done.dataset.n_rows, done.dataset.n_features)
    chosen = choose_members(first, done.ranking, _SETTINGS, shape=shape, fusion=done.expertise.fusion)
    scores = {t.number: t.scores for t in first.completed if t.scores is not None}
    fitted = [
        FittedMember(
            member=m, scores=scores[m.trial], detector=FittedDetector(DETECTORS[m.detector], m.params, None)
        )
        for m in chosen.members
    ]  # fmt: skip
    ensemble = FittedEnsemble.of(chosen, fitted, done.expertise)
    values = None if base.calibrator is None else ensemble.probabilities(base.calibrator)
    verdict = decide(
        ensemble.train_scores, ensemble.member_scores, _SETTINGS,
        probabilities=None if values is None else Probabilities(values=values),
        member_raw=np.column_stack([m.scores for m in fitted]),
    )  # fmt: skip
    k, y = int(done.y.sum()), done.y
    top = np.argsort(-verdict.scores, kind="stable")[:k]
    share = max(float(y.mean()), 1.0 / len(y))
    return [
        roc_auc(y, verdict.scores), average_precision(y, verdict.scores), float(y[top].mean()),
        verdict.contamination / share, float((verdict.labels == -1).mean()) / share,
    ]  # fmt: skip


def report(found: FloatArray, groups: Sequence[str], counts: Sequence[int]) -> str:
    """Quality by number of trials, and whether more were ever worse.

    Args:
        found: By table, number of trials and measure.
        groups: Of the tables.
        counts: Numbers of trials.
    """
    names = np.array(groups)
    rows = [
        [str(count), *(interval(bootstrap_mean(found[:, i, j], names)) for j in range(len(MEASURES)))]
        for i, count in enumerate(counts)
    ]
    return "\n\n".join(
        [markdown(["trials", *MEASURES], rows), *(worse(found[:, :, j], names, counts, j) for j in (0, 1))]
    )


def worse(values: FloatArray, groups: Names, counts: Sequence[int], measure: int) -> str:
    """The largest loss from any number of trials to any larger one, with the interval of that difference."""
    means = values.mean(axis=0)
    pairs = [(i, j) for j in range(len(counts)) for i in range(j)]
    i, j = min(pairs, key=lambda pair: means[pair[1]] - means[pair[0]])
    said = interval(bootstrap_mean(values[:, j] - values[:, i], groups), signed=True)
    return f"{MEASURES[measure]}: the most that more trials lost, from {counts[i]} to {counts[j]}: {said}."


def main(arguments: Sequence[str] | None = None) -> None:
    """Search, judge prefixes, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("sources", nargs="+", type=Path, help="labelled tables that the generated ones are fitted to")
    add("--tables", type=int, default=24)
    add("--max-rows", type=int, default=600)
    add("--workers", type=int, default=2)
    add("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    base = KnowledgeBase.shipped()
    if base is None:
        raise SystemExit("There is no knowledge base.")
    plan = SyntheticPlan(tables=options.tables, max_rows=options.max_rows, seed=options.seed)
    found, groups = [], []
    with Pool(options.workers) as pool:
        for table in generate(options.sources, plan):
            try:
                done = search(table, base, pool)
            except PynomalyError as error:
                print(f"{table.name}: {error}")
                continue
            found.append([after(done, count, base) for count in COUNTS])
            groups.append(table.group)
    print(
        f"{len(found)} generated tables of {len(set(groups))} groups; intervals hold 95 %, whole groups drawn anew.\n"
    )
    print(report(np.array(found), groups, COUNTS))


if __name__ == "__main__":
    main()
