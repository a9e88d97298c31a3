"""``python -m pynomaly_auto``: the same as ``pynomaly``."""

from pynomaly_auto.cli import main

if __name__ == "__main__":
    main()
