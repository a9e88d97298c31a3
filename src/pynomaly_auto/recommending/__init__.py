"""Which detectors to try first on a table, and why: coded rules, and what was learned from known tables."""

from pynomaly_auto.recommending._recommend import recommend
from pynomaly_auto.recommending.guiding import guide
from pynomaly_auto.recommending.rules import RULES, Context, Effect, Rule, boost, penalty, rule, veto

__all__ = ["RULES", "Context", "Effect", "Rule", "boost", "guide", "penalty", "recommend", "rule", "veto"]
