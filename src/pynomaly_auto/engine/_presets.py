"""One constructor per domain preset, so that editors can complete them."""

from __future__ import annotations

from typing import Any, Self

from pynomaly_auto.errors import SettingError


class FromPresets:
    """The constructors ``for_<preset>``; keywords win over the preset's values."""

    @classmethod
    def for_data_quality(cls, **kw: Any) -> Self:
        """Tables in which single cells are wrong: typos, swapped values, slipped digits, broken dependencies.

        ``result_.cells`` names them: row, column, value, and what was expected where that is known.
        """
        return cls(**_with_preset("data_quality", kw))

    @classmethod
    def for_financial_markets(cls, **kw: Any) -> Self:
        """Prices, volumes and risk figures of several assets: correlated columns, heavy tails, changing regimes."""
        return cls(**_with_preset("financial_markets", kw))

    @classmethod
    def for_fraud_detection(cls, **kw: Any) -> Self:
        """Card, payment and claims records: very few anomalies, many rows, every false alarm costs an investigation."""
        return cls(**_with_preset("fraud_detection", kw))

    @classmethod
    def for_general(cls, **kw: Any) -> Self:
        """Any table of which nothing particular is known: the library's own defaults, stated."""
        return cls(**_with_preset("general", kw))

    @classmethod
    def for_healthcare_monitoring(cls, **kw: Any) -> Self:
        """Vital signs and laboratory values: few rows, missing measurements, findings a clinician can follow."""
        return cls(**_with_preset("healthcare_monitoring", kw))

    @classmethod
    def for_iot_sensors(cls, **kw: Any) -> Self:
        """Readings of many small devices: large, noisy, with gaps and dead sensors; models must stay light."""
        return cls(**_with_preset("iot_sensors", kw))

    @classmethod
    def for_log_analysis(cls, **kw: Any) -> Self:
        """Counts and categories derived from log lines: sparse, skewed, many repeated rows."""
        return cls(**_with_preset("log_analysis", kw))

    @classmethod
    def for_network_security(cls, **kw: Any) -> Self:
        """Flows and connections: many rows, attacks in dense bursts as well as single odd flows."""
        return cls(**_with_preset("network_security", kw))

    @classmethod
    def for_predictive_maintenance(cls, **kw: Any) -> Self:
        """Condition monitoring of machines: correlated sensors, slow degradation, alarms that stop a machine."""
        return cls(**_with_preset("predictive_maintenance", kw))

    @classmethod
    def for_quality_control(cls, **kw: Any) -> Self:
        """Measurements of produced parts: mostly one normal state, few defects."""
        return cls(**_with_preset("quality_control", kw))


def _with_preset(name: str, keywords: dict[str, Any]) -> dict[str, Any]:
    if "preset" in keywords:
        raise SettingError(f"preset is given twice: {name!r} and {keywords['preset']!r}.", fix="Name one of them.")
    return {"preset": name, **keywords}
