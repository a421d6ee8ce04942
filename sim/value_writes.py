"""Checks the worth of a subscription's payments to the cent, whoever refunds what (A-4, B-7).

paid = used + waived + returned + outstanding credit. The oracle keeps its own books: for each
period, how many of the cents that were paid in it pay for running time, and how many are credit. It
shares no code with `billing.kernel.funds`; what unused time is worth it computes in fractions.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from fractions import Fraction

from billing.kernel.catalog import PriceType
from billing.kernel.invoice_lines import postponed_minor
from billing.kernel.invoices import Invoice, LineKind
from billing.kernel.subscription import State, Subscription
from billing.kernel.values import replace
from billing.plans.plan_change import Quote
from billing.refunds.chargebacks import Chargeback
from billing.refunds.refunds import Refund, RefundState
from sim import coupons, price_of_change, taxes
from sim.books import Book
from sim.invariants import CALL, I, Violation, changed
from sim.items import Put
from sim.seen import Seen
from sim.virtual_clock import MICROSECOND

ELSEWHERE = -2
"""The period of credit that came from another subscription."""

GONE = {RefundState.FAILED, RefundState.RETURNED}


class ValueWrites(Seen):
    """Checks that no payment is given back twice, and that no credit is lost."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        super().__init__(now_us)
        self._books: dict[str, Book] = defaultdict(Book)
        self._paid_in: dict[str, int | None] = {}
        self._under_way: dict[str, dict[str, Refund]] = defaultdict(dict)
        self._taken: dict[str, dict[str, Chargeback]] = defaultdict(dict)
        """By payment, the refunds under way, and the chargebacks that were not won."""
        self._lost: dict[str, int] = {}
        """By chargeback, the net cents that a bank took for good; won on appeal they come back."""
        self._valued: dict[str, Subscription] = {}
        self._quotes: dict[str, list[Quote]] = defaultdict(list)
        self._tax_went_back: dict[str, datetime] = {}
        """The payments whose tax alone went back, or was about to, and since when."""

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

    def _owed(self, stands: Subscription | None) -> int:
        was = self._valued.get(stands.id) if stands else None
        return max(0, -was.credit_minor) if was else 0

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

    def _taxes_return(self, refund: Refund, invoices: Sequence[Put]) -> None:
        """Checks the taxes of a new refund against its invoice as it stood before."""
        for _, was, now in invoices:
            if now.id == refund.invoice:
                if taxes.is_of_tax(refund):
                    self._tax_went_back[now.id] = self._now()
                before = was or replace(now, refund_reserved_minor=0, refund_taxes_minor=())
                taxes.returned_rightly(before, refund)

    def taxed_rightly(self, invoice: Invoice) -> None:
        """Checks the taxes of a payment by those that its customer paid before.

        A tax that went back within the hour before may have been read as paid, or not.
        """
        paid = [
            each
            for each in self.invoices.values()
            if (each.merchant, each.customer) == (invoice.merchant, invoice.customer)
            and (each.charge is not None and each.id != invoice.id)
        ]
        went = [each for each in paid if each.id in self._tax_went_back]
        known = invoice.opened_at - CALL
        without = [
            each
            for each in went
            if taxes.is_without_its_tax(each) and self._tax_went_back[each.id] < known
        ]
        taxes.taxed_rightly(
            invoice,
            collects=self.collects_tax,
            tax_went_back=bool(went),
            all_of_it=bool(went) and len(without) == len(paid),
        )

    def _refund_counts(self, before: Refund | None, after: Refund) -> None:
        self._under_way[after.invoice].pop(after.id, None)
        if after.state is RefundState.REQUESTED:
            self._under_way[after.invoice][after.id] = after
        invoice = self.invoices.get(after.invoice)
        if invoice is None or invoice.subscription is None:
            return
        if after.state is not RefundState.REQUESTED:
            self._books[invoice.subscription].open.pop(after.id, None)
        if before is None and after.state not in GONE:
            net = taxes.net_returned(after)
            self._give_back(invoice.subscription, after.invoice, net, after.id)
            if after.state is RefundState.REQUESTED:
                self._books[invoice.subscription].open[after.id] = net
        elif before is not None and before.state not in GONE and after.state in GONE:
            book = self._books[invoice.subscription]
            book.returned -= taxes.net_returned(after)
            book.came_back(self._paid_in.get(after.invoice), after.id, self._stamp(invoice))
            self._pay_owed(invoice.subscription)

    def _give_back(self, subscription: str, invoice_id: str, cents: int, name: str) -> None:
        book, invoice = self._books[subscription], self.invoices[invoice_id]
        book.returned += cents
        book.give_back(self._paid_in.get(invoice_id), cents, name, self._stamp(invoice))

    def _chargeback_counts(
        self, before: Chargeback | None, after: Chargeback, invoices: Sequence[Put]
    ) -> None:
        """Checks the taxes in what a bank takes, and counts what it took for good."""
        was = before.standing if before else "won"
        taken = self._taken[after.invoice]
        for _, stood, invoice in invoices:
            had = taken.get(after.id)
            anew = had is not None and had.amount != after.amount
            if invoice.id != after.invoice or (after.standing == was and not anew):
                continue
            taken.pop(after.id, None)
            if after.standing != "won" and (was == "won" or anew):
                minor, by_line = self._held(invoice.id)
                before_it = replace(stood, disputed_minor=minor, disputed_taxes_minor=by_line)
                taxes.taken_rightly(before_it, after, self._under_way[invoice.id].values())
            elif had is not None and after.standing != "won" and after.taxes != had.taxes:
                text = f"{after.id} took {had.taxes}, and {after.taxes} after it was decided"
                raise Violation("3", text, invoice.id)
            if after.standing != "won":
                taken[after.id] = after
            self._disputed_matches(invoice)
        name, subscription = f"{after.invoice}:{after.id}", after.subscription
        net = taxes.net_returned(after)
        if after.standing == "lost" and subscription is not None and self._lost.get(name) != net:
            if name in self._lost:
                self._lost_less(after, name)
            self._lost[name] = net
            self._give_back(subscription, after.invoice, self._lost[name], name)
        elif after.standing == "won" and subscription is not None and name in self._lost:
            self._lost_less(after, name)

    def _lost_less(self, chargeback: Chargeback, name: str) -> None:
        """Undoes what a chargeback took for good: it was won, or lost anew over another amount."""
        book = self._books[str(chargeback.subscription)]
        book.returned -= self._lost.pop(name)
        stamp = self._stamp(self.invoices[chargeback.invoice])
        book.came_back(self._paid_in.get(chargeback.invoice), name, stamp)
        self._pay_owed(str(chargeback.subscription))

    def _held(self, invoice: str) -> tuple[int, tuple[int, ...]]:
        """Returns the amount that chargebacks hold of an invoice, and of each line of its tax."""
        held = [each for each in self._taken[invoice].values() if any(each.taxes)]
        by_line = tuple(map(sum, zip(*(each.taxes for each in held), strict=True)))
        return sum(each.amount.amount_minor for each in self._taken[invoice].values()), by_line

    def _disputed_matches(self, invoice: Invoice) -> None:
        """Checks that an invoice holds what its chargebacks took, and their taxes (11)."""
        minor, by_line = self._held(invoice.id)
        if (invoice.disputed_minor, invoice.disputed_taxes_minor) != (minor, by_line):
            text = f"{invoice.id} holds {invoice.disputed_minor}, {invoice.disputed_taxes_minor}"
            raise Violation("11", f"{text}, banks took {minor}, {by_line}", invoice.id)

    def _stamp(self, invoice: Invoice) -> tuple[object, ...]:
        stands = self.subscription(invoice.subscription)
        book = self._books[str(invoice.subscription)]
        return (stands and stands.is_live, stands and stands.period, book.since)

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

    def _pay_owed(self, subscription: str) -> None:
        stands = self.subscription(subscription)
        if stands is not None:
            self._books[subscription].pay_owed(self._owed(stands), stands.period - 1)

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
