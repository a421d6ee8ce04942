"""The audit trail of requests: each change is written down before it is made (M-8)."""

from __future__ import annotations

from datetime import datetime

from billing.kernel.audit import NOBODY_NAMED, AuditRecord, By
from billing.kernel.ports import Ports
from billing.web.request import Request, is_plain_id


def note(
    ports: Ports,
    request: Request,
    merchant: str,
    actor: str,
    now: datetime,
    *,
    by: By = NOBODY_NAMED,
    action: str | None = None,
) -> None:
    """Records that `actor` asks for this change; raises `Unavailable`, and then nothing is done.

    `action` is given where the path holds a secret.
    """
    # A part of a path that cannot be an id is arbitrary text: not recorded.
    path = "/".join(part if is_plain_id(part) else "?" for part in request.path.split("/"))
    done = action or f"{request.method} {path}"
    ports.audit.put(AuditRecord(merchant, now, actor, done, request.id, request.ip, by))
