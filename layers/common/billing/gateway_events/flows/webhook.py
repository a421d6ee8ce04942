"""Webhooks of gateways: an event is never trusted, only a reason to look (W-1, W-7).

The object is read afresh and settled by the same steps that checkout, worker and refund take, each
of which is refused when another came first. So any number of deliveries in any order comes to the
same end; the id of an event is kept with what it brought about, in the same transaction.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from billing.cards.flows import card_updates
from billing.checkout.checkouts import Checkout, CheckoutState
from billing.checkout.flows import advance
from billing.kernel.errors import Conflict, Forged, NotFound, Unavailable
from billing.kernel.flows import gateway_payments
from billing.kernel.gateways import (
    About,
    AccountRef,
    ActionRequired,
    Declined,
    Expired,
    GatewayEvent,
    PaymentStatus,
    Succeeded,
    Unconfirmed,
)
from billing.kernel.invoices import FINAL, UNDER_WAY, Invoice, InvoiceState
from billing.kernel.merchants import Merchant
from billing.kernel.payment_refs import PaymentPointer
from billing.kernel.ports import Ports
from billing.kernel.storage import History
from billing.kernel.writes import Transaction, left
from billing.rebill import orphan_payment
from billing.rebill.flows import charge
from billing.rebill.flows.charge_jobs import ChargeJob
from billing.refunds.flows import sync_disputes, sync_refunds

ATTEMPTS = 8
"""The number of times that an event meeting other writers is looked at, before it is sent again."""

LOOKED = "gateway_events"
LAST = "last account"
"""The key of the account that was looked at last, beside the accounts' own keys, which hold a
`#`."""

EVENTS_AT_ONCE = 100
"""The number of events of one account that are taken before the others have their turn."""

LOOKS_BACK = timedelta(days=30)
"""The time for which gateways list events, as far as one is known to."""

OVERLAP = timedelta(hours=1)
"""The time by which a gateway may list events late, and its clock be off."""

NOTHING_NEW = "nothing_new"


def receive(
    ports: Ports,
    merchant: Merchant | None,
    gateway: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    now: datetime,
) -> Counter[str]:
    """Handles a request to the address of a merchant's gateway, `headers` with names in lower case.

    Several accounts may have sent it while an old one still has something open (W-6): the signature
    decides. Raises `Forged` for a request that none of them signed, and `Conflict` or `Unavailable`
    when it is to be sent again.
    """
    if merchant is None:
        raise Forged("No account of this gateway signed this.")
    for account in merchant.accounts_at(gateway):
        try:
            event = ports.gateway(account).parse_event(body, headers, now=now)
        except (Forged, NotFound):
            continue  # of another account, or of one whose keys are gone
        return take(ports, merchant, account, event, now=now)
    raise Forged("signature_wrong")


def take(
    ports: Ports, merchant: Merchant, account: AccountRef, event: GatewayEvent, *, now: datetime
) -> Counter[str]:
    """Handles one event of an account, its signature checked; the tally names its result."""
    for _ in range(ATTEMPTS):
        try:
            return Counter({_taken(ports, merchant, account, event, now): 1})
        except Conflict:
            continue
    raise Conflict()


def catch_up(
    ports: Ports, *, now: datetime, keep_going: Callable[[], bool] = lambda: True
) -> Counter[str]:
    """Handles lost events: those at each account since the last look.

    Begins behind the account that was looked at last, and goes round. Events that were not all
    handled, for want of time or of an answer, are where the next look begins. An event that our
    code breaks on holds up no other: its error is raised at the end.
    """
    tally: Counter[str] = Counter()
    first: Exception | None = None
    line = deque(
        (account, _catch_up_with(ports, merchant, account, now, keep_going, tally))
        for merchant, account in _behind_the_last(ports, now)
    )
    while line and keep_going():
        account, looking = line.popleft()
        # Written beforehand: a process that this account kills goes on behind it.
        ports.ephemeral.replace(LOOKED, LAST, _key(account), expires_at=now + LOOKS_BACK)
        try:
            next(looking)
            line.append((account, looking))
        except StopIteration:
            continue
        except (Conflict, NotFound, Unavailable) as error:
            tally[error.code] += 1
        except Exception as error:
            first = first or error
    if first is not None:
        raise first
    return tally


def _behind_the_last(ports: Ports, now: datetime) -> list[tuple[Merchant, AccountRef]]:
    """Lists all merchants' accounts in turn, from the one behind the last that was looked at."""

    def place(of: tuple[Merchant, AccountRef]) -> str:
        return _key(of[1])

    accounts = sorted(
        (
            (merchant, AccountRef(merchant.id, held.gateway, held.id))
            for merchant in ports.store.merchants()
            for held in merchant.gateway_accounts
        ),
        key=place,
    )
    last = ports.ephemeral.get(LOOKED, LAST, now=now) or ""
    start = bisect_right(accounts, last, key=place)
    return [*accounts[start:], *accounts[:start]]


def _key(account: AccountRef) -> str:
    return f"{account.merchant}#{account.gateway}#{account.account}"


def _catch_up_with(
    ports: Ports,
    merchant: Merchant,
    account: AccountRef,
    now: datetime,
    keep_going: Callable[[], bool],
    tally: Counter[str],
) -> Iterator[None]:
    """Handles one account, oldest event first, in turns with the others.

    Raises the first error when its events are handled.
    """
    key = _key(account)
    seen = ports.ephemeral.get(LOOKED, key, now=now)
    since = now - LOOKS_BACK if seen is None else datetime.fromisoformat(seen) - OVERLAP
    looked_until: datetime = now
    first: Exception | None = None

    def keep(until: datetime) -> None:
        ports.ephemeral.replace(LOOKED, key, until.isoformat(), expires_at=now + LOOKS_BACK)

    for number, event in enumerate(ports.gateway(account).events_since(since)):
        if number and number % EVENTS_AT_ONCE == 0:
            keep(min(looked_until, event.at + OVERLAP))
            yield
        if not keep_going():
            looked_until = min(looked_until, event.at + OVERLAP)
            break
        try:
            tally.update(take(ports, merchant, account, event, now=now))
        except Exception as error:
            looked_until = min(looked_until, event.at + OVERLAP)
            first = first or error
            if isinstance(error, Unavailable):
                break  # nor would it answer for the next
    keep(looked_until)
    if first is not None:
        raise first


def look(ports: Ports, invoice: Invoice, *, now: datetime) -> Invoice:
    """Settles a subscription's payment as the gateway has it, for a buyer who came back from there.

    Returns the invoice after that. Raises `Conflict` when another came first, and `Unavailable`
    when it cannot be known.
    """
    merchant = ports.store.merchant(invoice.merchant)
    assert merchant is not None, "a merchant is never removed"
    found = _rebill(ports, merchant, invoice, now)
    if found is None:
        return invoice
    ports.store.commit(*found[1])
    return left(invoice, found[1])


def _taken(
    ports: Ports, merchant: Merchant, account: AccountRef, event: GatewayEvent, now: datetime
) -> str:
    if event.reference is None or event.about is About.OTHER:
        return f"ignored_{event.about}"
    if event.about is About.METHOD:
        return card_updates.take_over(ports, account, event.reference, now=now)
    pointer = ports.store.owner_of_payment(account, event.reference)
    if pointer is None:
        return "not_ours"
    if event.id in pointer.events:
        return "repeated"
    told = (pointer.told_by(event.id),)
    if event.about is About.PAYMENT:
        return _settled(ports, merchant, pointer, now, told)
    # One reported before its payment: that is settled first, without this event.
    history = _history_once_settled(ports, merchant, pointer, now)
    invoice = history.invoice(pointer.invoice)
    if invoice is None or invoice.state is not InvoiceState.PAID:
        return NOTHING_NEW
    if event.about is About.DISPUTE:
        found = ports.gateway_of(invoice).disputes(event.reference)
        return sync_disputes.update(ports, merchant, invoice, found, now=now, told=told)
    return sync_refunds.update(ports, history, invoice, now=now, told=told)


def _settled(
    ports: Ports, merchant: Merchant, pointer: PaymentPointer, now: datetime, told: Transaction
) -> str:
    """Settles the payment as the gateway reports it; `told` goes with the writes.

    The step is the checkout's for a first payment, the rebill's for every other.
    """
    if pointer.attempt_key is not None:
        found = _first_payment(ports, _attempt(ports, pointer), now)
    else:
        invoice = ports.store.invoice(pointer.merchant, pointer.customer, pointer.invoice)
        assert invoice is not None, "an invoice is written before its pointer"
        found = _rebill(ports, merchant, invoice, now)
    if found is None:
        return NOTHING_NEW
    name, writes = found
    ports.store.commit(*writes, *told)
    return name


def _history_once_settled(
    ports: Ports, merchant: Merchant, pointer: PaymentPointer, now: datetime
) -> History:
    """Settles the payment if it is not yet, and returns its customer's history after that."""
    if pointer.attempt_key is not None:
        attempt = _attempt(ports, pointer)
        if (found := _first_payment(ports, attempt, now)) is not None:
            ports.store.commit(*found[1])
            attempt = _attempt(ports, pointer)
        return ports.store.history(pointer.merchant, attempt.customer)
    history = ports.store.history(pointer.merchant, pointer.customer)
    invoice = history.invoice(pointer.invoice)
    assert invoice is not None, "an invoice is written before its pointer"
    if (found := _rebill(ports, merchant, invoice, now)) is None:
        return history
    ports.store.commit(*found[1])
    return ports.store.history(pointer.merchant, pointer.customer)


def _attempt(ports: Ports, pointer: PaymentPointer) -> Checkout:
    assert pointer.attempt_key is not None, "the pointer of a first payment names its attempt"
    attempt = ports.store.checkout(pointer.merchant, pointer.attempt_key)
    assert attempt is not None, "an attempt is never removed once it was charged"
    return attempt


def _first_payment(
    ports: Ports, attempt: Checkout, now: datetime
) -> tuple[str, Transaction] | None:
    if attempt.invoice.state is InvoiceState.PAID:
        return None
    outcome = gateway_payments.lookup(ports, attempt.invoice)
    if attempt.state is CheckoutState.OPEN and not isinstance(outcome, Unconfirmed):
        step = advance.settlement(ports, attempt, outcome, now=now)
        return step and (f"checkout_{step[0].state}", step[1])
    if not isinstance(outcome, Succeeded):
        return None
    customer = _buyer(ports, attempt)
    _, writes = orphan_payment.of_checkout(
        attempt,
        outcome,
        now,
        customer=customer,
        kept=advance.kept_card(ports, attempt, customer),
        refund_order=ports.new_id("order"),
        shard=ports.shard_of(attempt.invoice.id),
    )
    return "paid_too_late", writes


def _buyer(ports: Ports, attempt: Checkout) -> str | None:
    """Returns the customer of an attempt; an erased form names no email (M-8)."""
    if attempt.method is not None:
        return advance.buyer(ports, attempt)
    known = ports.store.customer(attempt.merchant, attempt.customer)
    return None if known is None else known.id


def _rebill(
    ports: Ports, merchant: Merchant, invoice: Invoice, now: datetime
) -> tuple[str, Transaction] | None:
    if invoice.state is InvoiceState.PAID:
        return None
    outcome = gateway_payments.lookup(ports, invoice)
    if invoice.state in FINAL:
        return _too_late(ports, invoice, outcome, now)
    work = _work(ports, merchant, invoice)
    waits = isinstance(outcome, ActionRequired | Expired) and work.waits_for_buyer
    # Between two attempts only a payment is news: a decline belongs to an earlier one.
    news = invoice.state in UNDER_WAY or isinstance(outcome, Succeeded)
    # What is to be cancelled the worker withdraws at once: that ends it, and a decline would not.
    to_end = work.subscription.cancelling is not None and isinstance(
        outcome, ActionRequired | Declined
    )
    if isinstance(outcome, Unconfirmed) or waits or to_end or not news:
        return None
    return charge.settlement(ports, work, outcome, now)


def _work(ports: Ports, merchant: Merchant, invoice: Invoice) -> ChargeJob:
    assert invoice.subscription is not None, "only a checkout pays for anything else"
    subscription = ports.store.subscription(
        invoice.merchant, invoice.customer, invoice.subscription
    )
    assert subscription is not None, "a subscription is never removed"
    if subscription.open_invoice != invoice.id:
        raise Conflict()
    return ChargeJob(merchant, subscription, invoice)


def _too_late(
    ports: Ports, invoice: Invoice, outcome: PaymentStatus, now: datetime
) -> tuple[str, Transaction] | None:
    """Books and refunds money for an invoice that can no longer be paid."""
    if not isinstance(outcome, Succeeded):
        return None
    order, shard = ports.new_id("order"), ports.shard_of(invoice.id)
    _, write = orphan_payment.of_invoice(invoice, outcome, now, refund_order=order, shard=shard)
    return "paid_too_late", write
