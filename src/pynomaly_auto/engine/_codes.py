"""What the reasons about settings, the record of a run, and smaller models, mean."""

from pynomaly_auto.records import ReasonCode, declare

declare(
    ReasonCode("SET-001", "Setting", "A setting was given by keyword or configuration."),
    ReasonCode("SET-002", "Setting in other words", "A word of the documents in the configuration became a setting."),
    ReasonCode("SET-003", "Needless word", "A word of the documents in the configuration says what is so anyway."),
    ReasonCode(
        "SET-020",
        "Fewer workers",
        "There is memory, within memory_limit and the limits of the container, for fewer workers than asked for.",
        "Give it more memory, or nothing: the run only takes longer.",
    ),
    ReasonCode(
        "SET-021",
        "Emphasis without effect",
        "An emphasis is asked for, but nobody looks at the cells of the table, and only beside these does it count.",
        'Set cells="always", without novelty.',
    ),
    ReasonCode(
        "SET-022",
        "Share of the machine",
        "compute_budget is a share: how many cores and how much memory that is here.",
        "Raise compute_budget.",
    ),
    ReasonCode(
        "SET-023",
        "Rows not in a file",
        "The encoded rows were to lie in a file that all workers map, and there is no room for it.",
        "Make room in the temporary folder, or set TMPDIR; the run only takes more memory.",
    ),
    ReasonCode(
        "SET-040",
        "Device",
        "Which detectors may be computed on a GPU, or why none is.",
        "Give device='cpu', 'cuda' or 'cuda:1' to have it otherwise.",
    ),
    ReasonCode(
        "TRK-010",
        "Files not recorded",
        "The report or the model could not be written for the record.",
        "The result is complete; save the model yourself.",
    ),
    ReasonCode(
        "ENG-001",
        "Compact",
        "A smaller model was made of the whole one: what it costs, and how far it agrees.",
        "Allow it more time or size, or use the whole model.",
    ),
    ReasonCode("ENG-020", "Front", "How many models were compared by several objectives, and how many no other beats."),
    ReasonCode(
        "ENG-021",
        "Chosen from the front",
        "Which of the models that no other beats was taken, what it comes to in each objective, and why.",
        "Give other weights, or take another point: detector.choose(point).",
    ),
    ReasonCode(
        "ENG-022",
        "Objectives without labels",
        "An objective that only labels can tell was asked for, and there are none, or too few.",
        "Give labels, or ask for quality or agreement.",
    ),
    ReasonCode(
        "ENG-023",
        "No front",
        "There was no time left to compare smaller models by the objectives, so all members are kept.",
        "Raise time_budget, or give n_trials.",
    ),
    ReasonCode("ENG-024", "Measured", "What one new row takes with the chosen model; nothing is chosen by it."),
    ReasonCode(
        "ENG-002",
        "Resumed",
        "The run went on from its checkpoint: how many trials were taken from the journal, and how much of the time "
        "budget earlier attempts have used.",
    ),
    ReasonCode(
        "ENG-003", "Result of a finished run", "The run in the checkpoint had finished, so its result was loaded."
    ),
    ReasonCode(
        "ENG-004",
        "Not journalled",
        "Something could not be written into the checkpoint. The result is complete.",
        "Make room on the disk, or give another folder.",
    ),
    ReasonCode(
        "ENG-005",
        "Result not kept",
        "The fitted detector could not be kept in the checkpoint.",
        "Save it yourself; the journalled trials are kept.",
    ),
    ReasonCode(
        "ENG-006",
        "Table not in the checkpoint",
        "The table has cells of kinds that no file holds, or is too large.",
        "Convert them to numbers, texts or dates, or give the table to resume().",
    ),
)
