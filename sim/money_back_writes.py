"""Books what goes back of a subscription's payments, with its taxes (B-7, W-4).

The oracle of `value_writes.py` judges by these books what payments are worth.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime

from billing.kernel.invoices import Invoice
from billing.kernel.subscription import Subscription
from billing.kernel.values import replace
from billing.refunds.chargebacks import Chargeback
from billing.refunds.refunds import Refund, RefundState
from sim import taxes
from sim.books import Book
from sim.invariants import CALL, Violation
from sim.items import Put
from sim.seen import Seen

GONE = {RefundState.FAILED, RefundState.RETURNED}


class MoneyBackWrites(Seen):
    """Checks that no payment is given back twice, and each with its taxes."""

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
        self._tax_went_back: dict[str, datetime] = {}
        """The payments whose tax alone went back, or was about to, and since when."""

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

    def _owed(self, stands: Subscription | None) -> int:
        was = self._valued.get(stands.id) if stands else None
        return max(0, -was.credit_minor) if was else 0

    def _pay_owed(self, subscription: str) -> None:
        stands = self.subscription(subscription)
        if stands is not None:
            self._books[subscription].pay_owed(self._owed(stands), stands.period - 1)

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
