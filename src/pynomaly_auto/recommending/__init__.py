"""Which detectors to try first on a table, and why: coded rules, and what was learned from known tables."""

from pynomaly_auto.recommending._overriding import check_overrides
from pynomaly_auto.recommending._recommend import criteria_weights, recommend
from pynomaly_auto.recommending.guiding import guide
from pynomaly_auto.recommending.rules import RULES, Context, Effect, Rule, boost, penalty, rule, veto

__all__ = [
    "RULES",
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
