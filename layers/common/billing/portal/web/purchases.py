"""Pages to manage a purchase: cancel, pay, refund, change the address (B-6 .. B-8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from billing.cancel import cancellation
from billing.cancel.flows import cancel
from billing.cards.flows import addresses
from billing.customers import purchases
from billing.customers.flows.latest_payment import latest_payment
from billing.customers.web.portal_session import Visit, done, show
from billing.helpdesk.tickets import TicketType
from billing.kernel.errors import Invalid, Refused, Unavailable
from billing.kernel.flows import subscriptions
from billing.kernel.merchants import SelfService
from billing.kernel.ports import Ports
from billing.kernel.subscription import CancelRequest, Source, State, Subscription
from billing.kernel.values import plain, replace
from billing.portal.flows import portal
from billing.rebill.flows import pay_now
from billing.refunds import value
from billing.refunds.flows import credit
from billing.refunds.payment import Payment
from billing.web import http
from billing.web.problems import address_errors, errors_of


def cancel_form(ports: Ports, visit: Visit, subscription: str) -> http.Answer:
    """Shows what a cancellation would do, before it is confirmed (X-7); before it comes an offer,
    once (X-11)."""
    purchase, found = visit.account.purchase(subscription)
    if purchase.may_cancel:
        from billing.portal.web import offers  # few products have one

        if "on" in visit.request.query():
            offers.pass_by(ports, visit, found)
        elif (offer := offers.page_before(ports, visit, found)) is not None:
            return offer
    return _cancel_form(ports, visit, subscription, {})


def cancel_subscription(ports: Ports, visit: Visit, subscription: str) -> http.Answer:
    """Cancels as confirmed; sent twice it is done once."""
    from billing.portal.web.forms import CancelForm, form

    _, found = visit.account.purchase(subscription)
    typed = visit.request.form()
    try:
        given = form(CancelForm, typed)
    except Invalid as error:
        return _cancel_form(ports, visit, subscription, typed, errors_of(error))
    try:
        portal.cancel_purchase(
            ports,
            visit.account,
            found,
            now=visit.now,
            reason=given.reason or None,
            comment=given.comment or None,
        )
    except Refused as refused:
        if refused.code not in {"already_cancelled", "completed"}:
            raise
    return http.redirect(f"{visit.base}/subscriptions/{subscription}/ending")


def ending_page(ports: Ports, visit: Visit, subscription: str) -> http.Answer:
    """Shows the result of a cancellation: its reference and when the subscription ends (X-7)."""
    purchase, found = visit.account.purchase(subscription)
    entry = portal.cancellation_entry(ports, found)
    request = found.cancelling
    ticket = portal.ticket_about(ports, visit.account, TicketType.CANCEL, subscription)
    course = _course(found, visit, ticket is not None)
    if course is None:
        return http.redirect(visit.base)
    reference = entry.id if entry else request.order if request else None
    return show(
        visit,
        "ending",
        purchase=purchase,
        subscription=found,
        course=course,
        reference=reference or (ticket.number if ticket else None),
        ticket=ticket if course == "asked" else None,
    )


def undo_cancellation(ports: Ports, visit: Visit, subscription: str) -> http.Answer:
    """Undoes a pending cancellation (X-5)."""
    _, found = visit.account.purchase(subscription)
    cancel.undo(ports, found, now=visit.now, history=visit.account.history)
    return done(visit, "undone")


def pay_overdue(ports: Ports, visit: Visit, subscription: str) -> http.Answer:
    """Charges at once what is past due (B-10)."""
    _, found = visit.account.purchase(subscription)
    pay_now.now_due(ports, found, now=visit.now)
    return done(visit, "paying")


def refund_form(ports: Ports, visit: Visit, order: str) -> http.Answer:
    """Shows what a refund would do, what it did, or why there is none (B-7)."""
    found = portal.payment(ports, visit.account, order)
    invoice = found.invoice
    ticket = portal.ticket_about(ports, visit.account, TicketType.REFUND, order)
    reason = portal.why_not_refunded(ports, visit.account, found, visit.now)
    shown: dict[str, Any] = {
        "order": found.order,
        "invoice": invoice,
        "effect": portal.refund_effect(visit.account, found),
    }
    gone = (
        reason == "already_refunded"
        or value.is_open(invoice)
        or (reason == "credit_used" and invoice.refund_reserved_minor > 0)
    )
    if gone or ticket:
        given = replace(invoice.total, amount_minor=invoice.refund_reserved_minor)
        # A part that went back before is not what was asked for: the rest still waits.
        waits = reason != "already_refunded" and ticket is not None and not ticket.is_under_way
        asked = ticket if waits or not gone else None
        still_runs = _still_runs(visit)
        return show(visit, "refunded", ticket=asked, given=given, still_runs=still_runs, **shown)
    if reason is not None:
        return show(visit, "no_refund", status=409, reason=reason, **shown)
    return show(
        visit,
        "refund",
        manual=visit.merchant.settings.self_refund is SelfService.MANUAL,
        cancels=_cancels_with(ports, visit, found),
        **shown,
    )


def refund_order(ports: Ports, visit: Visit, order: str) -> http.Answer:
    """Refunds as confirmed; its result is the page of the payment's refund."""
    from billing.portal.web.forms import RefundForm, form

    found = portal.payment(ports, visit.account, order)
    given = form(RefundForm, visit.request.form())
    subscription = _may_be_cancelled_with(visit, found)
    try:
        portal.refund_payment(ports, visit.account, found, now=visit.now)
    except Refused as refused:
        if refused.code in {"already_refunded", "credit_used", "refund_open"}:
            return _refund_page(visit, order)
        raise
    if given.cancel and subscription is not None:
        return cancelled_with(ports, visit, subscription, order)
    return _refund_page(visit, order)


def cancelled_with(
    ports: Ports, visit: Visit, subscription: Subscription, order: str
) -> http.Answer:
    """Cancels along with a refund, because the customer left that ticked (B-7)."""
    try:
        # Not as it was read: the refund may have taken credit back, which the end's mail states.
        found = subscriptions.again(ports, subscription)
        portal.cancel_purchase(
            ports, visit.account, found, now=visit.now, reason="refunded", comment=None
        )
    except Unavailable:
        return _refund_page(visit, order, f"?runs={subscription.id}")  # The money is on its way.
    return _refund_page(visit, order)


def address_form(ports: Ports, visit: Visit, subscription: str) -> http.Answer:
    """Shows the present address, to be changed for future invoices (B-8)."""
    visit.account.purchase(subscription)
    found = addresses.bill_to(ports, visit.merchant.id, visit.customer, subscription)
    typed = {"name": found.name, **plain(found.address)}
    return _address_form(visit, subscription, typed)


def change_address(ports: Ports, visit: Visit, subscription: str) -> http.Answer:
    """Saves the new address, for this subscription or for all that still charge (B-8)."""
    from billing.portal.web.forms import AddressForm, form

    visit.account.purchase(subscription)
    typed = visit.request.form()
    others = [p.id for p in visit.account.purchases if p.is_live and p.id != subscription]
    try:
        given = form(AddressForm, typed)
        addresses.change(
            ports,
            visit.merchant,
            visit.customer,
            [subscription, *(others if given.everywhere else [])],
            name=given.name,
            address=given.address(),
            now=visit.now,
        )
    except Invalid as error:
        return _address_form(visit, subscription, typed, address_errors(error))
    return done(visit, "address")


def _course(found: Subscription, visit: Visit, asked: bool) -> str | None:
    """Returns the progress of a cancellation that the customer asked for, None if there is none."""
    if purchases.may_undo(found, visit.now):
        return "pending"
    if found.state is State.CANCELLED or found.state is State.CANCEL_PENDING:
        return "ended"
    if found.cancelling is not None:
        return "under_way"
    return "asked" if asked and found.is_live else None


def _cancel_form(
    ports: Ports,
    visit: Visit,
    subscription: str,
    typed: Mapping[str, str],
    errors: Mapping[str, Invalid] | None = None,
) -> http.Answer:
    from billing.cancel.cancellation import CancelReason

    purchase, found = visit.account.purchase(subscription)
    settings = visit.merchant.settings
    ticket = portal.ticket_about(ports, visit.account, TicketType.CANCEL, subscription)
    if _course(found, visit, ticket is not None) is not None:
        return http.redirect(f"{visit.base}/subscriptions/{subscription}/ending")
    if not purchase.may_cancel:
        code = "cancel_off" if settings.self_cancel is SelfService.OFF else "already_cancelled"
        raise Refused(code)
    asked = CancelRequest(portal.when_of(found), Source.CUSTOMER, visit.now, "")
    ends_now = cancellation.takes_effect_now(found, asked, changing_plan=purchase.changing_plan)
    effect = "now" if ends_now else "period_end"
    return show(
        visit,
        "cancel",
        status=422 if errors else 200,
        purchase=purchase,
        subscription=found,
        credit=credit.at_end(ports, visit.merchant, found),
        effect="ask" if portal.asks_a_person(ports, visit.account, found, visit.now) else effect,
        reasons=tuple(CancelReason),
        form=typed,
        errors=errors or {},
    )


def _cancels_with(ports: Ports, visit: Visit, found: Payment) -> tuple[Subscription, bool] | None:
    """Returns the subscription to cancel along with a refund, and if its payment is the latest."""
    subscription = _may_be_cancelled_with(visit, found)
    if subscription is None:
        return None
    latest = latest_payment(ports, subscription)
    return subscription, latest is not None and latest.id == found.invoice.id


def _may_be_cancelled_with(visit: Visit, found: Payment) -> Subscription | None:
    """Returns the subscription to cancel along with a refund, only where customers' refunds are
    automatic (B-7)."""
    if visit.merchant.settings.self_refund is not SelfService.AUTOMATIC:
        return None
    for purchase in visit.account.purchases:
        if purchase.id == found.invoice.subscription and purchase.may_cancel:
            return purchase.subscription
    return None


def _refund_page(visit: Visit, order: str, query: str = "") -> http.Answer:
    return http.redirect(f"{visit.base}/orders/{order}/refund{query}")


def _still_runs(visit: Visit) -> Subscription | None:
    """Returns the subscription that was to be cancelled along with a refund, and was not yet."""
    named = visit.request.query().get("runs")
    for purchase in visit.account.purchases:
        if purchase.id == named and purchase.may_cancel:
            return purchase.subscription
    return None


def _address_form(
    visit: Visit,
    subscription: str,
    typed: Mapping[str, str | None],
    errors: Mapping[str, Invalid] | None = None,
) -> http.Answer:
    purchase, _ = visit.account.purchase(subscription)
    others = [p for p in visit.account.purchases if p.is_live and p.id != subscription]
    return show(
        visit,
        "address",
        status=422 if errors else 200,
        purchase=purchase,
        others=others,
        form=typed,
        errors=errors or {},
    )
