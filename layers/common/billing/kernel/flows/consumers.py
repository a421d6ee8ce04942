"""Outbox events that are not for all consumers (R-8)."""

from __future__ import annotations

from billing.kernel.outbox_events import OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.values import replace

MAIL = "mail"
"""The name of the consumer that mails."""


def for_mail_alone(ports: Ports, event: OutboxEvent) -> OutboxEvent:
    """Marks an event as done by every consumer but the mail: lists, sums, figures, the event log
    and webhooks have seen what it tells."""
    done = tuple(each.name for each in ports.consumers() if each.name != MAIL)
    return replace(event, done=done)
