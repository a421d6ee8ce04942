"""Credit that a subscription leaves when it ends: refunded, or used by the next one (A-4).

Both are done by the outbox, and may be done twice: credit that is refunded or moved is not there
any more.
"""

from __future__ import annotations

from datetime import datetime

from billing.kernel import charge_eligibility
from billing.kernel.errors import Conflict, Invalid, Refused
from billing.kernel.invoices import Invoice
from billing.kernel.merchants import CreditAtEnd, Merchant
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.storage import History
from billing.kernel.subscription import Source, Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.refunds import value
from billing.refunds.flows import refund
from billing.refunds.flows.refund import Takes
from billing.refunds.payment import Payment

NAME = "credit-at-end"
"""The name of a refund of credit on its invoice: one of each payment."""


def settle(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> None:
    """Refunds the credit of an ended subscription, or moves it to the one that was just bought.

    Raises `Conflict` and `Unavailable`; the event is then handled again later.
    """
    refunds_it = merchant.settings.credit_at_end is CreditAtEnd.REFUND
    leaves_credit = event.was is not None and event.was.credit_minor > 0
    if event.kind is EventKind.ENDED and leaves_credit and refunds_it:
        _refund(ports, event, now)
    if event.kind is EventKind.PURCHASED and event.subscription is not None and not refunds_it:
        _carry_over(ports, event)


def _refund(ports: Ports, event: OutboxEvent, now: datetime) -> None:
    """Refunds credit by the newest payments first, each up to what is left of it.

    Credit that no payment can take (disputed, its gateway account gone) stays, and is listed under
    attention.
    """
    history = ports.store.history(event.merchant, event.customer)
    ended = history.subscription(event.subscription)
    left = 0 if ended is None or ended.is_live else ended.credit_minor
    for paid in _newest_first(history, event.subscription):
        at_most = value.refundable(paid)
        minor = min(value.with_tax(paid, left).amount_minor, at_most.amount_minor)
        if minor <= 0:
            continue
        net = value.before_tax(paid, replace(at_most, amount_minor=minor))
        try:
            refund.request(
                ports,
                Payment.of(history, paid.order_id),
                amount_minor=minor,
                source=Source.SYSTEM,
                reason=NAME,
                name=NAME,
                takes=Takes.CREDIT,
                now=now,
            )
        except Refused:
            continue
        except Invalid:
            raise Conflict() from None
        left -= net


def _newest_first(history: History, subscription: str | None) -> list[Invoice]:
    paid = [i for i in history.invoices if i.subscription == subscription and i.settled_at]
    return sorted(paid, key=lambda invoice: (str(invoice.settled_at), invoice.seq), reverse=True)


def _carry_over(ports: Ports, event: OutboxEvent) -> None:
    """Moves the credit of the customer's ended subscriptions to the one that was just bought.

    Its renewals use the credit up. Its first payment does not: anybody may type any email into a
    checkout, and is shown nothing of its owner's records (B-3).
    """
    sold = ports.store.subscriptions_of(event.merchant, event.customer)
    bought = next((each for each in sold if each.id == event.subscription), None)
    if bought is None or not bought.is_live:
        return
    for ended in sorted(sold, key=lambda each: each.started_at):
        if _may_move(ended, bought):
            after = bought
            for taxed_by, minor in ended.money.credit_by_tax(ended.credit_minor).items():
                after = after.with_credit(minor, taxed_by)
            ports.store.commit(
                Change(ended, ended.without_credit(), expecting=charge_eligibility.MONEY),
                Change(bought, after, expecting=charge_eligibility.MONEY),
            )
            bought = after


def _may_move(ended: Subscription, bought: Subscription) -> bool:
    if ended.dispute == "open":
        return False  # what the bank takes for good is taken out of the credit too (W-4)
    same = (ended.test, ended.terms.price.currency) == (bought.test, bought.terms.price.currency)
    return same and ended.credit_minor > 0 and not ended.is_live
