"""API keys in the console: made, replaced and revoked; a secret is shown once (M-3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import StringConstraints

from billing.api.flows import keys
from billing.console.web.lists import listing
from billing.console.web.pages import Desk, page
from billing.console.web.passwords import check_password
from billing.kernel.errors import Conflict, Invalid, NotFound, Refused, Unavailable, Uncertain
from billing.kernel.lists import Page
from billing.kernel.merchants import ApiKey
from billing.team import rights
from billing.web import http
from billing.web.inputs import Cursor, Input, Key, filled_in, read
from billing.web.problems import errors_of
from billing.web.sessions import digest

HERE = "/console/keys"
PAGE_LENGTH = 50
MADE = "console_key"
MADE_FOR = timedelta(hours=12)
"""The time for which a form that was sent already is known again: as long as a session."""

SCOPES = {"all": ("read", "write"), "read": ("read",)}
MAKER = "console"
"""The maker of a key that was made here."""


AreaAccess = Literal["", "read", "write"]


class KeysQuery(Input):
    """A page of the list of keys."""

    cursor: Cursor | None = None


class MakeForm(Input):
    """A new key; `attempt` was drawn with the page and makes it one key.

    `password` is asked for where the session began with one.
    """

    attempt: Key
    scope: Literal["all", "read", "areas"]
    catalog: AreaAccess = ""
    customers: AreaAccess = ""
    money: AreaAccess = ""
    settings: AreaAccess = ""
    password: Annotated[str, StringConstraints(max_length=320)] = ""

    @property
    def scopes(self) -> tuple[str, ...]:
        """Returns the scopes of the key; raises `Invalid` where no area was chosen."""
        if self.scope != "areas":
            return SCOPES[self.scope]
        reading, writing = rights.OF_ALL
        held = {"": (), "read": (reading,), "write": (reading, writing)}
        found = [
            f"{name}:{access}" for name in rights.KEY_AREAS for access in held[getattr(self, name)]
        ]
        if not found:
            raise Invalid("key_areas_needed", field="scope")
        return tuple(found)


class ReplaceForm(Input):
    """A key in place of another."""

    attempt: Key
    password: Annotated[str, StringConstraints(max_length=320)] = ""


def key_list(
    desk: Desk,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, Invalid] | None = None,
    repeated: bool = False,
) -> http.Answer:
    """Lists the keys, newest first, with the form of a new one."""

    def find(query: KeysQuery) -> Page[ApiKey]:
        return keys.page(desk.ports, desk.merchant, limit=PAGE_LENGTH, cursor=query.cursor)

    listed = listing(desk, HERE, KeysQuery, find)
    status = 422 if errors or listed.wrong else 409 if repeated else 200
    return page(
        desk,
        "console/keys.html",
        status=status,
        listed=listed,
        form=typed or {},
        errors=errors or {},
        repeated=repeated,
        attempt=desk.ports.new_id("attempt"),
        areas=tuple(rights.KEY_AREAS),
        done=desk.request.query().get("done") == "revoked",
    )


def make(desk: Desk) -> http.Answer:
    """Makes a key and shows its secret this once; the same form sent again makes no other."""
    typed = filled_in(desk.request.form())
    try:
        given = read(MakeForm, typed)
        check_password(desk, given.password)
        scopes = given.scopes
        return _made(
            desk, given.attempt, lambda: keys.create(desk.ports, _maker(desk), scopes, now=desk.now)
        )
    except Invalid as error:
        return key_list(desk, typed=typed, errors=errors_of(error))
    except Refused as error:
        wrong = Invalid(error.reason, field="", **error.parameters)
        return key_list(desk, typed=typed, errors={"": wrong})


def key_page(
    desk: Desk, key: str, act: str, *, errors: Mapping[str, Invalid] | None = None
) -> http.Answer:
    """Says what replacing or revoking a key does, before it is done."""
    if act not in ("replace", "revoke"):
        raise NotFound()
    found = next((k for k in desk.ports.store.api_keys(desk.merchant) if k.id == key), None)
    if found is None or not found.is_live:
        raise NotFound("key_unknown")
    return page(
        desk,
        "console/key.html",
        status=422 if errors else 200,
        key=found,
        act=act,
        errors=errors or {},
        attempt=desk.ports.new_id("attempt"),
    )


def replace(desk: Desk, key: str) -> http.Answer:
    """Replaces a key, which is revoked at once, and shows the new secret this once."""
    try:
        given = read(ReplaceForm, filled_in(desk.request.form()))
        check_password(desk, given.password)
        maker = _maker(desk)
        return _made(
            desk, given.attempt, lambda: keys.replace_key(desk.ports, maker, key, now=desk.now)
        )
    except Invalid as error:
        return key_page(desk, key, "replace", errors=errors_of(error))


def revoke(desk: Desk, key: str) -> http.Answer:
    """Revokes a key for good; the last that may write is replaced instead."""
    try:
        keys.revoke(desk.ports, desk.merchant, key, now=desk.now)
    except Refused as error:
        wrong = Invalid(error.reason, field="", **error.parameters)
        return key_page(desk, key, "revoke", errors={"": wrong})
    return http.redirect(f"{HERE}?done=revoked")


def _made(desk: Desk, attempt: str, draw: Callable[[], tuple[ApiKey, str]]) -> http.Answer:
    name = digest(f"{desk.merchant}:{attempt}")
    expires_at = desk.now + MADE_FOR
    if not desk.ports.ephemeral.put(MADE, name, "1", expires_at=expires_at, now=desk.now):
        return key_list(desk, repeated=True)
    try:
        made, secret = draw()
    except (Conflict, NotFound, Refused, Unavailable) as error:
        if not isinstance(error, Uncertain):
            with suppress(Unavailable):
                desk.ports.ephemeral.take(MADE, name, now=desk.now)  # nothing was made by it
        raise
    return page(desk, "console/key_made.html", key=made, secret=secret)


def _maker(desk: Desk) -> ApiKey:
    """Stands in for the key that makes another: it holds what whoever is signed in may give."""
    holder = desk.session.holder
    scopes = rights.scopes_within(holder.rights)
    named = f"{MAKER}:{holder.member}" if holder.member else MAKER
    return ApiKey(named, "", desk.merchant, desk.now, scopes)
