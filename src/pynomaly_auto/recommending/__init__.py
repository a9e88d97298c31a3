"""Which detectors to try first on a table, and why: coded rules, and what was learned from known tables."""

from pynomaly_auto.recommending._novelty import MEMBERS as NOVELTY_MEMBERS
from pynomaly_auto.recommending._overriding import check_overrides
from pynomaly_auto.recommending._prior import PORTFOLIO, STRENGTH
from pynomaly_auto.recommending._recommend import criteria_weights, recommend
from pynomaly_auto.recommending.guiding import guide
from pynomaly_auto.recommending.rules import RULES, Context, Effect, Rule, boost, penalty, rule, veto

__all__ = [
    "NOVELTY_MEMBERS",
    "PORTFOLIO",
    "RULES",
    "STRENGTH",
    "Context",
    "Effect",
    "Rule",
    "boost",
    "check_overrides",
    "criteria_weights",
    "guide",
    "penalty",
    "recommend",
    "rule",
    "veto",
]
