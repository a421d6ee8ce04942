"""What must hold after every single write (RELIABILITY.md, section 3)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from billing import purchase
from billing.adapters.sandbox_ledger import Row
from billing.catalog import PriceType
from billing.checkouts import Checkout
from billing.customers import ERASED
from billing.facts import Fact, FactKind
from billing.flows.notify import PASSING
from billing.merchants import Merchant
from billing.orders import BETWEEN_ATTEMPTS, FINAL, Invoice, InvoiceState, LineKind, Order
from billing.subscription import CHARGEABLE, TERMINAL, State, Subscription
from billing.tickets import Ticket
from sim.clockwork import instant
from sim.invariants import (
    AGREED,
    CALL,
    CHECKOUT_GRAPH,
    FIXED,
    INVOICE_GRAPH,
    ONCE,
    SKEW,
    SNAPSHOT,
    SUBSCRIPTION_GRAPH,
    TICKET_GRAPH,
    C,
    I,
    Violation,
    changed,
    rests,
    tenant,
)
from sim.items import Put

UNTOLD = {FactKind.PAYMENT_VOID, *PASSING}
"""What is not mailed, or not when its merchant is disarmed."""

TOLD_OF_CHANGES = {
    FactKind.CANCEL_UNDONE,
    FactKind.PAUSED,
    FactKind.RESUMED,
    FactKind.PLAN_CHANGED,
    FactKind.PLAN_ASKED,
    FactKind.FREEZE_ASKED,
    FactKind.FREEZE_UNDONE,
    FactKind.ENDED,
}
"""What tells that a subscription is not as it was."""


class Writes:
    """Sees every write as it happens; keeps only what it needs to judge the next."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        self.invoices: dict[str, Invoice] = {}
        self.succeeded: dict[str, list[Row]] = defaultdict(list)
        self.facts: dict[str, Fact] = {}
        self.mailed: Counter[str] = Counter()
        self.stopped_since: dict[str, datetime] = {}
        self.disarmed_since: dict[str, datetime] = {}
        self.cancelled: dict[str, datetime] = {}
        self.tally: Counter[str] = Counter()
        self.freezes: set[str] = set()
        self.skips: set[str] = set()
        self.skipped: dict[str, set[int]] = defaultdict(set)
        self.payments_lapse = False
        self._now_us = now_us
        self._subscriptions: dict[str, Subscription] = {}
        self._open: dict[str, set[str]] = defaultdict(set)
        self._charged_on: dict[str, dict[date, str]] = defaultdict(dict)
        self._keys: dict[str, str] = {}
        self._declined: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._frozen_periods: Counter[str] = Counter()
        self._authenticated: set[str] = set()
        self.retry_attempts: Callable[[str], int] = lambda merchant: 4
        self.catch_up: Callable[[str], timedelta] = lambda merchant: timedelta(days=7)
        self.asks_buyer: Callable[[str], None] = lambda reference: None
        self.overdue: Callable[[Subscription], None] = lambda subscription: None

    def subscription(self, subscription: str | None) -> Subscription | None:
        """A subscription as it stands."""
        return self._subscriptions.get(subscription or "")

    def _now(self) -> datetime:
        return instant(self._now_us())

    def committed(self, puts: list[Put]) -> None:
        """One transaction went through."""
        self._one_tenant(puts)
        if len(puts) == 1 and isinstance(puts[0][1], Fact):
            self._facts_kept(puts)  # claimed or told, which says nothing of anything else
            return
        by_type: dict[type, list[Put]] = defaultdict(list)
        for put in puts:
            by_type[type(put[2] if put[2] is not None else put[1])].append(put)
        for cls, check in _CHECKS.items():
            for _, before, after in by_type.get(cls, ()):
                check(self, before, after)
        for cls in ONCE:
            for _, before, after in by_type.get(cls, ()):
                if before is not None:
                    raise Violation("9", f"{cls.__name__} written over: {after}")
        self._facts_kept(by_type.get(Fact, []))
        self._facts_match(by_type)
        self._whole_write(by_type)

    def _whole_write(self, by_type: dict[type, list[Put]]) -> None:
        """What the parts of one write say of each other."""

    def _one_tenant(self, puts: list[Put]) -> None:
        tenants = {tenant(entity) for _, *both in puts for entity in both if entity is not None}
        if len(tenants) > 1:
            raise Violation("16", f"one write touches the merchants {sorted(tenants)}")

    def _invoice(self, before: Invoice | None, after: Invoice) -> None:
        was = before.state if before else None
        about = (after.id, after.purchase)
        lapsed = self.payments_lapse and (was, after.state) == (I.CONFIRMING, I.READY)
        by_credit = (was, after.state) == (I.PENDING, I.PAID) and not after.total
        allowed = after.state in INVOICE_GRAPH[was] or lapsed or by_credit
        if was is not after.state and not allowed:
            raise Violation("9", f"invoice {after.id} went from {was} to {after.state}", *about)
        if before is not None:
            self._invoice_goes_on(before, after)
        elif after.state is I.PENDING:
            late = after.opened_at - after.scheduled_at
            stands = self.subscription(after.subscription)
            asked = stands is not None and stands.pay_now is not None
            if late > self.catch_up(after.merchant) + SKEW and not asked:
                raise Violation("5", f"{after.id} was opened {late} late, unasked", *about)
        if after.attempt - getattr(after, "uncounted", 0) > self.retry_attempts(after.merchant):
            raise Violation("9", f"{after.id} is at attempt {after.attempt}", *about)
        self.invoices[after.id] = after
        self._agrees_with_gateway(was, after)
        if was is not after.state:
            self.tally[f"invoice_{after.state}"] += 1
            self.tally["changes_of_plan"] += after.changes_plan and after.state is I.PAID
            if after.state is I.PAID and any(line.kind == LineKind.FREEZE for line in after.lines):
                self._frozen_periods[str(after.subscription)] += 1
            if after.state is I.ACTION_REQUIRED and after.gateway_ref:
                self.asks_buyer(after.gateway_ref)
        if after.subscription:
            standing = self._open[after.subscription]
            (standing.discard if after.state in FINAL else standing.add)(after.id)

    def _invoice_goes_on(self, before: Invoice, after: Invoice) -> None:
        about = (after.id, after.purchase)
        if before.state in FINAL and changed(before, after, FIXED):
            raise Violation("9", f"final invoice {after.id} changed", *about)
        if changed(before, after, SNAPSHOT):
            raise Violation("3", f"the amount or identity of {after.id} changed", *about)
        another = before.gateway_ref and before.gateway_ref != after.gateway_ref
        if another and not (self.payments_lapse and before.state in BETWEEN_ATTEMPTS):
            raise Violation("19", f"{after.id} changed to another payment", *about)
        if before.number and before.number != after.number:
            raise Violation("18", f"the number of {after.id} changed", *about)
        began = before.state is not after.state is I.CONFIRMING
        if (raised := after.attempt - before.attempt) != int(began):
            raise Violation("9", f"attempt of {after.id} went up by {raised}", *about)
        if began and after.subscription:
            self._may_begin(after)
        self._counts(before, after)

    def _counts(self, before: Invoice, after: Invoice) -> None:
        """An attempt that somebody asked for stays outside the count of retries, and no other does
        but one that lapsed unconfirmed (R-4)."""
        stands = self.subscription(after.subscription)
        asked = stands.pay_now if stands is not None else None
        uncounted = after.uncounted - before.uncounted
        failed = before.state is I.CONFIRMING and after.state in {I.RETRY, I.UNCOLLECTIBLE}
        goes_on = asked is not None and asked.resumes_at and asked.resumes_at > self._now() + SKEW
        outside = asked is not None or after.state is I.READY
        if uncounted not in {0, outside} or (failed and goes_on and not uncounted):
            text = f"{after.id} is {after.state}, {uncounted} more is not counted, asked {asked}"
            raise Violation("9", text, after.id, after.purchase)

    def _may_begin(self, invoice: Invoice) -> None:
        """At the point of no return everything that allows a charge stands (R-3)."""
        stands = self.subscription(invoice.subscription)
        if stands is None or stands.open_invoice != invoice.id:
            raise Violation("8", f"{invoice.id} is charged, {stands} holds another", invoice.id)
        if stands.state not in CHARGEABLE or stands.held or stands.dispute in {"open", "lost"}:
            text = f"{invoice.id} is charged: {stands.state}, {stands.held}, {stands.dispute}"
            raise Violation("4", text, invoice.id, stands.id)

    def _order(self, before: Order | None, after: Order) -> None:
        """Nothing counts as declined that the gateway did not decline (R-6)."""
        if before is not None:
            if changed(before, after, ("kind", "at", "amount", "invoice", "customer")):
                raise Violation("9", f"the entry {after.id} was written over", after.id)
            return
        if after.kind != "failed" or after.invoice is None:
            return
        invoice = self.invoices[after.invoice]
        if invoice.attempt == 0 or after.code == "authentication_required":
            return  # the bank would not even save the card, or the buyer did not answer it
        self._failed[after.invoice] += 1
        if self._failed[after.invoice] > self._declined[after.invoice]:
            raise Violation("2", f"{after.invoice} failed, and was not declined", after.invoice)

    def _agrees_with_gateway(self, was: InvoiceState | None, invoice: Invoice) -> None:
        """Unknown never means failed, and nothing is paid that the gateway did not book."""
        if was is invoice.state:
            return
        about = (invoice.id, invoice.purchase)
        booked = self.succeeded.get(invoice.id, [])
        if invoice.state is I.PAID and invoice.total:
            if [row["id"] for row in booked] != [invoice.gateway_ref]:
                raise Violation("2", f"{invoice.id} is PAID, the gateway has {booked}", *about)
        elif booked and invoice.state in FINAL:
            raise Violation("2", f"{invoice.id} is {invoice.state}, and it was charged", *about)
        elif booked and invoice.state is I.RETRY and invoice.id not in self._authenticated:
            raise Violation("2", f"{invoice.id} counts as declined, and it was charged", *about)

    def _subscription(self, before: Subscription | None, after: Subscription) -> None:
        was, about = (before.state if before else None), (after.id, after.customer)
        if was is not after.state and after.state not in SUBSCRIPTION_GRAPH[was]:
            raise Violation("9", f"{after.id} went from {was} to {after.state}", *about)
        if before is not None:
            self._subscription_goes_on(before, after)
            self._somebody_is_told(before, after)
        if was is not after.state:
            self.tally[f"subscription_{after.state}"] += 1
        unpaid_for = self._frozen_periods[after.id] + len(self.skipped[after.id])
        if after.payments_made + unpaid_for != after.period:
            raise Violation("6", f"{after.id}: {after.payments_made} paid, {after.period}", *about)
        total = after.terms.standard_payments
        if total is not None and after.payments_made > total:
            raise Violation("5", f"{after.id} paid {after.payments_made} of {total}", *about)
        self._alarm_stands(after)
        self._subscriptions[after.id] = after

    def _subscription_goes_on(self, before: Subscription, after: Subscription) -> None:
        about = (after.id, after.customer)
        if before.state in TERMINAL:
            if replace(before, dispute=after.dispute) == after:
                return  # what has ended may still be disputed
            raise Violation("9", f"{after.id} is {before.state} and was written again", *about)
        if changed(before, after, AGREED):
            raise Violation("7", f"the agreement of {after.id} changed", *about)
        another = before.terms.period is not after.terms.period
        moved = before.anchor != after.anchor
        if moved and not another and not self._resumed_late(before, after):
            raise Violation("7", f"the dates of {after.id} moved to {after.anchor}", *about)
        if after.period - before.period not in {0, 1}:
            raise Violation("6", f"{after.id} skipped to {after.period}", *about)
        if after.period > before.period and self._is_skipped(before, after):
            self.skipped[after.id].add(before.period)
            self.tally["payments_skipped"] += 1
        if after.seq - before.seq not in {0, 1}:
            raise Violation("6", f"seq of {after.id} jumped to {after.seq}", *about)

    def _somebody_is_told(self, before: Subscription, after: Subscription) -> None:
        waits = before.waiting_since is None and after.waiting_since is not None
        if waits or before.state is not State.PAST_DUE is after.state:
            self.overdue(after)
        self.tally["asked_to_pay"] += before.pay_now is None and after.pay_now is not None

    def _is_skipped(self, before: Subscription, after: Subscription) -> bool:
        """Whether a payment that waited is left out, as its merchant said; an installment never is
        (R-2)."""
        waited = before.waiting_since is not None and before.terms.type is PriceType.RECURRING
        return waited and after.payments_made == before.payments_made and after.id in self.skips

    def _resumed_late(self, before: Subscription, after: Subscription) -> bool:
        """A pause that outlasts what was paid for is all that moves the dates: to now (X-11)."""
        paid_until, due = before.period_at, after.period_at
        assert paid_until is not None and due is not None, "what goes on has something to come"
        ended = before.state is State.PAUSED and after.state in {State.TRIALING, State.ACTIVE}
        now = self._now()
        return ended and paid_until <= now + SKEW and abs(due - now) <= CALL + SKEW

    def _alarm_stands(self, after: Subscription) -> None:
        about = (after.id, after.customer)
        if not after.is_live and (after.due_at or after.open_invoice):
            raise Violation("15", f"{after.id} has ended and has an alarm", *about)
        if after.is_live and after.due_at is None and not rests(after):
            raise Violation("15", f"{after.id} is {after.state} and has no alarm", *about)
        if after.state is State.PAUSED and after.due_at is not None:
            raise Violation("15", f"{after.id} is paused and has an alarm", *about)
        if after.state is State.PAUSED and after.open_invoice is not None:
            raise Violation("15", f"{after.id} is paused and may be charged", *about)
        closes = after.freezes_at  # with its period, however late its worker is
        frozen = after.is_frozen or (closes is not None and closes <= self._now())
        if frozen and after.gives_access(self._now()):
            raise Violation("12", f"{after.id} is frozen and gives access", *about)
        closed = after.state is State.PAUSED or after.is_unpaid or frozen
        access = closed or after.gives_access(self._now())
        if after.is_live and after.ends_at is None and not access:
            raise Violation("12", f"{after.id} is {after.state} and gives no access", *about)

    def _checkout(self, before: Checkout | None, after: Checkout) -> None:
        was, about = (before.state if before else None), (after.key, after.purchase)
        if was is not after.state and after.state not in CHECKOUT_GRAPH[was]:
            raise Violation("9", f"checkout {after.key} from {was} to {after.state}", *about)
        if before is not None and was is not C.OPEN:
            put_off = replace(before, due_at=after.due_at)
            if after not in (put_off, purchase.forgotten(before)[0]):
                raise Violation("9", f"checkout {after.key} is {was} and was written again", *about)
        if before is not None and changed(before.invoice, after.invoice, SNAPSHOT):
            raise Violation("3", f"the amount of checkout {after.key} changed", *about)
        named = after.state is not C.PAID and after.bill_to.email != ERASED
        if named != (after.due_at is not None):
            raise Violation("15", f"checkout {after.key} is {after.state}: {after.due_at}", *about)
        self.invoices[after.invoice.id] = after.invoice
        booked = self.succeeded.get(after.invoice.id)
        if booked and after.state in {C.DECLINED, C.ABANDONED}:
            raise Violation("2", f"checkout {after.key} {after.state}, and charged", *about)
        if was is not after.state:
            self.tally[f"checkout_{after.state}"] += 1

    def _ticket(self, before: Ticket | None, after: Ticket) -> None:
        was = before.state if before else None
        if was is not after.state and after.state not in TICKET_GRAPH[was]:
            raise Violation("9", f"ticket {after.id} went from {was} to {after.state}", after.about)
        if before is not None and before.carried_out_at and after != before:
            raise Violation("9", f"ticket {after.id} was done and written again", after.about)
        if was is not after.state:
            self.tally[f"ticket_{after.state}"] += 1

    def _merchant(self, before: Merchant | None, after: Merchant) -> None:
        if not after.armed:
            self.disarmed_since.setdefault(after.id, self._now())
        elif before is not None and not before.armed:
            del self.disarmed_since[after.id]
        if after.stopped or not after.armed:
            self.stopped_since.setdefault(after.id, self._now())
        else:
            self.stopped_since.pop(after.id, None)

    def _facts_kept(self, puts: list[Put]) -> None:
        """A fact is written once, and goes only when it is told; put off, it is written anew."""
        gone = {before.id for _, before, after in puts if after is None}
        put_off = gone & {after.id for _, before, after in puts if before is None}
        for _, before, after in puts:
            fact = before if after is None else after
            if fact.id in put_off:
                continue
            if after is None and fact.kind not in UNTOLD and not self.mailed[fact.id]:
                raise Violation("13", f"{fact.id} was never mailed", fact.id)
            if before is None:
                if fact.id in self.facts:
                    raise Violation("13", f"the fact {fact.id} was written twice", fact.id)
                self.facts[fact.id] = fact

    def _facts_match(self, by_type: dict[type, list[Put]]) -> None:
        """What changed in this write is told by it: one fact each, no more."""
        written = by_type.get(Fact, ())
        put_off = {before.id for _, before, after in written if after is None}
        new = [
            after
            for _, before, after in written
            if before is None and after is not None and after.id not in put_off
        ]
        facts = {(fact.kind, about) for fact in new for about in (fact.invoice, fact.subscription)}
        for _, before, after in by_type.get(Invoice, ()):
            if after.state is I.PAID and (before is None or before.state is not I.PAID):
                kind = FactKind.PLAN_CHANGED if after.changes_plan else FactKind.RENEWED
                sale = after.order_kind == "sale"
                self._told(facts, FactKind.PURCHASED if sale else kind, after.id)
        for _, before, after in by_type.get(Subscription, ()):
            if before is not None and before.is_live and not after.is_live:
                self._told(facts, FactKind.ENDED, after.id)
        altered = {a.id for _, before, a in by_type.get(Subscription, ()) if before != a}
        for fact in new:
            if fact.kind in TOLD_OF_CHANGES and fact.subscription not in altered:
                raise Violation("13", f"{fact.id} is told, and nothing changed", fact.subscription)
        # An attempt that gives way to the next is told of by what that one comes to.
        begun = {
            after.id for _, _, after in by_type.get(Invoice, ()) if after.state is I.CONFIRMING
        }
        for _, before, order in by_type.get(Order, ()):
            ends_unsaid = order.kind == "failed" and order.invoice not in begun
            if before is None and ends_unsaid and order.subscription:
                self._told(facts, FactKind.PAYMENT_FAILED, order.invoice)

    @staticmethod
    def _told(facts: set[tuple[FactKind, str | None]], kind: FactKind, about: str | None) -> None:
        if (kind, about) not in facts:
            raise Violation("13", f"{kind} of {about} is not told", about)


_CHECKS: dict[type, Callable[[Writes, Any, Any], None]] = {
    Merchant: Writes._merchant,
    Invoice: Writes._invoice,
    Checkout: Writes._checkout,
    Subscription: Writes._subscription,
    Order: Writes._order,
    Ticket: Writes._ticket,
}
