"""Exports as they are stored: what was asked for, and the files that a job makes of it (M-6)."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from billing.kernel.objects import EXPORTS, ObjectKey
from billing.kernel.values import Value
from billing.kernel.writes import Entity

AREA = EXPORTS
"""The area of the object store; template.yaml lets its files expire."""

KEPT = timedelta(days=7)
"""The time for which the files of an export can be downloaded."""

FILE_MOST_BYTES = 50 * 2**20
"""The size from which on the rest of an export is in another file: a function holds it twice."""


class Exported(StrEnum):
    """The things that can be exported."""

    SUBSCRIPTIONS = "subscriptions"
    CUSTOMERS = "customers"
    ORDERS = "orders"
    INVOICES = "invoices"
    LEDGER = "ledger"
    CONSENTS = "consents"
    JOURNAL = "journal"
    EVENTS = "events"
    FIGURES = "figures"


class ExportFormat(StrEnum):
    """The formats of an export: CSV with a line of names, or an object of JSON on each line."""

    CSV = "csv"
    JSONL = "jsonl"

    @property
    def content_type(self) -> str:
        return "text/csv; charset=utf-8" if self is ExportFormat.CSV else "application/x-ndjson"


class Span(Value):
    """The span that an export is about, `since <= at < until`; open where it is None."""

    since: datetime | None = None
    until: datetime | None = None

    def has(self, at: datetime) -> bool:
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)


class Export(Entity):
    """An export of one merchant; its job has the same id, and knows how far it is.

    `id` begins with the time it was asked for, so exports are listed in that order. `files` counts
    its files once it is done, 0 before.
    """

    id: str
    merchant: str
    what: Exported
    format: ExportFormat
    created_at: datetime
    since: datetime | None = None
    until: datetime | None = None
    files: int = 0

    @property
    def span(self) -> Span:
        return Span(self.since, self.until)

    @property
    def expires_at(self) -> datetime:
        """The time from which on its files may be gone."""
        return self.created_at + KEPT

    def part(self, number: int) -> ObjectKey:
        """Returns the key of a part, which one step of the job writes."""
        return ObjectKey(AREA, self.merchant, f"{self.id}/part-{number:06d}")

    def file(self, number: int) -> ObjectKey:
        """Returns the key of a finished file."""
        return ObjectKey(AREA, self.merchant, f"{self.id}/file-{number}")

    def filename(self, number: int) -> str:
        """Returns the name under which a file is downloaded."""
        more = f"-{number + 1}" if self.files > 1 else ""
        return f"{self.what}-{self.created_at:%Y-%m-%d}{more}.{self.format}"


def export_id(now: datetime, drawn: str) -> str:
    """Returns an id that begins with its time; `drawn` is a drawn id, whose symbols end it."""
    return f"exp_{now:%Y%m%d%H%M%S}{drawn.rpartition('_')[2]}"
