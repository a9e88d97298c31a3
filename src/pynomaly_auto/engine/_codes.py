"""What the reasons about settings, and about the record of a run, mean."""

from pynomaly_auto.records import ReasonCode, declare

declare(
    ReasonCode("SET-001", "Setting", "A setting was given by keyword or configuration."),
    ReasonCode(
        "TRK-010",
        "Files not recorded",
        "The report or the model could not be written for the record.",
        "The result is complete; save the model yourself.",
    ),
)
