"""Checks of announced prices: charged once told of in time, and not otherwise (X-12, P-18).

The days stand here a second time, as REGIONS.md has them for everywhere.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.kernel.money import Money
from billing.kernel.outbox_events import EventKind, LeftOut, OutboxEvent
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value, replace
from sim.invariants import CALL, SKEW, Violation, changed
from sim.items import Put
from sim.seen import Seen

LEAST = timedelta(days=7)
"""The days before a price changes by which its customer is told (REGIONS.md)."""

SURELY = LEAST + timedelta(days=1) + CALL
"""The time before by which a price that was told of is charged: a mail may take a day."""


class Told(Value):
    """A mail that told of a price: the change's id, its event, the mail service's id, and when."""

    change: str
    event: str
    message_id: str
    at: datetime


class PriceWrites(Seen):
    """Checks that what runs costs another price only as its customer was told."""

    def tells(self, event: OutboxEvent, message_id: str) -> None:
        """Notes a mail that tells of a price."""
        if event.kind is EventKind.PRICE_CHANGING and event.subscription is not None:
            told = Told(event.code or "", event.id, message_id, self._now())
            self.told[event.subscription].append(told)

    def returned(self, message_id: str) -> None:
        """Notes that the report of a mail's return was taken."""
        event = message_id.partition("#")[0]
        self.returned_at.setdefault(message_id, self._now())
        self._mailed_by.pop(event, None)  # it may be mailed again
        self.tally["mails_returned"] += 1

    def _prices_stand(self, by_type: dict[type, list[Put]]) -> None:
        """Checks that a price that is dropped stays so, and that whoever was told of it hears of
        that."""
        told = {e.subscription for _, _, e in by_type.get(OutboxEvent, ()) if e and _is_kept(e)}
        for _, before, after in by_type.get(Subscription, ()):
            was, change = before and before.price_change, after.price_change
            if change is not None and change.id in self.dropped:
                raise Violation("7", f"{change.id} of {after.id} is back", after.id)
            if was is None or (change is not None and change.id == was.id):
                continue
            self.dropped.add(was.id)
            sold = ("price_point", "price_version", "product", "terms", "thaws_to")
            same = after.is_live and not changed(before, after, sold)
            if same and was.told_at is not None and after.id not in told:
                raise Violation("13", f"{after.id} is not told that {was.id} is off", after.id)

    def _price_was_told(self, before: Subscription, after: Subscription) -> None:
        """Checks a renewal that is opened at another price of the same plan."""
        price, change, scheduled = after.terms.price, before.price_change, before.period_at
        assert scheduled is not None, "what is opened has a date"
        if change is None or change.price != price:
            raise Violation("7", f"{after.id} costs {price}, which was taken back", after.id)
        if not self._is_announced(after.id, price, scheduled):
            raise Violation("7", f"{after.id} costs {price}, as nobody announced", after.id)
        self.tally["prices_changed"] += 1
        rises = price.amount_minor > before.terms.price.amount_minor
        told = [each for each in self.told[after.id] if each.change == change.id]
        arrived = [each for each in told if not self._came_back(each.message_id)]
        if rises and not any(each.at + LEAST <= scheduled + SKEW for each in arrived):
            text = f"{after.id} costs {price} on {scheduled}, told {told}"
            raise Violation("7", text, after.id, after.customer)

    def _is_announced(self, subscription: str, price: Money, scheduled: datetime) -> bool:
        asked = self.announced[subscription]
        return any(each == price and since <= scheduled for each, since in asked)

    def _came_back(self, message_id: str) -> bool:
        """Returns whether whoever opens an invoice now could know that a mail came back."""
        at = self.returned_at.get(message_id)
        return at is not None and at < self._now() - CALL

    def _price_is_charged(self, before: Subscription, after: Subscription) -> None:
        """Checks a renewal that is opened at the old price: no other was told of in time."""
        change, scheduled = before.price_change, before.period_at
        if change is None or scheduled is None or before.plan_to_come is not None:
            return
        if scheduled < change.starts_at:
            return
        for told in self.told[after.id]:
            withheld = self.left_out.get(told.event) is LeftOut.WITHHELD
            gone = told.message_id in self.returned_at or withheld
            if told.change == change.id and told.at + SURELY <= scheduled and not gone:
                text = f"{after.id} costs as before on {scheduled}, told {told}"
                raise Violation("7", text, after.id, after.customer)

    @staticmethod
    def _is_same_plan(before: Subscription, after: Subscription) -> bool:
        """Returns whether nothing but the price differs."""
        sold = ("price_point", "price_version", "product", "thaws_to", "next_plan")
        same = all(getattr(before, name) == getattr(after, name) for name in sold)
        return same and replace(after.terms, price=before.terms.price) == before.terms


def _is_kept(event: OutboxEvent) -> bool:
    return event.kind is EventKind.PRICE_KEPT
