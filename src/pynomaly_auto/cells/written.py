"""Cell detectors for wrong cells: what is written unlike the rest, misspelt, far out, or breaks a dependency."""

from pynomaly_auto.cells._catalogue import CELL_DETECTORS
from pynomaly_auto.cells._spec import CellSpec
from pynomaly_auto.records import CellRole

_HERE = "pynomaly_auto.cells"
_TEXTS: frozenset[CellRole] = frozenset(("text", "mixed"))
_NUMBERS: frozenset[CellRole] = frozenset(("number", "mixed", "duration"))
_ANY: frozenset[CellRole] = frozenset(("number", "boolean", "text", "mixed", "time", "duration"))

FORM = CELL_DETECTORS.add(
    CellSpec(
        name="form",
        title="Rarity of forms",
        target=f"{_HERE}._form:Form",
        roles=_ANY,
        paper="Raman & Hellerstein, Potter's Wheel: An Interactive Data Cleaning System, VLDB 2001; "
        "Huang & He, Auto-Detect: Data-Driven Error Detection in Tables, SIGMOD 2018",
        summary="Cells whose pattern of letters, digits and signs is rare in their column.",
        says="{value!r} is written unlike other values of {column}",
    )
)

MISSPELLING = CELL_DETECTORS.add(
    CellSpec(
        name="misspelling",
        title="Misspellings of frequent values",
        target=f"{_HERE}._misspelling:Misspelling",
        roles=_TEXTS,
        paper="Wang & He, Uni-Detect: A Unified Approach to Automated Error Detection in Tables, SIGMOD 2019",
        summary="Rare values that are one or two edits away from a frequent one.",
        says="{value!r} in {column} is rare and a slip away from the frequent {expected!r}",
    )
)

TRIGRAM = CELL_DETECTORS.add(
    CellSpec(
        name="trigram",
        title="Rarity of trigrams",
        target=f"{_HERE}._trigram:Trigram",
        roles=_TEXTS,
        paper="Visengeriyeva & Abedjan, Anatomy of Metadata for Data Curation, JDIQ 2020",
        summary="Cells with three letters in a row that their column hardly ever has.",
        says="{value!r} has letters that {column} hardly ever has in a row",
    )
)

JOINT = CELL_DETECTORS.add(
    CellSpec(
        name="joint",
        title="Dependencies on two columns",
        target=f"{_HERE}._joint:JointDependency",
        roles=_ANY,
        paper="Huhtala et al., TANE: An Efficient Algorithm for Discovering Functional and Approximate Dependencies, "
        "The Computer Journal 1999",
        summary="Cells that break what two other columns together nearly always settle, and neither alone.",
        says="{column} is {value!r} where rows with {beside} have {expected!r}",
        beside="two of its other values",
    )
)

DEPENDENCY = CELL_DETECTORS.add(
    CellSpec(
        name="dependency",
        title="Approximate functional dependencies",
        target=f"{_HERE}._dependency:Dependency",
        roles=_ANY,
        paper="Huhtala et al., TANE: An Efficient Algorithm for Discovering Functional and Approximate Dependencies, "
        "The Computer Journal 1999",
        summary="Cells that break what another column nearly always settles.",
        says="{column} is {value!r} where rows like it have {expected!r}",
    )
)

FOREIGN = CELL_DETECTORS.add(
    CellSpec(
        name="foreign",
        title="Values of another column",
        target=f"{_HERE}._foreign:Foreign",
        roles=_TEXTS,
        paper="Raman & Hellerstein, Potter's Wheel: An Interactive Data Cleaning System, VLDB 2001; "
        "Abedjan et al., Detecting Data Errors: Where Are We and What Needs to Be Done?, VLDB 2016",
        summary="Values that another column often has and their own hardly ever.",
        says="{value!r} stands in {column} and is at home in {beside}",
        beside="another column",
    )
)

NUMBER = CELL_DETECTORS.add(
    CellSpec(
        name="number",
        title="Robust distance of numbers",
        target=f"{_HERE}._number:Number",
        roles=_NUMBERS,
        paper="Iglewicz & Hoaglin, How to Detect and Handle Outliers, ASQC Quality Press, 1993",
        summary="Numbers far out on both scales, or with decimals that their column does not have.",
        says="{value} is unlike other numbers of {column}, in size or in decimals",
    )
)

KEY = CELL_DETECTORS.add(
    CellSpec(
        name="key",
        title="Duplicates in a key",
        target=f"{_HERE}._key:Key",
        roles=frozenset(("number", "text", "mixed", "time")),
        paper="Heise et al., Scalable Discovery of Unique Column Combinations, VLDB 2013",
        summary="Values that come twice in a column whose values hardly ever repeat.",
        says="{value!r} comes twice in {column}, whose values hardly ever repeat",
    )
)

TWICE = CELL_DETECTORS.add(
    CellSpec(
        name="twice",
        title="Duplicates in a key of two columns",
        target=f"{_HERE}._twice:Twice",
        roles=_ANY,
        paper="Heise et al., Scalable Discovery of Unique Column Combinations, VLDB 2013",
        summary="Rows that agree in two columns whose values hardly ever come together twice.",
        says="{value!r} of {column} comes twice with another value of its row, where such pairs hardly ever repeat",
    )
)

CONSTANT = CELL_DETECTORS.add(
    CellSpec(
        name="constant",
        title="Broken constants",
        target=f"{_HERE}._constant:Constant",
        roles=_ANY,
        paper="Abedjan et al., Detecting Data Errors: Where Are We and What Needs to Be Done?, VLDB 2016",
        summary="Cells that differ where their column holds one value in nine of ten rows or more.",
        says="{column} is {value!r} where nearly all rows have {expected!r}",
    )
)
