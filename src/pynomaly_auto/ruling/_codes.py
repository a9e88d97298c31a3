"""What the reasons about rules mean."""

from pynomaly_auto.records import ReasonCode, declare

declare(
    ReasonCode("RUL-001", "Rule", "How many rows a rule matches, and what it calls them."),
    ReasonCode(
        "RUL-002",
        "Rules that contradict",
        "Rows are called anomalies by one rule and normal by another: the first counts.",
        "Make the rule of normal rows narrower.",
    ),
    ReasonCode(
        "RUL-003",
        "Label against a rule",
        "A person said something else of rows than a rule does: what was said of the row itself counts.",
        "Look at these rows: either the label or the rule is wrong.",
    ),
    ReasonCode(
        "RUL-004",
        "Rules beyond the alert budget",
        "Rules call more rows anomalies than the alert budget lets anybody look at: the highest of them are flagged.",
        "Allow a larger alert budget, or make the rules narrower.",
    ),
    ReasonCode(
        "RUL-005",
        "Rule that matches everything",
        "A rule matches all rows, so that scores decide of none.",
        "Look whether the rule says what was meant, and in the column's own unit.",
    ),
)
