"""What the reasons about trials mean."""

from pynomaly_auto.records import ReasonCode, declare

declare(
    ReasonCode(
        "TUN-001",
        "Rows of trials",
        "Whether trials are fitted on all rows or on a sample, and why.",
        "Give more time_budget for larger samples.",
    ),
    ReasonCode("TUN-080", "Computed on a GPU", "The detector was fitted and scored on a GPU."),
    ReasonCode(
        "TUN-081",
        "Not computed on a GPU",
        "The detector would have been computed on a GPU; that is not there, or was given up.",
        "Free the GPU's memory, or give device='cpu'.",
    ),
    ReasonCode("TUN-011", "Tried as ranked", "The trial has the parameters that the ranking gives the detector first."),
    ReasonCode("TUN-012", "Tried as a warm start", "The trial has parameters that did well on similar tables."),
    ReasonCode("TUN-013", "Tried as proposed", "The trial has parameters proposed by the sampler."),
    ReasonCode(
        "TUN-014",
        "Tried in a view",
        "The detector is tried in a view of the table in which the learned fusion knows it.",
    ),
    ReasonCode(
        "TUN-020",
        "Trial failed",
        "The detector raised an error.",
        "Exclude the detector, or report it to its makers.",
    ),
    ReasonCode(
        "TUN-021",
        "Trial took too long",
        "The trial was ended at its time limit.",
        "Raise time_budget, or exclude the detector.",
    ),
    ReasonCode(
        "TUN-022",
        "Trial needed too much memory",
        "The trial was ended at its memory limit.",
        "Raise memory_limit, or exclude the detector.",
    ),
    ReasonCode("TUN-023", "Detector does not apply", "The detector said that it does not apply to such a table."),
    ReasonCode("TUN-024", "Trial cancelled", "The search ended before the trial did.", "Raise time_budget."),
    ReasonCode(
        "TUN-025",
        "Not tried, no time left",
        "The trial was expected to take longer than the search had left.",
        "Raise time_budget.",
    ),
    ReasonCode(
        "TUN-026",
        "Not tried, too costly",
        "The trial would cost much time and is not predicted to beat the portfolio.",
        "Force the detector, or raise time_budget.",
    ),
    ReasonCode("TUN-030", "End of the search", "How many trials were made and completed, and why the search ended."),
    ReasonCode("TUN-031", "Quality estimate", "What the label-free quality of a trial is estimated from."),
    ReasonCode(
        "TUN-032",
        "Parameters not tuned",
        "The learned fusion is in force and knows detectors with their default parameters only, so tuned ones could "
        "not change the answer.",
        "Set a detector's parameters by hand, or give max_models for a few tuned members without the fusion.",
    ),
    ReasonCode(
        "TUN-033",
        "Family not tuned",
        "Tuning the family's detectors without labels was measured, and proved no gain over their default parameters.",
        "Set a detector's parameters by hand.",
    ),
    ReasonCode("TUN-040", "Taken over", "The trial was fitted on all rows, so its model is the member."),
    ReasonCode("TUN-041", "Fitted on all rows", "The member was fitted again, on all rows."),
    ReasonCode(
        "TUN-042",
        "Refit expected to take too long",
        "The member is left out, as fitting it on all rows would not end in time.",
        "Raise time_budget.",
    ),
    ReasonCode("TUN-043", "Refit failed", "The member is left out, as it could not be fitted on all rows."),
    ReasonCode(
        "TUN-044",
        "Fitted on a sample",
        "The member was fitted on the rows of the search, as none could be fitted on all.",
        "Raise time_budget.",
    ),
    ReasonCode(
        "TUN-045",
        "Fitted in batches",
        "The member was fitted on all rows, some at a time (mini_batch): at once they would not fit into memory.",
        "Raise memory_limit.",
    ),
    ReasonCode(
        "TUN-046",
        "Fitted on as many rows as fit",
        "The member was fitted on a sample, as all rows would not fit into memory, and has scored all "
        "(sampled_mini_batch).",
        "Raise memory_limit.",
    ),
)
