"""Configurations in the words of the documents this library grew out of, as our settings; see `shared/seeds`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pynomaly_auto._checks import is_number
from pynomaly_auto.errors import SettingError, shown

# What only groups other words, and whose own value says nothing.
_GROUPS = frozenset({
    "algorithm_constraints", "algorithm_selection", "anomaly_detection", "autonomous_mode", "constraints",
    "domain_context", "ensemble", "hyperparameter_tuning", "optimization", "resource_constraints", "target_metrics",
    "testing_profile",
})  # fmt: skip
_NOTES = frozenset({"name", "description"})  # of such a group
_SETTINGS = {
    "contamination_rate": "contamination", "cpu_cores": "n_jobs", "max_memory": "memory_limit",
    "max_training_time": "time_budget", "optimization_metric": "target_metric", "parallel_trials": "n_jobs",
    "optimization_objectives": "objectives", "primary": "target_metric", "target_metrics": "target_metric",
    "use_case": "preset",
}  # fmt: skip
# Word to the value that needs no setting, as it is always so, and what there is for another one.
_ALWAYS: Mapping[str, tuple[Any, str]] = {
    "auto_algorithm_selection": (True, "override(include=[...]) names the detectors yourself"),
    "auto_feature_selection": (True, "leave columns out of the table, or use --drop"),
    "auto_hyperparameter_tuning": (True, "override(params={...}) fixes parameters"),
    "auto_preprocessing": (True, "every table is encoded; what you prepare yourself is taken as it is"),
    "combination_method": ("weighted_voting", "how scores are combined is decided by what is known of the table"),
    "early_stopping": (True, "give n_trials to have all of them made"),
    "enabled": (True, "max_models=1 gives one model without an ensemble"),
    "meta_learning_enabled": (True, "PYNOMALY_KNOWLEDGE_BASE= in the environment leaves the knowledge base out"),
    "method": ("bayesian", "the search has no other method"),
    "optimization_direction": ("maximize", "every target_metric is maximised"),
    "pruning_enabled": (True, "give n_trials to have all of them made"),
    "selection_method": ("diversity", "members are chosen by quality and diversity; priorities weigh what counts"),
    "weight_optimization": (True, "set_threshold and set_contamination move the cut; weights are learned"),
}  # fmt: skip
_WATCHING = "nothing watches or refits a model by itself: judge(X) new rows, evaluate(X, y) later, fit again"
_UNLABELLED = "there are no labels to validate on; evaluate(X, y) measures a fitted detector when they come"
_PROFILING = "the profile needs no settings"
_ENCODING = "every table is encoded by itself; prepare columns beforehand where you know better"
_ABSENT = {
    "adaptation": _WATCHING, "adaptation_enabled": _WATCHING, "adaptation_strategy": _WATCHING,
    "alert_thresholds": _WATCHING, "drift_detection": _WATCHING, "drift_sensitivity": _WATCHING,
    "max_model_age": _WATCHING, "monitoring": _WATCHING, "monitoring_interval": _WATCHING,
    "retraining_threshold": _WATCHING,
    "cross_validation": _UNLABELLED, "minimum_threshold": _UNLABELLED, "validation_split": _UNLABELLED,
    "data_quality_thresholds": _UNLABELLED,
    "correlation_threshold": _PROFILING, "data_analysis": _PROFILING, "outlier_methods": _PROFILING,
    "pattern_detection": _PROFILING, "sample_size": _PROFILING, "statistical_tests": _PROFILING,
    "encoding": _ENCODING, "feature_selection": _ENCODING, "missing_strategy": _ENCODING, "scaling": _ENCODING,
    "cold_start_algorithms": "override(force=[...]) has detectors tried and heard",
    "confidence_threshold": "alert_budget bounds the rows flagged; judge(X).confidence tells how sure each label is",
    "deterministic": "give n_trials and random_state; or guided_setup(constraints={'deterministic': True})",
    "diversity_weight": "priorities weigh accuracy, speed and interpretability",
    "interpretable": "priorities, or guided_setup(constraints={'interpretable': True})",
    "max_candidates": "max_models bounds the ensemble, override(include=[...]) the candidates",
    "performance_weight": "priorities weigh accuracy, speed and interpretability",
    "preferred_families": "override(include=[...]) names detectors; `pynomaly detectors --family` lists them",
    "reporting": "report(path), or --output of the command line, writes what was found",
    "sensitivity_level": "contamination, target_metric or alert_budget move the cut",
}  # fmt: skip
_ALGORITHMS = {
    "ellipticenvelope": "elliptic_envelope", "isolationforest": "iforest", "localoutlierfactor": "lof",
    "minibatchkmeans": "mini_batch_kmeans", "oneclasssvm": "ocsvm",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Worded:
    """What a configuration says.

    Args:
        values: Our settings, and whatever is neither ours nor the documents'.
        became: Word, setting and value, of each word that became one.
        needless: Word and value, of each word that says what is always so.
    """

    values: dict[str, Any] = field(default_factory=dict)
    became: tuple[tuple[str, str, Any], ...] = ()
    needless: tuple[tuple[str, Any], ...] = ()


def worded(given: Mapping[str, Any], where: str, ours: frozenset[str]) -> Worded:
    """Read a configuration in our words, the documents', or both.

    Args:
        given: Word to value; groups of the documents may hold groups.
        where: What it is, for messages.
        ours: Names of our settings.

    Raises:
        SettingError: It says what is no setting here (all such words are named at once, with what there is instead),
            or two words say different things of one setting.
    """
    reader = _Reader(where, ours)
    reader.read(given, inside=False)
    return reader.done()


class _Reader:
    def __init__(self, where: str, ours: frozenset[str]) -> None:
        self.where, self.ours = where, ours
        self.values: dict[str, Any] = {}
        self.said: dict[str, str] = {}  # setting to the word it comes from
        self.became: list[tuple[str, str, Any]] = []
        self.needless: list[tuple[str, Any]] = []
        self.absent: list[str] = []
        self.weights: dict[str, Any] = {}

    def read(self, given: Mapping[str, Any], *, inside: bool) -> None:
        for word, value in given.items():
            if word in self.ours:
                self._take(word, word, value)
            elif word in _GROUPS and (value is None or isinstance(value, (Mapping, bool))):
                if value is False:
                    self.absent.append(f"{word}=False: leave it out")
                self.read(value if isinstance(value, Mapping) else {}, inside=True)
            elif word in _SETTINGS:
                self._take(word, _SETTINGS[word], value)
            elif word == "excluded_algorithms":
                self._exclude(value)
            elif word == "gpu_enabled":
                self._gpu(value)
            elif word in ("interpretability_weight", "speed_weight"):
                self.weights[word] = value
            elif word in _ALWAYS and (inside or word not in ("enabled", "method")):
                self._always(word, value)
            elif word in _ABSENT:
                off = value is False or (isinstance(value, Mapping) and value.get("enabled") is False)
                self.needless.append((word, value)) if off else self.absent.append(f"{word}: {_ABSENT[word]}")
            elif not (inside and word in _NOTES):
                self.values[word] = value  # whoever checks the settings' names says that it is none

    def done(self) -> Worded:
        if self.weights:
            self._weigh()
        if self.absent:
            raise SettingError(
                f"{len(self.absent)} of its words have no setting here.", where=self.where,
                fix=f"Take them out. {'; '.join(self.absent)}.",
            )  # fmt: skip
        return Worded(values=self.values, became=tuple(self.became), needless=tuple(self.needless))

    def _take(self, word: str, setting: str, value: Any) -> None:
        before = self.said.get(setting)
        if before is not None and before != word and self.values[setting] != value:
            raise SettingError(
                f"{before} and {word} both mean {setting}, and differ.", where=self.where, fix="Give one of them."
            )
        self.values[setting], self.said[setting] = value, word
        if word != setting:
            self.became.append((word, setting, value))

    def _always(self, word: str, value: Any) -> None:
        usual, instead = _ALWAYS[word]
        if type(value) in (bool, int, float, str) and value == usual:
            self.needless.append((word, value))
        else:
            self.absent.append(f"{word}={shown(value)}: {instead}")

    def _exclude(self, value: Any) -> None:
        given = [value] if isinstance(value, str) else list(value or ()) if isinstance(value, (list, tuple)) else None
        if given is None or not all(isinstance(name, str) for name in given):
            raise SettingError(f"excluded_algorithms is {shown(value)}.", where=self.where, fix="Give a list of names.")
        names = [_ALGORITHMS.get(name.lower().replace("_", ""), name.lower()) for name in given]
        if not names:
            self.needless.append(("excluded_algorithms", value))
        else:
            self._take("excluded_algorithms", "overrides", {"exclude": names, "reason": "excluded_algorithms"})

    def _gpu(self, value: Any) -> None:
        if not isinstance(value, bool):
            raise SettingError(f"gpu_enabled is {shown(value)}.", where=self.where, fix="Give true or false.")
        self._take("gpu_enabled", "device", "auto" if value else "cpu")

    def _weigh(self) -> None:
        if not all(is_number(weight) and 0 <= weight <= 1 for weight in self.weights.values()):
            raise SettingError(
                f"{' and '.join(self.weights)} are {shown(list(self.weights.values()))}.", where=self.where,
                fix="Give shares from 0 to 1.",
            )  # fmt: skip
        rest = max(0.0, 1.0 - sum(self.weights.values()))
        weights = {word.removesuffix("_weight"): float(weight) for word, weight in self.weights.items()}
        self._take(" and ".join(self.weights), "priorities", {"accuracy": rest, **weights})
