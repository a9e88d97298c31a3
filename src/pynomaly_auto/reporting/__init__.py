"""Reporting: one self-contained HTML file of a result, and the files a run leaves behind."""

from pynomaly_auto.reporting._files import check_writable, write_report, write_results, write_text
from pynomaly_auto.reporting._render import render

__all__ = ["check_writable", "render", "write_report", "write_results", "write_text"]
