"""Who changed what of a merchant's, when and from where (M-8).

For whoever acts on other people's money: holders of API keys, agents in the console, owners in
their account, the operator. What customers do to their own stands in the records themselves, with
its source, and is erased with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

EVERYBODY = "*"
"""In place of a merchant: what concerns all of them."""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """That somebody asked for a change: written before it is made, whatever then becomes of it.

    `actor` is `key:<id of the API key>`, `console`, `account` or `operator`. `action` is method and
    path, or the operator's verb. `request` is the id that answers, log lines and facts name too.
    """

    merchant: str
    at: datetime
    actor: str
    action: str
    request: str
    ip: str | None
