"""Checks whenever the gateway is asked, and whenever money moves (RELIABILITY.md, 3)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from billing.cancel import charge_hold
from billing.declarations.declarations import Declaration, DeclarationState, Reason
from billing.gateways.sandbox.ledger import Row
from billing.gateways.sandbox.refunds import ELSEWHERE
from billing.helpdesk.tickets import Ticket, TicketState, TicketType
from billing.kernel.invoices import FINAL, Invoice, InvoiceCounter
from billing.kernel.periods import Anchor
from billing.kernel.schedule import ChargeKind
from billing.kernel.subscription import State, Subscription
from billing.kernel.values import replace
from billing.plans.plan_change import Quote, When
from billing.refunds.refunds import Refund
from sim import coupons, taxes
from sim.coupons import CouponWrites
from sim.invariants import CALL, LIFE, SKEW, I, Violation, changed
from sim.items import Put
from sim.plan import FREEZE_MINOR
from sim.price_writes import PriceWrites
from sim.value_writes import ValueWrites
from sim.writes import Writes

BY_HAND = {Reason.NO_RIGHT, Reason.OVER, Reason.CONSENT, Reason.REFUND}
"""The reasons why no law says how much of a payment goes back."""


class Oracle(Writes, ValueWrites, CouponWrites, PriceWrites):
    """An observer of every write and charge; the gateway's own ledger is the truth."""

    def _whole_write(self, by_type: dict[type, list[Put]]) -> None:
        self._one_open_invoice(by_type)
        self._begin_rightly(by_type)
        self._periods_match(by_type)
        self._numbers_match(by_type)
        self._plans_match(by_type)
        self._prices_stand(by_type)
        self._requests_hold(by_type)
        self._persons_decide(by_type)
        self._reservations_match(by_type)
        self._cards_stand(by_type)
        self._cards_stay_with_their_purchase(by_type)
        self._coupons_stand(by_type)
        self._value_stands(by_type)
        self._renewed_cards_pay(by_type)

    def _one_open_invoice(self, by_type: dict[type, list[Put]]) -> None:
        touched = {after.id for _, _, after in by_type.get(Subscription, ())}
        touched |= {a.subscription for _, _, a in by_type.get(Invoice, ()) if a.subscription}
        for subscription in touched:
            stands = self._subscriptions.get(subscription)
            held = {stands.open_invoice} - {None} if stands else set()
            if held != self._open[subscription]:
                text = f"{subscription} holds {held}, open are {self._open[subscription]}"
                raise Violation("8", text, subscription)

    def _periods_match(self, by_type: dict[type, list[Put]]) -> None:
        """Checks that a period moves on with the payment of its invoice, and only then."""
        paid = {
            (after.subscription, after.period)
            for _, before, after in by_type.get(Invoice, ())
            if after.state is I.PAID and (before is None or before.state is not I.PAID)
            if not after.changes_plan
        }
        for _, before, after in by_type.get(Subscription, ()):
            moved = before is not None and after.period > before.period
            left_out = moved and before.period in self.skipped[after.id]
            if moved and (after.id, before.period) not in paid and not left_out:
                raise Violation("6", f"{after.id} moved on unpaid", after.id)
            if before is not None and not moved and any(s == after.id for s, _ in paid):
                raise Violation("6", f"{after.id} was paid and did not move on", after.id)

    def _requests_hold(self, by_type: dict[type, list[Put]]) -> None:
        """Checks that a cancellation request holds charges in the write that creates it (H-4, X-8).

        A charge that is let stand is excepted. A request that is decided and done holds nothing
        more.
        """
        for _, before, after in by_type.get(Ticket, ()):
            stands = self._subscriptions.get(after.about or "")
            if after.wish is not TicketType.CANCEL or stands is None:
                continue
            asks = after.due_at is not None and after.lets_stand is None
            holds = asks and charge_hold.may_be_held(stands)
            if before is None and holds and not stands.held:
                raise Violation("4", f"{after.id} holds nothing", stands.id)
            over = after.state is TicketState.DECLINED or after.carried_out_at is not None
            asked = stands.cancelling
            waits_for_charge = asked is not None and asked.ticket == after.id
            if over and stands.held_for == after.id and not waits_for_charge:
                raise Violation("21", f"{after.id} is {after.state} and holds on", stands.id)

    def _persons_decide(self, by_type: dict[type, list[Put]]) -> None:
        """Notes the declarations that a person grants though no law says how much goes back."""
        for _, before, after in by_type.get(Declaration, ()):
            if before is None or before.state is not DeclarationState.AGENT:
                continue
            proof_alone = before.why is Reason.REFUND and not before.is_verified
            granted = after.state is DeclarationState.RECEIVED
            if granted and before.why in BY_HAND and not proof_alone:
                self.by_hand.add(after.id)

    def moves(self, invoice: str) -> None:
        """Checks that the merchant is armed when the gateway is asked to withdraw or refund."""
        found = self.invoices.get(invoice)
        if found is not None:
            self._armed(found.merchant, found.id)

    def mails(self, event: str, to: str, message_id: str) -> None:
        """Counts a mail that goes out."""
        self.mailed[event] += 1
        told = self.events.get(event)
        if told is not None:
            self._armed(told.merchant, event)
            self._announce_rightly(told)
            self._sent(told, to)
            self.tells(told, message_id)

    def _armed(self, merchant: str, about: str) -> None:
        since = self.disarmed_since.get(merchant)
        if since is not None and self._now() - since > CALL:
            raise Violation("4", f"{merchant} is disarmed: {about}", about.rpartition(".")[0])

    def quoted(self, subscription: str, quote: Quote) -> None:
        """Notes the quote for another plan that somebody then asks for."""
        self._quotes[subscription].append(quote)

    def _plans_match(self, by_type: dict[type, list[Put]]) -> None:
        """Checks that a plan changes only as somebody asked, and is paid as it was quoted."""
        paid = {
            after.subscription: after
            for _, before, after in by_type.get(Invoice, ())
            if after.state is I.PAID and (before is None or before.state is not I.PAID)
        }
        renewed = {
            after.subscription
            for _, before, after in by_type.get(Invoice, ())
            if before is None and not after.changes_plan
        }
        for _, before, after in by_type.get(Subscription, ()):
            if before is None:
                continue
            invoice = paid.get(after.id)
            sold = ("price_point", "price_version", "product", "terms")
            if changed(before, after, sold):
                self._plan_was_asked(before, after, invoice)
            elif after.id in renewed:
                self._price_is_charged(before, after)

    def _plan_was_asked(
        self, before: Subscription, after: Subscription, paid: Invoice | None
    ) -> None:
        opened = before.open_invoice is None and after.open_invoice is not None
        # A freeze begins with its period, whether that is paid or left out.
        begins = opened or after.period > before.period
        if begins and after.is_frozen:
            minor = after.terms.price.amount_minor
            if after.id not in self.freezes or minor != FREEZE_MINOR:
                raise Violation("7", f"{after.id} froze unasked, or at {minor}", after.id)
            return
        if opened and self._is_same_plan(before, after):
            self._price_was_told(before, after)
            return
        quotes = [
            quote
            for quote in self._quotes[after.id]
            if (quote.plan.price_point, quote.plan.terms) == (after.price_point, after.terms)
        ]
        if opened:
            asked = any(quote.when is When.NEXT_REBILL for quote in quotes)
        else:
            due = 0 if paid is None else paid.total.amount_minor
            asked = any(
                quote.change is not None
                and quote.due_now.amount_minor == due
                and (paid is not None or quote.change.credit_minor == after.credit_minor)
                for quote in quotes
            )
        if not asked:
            text = f"{after.id} went to {after.price_point}, as nobody was quoted"
            raise Violation("7", text, after.id)

    def _numbers_match(self, by_type: dict[type, list[Put]]) -> None:
        documents = (*by_type.get(Invoice, ()), *by_type.get(Refund, ()))
        given = [str(a.number) for _, b, a in documents if b and b.number != a.number]
        drawn = [
            replace(after, last=last).number
            for _, before, after in by_type.get(InvoiceCounter, ())
            for last in range(before.last + 1 if before else 1, after.last + 1)
        ]
        if sorted(given) != sorted(drawn):
            raise Violation("18", f"drew the numbers {drawn} and gave {given}")
        self._issued_with_number(by_type, set(given))

    def asked(self, call: str, key: str, parameters: str) -> None:
        """Notes a request with an idempotency key that is sent."""
        if self._keys.setdefault(f"{call} {key}", parameters) != parameters:
            raise Violation("10", f"{call} {key} with {parameters}", key.rpartition(":")[0])

    def booked(self, payment: Row, charge: dict[str, Any]) -> None:
        """Checks a charge that the gateway booked, by anybody's request."""
        self.tally[f"charge_{charge['status']}"] += 1
        if charge["status"] != "succeeded":
            self._declined[payment["invoice"]] += 1
            return
        booked = self.succeeded[payment["invoice"]]
        booked.append(payment)
        self.tally["settled_charges"] += 1
        invoice = self.invoices.get(payment["invoice"])
        if invoice is None:
            raise Violation("19", f"charged for no invoice: {payment}", payment["invoice"])
        self._charge_allowed(invoice, payment, datetime.fromisoformat(charge["at"]))

    def refunded(self, payment: Row) -> None:
        """Checks a refund that the gateway made."""
        back = {k: r["amount"] for k, r in payment["refunds"].items() if "failure" not in r}
        ours = sum(amount for key, amount in back.items() if not key.startswith(ELSEWHERE))
        invoice = self.invoices[payment["invoice"]]
        self.tally["refunds"] += 1
        if sum(back.values()) > payment["amount"]:
            raise Violation("11", f"{back} of {payment['amount']} refunded", invoice.id)
        if invoice.refund_reserved_minor < ours:
            raise Violation("11", f"{invoice.id}: {ours} refunded, less reserved", invoice.id)

    def authenticating(self, invoice: str | None) -> None:
        """Notes that the buyer answers the bank: what follows is not by any request of ours."""
        if invoice:
            self._authenticated.add(invoice)

    def _charge_allowed(self, invoice: Invoice, payment: Row, at: datetime) -> None:
        about = (invoice.id, invoice.purchase)
        if len(self.succeeded[invoice.id]) > 1:
            raise Violation("1", f"{invoice.id} was charged twice", *about)
        if (payment["amount"], payment["currency"]) != (
            invoice.total.amount_minor,
            invoice.total.currency.value,
        ):
            raise Violation("3", f"{invoice.id} over {invoice.total}, charged {payment}", *about)
        self.taxed_rightly(invoice)
        if invoice.state in FINAL:
            raise Violation("4", f"{invoice.id} is {invoice.state} and was charged", *about)
        told = self.cancelled.get(invoice.subscription or "")
        if told is not None:
            raise Violation("4", f"{invoice.id} was charged; cancelled {told}", *about)
        if invoice.attempt == 0:
            raise Violation("4", f"{invoice.id} is {invoice.state} and was charged", *about)
        if at < invoice.scheduled_at - SKEW:
            raise Violation("5", f"{invoice.id} charged {at}, due {invoice.scheduled_at}", *about)
        self._not_while_stopped(invoice)
        subscription = self._subscriptions.get(invoice.subscription or "")
        if subscription is not None and subscription.state is State.PAUSED:
            raise Violation("4", f"{invoice.id} was charged while paused", *about)
        if invoice.kind is ChargeKind.STANDARD and subscription is not None:
            self._as_agreed(subscription, invoice, at)

    def _as_agreed(self, subscription: Subscription, invoice: Invoice, at: datetime) -> None:
        """Checks that a period costs its plan's price less credit, a change its quoted amount."""
        if invoice.changes_plan:
            self._as_quoted(subscription, invoice)
            return
        price = subscription.terms.price
        lowered = coupons.off_minor(invoice.lines) + coupons.carried_minor(invoice.lines)
        agreed = price.amount_minor - lowered - invoice.credit_minor
        net = taxes.net_of(invoice.lines)
        if net != agreed:
            raise Violation("3", f"{invoice.id} over {net}, agreed {agreed}", invoice.id)
        self._one_a_day(subscription, invoice, at)

    def _as_quoted(self, subscription: Subscription, invoice: Invoice) -> None:
        """Checks that a change of plan charges what was quoted for it, to the cent (A-4)."""
        quotes = self._quotes[subscription.id]
        told = {q.due_now for q in quotes if q.plan.price_point == invoice.price_point}
        if invoice.total not in told:
            text = f"{invoice.id} charged {invoice.total} for a change quoted at {told}"
            raise Violation("3", text, invoice.id, subscription.id)

    def _not_while_stopped(self, invoice: Invoice) -> None:
        stopped = self.stopped_since.get(invoice.merchant)
        if stopped and invoice.attempted_at and invoice.attempted_at > stopped + SKEW:
            raise Violation(
                "4", f"{invoice.id} was attempted while stopped", invoice.id, invoice.purchase
            )

    def _one_a_day(self, subscription: Subscription, invoice: Invoice, at: datetime) -> None:
        # The worker's clock may be off by SKEW, and a call of it may stall as long as a function
        # lives: near midnight its day is not certain.
        zone = subscription.anchor.zone
        days = {Anchor.at(at + off, zone).wall.date() for off in (-LIFE, SKEW)}
        if len(days) > 1:
            return
        (day,) = days
        other = self._charged_on[subscription.id].setdefault(day, invoice.id)
        if other != invoice.id:
            text = f"{other} and {invoice.id} were both charged on {day}, local time"
            raise Violation("5", text, invoice.id, subscription.id)
