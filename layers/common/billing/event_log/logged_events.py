"""Events of the log, and their places in it (M-5).

An event gets its place when it is appended, not when it happened: whoever reads on from a place
misses nothing that was delivered late. The place is in its id, so that an id is a cursor.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from hashlib import blake2s

from billing.kernel.writes import Entity

HOUR = timedelta(hours=1)
KEPT = timedelta(days=90)
READABLE_AFTER = timedelta(seconds=10)
"""The age from which an event is read: by then all of those with an earlier place are written."""

COMPLETE_AFTER = timedelta(minutes=15)
"""The time from the first reader to where the log has everything.

While a version is deployed, processes of the one before deliver events too, and log none.
"""

PREFIX = "evt_"
_ID = re.compile(rf"{PREFIX}([0-9]{{16}})([0-9a-f]{{8}})?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class LoggedEvent(Entity):
    """One event of a merchant's log, with its object as it stood when it was appended.

    `object` is JSON in the shape of `version` of the API, without names, emails, addresses and
    texts: it is never rewritten, not even where its customer is erased. `cause` is the id of the
    outbox event, and `at` when that happened.
    """

    merchant: str
    id: str
    type: str
    at: datetime
    cause: str
    object: str
    version: str
    customer: str | None = None
    subscription: str | None = None
    invoice: str | None = None

    @property
    def appended_at(self) -> datetime:
        return place_of(self.id)

    @property
    def sequence(self) -> int:
        """The order among events of the same object: a later one has a higher number."""
        return (self.appended_at - _EPOCH) // _MICROSECOND


class EventHour(Entity):
    """An hour in which a merchant's log has events, so that empty hours need not be looked at."""

    merchant: str
    begins_at: datetime


def hour_of(instant: datetime) -> datetime:
    """Returns the beginning of an instant's hour, in UTC."""
    return instant.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def id_at(place: datetime, cause: str = "") -> str:
    """Returns the id of an event appended at an instant; without a cause, a cursor before all of
    them."""
    microseconds = (place - _EPOCH) // _MICROSECOND
    which = blake2s(cause.encode(), digest_size=4).hexdigest() if cause else ""
    return f"{PREFIX}{microseconds:016d}{which}"


def place_of(event_id: str) -> datetime:
    """Returns the instant in an id or a cursor; raises `ValueError` for any other text."""
    found = _ID.fullmatch(event_id)
    if found is None:
        raise ValueError("not the id of an event")
    return _EPOCH + int(found[1]) * _MICROSECOND
