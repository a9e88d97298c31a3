"""What the reasons why a row is asked mean."""

from pynomaly_auto.records import ReasonCode, declare

_DO = "Say what the row is: detector.feedback(rows, labels)."

declare(
    ReasonCode("ASK-010", "Asked: among the highest", "Few rows have as high a probability of being an anomaly.", _DO),
    ReasonCode(
        "ASK-011", "Asked: near the threshold", "Which side of the threshold the row lies on is hardly certain.", _DO
    ),
    ReasonCode(
        "ASK-012", "Asked: the models disagree", "Some models rank the row among the strangest, others do not.", _DO
    ),
    ReasonCode(
        "ASK-013", "Asked: high, and unlike those asked", "A high row that lies far from the others asked or labelled.",
        _DO,
    ),
    ReasonCode("ASK-014", "Asked: drawn at random", "A row like any other, for an idea of what there is.", _DO),
)  # fmt: skip
