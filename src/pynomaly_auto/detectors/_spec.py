"""What a detector declares about itself; everything else about it is derived from this."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pynomaly_auto import _optional
from pynomaly_auto.detectors._limits import Limit
from pynomaly_auto.detectors.views._trimming_cost import view_seconds
from pynomaly_auto.detectors.views._views import VIEW, VIEWS, Viewed
from pynomaly_auto.errors import NotApplicableError, SettingError, UnknownNameError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Family: TypeAlias = Literal["statistical", "proximity", "linear", "trees", "regression", "neural", "categorical"]
Method: TypeAlias = Literal["forest", "neighbours", "covariance", "marginal"]
AnomalyKind: TypeAlias = Literal["global", "local", "cluster", "dependency"]

# Milliseconds by which a view makes scoring one new row dearer: medians over 58 shared tables.
VIEW_ROW_MS = {"ranks": 0.09, "whitened": 0.07}
CHUNK_ROWS = 50_000  # rows scored at a time, so that a detector's temporary arrays stay bounded
_FEWEST_REFERENCE_ROWS = 500
_FEWEST_NEIGHBOURS = 10
_OWN = ("pynomaly_auto.", "sklearn.")  # packages whose estimators the tests know to work


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Cost class of one fit with scoring: seconds = base + unit · (rows/1000)^n_power · (features/10)^d_power.

    Beyond ``reference_rows`` the fit itself stops growing and only scoring does, linearly, at ``score_share`` of what
    the last row of the reference cost.

    Args:
        unit: Seconds for 1,000 rows and 10 features with default parameters on one core, measured.
        base: Seconds whatever the size, such as those of growing trees on samples, measured.
        n_power: Exponent in the number of rows.
        d_power: Exponent in the number of features.
        score_share: What scoring a row costs, as a share of fitting and scoring it.
        score_unit: Instead, seconds for scoring 1,000 further rows of 10 features, measured, where that does not
            depend on the size of the reference; or None.
        row_ms: Milliseconds of scoring one new row alone, measured; most of it is what any call costs.
        memory_mb: MB for 1,000 rows and 10 features, beyond the data itself; grows linearly with the rows.
        memory_d_power: Exponent of that memory in the number of features.
        memory_base_mb: MB whatever the size, such as that of blocks of pairs.
        factor: Multiplies the seconds by the effect of parameters (number of trees, neighbours, epochs).
        iterates: How long a fit takes depends on when it converges, so it may take many times what is declared.
    """

    unit: float
    base: float = 0.0
    n_power: float = 1.0
    d_power: float = 1.0
    score_share: float = 1.0
    score_unit: float | None = None
    row_ms: float = 0.15
    memory_mb: float = 1.0
    memory_d_power: float = 1.0
    memory_base_mb: float = 0.0
    factor: Callable[[Mapping[str, Any]], float] | None = None
    iterates: bool = False

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
        gpu: Can use a GPU.
        gpu_min_features: Fewest features with which one is taken unasked (``device="auto"``).
        needs_categories: Left out by rule of tables in which no column is a category or a text.
    """

    min_rows: int = 5
    max_rows: int | None = None
    min_features: int = 1
    max_features: int | None = None
    finds: frozenset[AnomalyKind] = frozenset({"global"})
    interpretability: float = 0.5
    deterministic: bool = True
    gpu: bool = False
    gpu_min_features: int = 1
    needs_categories: bool = False


@dataclass(frozen=True, kw_only=True)
class DetectorSpec:
    """One detector, declared.

    Args:
        name: What users call it, in snake case.
        title: Its name in the literature.
        family: The room it lives in.
        method: What it compares a row by, for rules that go by that; None: something else.
        alike: Name shared by detectors that rank rows almost alike: trying a second one adds little; None: no other.
        target: ``"package.module:attribute"`` of the estimator class, imported when first built.
        paper: Where it comes from.
        summary: One sentence on what it takes for anomalous.
        capabilities: Where it may be used.
        cost: What it costs in n and d.
        defaults: Parameters passed to the estimator unless tuned or overridden.
        space: Search space: parameter name to `optuna.distributions` distribution.
        limits: Parameter name to what its value may be; without one, whatever is given is tried.
        seed_parameter: Name of the parameter that takes the seed, or None.
        fit_method: How the estimator is fitted.
        score_method: The method that scores new rows.
        higher_is_anomalous: Direction of ``score_method``.
        train_scores: Attribute with the scores of the rows fitted on (in-sample, itself left out), or None to use
            ``score_method`` on them.
        reference_rows: Fit on at most that many rows, drawn at random; the others are scored as new rows.
        reference_pairs: Draw fewer still where rows times reference rows would exceed this, so that comparing every
            row with the reference stays bounded; at least 500.
        neighbours_parameter: Name of the parameter that counts neighbours, or None. Where ``reference_pairs`` leaves
            fewer reference rows than ``reference_rows``, it shrinks in proportion (to 10 at least), so that a
            neighbourhood keeps its share of the reference.
        extra: Package of an optional extra that it needs, or None.
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
    limits: Mapping[str, Limit] = field(default_factory=dict)
    seed_parameter: str | None = None
    fit_method: str = "fit"
    score_method: str = "decision_function"
    higher_is_anomalous: bool = True
    train_scores: str | None = "decision_scores_"
    reference_rows: int | None = None
    reference_pairs: int | None = None
    neighbours_parameter: str | None = None
    extra: str | None = None
    method: Method | None = None
    alike: str | None = None

    @property
    def viewable(self) -> bool:
        """Whether it takes a ``view`` of the table, which needs the usual methods."""
        usual = self.fit_method == "fit" and self.score_method == "decision_function"
        return usual and self.higher_is_anomalous

    def view(self, params: Mapping[str, Any]) -> str | None:
        """The view of the table that those parameters ask for; None: the table as it is."""
        view = {**self.defaults, **params}.get(VIEW, VIEWS[0]) if self.viewable else VIEWS[0]
        return None if view == VIEWS[0] else str(view)

    def kind(self) -> Any:
        """The estimator's class (or the function that makes one), imported."""
        module, _, attribute = self.target.partition(":")
        return getattr(importlib.import_module(module), attribute)

    @property
    def own(self) -> bool:
        """Whether its estimator is ours or scikit-learn's, all the way down, and not a third party's."""
        return self.target.startswith(_OWN) and self.extra is None

    @property
    def installed(self) -> bool:
        """Whether everything it needs is there."""
        return self.extra is None or _optional.available(self.extra)

    def build(self, params: Mapping[str, Any], *, seed: int) -> Any:
        """Make the unfitted estimator.

        Args:
            params: Values that replace the defaults; ``view`` names the view of the rows it is to work on.
            seed: Seed of everything random.

        Raises:
            MissingExtraError: A package of an optional extra is missing.
            UnknownNameError: A parameter is unknown to the estimator.
            SettingError: A parameter has a value it may not have.
        """
        if self.extra is not None and not self.installed:
            raise _optional.missing(self.extra)
        kind, view = self.kind(), self.view(params)
        values = {**self.defaults, **params}
        if self.viewable:
            values.pop(VIEW, None)
        if self.seed_parameter is not None:
            values.setdefault(self.seed_parameter, seed)
        try:
            estimator = kind(**values)
            return estimator if view is None else Viewed(estimator, view)
        except TypeError as error:
            unknown = [name for name in params if name not in self.defaults and name not in self.space]
            if unknown and "unexpected keyword" in str(error):
                raise UnknownNameError.of(
                    f"parameter of {self.name}", unknown[0], {*self.defaults, *self.space}
                ) from None
            raise SettingError(
                f"{self.name} does not take {values!r}: {error}.", where=f"detector {self.name}"
            ) from None

    def reference_size(self, n_rows: int) -> int:
        """How many of that many rows it is fitted on."""
        size = min(n_rows, self.reference_rows or n_rows)
        if self.reference_pairs is not None and size * n_rows > self.reference_pairs:
            size = min(size, max(_FEWEST_REFERENCE_ROWS, self.reference_pairs // n_rows))
        return size

    def scaled_to_reference(self, params: Mapping[str, Any], n_rows: int) -> Mapping[str, Any]:
        """The parameters to fit that many rows with: the count of neighbours follows a shrunk reference."""
        size = self.reference_size(n_rows)
        full = min(n_rows, self.reference_rows or n_rows)
        name = self.neighbours_parameter
        if name is None or size == full:
            return params
        wanted = {**self.defaults, **params}[name]
        return {**params, name: max(min(wanted, _FEWEST_NEIGHBOURS), round(wanted * size / full))}

    def seconds(self, n_rows: int, n_features: int, params: Mapping[str, Any] | None = None) -> float:
        """Expected seconds of fitting and scoring that many rows on one core."""
        fitted = self.reference_size(n_rows)
        size = float((fitted / 1000) ** self.cost.n_power * (n_features / 10) ** self.cost.d_power)
        values = {**self.defaults, **self.scaled_to_reference(params or {}, n_rows)}
        factor = self.cost.factor(values) if self.cost.factor else 1.0
        if self.cost.score_unit is None:
            further = self.cost.unit * size * self.cost.score_share * (n_rows / max(fitted, 1) - 1.0)
        else:
            wide = float((n_features / 10) ** self.cost.d_power)
            further = self.cost.score_unit * (n_rows - fitted) / 1000 * wide
        viewing = view_seconds(str(values.get(VIEW, "")), n_rows, n_features)
        return (self.cost.base + self.cost.unit * size + further) * factor + viewing

    def row_ms(self, params: Mapping[str, Any]) -> float:
        """Expected milliseconds of scoring one new row alone: the same on any machine, so that choices by it are."""
        return self.cost.row_ms + VIEW_ROW_MS.get(self.view(params) or "", 0.0)

    def memory_mb(self, n_rows: int, n_features: int) -> float:
        """Expected MB of fitting and scoring, beyond the data itself."""
        # Rows beyond the reference are scored a chunk at a time, so neither grows with the table any further.
        rows = n_rows if self.reference_rows is None else min(n_rows, max(self.reference_size(n_rows), CHUNK_ROWS))
        grown = float((rows / 1000) * (n_features / 10) ** self.cost.memory_d_power)
        return self.cost.memory_base_mb + self.cost.memory_mb * grown

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
