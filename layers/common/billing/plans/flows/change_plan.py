"""Plan changes: quoted, then charged as they were quoted, once (A-4, P-18).

A change that must be paid has an invoice of its own, opened here and taken through the charge
protocol by the rebill engine (`rebill/flows`): if a process is killed in between, the worker
continues from there.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from billing.invoices.flows import documents
from billing.kernel import invoicing
from billing.kernel.due import DueKind
from billing.kernel.errors import NotFound, Refused, Unavailable
from billing.kernel.flows import gateway_payments, subscriptions
from billing.kernel.invoices import InvoiceState
from billing.kernel.plans import Plan
from billing.kernel.ports import Ports
from billing.kernel.storage import Due
from billing.kernel.subscription import Subscription
from billing.kernel.taxes import Taxes
from billing.kernel.values import Value, replace
from billing.kernel.writes import Transaction, left
from billing.plans import plan_change
from billing.plans.flows import usage
from billing.plans.plan_change import Quote, When
from billing.rebill import plan_change_steps
from billing.rebill.flows import access, charge
from billing.tax.flows import taxation


class Result(StrEnum):
    """The result of a plan change request; the last two are not final."""

    CHANGED = "changed"
    DECLINED = "declined"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"


class Changed(Value):
    """The subscription after a request.

    `code` says why the payment was declined, `url` is the page from which the buyer goes to their
    bank: nobody was there when it was charged (R-4).
    """

    subscription: Subscription
    result: Result
    code: str | None = None
    url: str | None = None


def quote(
    ports: Ports, subscription: Subscription, price_point: str, when: When, *, now: datetime
) -> Quote:
    """Quotes a change to a price point: the charge now and the next one; writes nothing.

    Raises `NotFound` for the price point, and `Refused` for a change that is not allowed.
    """
    return _quote(ports, subscription, price_point, when, now, as_of=now)


def change(
    ports: Ports,
    subscription: Subscription,
    price_point: str,
    when: When,
    *,
    token: str | None = None,
    now: datetime,
) -> Changed:
    """Changes the plan for the amount of the token's quote, or without one for the present price.

    Asking again while the payment is under way continues it. It is decided by the subscription as
    it was read, and anew where that has changed. Raises `NotFound` for the price point, and
    `Refused` (quote_changed, or as for a quote).
    """
    begun = subscriptions.decided(
        ports, subscription, lambda found: _begin(ports, found, price_point, when, token, now)
    )
    return begun if isinstance(begun, Changed) else charge_change(ports, begun, now)


def _begin(
    ports: Ports,
    found: Subscription,
    price_point: str,
    when: When,
    token: str | None,
    now: datetime,
) -> Changed | Subscription:
    """Makes a change that costs nothing now; else opens it (step 1).

    Returns the subscription that is claimed to be charged in the second case.
    """
    if when is When.NOW and _is_under_way(ports, found, price_point):
        return continue_change(ports, found, now)
    quoted = _as_quoted(ports, found, price_point, when, token, now)
    if quoted.change is None:
        plan = None if price_point == found.price_point else quoted.plan
        if plan == found.next_plan:
            return Changed(found, Result.CHANGED)
        return finished(
            ports,
            found,
            plan_change_steps.schedule_change(found, plan, now, ports.shard_of(found.id)),
        )
    return begin(ports, found, quoted, now)


def finished(ports: Ports, found: Subscription, write: Transaction) -> Changed:
    """Commits a change that is all in one write."""
    ports.store.commit(*write)
    return Changed(left(found, write), Result.CHANGED)


def continue_change(ports: Ports, found: Subscription, now: datetime) -> Subscription:
    """Claims a change whose invoice is open already, so that it is taken up again."""
    until = now + ports.operation.lease
    ports.store.commit(*plan_change_steps.extend_lease(found, until))
    return found.postponed_to(until)


def begin(
    ports: Ports, found: Subscription, quoted: Quote, now: datetime
) -> Changed | Subscription:
    """Makes a change for now where it is free, else opens it and claims it to be charged."""
    assert quoted.change is not None, "it is for now"
    shard, until = ports.shard_of(found.id), now + ports.operation.lease
    if not quoted.due_now:
        moves = access.moves(ports, found, quoted.plan, now)
        return finished(
            ports,
            found,
            plan_change_steps.change_without_charge(found, quoted.change, moves, now, shard),
        )
    gateway_payments.refuse_held(ports, found, now=now)
    invoice = invoicing.for_change(
        found,
        quoted.change,
        quoted.lines,
        quoted.due_now,
        subscriptions.bill_to(ports, found),
        order_id=ports.new_id("order"),
        download_key=ports.new_id("key"),
        now=now,
    )
    ports.store.commit(*plan_change_steps.open_invoice(found, invoice, until))
    return found.opened(invoice.id).postponed_to(until)


def charge_change(ports: Ports, leased: Subscription, now: datetime) -> Changed:
    """Takes the change through the steps from 2 on, and returns its result.

    If a service does not answer, the change stays under way: it is recorded, and its claim brings a
    worker.
    """
    try:
        return _charged(ports, leased, now)
    except Unavailable:
        return Changed(leased, Result.PROCESSING)


def _charged(ports: Ports, leased: Subscription, now: datetime) -> Changed:
    assert leased.due_at is not None and leased.open_invoice is not None
    owner = (leased.merchant, leased.customer, leased.id)
    charge.charge(ports, [Due(DueKind.BILL, leased.due_at, owner)], now=now)
    invoice = ports.store.invoice(leased.merchant, leased.customer, leased.open_invoice)
    after = ports.store.subscription(*owner)
    assert invoice is not None and after is not None, "written before it was charged"
    match invoice.state:
        case InvoiceState.PAID:
            return Changed(after, Result.CHANGED)
        case InvoiceState.UNCOLLECTIBLE:
            return Changed(after, Result.DECLINED, code=invoice.decline_code)
        case InvoiceState.VOID:
            raise Refused("withdrawn")
        case InvoiceState.ACTION_REQUIRED:
            merchant = ports.store.merchant(invoice.merchant)
            assert merchant is not None, "a merchant is never removed"
            url = documents.payment_link(ports, merchant, invoice)
            return Changed(after, Result.REQUIRES_ACTION, url=url)
        case _:
            return Changed(after, Result.PROCESSING)


def _as_quoted(
    ports: Ports,
    found: Subscription,
    price_point: str,
    when: When,
    token: str | None,
    now: datetime,
) -> Quote:
    """Quotes afresh, or returns the token's quote if all that it depends on is unchanged."""
    if token is None:
        return _quote(ports, found, price_point, when, now, as_of=now)
    as_of = plan_change.quoted_at(token, now)
    quoted = _quote(ports, found, price_point, when, now, as_of=as_of)
    plan_change.check_token(quoted, token)
    return quoted


def _quote(
    ports: Ports,
    found: Subscription,
    price_point: str,
    when: When,
    now: datetime,
    *,
    as_of: datetime,
) -> Quote:
    plan_change.refuse_change(found, price_point, when, now)
    return plan_change.quote(
        found,
        _plan(ports, found, price_point, now),
        when,
        as_of,
        minimum_minor=ports.minimum_minor(found),
        taxes=taxes(ports, found, now),
    )


def taxes(ports: Ports, found: Subscription, now: datetime) -> Taxes:
    """Returns the taxes on a change of plan now, and those on what was paid before."""
    merchant = ports.store.merchant(found.merchant)
    assert merchant is not None, "a merchant is never removed"
    return taxation.of_charge(ports, merchant, found, subscriptions.bill_to(ports, found), now=now)


def _plan(ports: Ports, found: Subscription, price_point: str, now: datetime) -> Plan:
    """Returns the plan that a price point sells now; its own present one as it is."""
    point = ports.store.price_point(price_point)
    if point is None or point.merchant != found.merchant:
        raise NotFound("price_point_unknown")
    product = ports.store.product(point.merchant, point.product)
    assert product is not None, "written before its price points"
    if price_point == found.price_point:
        # Asked for to stay on it: at the terms that were agreed, on sale or not (P-18).
        return replace(Plan.of(point, product), version=found.price_version, terms=found.terms)
    if not product.sells(point.id):
        raise NotFound("price_point_not_for_sale")
    plan = Plan.of(point, product)
    plan_change.refuse_plan(found, plan, product.gateways)
    usage.refuse_over(ports, found, product, now=now)
    return plan


def _is_under_way(ports: Ports, found: Subscription, price_point: str) -> bool:
    """Tells whether the open invoice is that of this very change, and nobody asked to end it."""
    if found.open_invoice is None or found.cancelling is not None:
        return False
    opened = ports.store.invoice(found.merchant, found.customer, found.open_invoice)
    return (
        opened is not None
        and opened.plan_change is not None
        and opened.plan_change.plan.price_point == price_point
    )
