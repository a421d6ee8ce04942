"""A shadow comparison as it is stored: parts of its rows, then its counts and its differences.

Each step of its job writes one part, once, with the place where the next part begins: a step that
is repeated finds it. A part counts all rows up to its end, and holds the differences that fill no
page yet: pages are of one length, so that any difference is found.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from billing.kernel.values import Value, replace
from billing.migration.shadows import Difference, Side, Totals

PAGE = 500
"""The differences of one page."""


class Part(Value):
    """The counts and differences of `rows` rows, and the place of the last of them.

    `pages` are written before the first of its differences.
    """

    totals: Totals = Totals()
    differences: tuple[Difference, ...] = ()
    rows: int = 0
    place: str = ""
    pages: int = 0

    def then(self, part: Part) -> Part:
        """Returns the part behind this one, with its counts and what is in none of its pages."""
        return replace(
            part,
            totals=self.totals.plus(part.totals),
            differences=(*self.last_page, *part.differences),
            pages=self.pages + len(self.full_pages),
        )

    @property
    def full_pages(self) -> Sequence[tuple[Difference, ...]]:
        """Returns the pages that it fills; something is left for the last page, if it has any."""
        found, ends = self.differences, range(PAGE, len(self.differences), PAGE)
        return [found[end - PAGE : end] for end in ends]

    @property
    def last_page(self) -> tuple[Difference, ...]:
        """Returns the page behind the full ones."""
        return self.differences[len(self.full_pages) * PAGE :]


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
        "pages": part.pages,
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
        found.get("pages", 0),  # comparisons of earlier versions lack it
    )


def _side(side: Side) -> list[object]:
    at = None if side.at is None else side.at.isoformat()
    return [at, side.minor, side.currency, side.text]


def _read_side(found: list[object]) -> Side:
    at, minor, currency, text = found
    when = datetime.fromisoformat(at) if isinstance(at, str) else None
    return Side(when, minor if isinstance(minor, int) else None, str(currency), str(text))
