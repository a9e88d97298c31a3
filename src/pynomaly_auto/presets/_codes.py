"""What the reasons of presets mean."""

from pynomaly_auto.records import ReasonCode, declare

declare(
    ReasonCode(
        "PRE-001",
        "Value of a preset",
        "The preset sets this value, and why.",
        "Give the setting as a keyword or in the configuration: it wins.",
    ),
)
