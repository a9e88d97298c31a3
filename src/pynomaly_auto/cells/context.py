"""Cell detectors for what is odd in its context: by the other column, the group, the hour or the entity's history."""

from pynomaly_auto.cells._catalogue import CELL_DETECTORS
from pynomaly_auto.cells._spec import CellSpec
from pynomaly_auto.records import CellRole

_HERE = "pynomaly_auto.cells"
_ANY: frozenset[CellRole] = frozenset(("number", "boolean", "text", "mixed", "time", "duration"))

PAIR = CELL_DETECTORS.add(
    CellSpec(
        name="pair",
        title="Pairs that never meet",
        target=f"{_HERE}._pair:Pair",
        roles=_ANY,
        paper="Das & Schneider, Detecting Anomalous Records in Categorical Datasets, KDD 2007",
        summary="Two frequent values that almost never meet in a row.",
        says="{value!r} of {column} almost never meets {beside}",
        beside="another value of its row",
    )
)

GROUP = CELL_DETECTORS.add(
    CellSpec(
        name="group",
        title="Robust distance within groups",
        target=f"{_HERE}._group:Group",
        roles=_ANY,
        paper="Song et al., Conditional Anomaly Detection, TKDE 2007",
        summary="Numbers far from the others of their category.",
        says="{value} is far from what {column} is in rows of {beside}",
        beside="its category",
    )
)

HOUR = CELL_DETECTORS.add(
    CellSpec(
        name="hour",
        title="Rarity of hours",
        target=f"{_HERE}._hour:Hour",
        roles=frozenset(("time",)),
        paper="Goldstein & Dengel, Histogram-based Outlier Score (HBOS), KI 2012",
        summary="Events at an hour of the day at which there are hardly any.",
        says="{column} is at an hour of the day at which there are hardly any rows",
    )
)

BURST = CELL_DETECTORS.add(
    CellSpec(
        name="burst",
        title="Bursts of an entity",
        target=f"{_HERE}._burst:Burst",
        roles=_ANY,
        paper="Kulldorff, A Spatial Scan Statistic, Communications in Statistics 1997; Neill & Cooper, A multivariate "
        "Bayesian scan statistic, Machine Learning 2010",
        summary="More events of an entity in a short time than its own rate lets expect.",
        says="{value!r} of {column} is part of a burst: more rows of one entity in a short time than it usually has",
    )
)

FIRST = CELL_DETECTORS.add(
    CellSpec(
        name="first",
        title="Firsts of an entity",
        target=f"{_HERE}._first:First",
        roles=_ANY,
        paper="Pitman & Yor, The Two-Parameter Poisson-Dirichlet Distribution Derived from a Stable Subordinator, "
        "Annals of Probability 1997",
        summary="Values that an entity was never seen with before, where its history lets expect no new ones.",
        says="{value!r} of {column} is new for {beside}",
        beside="an entity of its row",
    )
)

CONDITIONAL = CELL_DETECTORS.add(
    CellSpec(
        name="conditional",
        title="Conditional residuals",
        target=f"{_HERE}._conditional:Conditional",
        roles=_ANY,
        paper="Noto, Brodley & Slonim, FRaC: A Feature-Modeling Approach for Semi-Supervised and Unsupervised Anomaly "
        "Detection, Data Mining and Knowledge Discovery 2012; Paulheim & Meusel, A Decomposition of the Outlier "
        "Detection Problem into a Set of Supervised Learning Problems, Machine Learning 2015",
        summary="Cells far from what models of their column, given the rest of the row, predict.",
        says="{column} is {value!r} where the rest of the row lets expect {expected!r}",
    )
)
