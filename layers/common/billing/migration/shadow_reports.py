"""A shadow comparison as it is stored: parts of its rows, then its counts and its differences.

A part is written once, by one step of its job, with the place where the next part begins: a step
that is repeated finds it. In the end the differences of all parts are written anew, in pages of the
same length, so that any one is found.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime

from billing.kernel.values import Value
from billing.migration.shadows import Difference, Side, Totals

PAGE = 500
"""The differences of one page."""


class Part(Value):
    """The counts and differences of `rows` rows, and the place of the last of them."""

    totals: Totals
    differences: tuple[Difference, ...] = ()
    rows: int = 0
    place: str = ""


def name_of(import_id: str, asked_at: datetime) -> str:
    """Returns the name of a comparison among the files of its import."""
    return f"{import_id}/shadow-{asked_at:%Y%m%d%H%M%S%f}"


def written(part: Part) -> bytes:
    """Returns a part as JSON."""
    totals = part.totals
    found = {
        "totals": [totals.rows, totals.different, totals.charges, totals.moved, totals.blocked],
        "kinds": dict(totals.kinds),
        "rows": part.rows,
        "place": part.place,
        "differences": [
            [
                *(each.number, each.external_id, each.kind, each.column),
                *(_side(each.here), _side(each.there)),
            ]
            for each in part.differences
        ],
    }
    return json.dumps(found, separators=(",", ":")).encode()


def read(text: bytes) -> Part:
    """Returns a part from JSON."""
    found = json.loads(text)
    return Part(
        Totals(*found["totals"]).plus(Totals(kinds=found["kinds"])),
        tuple(
            Difference(number, external_id, kind, _read_side(here), _read_side(there), column)
            for number, external_id, kind, column, here, there in found["differences"]
        ),
        found["rows"],
        found["place"],
    )


def pages(parts: Iterable[Part]) -> Iterator[tuple[Part, Totals]]:
    """Yields pages of differences with the counts up to the end of each; one page at least."""
    totals, held = Totals(), list[Difference]()
    for part in parts:
        totals = totals.plus(part.totals)
        held += part.differences
        while len(held) > PAGE:
            yield Part(Totals(), tuple(held[:PAGE])), totals
            held = held[PAGE:]
    yield Part(Totals(), tuple(held)), totals


def _side(side: Side) -> list[object]:
    at = None if side.at is None else side.at.isoformat()
    return [at, side.minor, side.currency, side.text]


def _read_side(found: list[object]) -> Side:
    at, minor, currency, text = found
    when = datetime.fromisoformat(at) if isinstance(at, str) else None
    return Side(when, minor if isinstance(minor, int) else None, str(currency), str(text))
