"""What the findings of the profile mean."""

from pynomaly_auto.records import ReasonCode, declare

declare(
    ReasonCode("PRO-001", "Size", "How many rows, columns and encoded features the table has."),
    ReasonCode("PRO-002", "Sampled profile", "The profile was computed on a random sample of the table."),
    ReasonCode(
        "PRO-003",
        "Missing values",
        "A notable share of the cells has no value.",
        "See the column that is named.",
    ),
    ReasonCode(
        "PRO-004",
        "Duplicate rows",
        "A notable share of the rows repeats another row.",
        "Drop duplicates that are copies, not events.",
    ),
    ReasonCode(
        "PRO-005",
        "Consistency",
        "Much of the table cannot be used: empty, constant or repeated columns and rows.",
        "Check how the table was made.",
    ),
    ReasonCode("PRO-006", "Heavy tails", "Many features have heavy tails, which pull means and variances along."),
    ReasonCode("PRO-007", "Skewness", "Many features are skewed: their longer tail holds rows that are no anomalies."),
    ReasonCode("PRO-008", "Correlation", "Features correlate strongly: rows that break such a relation can be found."),
    ReasonCode("PRO-009", "Clusters", "The rows fall into clusters."),
    ReasonCode("PRO-010", "Time", "The rows are ordered in time: trend, dependence of successive steps, seasons."),
    ReasonCode("PRO-011", "Anomaly hints", "How many rows stand out by plain distances, before any detector ran."),
    ReasonCode("PRO-012", "Complexity", "How complex the table is, and what makes it so."),
    ReasonCode(
        "PRO-020",
        "Failed meta-feature",
        "A meta-feature could not be computed and is left empty.",
        "Report it to whoever made the meta-feature.",
    ),
    ReasonCode(
        "PRO-021",
        "Meta-features that do not apply",
        "These meta-features do not apply to such a table and are left empty.",
    ),
)
