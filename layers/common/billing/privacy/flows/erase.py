"""Erasure of a merchant's catalog and customers; invoices and ledger stay, as the law asks (A-6,
M-8).

An item is erased before the item that it is found by: a card is deleted at its gateway before its
item goes, messages before their ticket, and a customer's name last. So after a crash in between,
the next run finds what is left, and a repeat does no harm.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from billing.checkout import checkout_steps
from billing.checkout.checkouts import Checkout, CheckoutState
from billing.checkout.flows import settlement
from billing.declarations.declarations import DeclarationState
from billing.helpdesk.flows.ticket import of_owner
from billing.helpdesk.tickets import Ticket, TicketOf
from billing.kernel.customers import (
    ERASED,
    Consent,
    Customer,
    EmailPointer,
    PaymentMethod,
    PurchaseBillTo,
    email_hash,
    nobody,
)
from billing.kernel.due import DueKind
from billing.kernel.errors import NotFound, Refused, Unavailable, Unfinished
from billing.kernel.flows import due, list_rows
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.invoices import FINAL
from billing.kernel.orders import Order
from billing.kernel.ports import Ports
from billing.kernel.storage import Due, History
from billing.kernel.values import replace
from billing.kernel.walks import Seen
from billing.kernel.writes import Change, Remove, Write
from billing.migration.flows import erase_rows
from billing.notices.records import NOTICES_MOST
from billing.privacy.flows import erase_uses
from billing.privacy.flows.export import DECLARATIONS_MOST
from billing.privacy.purchases import purchases_of
from billing.refunds.refunds import RefundState

AT_ONCE = 50
WRITES_AT_ONCE = 100
ASKED_AGAIN_AFTER = timedelta(days=1)


def sweep(
    ports: Ports,
    *,
    now: datetime,
    limit: int = 100,
    keep_going: KeepGoing = lambda: True,
) -> Counter[str]:
    """Erases the forms of attempts that came to nothing, a month on: nobody has any use for them
    (M-8).

    One whose card the gateway has not deleted waits for a day, and holds up no other.
    """
    dues = due.overdue(ports, DueKind.ERASE, now=now, limit=limit)
    look = partial(_form_due, ports, now)
    return due.answer(ports, dues, look, now=now, keep_going=keep_going)


def _form_due(ports: Ports, now: datetime, due: Due) -> str:
    attempt = ports.store.checkout(*due.owner)
    if attempt is None or attempt.due_at != due.due_at:
        return "stale"
    if _form(ports, attempt):
        _unname_failed(ports, attempt)
        return "form_erased"
    _, later = checkout_steps.postpone(attempt, now + ASKED_AGAIN_AFTER)
    ports.store.commit(*later)
    return "unavailable"


def one(ports: Ports, merchant: str, customer_id: str, *, now: datetime) -> Customer:
    """Erases everything of one customer, because they asked (M-8); returns what is left of them.

    Rows and files of imports that name them follow within minutes, by a job.

    Raises `NotFound`, `Refused` (still_live) while something of theirs still runs, and `Unfinished`
    while a gateway keeps a card or something else does not answer: asked again it goes on.
    """
    history = ports.store.history(merchant, customer_id)
    if history.customer is None:
        raise NotFound("customer_unknown")
    if (
        _is_under_way(history)
        or any(found.is_under_way for found in of_owner(ports, merchant, customer_id, at_most=None))
        or _is_declared(ports, merchant, customer_id)
    ):
        raise Refused("still_live")
    try:
        _begin_erasing_rows(ports, history, now)
        erased = customer(ports, merchant, customer_id)
    except Unavailable as outage:
        raise Unfinished("Not all of it is erased. Ask again to erase the rest.") from outage
    if erased is not Seen.FINISHED:
        raise Unfinished("A gateway cannot be reached to let a card go. Ask again.")
    return _erased_customer(history.customer)


def _begin_erasing_rows(ports: Ports, history: History, now: datetime) -> None:
    """Begins to erase rows of imports, as long as it is known by which emails they are found."""
    owner = history.customer
    assert owner is not None, "read with their history"
    if owner.is_erased:
        return
    emails = {owner.email, *(invoice.bill_to.email for invoice in history.invoices)}
    bought = [each.id for each in history.subscriptions]
    erase_rows.begin(ports, owner.merchant, owner.id, emails, bought, now=now)


AT_ONCE = 50
"""The declarations of one read."""


def customer(
    ports: Ports,
    merchant: str,
    customer: str,
    *,
    keep_going: KeepGoing = lambda: True,
    with_uses: bool = False,
) -> Seen:
    """Erases name, address, email, cards, consents, checkout forms, tickets and remarks of one
    customer; returns whether all of it is done. Asked again it goes on with what is left.

    `with_uses` erases what they used of coupons and trials too, and declarations that their
    merchant never decided, as is done with that merchant.
    """
    known = ports.store.customer(merchant, customer)
    if known is None or known.is_erased:
        list_rows.keep_words(ports, merchant, customer)  # a run that died may have left them
        return Seen.FINISHED
    history = ports.store.history(merchant, customer)
    # Removed cards too: their gateway may not have been within reach.
    cards = (*history.methods, *history.removed_methods)
    if _is_under_way(history) or not all(_let_go(ports, card) for card in cards):
        return Seen.LEFT
    for found in list(of_owner(ports, merchant, customer, at_most=None)):
        if not ticket(ports, found):
            return Seen.LEFT
        if not keep_going():
            return Seen.MORE
    if not _undeclare(ports, merchant, customer, undecided=with_uses):
        return Seen.LEFT
    _unname_notices(ports, merchant, customer)
    for order in history.orders:
        if not unname(ports, order):
            return Seen.LEFT
        if order != _without_words(order) and not keep_going():
            return Seen.MORE
    gone: list[Write] = [Remove(method) for method in cards]
    gone += [Remove(kept) for kept in _bill_tos(ports, purchases_of(history))]
    gone += [erased for consent in history.consents for erased in _consent(consent)]
    gone += _erase_words(history)
    gone += erase_uses.of_customer(ports, history) if with_uses else ()
    commit_in_batches(ports, gone)
    pointer = EmailPointer(merchant, email_hash(merchant, known.email), customer)
    ports.store.commit(Change(known, _erased_customer(known)), Remove(pointer))
    list_rows.keep_words(ports, merchant, customer)  # none is written from here on
    return Seen.FINISHED


def _consent(consent: Consent) -> tuple[Write, ...]:
    """Returns the write that erases a consent; of one with evidence of where the buyer was, which
    the law on VAT wants kept as long as its invoices, the address on the net alone (C-7)."""
    if consent.ip_country is None and consent.card_country is None:
        return (Remove(consent),)
    nameless = replace(consent, ip=ERASED)
    return () if consent == nameless else (Change(consent, nameless, expecting=("ip",)),)


def _is_under_way(history: History) -> bool:
    """Tests whether something may still be charged or refunded: it needs its card, and its
    customer."""
    return (
        any(subscription.is_live for subscription in history.subscriptions)
        or any(invoice.state not in FINAL for invoice in history.invoices)
        or any(refund.state is RefundState.REQUESTED for refund in history.refunds)
    )


def _let_go(ports: Ports, card: PaymentMethod) -> bool:
    """Deletes a card at its gateway; returns whether the gateway keeps it no more."""
    try:
        ports.gateway_of(card).forget(card.id)
    except Unavailable:
        return False
    except NotFound:
        return True  # The gateway account is gone, and its data is out of our hands (W-6).
    return True


def _is_declared(ports: Ports, merchant: str, customer: str) -> bool:
    """Tests whether a declaration of a customer is proved and not decided: it may give money
    back."""
    for each in ports.store.declarations_of(merchant, customer, DECLARATIONS_MOST):
        found = ports.store.declaration(merchant, each.declaration)
        if found is not None and found.is_verified and found.is_waiting:
            return True
    return False


def _undeclare(ports: Ports, merchant: str, customer: str, *, undecided: bool) -> bool:
    """Erases a customer's declarations, but not one that is being carried out, nor, unless
    `undecided`, one that is proved and waits for a person; returns whether all are gone."""
    keeps = {DeclarationState.RECEIVED} | (set() if undecided else {DeclarationState.AGENT})
    while named := ports.store.declarations_of(merchant, customer, AT_ONCE):
        for each in named:
            found = ports.store.declaration(merchant, each.declaration)
            if found is not None and found.is_verified and found.state in keeps:
                return False
            gone: tuple[Write, ...] = (Remove(each),)
            ports.store.commit(*gone, *(() if found is None else (Remove(found),)))
    return True


def _unname_notices(ports: Ports, merchant: str, customer: str) -> None:
    """Erases address and text of the proofs of notices; their hash and time stay (X-12)."""
    found = ports.store.notice_records(merchant, customer, None, NOTICES_MOST)
    named = [(each, each.erased()) for each in found]
    commit_in_batches(ports, [Change(each, bare) for each, bare in named if each != bare])


def ticket(ports: Ports, found: Ticket) -> bool:
    """Erases a ticket and its messages, but not while an approval is being carried out; returns
    whether it is gone."""
    if found.is_under_way:
        return False
    thread = ports.store.thread(found.merchant, found.id)
    if thread is None:
        return True
    commit_in_batches(ports, [Remove(message) for message in thread.messages])
    known: tuple[Write, ...] = ()
    if found.customer is not None:
        known = (Remove(TicketOf(found.merchant, found.customer, found.id, found.requested_at)),)
    ports.store.commit(Remove(thread.ticket), *known)
    return True


def unname(ports: Ports, order: Order) -> bool:
    """Erases the buyer's data in an order, and the form of the attempt that it came from; returns
    whether all of it is gone."""
    plain = _without_words(order)
    if plain != order:
        ports.store.commit(Change(order, plain))
    attempt = order.attempt_key and ports.store.checkout(order.merchant, order.attempt_key)
    return not attempt or attempt.bill_to.email == ERASED or _form(ports, attempt)


def _unname_failed(ports: Ports, attempt: Checkout) -> None:
    """Erases the email in the failed order of an attempt; one of a customer goes with theirs."""
    failed = attempt.invoice.failed_order_id
    order = ports.store.order_by_id(attempt.merchant, failed) if failed is not None else None
    if order is not None and order.customer is None and order != _without_words(order):
        ports.store.commit(Change(order, _without_words(order)))


def _without_words(order: Order) -> Order:
    return replace(order, email=None, comment=None)


def _form(ports: Ports, attempt: Checkout) -> bool:
    """Erases the form of an attempt, and the card that no other item names; returns whether its
    gateway has deleted that."""
    if attempt.state is not CheckoutState.PAID and attempt.method is not None:
        customer = settlement.buyer(ports, attempt)
        kept = settlement.kept_card(ports, attempt, customer)
        if kept is None and not _let_go(ports, attempt.method):
            return False
    _, writes = checkout_steps.forget(attempt)
    ports.store.commit(*writes)
    return True


def _erase_words(history: History) -> list[Write]:
    """Returns the writes that erase remarks on cancellations: they are the customer's own words."""
    return [
        Change(found, replace(found, cancelling=replace(found.cancelling, comment=None)))
        for found in history.subscriptions
        if found.cancelling is not None and found.cancelling.comment is not None
    ]


def _erased_customer(found: Customer) -> Customer:
    left = nobody(found.address.country)
    return replace(
        found, email=left.email, name=left.name, address=left.address, default_method=None
    )


def commit_in_batches(ports: Ports, writes: Sequence[Write]) -> None:
    """Writes in batches what need not be one write."""
    for start in range(0, len(writes), WRITES_AT_ONCE):
        ports.store.commit(*writes[start : start + WRITES_AT_ONCE])


def _bill_tos(ports: Ports, purchases: list[tuple[str, str, str]]) -> list[PurchaseBillTo]:
    return [kept for kept in ports.store.bill_tos(purchases) if kept is not None]
