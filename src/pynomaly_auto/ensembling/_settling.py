"""When no further trial can change the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.ensembling._fitted import Expertise
from pynomaly_auto.knowledge import member_name
from pynomaly_auto.records import Reason, Trial
from pynomaly_auto.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Settling:
    """Says of tuned trials whether they can still change the answer.

    Once the learned fusion is in force they cannot: it knows members with default parameters only, in the views it was
    taught, and the mean it starts from and is blended with is that of named members, too. A tuned trial could join the
    ensemble, and weigh nothing there. Where fusion is not in force (a count of models, no known table like this one,
    too few of its members), they are worth making, and so they are of detectors that the user decides about or that
    are a third party's.

    Args:
        settings: What is asked for.
        expertise: The fusion for this table; None: there is none.
    """

    settings: Settings
    expertise: Expertise | None

    def __call__(self, detector: str, params: Mapping[str, Any] | None, trials: Iterable[Trial]) -> Reason | None:
        """Why a trial cannot change the answer any more; None where it can.

        Args:
            detector: Whose trial.
            params: Its parameters; None: any that a search may propose.
            trials: Those made so far.
        """
        if self.expertise is None or self.settings.max_models is not None:
            return None
        fusion, overrides = self.expertise.fusion, self.settings.overrides
        if detector in {*overrides.force, *overrides.params} or not DETECTORS[detector].own:
            return None
        if params is not None and member_name(detector, params) in fusion.members:
            return None
        names = {member_name(t.detector, t.params) or "" for t in trials if t.scores is not None and np.ptp(t.scores)}
        known, core = fusion.knows(tuple(names)), fusion.core(tuple(names))
        if not known or not core or self.expertise.trust <= 0:
            return None
        text = (
            f"Parameters are not tuned: the learned fusion is in force with {len(known)} members, and it knows "
            "detectors with their default parameters only, so tuned ones cannot change the answer."
        )
        evidence = {"members": len(known), "anchors": len(core)}
        return Reason(code="TUN-032", subject="search", text=text, evidence=evidence)
