"""Reporting: one self-contained HTML file of a result, and the files a run leaves behind."""

from pynomaly_auto.reporting._blocks import JudgementWriter, judgement_writer
from pynomaly_auto.reporting._facts import profile_facts
from pynomaly_auto.reporting._files import check_writable, write_judgement, write_report, write_results, write_text
from pynomaly_auto.reporting._render import render
from pynomaly_auto.reporting._view import number

__all__ = [
    "JudgementWriter",
    "check_writable",
    "judgement_writer",
    "number",
    "profile_facts",
    "render",
    "write_judgement",
    "write_report",
    "write_results",
    "write_text",
]
