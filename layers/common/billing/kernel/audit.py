"""The audit record of a change to a merchant's data (M-8).

It covers those who act on other people's money: holders of API keys, agents in the console, sellers
in their account, the operator. It says when a change was asked for and from which address. A
customer's changes to their own data are not audited here: the records themselves keep them, with
their source, and are erased with them.
"""

from __future__ import annotations

from datetime import datetime

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
