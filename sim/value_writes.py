"""Checks the worth of a subscription's payments to the cent, whoever refunds what (A-4, B-7).

paid = used + waived + returned + outstanding credit. The oracle keeps its own books: for each
period, how many of the cents that were paid in it pay for running time, and how many are credit. It
shares no code with `billing.kernel.funds`; what unused time is worth it computes in fractions.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from fractions import Fraction

from billing.kernel.catalog import PriceType
from billing.kernel.invoice_lines import postponed_minor
from billing.kernel.invoices import Invoice, LineKind
from billing.kernel.subscription import State, Subscription
from billing.plans.plan_change import Quote
from billing.refunds.chargebacks import Chargeback
from billing.refunds.refunds import Refund
from sim import coupons, price_of_change, taxes
from sim.books import Book
from sim.invariants import I, Violation, changed
from sim.items import Put
from sim.money_back_writes import MoneyBackWrites
from sim.virtual_clock import MICROSECOND

ELSEWHERE = -2
"""The period of credit that came from another subscription."""


class ValueWrites(MoneyBackWrites):
    """Checks that payments are worth what was paid, and that no credit is lost."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        super().__init__(now_us)
        self._quotes: dict[str, list[Quote]] = defaultdict(list)

    def _value_stands(self, by_type: dict[type, list[Put]]) -> None:
        puts = by_type.get(Subscription, ())
        for _, before, after in by_type.get(Invoice, ()):
            self._invoice_counts(before, after)
        for _, before, after in puts:
            self._subscription_counts(before, after, by_type.get(Invoice, ()))
        for _, before, after in by_type.get(Refund, ()):
            if before is None:
                self._taxes_return(after, by_type.get(Invoice, ()))
            self._refund_counts(before, after)
        for _, before, after in by_type.get(Chargeback, ()):
            self._chargeback_counts(before, after, by_type.get(Invoice, ()))
        self._carried_over(puts)
        for subscription in self._touched(by_type):
            self._agrees(subscription)

    def _touched(self, by_type: dict[type, list[Put]]) -> list[Subscription]:
        """The subscriptions that were written, and those whose payments went back or were lost."""
        touched = {after.id: after for _, _, after in by_type.get(Subscription, ())}
        for _, _, after in (*by_type.get(Refund, ()), *by_type.get(Chargeback, ())):
            paid = self.invoices.get(after.invoice)
            stands = self.subscription(paid.subscription) if paid else None
            if stands is not None:
                touched.setdefault(stands.id, stands)
        return list(touched.values())

    def _invoice_counts(self, before: Invoice | None, after: Invoice) -> None:
        if after.subscription is None:
            return
        book = self._books[after.subscription]
        if before is None and after.plan_change is not None:
            stands = self.subscription(after.subscription)
            assert stands is not None, "it was sold before its plan changes"
            self._paid_in[after.id] = stands.period - 1
            book.changing = (book.copy(), after, self._valued[stands.id])
            book.settled.clear()
        self._paid_in.setdefault(after.id, after.period)
        if (
            book.changing
            and book.changing[1].id == after.id
            and after.state in {I.VOID, I.UNCOLLECTIBLE}
        ):
            book.changing = None
        paid_now = after.state is I.PAID and (before is None or before.state is not I.PAID)
        if not paid_now:
            return
        if after.period is None and after.plan_change is None:
            self._paid_in[after.id] = None
        net = sum(line.amount.amount_minor for line in after.lines if not line.is_tax)
        book.paid += net
        if after.plan_change is not None:
            self._plan_was_paid(book, after)
        elif after.period is not None:
            stands = self.subscription(after.subscription)
            assert stands is not None, "what is paid is there"
            price = stands.terms.price.amount_minor
            price -= min(price, coupons.off_minor(after.lines))
            book.renew(after.period, price - max(0, after.credit_minor), after.credit_minor)
            owed = self._owed(stands) - max(0, -after.credit_minor) + postponed_minor(after.lines)
            # Charged though credit had come and paid for it since the invoice was opened.
            book.credit[after.period] += max(0, -owed)
            book.pay_owed(owed, after.period)

    def _plan_was_paid(self, book: Book, invoice: Invoice) -> None:
        """Checks that a plan was paid as quoted, less what went back between the opening of its
        invoice and now.
        """
        assert book.changing is not None and invoice.plan_change is not None
        opened, _, stood = book.changing
        quoted = next(
            q for q in self._quotes[str(invoice.subscription)] if q.change == invoice.plan_change
        )
        book.unsettle()
        now_credit, now_running = Counter(book.credit), Counter(book.running)
        back = (opened.credit - now_credit) + (opened.running - now_running)
        again = now_credit - opened.credit
        book.credit, book.running, book.since = opened.credit, opened.running, opened.since
        self._exchange(book, stood, quoted)
        for period, cents in back.items():
            book.give_back(period, cents, "meanwhile", ())
        for period, cents in again.items():
            book.credit[period] += cents
        book.changing = None

    def _subscription_counts(
        self, before: Subscription | None, after: Subscription, invoices: Sequence[Put]
    ) -> None:
        book = self._books[after.id]
        if before is None:
            if after.terms.type is not PriceType.RECURRING or not after.period:
                book.running.clear()
            return
        paid = any(a.subscription == after.id and a.state is I.PAID for _, _, a in invoices)
        opened = before.open_invoice is None and after.open_invoice is not None
        sold = ("price_point", "price_version", "terms", "anchor")
        if changed(before, after, sold) and not paid and not opened:
            quoted = [q for q in self._quotes[after.id] if self._made(q, after)]
            if quoted and before.state is not State.TRIALING:
                self._exchange(book, self._valued[after.id], quoted[-1])
        skipped = after.period > before.period and not paid
        jumped = before.anchor_period > after.anchor_period and before.anchor == after.anchor
        if skipped or (jumped and before.dispute == "open"):
            book.running.clear()

    @staticmethod
    def _made(quote: Quote, after: Subscription) -> bool:
        change = quote.change
        return (
            change is not None
            and (change.plan.price_point, change.plan.version)
            == (after.price_point, after.price_version)
            and (change.anchor, change.credit_minor) == (after.anchor, after.credit_minor)
            and (change.funds is None or change.funds == after.funds)
        )

    def _exchange(self, book: Book, stands: Subscription, quote: Quote) -> None:
        """Checks the quote's lines for new and unused time, and its sum (A-4).

        The unused time is within a cent of what the cents in use are worth by the second.
        """
        first, *others = quote.lines
        rest = first.amount.amount_minor
        unused = -sum(x.amount.amount_minor for x in others if x.kind == LineKind.UNUSED)
        assert quote.change is not None
        k = stands.period - 1
        start, end = (price_of_change.period_start(stands, n) for n in (k, k + 1))
        since = max(start, book.since) if book.since else start
        left, of = end - min(max(quote.at, since), end), end - since
        worth = Fraction(sum(book.running.values())) * Fraction(
            left // MICROSECOND, max(1, of // MICROSECOND)
        )
        if abs(worth - unused) > 1:
            text = f"{stands.id}: unused {unused} was quoted, {float(worth):.2f} is left"
            raise Violation("3", text, stands.id)
        self._costs(stands, quote, rest, unused)
        owed = max(0, -stands.credit_minor)
        book.exchange(k, unused, rest, owed, quote.at)

    @staticmethod
    def _costs(stands: Subscription, quote: Quote, rest: int, unused: int) -> None:
        """Checks that a change costs the rest of the new plan, less what is left of the old.

        What is too little to be charged, or less than nothing, is carried to the next invoice.
        """
        costs = price_of_change.rest_minor(stands, quote.plan, quote.at)
        net = costs - unused - stands.credit_minor
        due = taxes.net_of(quote.lines) if quote.due_now else 0
        assert quote.change is not None
        if rest != costs or net != due - quote.change.credit_minor or min(due, abs(due - net)) > 0:
            text = f"{stands.id}: {costs} less {unused} was quoted as {rest}, due {due} now"
            raise Violation("3", text, stands.id)

    def _carried_over(self, puts: Sequence[Put]) -> None:
        """Checks that credit of an ended subscription moves to another one of its customer in one
        write.
        """
        if len(puts) != 2:
            return
        (ended, bought) = sorted(puts, key=lambda put: put[2].is_live)
        moved = ended[1].credit_minor - ended[2].credit_minor if ended[1] else 0
        if not ended[2].is_live and moved > 0 and bought[1] is not None:
            self._books[ended[2].id].credit.clear()
            book = self._books[bought[2].id]
            book.credit[ELSEWHERE] += moved
            self._pay_owed(bought[2].id)
            book.paid += moved
            self.tally["credit_carried_over"] += 1

    def _agrees(self, after: Subscription) -> None:
        book, credit = self._books[after.id], max(0, after.credit_minor)
        returned = book.returned
        if returned > book.paid:
            # One at the gateway's dashboard came first, so one of these will be refused there.
            returned -= sum(book.open.values())
        if book.paid - returned < credit:
            text = f"{after.id}: {book.paid} paid, {returned} returned, credit {credit} stands"
            raise Violation("3", text, after.id, after.customer)
        if sum(book.credit.values()) != credit:
            text = f"{after.id}: credit {credit}, by its payments {dict(book.credit)}"
            raise Violation("3", text, after.id, after.customer)
        if after.is_live and after.terms.type is PriceType.RECURRING and book.changing is None:
            running = sum(book.running.values())
            opened = after.open_invoice is not None or after.state is State.TRIALING
            if not opened and after.money.in_use_minor != running:
                text = f"{after.id}: {after.money.in_use_minor} in use, by its payments {running}"
                raise Violation("3", text, after.id, after.customer)
        self._valued[after.id] = after
