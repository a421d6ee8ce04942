"""Sends the mails of an outbox event, unless its merchant or their addresses take none (R-8)."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage

from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import LeftOut, OutboxEvent
from billing.kernel.ports import PartlyDone, Ports
from billing.notices import records
from billing.notices.flows import proofs
from billing.outbox import suppressions
from billing.outbox.flows import answers
from billing.runtime import correlation, telemetry


def send(
    ports: Ports,
    event: OutboxEvent,
    merchant: Merchant,
    mails: list[EmailMessage] | LeftOut,
    now: datetime,
) -> LeftOut | None:
    """Sends an event's mails; returns why none was sent, None if one was.

    One that is not taken keeps back no other; raises `PartlyDone`, with those that went out, or the
    error of the first one.
    """
    if isinstance(mails, LeftOut):
        return mails
    if not merchant.armed_in(ports.operation.environment):
        return LeftOut.DISARMED
    sendable = [mail for mail in mails if _takes_mail(ports, event, mail)]
    if not sendable:
        proofs.withhold(ports, event)
        return LeftOut.WITHHELD
    sent: list[str] = []
    failure: Exception | None = None
    for mail in sendable:
        name = str(mail["Message-ID"])
        seen: str | None = None
        try:
            if name not in event.done:
                seen = _send_one(ports, event, mail, now)
                sent.append(name)
            proofs.keep(ports, event, mail, seen, now)
            _look_back(ports, event, mail, now)
        except Exception as error:
            failure = failure or error
    if failure is not None:
        raise PartlyDone(tuple(sent), failure) if sent else failure
    return None


def _send_one(ports: Ports, event: OutboxEvent, mail: EmailMessage, now: datetime) -> str:
    mail["X-Merchant"] = event.merchant
    if records.is_proved(event):  # so that the report of its return leads to its proof
        mail["X-Customer"], mail["X-Notice"] = event.customer, event.id
    if (cause := correlation.current()) is not None:
        mail["X-Correlation-ID"] = cause
    return answers.send(ports, mail, now=now)


def _look_back(ports: Ports, event: OutboxEvent, mail: EmailMessage, now: datetime) -> None:
    """Notes that a notice came back whose report was faster than its proof: the report found
    none, and stopped the address before it looked."""
    if records.is_proved(event) and not _is_open(ports, event, mail):
        proofs.came_back(ports, event.merchant, event.customer, event.id, None, now)


def _takes_mail(ports: Ports, event: OutboxEvent, mail: EmailMessage) -> bool:
    """Returns True if a mail's address is not suppressed; a withheld mail is logged."""
    takes = _is_open(ports, event, mail)
    if not takes:
        telemetry.happened("mail withheld", message_id=str(mail["Message-ID"]))
    return takes


def _is_open(ports: Ports, event: OutboxEvent, mail: EmailMessage) -> bool:
    """Tests whether no stop stands between a mail and its address."""
    stops = [
        ports.store.mail_stop(event.merchant, address.addr_spec) for address in mail["To"].addresses
    ]
    return all(suppressions.may_be_sent(event.kind, stop) for stop in stops)
