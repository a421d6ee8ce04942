"""Sellers' accounts: usernames, passwords, and the state of an account (A-1 .. A-8).

An account is bought like anything else: its plan is a product of the platform, which is a merchant
too, and grants `GRANT`. The state of an account follows from that access and from now, never from
when a sweep last ran.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from itertools import groupby
from typing import ClassVar

from billing.kernel.customers import Entitlement, normalised_email
from billing.kernel.due import DueKind
from billing.kernel.errors import Invalid
from billing.kernel.operation import ACCOUNT_GRANT
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value
from billing.kernel.walks import Walk
from billing.kernel.writes import Entity

GRANT = ACCOUNT_GRANT
"""The grant that a product which is a plan gives (A-1)."""

UNUSED_KEPT = timedelta(days=7)
"""The time that a username is kept for somebody who signed up and bought no plan."""

UNUSED_WAITS = timedelta(days=1)
"""The time after that in which a purchase that began before is waited for, such as one whose buyer
is at their bank; no attempt at the checkout lasts longer."""

PASSWORD_LEAST, PASSWORD_MOST = 10, 200
USERNAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
USERNAME_LEAST, USERNAME_MOST = 3, 30
RESERVED = frozenset(
    {
        *("account", "accounts", "admin", "administrator", "api", "billing", "checkout", "console"),
        *("directory", "health", "help", "login", "mail", "platform", "portal", "root", "security"),
        *("sign-in", "sign-up", "status", "support", "webhooks", "www"),
    }
)
LOOKS_LIKE = str.maketrans("0123456789i", "olzeasgtbgl")
"""Maps letters and digits to those they look like (Unicode TR39, for the letters that are
allowed)."""


class Standing(StrEnum):
    """The state of an account; only in the first two does anything open for its owner."""

    ACTIVE = "active"
    FROZEN = "frozen"
    INACTIVE = "inactive"
    UNUSED = "unused"
    ERASED = "erased"


class Account(Entity):
    """A seller's account; `username` is the merchant's id, for ever (A-8).

    `password_hash` is None and `email` empty once erased; `email_hash` stays, so that support can
    tell whose account it was. `due_at` is when the account's state is looked at next, None when no
    change is to come. `told` is the state that its customers' subscriptions were last brought in
    line with; `walk` is how far bringing them in line, or erasing them, has got.
    """

    due_kind: ClassVar[DueKind] = DueKind.ACCOUNT

    username: str
    email: str
    email_hash: str
    password_hash: str | None
    created_at: datetime
    shard: int
    due_at: datetime | None = None
    told: Standing = Standing.UNUSED
    erased_at: datetime | None = None
    walk: Walk | None = None

    def is_let_go(self, now: datetime) -> bool:
        """Tests whether it is too late to begin buying a first plan."""
        return self.told is Standing.UNUSED and now >= self.created_at + UNUSED_KEPT


class AccountEmail(Entity):
    """Maps the hash of an email to the account that it signs in to."""

    email_hash: str
    username: str


class AccountStanding(Value):
    """The state of an account at an instant; `until` is when it changes by itself, if it does, and
    `then` the state that follows."""

    state: Standing
    until: datetime | None = None
    then: Standing = Standing.ERASED


def email_hash(email: str) -> str:
    """Returns the hash that stands for an account's email in a key."""
    return sha256(f"account\n{normalised_email(email)}".encode()).hexdigest()[:32]


def check_username(username: str, *platform: str) -> str:
    """Returns the username in the form that is stored; raises `Invalid` (A-8).

    `platform` are the names of the platform, which no username may contain or resemble.
    """
    name = username.strip().lower()
    if not USERNAME_LEAST <= len(name) <= USERNAME_MOST or not USERNAME.fullmatch(name):
        raise Invalid(
            "username_malformed", field="username", least=USERNAME_LEAST, most=USERNAME_MOST
        )
    if skeleton(name) in map(skeleton, RESERVED):
        raise Invalid("username_reserved", field="username")
    if any(skeleton(called) in skeleton(name) for called in platform if skeleton(called)):
        raise Invalid("username_like_platform", field="username", platform=platform[0])
    return name


def skeleton(name: str) -> str:
    """Reduces a name to its look: two names with one skeleton look alike."""
    letters = "".join(c for c in name.lower() if c.isalnum()).translate(LOOKS_LIKE)
    for pair, one in (("rn", "m"), ("vv", "w"), ("cl", "d")):
        letters = letters.replace(pair, one)
    return "".join(letter for letter, _ in groupby(letters))


def check_password(password: str, *others: str) -> str:
    """Returns the password if it is long enough and contains none of `others` (email, username);
    raises `Invalid`. Length is what counts (NIST SP 800-63B, 3.1.1.2)."""
    if not PASSWORD_LEAST <= len(password) <= PASSWORD_MOST:
        raise Invalid("password_length", field="password", least=PASSWORD_LEAST, most=PASSWORD_MOST)
    plain = password.casefold()
    if len(set(plain)) < 4 or any(other and other.casefold() in plain for other in others):
        raise Invalid("password_too_easy", field="password")
    return password


Span = tuple[datetime, datetime | None, Subscription | None]
"""A span of access: its start, its end (None if none is set), and the subscription that pays for it
(None for a one-time payment)."""


def standing_of(
    created_at: datetime,
    entitlements: Iterable[Entitlement],
    subscriptions: Iterable[Subscription],
    retention: timedelta,
    now: datetime,
) -> AccountStanding:
    """Returns the state of an account at `now`, from what its owner bought at the platform (A-5 ..
    A-7).

    A purchase after retention has ended does not revive an old account, whether or not the sweep
    that erases it has run.
    """
    spans = _spans(entitlements, subscriptions, created_at)
    if not spans:
        over = created_at + UNUSED_KEPT
        return (
            AccountStanding(Standing.ERASED)
            if now >= over
            else AccountStanding(Standing.UNUSED, over)
        )
    ended: datetime | None = None
    for number, (since, until, _) in enumerate(spans):
        if number and ended is not None and since >= ended + retention:
            return AccountStanding(Standing.ERASED)
        ended = until if not number or ended is None or until is None else max(ended, until)
        if until is None:
            break
    going_on = [span for span in spans if span[1] is None or now < span[1]]
    if going_on:
        return _while_paid(going_on, now)
    assert ended is not None, "each of them has ended"
    erased_at = ended + retention
    return (
        AccountStanding(Standing.ERASED)
        if now >= erased_at
        else AccountStanding(Standing.INACTIVE, erased_at)
    )


def _spans(
    entitlements: Iterable[Entitlement], subscriptions: Iterable[Subscription], since: datetime
) -> list[Span]:
    """Lists when each purchase of the account's access began and ends, the earliest first;
    purchases that ended before the account was made belong to an older account."""
    by_id = {subscription.id: subscription for subscription in subscriptions}
    spans: list[Span] = []
    for held in entitlements:
        source = by_id.get(held.source)
        ends = (held.revoked_at, None if source is None else source.ends_at)
        until = min((end for end in ends if end is not None), default=None)
        if held.grant == GRANT and (until is None or until > since):
            spans.append((held.since, until, source))
    return sorted(spans, key=lambda span: span[0])


def _while_paid(going_on: list[Span], now: datetime) -> AccountStanding:
    """Returns active while any purchase gives access, else frozen or inactive: a frozen, paused or
    unpaid one gives none."""
    sources = [(until, source) for _, until, source in going_on]
    ends = [
        until if source is None else source.access_until
        for until, source in sources
        if source is None or source.gives_access(now)
    ]
    if not ends:
        frozen = any(s is not None and s.as_of(now).is_frozen for _, s in sources)
        return AccountStanding(Standing.FROZEN if frozen else Standing.INACTIVE)
    last = None if None in ends else max(end for end in ends if end is not None)
    freezes = last is not None and any(s is not None and s.freezes_at == last for _, s in sources)
    return AccountStanding(Standing.ACTIVE, last, Standing.FROZEN if freezes else Standing.INACTIVE)
