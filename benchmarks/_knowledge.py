"""Which knowledge base ours uses on a table, and whether that base has seen the table's group."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pynomaly_auto.errors import PynomalyError
from pynomaly_auto.knowledge import TASKS, KnowledgeBase

FOLDS = "folds.json"
_FIELD = "{fold}"


@dataclass(frozen=True, kw_only=True)
class Base:
    """One knowledge base as a table meets it.

    Args:
        path: Its folder; empty: none.
        name: ``"fold 3"``, ``"shipped"``, ``"none"`` or the folder's name.
        created: When it was built.
        knows: Whether it was built from tables of this group: a figure measured with it is optimistic.
    """

    path: str
    name: str
    created: str
    knows: bool

    def facts(self) -> dict[str, Any]:
        """What the store keeps of it."""
        return {"base": self.name, "base_created": self.created, "base_knows_group": self.knows}


class Bases:
    """Finds the knowledge base that may be used for a group.

    Args:
        template: Folder of the bases with ``{fold}`` for the number of the fold left out, ``folds.json`` (group to
            fold) beside them; without ``{fold}`` one base for all; None: the shipped one.
        strict: Refuse a fold's base that was built from tables of the group. Bases of `benchmarks.cell_folds` leave
            groups out of the models of cells alone, and say nothing of those in their tables.

    Raises:
        SystemExit: ``folds.json`` is missing or is no mapping of groups to numbers.
    """

    def __init__(self, template: str | None, *, strict: bool = True) -> None:
        self.template, self.strict = template, strict
        self.by_fold = template is not None and _FIELD in template
        self.folds: Mapping[str, int] = {}
        if template is not None and self.by_fold:
            file = Path(template.split(_FIELD)[0] + "x").parent / FOLDS
            try:
                self.folds = {str(k): int(v) for k, v in json.loads(file.read_text(encoding="utf-8")).items()}
            except (OSError, ValueError, AttributeError, TypeError) as error:
                raise SystemExit(f"{file}: expected a JSON object of group to fold number ({error}).") from None

    def base(self, group: str) -> Base:
        """The base for a table of a group.

        Raises:
            SystemExit: The base is missing or damaged, or the fold's base knows the group it should not know.
        """
        if self.template is None:
            wanted, name = None, "shipped"
        elif not self.by_fold:
            wanted, name = self.template, Path(self.template).name
        else:
            # A group that no fold names should be in none of the bases; whether that is so is checked below.
            fold = self.folds.get(group, 0)
            wanted, name = self.template.replace(_FIELD, str(fold)), f"fold {fold}"
        found = _opened(wanted)
        if found is None:
            return Base(path="", name="none", created="", knows=False)
        path, created, groups = found
        if self.strict and self.by_fold and group in groups:
            raise SystemExit(f"{path} knows the group {group!r}, which it must not: the figures would be optimistic.")
        return Base(path=path, name=name, created=created, knows=group in groups)


@functools.cache
def _opened(wanted: str | None) -> tuple[str, str, frozenset[str]] | None:
    try:
        base = KnowledgeBase.shipped() if wanted is None else KnowledgeBase.open(wanted)
    except PynomalyError as error:
        raise SystemExit(f"The knowledge base cannot be used: {error}") from None
    if base is None:
        return None
    groups = pd.read_parquet(base.path / TASKS, columns=["group"])["group"]
    return str(base.path.resolve()), base.manifest.created, frozenset(str(g) for g in groups)
