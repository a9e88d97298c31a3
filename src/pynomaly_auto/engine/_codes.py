"""What the reasons about settings, and about the record of a run, mean."""

from pynomaly_auto.records import ReasonCode, declare

declare(
    ReasonCode("SET-001", "Setting", "A setting was given by keyword or configuration."),
    ReasonCode(
        "SET-020",
        "Fewer workers",
        "There is memory, within the limits of the container, for fewer workers than asked for.",
        "Give it more memory, or nothing: the run only takes longer.",
    ),
    ReasonCode(
        "TRK-010",
        "Files not recorded",
        "The report or the model could not be written for the record.",
        "The result is complete; save the model yourself.",
    ),
)
