"""The audit record of a change to a merchant's data (M-8).

It covers those who act on other people's money: holders of API keys, agents in the console, sellers
in their account, the operator. It says when a change was asked for and from which address. A
customer's changes to their own data are not audited here: the records themselves keep them, with
their source, and are erased with them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from billing.kernel.values import Value

EVERYBODY = "*"
"""Used in place of a merchant id for changes that concern all merchants."""


class By(Value):
    """Whoever asked for a change: a member of the team, with email and role as they were then.

    `key` is the id of the API key whose link began their session.
    """

    member: str | None = None
    email: str | None = None
    role: str | None = None
    key: str | None = None


NOBODY_NAMED = By()


class AuditRecord(Value):
    """One requested change; written before the change is made, whatever its outcome.

    `actor` is `key:<id of the API key>`, `console`, `account` or `operator`. `action` is the HTTP
    method and path, or the operator's command. `request` is the request id, which the response, log
    lines and outbox events carry too.
    """

    merchant: str
    at: datetime
    actor: str
    action: str
    request: str
    ip: str | None
    by: By = NOBODY_NAMED


class Audit(Protocol):
    """The audit log: written and read, and never changed or removed by us (M-8).

    Only the functions that show a merchant theirs have the right to read it.
    """

    def page(
        self,
        merchant: str,
        *,
        since: datetime,
        until: datetime,
        limit: int,
        before: str | None = None,
    ) -> tuple[list[AuditRecord], str | None]:
        """Index: a merchant's records of a span, newest first, and where to go on, in one query.

        `before` is a place that an earlier page gave. Records from before there was this index are
        in none of its pages.
        """
        ...

    def put(self, record: AuditRecord) -> None:
        """Stores a record; raises `Unavailable` when it is not certain that it is kept."""
        ...
