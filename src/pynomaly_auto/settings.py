"""Settings: frozen, validated once, from keyword arguments, TOML or YAML."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from pynomaly_auto._checks import flag, is_number, is_whole, one_line, path_of
from pynomaly_auto._conventions import Conventions
from pynomaly_auto._devices import parse_device
from pynomaly_auto._known import expected_sides, weights_of
from pynomaly_auto._machine import usable_cores
from pynomaly_auto._objectives import parse_objectives
from pynomaly_auto._overrides import Overrides
from pynomaly_auto._quantities import parse_alert_budget, parse_bytes, parse_share
from pynomaly_auto._rules import checked as checked_rules
from pynomaly_auto._targets import TARGET_METRICS, Costs, OwnMetric, Target, parse_target
from pynomaly_auto._wording import Worded, worded
from pynomaly_auto.errors import SettingError, StorageError, UnknownNameError, shown

__all__ = ["TARGET_METRICS", "Conventions", "Overrides", "Settings", "read_mapping", "read_words"]

BACKENDS = ("local", "ray")
PRIORITIES = ("accuracy", "speed", "interpretability")
GEOMETRIES = ("auto", "plain")
CELLS = ("auto", "always", "off")

_KNOWN = ("expect", "rules", "column_weights", "objectives")
_MOST_EMPHASIS = 2.0  # beyond, a single detector would overrule all that was learned
_LARGEST = 10**9  # seconds, trials or models; what counts them further on has its limits, too


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything a run is asked to do; validated when made, never changed afterwards.

    Args:
        preset: Name of the domain preset whose values were taken as defaults, or None.
        time_budget: Wall-clock seconds for the whole of ``fit``; None: no limit (then ``n_trials`` must be given).
        n_trials: Number of trials; when given, results do not depend on the clock or on the number of workers.
        contamination: Expected share of anomalies in (0, 0.5], or ``"auto"``.
        target_metric: What the threshold should serve: one of `TARGET_METRICS`, of which ``"f1"``, ``"precision"`` and
            ``"recall"`` move it; ``"precision_at_50"``: so many rows are labelled; what mistakes cost, such as
            ``{"false_alarm": 1, "miss": 20}`` (with ``"hit"`` and ``"passed"``, or as the matrix
            ``[[passed, false_alarm], [miss, hit]]``): rows are labelled as long as that is the cheaper choice; or a
            function of the true and the flagged rows, each of 0 and 1, of which the larger value is the better.
            None, and all other names: as many rows are labelled as anomalies are expected.
        alert_budget: The most rows anybody can look at: a number of rows, a share of them in (0, 1), or rows per
            period of the table's time such as ``"20/day"``; None: no limit.
        max_models: Most members in the ensemble; None: as many as the budget and their gain allow.
        n_jobs: Worker processes; None: one per usable core; -1 likewise. More get further in a time budget; with
            ``n_trials`` they change nothing in the result.
        backend: Where trials run: ``"local"`` or ``"ray"``; changes nothing in the result of ``n_trials``.
        address: The Ray cluster: ``"auto"`` (the one of this machine), ``"ray://host:port"`` or ``"host:port"``; None:
            that in ``RAY_ADDRESS``, else one of our own, which ends with the run. With ``n_trials`` it changes
            nothing in the result.
        resources_per_trial: What one trial takes of the cluster: ``"cpu"``, ``"gpu"`` (fractions are shares of one;
            only trials that use a GPU ask for it) and any other of Ray's resources; None: one core, and a GPU for who
            uses one. With ``n_trials`` it changes nothing in the result.
        device: Where detectors compute that can use a GPU: ``"auto"``: on one that is there, where that pays;
            ``"cpu"``; ``"cuda"``, or of several ``"cuda:1"``: there, whatever the table. Changes nothing in the result
            but by rounding; networks that train elsewhere come out a little different.
        memory_limit: Most memory of the run, all processes together: the table, what is made of it, and what workers
            need, beside the 0.2 GB or so that Python and its packages take; bytes, or text such as ``"2GB"``. What does
            not fit gets a smaller plan, with a reason. None: most of what is free.
        compute_budget: Share of the machine's cores and memory in (0, 1], such as 0.5 or ``"50%"``; with ``n_jobs`` and
            ``memory_limit`` the less counts. Where the memory is enough, it changes nothing in the result.
        novelty: The training rows are all taken as normal (one-class detection).
        tracking: None: the local default store; False: off; or an MLflow tracking URI. Where a run is recorded changes
            nothing in the result but warnings.
        experiment_name: MLflow experiment; None: ``"pynomaly_auto"``. Changes nothing in the result.
        random_state: Seed of everything random; None: a fresh one, recorded.
        verbose: 0 silent, 1 progress bar when in a terminal or notebook, 2 also one line per trial. Changes nothing in
            the result.
        priorities: Weights of accuracy, speed and interpretability; normalised to sum to 1.
        overrides: Decisions taken by hand.
        domain: Field of application, used by rules and presets, for example ``"finance"``.
        geometry: How columns become numbers. ``"auto"``: where some are categories, texts or dates, amounts are put on
            a logarithmic scale, levels are standardised, and rarities stand beside them; tables of numbers as they
            are. ``"plain"``: every table as one of numbers.
        cells: Whether single cells are looked at, listed in ``result_.cells`` and counted in the rows' scores:
            ``"auto"``: in tables of several kinds of columns; ``"always"``: in tables of numbers, too; ``"off"``:
            never. With ``novelty`` nobody looks at them, as the models that weigh them know contaminated tables only.
        emphasis: What is to count for more than was learned, where cells are looked at: name of a cell detector
            (``"burst"``) or a member, with its view where it has one (``"lof:whitened"``), to a weight in [0, 2]. For
            each bit of evidence, the row's log₂ odds of being an anomaly grow by the weight; of a member only bits
            above four count, which few rows have. It changes the order of the rows, not the estimated share of
            anomalies.
        reading: How numbers and dates in texts are written, where the texts cannot tell: any of ``decimal``,
            ``thousands`` and ``dates``, each for all columns or by column; see `Conventions`.
        expect: Column to the side of its values that is suspicious: ``"high"``, ``"low"`` or ``"both"``.
        rules: What is always so of rows: a text or several, as in ``"age > 120"``, whose rows are anomalies, or a
            mapping from text to ``"anomaly"`` or ``"normal"``.
        column_weights: Column to its weight in [0, 5]; 0: nothing looks at it; 1: as it is.
        objectives: What the model is to be good at, beside being right: names such as
            ``["quality", "latency", "size"]``, which count alike, or name to weight, or the documents' ``primary`` and
            ``secondary``; see `parse_objectives`. None: all members are kept, whatever they cost.
    """

    preset: str | None = None
    time_budget: float | None = 60.0
    n_trials: int | None = None
    contamination: float | str = "auto"
    target_metric: Target | None = None
    alert_budget: int | float | str | None = None
    max_models: int | None = None
    n_jobs: int | None = None
    backend: str = "local"
    address: str | None = None
    resources_per_trial: Mapping[str, float] | None = None
    device: str = "auto"
    memory_limit: int | str | None = None
    compute_budget: float | str = 1.0
    novelty: bool = False
    tracking: bool | str | None = None
    experiment_name: str | None = None
    random_state: int | None = None
    verbose: int = 1
    priorities: Mapping[str, float] = field(
        default_factory=lambda: {"accuracy": 0.6, "speed": 0.2, "interpretability": 0.2}
    )
    overrides: Overrides = field(default_factory=Overrides)
    domain: str | None = None
    geometry: str = "auto"
    cells: str = "auto"
    emphasis: Mapping[str, float] = field(default_factory=dict)
    reading: Conventions = field(default_factory=Conventions)
    expect: Mapping[str, str] | None = None
    rules: Any = None
    column_weights: Mapping[str, float] | None = None
    objectives: Any = None

    def __post_init__(self) -> None:
        checks = {
            "preset": one_line("preset", self.preset),
            "time_budget": _time_budget(self.time_budget, self.n_trials),
            "n_trials": _count("n_trials", self.n_trials),
            "contamination": _contamination(self.contamination),
            "target_metric": parse_target(self.target_metric),
            "alert_budget": parse_alert_budget(self.alert_budget),
            "max_models": _count("max_models", self.max_models),
            "n_jobs": _n_jobs(self.n_jobs),
            "memory_limit": parse_bytes(self.memory_limit),
            "compute_budget": parse_share("compute_budget", self.compute_budget),
            "backend": one_line("backend", self.backend),
            "address": one_line("address", self.address),
            "resources_per_trial": _resources(self.resources_per_trial),
            "device": parse_device(self.device),
            "novelty": flag("novelty", self.novelty),
            "tracking": _tracking(self.tracking),
            "experiment_name": one_line("experiment_name", self.experiment_name),
            "random_state": _seed(self.random_state),
            "verbose": _verbose(self.verbose),
            "priorities": _priorities(self.priorities),
            "overrides": self.overrides if isinstance(self.overrides, Overrides) else _overrides(self.overrides),
            "domain": one_line("domain", self.domain),
            "geometry": one_line("geometry", self.geometry),
            "cells": _cells(self.cells),
            "emphasis": _emphasis(self.emphasis),
            "reading": Conventions.of(self.reading),
            "expect": expected_sides(self.expect),
            "rules": checked_rules(self.rules),
            "column_weights": weights_of(self.column_weights),
            "objectives": parse_objectives(self.objectives),
        }
        if checks["backend"] not in BACKENDS:
            raise UnknownNameError.of("backend", self.backend, BACKENDS)
        for name in ("address", "resources_per_trial"):
            if checks[name] and checks["backend"] != "ray":
                raise SettingError(
                    f"{name} is {shown(checks[name])}, and backend is 'local'.", fix="Give backend='ray'."
                )
        if checks["geometry"] not in GEOMETRIES:
            raise UnknownNameError.of("geometry", self.geometry, GEOMETRIES)
        for name, value in checks.items():
            object.__setattr__(self, name, value)

    @property
    def workers(self) -> int:
        """Number of worker processes."""
        asked = usable_cores() if self.n_jobs in (None, -1) else int(self.n_jobs or 1)
        share = float(self.compute_budget)
        return asked if share >= 1.0 else min(asked, max(1, int(share * usable_cores())))

    @property
    def regime(self) -> str:
        """Name of the regime: how the training rows are taken."""
        return "novelty" if self.novelty else "contaminated"

    def to_dict(self) -> dict[str, Any]:
        """Plain values only, as `from_mapping` takes them."""
        out = {f.name: getattr(self, f.name) for f in fields(self)}
        out["priorities"] = dict(self.priorities)
        out["emphasis"] = dict(self.emphasis)
        out["resources_per_trial"] = None if self.resources_per_trial is None else dict(self.resources_per_trial)
        out["overrides"] = self.overrides.to_dict()
        if isinstance(self.target_metric, (Costs, OwnMetric)):
            out["target_metric"] = self.target_metric.to_dict()
        out["reading"] = self.reading.to_dict()
        out |= {name: dict(known) for name in _KNOWN if (known := out[name]) is not None}
        return out

    def with_(self, **changes: Any) -> Settings:
        """A copy with some values replaced, validated anew."""
        _check_names(changes, "settings")
        return replace(self, **changes)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], *, where: str = "settings") -> Settings:
        """Make settings from plain values, in our words or those of the documents (``cpu_cores`` for ``n_jobs``).

        Raises:
            UnknownNameError: A key is none of the settings.
            SettingError: A value lies outside what it may be.
        """
        if not isinstance(values, Mapping):
            raise SettingError(f"{where} is {shown(values)}.", fix="Give a mapping from setting to value.")
        said = read_words(values, where).values
        _check_names(said, where)
        return cls(**said)

    @classmethod
    def from_file(cls, path: str | Path) -> Settings:
        """Read settings from a ``.toml``, ``.yaml`` or ``.yml`` file.

        Raises:
            StorageError: The file cannot be read or parsed.
        """
        return cls.from_mapping(read_mapping(path), where=str(path))


def read_mapping(path: str | Path) -> dict[str, Any]:
    """Read a TOML or YAML file into a mapping; YAML is loaded safely.

    Raises:
        StorageError: The file is missing, of another kind, or does not parse.
    """
    path = path_of(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:  # not text, or a name that no file can have
        told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise StorageError(
            f"cannot read {shown(path.name)}: {told}.", fix="Give an existing TOML or YAML file."
        ) from None
    if path.suffix == ".toml":
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise StorageError(f"{path.name!r} is not valid TOML: {error}.") from None
    if path.suffix not in {".yaml", ".yml"}:
        raise StorageError(f"{path.name!r} is neither TOML nor YAML.", fix="Name it .toml, .yaml or .yml.")
    import yaml

    try:
        loaded = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise StorageError(f"{path.name!r} is not valid YAML: {error}.") from None
    if not isinstance(loaded, dict):
        raise StorageError(
            f"{path.name!r} holds {type(loaded).__name__}, not a mapping.", fix="Write 'name: value' lines."
        )
    return loaded


def read_words(values: Mapping[str, Any], where: str) -> Worded:
    """What a configuration says, in our settings' words.

    Raises:
        SettingError: It says what is no setting here, or two things of one setting.
    """
    return worded(values, where, frozenset(f.name for f in fields(Settings)))


def _check_names(values: Mapping[str, Any], where: str) -> None:
    known = {f.name for f in fields(Settings)}
    for name in values:
        if name not in known:
            error = UnknownNameError.of("setting", name, known)
            raise UnknownNameError(error.what, where=where, fix=error.fix)


def _verbose(value: Any) -> int:
    if isinstance(value, bool) or (is_whole(value) and int(value) >= 0):
        return min(int(value), 2)
    raise SettingError(f"verbose is {shown(value)}.", fix="Give 0, 1 or 2.")


def _tracking(value: Any) -> bool | str | Path | None:
    if value is None or value is False or isinstance(value, Path):
        return value
    if isinstance(value, str) and value.isprintable():
        return str(value)
    raise SettingError(f"tracking is {shown(value)}.", fix="Use None (local store), False (off) or a tracking URI.")


def _time_budget(value: float | None, n_trials: int | None) -> float | None:
    if value is None:
        if n_trials is None:
            raise SettingError("time_budget and n_trials are both None.", fix="Give at least one of them.")
        return None
    if not is_number(value) or not 0 < value <= _LARGEST:
        fix = f"Give seconds greater than 0 and up to {_LARGEST:,}, or None with n_trials."
        raise SettingError(f"time_budget is {shown(value)}.", fix=fix)
    return float(value)


def _count(name: str, value: Any) -> int | None:
    if value is None:
        return None
    if is_whole(value) and 1 <= int(value) <= _LARGEST:
        return int(value)
    raise SettingError(f"{name} is {shown(value)}.", fix="Give a whole number of at least 1, or None.")


def _n_jobs(value: Any) -> int | None:
    return -1 if is_whole(value) and int(value) == -1 else _count("n_jobs", value)


def _contamination(value: float | str) -> float | str:
    if isinstance(value, str):
        if value == "auto":
            return value
    elif is_number(value) and 0 < float(value) <= 0.5:
        return float(value)
    raise SettingError(f"contamination is {shown(value)}.", fix="Give a share in (0, 0.5], or 'auto'.")


def _cells(value: Any) -> str:
    if value is False:  # what YAML 1.1 makes of a bare off
        return "off"
    if (name := one_line("cells", value)) not in CELLS:
        raise UnknownNameError.of("way of looking at cells", value, CELLS)
    return str(name)


def _emphasis(value: Any) -> dict[str, float]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise SettingError(
            f"emphasis is {shown(value)}.", fix="Give a mapping from cell detector or member to a weight."
        )
    if not all(is_number(w) and 0 <= w <= _MOST_EMPHASIS for w in value.values()):
        raise SettingError(f"emphasis is {shown(dict(value))}.", fix=f"Give weights from 0 to {_MOST_EMPHASIS:g}.")
    return {name: float(w) for name, w in value.items() if w > 0}


def _resources(value: Any) -> dict[str, float] | None:
    fix = "Give a mapping such as {'cpu': 1, 'gpu': 0.5}: above 0 for cpu, from 0 for all else, above 1 whole."
    if value is None:
        return None
    if not isinstance(value, Mapping) or not all(isinstance(n, str) and n and n.isprintable() for n in value):
        raise SettingError(f"resources_per_trial is {shown(value)}.", fix=fix)
    named = {n.lower() if n.lower() in ("cpu", "gpu") else n: v for n, v in value.items()}
    for name, amount in named.items():
        least = is_number(amount) and (amount > 0 if name == "cpu" else amount >= 0) and amount <= _LARGEST**2
        if not least or (amount > 1 and amount != int(amount)):  # as Ray has it
            raise SettingError(f"resources_per_trial is {shown(dict(value))}.", fix=fix)
    return {name: float(amount) for name, amount in named.items()} or None


def _seed(value: Any) -> int | None:
    if value is None:
        return None
    if is_whole(value) and 0 <= int(value) < 2**32:
        return int(value)
    raise SettingError(f"random_state is {shown(value)}.", fix="Give a whole number from 0 to 2**32 - 1, or None.")


def _priorities(value: Any) -> dict[str, float]:
    if not isinstance(value, Mapping):
        raise SettingError(
            f"priorities are {shown(value)}.", fix=f"Give a mapping from any of {', '.join(PRIORITIES)}."
        )
    for name in value:
        if name not in PRIORITIES:
            raise UnknownNameError.of("priority", name, PRIORITIES)
    weights = {name: value.get(name, 0.0) for name in PRIORITIES}
    if not all(is_number(w) and w >= 0 for w in weights.values()) or sum(weights.values()) <= 0:
        raise SettingError(
            f"priorities are {shown(dict(value))}.", fix="Give weights of at least 0, one of them positive."
        )
    total = sum(weights.values())
    return {name: float(w) / total for name, w in weights.items()}


def _overrides(value: Any) -> Overrides:
    names = {f.name for f in fields(Overrides)}
    if not isinstance(value, Mapping):
        raise SettingError(
            f"overrides is {shown(value)}.", fix=f"Give a mapping with any of {', '.join(sorted(names))}."
        )
    for name in value:
        if name not in names:
            raise UnknownNameError.of("override", name, names)
    return Overrides(**value)
