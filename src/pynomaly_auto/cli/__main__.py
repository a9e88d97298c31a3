"""``python -m pynomaly_auto.cli``: the same as ``pynomaly``."""

from pynomaly_auto.cli import main

main()
