"""Rendering: the view through the template into one HTML document."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from pynomaly_auto.records import Result
from pynomaly_auto.reporting._view import make_view

if TYPE_CHECKING:
    from jinja2 import Template


def render(result: Result, *, title: str | None = None, labels_note: str | None = None) -> str:
    """Make the report: one HTML document without any reference to the outside.

    Args:
        result: What to report on.
        title: Heading of the page; None: "Anomaly report".
        labels_note: A sentence shown under the heading, for example how known labels agree.

    Returns:
        The document. Everything that comes from the user's data is escaped.
    """
    return _template().render(view=make_view(result, title=title, labels_note=labels_note))


@lru_cache(maxsize=1)
def _template() -> Template:
    # Jinja2 takes 60 ms to import, which only those who want a report should pay.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("pynomaly_auto.reporting", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2")
