"""Learning to hear cells from a dozen tiny tables: three models that load and say something sensible."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from pynomaly_auto import scoring
from pynomaly_auto.building.learning import _cells
from pynomaly_auto.building.learning._cells import MEMBERS, CellTask, learn_cells
from pynomaly_auto.building.learning._train import Learned
from pynomaly_auto.ensembling import BaseScores, Cells, WithCells
from pynomaly_auto.models import Calibrator, CellFusion, CellJudge
from pynomaly_auto.records import CellLayout

DETECTORS = ("form", "pair")
LAYOUT = CellLayout.of({"form": [0, 1], "pair": [1, 2]}, 3)
SUITES = ("dirty", "business", "planted")


def task(number: int, n: int = 160) -> CellTask:
    """A table whose odd rows have one cell of which much is said, and for which the members hardly tell."""
    rng = np.random.default_rng(number)
    odd = rng.permutation(n)[: n // 10]
    bits = rng.exponential(2.0, size=(n, 4)) * (rng.random((n, 4)) < 0.15)
    wrong = np.zeros((n, 3), dtype=bool)
    for row in odd:
        k = int(rng.integers(4))
        bits[row, k] += 9.0
        wrong[row, LAYOUT.columns[k]] = True
    labels = wrong.any(axis=1).astype(np.int64)
    scores = rng.normal(size=(n, 3)) + 0.4 * labels[:, None]
    ranks = np.column_stack([scoring.tail_ranks(column) for column in scores.T])
    suite = SUITES[number % 3]
    return CellTask(
        task=f"t{number}", suite=suite, group=f"g{number // 2}", labels=labels, kinds=("numeric", "text", "text"),
        layout=LAYOUT, bits=bits, wrong=None if suite == "business" else wrong,
        scores=BaseScores(
            final=ranks.mean(axis=1), robust=ranks.mean(axis=1), members=(MEMBERS[0], MEMBERS[1], ""), ranks=ranks
        ),
    )  # fmt: skip


TASKS = [task(i) for i in range(12)]


@pytest.fixture(scope="module")
def learned() -> Iterator[dict[str, Learned]]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_TREES", "_JUDGE_TREES", "_CALIBRATION_TREES"):
            patch.setattr(_cells, name, 30)
        # On so little, a thread more costs more than it saves.
        for name in ("_BASE", "_JUDGE", "_CALIBRATION"):
            patch.setattr(_cells, name, {**getattr(_cells, name), "num_threads": 1, "min_data_in_leaf": 30})
        yield learn_cells(TASKS, DETECTORS, seed=0)


def test_three_models_that_load_and_hear_a_new_table(learned: dict[str, Learned]) -> None:
    assert set(learned) == {"cell_judge", "cell_fusion", "cell_calibrator"}
    judge = CellJudge.of(learned["cell_judge"].features, learned["cell_judge"].boosters["mean"])
    own = learned["cell_fusion"]
    fusion = CellFusion.of(own.features, [own.boosters[role] for role in sorted(own.boosters)])
    assert len(fusion.forests) == 2
    assert fusion.detectors == DETECTORS
    new = task(99)
    cells = Cells.of(judge, LAYOUT, new.bits)
    bound, odds, final = WithCells.of(fusion, cells, new.scores, new.bits, new.kinds)
    assert scoring.roc_auc(new.labels, odds) > scoring.roc_auc(new.labels, new.scores.final) + 0.05
    assert bound.score(new.scores, new.bits).tolist() == final.tolist()
    found = cells.odds(new.bits)
    assert new.wrong is not None
    assert found[new.wrong].mean() > found[~new.wrong].mean()
    last = learned["cell_calibrator"]
    assert Calibrator.of(last.features, last.boosters["mean"])


def test_figures_are_of_every_suite_and_of_groups_held_out(learned: dict[str, Learned]) -> None:
    figures = learned["cell_fusion"].validation
    assert (figures["tables"], figures["groups"]) == (12.0, 6.0)
    for suite in SUITES:
        assert figures[f"roc_auc_{suite}"] > figures[f"roc_auc_{suite}_ensemble"] > 0.4
    cells = learned["cell_judge"].validation
    assert cells["tables"] == 4.0  # of the dirty ones alone
    assert cells["average_precision_cells"] > 0.3
    assert 0 <= learned["cell_calibrator"].validation["share_mae"] < 0.2


def test_some_rows_of_a_task_are_ranked_anew() -> None:
    whole = TASKS[0]
    some = whole.rows(np.arange(0, 160, 4))
    assert len(some.labels) == len(some.bits) == len(some.scores.final) == 40
    assert some.scores.ranks.max() == pytest.approx(scoring.tail_ranks(np.arange(40.0)).max())
    assert some.wrong is not None
    assert (some.wrong.any(axis=1) == (some.labels == 1)).all()
    assert TASKS[1].rows(np.arange(9)).wrong is None


def test_how_many_rows_there_are_does_not_tell_the_rate_of_anomalies() -> None:
    """Copies with fewer anomalies were shorter by just these, so that every long table had many of them."""
    whole, own, rarer = task(5, n=1_000), [], []
    for seed in range(60):
        for copies, fewer in ((own, False), (rarer, True)):
            kept = _cells._thinned(whole, seed, rarer=fewer)
            assert len(np.unique(kept)) == len(kept)
            copies.append((len(kept), whole.labels[kept].mean()))
    for copies in (own, rarer):
        sizes = [size for size, _ in copies]
        assert 0.4 * 900 < min(sizes) < 0.65 * 900
        assert 0.85 * 900 < max(sizes) <= 900
    assert all(rate == pytest.approx(0.1, abs=0.002) for _, rate in own)
    assert 0.001 < min(rate for _, rate in rarer) < 0.005
    assert max(rate for _, rate in rarer) < 0.101
    sizes, rates = np.transpose(rarer)
    assert abs(np.corrcoef(sizes, np.log(rates))[0, 1]) < 0.3
