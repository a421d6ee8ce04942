"""Imports as they are stored: the file, how its columns are read, and what the look at it found.

An import goes through these states (IMPORT.md):

    checking -> checked -> moving -> moved -> undoing -> undone
             -> refused (the file cannot be read)

Nothing of it charges anybody before it is `moving`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from billing.kernel.objects import ObjectKey
from billing.kernel.values import Value
from billing.kernel.writes import Entity
from billing.migration.exports import AREA

UPLOAD_MOST_BYTES = 64 * 2**20
"""The largest file of an import: 100,000 rows of 600 bytes."""

BODY_MOST_BYTES = 4 * 2**20
"""The largest file that is sent in a request itself; a larger one is uploaded."""

ROWS_MOST = 200_000
"""The most rows of one import; more are imported as several files."""

KEPT = timedelta(days=8)
"""The time for which a file is kept (template.yaml); its rows stay."""


class ImportState(StrEnum):
    """The states of an import."""

    CHECKING = "checking"
    REFUSED = "refused"
    CHECKED = "checked"
    MOVING = "moving"
    MOVED = "moved"
    UNDOING = "undoing"
    UNDONE = "undone"


class Named(Value):
    """A name and its value: of a column, of a price, of a parameter of a text."""

    name: str
    value: str


class DateOrder(StrEnum):
    """The order of the numbers in dates such as 03/04/2026."""

    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"


class ImportMapping(Entity):
    """The reading of a merchant's own kind of file, under a name.

    `columns` names the canonical column of each column of the file, `prices` the price point of
    each price that the file names. `version` counts its changes, so that nobody saves over another
    one's. `dates` is the order of its dates, None where they need none.
    """

    merchant: str
    name: str
    updated_at: datetime
    version: int = 1
    columns: tuple[Named, ...] = ()
    prices: tuple[Named, ...] = ()
    dates: DateOrder | None = None


class Import(Entity):
    """An import of one merchant; the job that checks it has the same id.

    `source` is where the subscriptions are moved from: an `external_id` of a source is imported
    once. `preset` says how the columns are read; `columns`, `prices` and `dates` are those of the
    merchant's own mapping as it stood. `rows` counts the rows of the file, 0 until it is read;
    `checked` those that are looked at, of which `ok`, `warnings` and `blocking` are what was found.
    `unknown` are the columns that are ignored. `refused_for` is the reason for which the file
    cannot be read.

    `quantity_confirmed`: the merchant confirmed that rows of another quantity than 1 pay their
    price times the quantity. `mails`: each imported customer gets one mail with a portal link.
    `ended` is the upload of a second export, which shows what has ended at a source without an API.
    `account` is the gateway account whose list of subscriptions is read instead of a file, and
    `listed_to` the place in that list after the rows that are stored; `rows` counts those then.
    `active`, `confirmed`, `undone`, `skipped` and `failed` count the rows in those states.
    """

    id: str
    merchant: str
    source: str
    preset: str
    created_at: datetime
    upload: str
    state: ImportState = ImportState.CHECKING
    by: str | None = None
    mapping: str | None = None
    columns: tuple[Named, ...] = ()
    prices: tuple[Named, ...] = ()
    cards: str | None = None
    rows: int = 0
    checked: int = 0
    ok: int = 0
    warnings: int = 0
    blocking: int = 0
    unknown: tuple[str, ...] = ()
    refused_for: str | None = None
    refused_with: tuple[Named, ...] = ()
    quantity_confirmed: bool = False
    mails: bool = False
    active: int = 0
    confirmed: int = 0
    undone: int = 0
    skipped: int = 0
    failed: int = 0
    ended: str | None = None
    dates: DateOrder | None = None
    account: str | None = None
    listed_to: str | None = None

    @property
    def file(self) -> ObjectKey:
        """Returns the key of the uploaded file."""
        return file_key(self.merchant, self.upload)

    @property
    def card_file(self) -> ObjectKey | None:
        """Returns the key of the uploaded card map, if there is one."""
        return None if self.cards is None else file_key(self.merchant, self.cards)

    def part(self, number: int) -> ObjectKey:
        """Returns the key of a part of the file: its rows with canonical columns."""
        return ObjectKey(AREA, self.merchant, f"{self.id}/part-{number:06d}")


def file_key(merchant: str, upload: str) -> ObjectKey:
    """Returns the key of an uploaded file: beside the exports, where files do not last."""
    return ObjectKey(AREA, merchant, f"{upload}/file")


def import_id(now: datetime, drawn: str) -> str:
    """Returns an id that begins with its time; `drawn` is a drawn id, whose symbols end it."""
    return f"imp_{now:%Y%m%d%H%M%S}{drawn.rpartition('_')[2]}"
