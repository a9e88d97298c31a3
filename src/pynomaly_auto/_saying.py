"""Words on standard error, where there is one: a service, or pythonw, has none."""

from __future__ import annotations

import contextlib
import sys
from typing import TextIO


def say(text: str) -> None:
    """Write one line to standard error; where there is nobody to hear it, nothing happens."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):  # closed, or a pipe that nobody reads any more
            sys.stderr.write(f"{text}\n")


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody looks at the stream; not at one that is missing or closed."""
    try:
        return stream is not None and stream.isatty()
    except (ValueError, AttributeError):
        return False
