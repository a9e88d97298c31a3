"""What the reasons about saved models mean."""

from pynomaly_auto.records import ReasonCode, declare

declare(
    ReasonCode(
        "STO-001",
        "Another version",
        "A package has another version than when the model was saved.",
        "Fit again where scores must be the same to the last digit.",
    ),
    ReasonCode(
        "STO-002",
        "Signature not checked",
        "The file is signed, and it was loaded without a key.",
        "Load it with the key to know that nobody else wrote it.",
    ),
)
