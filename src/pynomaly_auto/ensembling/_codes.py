"""What the reasons about the ensemble mean."""

from pynomaly_auto.records import ReasonCode, declare

declare(
    ReasonCode(
        "ENS-001",
        "Ensemble",
        "How many trials are combined, by what, and how many have a part in each combiner.",
    ),
    ReasonCode(
        "ENS-002",
        "Member: strong",
        "It is among the strongest candidates, by what is known of it and its trial's quality.",
    ),
    ReasonCode("ENS-003", "Member: diverse", "It adds more diversity than it costs strength."),
    ReasonCode("ENS-004", "Member: forced", "The user asked for it.", "Take it out of override(force=...)."),
    ReasonCode(
        "ENS-005",
        "Member: better configuration",
        "It is clearly better than the detector's first configuration.",
    ),
    ReasonCode(
        "ENS-006",
        "Weight",
        "The member's share of the ensemble's score, and through which combiner it has it.",
        "Force a detector for a larger share.",
    ),
    ReasonCode("ENS-007", "Member: portfolio", "It belongs to the portfolio of strong detectors, one of each kind."),
    ReasonCode(
        "ENS-008",
        "Member: beats the portfolio",
        "It is expected to be clearly stronger than the whole portfolio.",
    ),
    ReasonCode("ENS-009", "Member: fusion only", "The learned fusion knows it; it has no part in the robust mean."),
    ReasonCode("ENS-010", "Left out: constant", "It gives all rows the same score."),
    ReasonCode("ENS-011", "Left out: twin", "It ranks the rows as a member does."),
    ReasonCode(
        "ENS-012",
        "Left out: no gain",
        "It would not improve the ensemble: it costs more strength than it adds diversity.",
        "Force the detector to have it in the ensemble.",
    ),
    ReasonCode(
        "ENS-013",
        "Left out: too slow to refit",
        "Fitting it on all rows would take most of the time left.",
        "Raise time_budget.",
    ),
    ReasonCode("ENS-014", "Left out: full", "The ensemble has as many members as it may have.", "Raise max_models."),
    ReasonCode("ENS-015", "Left out: no better", "It is not clearly better than the member of the same detector."),
    ReasonCode(
        "ENS-016",
        "Left out: no stronger",
        "It is not clearly stronger than the portfolio, whose mean more members dilute.",
        "Force the detector to have it in the ensemble.",
    ),
    ReasonCode(
        "ENS-017",
        "Left out: novelty",
        "It is not in the portfolio for normal training rows.",
        "Force the detector to have it in the ensemble.",
    ),
    ReasonCode("ENS-018", "Member: novelty", "It belongs to the portfolio for normal training rows."),
    ReasonCode(
        "ENS-019",
        "Member: base margin",
        "It belongs to the mean that the learned fusion starts from and is blended with.",
    ),
    ReasonCode(
        "ENS-020",
        "Members missing",
        "Some members could not be fitted on all rows; the others share their weight.",
        "Raise time_budget.",
    ),
    ReasonCode(
        "ENS-021",
        "Left out: not fitted",
        "It was chosen, but could not be fitted on all rows.",
        "Raise time_budget.",
    ),
    ReasonCode(
        "ENS-022",
        "Left out: without weight",
        "Neither the learned fusion nor the robust mean beside it gives it any weight.",
        "Force the detector to have it in the ensemble.",
    ),
    ReasonCode(
        "ENS-023",
        "Left out: no fusion",
        "It could count in the learned fusion only, which is not in force on this table.",
    ),
    ReasonCode(
        "ENS-024",
        "Member: least share",
        "It is the user's own or set by hand, so it is a member whatever is known of it.",
        "Exclude it.",
    ),
    ReasonCode("ENS-025", "Left out with its detector", "No trial of its detector is a member."),
    ReasonCode("ENS-026", "Left out: two are enough", "The detector has two members already."),
    ReasonCode(
        "ENS-030",
        "Fusion in force",
        "How much the learned fusion counts beside the robust mean, and how scores are smoothed.",
    ),
    ReasonCode("ENS-031", "Robust mean alone", "The learned fusion is not in force, and why."),
    ReasonCode(
        "ENS-033", "Evidence of cells", "What the evidence of cells counts beside the ensemble, by cell detector."
    ),
    ReasonCode(
        "ENS-034",
        "Emphasis",
        "Cell detectors and members that count beyond what is learned, as a preset or the settings say.",
        "Give another emphasis, or an empty one.",
    ),
    ReasonCode(
        "ENS-035",
        "Brief answer",
        "The time was up before all members that the answer rests on were there, or half of those that are known.",
        "Raise time_budget, or give n_trials for an answer that no clock changes.",
    ),
    ReasonCode("ENS-040", "Member added", "A member has joined the fitted ensemble, and what it counts."),
    ReasonCode("ENS-041", "Weighed anew", "The members of the fitted ensemble have got other weights."),
)
