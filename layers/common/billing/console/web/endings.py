"""Cancellations and refunds by the merchant in the console: now or later, full or partial (X-3,
B-7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import StringConstraints

from billing.cancel import cancellation
from billing.cancel.cancellation import CancelReason
from billing.cancel.flows import cancel
from billing.console.web import pages
from billing.console.web.pages import Desk
from billing.customers.flows.latest_payment import latest_payment
from billing.kernel.errors import Invalid, Refused, Unavailable
from billing.kernel.flows import subscriptions
from billing.kernel.invoices import Invoice
from billing.kernel.money import Money
from billing.kernel.orders import Order
from billing.kernel.subscription import CancelRequest, Source, Subscription, When
from billing.kernel.values import replace
from billing.portal.web.forms import COMMENT_MOST, TEXT, form
from billing.refunds import value
from billing.refunds.flows import credit, refund
from billing.refunds.payment import Effect, Payment
from billing.team.rights import Area
from billing.web import http
from billing.web.inputs import Input, Key
from billing.web.problems import errors_of

WHY = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=COMMENT_MOST, pattern=TEXT)
]


class CancelForm(Input):
    """A cancellation by hand: the merchant chooses when, whatever the price point says (X-3)."""

    when: When
    reason: CancelReason | Literal[""] = ""
    comment: WHY = ""


class RefundForm(Input):
    """A refund: the amount as people write it; `attempt` was drawn with the page and makes it one
    refund."""

    amount: Annotated[str, StringConstraints(strip_whitespace=True, max_length=20)]
    attempt: Key
    comment: WHY = ""
    cancel: Literal["true"] | None = None


def cancel_page(
    desk: Desk,
    subscription: str,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, Invalid] | None = None,
) -> http.Answer:
    """Shows the effect of each choice, and asks for the reason; raises `Refused` for a subscription
    that has ended."""
    found = _live(desk, subscription)
    asked = CancelRequest(When.PERIOD_END, Source.MERCHANT, desk.now, "")
    at_once = cancellation.takes_effect_now(found, asked, changing_plan=False)
    return pages.page(
        desk,
        "console/cancel.html",
        status=422 if errors else 200,
        subscription=found,
        credit=credit.at_end(desk.ports, desk.session.merchant, found),
        period_end=None if at_once else found.period_at,
        reasons=tuple(CancelReason),
        form=typed or {},
        errors=errors or {},
    )


def cancel_subscription(desk: Desk, subscription: str) -> http.Answer:
    """Cancels the subscription; the customer's page says whether it has ended or will end."""
    typed = desk.request.form()
    try:
        given = form(CancelForm, typed)
    except Invalid as error:
        return cancel_page(desk, subscription, typed=typed, errors=errors_of(error))
    ending = cancel.request(
        desk.ports,
        subscriptions.fresh(desk.ports, desk.merchant, subscription),
        when=given.when,
        source=Source.MERCHANT,
        reason=given.reason or None,
        comment=given.comment or None,
        now=desk.now,
    )
    return pages.done(ending.subscription.customer, f"cancel_{ending.result}")


def undo_cancellation(desk: Desk, subscription: str) -> http.Answer:
    """Undoes a pending cancellation."""
    found = subscriptions.fresh(desk.ports, desk.merchant, subscription)
    left = cancel.undo(desk.ports, found, now=desk.now)
    return pages.done(left.customer, "undone")


def refund_page(
    desk: Desk,
    order: str,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, Invalid] | None = None,
    amount: Money | None = None,
) -> http.Answer:
    """Shows the refund form, with all that is left of the payment as its amount, and the taxes in
    it or in the `amount` that was asked about; raises `Refused` for an entry that is no payment."""
    payment, effect = _refundable(desk, order)
    paid, left = payment.order, effect.amount
    return pages.page(
        desk,
        "console/refund.html",
        status=422 if errors else 200,
        order=paid,
        left=left,
        effect=effect,
        taxes=_taxes(payment.invoice, amount or left),
        asked=amount,
        cancels=_cancels_with(desk, paid),
        attempt=(typed or {}).get("attempt") or desk.ports.new_id("attempt"),
        form=typed or {"amount": left.decimal},
        errors=errors or {},
    )


def refund_order(desk: Desk, order: str) -> http.Answer:
    """Makes the refund, or leaves it under way; sent twice it is one refund."""
    typed = dict(desk.request.form())
    act = typed.pop("act", None)
    paid = refund.payment(desk.ports, desk.merchant, order)
    try:
        given = form(RefundForm, typed)
        amount = Money.typed(given.amount, paid.order.amount.currency, field="amount")
        if act == "taxes":
            asked = value.amount_of(paid.invoice, amount.amount_minor)
            return refund_page(desk, order, typed=typed, amount=asked)
        outcome = _refund(desk, paid, amount, given)
    except Invalid as error:
        return refund_page(desk, order, typed=typed, errors=errors_of(error))
    if given.cancel and paid.subscription is not None and desk.may(Area.SUBSCRIPTIONS):
        try:
            _cancel(desk, paid.subscription.id)
        except Unavailable:
            outcome = f"{outcome}_still_runs"
    return pages.done(paid.invoice.customer, outcome)


def _refund(desk: Desk, paid: Payment, amount: Money, given: RefundForm) -> str:
    made = refund.request(
        desk.ports,
        paid,
        amount_minor=amount.amount_minor,
        source=Source.MERCHANT,
        reason=given.comment or None,
        name=f"console:{given.attempt}",
        now=desk.now,
    )
    return "refund_under_way" if isinstance(made, refund.UnderWay) else "refunded"


def _cancel(desk: Desk, subscription: str) -> None:
    """Cancels the subscription along with the refund, because that box was left ticked (B-7)."""
    try:
        cancel.request(
            desk.ports,
            subscriptions.fresh(desk.ports, desk.merchant, subscription),
            when=When.NOW,
            source=Source.MERCHANT,
            reason="refunded",
            now=desk.now,
        )
    except Refused:
        return  # It has ended meanwhile, as was asked for.


def _live(desk: Desk, subscription: str) -> Subscription:
    found = subscriptions.fresh(desk.ports, desk.merchant, subscription).as_of(desk.now)
    if not found.is_live:
        raise Refused("already_cancelled")
    return found


def _taxes(invoice: Invoice, amount: Money) -> list[tuple[str, Money]]:
    """Lists the taxes that go back with an amount of a payment, by their names (C-10)."""
    shares = zip(invoice.tax_lines, value.taxes_in(invoice, amount), strict=False)
    return [(line.text, replace(amount, amount_minor=share)) for line, share in shares if share]


def _refundable(desk: Desk, order: str) -> tuple[Payment, Effect]:
    paid = refund.payment(desk.ports, desk.merchant, order)
    if not paid.order.amount:
        raise Refused("not_refundable")
    effect = paid.effect(by_hand=True)
    if not effect.amount:
        raise Refused("already_refunded")
    return paid, effect


def _cancels_with(desk: Desk, paid: Order) -> tuple[Subscription, bool] | None:
    """Returns the live subscription of the payment, and whether the payment is its latest."""
    if paid.subscription is None or paid.customer is None:
        return None
    if not desk.may(Area.SUBSCRIPTIONS):
        return None  # who refunds for finance ends nothing with it
    found = desk.ports.store.subscription(desk.merchant, paid.customer, paid.subscription)
    if found is None or not found.as_of(desk.now).is_live:
        return None
    latest = latest_payment(desk.ports, found)
    return found, latest is not None and latest.order_id == paid.id
