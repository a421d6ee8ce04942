"""The unit of work of one request: reads, changes and events, committed all at once."""

import copy
import secrets
import string
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from dev.stripe.books import Books
from dev.stripe.errors import missing

Object = dict[str, Any]

API_VERSION = "2026-10-28.endive"
"""The version of the objects here, which is the one that the SDK asks for."""

_ALPHABET = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 24) -> str:
    return f"{prefix}_{''.join(secrets.choice(_ALPHABET) for _ in range(length))}"


class Work:
    """A unit of work. `base_url` is where browsers find the loopback, for the pages that it
    links to.
    """

    def __init__(
        self,
        books: Books,
        account: str,
        now: datetime,
        base_url: str,
        *,
        request: str | None = None,
        key: str | None = None,
        listens: Callable[["Work", str], bool] = lambda work, kind: False,
        account_fields: Object | None = None,
    ) -> None:
        self.account = account
        self.account_fields = account_fields or {}
        self.now = now
        self.base_url = base_url
        self._books = books
        self._request = request
        self._key = key
        self._listens = listens
        self._staged: dict[str, Object] = {}
        self._gone: set[str] = set()

    @property
    def seconds(self) -> int:
        """Returns the present time as Stripe writes it: seconds since 1970."""
        return int(self.now.timestamp())

    def find(self, kind: str, identifier: str) -> Object | None:
        """Returns an object to read or change; changed ones are put back with `put`."""
        key = f"{self.account}/{identifier}"
        if (staged := self._staged.get(key)) is not None:
            return staged if staged["object"] == kind else None
        found = self._books.read(key)
        if found is None or found[0]["object"] != kind:
            return None
        return copy.deepcopy(found[0])

    def load(self, kind: str, identifier: str, *, param: str = "id", status: int = 404) -> Object:
        """Returns an object that must be there."""
        found = self.find(kind, identifier)
        if found is None:
            raise missing(kind, identifier, param, status)
        return found

    def newest_first(self, kind: str) -> Iterator[Object]:
        """Yields objects to read only, newest first: nothing of this may be changed."""
        prefix = f"{self.account}/"
        fresh = [o for o in self._staged.values() if o["object"] == kind]
        seen = {o["id"] for o in fresh}
        yield from reversed(fresh)
        for found in self._books.newest_first(prefix, kind):
            if found["id"] not in seen:
                yield found

    def put(self, thing: Object) -> Object:
        """Keeps an object, new or changed."""
        self._staged[f"{self.account}/{thing['id']}"] = thing
        return thing

    def tell(self, kind: str, thing: Object, previous: Object | None = None) -> None:
        """Adds an event with the object as it is now."""
        data: Object = {"object": public(thing)}
        if previous is not None:
            data["previous_attributes"] = previous
        event = self.put(
            {
                "id": new_id("evt"),
                "object": "event",
                "api_version": API_VERSION,
                "created": self.seconds,
                "data": data,
                "livemode": False,
                "pending_webhooks": int(self._listens(self, kind)),
                "request": {"id": self._request, "idempotency_key": self._key},
                "type": kind,
            }
        )
        if self._listens(self, kind):
            self._schedule("_delivery", self.now, event=event["id"], tries=0)

    def later(self, seconds: int, action: str, subject: str) -> None:
        """Plans an action of the bank some time after the answer, by the gateway's clock."""
        at = self.now + timedelta(seconds=seconds)
        self._schedule("_later", at, action=action, subject=subject)

    def _schedule(self, kind: str, at: datetime, **what: Any) -> None:
        thing = {"id": new_id(kind), "object": kind, "account": self.account}
        self.put({**thing, "at": at.isoformat(), **what})

    def remove(self, identifier: str) -> None:
        """Removes one of the gateway's own rows."""
        self._gone.add(identifier)

    def discard(self) -> None:
        """Leaves everything as it was."""
        self._staged = {}

    def commit(self, **more: Object | None) -> None:
        """Commits everything at once, and what else belongs to the request, by id."""
        rows: dict[str, Object | None] = dict(self._staged)
        rows |= {f"{self.account}/{name}": row for name, row in more.items()}
        rows |= {f"{self.account}/{identifier}": None for identifier in self._gone}
        self._books.write_all(copy.deepcopy(rows))
        self._staged, self._gone = {}, set()


def public(thing: Object) -> Object:
    """Returns an object as the API shows it: fields that begin with an underscore are left out."""
    return {name: copy.deepcopy(value) for name, value in thing.items() if not name.startswith("_")}
