"""Inputs of exports."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from billing.api.web.queries import InstantOrDate, end_of, start_of
from billing.kernel.errors import Invalid
from billing.migration.exports import Exported, ExportFormat, Span
from billing.web.inputs import Input


class ExportInput(Input):
    """An export that is asked for; `from` and `to` are instants or local days, and such a day of
    `to` is included."""

    what: Exported
    format: ExportFormat = ExportFormat.CSV
    from_: Annotated[InstantOrDate | None, Field(alias="from")] = None
    to: InstantOrDate | None = None

    def span(self, zone: str) -> Span:
        """Returns the span; raises `Invalid` where it ends before it begins."""
        since = None if self.from_ is None else start_of(self.from_, zone, "from")
        until = None if self.to is None else end_of(self.to, zone, "to")
        if since is not None and until is not None and until <= since:
            raise Invalid("span_reversed", field="to")
        return Span(since, until)
