"""Taxes in every second seed, and an oracle of theirs by decimal fractions (C-7, C-10).

Buyers from Illinois owe two stacked rates, those from Germany its VAT. Nothing here uses the
product's arithmetic: rates stand here a second time, and are rounded by the decimal module.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from billing.kernel.customers import Address
from billing.kernel.identities import Identity, TaxId
from billing.kernel.invoices import Invoice, InvoiceLine
from billing.kernel.merchants import Merchant
from billing.kernel.values import replace
from billing.kernel.writes import Insert
from billing.refunds.chargebacks import Chargeback
from billing.refunds.refunds import Refund, RefundState
from billing.tax.rates import DatedRate, TaxPlace
from billing.tax.registrations import Registration, TaxSetup
from billing.tax.sums import TaxDay
from sim.invariants import Violation
from sim.seen import ASKED, OF_TAX

ILLINOIS = Address("1 Main Street", "Springfield", "US", postal_code="12345", state="IL")
GERMANY = Address("Unter den Linden 1", "Berlin", "DE", postal_code="10117")

VAT_REGISTERED = Identity("Sellers GmbH", (TaxId("DE", "DE136695976"),), "", "", e_invoices=True)

RATES: Mapping[str, Sequence[tuple[str, str, Decimal]]] = {
    "US": (
        ("US-IL", "Illinois", Decimal("0.0625")),
        ("US-IL", "Springfield", Decimal("0.035")),
    ),
    "DE": (("DE", "VAT", Decimal("0.19")),),
}
"""By the country of the buyer: jurisdiction, name and rate."""

LONG_AGO = date(2020, 1, 1)


def address_of(purchase: int, *, taxed: bool) -> Address:
    """Returns where a buyer lives: in taxed seeds one in three in Germany."""
    return GERMANY if taxed and purchase % 3 == 0 else ILLINOIS


def registered(merchant: Merchant) -> tuple[Merchant, tuple[Insert, ...]]:
    """Returns a merchant who collects tax, and the items of that."""
    setup = TaxSetup(
        merchant.id,
        (
            Registration("reg_il", "US", "IL", began_on=LONG_AGO),
            Registration("reg_eu", "EU", home="DE", began_on=LONG_AGO),
        ),
        rates=1,
        by_postal_code=("US-IL",),
    )
    state = TaxPlace(merchant.id, 1, "US", "IL", rates=(DatedRate("Illinois", 62_500),))
    city = TaxPlace(merchant.id, 1, "US", "IL", "123", (DatedRate("Springfield", 35_000),))
    since = merchant.created_at
    after = replace(merchant, tax_since=since, address=GERMANY, identity=VAT_REGISTERED)
    return after, (Insert(setup), Insert(state), Insert(city))


def net_of(lines: Iterable[InvoiceLine]) -> int:
    """Returns the sum of the lines that are no tax, in minor units."""
    return sum(line.amount.amount_minor for line in lines if line.tax is None)


def taxed_rightly(
    invoice: Invoice, *, collects: bool, tax_went_back: bool = False, all_of_it: bool = False
) -> None:
    """Checks that an invoice has the taxes of its buyer's place on its net amount, each rounded
    once, and that its total is what its lines come to.

    What it takes off of a payment whose tax went back is taken off without: with `tax_went_back`
    each of these lines may be so, with `all_of_it` each of them is.
    """
    net = net_of(invoice.lines)
    taxes = [(x.kind, x.text, x.amount.amount_minor) for x in invoice.lines if x.tax is not None]
    taken_off = [
        line.amount.amount_minor
        for line in invoice.lines
        if line.tax is None and line.coupon is None and line.amount.amount_minor < 0
    ]
    taxed = {net}
    if all_of_it:
        taxed = {net - sum(taken_off)}
    elif tax_went_back:
        for minor in taken_off:
            taxed |= {each - minor for each in taxed}
    owed = [_owed(each, invoice, collects=collects) for each in sorted(taxed)]
    if taxes not in owed:
        raise Violation("3", f"{invoice.id}: taxes {taxes} on {net}, owed {owed}", invoice.id)
    total = net + sum(minor for _, _, minor in taxes)
    if invoice.total.amount_minor != total:
        raise Violation("3", f"{invoice.id} is over {invoice.total}, its lines {total}", invoice.id)


def _owed(net: int, invoice: Invoice, *, collects: bool) -> list[tuple[str, str, int]]:
    rates = RATES[invoice.bill_to.address.country] if collects else ()
    return [(place, name, half_up(Decimal(net) * rate)) for place, name, rate in rates]


def half_up(exact: Decimal) -> int:
    """Rounds to the minor unit, half away from zero."""
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


def returned_rightly(invoice: Invoice, refund: Refund) -> None:
    """Checks that a refund returns each tax in proportion to what is left, as the invoice stood
    before it, and no more than is left: one made past us waits for what ours has reserved."""
    amount = refund.amount.amount_minor
    if amount > (left := _left_minor(invoice)):
        raise Violation(
            "11", f"{refund.id} over {amount} is booked where {left} is left", invoice.id
        )
    wanted = _share_of_taxes(invoice, amount)
    if is_of_tax(refund):
        wanted = tuple(_taxes_left(invoice))
        if sum(wanted) != amount or refund.took is not None:
            text = f"{refund.id} over {amount} of tax takes {refund.took}, {wanted} is left"
            raise Violation("3", text, invoice.id)
    if refund.taxes != wanted:
        text = f"{refund.id} over {amount} returns {refund.taxes}, owed {wanted}"
        raise Violation("3", text, invoice.id)


def taken_rightly(invoice: Invoice, chargeback: Chargeback, under_way: Iterable[Refund]) -> None:
    """Checks that a bank takes each tax in proportion to what is left, as the invoice stood before.

    Refunds under way hold nothing back where there is no room for both.
    """
    amount, taxes = chargeback.amount.amount_minor, chargeback.taxes
    left, taxes_left = _left_minor(invoice), _taxes_left(invoice)
    if amount > left:
        for refund in under_way:
            left += refund.amount.amount_minor
            taxes_left = [tax + back for tax, back in zip(taxes_left, refund.taxes, strict=True)]
    part = min(Decimal(1), Decimal(amount) / left) if left > 0 else Decimal(0)
    wanted = tuple(half_up(tax * part) for tax in taxes_left)
    if taxes != wanted:
        text = f"{chargeback.id} over {amount} takes {taxes}, {wanted} is its part"
        raise Violation("3", text, invoice.id)


def is_without_its_tax(invoice: Invoice) -> bool:
    """Tells whether no tax is left of a payment, and something else is."""
    refunded = bool(invoice.refund_taxes_minor)
    return _left_minor(invoice) > 0 and refunded and not any(_taxes_left(invoice))


def _share_of_taxes(invoice: Invoice, amount_minor: int) -> tuple[int, ...]:
    """Returns the part of each tax that goes back with an amount, in proportion to what is left."""
    part = Decimal(amount_minor) / _left_minor(invoice)
    return tuple(half_up(tax * part) for tax in _taxes_left(invoice))


def _left_minor(invoice: Invoice) -> int:
    total = invoice.total.amount_minor
    return total - invoice.refund_reserved_minor - invoice.disputed_minor


def _taxes_left(invoice: Invoice) -> list[int]:
    paid = [line.amount.amount_minor for line in invoice.lines if line.tax is not None]
    none = (0,) * len(paid)
    refunded, disputed = invoice.refund_taxes_minor or none, invoice.disputed_taxes_minor or none
    return [tax - a - b for tax, a, b in zip(paid, refunded, disputed, strict=True)]


def is_of_tax(refund: Refund) -> bool:
    """Tells whether a refund was asked for as one of tax alone."""
    return (refund.reason or "").startswith(f"{ASKED} {OF_TAX} ")


def net_returned(back: Refund | Chargeback) -> int:
    """Returns the net part of a refund or a chargeback in minor units."""
    return back.amount.amount_minor - sum(back.taxes)


def booked_rightly(found: Mapping[type, list[Any]], balances: Counter[tuple[str, str]]) -> None:
    """Moves the taxes of payments and refunds from sales to their accounts in the balances that
    are expected, and checks that the report has as much of each (C-7)."""
    owed: Counter[tuple[str, str]] = Counter()
    went = {RefundState.SUCCEEDED}
    for invoice in {e.id: e for e in found[Invoice] if e.charge is not None}.values():
        for line in invoice.lines:
            if line.tax is not None:
                owed[invoice.merchant, line.kind] += line.amount.amount_minor
    invoices = {e.id: e for e in found[Invoice]}
    for refund in found[Refund]:
        if refund.state in went:
            lines = [x for x in invoices[refund.invoice].lines if x.tax is not None]
            for line, minor in zip(lines, refund.taxes, strict=True):
                owed[refund.merchant, line.kind] -= minor
    for (merchant, place), minor in owed.items():
        balances[merchant, f"liabilities:tax:{place}"] -= minor
        balances[merchant, "revenue:sales"] += minor
    _reported(found, owed)


def _reported(found: Mapping[type, list[Any]], owed: Counter[tuple[str, str]]) -> None:
    reported: Counter[tuple[str, str]] = Counter()
    for day in found[TaxDay]:
        reported[day.merchant, day.jurisdiction] += day.tax_minor
    for key in owed.keys() | reported.keys():
        if owed[key] != reported[key]:
            raise Violation("18", f"{key}: {reported[key]} of tax reported, {owed[key]} owed")
