"""Checks of mail: it reaches its customer, it is true, and mail that was left out was not (R-8).

These rules are not the product's own (`billing/outbox/outdated.py`): each is only what any reader
of the mail would hold against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from billing.kernel.customers import Customer, email_hash
from billing.kernel.invoices import Invoice
from billing.kernel.outbox_events import EventKind, LeftOut, OutboxEvent
from billing.kernel.subscription import State, Subscription
from billing.outbox.flows.consume import PASSING
from billing.outbox.suppressions import MailStop
from sim.invariants import CALL, SKEW, I, Violation
from sim.seen import Seen
from sim.wire import Wire

DISPUTES = {EventKind.DISPUTE_OPENED, EventKind.DISPUTE_WON, EventKind.DISPUTE_LOST}
AHEAD = {EventKind.RENEWAL_UPCOMING, EventKind.TRIAL_ENDING}
RECORDS = {
    EventKind.PURCHASED,
    EventKind.RENEWED,
    EventKind.REFUNDED,
    EventKind.REFUND_RETURNED,
    EventKind.CANCEL_REQUESTED,
    EventKind.ENDED,
    EventKind.DETAILS_CHANGED,
}
"""The kinds of event that are mailed whatever came after them."""


CLAIM = timedelta(minutes=5)
"""The time for which a claim keeps others out: longer than its function lives."""

LEASE = timedelta(minutes=15)
"""The same for what is leased by its due date: mails that no outbox event asks for."""

TOGETHER = timedelta(seconds=10)
"""The time within which the order of two events of a subscription is kept."""


class Mail(Seen):
    """Checks that each outbox event is mailed, or has a valid reason not to be.

    Each mail goes to its addressee.
    """

    def _customer(self, before: Customer | None, after: Customer) -> None:
        if before is None or before.email != after.email:
            self._emails[after.id].append((self._now(), after.email))
            self.tally["emails_changed"] += before is not None

    def _written(self, event: OutboxEvent) -> None:
        """Notes a written outbox event, and the state of what it is about."""
        invoice = self.invoices.get(event.invoice or "")
        self._stood[event.id] = (self.subscription(event.subscription), invoice)
        if event.subscription is not None:
            self._untold[event.subscription].add(event.id)
            self._reread([event.subscription])

    def _gone(self, event: OutboxEvent) -> None:
        """Notes an outbox event that is not in the outbox any more."""
        self._untold[event.subscription or ""].discard(event.id)
        if event.kind is EventKind.PAYMENT_VOID or self.mailed[event.id]:
            return
        # A declaration without a receipt to a typed address is confirmed to the one on file.
        if event.email is None and self.mailed[f"{event.id}:on_file"]:
            return
        # Its merchant alone is told: the customer's address takes no mail.
        if self.mailed[f"{event.id}:merchant"] and self._was_stopped(event):
            return
        if event.id not in self.left_out:
            raise Violation("13", f"{event.id} was never mailed", event.id)

    def _reread(self, subscriptions: Iterable[str | None]) -> None:
        """Notes which undelivered outbox events of these subscriptions became untrue, or true
        again, and when all that they could speak of became what it was.
        """
        for subscription in subscriptions:
            for name in self._untold.get(subscription or "", ()):
                if self._has_changed(self.events[name]):
                    self._changed.add(name)
                elif name in self._changed:
                    self._changed.discard(name)
                    self._as_before_since[name] = self._now()
                if self._holds(self.events[name]):
                    self._untrue_since.pop(name, None)
                else:
                    self._untrue_since.setdefault(name, self._now())

    def _sent(self, event: OutboxEvent, to: str) -> None:
        since = self._untrue_since.get(event.id)
        claimed = self._claimed[event.id, self.invocation()]
        if since is not None and since < claimed:  # before whoever mails it read how it stands
            raise Violation(
                "13", f"{event.id} is mailed, and untrue since {since}", event.subscription
            )
        if event.email is not None:
            reached = {event.email}
        elif event.kind in DISPUTES or event.kind.startswith("ticket"):
            return
        else:
            reached = self._reached(event.customer)
        if to not in reached:
            text = f"{event.id} is mailed to {to}, not to {sorted(reached)}"
            raise Violation("B-12", text, event.id, event.customer)

    def _reached(self, customer: str) -> set[str]:
        """Returns the customer's emails since a call that is answered now may have begun."""
        known = self._emails[customer]
        begun = self._now() - CALL - SKEW
        stood = [email for at, email in known if at <= begun][-1:]
        return {*stood, *(email for at, email in known if at > begun)}

    def mailed_once(self, event: str, wire: Wire) -> None:
        """Checks that a mail goes out once, unless a process died between sending and noting it.

        It may have had no answer instead, or been held up for longer than its claim or lease (R-8):
        then the two began as far apart as that lasts.
        """
        invocation = wire.clockwork.invocation
        earlier = self._mailed_by.get(event)
        self._mailed_by[event] = invocation.name, invocation.point - 1, invocation.began_us
        self.tally["mails_again"] += earlier is not None
        if earlier is not None:
            sender, point, began_us = earlier
            # A merchant's copy is named after its event.
            told = event if event in self.events else event.rpartition(":")[0]
            one, other = (self._claims.get((told, by)) for by in (sender, invocation.name))
            in_turn = one is not None and other is not None and abs(one - other) >= CLAIM
            if told not in self.events:
                apart = timedelta(microseconds=abs(invocation.began_us - began_us))
                in_turn = apart >= LEASE - SKEW
            held_up = in_turn and not wire.held_up.isdisjoint({sender, invocation.name})
            if wire.failed_at.get(sender, -1) < point and not held_up:
                raise Violation("13", f"{event} was mailed by {sender}, and is mailed again", event)

    def _stands(self, event: OutboxEvent, after: OutboxEvent | None) -> None:
        """Notes an outbox event of a subscription as it stands, in the order of their writes."""
        if event.subscription is not None:
            waiting = self._in_outbox[event.subscription, event.shard]
            if after is None:
                del waiting[event.id]
            else:
                waiting[event.id] = after

    def mailed_in_order(self, event: str, wire: Wire) -> None:
        """Checks that no event of a subscription is mailed while one that was written shortly
        before it waits untouched, unless a call failed (R-8)."""
        mailed = self.events.get(event)
        actor = wire.clockwork.invocation.name
        if mailed is None or actor in wire.failed_at or actor in wire.held_up:
            return
        for earlier in self._in_outbox[mailed.subscription or "", mailed.shard].values():
            if earlier.id == event:
                return
            together = timedelta(0) < mailed.at - earlier.at <= TOGETHER
            if together and earlier.claimed_until is None:
                text = f"{event} is mailed before {earlier.id}"
                raise Violation("13", text, event, mailed.subscription)

    def _is_left_out(self, event: OutboxEvent) -> None:
        """Checks that an outbox event that is not mailed gives a true reason."""
        self.left_out[event.id] = reason = event.left_out
        self.tally["mails_left_out"] += 1
        known = {
            LeftOut.DISARMED: event.kind in PASSING and event.merchant in self.ever_disarmed,
            LeftOut.UNTRUE: event.kind not in RECORDS and self._had_changed(event),
            LeftOut.WITHHELD: self._was_stopped(event),
        }
        if reason is None or not known.get(reason, False):
            text = f"{event.id} is left out as {reason}, and is not"
            raise Violation("13", text, event.id, event.subscription)

    def _is_told_again(self, event: OutboxEvent) -> bool:
        """Returns whether a notice may be written again: its mail came back, or was withheld."""
        withheld = self.left_out.pop(event.id, None) is LeftOut.WITHHELD
        came_back = event.id in self.comes_back
        self.comes_back.discard(event.id)
        return withheld or came_back

    def _stop(self, before: MailStop | None, after: MailStop | None) -> None:
        stop = after or before
        assert stop is not None
        self.stopped[stop.merchant, stop.email_hash] = None if after else self._now()

    def _was_stopped(self, event: OutboxEvent) -> bool:
        """Returns whether no mail went to its address when whoever leaves it out could have read
        that."""
        emails = {event.email} if event.email is not None else self._reached(event.customer)
        for email in emails:
            place = event.merchant, email_hash(event.merchant, email)
            over_at = self.stopped.get(place)
            if place in self.stopped and (over_at is None or over_at > self._now() - CALL):
                return True
        return False

    def _had_changed(self, event: OutboxEvent) -> bool:
        """Returns whether anything that a mail could speak of has changed, or had when whoever
        leaves it out could have read it: an undo may come between that and the note of it.
        """
        undone_at = self._as_before_since.get(event.id)
        claimed = self._claimed[event.id, self.invocation()]
        return self._has_changed(event) or (undone_at is not None and undone_at >= claimed)

    def _has_changed(self, event: OutboxEvent) -> bool:
        """Returns whether anything that a mail could speak of has changed."""
        if event.kind in DISPUTES:
            return any(f.code == event.code and f.id != event.id for f in self.events.values())
        stood, invoice = self._stood[event.id]
        stands = self.subscription(event.subscription)
        if invoice is not None and _course(invoice) != _course(self.invoices[invoice.id]):
            return True
        if stood is None or stands is None or _course(stood) != _course(stands):
            return True
        if event.kind is EventKind.CARD_EXPIRING:
            card = self._methods[event.code or ""]
            renewed = not event.id.startswith(f"{card.id}:{card.expires_on}:")
            return renewed or card.removed_at is not None or card.id != stands.payment_method
        # Written from what was read a while ago: it is held to what it says, not to what stood.
        due = event.was.next_charge_at if event.was else None
        gone = due != stands.next_charge_at or (due is not None and due <= self._now() + SKEW)
        return event.kind in AHEAD and gone

    def _holds(self, event: OutboxEvent) -> bool:
        """Returns whether a mail of an outbox event would be true: the least that it needs."""
        stood, opened = self._stood[event.id]
        stands = self.subscription(event.subscription)
        if event.kind in AHEAD and event.was is not None and stands is not None:
            return event.was.next_charge_at == stands.next_charge_at
        if event.kind in _TRUE and stood is not None and stands is not None:
            return _TRUE[event.kind](stood, stands)
        if event.kind in _WAITS and opened is not None:
            invoice = self.invoices[opened.id]
            return invoice.attempt == opened.attempt and invoice.state in _WAITS[event.kind]
        return True


_TRUE: dict[EventKind, Callable[[Subscription, Subscription], bool]] = {
    EventKind.PAUSED: lambda was, now: now.state is State.PAUSED,
    EventKind.RESUMED: lambda was, now: now.is_live and now.state is not State.PAUSED,
    EventKind.CANCEL_UNDONE: lambda was, now: now.is_live and now.cancelling is None,
    EventKind.FREEZE_ASKED: lambda was, now: now.freezes_at is not None,
    EventKind.FREEZE_UNDONE: lambda was, now: now.is_live and now.thaws_to is None,
    EventKind.PLAN_ASKED: lambda was, now: was.renewing().price_point == now.renewing().price_point,
}
_WAITS = {
    EventKind.PAYMENT_FAILED: frozenset(I) - {I.PAID, I.VOID},
    EventKind.ACTION_NEEDED: {I.ACTION_REQUIRED},
}
"""The states of the invoice in which a mail about its attempt is true."""


def _course(entity: Subscription | Invoice) -> tuple[Any, ...]:
    """Returns the fields of an invoice or a subscription that mails speak of."""
    if isinstance(entity, Invoice):
        return (entity.state, entity.attempt)
    return (
        *(entity.state, entity.terms, entity.product, entity.price_point, entity.anchor),
        *(entity.anchor_period, entity.period, entity.credit_minor, entity.next_plan),
        *(entity.thaws_to, entity.cancelling, entity.ends_at, entity.dispute, entity.retry_at),
        *(entity.payment_method, entity.is_unpaid, entity.price_change and entity.price_change.id),
    )
