"""What the reasons about the choice of detectors mean; those of rules are their docstrings."""

from pynomaly_auto.recommending.rules import RULES
from pynomaly_auto.records import ReasonCode, declare

declare(
    ReasonCode("GUI-001", "Guided setting", "What a guided setup sets, and why.", "Set it by hand: it wins."),
    ReasonCode("REC-001", "Ranking", "How many detectors are to be tried and left out, and which come first."),
    ReasonCode("REC-002", "Weights of criteria", "How much each criterion of the rules counts.", "Set priorities."),
    ReasonCode("REC-003", "Strengths", "What the strengths of the detectors rest on."),
    ReasonCode(
        "REC-004",
        "Portfolio",
        "Which detectors are tried whatever their rank, as no choice beats their mean reliably.",
        "Exclude a detector to have it left out.",
    ),
    ReasonCode("REC-005", "Order", "The order in which members are tried: most expected gain for its time first."),
    ReasonCode(
        "REC-006",
        "Members for normal rows",
        "Which detectors, with which parameters, are combined when the training rows are normal.",
    ),
    ReasonCode(
        "REC-007",
        "Share of forced detectors",
        "The least share of the ensemble's score that forced detectors have.",
    ),
    ReasonCode(
        "REC-008",
        "Least share of others",
        "The least share of the ensemble's score of detectors nobody knows, or set by hand.",
        "Force a detector for a larger share, or exclude it.",
    ),
    ReasonCode("REC-011", "Cold start", "There is no knowledge base: rules and documented strengths alone."),
    ReasonCode("REC-012", "Knowledge base", "How much the knowledge base knows of tables like this one."),
    ReasonCode("REC-013", "Similar tables", "The nearest known tables, and what did best on them."),
    ReasonCode("REC-014", "Predicted quality", "The detector's predicted quality with its interval."),
    ReasonCode("REC-015", "Warm starts", "Parameters that did well on similar tables are tried first."),
    ReasonCode("REC-016", "Views", "In which other views of the table the detector is tried."),
    ReasonCode(
        "REC-017",
        "Knowledge base not asked",
        "It was measured on contaminated tables, and these rows are taken as normal.",
    ),
    ReasonCode(
        "REC-021",
        "Does not apply",
        "The detector cannot be fitted on such a table, or a package is missing.",
        "Install the extra that is named, or give more rows.",
    ),
    ReasonCode("REC-030", "Overrides", "What the user decided by hand.", "Clear the override."),
    ReasonCode("REC-031", "Excluded", "The user excluded the detector.", "Clear the override."),
    ReasonCode("REC-032", "Not included", "The user asked for others only.", "Clear the override."),
    ReasonCode(
        "REC-033",
        "Forced",
        "The user asked for the detector whatever the ranking says.",
        "Clear the override.",
    ),
    ReasonCode("REC-034", "Parameters fixed", "The user set parameters, which are not tuned.", "Clear the override."),
    ReasonCode("REC-041", "Kept for want of others", "A rule speaks against the detector, but nothing else is left."),
    ReasonCode(
        "REC-042",
        "Not learned",
        "The learned fusion has not learned what the detector is worth, so its trial would change nothing.",
        "Force the detector to have it tried.",
    ),
    ReasonCode(
        "REC-043",
        "Unknown detector",
        "Nothing is known of the detector beforehand: it is tried, and given a least share if it completes.",
        "Exclude it, or force it for a larger share.",
    ),
)

declare(
    *(
        ReasonCode(
            rule.code,
            f"Rule: {rule.name.replace('_', ' ')}",
            rule.summary,
            "Force the detector to have it tried all the same, or exclude it.",
        )
        for rule in RULES.values()
    )
)
