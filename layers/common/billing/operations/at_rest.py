"""Invariants over stored items alone: what holds of a sound table whenever nothing is written.

Pure. A restored table is held to them, and the simulator's, which adds what only the gateway and
the clock say (`sim/final_checks.py`); of a live table a sample of customers is, every night. Their
numbers are those of RELIABILITY.md, section 3.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from billing.kernel.agreement import State
from billing.kernel.catalog import PriceType
from billing.kernel.customers import Customer
from billing.kernel.invoices import FINAL, Invoice, InvoiceState, LineKind
from billing.kernel.list_rows import PlanRow, RowOf, WordRow
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import OutboxEvent
from billing.kernel.search_words import words
from billing.kernel.storage import History
from billing.kernel.subscription import Subscription
from billing.operations import agreements_at_rest, books_at_rest
from billing.operations.books_at_rest import Broken, Found
from billing.rebill import orphan_payment
from billing.refunds import chargebacks
from billing.refunds.chargebacks import Chargeback
from billing.refunds.refunds import Refund

Rule = Callable[[Found], Iterator[Broken]]


def check(entities: Iterable[Any], rules: Iterable[Rule] | None = None) -> list[Broken]:
    """Returns the first violation of each rule; empty when the table is sound."""
    found = by_class(entities)
    each = RULES if rules is None else rules
    return [first for rule in each if (first := next(rule(found), None)) is not None]


def check_customer(history: History) -> list[Broken]:
    """Returns the first violation of each rule in all data of one customer."""
    return check(items_of(history), OF_CUSTOMER)


def items_of(history: History) -> list[Any]:
    """Returns the items that rules are about."""
    return [
        *history.subscriptions,
        *history.orders,
        *history.invoices,
        *history.refunds,
        *history.ledger,
        *history.chargebacks,
        *history.documents,
    ]


def by_class(entities: Iterable[Any]) -> Found:
    """Sorts items by their class."""
    found: dict[type, list[Any]] = defaultdict(list)
    for entity in entities:
        found[type(entity)].append(entity)
    return found


def rests(subscription: Subscription) -> bool:
    """Returns whether a subscription rightly has no due date.

    It is paused, waits, is disputed, or is past due for good.
    """
    if (
        subscription.state is State.PAUSED
        or subscription.waiting_since is not None
        or subscription.dispute == "open"
    ):
        return True
    return subscription.state is State.PAST_DUE and subscription.open_invoice is None


def one_open_invoice(found: Found) -> Iterator[Broken]:
    """Checks that a subscription names its open invoice, and each invoice its subscription (8)."""
    opened: dict[str, set[str]] = defaultdict(set)
    for invoice in found[Invoice]:
        if invoice.subscription and invoice.state not in FINAL:
            opened[invoice.subscription].add(invoice.id)
    for subscription in found[Subscription]:
        held = {subscription.open_invoice} - {None}
        if held != opened[subscription.id]:
            text = f"{subscription.id} holds {held}, open are {opened[subscription.id]}"
            yield Broken("8", text, (subscription.id,))
    there = {subscription.id for subscription in found[Subscription]}
    # A payment of an attempt that was given up is booked and goes back: nothing was bought.
    orphans = {r.invoice for r in found[Refund] if r.reason == orphan_payment.REASON}
    for invoice in found[Invoice]:
        if invoice.subscription and invoice.subscription not in there and invoice.id not in orphans:
            yield Broken("8", f"{invoice.id} is of no subscription", (invoice.subscription,))


def something_wakes_it(found: Found) -> Iterator[Broken]:
    """Checks that a subscription that may still charge has a due date (21)."""
    for subscription in found[Subscription]:
        if subscription.is_live and subscription.due_at is None and not rests(subscription):
            yield Broken("21", f"nothing wakes {subscription.id}", (subscription.id,))


def periods_are_paid(found: Found) -> Iterator[Broken]:
    """Checks that each period is paid once or was skipped, as the subscription counts (6).

    What was skipped leaves no invoice, and is known by the count alone: payments made and freezes
    are those that were paid. An installment is never skipped.
    """
    paid: dict[str, list[int]] = defaultdict(list)
    standard = Counter[str]()
    for invoice in found[Invoice]:
        of = invoice.subscription if invoice.state is InvoiceState.PAID else None
        if of is not None and invoice.period is not None:
            paid[of].append(invoice.period)
            standard[of] += all(line.kind != LineKind.FREEZE for line in invoice.lines)
    for subscription in found[Subscription]:
        periods, whole = sorted(paid[subscription.id]), range(subscription.period)
        may_skip = subscription.terms.type is PriceType.RECURRING
        sound = (
            len(set(periods)) == len(periods)
            and set(periods) <= set(whole)
            and (may_skip or len(periods) == len(whole))
            and standard[subscription.id] == subscription.payments_made
        )
        if not sound:
            text = f"{subscription.id} paid {periods}, and says {subscription.payments_made}"
            yield Broken("6", text, (subscription.id,))


def ends_with_its_payments(found: Found) -> Iterator[Broken]:
    """Checks that a subscription is completed by its last payment, and only then (17)."""
    for subscription in found[Subscription]:
        total, made = subscription.terms.standard_payments, subscription.payments_made
        complete = total is not None and made == total
        if complete != (subscription.state is State.COMPLETED):
            text = f"{subscription.id} paid {made} and is {subscription.state}"
            yield Broken("17", text, (subscription.id,))


def disputes_are_told(found: Found) -> Iterator[Broken]:
    """Checks that a subscription's dispute matches its chargebacks, and a lost one ends it (14)."""
    of_purchase: dict[str, list[Chargeback]] = defaultdict(list)
    for chargeback in found[Chargeback]:
        of_purchase[chargeback.purchase].append(chargeback)
    for subscription in found[Subscription]:
        standing = chargebacks.standing_of(of_purchase[subscription.id])
        if subscription.dispute != standing:
            text = f"{subscription.id} is {subscription.dispute}, its chargebacks {standing}"
            yield Broken("14", text, (subscription.id,))
        lost = any(c.standing == "lost" for c in of_purchase[subscription.id])
        if subscription.is_live and lost:
            yield Broken("14", f"{subscription.id} lives on after one lost", (subscription.id,))


def customers_once(found: Found) -> Iterator[Broken]:
    """Checks that an email belongs to one customer of a merchant; erased ones have none (17)."""
    people = Counter((c.merchant, c.email) for c in found[Customer] if not c.is_erased)
    for (merchant, email), times in people.items():
        if times > 1:
            yield Broken("17", f"{email} is {times} customers of {merchant}")


def lists_agree(found: Found) -> Iterator[Broken]:
    """Checks that each plan and each word has its row, and that no word of old is left (28).

    A plan that a renewal left may keep its row: a renewal writes none. Nothing is asked of a
    customer whose events are not told yet, nor of a merchant whose lists are not complete.
    """
    waiting = {event.customer for event in found[OutboxEvent]}
    complete = {m.id for m in found[Merchant] if m.lists_complete_at is not None}
    plans: dict[str, set[tuple[RowOf, str]]] = defaultdict(set)
    for row in found[PlanRow]:
        plans[row.subscription].add((row.of, row.plan))
    for subscription in found[Subscription]:
        if subscription.merchant not in complete or subscription.customer in waiting:
            continue
        wanted = {
            (RowOf.PRODUCT, subscription.product),
            (RowOf.PRICE_POINT, subscription.price_point),
        }
        if not wanted <= plans[subscription.id]:
            text = f"{subscription.id} has the rows {plans[subscription.id]}, is on {wanted}"
            yield Broken("28", text, (subscription.id,))
    kept: dict[str, set[str]] = defaultdict(set)
    for row in found[WordRow]:
        kept[row.customer].add(row.word)
    for customer in found[Customer]:
        if customer.merchant not in complete or customer.id in waiting or customer.is_erased:
            continue
        # Words that another one begins with need no row: who looks for them finds that one.
        has, known = kept[customer.id], words(customer.name, customer.email)
        missing = {w for w in known if len(w) > 1 and not any(k.startswith(w) for k in has)}
        if missing or not has <= known:
            text = f"{customer.id} has the words {sorted(has)}, is {sorted(known)}"
            yield Broken("28", text, (customer.id,))


OF_CUSTOMER: tuple[Rule, ...] = (
    *books_at_rest.OF_CUSTOMER,
    *agreements_at_rest.RULES,
    disputes_are_told,
    one_open_invoice,
    something_wakes_it,
    periods_are_paid,
    ends_with_its_payments,
)
"""The rules that hold of all items of one customer by themselves."""

RULES: tuple[Rule, ...] = (
    *OF_CUSTOMER,
    books_at_rest.numbers_without_gaps,
    customers_once,
    lists_agree,
)
