"""Checks after every single write (RELIABILITY.md, section 3)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from billing.checkout import checkout_steps
from billing.checkout.checkouts import Checkout
from billing.checkout.trials import TrialUse
from billing.coupons.coupons import CouponUse
from billing.event_log.logged_events import EventHour, LoggedEvent
from billing.helpdesk.tickets import Ticket
from billing.jobs.jobs import Job, JobLine
from billing.kernel.customers import ERASED, Customer, EmailPointer, PaymentMethod
from billing.kernel.invoices import Invoice
from billing.kernel.issued_documents import IssuedDocument
from billing.kernel.list_rows import PlanRow, WordRow
from billing.kernel.merchants import Merchant
from billing.kernel.operation import ProcessingFailure
from billing.kernel.orders import Order
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.payment_refs import PaymentPointer
from billing.kernel.subscription import Subscription
from billing.kernel.values import replace
from billing.notices.records import MissedNotice, NoticeRecord
from billing.notices.reminders import Reminder
from billing.outbox.suppressions import MailStop
from billing.refunds.refunds import Refund, RefundState
from sim.card_writes import CardWrites
from sim.document_writes import DocumentWrites
from sim.hurry import Broken
from sim.invariants import (
    CHECKOUT_GRAPH,
    ONCE,
    SKEW,
    SNAPSHOT,
    TICKET_GRAPH,
    C,
    I,
    Violation,
    changed,
    tenant,
)
from sim.invoice_writes import InvoiceWrites
from sim.items import Put
from sim.mail import Mail
from sim.subscription_writes import SubscriptionWrites

UNNAMED = re.compile(r"r\d+")
"""The form of a refund's name on its invoice when nobody named it."""

TOLD_OF_CHANGES = {
    EventKind.CANCEL_UNDONE,
    EventKind.PAUSED,
    EventKind.RESUMED,
    EventKind.PLAN_CHANGED,
    EventKind.PLAN_ASKED,
    EventKind.FREEZE_ASKED,
    EventKind.FREEZE_UNDONE,
    EventKind.ENDED,
}
"""The fields whose change an outbox event must report."""


UNJUDGED = {
    CouponUse,
    EventHour,
    Job,
    JobLine,
    LoggedEvent,
    MissedNotice,
    NoticeRecord,
    PaymentPointer,
    PlanRow,
    Reminder,
    TrialUse,
    WordRow,
}
"""The entities that no check of a single write looks at, beyond whose they are."""


class Writes(InvoiceWrites, SubscriptionWrites, CardWrites, DocumentWrites, Mail):
    """An observer of every write as it happens; keeps only what it needs to judge the next."""

    def committed(self, puts: list[Put]) -> None:
        """Checks one committed transaction."""
        self._one_tenant(puts)
        if len(puts) == 1 and isinstance(puts[0][1], OutboxEvent):
            self._events_kept(puts)  # claimed or delivered, which says nothing of anything else
            return
        by_type: dict[type, list[Put]] = defaultdict(list)
        for put in puts:
            by_type[type(put[2] if put[2] is not None else put[1])].append(put)
        if by_type.keys() <= UNJUDGED:
            return
        for cls, check in _CHECKS.items():
            for _, before, after in by_type.get(cls, ()):
                check(self, before, after)
        for cls in ONCE:
            for _, before, after in by_type.get(cls, ()):
                given_back = cls is EmailPointer and after is None
                if before is not None and not given_back:
                    raise Violation("9", f"{cls.__name__} written over: {after}")
        self._events_kept(by_type.get(OutboxEvent, []))
        self._events_match(by_type)
        changed_now = (each.id for _, _, each in by_type.get(Subscription, ()))
        invoiced = (each.subscription for _, _, each in by_type.get(Invoice, ()))
        self._reread({*changed_now, *invoiced})
        self._whole_write(by_type)

    def _whole_write(self, by_type: dict[type, list[Put]]) -> None:
        """Checks the entities of one write against each other."""

    def _one_tenant(self, puts: list[Put]) -> None:
        tenants = {tenant(after) for _, _, after in puts if after is not None}
        tenants |= {tenant(before) for _, before, _ in puts if before is not None}
        if len(tenants) > 1:
            raise Violation("16", f"one write touches the merchants {sorted(tenants)}")

    def _checkout(self, before: Checkout | None, after: Checkout) -> None:
        was, about = (before.state if before else None), (after.key, after.purchase)
        if was is not after.state and after.state not in CHECKOUT_GRAPH[was]:
            raise Violation("9", f"checkout {after.key} from {was} to {after.state}", *about)
        ended = self.offers_ended.get(after.price_point)
        if before is None and ended is not None and after.created_at > ended + SKEW:
            raise Violation("7", f"{after.key} was begun after its offer ended, {ended}", *about)
        if before is not None and was is not C.OPEN:
            put_off = replace(before, due_at=after.due_at)
            if after not in (put_off, checkout_steps.forget(before)[0]):
                raise Violation("9", f"checkout {after.key} is {was} and was written again", *about)
        if before is not None and changed(before.invoice, after.invoice, SNAPSHOT):
            raise Violation("3", f"the amount of checkout {after.key} changed", *about)
        named = after.state is not C.PAID and after.bill_to.email != ERASED
        if named != (after.due_at is not None):
            raise Violation("15", f"checkout {after.key} is {after.state}: {after.due_at}", *about)
        self.checkouts[after.key] = after
        self.invoices[after.invoice.id] = after.invoice
        booked = self.succeeded.get(after.invoice.id)
        if booked and after.state in {C.DECLINED, C.ABANDONED}:
            raise Violation("2", f"checkout {after.key} {after.state}, and charged", *about)
        if was is not after.state:
            self.tally[f"checkout_{after.state}"] += 1

    def _failure(self, before: ProcessingFailure | None, after: ProcessingFailure) -> None:
        """Checks that nothing breaks in a message by an error of our own: the worker goes on."""
        if after.error != Broken.__name__:
            raise Violation("0", f"{after.owner} broke by {after.error}", *after.owner)

    def _ticket(self, before: Ticket | None, after: Ticket) -> None:
        was = before.state if before else None
        if was is not after.state and after.state not in TICKET_GRAPH[was]:
            raise Violation("9", f"ticket {after.id} went from {was} to {after.state}", after.about)
        if before is not None and before.carried_out_at and after != before:
            raise Violation("9", f"ticket {after.id} was done and written again", after.about)
        if was is not after.state:
            self.tally[f"ticket_{after.state}"] += 1

    def _refund(self, before: Refund | None, after: Refund) -> None:
        """Checks refunds without a name: a second request cannot be told from the first one sent
        again.
        """
        others = self.open_refunds[after.invoice]
        unnamed = UNNAMED.fullmatch(after.id.removeprefix(f"{after.invoice}:"))
        if before is None and unnamed and others:
            raise Violation("11", f"{after.id} beside {sorted(others)}", after.invoice)
        under_way = after.state is RefundState.REQUESTED
        (others.add if under_way else others.discard)(after.id)
        counts = under_way or after.state is RefundState.SUCCEEDED
        self._reserving[after.invoice][after.id] = after.amount.amount_minor if counts else 0

    def _reservations_match(self, by_type: dict[type, list[Put]]) -> None:
        """Checks that an invoice reserves what its refunds took or are about to take (11)."""
        for _, _, invoice in by_type.get(Invoice, ()):
            self._reserved[invoice.id] = invoice.refund_reserved_minor
        for invoice_id in {after.invoice for _, _, after in by_type.get(Refund, ())}:
            refunds, reserved = self._reserving[invoice_id], self._reserved[invoice_id]
            if sum(refunds.values()) != reserved:
                text = f"{invoice_id} reserves {reserved} for {dict(refunds)}"
                raise Violation("11", text, invoice_id)

    def _merchant(self, before: Merchant | None, after: Merchant) -> None:
        if not after.armed:
            self.disarmed_since.setdefault(after.id, self._now())
            self.ever_disarmed.add(after.id)
        elif before is not None and not before.armed:
            del self.disarmed_since[after.id]
        if after.stopped or not after.armed:
            self.stopped_since.setdefault(after.id, self._now())
        else:
            self.stopped_since.pop(after.id, None)

    def _events_kept(self, puts: list[Put]) -> None:
        """Checks that an outbox event is written once, and goes only when it is delivered or says
        why not.

        An event that is put off is written anew.
        """
        gone = {before.id for _, before, after in puts if after is None}
        put_off = gone & {after.id for _, before, after in puts if before is None}
        for _, before, after in puts:
            event = before if after is None else after
            self._stands(event, after)
            if event.id in put_off:
                continue
            if after is None:
                self._gone(event)
            elif before is None:
                if event.id in self.events and not self._is_told_again(event):
                    raise Violation("13", f"{event.id} was written twice", event.id)
                self.events[event.id] = event
                self._written(event)
            elif after.left_out is not None and before.left_out is None:
                self._is_left_out(event)
            else:
                # The first such write is the claim; a later one notes which consumers are done.
                self._claimed.setdefault((event.id, self.invocation()), self._now())
                self._claims.setdefault((event.id, self.invocation()), after.claimed_until)

    def _events_match(self, by_type: dict[type, list[Put]]) -> None:
        """Checks that each change of this write has one outbox event, no more."""
        written = by_type.get(OutboxEvent, ())
        put_off = {before.id for _, before, after in written if after is None}
        new = [
            after
            for _, before, after in written
            if before is None and after is not None and after.id not in put_off
        ]
        events = {
            (event.kind, about) for event in new for about in (event.invoice, event.subscription)
        }
        for _, before, after in by_type.get(Invoice, ()):
            if after.state is I.PAID and (before is None or before.state is not I.PAID):
                kind = EventKind.PLAN_CHANGED if after.changes_plan else EventKind.RENEWED
                sale = after.order_kind == "sale"
                self._must_have_event(events, EventKind.PURCHASED if sale else kind, after.id)
        for _, before, after in by_type.get(Subscription, ()):
            if before is not None and before.is_live and not after.is_live:
                self._must_have_event(events, EventKind.ENDED, after.id)
            if before is not None and before.cancelling and not after.cancelling and after.is_live:
                # Whoever asked for the end was told that it is noted: only they take it back.
                self._must_have_event(events, EventKind.CANCEL_UNDONE, after.id)
            self._asked_meanwhile(after, {kind for kind, about in events if about == after.id})
        altered = {a.id for _, before, a in by_type.get(Subscription, ()) if before != a}
        for event in new:
            if event.kind in TOLD_OF_CHANGES and event.subscription not in altered:
                raise Violation(
                    "13", f"{event.id} is told, and nothing changed", event.subscription
                )
        # An attempt that gives way to the next is reported by the outcome of the next.
        begun = {
            after.id for _, _, after in by_type.get(Invoice, ()) if after.state is I.CONFIRMING
        }
        for _, before, order in by_type.get(Order, ()):
            ends_unsaid = order.kind == "failed" and order.invoice not in begun
            if before is None and ends_unsaid and order.subscription:
                self._must_have_event(events, EventKind.PAYMENT_FAILED, order.invoice)

    @staticmethod
    def _must_have_event(
        events: set[tuple[EventKind, str | None]], kind: EventKind, about: str | None
    ) -> None:
        if (kind, about) not in events:
            raise Violation("13", f"{kind} of {about} is not told", about)


_CHECKS: dict[type, Callable[[Writes, Any, Any], None]] = {
    Merchant: Writes._merchant,
    Customer: Writes._customer,
    Invoice: Writes._invoice,
    Checkout: Writes._checkout,
    Subscription: Writes._subscription,
    Order: Writes._order,
    Ticket: Writes._ticket,
    PaymentMethod: Writes._method,
    Refund: Writes._refund,
    IssuedDocument: Writes._document,
    ProcessingFailure: Writes._failure,
    MailStop: Writes._stop,
}
