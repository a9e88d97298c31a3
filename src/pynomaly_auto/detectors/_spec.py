"""What a detector declares about itself; everything else about it is derived from this."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pynomaly_auto import _optional
from pynomaly_auto.errors import NotApplicableError, SettingError, UnknownNameError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Family: TypeAlias = Literal["statistical", "proximity", "linear", "trees", "regression", "neural"]
AnomalyKind: TypeAlias = Literal["global", "local", "cluster", "dependency"]


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Cost class of one fit with scoring: seconds = unit · (rows/1000)^n_power · (features/10)^d_power.

    Beyond ``reference_rows`` the fit itself stops growing and only scoring does, linearly: by ``score_unit`` for every
    1,000 further rows where it is given, else at the price of the rows fitted on.

    Args:
        unit: Seconds for 1,000 rows and 10 features with default parameters on one core, measured.
        n_power: Exponent in the number of rows.
        d_power: Exponent in the number of features.
        memory_mb: MB for 1,000 rows and 10 features, beyond the data itself; grows linearly with both.
        score_unit: Seconds for scoring 1,000 further rows of 10 features, measured, or None.
        factor: Multiplies the seconds by the effect of parameters (number of trees, neighbours, epochs).
    """

    unit: float
    n_power: float = 1.0
    d_power: float = 1.0
    memory_mb: float = 1.0
    score_unit: float | None = None
    factor: Callable[[Mapping[str, Any]], float] | None = None

    @property
    def label(self) -> str:
        """Such as ``"n² d"``, for reasons and tables."""
        signs = {0.0: "", 1.0: "{}", 2.0: "{}²", 3.0: "{}³"}
        parts = [signs.get(p, "{}^" + f"{p:g}").format(v) for v, p in (("n", self.n_power), ("d", self.d_power))]
        return " ".join(p for p in parts if p) or "constant"


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """Where a detector may be used, and what it is good at.

    Args:
        min_rows: Fewest rows it can be fitted on.
        max_rows: Most rows worth trying (beyond: vetoed by rule), or None.
        min_features: Fewest features it makes sense on.
        max_features: Most features worth trying, or None.
        finds: Kinds of anomalies it is good at.
        interpretability: From 0 (opaque) to 1 (each score can be read off).
        deterministic: The seed makes no difference.
        gpu: Uses a GPU when one is there.
    """

    min_rows: int = 5
    max_rows: int | None = None
    min_features: int = 1
    max_features: int | None = None
    finds: frozenset[AnomalyKind] = frozenset({"global"})
    interpretability: float = 0.5
    deterministic: bool = True
    gpu: bool = False


@dataclass(frozen=True, kw_only=True)
class DetectorSpec:
    """One detector, declared.

    Args:
        name: What users call it, in snake case.
        title: Its name in the literature.
        family: The room it lives in.
        target: ``"package.module:attribute"`` of the estimator class, imported when first built.
        paper: Where it comes from.
        summary: One sentence on what it takes for anomalous.
        capabilities: Where it may be used.
        cost: What it costs in n and d.
        defaults: Parameters passed to the estimator unless tuned or overridden.
        space: Search space: parameter name to `optuna.distributions` distribution.
        seed_parameter: Name of the parameter that takes the seed, or None.
        fit_method: How the estimator is fitted.
        score_method: The method that scores new rows.
        higher_is_anomalous: Direction of ``score_method``.
        train_scores: Attribute with the scores of the rows fitted on (in-sample, itself left out), or None to use
            ``score_method`` on them.
        reference_rows: Fit on at most that many rows, drawn at random; the others are scored as new rows.
        extra: Package of an optional extra that it needs, or None.
        codec: How its fitted state is stored: ``"skops"``, ``"isotree"`` or ``"torch"``.
    """

    name: str
    title: str
    family: Family
    target: str
    paper: str
    summary: str
    cost: Cost
    capabilities: Capabilities = field(default_factory=Capabilities)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    space: Mapping[str, BaseDistribution] = field(default_factory=dict)
    seed_parameter: str | None = None
    fit_method: str = "fit"
    score_method: str = "decision_function"
    higher_is_anomalous: bool = True
    train_scores: str | None = "decision_scores_"
    reference_rows: int | None = None
    extra: str | None = None
    codec: Literal["skops", "isotree", "torch"] = "skops"

    @property
    def installed(self) -> bool:
        """Whether everything it needs is there."""
        return self.extra is None or _optional.available(self.extra)

    def build(self, params: Mapping[str, Any], *, seed: int) -> Any:
        """Make the unfitted estimator.

        Args:
            params: Values that replace the defaults.
            seed: Seed of everything random.

        Raises:
            MissingExtraError: A package of an optional extra is missing.
            UnknownNameError: A parameter is unknown to the estimator.
        """
        if self.extra is not None and not self.installed:
            raise _optional.missing(self.extra)
        module, _, attribute = self.target.partition(":")
        kind = getattr(importlib.import_module(module), attribute)
        values = {**self.defaults, **params}
        if self.seed_parameter is not None:
            values.setdefault(self.seed_parameter, seed)
        try:
            return kind(**values)
        except TypeError as error:
            unknown = [name for name in params if name not in self.defaults and name not in self.space]
            if unknown and "unexpected keyword" in str(error):
                raise UnknownNameError.of(
                    f"parameter of {self.name}", unknown[0], {*self.defaults, *self.space}
                ) from None
            raise SettingError(
                f"{self.name} does not take {values!r}: {error}.", where=f"detector {self.name}"
            ) from None

    def seconds(self, n_rows: int, n_features: int, params: Mapping[str, Any] | None = None) -> float:
        """Expected seconds of fitting and scoring that many rows on one core."""
        fitted = min(n_rows, self.reference_rows or n_rows)
        size = float((fitted / 1000) ** self.cost.n_power * (n_features / 10) ** self.cost.d_power)
        factor = self.cost.factor({**self.defaults, **(params or {})}) if self.cost.factor else 1.0
        if self.cost.score_unit is None:
            return self.cost.unit * size * n_rows / max(fitted, 1) * factor
        scored = (n_rows - fitted) / 1000 * float((n_features / 10) ** self.cost.d_power)
        return (self.cost.unit * size + self.cost.score_unit * scored) * factor

    def memory_mb(self, n_rows: int, n_features: int) -> float:
        """Expected MB of fitting, beyond the data itself."""
        return self.cost.memory_mb * (n_rows / 1000) * (n_features / 10)

    def check_applies(self, n_rows: int, n_features: int) -> None:
        """Say whether it can be fitted on a table of that shape at all.

        Raises:
            NotApplicableError: It cannot; the message says why.
        """
        c = self.capabilities
        if n_rows < c.min_rows:
            raise NotApplicableError(f"{self.name} needs at least {c.min_rows} rows, not {n_rows}.")
        if n_features < c.min_features:
            raise NotApplicableError(
                f"{self.name} needs at least {c.min_features} features, the table has {n_features}."
            )
        if not self.installed:
            raise NotApplicableError(str(_optional.missing(self.extra or "")))
