"""Coupons in every second seed, and an oracle of theirs by fractions (C-8).

The terms stand here a second time, as the specification words them. What each payment is lowered
by, how often, and how many uses there are, is counted here from what was written; nothing here uses
the product's arithmetic.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from billing.checkout.checkouts import Checkout, CheckoutState
from billing.coupons.coupons import Coupon, CouponUse, Duration
from billing.kernel.gateways import Capabilities
from billing.kernel.invoices import UNDER_WAY, Invoice, InvoiceLine, LineKind
from billing.kernel.merchants import Merchant
from billing.kernel.money import Currency, Money
from billing.kernel.schedule import ChargeKind
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value, replace
from billing.kernel.writes import Insert
from sim.chance import Chance
from sim.invariants import I, Violation
from sim.items import Put
from sim.seen import Seen

MINIMUM = 50
"""The least that the gateway charges in a seed with coupons, in minor units."""


class Terms(Value):
    """A coupon as the specification words it.

    It takes off a share of a price, or so many cents; of so many payments, None of all; of an
    initial price too. `most` uses in all, `each` by one person; `only` at the price points with
    these numbers.
    """

    share: Fraction | None = None
    cents: int = 0
    payments: int | None = None
    initial: bool = False
    most: int | None = None
    each: int | None = None
    only: tuple[int, ...] = ()

    def off(self, price: int) -> int:
        """Returns what is taken off a price, in minor units, half up."""
        if self.share is not None:
            return int(price * self.share + Fraction(1, 2))
        return min(self.cents, price)


CODES: Mapping[str, Terms] = {
    "HALF": Terms(share=Fraction(1, 2), payments=1),
    "THIRD": Terms(share=Fraction(3333, 10_000), payments=3, initial=True),
    "EVER": Terms(cents=250, most=4),
    "TINY": Terms(cents=980, payments=2, each=1),
    "FULL": Terms(share=Fraction(1), payments=2, initial=True, most=2),
    "ONLY": Terms(share=Fraction(1, 4), only=(0, 1)),
}


def made(merchant: Merchant) -> list[Insert]:
    """Returns the coupons of a merchant, as the product keeps them."""
    return [Insert(_made(merchant, code, terms)) for code, terms in CODES.items()]


def _made(merchant: Merchant, code: str, terms: Terms) -> Coupon:
    durations = {None: Duration.FOREVER, 1: Duration.ONCE}
    duration = durations.get(terms.payments, Duration.REPEATING)
    share = terms.share
    return Coupon(
        merchant.id,
        code,
        merchant.created_at,
        duration,
        basis_points=None if share is None else int(share * 10_000),
        amount_off=None if share is not None else Money(terms.cents, Currency.USD),
        charges=terms.payments if duration is Duration.REPEATING else None,
        applies_to_initial=terms.initial,
        price_points=tuple(f"{merchant.id}.price{number}" for number in terms.only),
        max_uses=terms.most,
        max_uses_per_customer=terms.each,
    )


def with_minimum(capabilities: Capabilities) -> Capabilities:
    """Returns a gateway's capabilities with a minimum, under which a coupon may leave something."""
    return replace(capabilities, minimum_minor=MINIMUM)


def typed(seed: int, purchase: int) -> str | None:
    """Draws the code that a buyer types, if any; a few type one that there is not.

    In some seeds all that type one type the same, so that they meet.
    """
    chance, hot = Chance(seed, f"coupon {purchase}"), Chance(seed, "hot coupon")
    if chance.happens(0.3):
        return None
    if hot.happens(0.4):
        return hot.pick(("HALF", "EVER", "FULL", "THIRD"))
    return chance.pick((*CODES, *CODES, "NOBODY"))


def off_minor(lines: tuple[InvoiceLine, ...]) -> int:
    """Returns what the lines of an invoice take off by a coupon, in minor units."""
    return -sum(line.amount.amount_minor for line in lines if line.coupon is not None)


def carried_minor(lines: tuple[InvoiceLine, ...]) -> int:
    """Returns what the lines of an invoice carry to the next one, in minor units."""
    return -sum(line.amount.amount_minor for line in lines if line.kind == LineKind.POSTPONED)


class CouponWrites(Seen):
    """Checks that each paid payment is lowered as a coupon says, and no payment more; and that uses
    are those that were paid or are being paid, never above a limit."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        super().__init__(now_us)
        self._in_use: dict[str, tuple[str, int | None]] = {}
        self._takers: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._given: dict[tuple[str, str], int] = defaultdict(int)
        self._uses: dict[tuple[str, str], int] = defaultdict(int)
        self._buyers: dict[str, tuple[str, ...]] = {}
        self._lowered: dict[str, str] = {}
        self.taking: set[str] = set()

    def _coupons_stand(self, by_type: dict[type, list[Put]]) -> None:
        """Checks one write; what stood before it is what was seen before."""
        for _, before, after in by_type.get(Coupon, ()):
            self._coupon(before, after)
        for _, before, after in by_type.get(Checkout, ()):
            self._buys_with(before, after)
        for _, before, after in by_type.get(Invoice, ()):
            if before is None and after.state is not I.PAID:
                self._lowered_rightly(after, by_type)
        for _, before, after in by_type.get(Subscription, ()):
            self._keeps(before, after, by_type)
        if by_type.keys() & {Coupon, Checkout}:
            self._uses_are_taken()

    def _coupon(self, before: Coupon | None, after: Coupon) -> None:
        most = CODES[after.code].most
        if after.uses < 0 or (most is not None and after.uses > most):
            raise Violation("30", f"{after.merchant} {after.code} was used {after.uses} times")
        self._uses[after.merchant, after.code] = after.uses

    def _buys_with(self, before: Checkout | None, after: Checkout) -> None:
        if after.discount is None:
            if off_minor(after.invoice.lines):
                raise Violation("30", f"{after.key} is lowered by no coupon", after.key)
            return
        code = after.discount.coupon
        if before is None:
            self._first_lowered(after, CODES[code])
        takers = self._takers[after.merchant, code]
        paying = after.state is CheckoutState.OPEN and after.invoice.state in UNDER_WAY
        has = after.state is CheckoutState.PAID or (paying and bool(after.invoice.total))
        (takers.add if has else takers.discard)(after.key)
        if after.method is not None:
            card, email = after.method.fingerprint or "", after.bill_to.email.lower()
            self._buyers.setdefault(after.key, (f"card {card}", f"email {email}"))

    def _uses_are_taken(self) -> None:
        for merchant, code in {*self._takers, *self._given, *self._uses}:
            takers = self._takers[merchant, code]
            uses, given = self._uses[merchant, code], self._given[merchant, code]
            if uses != len(takers) + given:
                text = f"{merchant} {code}: {uses} uses, taken by {sorted(takers)}"
                raise Violation("30", text, *takers)
            each = CODES[code].each
            for known in {known for key in takers for known in self._buyers.get(key, ())}:
                by_one = [key for key in takers if known in self._buyers.get(key, ())]
                if each is not None and len(by_one) > each:
                    raise Violation("30", f"{merchant} {code} was used by {known} twice", *by_one)

    def _first_lowered(self, bought: Checkout, terms: Terms) -> None:
        """Checks the first payment of a purchase against its coupon."""
        invoice, initial = bought.invoice, bought.terms.initial
        if terms.only and int(bought.price_point.rpartition("price")[2]) not in terms.only:
            raise Violation("30", f"{bought.key} has a coupon of another price", bought.key)
        price = bought.terms.price.amount_minor if initial is None else initial.amount_minor
        off = terms.off(price) if initial is None or terms.initial else 0
        payments = bought.terms.standard_payments
        follows = initial is not None or payments is None or payments > 1
        self._agrees_with_terms(invoice, price, off, 0, follows=follows)

    def _lowered_rightly(self, invoice: Invoice, by_type: dict[type, list[Put]]) -> None:
        """Checks a renewal that is opened, and a change of plan, which no coupon lowers."""
        if invoice.subscription is None or invoice.kind is ChargeKind.INITIAL:
            return
        off = off_minor(invoice.lines)
        if invoice.plan_change is not None:
            if off:
                raise Violation("30", f"the change of plan {invoice.id} is lowered", invoice.id)
            return
        opened = [a for _, b, a in by_type.get(Subscription, ()) if a.id == invoice.subscription]
        if invoice.seq == 1 or not opened:
            return
        stands = opened[0]
        price = stands.terms.price.amount_minor
        frozen = any(line.kind == LineKind.FREEZE for line in invoice.lines)
        terms = None if frozen else self._terms_of(stands)
        exact = 0 if terms is None else terms.off(price)
        last = stands.payments_made + 1 == stands.terms.standard_payments
        self._agrees_with_terms(invoice, price, exact, invoice.credit_minor, follows=not last)
        if terms is not None:
            self._lowered[invoice.id] = self._in_use[stands.id][0]

    def _terms_of(self, stands: Subscription) -> Terms | None:
        """Returns the coupon in use on the plan that a subscription is on by then."""
        code, _ = self._in_use.get(stands.id, (None, None))
        if code is None:
            return None
        terms = CODES[code]
        number = stands.price_point.rpartition("price")[2]
        return None if terms.only and int(number) not in terms.only else terms

    @staticmethod
    def _agrees_with_terms(
        invoice: Invoice, price: int, off: int, credit: int, *, follows: bool
    ) -> None:
        """Checks the lines that lower an invoice, and what is left under the gateway's minimum."""
        lowered, carried = off_minor(invoice.lines), carried_minor(invoice.lines)
        left, total = price - off - credit, invoice.total.amount_minor
        if 0 < total < MINIMUM and off:
            raise Violation("30", f"{invoice.id} is over {total}, too little", invoice.id)
        rightly = (lowered, carried) == (off, 0)
        if off and not total and left:
            # Too little is carried on, with what was owed; where nothing follows it is waived.
            rightly = (lowered, carried) == ((off, left) if follows else (off + left, 0))
            rightly = rightly and left < MINIMUM
        if not rightly:
            text = f"{invoice.id}: {lowered} off {price}, {carried} carried; {off} is right"
            raise Violation("30", text, invoice.id, invoice.purchase)

    def _keeps(
        self, before: Subscription | None, after: Subscription, by_type: dict[type, list[Put]]
    ) -> None:
        """Checks what a subscription keeps of its coupon, counting payments that were paid."""
        if before is None:
            self._begins(after, by_type)
        elif after.id in self._in_use and self._terms_of(after) is None:
            del self._in_use[after.id]  # the plan that it is on by now is not its own
        elif before.discount is None and after.discount is not None:
            self._is_given(before, after)
        elif after.id in self._in_use:
            for _, was, now in by_type.get(Invoice, ()):
                paid = now.state is I.PAID and (was is None or was.state is not I.PAID)
                if paid and now.subscription == after.id and now.id in self._lowered:
                    self._count(after.id)
            taken = before.discount is not None and after.discount is None
            if taken and after.id in self.taking and before.period == after.period:
                del self._in_use[after.id]
        code, left = self._in_use.get(after.id, (None, None))
        kept = after.discount
        has = (None, None) if kept is None else (kept.coupon, kept.charges_left)
        if has != (code, left):
            text = f"{after.id} keeps the coupon {has}, by its payments {code, left}"
            raise Violation("30", text, after.id, after.customer)

    def _is_given(self, before: Subscription, after: Subscription) -> None:
        """Counts the use of a coupon that a merchant gives; it lowers nothing that is open."""
        assert after.discount is not None, "it is given"
        code = after.discount.coupon
        if before.open_invoice is not None:
            raise Violation("30", f"{after.id} was given {code} with an open invoice", after.id)
        self._in_use[after.id] = (code, CODES[code].payments)
        self._given[after.merchant, code] += 1
        self.tally["coupons_given"] += 1

    def _begins(self, after: Subscription, by_type: dict[type, list[Put]]) -> None:
        bought = [c for _, _, c in by_type.get(Checkout, ()) if c.purchase == after.id]
        if not bought or bought[0].discount is None:
            return
        code = bought[0].discount.coupon
        self._in_use[after.id] = (code, CODES[code].payments)
        self.tally["coupons_used"] += 1
        if bought[0].invoice.kind is ChargeKind.STANDARD:
            self._count(after.id)

    def _count(self, subscription: str) -> None:
        """Counts one more payment that a coupon lowered."""
        code, left = self._in_use[subscription]
        self.tally["payments_lowered"] += 1
        if left is not None:
            if left == 1:
                del self._in_use[subscription]
            else:
                self._in_use[subscription] = (code, left - 1)


def uses_agree(found: Mapping[type, list[Any]]) -> None:
    """Checks that in the end each coupon was used as often as somebody bought with it, and each
    person's uses are theirs."""
    bought: dict[tuple[str, str], int] = defaultdict(int)
    for checkout in found[Checkout]:
        if checkout.discount is not None and checkout.state is CheckoutState.PAID:
            bought[checkout.merchant, checkout.discount.coupon] += 1
    for coupon in found[Coupon]:
        paid = bought[coupon.merchant, coupon.code]
        if coupon.uses < paid:
            raise Violation("30", f"{coupon.code} has {coupon.uses} uses, {paid} bought with it")
    for use in found[CouponUse]:
        if not 0 <= use.uses <= (CODES[use.coupon].each or 0):
            raise Violation("30", f"{use.subject} has used {use.coupon} {use.uses} times")
