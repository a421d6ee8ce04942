"""Sellers' accounts: usernames, passwords, and the state of an account (A-1 .. A-8).

An account is bought like anything else: its plan is a product of the platform, which is a merchant
too, and grants `GRANT`. The state of an account is in the kernel (`account_standings`).
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import groupby
from typing import ClassVar

from billing.kernel.account_standings import Standing
from billing.kernel.customers import normalised_email
from billing.kernel.due import DueKind
from billing.kernel.errors import Invalid
from billing.kernel.operation import ACCOUNT_GRANT
from billing.kernel.walks import Walk
from billing.kernel.writes import Entity

GRANT = ACCOUNT_GRANT
"""The grant that a product which is a plan gives (A-1)."""

UNUSED_WAITS = timedelta(days=1)
"""The time after `UNUSED_KEPT` in which a purchase that began before is waited for, such as one
whose buyer is at their bank; no attempt at the checkout lasts longer."""

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


class AccountEmail(Entity):
    """Maps the hash of an email to the account that it signs in to."""

    email_hash: str
    username: str


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
