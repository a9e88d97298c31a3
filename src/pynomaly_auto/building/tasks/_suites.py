"""The registry of suites: what is known of every table beside its rows, and which tables share an origin."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from pynomaly_auto.errors import InvalidInputError, StorageError

INDEX = "index.csv"
NOT_STATED = "not stated"
_ORIGINS = "origins"
_NEEDED = ("name", "modality", "group", "path", "source")


@dataclass(frozen=True, kw_only=True)
class TableFacts:
    """All that is known of one table of an indexed folder beside its rows.

    Args:
        name: The table's name.
        suite: The collection it belongs to.
        group: Tables of one group come from one origin, linked origins included.
        domain: Field of application, or ``""``.
        source: Where it comes from, as the index says it.
        origin: Where its suite comes from, with the publication.
        licence: Its licence, or ``"not stated"``.
        form: How the file is laid out.
        construction: How its anomaly tasks are made.
        path: The file.
        target: Name of the target column of which tasks are made, or ``""`` or ``"label"``: it has a column of labels.
        target_kind: ``"numeric"``, ``"nominal"`` or ``""``.
        wrong: Name of the column that says which columns of a row are wrong, or ``""``: nothing does.
        skipped: Whether no tasks are made of it yet.
    """

    name: str
    suite: str
    group: str
    domain: str
    source: str
    origin: str
    licence: str
    form: str
    construction: str
    path: Path
    target: str = ""
    target_kind: str = ""
    wrong: str = ""
    skipped: bool = False


@dataclass(frozen=True, kw_only=True)
class Registry:
    """What the registry file holds.

    Args:
        suites: Name of a suite to its facts.
        linked: Group to the group that stands for all of its origin; groups that stand alone are left out.
    """

    suites: Mapping[str, Mapping[str, Any]]
    linked: Mapping[str, str]

    def group(self, name: str) -> str:
        """The group that stands for all tables of the same origin."""
        return self.linked.get(name, name)

    def suite(self, name: str, modality: str) -> tuple[str, Mapping[str, Any]]:
        """Suite of a table and its facts."""
        for suite, facts in self.suites.items():
            if facts.get("modality") == modality and name.startswith(facts.get("prefix", "")):
                return suite, facts
        # Series are no tables, with or without a registry that says so.
        return modality, {"skipped": modality == "timeseries"}


def read_registry(path: Path | None = None) -> Registry:
    """Read a registry file.

    Args:
        path: TOML file; None: the repository's, where the package runs from one, else an empty registry.

    Raises:
        StorageError: The file does not exist or is no valid registry.
    """
    # Four levels up from this file lies the repository, when the package runs from one.
    file = path or Path(__file__).parents[4] / "meta_datasets" / "registry.toml"
    if not file.is_file():
        if path is not None:
            raise StorageError(f"registry {str(path)!r} does not exist.")
        return Registry(suites={}, linked={})
    return _read(file, file.stat().st_mtime_ns)


@functools.lru_cache(maxsize=8)
def _read(file: Path, _changed: int) -> Registry:
    try:
        suites = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StorageError(f"registry {str(file)!r} is not valid TOML: {error}.") from None
    linked: dict[str, str] = {}
    for entry in suites.pop(_ORIGINS, []):
        groups = entry.get("groups", [])
        for group in groups:
            if linked.setdefault(group, groups[0]) != groups[0]:
                raise StorageError(
                    f"registry {str(file)!r} links {group!r} to two origins.", fix="Make one entry of both."
                )
    # One object is handed to every caller, so nobody may write into it.
    return Registry(suites=MappingProxyType(suites), linked=MappingProxyType(linked))


def table_facts(folder: Path, *, registry: Path | None = None) -> list[TableFacts]:
    """The full facts of every table in a folder with an ``index.csv``, in the index's order.

    A file that the index lists twice under one name is one table.

    Args:
        folder: The shared meta data sets, or any folder with an index of the same form.
        registry: TOML file that says more of the suites; None: the repository's, where it is.

    Raises:
        StorageError: There is no index, or it or the registry cannot be read.
        InvalidInputError: The index lacks a column.
    """
    known = read_registry(registry)
    try:
        index = pd.read_csv(folder / INDEX)
    except (OSError, ValueError) as error:
        raise StorageError(f"the index of {str(folder)!r} cannot be read: {error}.") from None
    missing = [c for c in _NEEDED if c not in index.columns]
    if missing:
        raise InvalidInputError(
            f"the index lacks {', '.join(missing)}.", where=str(folder / INDEX), fix=f"It needs {', '.join(_NEEDED)}."
        )
    index = index.drop_duplicates(["name", "path"])
    index = index.astype(object).where(index.notna(), "")
    return [_facts(folder, row, known) for row in index.to_dict(orient="records")]


def _facts(folder: Path, row: Mapping[Any, Any], registry: Registry) -> TableFacts:
    name = str(row["name"])
    suite, facts = registry.suite(name, str(row["modality"]))
    return TableFacts(
        name=name,
        suite=suite,
        group=registry.group(str(row["group"])),
        domain=str(row.get("domain", "")) or _domain(name, facts),
        source=str(row["source"]),
        origin=str(facts.get("origin", "")) or str(row["source"]),
        licence=str(facts.get("licence", NOT_STATED)),
        form=str(facts.get("form", "")),
        construction=" ".join(str(facts.get("task", "as published")).split()),
        path=folder / str(row["path"]),
        target=str(row.get("target", "")),
        target_kind=str(row.get("target_kind", "")),
        wrong=str(facts.get("wrong", "")),
        skipped=bool(facts.get("skipped", False)),
    )


def _domain(name: str, facts: Mapping[str, Any]) -> str:
    for domain, names in facts.get("domains", {}).items():
        if name in names:
            return str(domain)
    return str(facts.get("domain", ""))
