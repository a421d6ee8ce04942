"""Takes a declaration: it is written, whoever makes it and whether or not a purchase exists (X-10).

Nothing here depends on a purchase but the proof that was brought: an Order ID, or a portal session.
The buyer is looked for afterwards, by the sweep, so that neither the answer nor its time tells
whether there is one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

from billing.cancel.regions import lookup
from billing.cancel.regions.rules import Duty
from billing.declarations import declarations
from billing.declarations.declarations import (
    FIELD_MOST,
    HELD_FOR,
    UNVERIFIED_MOST,
    UNVERIFIED_WINDOW,
    Declaration,
    DeclarationOf,
    Declared,
    Kind,
    Reason,
    Verification,
)
from billing.kernel.customers import normalised_email
from billing.kernel.errors import Conflict, TooMany
from billing.kernel.merchants import Merchant
from billing.kernel.orders import typed_order_id
from billing.kernel.outbox_events import EventKind
from billing.kernel.ports import Ports
from billing.kernel.values import Value, replace
from billing.kernel.writes import Insert, Write

ATTEMPT, FLOOD, RECEIPTS = "declaration_attempt", "declaration_flood", "declaration_receipt"
RECEIPTS_MOST, A_DAY = 3, timedelta(days=1)
PER_IP, IP_WINDOW = 60, timedelta(minutes=15)
REFUND_WITHIN = timedelta(days=14)
FLOOD_KEPT = timedelta(days=16)


class Sender(Value):
    """The sender of a declaration, as the page knows them.

    `customer` is the portal's session, if there is one, `subscription` the purchase that they chose
    there.
    """

    ip: str
    country: str
    language: str
    state: str | None = None
    customer: str | None = None
    subscription: str | None = None


def receive(
    ports: Ports,
    merchant: Merchant,
    duty: Duty,
    declared: Declared,
    sender: Sender,
    *,
    key: str,
    now: datetime,
) -> Declaration:
    """Writes a declaration and has its receipt mailed; a form sent twice is one declaration, and
    one that was changed in between is another.

    Raises `TooMany` beyond the limit of one visitor's address.
    """
    said = f"{key}\n{duty}\n{declared}\n{sender.subscription}"
    name, known = _name(ports, merchant, said, now)
    if known is not None:
        return known
    _count_visitor(ports, sender, now)
    found = _read(ports, merchant, duty, declared, sender, name, now)
    if not found.is_verified and _is_flooded(ports, merchant, now):
        found = replace(found.for_agent(Reason.TOO_MANY), flooded=True)
    try:
        ports.store.commit(Insert(found), *_matched(found), *_receipt(ports, found, now))
    except Conflict:
        known = ports.store.declaration(merchant.id, name)
        if known is None:
            raise
        return known  # the same form, sent twice at once
    return found


def hour_of(merchant: str, at: datetime) -> str:
    """Returns the name of a merchant's hour in which declarations are counted."""
    return f"{merchant}\n{at:%Y%m%d%H}"


def was_flooded(ports: Ports, declaration: Declaration, now: datetime) -> bool:
    """Tells whether too many unverified declarations came within the hour of this one."""
    hour = hour_of(declaration.merchant, declaration.at)
    return ports.ephemeral.get(FLOOD, hour, now=now) is not None


def _name(
    ports: Ports, merchant: Merchant, said: str, now: datetime
) -> tuple[str, Declaration | None]:
    """Returns the id of the declaration of this form, and it, if it was written already.

    `said` is all of the form: a browser that goes back shows it with the attempt that it had.
    """
    attempt = sha256(f"{merchant.id}\n{said}".encode()).hexdigest()
    drawn = declarations.declaration_id(now, ports.new_id("dec"))
    if ports.ephemeral.put(ATTEMPT, attempt, drawn, expires_at=now + A_DAY, now=now):
        return drawn, None
    name = ports.ephemeral.get(ATTEMPT, attempt, now=now) or drawn
    return name, ports.store.declaration(merchant.id, name)


def _read(
    ports: Ports,
    merchant: Merchant,
    duty: Duty,
    declared: Declared,
    sender: Sender,
    name: str,
    now: datetime,
) -> Declaration:
    """Builds the declaration with the proof that came with it."""
    rule = lookup.rule(sender.country, sender.state, now.date(), duty)
    withdraws = declared.kind is Kind.WITHDRAWAL
    found = Declaration(
        id=name,
        merchant=merchant.id,
        duty=duty,
        at=now,
        shard=ports.shard_of(name),
        declared=_cut(declared),
        country=sender.country,
        home_state=sender.state,
        region=None if rule is None else rule.region,
        language=sender.language,
        decide_by=now + (REFUND_WITHIN if withdraws else HELD_FOR),
        due_at=now,
    )
    typed = typed_order_id(declared.contract)
    order = None if typed is None else ports.store.order_by_id(merchant.id, typed)
    owner = None if order is None else order.customer
    if sender.subscription is not None and owner != sender.customer:
        owner = None  # what they chose where they are signed in says more than what they typed
    if sender.customer is not None and owner is None:
        about = () if sender.subscription is None else (sender.subscription,)
        found = replace(found, customer=sender.customer, about=about)
        return found.verified(Verification.PORTAL, now)
    if order is None or owner is None:
        return found
    about = () if order.subscription is None else (order.subscription,)
    found = replace(found, customer=owner, about=about, order=order.id)
    return found.verified(Verification.ORDER_ID, now)


def _cut(declared: Declared) -> Declared:
    return replace(
        declared,
        name=declarations.cut(declared.name),
        contact=normalised_email(declared.contact)[: FIELD_MOST + 54],
        contract=declarations.cut(declared.contract),
        reason=declarations.cut(declared.reason),
    )


def _count_visitor(ports: Ports, sender: Sender, now: datetime) -> None:
    if not ports.operation.limits:
        return
    key = sha256(sender.ip.encode()).hexdigest()
    if ports.ephemeral.hit("declaration_ip", key, window=IP_WINDOW, now=now) > PER_IP:
        raise TooMany()


def _is_flooded(ports: Ports, merchant: Merchant, now: datetime) -> bool:
    """Counts an unverified declaration, and marks the hour in which there are too many."""
    count = ports.ephemeral.hit(
        "declaration_unverified", merchant.id, window=UNVERIFIED_WINDOW, now=now
    )
    if count <= UNVERIFIED_MOST:
        return False
    if count == UNVERIFIED_MOST + 1:
        until = now + FLOOD_KEPT
        ports.ephemeral.put(FLOOD, hour_of(merchant.id, now), "yes", expires_at=until, now=now)
    return True


def _matched(found: Declaration) -> tuple[Write, ...]:
    if found.customer is None:
        return ()
    return (Insert(DeclarationOf(found.merchant, found.customer, found.id)),)


def _receipt(ports: Ports, found: Declaration, now: datetime) -> tuple[Write, ...]:
    """Returns the event of the receipt, with the typed address unless it had enough mail today."""
    contact = found.declared.contact
    key = sha256(contact.encode()).hexdigest()
    enough = ports.ephemeral.hit(RECEIPTS, key, window=A_DAY, now=now) > RECEIPTS_MOST
    if enough and not found.is_verified:
        return ()
    event = declarations.event(EventKind.DECLARED, found, now, ports.shard_of(found.id))
    return (Insert(replace(event, email=None if enough else contact)),)
