"""Domain presets: one TOML file each, with the settings a field of application starts from and why."""

from pynomaly_auto._registry import Registry
from pynomaly_auto.presets._preset import Preset, load_preset

PRESETS: Registry[Preset] = Registry(
    kind="preset", modules=("pynomaly_auto.presets._shipped",), group="pynomaly_auto.presets"
)

__all__ = ["PRESETS", "Preset", "load_preset"]
