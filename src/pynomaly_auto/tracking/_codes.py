"""What the warnings about the record in MLflow mean."""

from pynomaly_auto.records import ReasonCode, declare

declare(
    ReasonCode(
        "TRK-001",
        "Nothing recorded",
        "The run could not be recorded at all.",
        "Check the tracking URI, or pass tracking=False.",
    ),
    ReasonCode(
        "TRK-003",
        "Not recorded in full",
        "A part of the record could not be written.",
        "See the message; the result itself is complete.",
    ),
)
