"""The registry of regimes; apart from the package's front so that each can register with it."""

from pynomaly_auto._registry import Registry
from pynomaly_auto.regimes._regime import Regime

REGIMES: Registry[Regime] = Registry(
    kind="regime",
    modules=("pynomaly_auto.regimes._contaminated", "pynomaly_auto.regimes._novelty"),
    group="pynomaly_auto.regimes",
)
