"""When no further trial can change the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from pynomaly_auto.ensembling._trained import Expertise
from pynomaly_auto.records import Configuration, Trial
from pynomaly_auto.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Settling:
    """Says of tuned trials whether they can still change the answer.

    Once the learned fusion is in force they cannot: it knows members with default parameters only, in the views it was
    taught, and the mean it starts from and is blended with is that of named members, too. A tuned trial could join the
    ensemble, and weigh nothing there; a detector that is forced, set by hand or a third party's has its least share
    with the parameters it came with. Where the fusion is not in force (a count of models, no known table like this
    one, too few of its members), they are worth making.

    Args:
        settings: What is asked for.
        expertise: The fusion for this table; None: there is none.
    """

    settings: Settings
    expertise: Expertise | None

    def __call__(self, wanted: Configuration | str, trials: Iterable[Trial]) -> Mapping[str, int] | None:
        """Of how many members the fusion is in force where a trial cannot change the answer any more; else None.

        Args:
            wanted: What the trial fits; a detector's name: any of it that a search may propose.
            trials: Those made so far.

        Returns:
            How many ``members`` the fusion knows, and how many ``margin_members`` of them it starts from.
        """
        if self.expertise is None or self.settings.max_models is not None:
            return None
        fusion = self.expertise.fusion
        if isinstance(wanted, Configuration) and wanted.fusion_name in fusion.members:
            return None
        names = {t.configuration.fusion_name or "" for t in trials if t.scores is not None and np.ptp(t.scores)}
        known, core = fusion.knows(tuple(names)), fusion.core(tuple(names))
        if not known or not core or self.expertise.trust <= 0:
            return None
        return {"members": len(known), "margin_members": len(core)}
