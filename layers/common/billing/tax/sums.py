"""Sums of sales and taxes, by day and place (C-7): the report, and the thresholds of nexus.

Sums are kept in shards, so that busy merchants do not wait for one item.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from billing.kernel import states
from billing.kernel.invoices import Invoice
from billing.kernel.money import Currency
from billing.kernel.taxes import taxables_returned
from billing.kernel.values import Value, replace
from billing.kernel.writes import Entity
from billing.tax.countries import jurisdiction


class TaxDay(Entity):
    """The sums of one rate on one day of the merchant's zone; refunds count against it.

    `orders` counts payments, not refunds. Amounts are minor units.
    """

    merchant: str
    day: date
    jurisdiction: str
    name: str
    ppm: int
    currency: Currency
    test: bool
    shard: int
    taxable_minor: int = 0
    tax_minor: int = 0
    orders: int = 0

    def plus(self, taxable_minor: int, tax_minor: int, orders: int) -> TaxDay:
        return replace(
            self,
            taxable_minor=self.taxable_minor + taxable_minor,
            tax_minor=self.tax_minor + tax_minor,
            orders=self.orders + orders,
        )


class SalesYear(Entity):
    """The sales to one jurisdiction in a calendar year, taxed or not, before tax (C-7)."""

    merchant: str
    year: int
    jurisdiction: str
    currency: Currency
    shard: int
    revenue_minor: int = 0
    orders: int = 0

    def plus(self, revenue_minor: int, orders: int) -> SalesYear:
        return replace(
            self, revenue_minor=self.revenue_minor + revenue_minor, orders=self.orders + orders
        )


class ReportRow(Value):
    """One row of a tax report: a rate, what it was on, and how many payments had it.

    `test` is for payments of the sandbox.
    """

    country: str
    state: str | None
    name: str
    ppm: int
    currency: Currency
    test: bool
    taxable_minor: int
    tax_minor: int
    orders: int


def empty_days(invoice: Invoice, day: date, shard: int) -> list[TaxDay]:
    """Returns the sums that an invoice's lines of tax belong to, in their order, with nothing in
    them."""
    return [
        TaxDay(
            invoice.merchant,
            day,
            line.kind,
            line.text,
            line.tax.rate_ppm,
            invoice.total.currency,
            invoice.test,
            shard,
        )
        for line in invoice.lines
        if line.tax is not None
    ]


def of_payment(invoice: Invoice) -> list[tuple[int, int, int]]:
    """Returns what a payment adds to the sums of its lines of tax: net, tax, orders."""
    return [
        (line.tax.taxable_minor, line.amount.amount_minor, 1)
        for line in invoice.lines
        if line.tax is not None
    ]


def of_refund(
    invoice: Invoice, amount_minor: int, taxes: Sequence[int]
) -> list[tuple[int, int, int]]:
    """Returns what a refund adds to the sums: its part of what was taxed, and its taxes, both
    negative."""
    taxables = taxables_returned(invoice, amount_minor, taxes)
    return [(-taxable, -back, 0) for taxable, back in zip(taxables, taxes, strict=True)]


def added_up(
    days: Sequence[TaxDay], parts: Sequence[tuple[int, int, int]]
) -> dict[TaxDay, tuple[int, int, int]]:
    """Adds up what an invoice adds to each sum; its lines may have one rate twice.

    Credit that is taken off with the taxes of its payment has a line of its own for each of them,
    also where only another rate has changed since. It is one payment all the same.
    """
    made: dict[TaxDay, tuple[int, int, int]] = {}
    for day, (taxable, tax, orders) in zip(days, parts, strict=True):
        taxable_so_far, tax_so_far, orders_so_far = made.get(day, (0, 0, 0))
        made[day] = taxable_so_far + taxable, tax_so_far + tax, max(orders_so_far, orders)
    return made


def place_of(invoice: Invoice) -> str:
    """Returns the jurisdiction that an invoice was sold to."""
    address = invoice.bill_to.address
    return jurisdiction(address.country, states.code(address.country, address.state))


def report(days: Iterable[TaxDay]) -> list[ReportRow]:
    """Adds days up to a row for each rate, in order of place and name; the sandbox's come last."""
    rows: dict[tuple[bool, str, str, int, Currency], tuple[int, int, int]] = {}
    for day in days:
        key = (day.test, day.jurisdiction, day.name, day.ppm, day.currency)
        taxable, tax, orders = rows.get(key, (0, 0, 0))
        rows[key] = (taxable + day.taxable_minor, tax + day.tax_minor, orders + day.orders)
    made = []
    for (test, place, name, ppm, currency), sums in sorted(rows.items()):
        country, _, state = place.partition("-")
        made.append(ReportRow(country, state or None, name, ppm, currency, test, *sums))
    return made
