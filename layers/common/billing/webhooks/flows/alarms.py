"""Mails an owner whose endpoint has failed for days, or was disabled (M-5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial

from billing.kernel.due import DueKind
from billing.kernel.flows import due
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.storage import Due
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.webhooks.endpoints import WebhookEndpoint

HELD = ("disabled", "failing_since", "due_at")
"""The fields that are as they were if the alarm is still this sweep's, and true."""


def sweep(
    ports: Ports,
    *,
    now: datetime,
    limit: int = 100,
    keep_going: Callable[[], bool] = lambda: True,
) -> Counter[str]:
    """Mails the owners of endpoints that are due; a mail that is not taken is tried again after the
    lease."""
    dues = due.overdue(ports, DueKind.ENDPOINT, now=now, limit=limit)
    return due.answer(ports, dues, partial(_look, ports, now), now=now, keep_going=keep_going)


def _look(ports: Ports, now: datetime, due: Due) -> str:
    merchant_id, endpoint_id = due.owner
    found = ports.store.webhook_endpoint(merchant_id, endpoint_id)
    if found is None or found.due_at != due.due_at:
        return "stale"
    merchant = ports.store.merchant(merchant_id)
    assert merchant is not None, "a merchant is never removed"
    if not merchant.armed_in(ports.operation.environment):
        ports.store.lease_each([due], now + ports.operation.lease)
        return "disarmed"
    if not found.needs_a_look:
        ports.store.commit(Change(found, replace(found, due_at=None)))
        return "recovered"
    leases = ports.store.lease_each([due], now + ports.operation.lease)
    if not leases:
        return "stale"  # a sweep beside this one took it
    held = replace(found, due_at=leases[0].due_at)
    _mail(ports, merchant, held, now)
    # Killed in between, it is mailed twice; the other way round, never.
    ports.store.commit(Change(held, held.mailed(now), expecting=HELD))
    return "endpoint_mailed"


def _mail(ports: Ports, merchant: Merchant, endpoint: WebhookEndpoint, now: datetime) -> None:
    from billing.webhooks.mail import letters  # most sweeps write none

    written = letters.about(ports, merchant, endpoint, now)
    written["X-Merchant"] = merchant.id
    ports.mailer.send(written, now=now)
