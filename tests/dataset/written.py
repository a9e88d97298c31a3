"""Small files and frames in every form in which people write numbers, dates and tables, with the values meant.

Every case was written down, values and all, before the code that reads it. A case holds what is written, the values
meant column by column (numbers, `at` for dates, texts, None for a missing cell), the cells that hold something but
could not be read, and the columns about which a warning must name both readings.
"""

# ruff: noqa: E501 - one case, one line, as far as it goes
from __future__ import annotations

import bz2
import gzip
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

NBSP, NARROW, MINUS = "\u00a0", "\u202f", "\u2212"


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is written, and what is meant.

    Args:
        name: Of the case.
        file: Name of the file; empty: ``held`` is a table.
        held: Bytes, text (UTF-8), a table, or sheets by name for a workbook.
        means: Column to values.
        unread: Column to the rows whose cells hold what could not be read.
        warns: Columns about which a warning must name both readings.
        options: Of `read_table` (for a table: of `read_values`).
    """

    name: str
    file: str = ""
    held: Any
    means: Mapping[str, list[Any]]
    unread: Mapping[str, list[int]] = field(default_factory=dict)
    warns: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        """The case as a file of that folder."""
        path = folder / self.file
        if isinstance(self.held, dict):
            with pd.ExcelWriter(path, engine="xlsxwriter") as book:
                for sheet, rows in self.held.items():
                    pd.DataFrame(rows).to_excel(book, sheet_name=sheet, header=False, index=False)
        else:
            path.write_bytes(self.held.encode() if isinstance(self.held, str) else self.held)
        return path


def at(moment: str) -> pd.Timestamp:
    """A date and time; with an offset: in UTC."""
    stamp = pd.Timestamp(moment)
    return stamp if stamp.tz is None else stamp.tz_convert("UTC").tz_localize(None)


def _lines(*lines: str, end: str = "\n") -> str:
    return end.join(lines) + end


def _column(values: list[str], other: str = "12.5", *, sep: str = ",", name: str = "v") -> str:
    """A file with the texts in a column, quoted, beside a plain one."""
    return _lines(f"{name}{sep}other", *(f'"{value}"{sep}{other}' for value in values))


def _zip(**inside: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, held in inside.items():
            archive.writestr(name.replace("_csv", ".csv"), held)
    return buffer.getvalue()


_IDS = [f"100000000000000000{i:02d}" for i in range(60)]
_LONG = "x" * 200_000
_PRICES = [1234.0, 987.0, 12500.0, 45.0, 3100.0, 250.0, 78.0, 1999.0]
_GERMAN = ["1.234", "987", "12.500", "45", "3.100", "250", "78", "1.999"]

NUMBERS = (
    Case(
        name="German thousands without decimals, beside smaller numbers",
        file="a.csv",
        held=_lines("ware;menge", *(f"w{i % 3};{v}" for i, v in enumerate(_GERMAN))),
        means={"menge": _PRICES},
    ),
    Case(
        name="German thousands in a file cut by commas",
        file="a.csv",
        held=_lines("item,amount", *(f"w{i % 3},{v}" for i, v in enumerate(_GERMAN))),
        means={"amount": _PRICES},
    ),
    Case(
        name="German amounts with decimals",
        file="a.csv",
        held=_lines("ware;betrag", "a;1.234,50", "b;987,00", "a;-12,5", "b;1.234.567,89"),
        means={"betrag": [1234.5, 987.0, -12.5, 1234567.89]},
    ),
    Case(
        name="three decimals after a comma, beside a decimal comma that is one",
        file="a.csv",
        held=_lines("ort;dichte;länge", "a;6,064;1,5", "b;7,125;22,75", "a;12,482;3,0", "b;9,001;4,25"),
        means={"dichte": [6.064, 7.125, 12.482, 9.001], "länge": [1.5, 22.75, 3.0, 4.25]},
    ),
    Case(
        name="three decimals after a comma, told by a value below one",
        file="a.csv",
        held=_column(["6,064", "0,125", "12,482", "9,001"], sep=";", other="x"),
        means={"v": [6.064, 0.125, 12.482, 9.001]},
    ),
    Case(
        name="three decimals after a comma, told by numbers of four digits without one",
        file="a.csv",
        held=_column(["6,064", "1250,125", "12,482", "1010,5"], sep=";", other="x"),
        means={"v": [6.064, 1250.125, 12.482, 1010.5]},
    ),
    Case(
        name="English thousands",
        held=pd.DataFrame({"v": ["1,234", "987", "12,500", "1,234,567.5", "0.5"]}),
        means={"v": [1234.0, 987.0, 12500.0, 1234567.5, 0.5]},
    ),
    Case(
        name="a point and three digits in every number: two readings",
        file="a.txt",
        held=_lines("a|v", *(f"x|{v}" for v in ("1.234", "2.500", "12.750", "3.125", "8.250"))),
        means={"v": [1.234, 2.5, 12.75, 3.125, 8.25]},
        warns=("v",),
    ),
    Case(
        name="a comma and three digits in every number: two readings",
        held=pd.DataFrame({"v": ["1,234", "2,500", "12,750", "3,125", "8,250"], "w": [1.5, 2.5, 3.5, 4.5, 5.5]}),
        means={"v": [1234.0, 2500.0, 12750.0, 3125.0, 8250.0]},
        warns=("v",),
    ),
    Case(
        name="the same, told by hand",
        held=pd.DataFrame({"v": ["1,234", "2,500", "12,750", "3,125", "8,250"], "w": [1.5, 2.5, 3.5, 4.5, 5.5]}),
        means={"v": [1.234, 2.5, 12.75, 3.125, 8.25]},
        options={"decimal": {"v": ","}},
    ),
    Case(
        name="three decimals told by the other columns",
        file="a.csv",
        held=_lines("v,w", *(f"{v},{w}" for v, w in (("1.234", "1.5"), ("2.500", "12.25"), ("12.750", "0.75")))),
        means={"v": [1.234, 2.5, 12.75]},
    ),
    Case(
        name="Swiss apostrophes, straight and curly",
        file="a.csv",
        held=_lines("v;w", "1'234.50;a", "987.00;b", "12’500.25;a", "1'234'567.00;b"),
        means={"v": [1234.5, 987.0, 12500.25, 1234567.0]},
    ),
    Case(name="prices without cents", file="a.csv", held=_column(["CHF 12.-", "CHF 7.50", "CHF 1'200.—", "-5.--", "8.–"]),
         means={"v": [12.0, 7.5, 1200.0, -5.0, 8.0]}),
    Case(name="prices without cents after a decimal comma", file="a.csv",
         held=_lines("v;o", "12,- €;x", "1.200,- €;y", "7,50 €;x", "12,–;x"), means={"v": [12.0, 1200.0, 7.5, 12.0]}),
    Case(
        name="accountants' parentheses",
        file="a.csv",
        held=_column(["1,200.00", "(350.50)", "75.25", "(1,000.00)", "$(20.00)"]),
        means={"v": [1200.0, -350.5, 75.25, -1000.0, -20.0]},
    ),
    Case(name="trailing minus", file="a.csv", held=_column(["12.50", "7.25-", "100.00", "3.10-", "5.00 CR"][:4]),
         means={"v": [12.5, -7.25, 100.0, -3.1]}),
    Case(name="unicode minus", file="a.csv", held=_column(["12.5", MINUS + "7.25", "–3.5", "100"]),
         means={"v": [12.5, -7.25, -3.5, 100.0]}),
    Case(
        name="currency signs before and after",
        file="a.csv",
        held=_column(["€12.50", "€ 1,300.00", "€7.25", "-€100.00", "€5"]),
        means={"v": [12.5, 1300.0, 7.25, -100.0, 5.0]},
    ),
    Case(
        name="currency signs after a decimal comma",
        file="a.csv",
        held=_column(["12,50 €", f"1.300,00{NBSP}€", "7,25 €", "-100,00 €"], sep=";", other="x"),
        means={"v": [12.5, 1300.0, 7.25, -100.0]},
    ),
    Case(name="rupees, yen, won and pounds in columns of their own",
         held=pd.DataFrame({"r": ["₹1,00,000", "₹ 250", "₹12,34,567.50"], "y": ["¥1200", "¥ 30", "¥45,000"],
                            "p": ["£1.50", "£20", "£3,000.75"]}),
         means={"r": [100000.0, 250.0, 1234567.5], "y": [1200.0, 30.0, 45000.0], "p": [1.5, 20.0, 3000.75]}),
    Case(name="currency codes", file="a.csv", held=_column(["EUR 12.50", "EUR 1,300.00", "EUR 7.25", "EUR 100.00"]),
         means={"v": [12.5, 1300.0, 7.25, 100.0]}),
    Case(name="currency codes after", file="a.csv", held=_column(["12.50 USD", "1,300.00 USD", "7.25USD", "100 USD"]),
         means={"v": [12.5, 1300.0, 7.25, 100.0]}),
    Case(
        name="amounts in two currencies: the number is read, and it is said",
        file="a.csv",
        held=_column(["USD 10.50", "EUR 12.50", "USD 3.25", "EUR 4.75", "USD 7.00"]),
        means={"v": [10.5, 12.5, 3.25, 4.75, 7.0]},
        warns=("v",),
    ),
    Case(name="one unit", file="a.csv", held=_column(["12 kg", "7.5 kg", "100kg", "3.25 kg"]),
         means={"v": [12.0, 7.5, 100.0, 3.25]}),
    Case(name="degrees", file="a.csv", held=_column(["12.5 °C", "-7.5 °C", "30°C", "3.25 °C"]),
         means={"v": [12.5, -7.5, 30.0, 3.25]}),
    Case(name="units of one family, in the commonest", file="a.csv", held=_column(["12 kg", "500 g", "1 kg", "3.25 kg"]),
         means={"v": [12.0, 0.5, 1.0, 3.25]}),
    Case(name="sizes of files", file="a.csv", held=_column(["1 MB", "2.5 MB", "512 KB", "1 GB", "3 MB"]),
         means={"v": [1.0, 2.5, 0.512, 1000.0, 3.0]}),
    Case(name="Indian grouping", file="a.csv", held=_column(["12,34,567", "1,00,000", "45,678", "987", "2,50,000.50"]),
         means={"v": [1234567.0, 100000.0, 45678.0, 987.0, 250000.5]}),
    Case(name="non-breaking spaces between thousands", file="a.csv",
         held=_column([f"1{NBSP}234,50", f"12{NARROW}500,00", "987,25", "1 300 000,00"], sep=";", other="x"),
         means={"v": [1234.5, 12500.0, 987.25, 1300000.0]}),
    Case(name="per cent", file="a.csv", held=_column(["12%", "7.5 %", "100%", "-3.25%"]),
         means={"v": [0.12, 0.075, 1.0, -0.0325]}),
    Case(name="per cent beside bare numbers: two readings", file="a.csv",
         held=_column(["12%", "7.5%", "100%", "15", "3%", "20%"]),
         means={"v": [0.12, 0.075, 1.0, 15.0, 0.03, 0.2]}, warns=("v",)),
    Case(name="scientific notation", file="a.csv", held=_column(["1.5e3", "2.25E-4", "7e+05", "1.0E2"]),
         means={"v": [1500.0, 0.000225, 700000.0, 100.0]}),
    Case(name="plus signs, blanks and a missing zero", file="a.csv", held=_column([" +12.5", "7.25 ", ".5", "-.25"]),
         means={"v": [12.5, 7.25, 0.5, -0.25]}),
    Case(
        name="a wrong cell among numbers",
        file="a.csv",
        held=_lines("v,w", *(f"{'12x4' if i == 7 else i * 1.5},a" for i in range(25))),
        means={"v": [None if i == 7 else i * 1.5 for i in range(25)]},
        unread={"v": [7]},
    ),
    Case(
        name="three wrong cells, each of its own, among twenty",
        held=pd.DataFrame({"v": ["12x4" if i == 3 else "l2" if i == 8 else "1.2.3" if i == 12 else f"{i}.5"
                                 for i in range(20)]}),
        means={"v": [None if i in (3, 8, 12) else i + 0.5 for i in range(20)]},
        unread={"v": [3, 8, 12]},
    ),
)  # fmt: skip

MISSING = (
    Case(name="words for missing among numbers", file="a.csv",
         held=_column(["1.5", "?", "N/A", "-", "unknown", "2.5", "n.a.", "#DIV/0!", "3.5", "NULL", "", "4.5", "TBD"]),
         means={"v": [1.5, None, None, None, None, 2.5, None, None, 3.5, None, None, 4.5, None]}),
    Case(name="question marks in a category", file="a.csv",
         held=_column(["red", "?", "blue", "red", "?", "blue", "red"]),
         means={"v": ["red", None, "blue", "red", None, "blue", "red"]}),
    Case(name="the country NA", file="a.csv",
         held=_column(["NA", "DE", "ZA", "NA", "FR", "BW", "DE"]),
         means={"v": ["NA", "DE", "ZA", "NA", "FR", "BW", "DE"]}),
    Case(name="the status None", file="a.csv",
         held=_column(["None", "Active", "Closed", "None", "Active"]),
         means={"v": ["None", "Active", "Closed", "None", "Active"]}),
    Case(name="a file of R's: NA is missing in its texts, too", file="a.csv",
         held=_lines("v,w", "red,1.5", "NA,2.5", "blue,NA", "red,4.5", "green,NA"),
         means={"v": ["red", None, "blue", "red", "green"], "w": [1.5, 2.5, None, 4.5, None]}),
    Case(name="unknown is a level of a category", file="a.csv",
         held=_column(["single", "unknown", "married", "unknown", "single"]),
         means={"v": ["single", "unknown", "married", "unknown", "single"]}),
)  # fmt: skip

CODES = (
    Case(name="one mistake among German thousands does not make decimals of them", file="a.csv",
         held=_lines("v;o", *(f"{v};x" for v in [*_GERMAN * 6, "12.5", *_GERMAN])), unread={"v": [48]},
         means={"v": [*_PRICES * 6, None, *_PRICES]}),
    Case(name="one mistake among English thousands does not make decimals of them", file="a.csv",
         held=_column([v.replace(".", ",") for v in [*_GERMAN * 6, "12,34", *_GERMAN]]), unread={"v": [48]},
         means={"v": [*_PRICES * 6, None, *_PRICES]}),
    Case(name="one mistake among so few thousands: two readings", file="a.csv",
         held=_column([*_GERMAN, "12.5"]), warns=("v",),
         means={"v": [1.234, 987.0, 12.5, 45.0, 3.1, 250.0, 78.0, 1.999, 12.5]}),
    Case(name="one mistake among three decimals after a comma: two readings", file="a.csv", warns=("v",),
         held=_lines("v;o", *(f"{1 + i % 7},{100 + i};x" for i in range(60)), "12.5;x"), unread={"v": [60]},
         means={"v": [*((1000 + i % 7 * 1000 + 100 + i) / 1000 for i in range(60)), None]}),
    Case(name="three decimals without zeros at the end are decimals", file="a.csv",
         held=_column([*(f"{1 + i % 7}.{101 + i % 9}" for i in range(90)), *["2.5"] * 6], other="x"),
         means={"v": [*((1000 + i % 7 * 1000 + 101 + i % 9) / 1000 for i in range(90)), *[2.5] * 6]}),
    Case(name="three decimals, a few of them below one, are decimals", file="a.csv",
         held=_column([*(f"{1 + i % 7}.{100 + i}" for i in range(60)), "0.998"]),
         means={"v": [*((1000 + i % 7 * 1000 + 100 + i) / 1000 for i in range(60)), 0.998]}),
    Case(name="leading zeros", file="a.csv", held=_column(["00123", "04567", "98765", "00042"]),
         means={"v": ["00123", "04567", "98765", "00042"]}),
    Case(name="sixty ids of twenty digits", file="a.csv", held=_column(_IDS), means={"v": list(_IDS)}),
    Case(name="ids of twenty digits as Python's integers", held=pd.DataFrame({"v": [int(v) for v in _IDS], "w": 1.5}),
         means={"v": list(_IDS)}),
    Case(name="ids of eighteen digits as 64-bit integers",
         held=pd.DataFrame({"v": [123456789012345600 + i for i in range(30)], "w": 1.5}),
         means={"v": [str(123456789012345600 + i) for i in range(30)]}),
    Case(name="codes that look like powers of ten", file="a.csv",
         held=_column(["1E5", "204", "2E3", "117", "3E1", "305"]),
         means={"v": ["1E5", "204", "2E3", "117", "3E1", "305"]}),
    Case(name="article numbers with letters", file="a.csv", held=_column(["A12", "B7", "C300", "A12", "B8"]),
         means={"v": ["A12", "B7", "C300", "A12", "B8"]}),
    Case(name="telephone numbers", file="a.csv", held=_column(["+49 30 1234567", "+49 89 7654321", "+49 40 5551234"]),
         means={"v": ["+49 30 1234567", "+49 89 7654321", "+49 40 5551234"]}),
    Case(name="addresses of the internet and versions", held=pd.DataFrame(
        {"ip": ["10.0.0.1", "192.168.1.20", "10.0.0.7"], "version": ["1.10.2", "1.9.0", "2.0.1"]}),
        means={"ip": ["10.0.0.1", "192.168.1.20", "10.0.0.7"], "version": ["1.10.2", "1.9.0", "2.0.1"]}),
)  # fmt: skip

DATES = (
    Case(name="AM and PM", file="a.csv",
         held=_column(["01/31/2024 01:45 PM", "02/01/2024 12:05 AM", "02/14/2024 11:59:30 am", "12/25/2024 3:00 p.m."]),
         means={"v": [at("2024-01-31 13:45"), at("2024-02-01 00:05"), at("2024-02-14 11:59:30"), at("2024-12-25 15:00")]}),
    Case(name="years of two digits", file="a.csv", held=_column(["31.12.98", "01.02.24", "15.06.05"], sep=";", other="x"),
         means={"v": [at("1998-12-31"), at("2024-02-01"), at("2005-06-15")]}),
    Case(name="names of months", file="a.csv",
         held=_column(["31 Jan 2024", "1 February 2024", "Mar 15, 2024", "September 3rd, 2023", "Mon, 5 Aug 2024"]),
         means={"v": [at("2024-01-31"), at("2024-02-01"), at("2024-03-15"), at("2023-09-03"), at("2024-08-05")]}),
    Case(name="names of months in German", file="a.csv",
         held=_column(["31. Januar 2024", "1. März 2024", "15. Mai 2024", "3. Dez. 2023"], sep=";", other="x"),
         means={"v": [at("2024-01-31"), at("2024-03-01"), at("2024-05-15"), at("2023-12-03")]}),
    Case(name="month names between hyphens", file="a.csv", held=_column(["31-Jan-24", "01-Feb-24", "15-MAR-24"]),
         means={"v": [at("2024-01-31"), at("2024-02-01"), at("2024-03-15")]}),
    Case(name="milliseconds after a comma", file="a.csv",
         held=_column(["2024-01-31 13:45:10,250", "2024-01-31 13:45:11,500", "2024-02-01 00:00:00,001"]),
         means={"v": [at("2024-01-31 13:45:10.25"), at("2024-01-31 13:45:11.5"), at("2024-02-01 00:00:00.001")]}),
    Case(name="slashes, the day first by one of them", file="a.csv",
         held=_column(["01/02/2024", "05/03/2024", "31/01/2024", "07/04/2024"]),
         means={"v": [at("2024-02-01"), at("2024-03-05"), at("2024-01-31"), at("2024-04-07")]}),
    Case(name="slashes, the month first by one of them", file="a.csv",
         held=_column(["01/02/2024", "05/03/2024", "01/31/2024", "07/04/2024"]),
         means={"v": [at("2024-01-02"), at("2024-05-03"), at("2024-01-31"), at("2024-07-04")]}),
    Case(name="slashes that tell nothing: two readings", file="a.csv",
         held=_column(["01/02/2024", "05/03/2024", "11/01/2024", "07/04/2024"]),
         means={"v": [at("2024-01-02"), at("2024-05-03"), at("2024-11-01"), at("2024-07-04")]}, warns=("v",)),
    Case(name="slashes told by another column", file="a.csv",
         held=_lines("v,w", "01/02/2024,28/02/2024", "05/03/2024,31/03/2024", "11/01/2024,01/02/2024"),
         means={"v": [at("2024-02-01"), at("2024-03-05"), at("2024-01-11")],
                "w": [at("2024-02-28"), at("2024-03-31"), at("2024-02-01")]}),
    Case(name="slashes told by one among many only: two readings", file="a.csv", warns=("v",),
         held=_column([*["01/02/2024", "05/03/2024"] * 10, "31/01/2024"]),
         means={"v": [*[at("2024-02-01"), at("2024-03-05")] * 10, at("2024-01-31")]}),
    Case(name="another column outvotes one date among many", file="a.csv",
         held=_lines("v,w", *["01/02/2024,01/31/2024", "05/03/2024,02/28/2024"] * 20, "31/01/2024,01/31/2024"),
         unread={"v": [40]}, means={"v": [*[at("2024-01-02"), at("2024-05-03")] * 20, None]}),
    Case(name="slashes told by hand", file="a.csv", held=_column(["01/02/2024", "05/03/2024", "11/01/2024"]),
         means={"v": [at("2024-02-01"), at("2024-03-05"), at("2024-01-11")]}, options={"dates": "dmy"}),
    Case(name="Apache's log", file="a.csv",
         held=_column(["10/Oct/2023:13:55:36 -0700", "11/Oct/2023:00:00:01 -0700", "1/Nov/2023:23:59:59 +0000"]),
         means={"v": [at("2023-10-10 20:55:36"), at("2023-10-11 07:00:01"), at("2023-11-01 23:59:59")]}),
    Case(name="syslog, which has no year", file="a.csv",
         held=_column(["Oct 11 22:14:15", "Oct 12 00:00:01", "Nov  1 03:10:00"]),
         means={"v": [at("1972-10-11 22:14:15"), at("1972-10-12 00:00:01"), at("1972-11-01 03:10:00")]}),
    Case(name="times of day", file="a.csv", held=_column(["13:45", "00:05", "23:59", "7:30"]),
         means={"v": [49500.0, 300.0, 86340.0, 27000.0]}),
    Case(name="times of day with seconds and PM", file="a.csv", held=_column(["1:45:30 PM", "12:05:00 AM", "11:59:59 pm"]),
         means={"v": [49530.0, 300.0, 86399.0]}),
    Case(name="UTC behind", file="a.csv", held=_column(["2024-01-31 13:45:00 UTC", "2024-02-01 00:00:10 UTC"]),
         means={"v": [at("2024-01-31 13:45"), at("2024-02-01 00:00:10")]}),
    Case(name="offsets of several kinds", file="a.csv",
         held=_column(["2024-01-31T13:45:00Z", "2024-01-31T13:45:00+02:00", "2024-01-31T13:45:00-0530",
                       "2024-01-31T13:45:00+01"]),
         means={"v": [at("2024-01-31 13:45"), at("2024-01-31 11:45"), at("2024-01-31 19:15"), at("2024-01-31 12:45")]}),
    Case(name="several forms in a column", file="a.csv",
         held=_column(["2024-01-31", "31/01/2024", "Jan 31, 2024", "2024-01-31 10:00", "31.01.2024 11:30"]),
         means={"v": [at("2024-01-31"), at("2024-01-31"), at("2024-01-31"), at("2024-01-31 10:00"),
                      at("2024-01-31 11:30")]}),
    Case(name="a date that is none among dates", file="a.csv",
         held=_lines("v,w", *(f"2024-02-{'31' if d == 5 else f'{d:02}'},a" for d in range(1, 29))),
         means={"v": [None if d == 5 else at(f"2024-02-{d:02}") for d in range(1, 29)]}, unread={"v": [4]}),
)  # fmt: skip

_PLAIN = {"a": [1.0, 2.0, 3.0], "b": ["x", "y", "x"]}
_UMLAUTS = {"name": ["Müller", "Größe", "Ångström"], "n": [1.5, 2.5, 3.5]}
_UMLAUT_LINES = _lines("name;n", "Müller;1.5", "Größe;2.5", "Ångström;3.5")

FILES = (
    Case(name="a sep= line", file="a.csv", held=_lines("sep=;", "a;b", "1;x", "2;y", "3;x"), means=_PLAIN),
    Case(name="units in the header", file="a.csv", held=_lines("weight (kg),temp [°C]", "1.5,20", "2.5,21", "3.5,19"),
         means={"weight (kg)": [1.5, 2.5, 3.5], "temp [°C]": [20.0, 21.0, 19.0]}),
    Case(name="units in a line of their own", file="a.csv", held=_lines("w,t,n", "kg,°C,-", "1.5,20,3", "2.5,21,4", "3.5,19,8"),
         means={"w": [1.5, 2.5, 3.5], "t": [20.0, 21.0, 19.0], "n": [3.0, 4.0, 8.0]}),
    Case(name="years as names", file="a.csv", held=_lines("2019,2020,2021", "1.5,2.5,3.5", "4,5,6", "7,8,9"),
         means={"2019": [1.5, 4.0, 7.0], "2020": [2.5, 5.0, 8.0], "2021": [3.5, 6.0, 9.0]}),
    Case(name="no names, mixed columns", file="a.csv",
         held=_lines("ann,23,4.5", "bob,31,3.25", "eve,27,8.0", "joe,45,1.0"),
         means={"x0": ["ann", "bob", "eve", "joe"], "x1": [23.0, 31.0, 27.0, 45.0], "x2": [4.5, 3.25, 8.0, 1.0]}),
    Case(name="comments above, between and below", file="a.csv",
         held=_lines("# made by hand, in 2024", "# see the notes", "a,b", "1,x", "# a gap here", "2,y", "3,x", "# end"),
         means=_PLAIN),
    Case(name="the names in a comment", file="a.tsv", held=_lines("#a\tb", "1\tx", "2\ty", "3\tx"), means=_PLAIN),
    Case(name="trailing delimiters", file="a.csv", held=_lines("a;b;", "1;x;", "2;y;", "3;x;"), means=_PLAIN),
    Case(name="trailing delimiters but in the header", file="a.csv", held=_lines("a;b", "1;x;", "2;y;", "3;x;"),
         means=_PLAIN),
    Case(name="a title and a blank line above", file="a.csv",
         held=_lines("Report of January 2024;", ";", "a;b", "1;x", "2;y", "3;x"), means=_PLAIN),
    Case(name="a total below", file="a.csv", held=_lines("b,a", "x,1", "y,2", "x,3", "Total,6"), means=_PLAIN),
    Case(name="cut by runs of blanks", file="a.txt",
         held=_lines("a     b    c", "1   1.5    x", "22  2.25   y", "333 3.125  x"),
         means={"a": [1.0, 22.0, 333.0], "b": [1.5, 2.25, 3.125], "c": ["x", "y", "x"]}),
    Case(name="fixed width with blanks inside and gaps", file="a.txt",
         held=_lines("name         age  city      ", "Ann Smith     23  New York  ", "Bob Miller        Rome      ",
                     "Eve Adams     31  San Jose  ", "Joe Doe      105            "),
         means={"name": ["Ann Smith", "Bob Miller", "Eve Adams", "Joe Doe"], "age": [23.0, None, 31.0, 105.0],
                "city": ["New York", "Rome", "San Jose", None]}),
    Case(name="a cell of 200,000 letters", file="a.csv", held=_lines("a,b", f'1,"{_LONG}"', "2,y", "3,x"),
         means={"a": [1.0, 2.0, 3.0], "b": [_LONG, "y", "x"]}),
    Case(name="cp1252", file="a.csv", held=_lines("name;price", "Café “Ü”;12,50 €", "Œuvre – 2;7,25 €").encode("cp1252"),
         means={"name": ["Café “Ü”", "Œuvre – 2"], "price": [12.5, 7.25]}),
    Case(name="Latin-1", file="a.csv", held=_UMLAUT_LINES.encode("latin-1"), means=_UMLAUTS),
    Case(name="UTF-16 without a mark, little end first", file="a.csv", held=_UMLAUT_LINES.encode("utf-16-le"),
         means=_UMLAUTS),
    Case(name="UTF-16 without a mark, big end first", file="a.csv", held=_UMLAUT_LINES.encode("utf-16-be"),
         means=_UMLAUTS),
    Case(name="another encoding, told by hand", file="a.csv", held=_lines("имя;n", "Анна;1.5", "Олег;2.5").encode("cp1251"),
         means={"имя": ["Анна", "Олег"], "n": [1.5, 2.5]}, options={"encoding": "cp1251"}),
    Case(name="another encoding, by its letters", file="a.csv",
         held=_lines("имя;город;n", "Анна;Москва;1.5", "Олег;Казань;2.5").encode("cp1251"),
         means={"имя": ["Анна", "Олег"], "город": ["Москва", "Казань"], "n": [1.5, 2.5]}, warns=("a.csv",)),
    Case(name="names given twice", file="a.csv", held=_lines("a,b,a", "1,x,4", "2,y,5", "3,x,6"),
         means={**_PLAIN, "a_2": [4.0, 5.0, 6.0]}),
    Case(name="gzip", file="a.csv.gz", held=gzip.compress(_lines("a,b", "1,x", "2,y", "3,x").encode()), means=_PLAIN),
    Case(name="bzip2", file="a.csv.bz2", held=bz2.compress(_lines("a,b", "1,x", "2,y", "3,x").encode()), means=_PLAIN),
    Case(name="zip", file="a.zip", held=_zip(a_csv=_lines("a,b", "1,x", "2,y", "3,x").encode()), means=_PLAIN),
    Case(name="old Macintosh line ends", file="a.csv", held=_lines("a,b", "1,x", "2,y", "3,x", end="\r"), means=_PLAIN),
    Case(name="decimal commas cut by semicolons without names", file="a.csv", held=_lines("1,5;2,25", "2,5;3,75", "4,5;5,0"),
         means={"x0": [1.5, 2.5, 4.5], "x1": [2.25, 3.75, 5.0]}),
    Case(name="commas inside quotes, semicolons inside texts", file="a.csv",
         held=_lines("a,b", '"x; y",1', '"z, w; v",2', '"u",3'), means={"a": ["x; y", "z, w; v", "u"], "b": [1.0, 2.0, 3.0]}),
)  # fmt: skip

_ROWS = [["a", "b"], [1, "x"], [2, "y"], [3, "x"]]
_RECORDS = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}, {"a": 3, "b": "x"}]

BOOKS = (
    Case(name="a sheet of notes first", file="a.xlsx", means=_PLAIN,
         held={"Notes": [["Made in January."], ["Ask Ann."]], "Data": _ROWS}),
    Case(name="a sheet by name", file="a.xlsx", means=_PLAIN, options={"sheet": "Data"},
         held={"Other": [["c", "d"], [5, 6], [7, 8], [9, 10]], "Data": _ROWS}),
    Case(name="titles, a line of units and a total", file="a.xlsx",
         means={"item": ["x", "y", "z"], "weight": [1.5, 2.5, 4.0], "price": [10.0, 20.0, 35.0]},
         held={"Data": [["Stock of January", None, None], [None, None, None], ["item", "weight", "price"],
                        [None, "kg", "EUR"], ["x", 1.5, 10], ["y", 2.5, 20], ["z", 4.0, 35], ["Total", 8.0, 65]]}),
    Case(name="numbers kept as texts in a sheet", file="a.xlsx", means={"a": [1.5, 2.5, 1234.5], "b": ["x", "y", "x"]},
         held={"Data": [["a", "b"], ["1.5", "x"], ["2.5", "y"], ["1,234.5", "x"]]}),
    Case(name="the country NA in a sheet", file="a.xlsx", means={"land": ["NA", "DE", "ZA", "NA"], "n": [1.0, 2.0, 3.0, 4.0]},
         held={"Data": [["land", "n"], ["NA", 1], ["DE", 2], ["ZA", 3], ["NA", 4]]}),
    Case(name="nested JSON", file="a.json",
         held=json.dumps([{"id": "p", "size": {"w": 1.5, "h": 2}, "tags": [1, 2]}, {"id": "q", "size": {"w": 2.5, "h": 3},
                          "tags": [3, 4]}, {"id": "p", "size": {"w": 3.5, "h": 4}, "tags": [5, 6]}]),
         means={"id": ["p", "q", "p"], "size.w": [1.5, 2.5, 3.5], "size.h": [2.0, 3.0, 4.0], "tags.0": [1.0, 3.0, 5.0],
                "tags.1": [2.0, 4.0, 6.0]}),
    Case(name="nested JSON lines", file="a.jsonl", means={"a.b": [1.0, 2.0], "c": ["x", "y"]},
         held=_lines('{"a": {"b": 1}, "c": "x"}', '{"a": {"b": 2}, "c": "y"}')),
    Case(name="records within an object", file="a.json", means=_PLAIN,
         held=json.dumps({"count": 3, "next": None, "results": _RECORDS})),
    Case(name="to_json()", file="a.json", means=_PLAIN, held=pd.DataFrame(_RECORDS).to_json()),
    Case(name="to_json, split", file="a.json", means=_PLAIN, held=pd.DataFrame(_RECORDS).to_json(orient="split")),
    Case(name="to_json, by row", file="a.json", means=_PLAIN, held=pd.DataFrame(_RECORDS).to_json(orient="index")),
    Case(name="to_json, as a table", file="a.json", means=_PLAIN,
         held=pd.DataFrame(_RECORDS).to_json(orient="table", index=False)),
)  # fmt: skip

CASES = (*NUMBERS, *MISSING, *CODES, *DATES, *FILES, *BOOKS)
