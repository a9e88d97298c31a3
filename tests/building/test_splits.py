from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pynomaly_auto.building import find_tasks, group_folds, variants_of
from pynomaly_auto.errors import InvalidInputError, SettingError

GROUPS = st.lists(st.sampled_from([f"g{i}" for i in range(30)]), min_size=1, max_size=80)


@settings(max_examples=60, deadline=None)
@given(groups=GROUPS, n=st.integers(2, 6), seed=st.integers(0, 5), data=st.data())
def test_no_group_on_both_sides(groups, n, seed, data):
    if len(set(groups)) < n:
        with pytest.raises(InvalidInputError, match="folds"):
            group_folds(groups, n, seed)
        return
    folds = group_folds(groups, n, seed)
    assert set(folds) == set(range(n))
    for k in range(n):
        inside = {g for g, f in zip(groups, folds, strict=True) if f == k}
        outside = {g for g, f in zip(groups, folds, strict=True) if f != k}
        assert inside
        assert not inside & outside
    sizes = [len({g for g, f in zip(groups, folds, strict=True) if f == k}) for k in range(n)]
    assert max(sizes) - min(sizes) <= 1
    # Neither the order of the rows nor their number moves a group.
    order = data.draw(st.permutations(range(len(groups))))
    again = group_folds([groups[i] for i in order] + groups, n, seed)
    assert again[: len(groups)].tolist() == folds[list(order)].tolist()


def test_variants_and_linked_tables_stay_together(indexed):
    registry = indexed / "registry.toml"
    registry.write_text('[[origins]]\nwhat = "one source"\ngroups = ["g1", "g3"]\n')
    tasks = find_tasks([indexed], registry=registry)
    tasks += variants_of(tasks, ["noise", "share=0.02"])
    folds = group_folds([t.group for t in tasks], 2, 0)
    side = {t.name: fold for t, fold in zip(tasks, folds, strict=True)}
    assert side["oddbench_odd"] == side["kinds__rare"] == side["kinds__rest@noise"] == side["oddbench_odd@share=0.02"]
    assert len({side[t.name] for t in tasks if t.path.name == "number.parquet"}) == 1


def test_too_few_folds():
    with pytest.raises(SettingError, match="1 folds"):
        group_folds(np.array(["a", "b"]), 1, 0)
