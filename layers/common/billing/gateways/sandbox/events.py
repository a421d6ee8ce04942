"""The sandbox's own events, signed and named as gateways do, and its chargebacks (W-3, W-4).

Events and disputes are kept on the row of their payment, so that each is written together with the
change that it reports. The signing secret is kept in the same ledger, drawn when the first event is
sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from billing.gateways import event_signature
from billing.gateways.sandbox.ledger import Row, SandboxLedger
from billing.kernel.errors import Forged, Invalid
from billing.kernel.gateways import About, Dispute, DisputeStanding, GatewayEvent
from billing.kernel.money import Currency, Money

SIGNATURE_HEADER = "sandbox-signature"
SECRET_ROW = "SIGNING_SECRET"  # noqa: S105 - the key of the row, not what is in it

SUCCEEDED = "payment_intent.succeeded"
FAILED = "payment_intent.payment_failed"
REQUIRES_ACTION = "payment_intent.requires_action"
CANCELED = "payment_intent.canceled"
REFUNDED = "refund.created"
REFUND_FAILED = "refund.failed"
DISPUTED = "charge.dispute.created"
DISPUTE_CLOSED = "charge.dispute.closed"
DISPUTE_UPDATED = "charge.dispute.updated"
RENEWED = "payment_method.automatically_updated"

ABOUT = {
    SUCCEEDED: About.PAYMENT,
    FAILED: About.PAYMENT,
    REQUIRES_ACTION: About.PAYMENT,
    CANCELED: About.PAYMENT,
    REFUNDED: About.REFUND,
    REFUND_FAILED: About.REFUND,
    DISPUTED: About.DISPUTE,
    DISPUTE_CLOSED: About.DISPUTE,
    DISPUTE_UPDATED: About.DISPUTE,
    RENEWED: About.METHOD,
}


BEGINNING = datetime.min.replace(tzinfo=UTC)


def note(payment: Row, kind: str, at: datetime) -> None:
    """Adds an event to the row of a payment or a card."""
    events = payment["events"]
    number = len(events) + 1
    events.append({"id": f"evt_{payment['id'][3:]}_{number}", "type": kind, "at": at.isoformat()})


def events_of(payment: Row, since: datetime = BEGINNING) -> list[GatewayEvent]:
    """Lists the events of one payment or card from `since` on, oldest first."""
    return [
        GatewayEvent(
            id=event["id"],
            type=event["type"],
            about=ABOUT[event["type"]],
            reference=payment["id"],
            at=at,
        )
        for event in payment.get("events", ())
        if (at := datetime.fromisoformat(event["at"])) >= since
    ]


def signed(
    ledger: SandboxLedger, event: GatewayEvent, draw: Callable[[], str], now: datetime
) -> tuple[bytes, dict[str, str]]:
    """Returns the body and the headers of an event as it is sent at `now`."""
    content = {
        "id": event.id,
        "object": "event",
        "type": event.type,
        "created": int(event.at.timestamp()),
        "data": {"object": {"id": event.reference, "object": _object(event)}},
    }
    body = json.dumps(content).encode()
    if _secret(ledger) is None:
        ledger.write(SECRET_ROW, {"id": SECRET_ROW, "secret": draw()}, revision=0)
    secret = _secret(ledger)
    assert secret is not None, "written above, by us or by another"
    header = event_signature.sign(body, [secret], now)
    return body, {SIGNATURE_HEADER: header, "content-type": "application/json"}


def _object(event: GatewayEvent) -> str:
    return "payment_method" if event.about is About.METHOD else "payment_intent"


def parse(
    ledger: SandboxLedger, body: bytes, headers: Mapping[str, str], now: datetime
) -> GatewayEvent:
    """Parses an event that the sandbox signed; raises `Forged`."""
    secret = _secret(ledger)
    known = [] if secret is None else [secret]
    event_signature.verify(body, headers.get(SIGNATURE_HEADER, ""), known, now=now)
    try:
        event = json.loads(body)
        kind = str(event["type"])
        return GatewayEvent(
            id=str(event["id"]),
            type=kind,
            about=ABOUT.get(kind, About.OTHER),
            reference=str(event["data"]["object"]["id"]),
            at=datetime.fromtimestamp(event["created"], tz=UTC),
        )
    except (ValueError, LookupError, TypeError, OverflowError, OSError, RecursionError) as error:
        raise Forged("event_malformed") from error


def open_dispute(payment: Row, amount_minor: int, at: datetime) -> str:
    """Opens a dispute, by which the customer's bank takes money back; returns its id."""
    if payment["state"] != "succeeded":
        raise Invalid("not_disputable", field="reference")
    if not 0 < amount_minor <= payment["amount"] - gone_minor(payment):
        raise Invalid("more_than_left", field="amount")
    dispute = f"dp_{payment['id'][3:]}_{len(payment['disputes']) + 1}"
    payment["disputes"].append(
        {
            "id": dispute,
            "standing": DisputeStanding.OPEN.value,
            "amount": amount_minor,
            "at": at.isoformat(),
        }
    )
    note(payment, DISPUTED, at)
    return dispute


def gone_minor(payment: Row) -> int:
    """Returns the amount of a payment that went back, by refunds or to banks, in minor units."""
    refunded = refunded_minor(payment)
    taken = (each for each in payment["disputes"] if each["standing"] != DisputeStanding.WON)
    return int(refunded + sum(each["amount"] for each in taken))


def refunded_minor(payment: Row) -> int:
    """Returns the refunded amount of a payment in minor units, without refunds that failed."""
    refunds = payment["refunds"].values()
    return sum(refund["amount"] for refund in refunds if "failure" not in refund)


def close_dispute(
    payment: Row,
    dispute: str,
    standing: DisputeStanding,
    at: datetime,
    amount_minor: int | None = None,
) -> None:
    """Records the bank's decision; decided twice, the first stays.

    `amount_minor` is how much a lost one took, if that is not what it was opened with.
    """
    if standing is DisputeStanding.OPEN:
        raise Invalid("dispute_unknown", field="dispute")
    _decide(payment, dispute, DisputeStanding.OPEN, standing, DISPUTE_CLOSED, at, amount_minor)


def appeal_dispute(payment: Row, dispute: str, at: datetime) -> None:
    """Opens a lost dispute again, as some gateways do when their seller appeals."""
    _decide(payment, dispute, DisputeStanding.LOST, DisputeStanding.OPEN, DISPUTE_UPDATED, at)


def _decide(
    payment: Row,
    dispute: str,
    before: DisputeStanding,
    after: DisputeStanding,
    event: str,
    at: datetime,
    amount_minor: int | None = None,
) -> None:
    disputes = payment["disputes"]
    place = next((n for n, each in enumerate(disputes) if each["id"] == dispute), None)
    if place is None:
        raise Invalid("dispute_unknown", field="dispute")
    if disputes[place]["standing"] == before:
        had = disputes[place]["amount"]
        took = had if amount_minor is None or after is not DisputeStanding.LOST else amount_minor
        if not 0 < took <= max(had, payment["amount"] - gone_minor(payment) + had):
            raise Invalid("more_than_left", field="amount")
        disputes[place] = {**disputes[place], "standing": after.value, "amount": took}
        note(payment, event, at)


def disputes_of(payment: Row) -> list[Dispute]:
    """Lists the chargebacks of one payment, oldest first."""
    return [
        Dispute(
            id=each["id"],
            standing=DisputeStanding(each["standing"]),
            amount=Money(each["amount"], Currency(payment["currency"])),
            reference=payment["id"],
            opened_at=datetime.fromisoformat(each["at"]),
        )
        for each in payment["disputes"]
    ]


def payments(rows: Iterable[Row]) -> list[Row]:
    """Lists the rows that are payments; the secret's and those of cards are not."""
    return [row for row in happened(rows) if "invoice" in row]


def happened(rows: Iterable[Row]) -> list[Row]:
    """Lists the rows that have events: payments, and cards that were renewed."""
    return [row for row in rows if row["id"] != SECRET_ROW]


def _secret(ledger: SandboxLedger) -> str | None:
    found: tuple[dict[str, Any], int] | None = ledger.read(SECRET_ROW)
    return None if found is None else str(found[0]["secret"])
