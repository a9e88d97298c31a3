"""What the reasons about cell detectors mean."""

from pynomaly_auto.records import ReasonCode, declare

declare(
    ReasonCode("CEL-001", "Cell detector", "The detector looks at the table's cells one by one."),
    ReasonCode("CEL-002", "Cell detector does not apply", "The table has nothing that the detector goes by."),
    ReasonCode(
        "CEL-003",
        "Cell detector failed",
        "The detector raised an error and is left out; the others are used.",
        "Report it, with the table where that is possible.",
    ),
    ReasonCode(
        "CEL-004",
        "Too wide for cell detectors",
        "The table has too many columns to have its cells looked at one by one.",
        "Give fewer columns.",
    ),
)
