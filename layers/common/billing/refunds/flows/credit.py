"""Credit that a subscription leaves when it ends: refunded, or used by the next one (A-4).

Both are done by the outbox, and may be done twice: credit that is refunded or moved is not there
any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from billing.kernel import charge_eligibility, invoicing
from billing.kernel.errors import Conflict, Invalid, Refused
from billing.kernel.invoices import Invoice
from billing.kernel.merchants import CreditAtEnd, Merchant
from billing.kernel.money import Money
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.subscription import Source, Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.refunds import credit_back, refunds
from billing.refunds.flows import refund
from billing.refunds.flows.refund import Takes
from billing.refunds.payment import Payment
from billing.refunds.refunds import Refund, RefundState

NAME = "credit"
"""The name of this consumer of outbox events."""

LOOKED_AT = 100
"""The newest invoices of a subscription that are looked through for what would go back."""

AT_ONCE = 10
"""The invoices of them that are read at once: the newest few payments cover nearly all credit."""


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


def at_end(ports: Ports, merchant: Merchant, subscription: Subscription) -> Money | None:
    """Returns the credit that a page names before an end; None if none is left or none goes back.

    Where it is refunded, that is what the refund would give back now, with its taxes; where it is
    kept, it is the credit itself. After the end the outbox has refunded what it could.
    """
    if merchant.settings.credit_at_end is not CreditAtEnd.REFUND:
        return subscription.credit
    left = subscription.credit_minor if subscription.is_live else 0
    return _money(subscription, _would_go_back(ports, merchant, subscription, left))


def in_mail(
    ports: Ports,
    merchant: Merchant,
    subscription: Subscription,
    event: OutboxEvent,
    credit_minor: int,
) -> Money | None:
    """Returns the credit that the mail of an event names, as `at_end` does for a page.

    `credit_minor` is what was left at the event. The refunds that were made since are counted, and
    of the rest what would go back now, unless it was settled: the mail may come before the refunds,
    late, or again.
    """
    settled = NAME in event.done
    if merchant.settings.credit_at_end is not CreditAtEnd.REFUND:
        return _money(subscription, credit_minor)
    if credit_minor <= 0 and not settled:
        return None
    made = () if subscription.is_live else _made(ports, subscription)
    net = sum(each.amount.amount_minor - sum(each.taxes) for each in made)
    left = min(credit_minor - net, subscription.credit_minor)
    if settled and not subscription.is_live:
        left = 0
    back = sum(each.amount.amount_minor for each in made)
    return _money(subscription, back + _would_go_back(ports, merchant, subscription, left))


def _money(subscription: Subscription, minor: int) -> Money | None:
    return replace(subscription.terms.price, amount_minor=minor) if minor > 0 else None


def _would_go_back(
    ports: Ports, merchant: Merchant, subscription: Subscription, credit_minor: int
) -> int:
    """Returns how much would go back for credit now, with its taxes, in minor units."""

    def gives(paid: Invoice, minor: int) -> bool:
        if refund.is_refused(ports, merchant, paid, subscription):
            return False
        return subscription.is_live or not paid.refunds or _named_refund(ports, paid) is None

    return credit_back.give_back(_payments(ports, subscription), credit_minor, gives)


def _payments(ports: Ports, subscription: Subscription) -> Iterator[Invoice]:
    """Reads the payments of a subscription, newest first, as far as they are asked for."""
    oldest = max(0, subscription.seq - LOOKED_AT)
    for newest in range(subscription.seq, oldest, -AT_ONCE):
        numbers = range(newest, max(oldest, newest - AT_ONCE), -1)
        owner = (subscription.merchant, subscription.customer)
        ids = [(*owner, invoicing.invoice_id(subscription.id, seq)) for seq in numbers]
        yield from credit_back.newest_first(i for i in ports.store.invoices(ids) if i is not None)


def _named_refund(ports: Ports, paid: Invoice) -> Refund | None:
    named = refunds.refund_id(paid.id, credit_back.NAME)
    return ports.store.refund(paid.merchant, paid.customer, named)


def _made(ports: Ports, subscription: Subscription) -> list[Refund]:
    """Returns the refunds of an ended subscription's credit that were made, or are under way."""
    named = [
        (paid.merchant, paid.customer, refunds.refund_id(paid.id, credit_back.NAME))
        for paid in _payments(ports, subscription)
        if paid.refunds
    ]
    found = ports.store.refunds(named) if named else []
    under_way = {RefundState.REQUESTED, RefundState.SUCCEEDED}
    return [each for each in found if each is not None and each.state in under_way]


def _refund(ports: Ports, event: OutboxEvent, now: datetime) -> None:
    """Refunds credit by the newest payments first, each up to what is left of it.

    Credit that no payment can take (disputed, its gateway account gone) stays, and is listed under
    attention.
    """
    history = ports.store.history(event.merchant, event.customer)
    ended = history.subscription(event.subscription)

    def gives(paid: Invoice, minor: int) -> bool:
        try:
            refund.request(
                ports,
                Payment.of(history, paid.order_id),
                amount_minor=minor,
                source=Source.SYSTEM,
                reason=credit_back.NAME,
                name=credit_back.NAME,
                takes=Takes.CREDIT,
                now=now,
            )
        except Refused:
            return False
        except Invalid:
            raise Conflict() from None
        return True

    paid = credit_back.newest_first(
        each for each in history.invoices if each.subscription == event.subscription
    )
    left = 0 if ended is None or ended.is_live else ended.credit_minor
    credit_back.give_back(paid, left, gives)


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
