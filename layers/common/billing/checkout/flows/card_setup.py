"""Cards given on the gateway's own page, while the buyer's form waits here (C-1)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256

from billing.kernel.gateways import AccountRef
from billing.kernel.ports import Ports

KEPT = timedelta(hours=2)
KIND = "form"


def begin(
    ports: Ports,
    account: AccountRef,
    *,
    subject: str,
    key: str,
    form: Mapping[str, str],
    return_url: str,
    cancel_url: str,
    now: datetime,
) -> str:
    """Keeps a form until its buyer comes back; returns the page on which they give a card.

    `subject` is what the form is for, `key` what was drawn with its page. Raises `Refused`
    (no_page) and `Unavailable`.
    """
    page = ports.gateway(account).collect(
        key=f"{subject}:{key}", return_url=return_url, cancel_url=cancel_url
    )
    kept = json.dumps(dict(form))
    ports.ephemeral.replace(KIND, _name(subject, key), kept, expires_at=now + KEPT)
    return page


def kept(ports: Ports, *, subject: str, key: str, now: datetime) -> dict[str, str] | None:
    """Returns the form as it was filled in; None when it was too long ago, or never."""
    found = ports.ephemeral.get(KIND, _name(subject, key), now=now)
    return None if found is None else dict(json.loads(found))


def _name(subject: str, key: str) -> str:
    return sha256(f"{subject}\n{key}".encode()).hexdigest()
