"""What the reasons about columns mean."""

from pynomaly_auto.records import ReasonCode, declare

declare(
    ReasonCode("DAT-001", "Empty column", "The column is left out, as no cell has a value."),
    ReasonCode(
        "DAT-002",
        "Constant column",
        "The column is left out, as it has one value only or differs by rounding only.",
    ),
    ReasonCode("DAT-003", "Duplicate column", "The column is left out, as it holds the same values as another."),
    ReasonCode(
        "DAT-004",
        "Identifier",
        "The values are left out, as they number or name the rows; how rare their form is may be a feature.",
        "If it is a measurement, rename it, or give it as a number with decimals.",
    ),
    ReasonCode("DAT-005", "Boolean", "True and false are read as 1 and 0."),
    ReasonCode("DAT-006", "Number", "The column is a number and standardised."),
    ReasonCode("DAT-007", "Duration", "The column is a duration, read in seconds."),
    ReasonCode(
        "DAT-008",
        "Point in time",
        "The column is a date or time: time elapsed, and cycles that are there.",
        "Give it as a number to have the cycles left out.",
    ),
    ReasonCode(
        "DAT-009",
        "Category",
        "Each level of the category is a feature.",
        "Give codes as numbers only if their order means something.",
    ),
    ReasonCode(
        "DAT-010",
        "Category with many levels",
        "Levels count by their rarity; among numbers only, or as asked for, the commonest have features of their own.",
        "Group levels where a group means the same.",
    ),
    ReasonCode(
        "DAT-011",
        "Free text",
        "Texts are read by length, tokens, digits and unusual letter pairs.",
        "Extract what matters into columns of their own.",
    ),
    ReasonCode(
        "DAT-012",
        "Numbers and texts mixed",
        "Numbers and texts of one column are read side by side.",
        "Clean the column where the mix is a mistake.",
    ),
    ReasonCode(
        "DAT-013",
        "Texts read as numbers or dates",
        "The texts hold numbers or dates and are read as such; what could not be read is missing.",
        "Convert the column yourself where that is wrong.",
    ),
    ReasonCode("DAT-014", "Missing cells", "Missing cells are filled, and a flag says where they were."),
    ReasonCode(
        "DAT-015",
        "Infinite cells",
        "Infinite cells are put beyond the extremes, and a flag says where they were.",
        "Check where they come from.",
    ),
    ReasonCode(
        "DAT-016",
        "Watched constant",
        "A column that is constant in normal rows is watched for any other value.",
    ),
    ReasonCode(
        "DAT-031",
        "Amount on a logarithmic scale",
        "In a table of several kinds of columns, amounts that are skewed and never negative are put on a logarithmic "
        "scale.",
        "Set geometry to 'plain' to have them as they are.",
    ),
    ReasonCode(
        "DAT-032",
        "Rarity of numbers",
        "In a table of several kinds of columns, how rare a number is stands beside it where most come again.",
        "Set geometry to 'plain' to have numbers alone.",
    ),
    ReasonCode(
        "DAT-033",
        "Rarity of forms",
        "In a table of several kinds of columns, how rare the form of a text is (capitals, small letters, digits, "
        "signs) is a feature.",
        "Set geometry to 'plain' to have it left out.",
    ),
    ReasonCode(
        "DAT-034",
        "Entity",
        "The column is left out of distances, as it names the parties whose rows these are.",
        "Rename it if it is a measurement, or set geometry to 'plain'.",
    ),
    ReasonCode(
        "DAT-035",
        "Few values in every column",
        "Every column holds a few values that come again and again: the table is encoded as one of numbers is.",
    ),
    ReasonCode(
        "DAT-017",
        "Sparse table projected",
        "A sparse table, too large to be written out, is projected onto its main directions.",
        "Give fewer columns to have them explained one by one.",
    ),
    ReasonCode(
        "DAT-040",
        "Two readings",
        "The texts can be read in two ways, and nothing tells for certain which is meant: one was chosen.",
        "Say which is right by decimal=, thousands= or dates= of read_table, or by the setting reading.",
    ),
    ReasonCode("DAT-041", "Made of a file", "What was done to a file to make a table of it."),
    ReasonCode(
        "DAT-050",
        "One side is suspicious",
        "Only high, or only low, values of a column are suspicious, as was said; the others count as the median.",
        "Leave the column out of expect to have both sides looked at.",
    ),
    ReasonCode(
        "DAT-051",
        "Ignored column",
        "Nothing looks at the column, as its weight is 0.",
        "Give it another weight, or none.",
    ),
    ReasonCode("DAT-052", "Weighed column", "The column weighs more or less than it would, as said beforehand."),
)
