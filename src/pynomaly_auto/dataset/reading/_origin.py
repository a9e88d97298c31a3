"""What is known of the file a table came from, carried in the attributes of its frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_KEY = "pynomaly_auto"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """A file, as far as reading its columns needs it.

    Args:
        file: Its name; empty: the table comes from none that we read.
        delimiter: What cut its lines.
        decimal: Decimal signs that its numbers show for certain.
        missing: Words, in lower case, that stand for a missing number in it.
        said: What was done to make a table of it, a sentence each.
        conventions: What the user told when it was read.
    """

    file: str = ""
    delimiter: str = ""
    decimal: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    conventions: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, source: Any) -> Origin:
        """What a table's frame says of it; nothing where it says nothing, or what is no saying of ours."""
        attributes = getattr(source, "attrs", None)
        held = attributes.get(_KEY) if isinstance(attributes, Mapping) else None
        if not isinstance(held, Mapping):
            return cls()
        texts = {name: str(held.get(name, "")) for name in ("file", "delimiter")}
        lists = {name: tuple(map(str, held.get(name, ()))) for name in ("decimal", "missing", "said")}
        conventions = held.get("conventions")
        return cls(**texts, **lists, conventions=conventions if isinstance(conventions, Mapping) else {})  # type: ignore[arg-type]

    def mark(self, frame: Any) -> None:
        """Write it into a frame's attributes, as plain values that files of frames can hold."""
        frame.attrs[_KEY] = {
            "file": self.file,
            "delimiter": self.delimiter,
            "decimal": list(self.decimal),
            "missing": list(self.missing),
            "said": list(self.said),
            "conventions": dict(self.conventions),
        }
