"""Checks after a write of an invoice, and of its order and ledger entries."""

from __future__ import annotations

from billing.kernel.invoices import BETWEEN_ATTEMPTS, FINAL, Invoice, InvoiceState, LineKind
from billing.kernel.orders import Order
from billing.kernel.payment_refs import PaymentPointer
from billing.kernel.subscription import CHARGEABLE, Subscription
from sim import coupons, taxes
from sim.invariants import FIXED, INVOICE_GRAPH, SKEW, SNAPSHOT, I, Violation, changed
from sim.items import Put
from sim.seen import Seen


class InvoiceWrites(Seen):
    """Checks that an invoice follows its states, keeps its amount, and agrees with the
    gateway.
    """

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
        elif after.state is not I.PAID:
            self._invoice_opens(after)
        if after.attempt - after.uncounted > self.retry_attempts(after.merchant):
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

    def _invoice_opens(self, after: Invoice) -> None:
        """Checks that an invoice is opened in time, and that none is opened paid for or tried.

        A renewal's is opened with its first attempt, whose payment it names.
        """
        about = (after.id, after.purchase)
        late = after.opened_at - after.scheduled_at
        stands = self.subscription(after.subscription)
        asked = stands is not None and stands.pay_now is not None
        if late > self.catch_up(after.merchant) + SKEW and not asked:
            raise Violation("5", f"{after.id} was opened {late} late, unasked", *about)
        if stands is not None and after.period is not None:
            self._costs_as_agreed(stands, after)
        began = after.state is I.CONFIRMING
        at_first = (after.attempt, after.uncounted) == (int(began), 0)
        named = bool(after.gateway_ref and after.failed_order_id and after.attempted_at)
        if not at_first or named != began or (began and not after.total):
            text = f"{after.id} was opened {after.state} at attempt {after.attempt}"
            raise Violation("9", f"{text}, its payment {after.gateway_ref}", *about)

    @staticmethod
    def _costs_as_agreed(before: Subscription, invoice: Invoice) -> None:
        """Checks that a period is opened at the price of the plan that was to come when it was."""
        price = before.renewing().terms.price
        lowered = coupons.off_minor(invoice.lines) + coupons.carried_minor(invoice.lines)
        agreed = price.amount_minor - lowered - invoice.credit_minor
        net = taxes.net_of(invoice.lines)
        if net != agreed or invoice.credit_minor > max(0, before.credit_minor):
            text = f"{invoice.id} was opened over {net}, agreed {agreed}"
            raise Violation("3", f"{text}, credit {before.credit_minor}", invoice.id, before.id)

    def _begin_rightly(self, by_type: dict[type, list[Put]]) -> None:
        """Checks that what is opened with its first attempt may be charged, and can be found.

        Its subscription is as this write leaves it.
        """
        begun = [i for _, b, i in by_type.get(Invoice, ()) if b is None and i.state is I.CONFIRMING]
        pointed = {p.reference: p.invoice for _, _, p in by_type.get(PaymentPointer, ())}
        for invoice in begun:
            self._may_begin(invoice)
            if pointed.get(invoice.gateway_ref) != invoice.id:
                raise Violation("14", f"nothing points to {invoice.id}", invoice.id)

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
        """Checks that retries are counted: all but those asked for and those that lapsed
        unconfirmed (R-4).
        """
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
        """Checks that everything that allows a charge holds at the point of no return (R-3)."""
        stands = self.subscription(invoice.subscription)
        if stands is None or stands.open_invoice != invoice.id:
            raise Violation("8", f"{invoice.id} is charged, {stands} holds another", invoice.id)
        if stands.state not in CHARGEABLE or stands.held or stands.dispute in {"open", "lost"}:
            text = f"{invoice.id} is charged: {stands.state}, {stands.held}, {stands.dispute}"
            raise Violation("4", text, invoice.id, stands.id)

    def _order(self, before: Order | None, after: Order) -> None:
        """Checks that nothing counts as declined that the gateway did not decline (R-6).

        An entry stays as it is, but for the amount of a chargeback, which the bank decides (W-4).
        """
        if before is not None:
            of_all = ("kind", "at", "invoice", "customer")
            fixed = of_all if before.kind == "chargeback" else (*of_all, "amount", "tax_minor")
            if changed(before, after, fixed):
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
        """Checks that unknown never means failed, and that nothing is paid the gateway did not
        book.
        """
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
