"""Query strings that several lists of /v1 share: pages of a list, instants and days."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from billing.kernel.errors import Invalid
from billing.kernel.periods import Anchor, start_of_next_local_day
from billing.web.inputs import (
    INSTANT_OR_DATE,
    Cursor,
    Input,
)

FIRST_YEAR, LAST_YEAR = 1970, 2100


DATE_LENGTH = len("2026-01-31")


InstantOrDate = Annotated[str, StringConstraints(pattern=INSTANT_OR_DATE)]
"""An instant, or a local day."""


class PageQuery(Input):
    """The page of a list: its size and its cursor."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Cursor | None = None


def start_of(text: str, zone: str, field: str) -> datetime:
    """Parses an instant, or the start of a local day."""
    return _instant(text + "T00:00:00" if len(text) == DATE_LENGTH else text, zone, field)


def end_of(text: str, zone: str, field: str) -> datetime:
    """Parses an instant, or the end of a local day."""
    start = start_of(text, zone, field)
    return start_of_next_local_day(start, zone) if len(text) == DATE_LENGTH else start


def _instant(text: str, zone: str, field: str) -> datetime:
    # A plus that was not escaped comes out of a query string as a space.
    parsed = _parsed(text.replace(" ", "+"), field)
    return parsed.astimezone(UTC) if parsed.tzinfo is not None else Anchor(parsed, zone).instant


def _parsed(text: str, field: str) -> datetime:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid("no_such_time", field=field) from None
    if not FIRST_YEAR <= parsed.year <= LAST_YEAR:
        raise Invalid("year_out_of_range", field=field, first=FIRST_YEAR, last=LAST_YEAR)
    return parsed


class SpanQuery(PageQuery):
    """The span of a list; a bare date is a local day, that of `to` included."""

    from_: Annotated[InstantOrDate | None, Field(alias="from")] = None
    to: InstantOrDate | None = None

    def since(self, zone: str) -> datetime | None:
        """Returns the first instant of the span."""
        return None if self.from_ is None else start_of(self.from_, zone, "from")

    def until(self, zone: str) -> datetime | None:
        """Returns the instant that the span ends before."""
        return None if self.to is None else end_of(self.to, zone, "to")
