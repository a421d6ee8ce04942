"""Error codes that each operation may answer, as `python -m dev.operation_errors` finds them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

FILE = "error_codes.json"

ALL = "*"
"""The entry of codes that every operation may answer."""


@cache
def _read() -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = json.loads(
        Path(__file__).with_name(FILE).read_text("utf-8")
    )
    return found


def of_all(status: str) -> list[str]:
    """Returns the codes of a status that every operation may answer."""
    return _read()[ALL].get(status, [])


def of(operation: str, status: str) -> list[str]:
    """Returns the codes of a status that an operation may answer beyond those of all."""
    return _read().get(operation, {}).get(status, [])
