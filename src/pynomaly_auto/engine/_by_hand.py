"""What people decide themselves before a fit: overrides, and the guided set-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from pynomaly_auto.records import Guidance

if TYPE_CHECKING:
    from datetime import datetime

    from pynomaly_auto._overrides import Override


class ByHand:
    """The methods of a detector by which people decide what it may and must use."""

    config: Any

    if TYPE_CHECKING:

        def get_params(self, deep: bool = True) -> dict[str, Any]:
            """The estimator's own."""

    def override(
        self,
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        force: Sequence[str] = (),
        params: Mapping[str, Mapping[str, Any]] | None = None,
        reason: str = "asked for by the user",
        until: datetime | str | None = None,
    ) -> Self:
        """Decide by hand what the next ``fit`` may use; the reason goes into the record.

        Every such decision has an id and stays in `override_history`; `clear_override` ends it.

        Args:
            include: Only these detectors are candidates.
            exclude: These are none.
            force: These are tried and kept whatever the ranking says, and count: each has at least 20 % of the final
                score (of more than three, 60 % together).
            params: Detector name to parameter values that are not to be tuned. As nothing is known of a detector with
                such parameters, it has at least 10 % of the ensemble's score.
            reason: Why.
            until: When it ends by itself; without a time zone, local time. None: when it is cleared.

        Raises:
            UnknownNameError: A detector or a parameter of one is unknown.
            SettingError: It contradicts another one, or ends in the past.
        """
        changes = {"include": include, "exclude": exclude, "force": force, "params": params}
        from pynomaly_auto.engine._configuration import with_override

        self.config = with_override(self.config, changes, reason=reason, until=until)
        return self

    def clear_override(self, override_id: str) -> bool:
        """End one decision taken by hand; whether it was in force until now.

        Raises:
            UnknownNameError: There is no such decision.
        """
        from pynomaly_auto.engine._configuration import without_override

        self.config, was = without_override(self.config, override_id)
        return was

    @property
    def override_history(self) -> tuple[Override, ...]:
        """Every decision taken by `override`, those that are cleared or over among them."""
        from pynomaly_auto.engine._configuration import override_history

        return override_history(self.config)

    def guided_setup(
        self,
        data_preview: Any = None,
        priorities: Mapping[str, float] | None = None,
        constraints: Mapping[str, Any] | None = None,
    ) -> Guidance:
        """Say which configuration would be used, and why; pass it on as ``config=``.

        Args:
            data_preview: Some rows of the table, or None.
            priorities: Weights of ``"accuracy"``, ``"speed"`` and ``"interpretability"``.
            constraints: Any of ``max_training_time`` (seconds), ``max_memory``, ``max_models``, ``contamination``,
                ``interpretable``, ``deterministic``, ``excluded_algorithms``, ``n_jobs``, ``domain``, ``preset``.
        """
        from pynomaly_auto.engine._configuration import given_by_hand, guided_by, resolve
        from pynomaly_auto.engine._pipeline import look_at
        from pynomaly_auto.recommending import guide

        given = self.get_params(deep=False)
        settings, reasons = resolve(given)
        profile = None if data_preview is None else look_at(data_preview, seed=settings.random_state or 0)[1]
        preset = {"preset": settings.preset} if settings.preset else {}
        guided = guide(profile, priorities, {**preset, **(constraints or {})})
        return guided_by(settings, reasons, given_by_hand(given), guided)
