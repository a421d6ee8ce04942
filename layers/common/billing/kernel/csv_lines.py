"""Lines of CSV as every export writes them."""

from __future__ import annotations

import csv
from collections.abc import Iterable


def guarded(text: str) -> str:
    """Returns a text that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


def line(fields: Iterable[str]) -> str:
    """Returns one line of CSV."""
    written = _Written()
    csv.writer(written, lineterminator="\n").writerow(fields)
    return "".join(written)


class _Written(list[str]):
    """The parts that a CSV writer writes."""

    write = list.append
