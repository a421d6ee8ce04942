"""Checks of saved cards: which may be charged, and what they show (B-9, W-7)."""

from __future__ import annotations

from billing.kernel.customers import Customer, PaymentMethod
from billing.kernel.invoices import UNDER_WAY
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.subscription import State, Subscription
from sim.invariants import CALL, Violation
from sim.items import Put
from sim.seen import Seen


class CardWrites(Seen):
    """Checks that a charged card exists, and shows the details that its bank gave last."""

    def _method(self, before: PaymentMethod | None, after: PaymentMethod) -> None:
        if before is not None and before.removed_at and not after.removed_at:
            raise Violation("B-9", f"{after.id} was removed, and is there again", after.customer)
        if before is None or (after.removed_at and not before.removed_at):
            self.tally["cards_removed" if after.removed_at else "cards_kept"] += 1
        if before is not None and _shown(before) != _shown(after):
            self._renewed(before, after)
        self._methods[after.id] = after

    def _renewed(self, before: PaymentMethod, after: PaymentMethod) -> None:
        """Checks that a card shows details its gateway had since, never older ones (W-7)."""
        known = self.renewed[after.id]
        if _shown(after) not in known:
            raise Violation(
                "W-7", f"{after.id} shows {_shown(after)}, banks {known}", after.customer
            )
        if _shown(before) in known[known.index(_shown(after)) :]:
            raise Violation("W-7", f"{after.id} went back to {_shown(after)}", after.customer)
        self._renewed_at[after.id] = self._now()
        self.tally["cards_updated"] += 1

    def _cards_stand(self, by_type: dict[type, list[Put]]) -> None:
        """Checks that each chargeable subscription names a card that its customer has (B-9)."""
        removed = {m.id for _, _, m in by_type.get(PaymentMethod, ()) if m.removed_at}
        paying = [after for _, _, after in by_type.get(Subscription, ())]
        if removed:
            paying += [s for s in self._subscriptions.values() if s.payment_method in removed]
        for subscription in paying:
            method = self._methods.get(subscription.payment_method)
            if subscription.is_live and (method is None or method.removed_at):
                text = f"{subscription.id} is to be charged to {method or 'nothing'}"
                raise Violation("B-9", text, subscription.id, subscription.customer)

    def _cards_stay_with_their_purchase(self, by_type: dict[type, list[Put]]) -> None:
        """Checks that nothing falls to a card given for another purchase when a card is removed,
        unless its customer has chosen it or it is the same card (B-3)."""
        gone = [m for _, b, m in by_type.get(PaymentMethod, ()) if b and m.removed_at]
        subscriptions = [(b, s) for _, b, s in by_type.get(Subscription, ()) if b is not None]
        customers = [(b, c) for _, b, c in by_type.get(Customer, ()) if b is not None]
        moved = {
            s.payment_method: s.id for b, s in subscriptions if s.payment_method != b.payment_method
        }
        moved |= {
            c.default_method: "" for b, c in customers if c.default_method != b.default_method
        }
        for name, purchase in moved.items():
            card = self._methods.get(name or "")
            if card is None or card.given_for in {None, purchase} or card.id in self._chosen:
                continue
            if gone and card.fingerprint not in {m.fingerprint for m in gone}:
                text = f"{card.id}, given for {card.given_for}, takes over {purchase or 'all'}"
                raise Violation("B-3", text, card.customer)
            self._chosen.add(card.id)

    def _renewed_cards_pay(self, by_type: dict[type, list[Put]]) -> None:
        """Checks that a past-due payment is retried when its card is renewed (W-7).

        The write that takes the renewal over must also start the retry, unless the payment is being
        tried.
        """
        for _, before, after in by_type.get(PaymentMethod, ()):
            if before is None or before.last4 == after.last4:
                continue
            for subscription in self._subscriptions.values():
                due = subscription.state is State.PAST_DUE and subscription.pay_now is None
                invoice = self.invoices.get(subscription.open_invoice or "")
                tried = invoice is not None and invoice.state in UNDER_WAY
                if due and not tried and subscription.payment_method == after.id:
                    text = f"{after.id} was renewed, {subscription.id} is not tried"
                    raise Violation("W-7", text, subscription.id, subscription.customer)

    def _announce_rightly(self, event: OutboxEvent) -> None:
        """Checks that no card is announced as expiring that was renewed before the mail began."""
        card = self._methods.get(event.code or "")
        if event.kind is not EventKind.CARD_EXPIRING or card is None:
            return
        renewed_at = self._renewed_at.get(card.id)
        if renewed_at is None or self._now() - renewed_at <= CALL:
            return
        if not event.id.startswith(f"{card.id}:{card.expires_on}:"):
            raise Violation(
                "W-7", f"{event.id} is told; it expires {card.expires_on}", event.customer
            )

    def charges(self, invoice: str, method: str) -> None:
        """Checks the card that the gateway is about to charge for an invoice, once for this
        attempt.
        """
        known = self.invoices.get(invoice)
        if known is not None and known.payment_method != method:
            text = f"{invoice} is charged to {method}, its attempt names {known.payment_method}"
            raise Violation("B-9", text, known.id, known.purchase)
        if method in self.let_go:
            raise Violation("B-9", f"{invoice} is charged to {method}, which was let go", invoice)


def _shown(method: PaymentMethod) -> tuple[str, str]:
    """Returns what a customer sees of a card: its last digits and its expiry."""
    return method.last4, method.expires_on or ""
