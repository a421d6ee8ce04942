"""Taxes on an invoice: rates, what they are on, and their rounding (C-7, C-10).

The arithmetic alone; which rates apply to whom is decided in the package `tax`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from billing.kernel.invoices import Invoice, InvoiceLine, LineTax
from billing.kernel.money import Money, half_up
from billing.kernel.values import Value, replace

PPM = 1_000_000
"""Rates are whole millionths: 7.25 % is 72,500."""


class TaxRate(Value, order=True):
    """A rate of one jurisdiction: `US-CA` or `DE`, its name as printed, its rate in millionths."""

    jurisdiction: str
    name: str
    ppm: int


class Taxation(Value):
    """The taxes on what one buyer buys.

    `reverse_charge` is the tax that the buyer owes instead of the seller; it is printed, with 0.
    """

    rates: tuple[TaxRate, ...] = ()
    reverse_charge: TaxRate | None = None

    @property
    def ppm(self) -> int:
        """All rates together, in millionths."""
        return sum(rate.ppm for rate in self.rates)

    def on(self, net_minor: int) -> int:
        """Returns all taxes on a net amount, rounded half up as one."""
        return share_of(net_minor, self.ppm, PPM)

    def within(self, gross_minor: int) -> int:
        """Returns all taxes within a gross amount, rounded half up as one."""
        return share_of(gross_minor, self.ppm, PPM + self.ppm)

    def net_of(self, price: Money, *, inclusive: bool) -> Money:
        """Returns a price before tax."""
        if not inclusive:
            return price
        return replace(price, amount_minor=price.amount_minor - self.within(price.amount_minor))


UNTAXED = Taxation()


class Taxes(Value):
    """The taxes on what is charged now, and those on the payments that credit comes from.

    `paid` maps the id of an invoice to the taxes that it was paid with; None leaves all taxes out,
    where amounts before tax are wanted.
    """

    now: Taxation = UNTAXED
    paid: Mapping[str, Taxation] | None = None

    def of(self, invoice: str | None) -> Taxation:
        """Returns the taxes of an invoice; none for None, which was not taxed."""
        return UNTAXED if invoice is None or self.paid is None else self.paid[invoice]

    def by_taxation(self, parts: Mapping[str | None, int]) -> dict[Taxation, int]:
        """Adds amounts up that were paid with the same taxes; `parts` is by invoice."""
        alike = dict[Taxation, int]()
        for invoice, minor in parts.items():
            taxation = self.of(invoice)
            alike[taxation] = alike.get(taxation, 0) + minor
        return alike

    def and_of(self, invoice: str) -> Taxes:
        """Returns them with those of an invoice that will be charged with the taxes of now."""
        return self if self.paid is None else replace(self, paid={**self.paid, invoice: self.now})


BEFORE_TAX = Taxes()


def of_invoice(invoice: Invoice) -> Taxation:
    """Returns the taxes that an invoice was charged with, not those of what it took off; none once
    its tax alone was refunded, so that nothing takes it off again."""
    if invoice.has_its_tax_refunded:
        return UNTAXED
    taxes = [
        (line, line.tax)
        for line in invoice.lines
        if line.tax is not None and line.tax.taxable_minor >= 0
    ]
    owed = (line for line, tax in taxes if tax.reverse_charge)
    return Taxation(
        tuple(
            TaxRate(line.kind, line.text, tax.rate_ppm)
            for line, tax in taxes
            if not tax.reverse_charge
        ),
        next((TaxRate(line.kind, line.text, 0) for line in owed), None),
    )


class Taxable(Value):
    """A line as its price says, with the taxes on it; `inclusive` if they are in that price."""

    line: InvoiceLine
    taxation: Taxation
    inclusive: bool = False

    @property
    def amount_minor(self) -> int:
        return self.line.amount.amount_minor

    @property
    def gross_minor(self) -> int:
        """The amount with its taxes, rounded half up as one."""
        return self.amount_minor + (0 if self.inclusive else self.taxation.on(self.amount_minor))


def taxed(lines: Sequence[Taxable]) -> tuple[tuple[InvoiceLine, ...], Money]:
    """Returns the net lines in their order, then a line for each rate, and the total of all (C-10).

    Each rate is rounded once, half up, over all lines that it is on. Where prices include their
    tax, the tax of all rates is taken once out of the sum.
    """
    assert lines, "an invoice has a line"
    net: dict[int, InvoiceLine] = {}
    taxes: list[InvoiceLine] = []
    alike: dict[Taxation, list[int]] = {}
    for place, each in enumerate(lines):
        alike.setdefault(each.taxation, []).append(place)
    for taxation, places in alike.items():
        amounts, tax_lines = _taxed_alike(taxation, [lines[place] for place in places])
        for place, amount_minor in zip(places, amounts, strict=True):
            line = lines[place].line
            net[place] = replace(line, amount=replace(line.amount, amount_minor=amount_minor))
        taxes += tax_lines
    made = (*(net[place] for place in range(len(lines))), *taxes)
    nothing = replace(made[0].amount, amount_minor=0)
    return made, sum((line.amount for line in made), nothing)


def _taxed_alike(
    taxation: Taxation, lines: Sequence[Taxable]
) -> tuple[list[int], list[InvoiceLine]]:
    """Returns the net amounts of lines with the same taxes, and the lines of these taxes."""
    inclusive = any(each.inclusive for each in lines)
    if inclusive:
        gross = [each.gross_minor for each in lines]
        tax = taxation.within(sum(gross))
        # A price that a coupon takes to nothing has no tax; it is shown beside its discount.
        net = spread(sum(gross) - tax, gross) if sum(gross) else gross
        shares = spread(tax, [rate.ppm for rate in taxation.rates])
    else:
        net = [each.amount_minor for each in lines]
        shares = [share_of(sum(net), rate.ppm, PPM) for rate in taxation.rates]
    money = lines[0].line.amount
    taxable = sum(net)
    made = [
        InvoiceLine(
            rate.jurisdiction,
            rate.name,
            replace(money, amount_minor=share),
            LineTax(rate.ppm, taxable, included=inclusive),
        )
        for rate, share in zip(taxation.rates, shares, strict=True)
    ]
    if taxation.reverse_charge is not None:
        owed = taxation.reverse_charge
        nothing = replace(money, amount_minor=0)
        stated = LineTax(0, taxable, reverse_charge=True)
        made.append(InvoiceLine(owed.jurisdiction, owed.name, nothing, stated))
    return net, made


def spread(whole: int, weights: Sequence[int]) -> list[int]:
    """Splits an amount in proportion to weights, to the unit, by largest remainder.

    The parts add up to the whole. Of equal remainders the first is rounded up; where the weights
    add up to nothing, the first part is the whole.
    """
    if not weights:
        return []
    total = sum(weights)
    if not total:
        return [whole, *[0] * (len(weights) - 1)]
    parts = [divmod(whole * weight, total) for weight in weights]
    floors = [floor for floor, _ in parts]
    by_remainder = sorted(range(len(parts)), key=lambda place: -abs(parts[place][1]))
    for place in by_remainder[: whole - sum(floors)]:
        floors[place] += 1
    return floors


def returned(left: Sequence[int], amount_minor: int, total_minor: int) -> tuple[int, ...]:
    """Returns how much of each tax goes back with a part of a payment (C-10, B-7).

    `left` is what is left of each tax, `total_minor` of the whole payment: in proportion, rounded
    half up, so that whatever goes back last takes the rest. Where several taxes are rounded the
    same way, they could be more than goes back, or so little that the rest is less than its taxes:
    the furthest rounded are then rounded the other way.
    """
    assert 0 < amount_minor <= total_minor, "no more goes back than is left"
    shares = [share_of(tax, amount_minor, total_minor) for tax in left]
    net, tax = total_minor - sum(left), sum(shares)
    if net < 0:
        return tuple(shares)
    off = min(max(tax, amount_minor - net), amount_minor) - tax
    way = 1 if off > 0 else -1
    above = [a * total_minor - b * amount_minor for a, b in zip(shares, left, strict=True)]
    for place in sorted(range(len(shares)), key=lambda place: way * above[place])[: abs(off)]:
        shares[place] += way
    return tuple(shares)


def taxables_returned(invoice: Invoice, amount_minor: int, taxes: Sequence[int]) -> tuple[int, ...]:
    """Returns how much of what each tax is on goes back with a refund of its invoice (C-10).

    That is the refund's share of the net amount. Of a refund of tax alone it is the tax's own share
    of what was charged: so much was not to be taxed at that rate.
    """
    net = amount_minor - sum(taxes)
    of_tax_alone = not net and bool(invoice.net)
    return tuple(
        _untaxed(line, line.tax, back)
        if of_tax_alone
        else _taxable_returned(invoice, line.tax, net, amount_minor)
        for line, back in zip(invoice.tax_lines, taxes, strict=True)
        if line.tax is not None
    )


def _untaxed(line: InvoiceLine, tax: LineTax, back: int) -> int:
    """Returns how much of what a tax is on is not taxed, once so much of the tax went back."""
    charged = abs(line.amount.amount_minor)
    return share_of(tax.taxable_minor, abs(back), charged) if charged else 0


def _taxable_returned(invoice: Invoice, tax: LineTax, net_minor: int, gross_minor: int) -> int:
    """Returns how much of what a tax is on goes back with a refund that is not of tax alone.

    Where credit that had been taxed otherwise left less net than the tax is on, the share of the
    net amount would be too coarse: it is the one of the whole amount.
    """
    net = invoice.net.amount_minor
    if net >= abs(tax.taxable_minor):
        return share_of(tax.taxable_minor, net_minor, net) if net else 0
    return share_of(tax.taxable_minor, gross_minor, invoice.total.amount_minor)


def total_of(lines: Iterable[InvoiceLine]) -> int:
    """Returns the sum of the lines of tax, in minor units."""
    return sum(line.amount.amount_minor for line in lines if line.is_tax)


def share_of(amount_minor: int, numerator: int, denominator: int) -> int:
    """Returns a share of an amount, rounded half up by its size: a refund mirrors its payment."""
    share = half_up(abs(amount_minor * numerator), denominator)
    return share if amount_minor * numerator >= 0 else -share
