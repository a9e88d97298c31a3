"""What the reasons about the threshold mean."""

from pynomaly_auto.records import ReasonCode, declare

declare(
    ReasonCode("DEC-001", "Expected share", "The share of anomalies expected before looking at the scores."),
    ReasonCode(
        "DEC-010",
        "Gap in the scores",
        "Whether a group of rows stands apart from the bulk, and how many there are.",
    ),
    ReasonCode(
        "DEC-011",
        "Agreement of the models",
        "Whether more rows are extreme to most models than their correlation explains.",
    ),
    ReasonCode(
        "DEC-020",
        "Estimated share",
        "The share of anomalies, estimated from the scores.",
        "Give contamination if you know it.",
    ),
    ReasonCode("DEC-021", "Given share", "The share of anomalies is what the user gave."),
    ReasonCode(
        "DEC-022",
        "Share of false alarms",
        "All training rows are taken as normal: the threshold leaves this share of them above it.",
        "Give contamination for another share.",
    ),
    ReasonCode(
        "DEC-023",
        "Share known from other tables",
        "Which share of such rows were anomalies in the tables of the knowledge base.",
        "Give contamination if you know it.",
    ),
    ReasonCode(
        "DEC-024",
        "Share by labels",
        "The share of anomalies that the labels, and what was learned from them, add up to.",
        "Give contamination if you know it; label more rows.",
    ),
    ReasonCode("DEC-030", "Threshold", "How many rows lie above the threshold."),
    ReasonCode(
        "DEC-031",
        "Threshold among ties",
        "Rows share the score at the threshold, so that fewer are labelled than asked for: a tie is never split.",
    ),
    ReasonCode("DEC-032", "Nothing stands out", "All scores are equal: no row is labelled."),
    ReasonCode(
        "DEC-033",
        "Threshold moved by the target metric",
        "More or fewer rows are labelled, as the target metric asks for.",
        "Give contamination for a share of your own.",
    ),
    ReasonCode(
        "DEC-034",
        "Threshold by expected F-measure",
        "As many rows are labelled as make the expected F-measure largest, as the target metric asks for.",
        "Give contamination for a share of your own, or an alert_budget for the most there may be.",
    ),
    ReasonCode(
        "DEC-035",
        "As many as expected",
        "As many rows are labelled as anomalies are expected.",
        "Give an alert_budget for the most there may be, or contamination for a share of your own.",
    ),
    ReasonCode(
        "DEC-036",
        "Alert budget",
        "The most rows that may be labelled, and whether that is fewer than would have been.",
        "Give a larger alert_budget to see more.",
    ),
    ReasonCode(
        "DEC-037",
        "As many as are looked at",
        "As many rows are labelled as the precision asked for is taken among.",
    ),
    ReasonCode(
        "DEC-038",
        "Threshold by costs",
        "All rows are labelled for which an alarm is expected to cost less than none.",
        "Give other costs as target_metric, or an alert_budget for the most there may be.",
    ),
    ReasonCode(
        "DEC-039",
        "Threshold by a function of the user's",
        "As many rows are labelled as make its mean over imagined sets of anomalies largest.",
    ),
    ReasonCode(
        "DEC-040",
        "Target metric not served",
        "Why the target metric moves no threshold.",
    ),
    ReasonCode(
        "DEC-041",
        "Threshold moved by rules",
        "Rows that rules call anomalies are labelled, and those that they call normal are not, whatever was wanted.",
        "Make the rules narrower, or give an alert_budget for the most there may be.",
    ),
    ReasonCode("DEC-060", "Threshold moved by the user", "The user set a contamination or a threshold afterwards."),
)
