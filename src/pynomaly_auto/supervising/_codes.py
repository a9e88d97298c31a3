"""What the reasons about labels mean."""

from pynomaly_auto.records import ReasonCode, declare

declare(
    ReasonCode("SUP-001", "Labels", "How many rows have a label, and of which kind."),
    ReasonCode(
        "SUP-002",
        "A column that is the label",
        "A column has one value on all rows labelled as anomalies and another one on all labelled as normal.",
        "Leave it out of the table, or name it: fit(X, labels='column').",
    ),
    ReasonCode("SUP-010", "Learners", "What learned from the labels, and what it sees of a row."),
    ReasonCode(
        "SUP-011",
        "Unlabelled rows beside few labels",
        "Some rows without a label stand beside few labelled ones as ordinary rows, which most of them are.",
    ),
    ReasonCode(
        "SUP-012",
        "Nothing to learn from",
        "No label is of an anomaly: only how many rows are anomalies moves with the labels, not their order.",
        "Label an anomaly; detector.query() proposes rows.",
    ),
    ReasonCode(
        "SUP-013",
        "Fewer rows to learn from",
        "There are more labelled rows than learners look at, or than the time budget leaves time for.",
        "Give a larger time_budget; n_trials in its place asks for no clock.",
    ),
    ReasonCode(
        "SUP-020",
        "Weights",
        "How much the answer without labels counts beside what was learned, by how much the labels can prove.",
    ),
    ReasonCode(
        "SUP-021",
        "Share held back",
        "The labels hold more anomalies than scores explain, as where people choose whom to label.",
        "Give contamination if you know it.",
    ),
    ReasonCode("SUP-030", "How right it is", "Figures on labelled rows, each judged by what was learned from others."),
    ReasonCode(
        "SUP-050",
        "Feedback",
        "How many rows people have spoken of since the fit, and who.",
        "detector.forget() takes back what somebody said.",
    ),
    ReasonCode("SUP-051", "Said again", "Of a row something else was said before: the last word counts."),
    ReasonCode("SUP-040", "Known rows", "Rows with a label are what they were said to be, whatever their score."),
)
