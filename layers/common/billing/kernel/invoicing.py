"""Creates invoices: amount, tax, gateway account and Order ID, all final (R-1, P-19, C-10)."""

from __future__ import annotations

from bisect import bisect
from datetime import datetime

from billing.kernel.catalog import PricePoint, PriceTerms, Product
from billing.kernel.customers import BillTo
from billing.kernel.discounts import Discount
from billing.kernel.funds import Funds
from billing.kernel.hand_off import HandOff
from billing.kernel.invoice_lines import coupon_of, postponed_minor
from billing.kernel.invoices import Invoice, InvoiceLine, LineKind
from billing.kernel.money import Money
from billing.kernel.orders import OrderKind
from billing.kernel.periods import days_between
from billing.kernel.plans import PlanChange
from billing.kernel.pricing import Quote, chargeable, sold
from billing.kernel.schedule import ChargeKind
from billing.kernel.subscription import Subscription
from billing.kernel.taxes import BEFORE_TAX, Taxable, Taxation, Taxes, taxed
from billing.kernel.values import Value, replace


def invoice_id(purchase: str, seq: int) -> str:
    """Returns the id of one of a purchase's invoices; `seq` counts from 1."""
    return f"{purchase}.{seq:04d}"


def first_invoice_id(purchase: str) -> str:
    """Returns the id of the invoice that began a purchase."""
    return invoice_id(purchase, 1)


def next_invoice_id(subscription: Subscription) -> str:
    """Returns the id of the invoice that a subscription opens next."""
    return invoice_id(subscription.id, subscription.seq + 1)


def first(
    price_point: PricePoint,
    product: Product,
    quote: Quote,
    *,
    customer: str,
    purchase: str,
    bill_to: BillTo,
    gateway: str,
    gateway_account: str,
    order_id: str,
    download_key: str,
    language: str,
    test: bool,
    now: datetime,
    hand_off: HandOff | None = None,
) -> Invoice:
    """Returns the first invoice of a purchase, with sequence number 1."""
    rebills = price_point.terms.rebills
    until = quote.service_until(price_point.terms)
    return Invoice(
        id=first_invoice_id(purchase),
        merchant=product.merchant,
        customer=customer,
        purchase=purchase,
        subscription=purchase if rebills else None,
        seq=1,
        kind=quote.kind,
        period=None if quote.kind is ChargeKind.INITIAL else 0,
        total=quote.total,
        lines=quote.lines,
        gateway=gateway,
        gateway_account=gateway_account,
        payment_method="",
        order_id=order_id,
        order_kind=OrderKind.SALE,
        product=product.id,
        product_name=product.name,
        price_point=price_point.id,
        bill_to=bill_to,
        download_key=download_key,
        opened_at=now,
        scheduled_at=now,
        language=language,
        test=test,
        days=days_between(now, until, quote.anchor.zone),
        hand_off=hand_off,
    )


def following(
    subscription: Subscription,
    bill_to: BillTo,
    *,
    order_id: str,
    download_key: str,
    now: datetime,
    minimum_minor: int,
    taxes: Taxes,
) -> Invoice:
    """Returns the invoice of a subscription's next standard payment, on the plan in force then."""
    renewing = subscription.renewing()
    lines, total, used = _due(subscription, minimum_minor, taxes)
    scheduled_at = renewing.period_at
    assert scheduled_at is not None, "asked only of what may be charged"
    drawn = _drawn(renewing, lines, total, bill_to, order_id, download_key, now)
    return replace(
        drawn,
        period=renewing.period,
        scheduled_at=scheduled_at,
        credit_minor=used,
        days=days_between(
            scheduled_at, renewing.served_until(renewing.period), renewing.anchor.zone
        ),
    )


def for_change(
    subscription: Subscription,
    change: PlanChange,
    lines: tuple[InvoiceLine, ...],
    total: Money,
    bill_to: BillTo,
    *,
    order_id: str,
    download_key: str,
    now: datetime,
) -> Invoice:
    """Returns the invoice of a plan change, for the quoted amount; it pays for no period (A-4)."""
    changed = subscription.changed_to(change)
    drawn = _drawn(changed, lines, total, bill_to, order_id, download_key, now)
    until = changed.served_until(changed.period - 1)
    return replace(drawn, plan_change=change, days=days_between(now, until, changed.anchor.zone))


def next_charge(subscription: Subscription, minimum_minor: int, taxes: Taxes = BEFORE_TAX) -> Money:
    """Returns the amount of the next standard payment, less credit, with its taxes (A-4, P-19)."""
    return _due(subscription, minimum_minor, taxes)[1]


def price_less_credit(
    terms: PriceTerms,
    discount: Discount | None,
    credit_minor: int,
    minimum_minor: int,
    taxation: Taxation,
) -> Money:
    """Returns what is charged of a price after its discount and credit, with the taxes of all."""
    price = terms.price if discount is None else discount.reduced(terms.price)
    net = taxation.net_of(price, inclusive=terms.tax_inclusive).amount_minor
    used = replace(price, amount_minor=-_used(net, credit_minor, minimum_minor))
    lines = [Taxable(InvoiceLine(LineKind.CHARGE, "", price), taxation, terms.tax_inclusive)]
    if used:
        lines.append(Taxable(InvoiceLine(LineKind.CREDIT, "", used), taxation))
    total = taxed(lines)[1]
    too_little = discount is not None and total.amount_minor < minimum_minor
    return replace(total, amount_minor=0) if too_little else total


class ComingPayment(Value):
    """The next standard payment: its total with taxes, the credit that it uses, the amount that it
    carries on, and the coupon that lowers it."""

    total: Money
    credit_minor: int
    postponed_minor: int
    coupon: str | None


def coming(
    subscription: Subscription, minimum_minor: int, taxes: Taxes = BEFORE_TAX
) -> ComingPayment:
    """Returns the next standard payment, as it will be invoiced."""
    lines, total, used = _due(subscription, minimum_minor, taxes)
    return ComingPayment(total, used, postponed_minor(lines), coupon_of(lines))


def _due(
    subscription: Subscription, minimum_minor: int, taxes: Taxes
) -> tuple[tuple[InvoiceLine, ...], Money, int]:
    """Returns the lines of the next standard payment, their total, and the credit that it uses.

    Where a coupon leaves less than the gateway's minimum, all credit is used before the rest is
    carried on: an amount is credited or owed, never both.
    """
    renewing = subscription.renewing()
    used = _credit_used(renewing, minimum_minor, taxes)
    lines = _renewal_lines(renewing, used, taxes)
    if renewing.next_discount is not None and subscription.credit_minor > 0:
        total = taxed(lines)[1].amount_minor
        if 0 < total < minimum_minor:
            used = min(subscription.credit_minor, _net_price(renewing, taxes))
            lines = _renewal_lines(renewing, used, taxes)
    follows = renewing.payments_made + 1 != renewing.terms.standard_payments
    return *chargeable(lines, minimum_minor, follows=follows), used


def _net_price(renewing: Subscription, taxes: Taxes) -> int:
    """Returns the price of a standard payment less its discount, before tax, in minor units."""
    terms, discount = renewing.terms, renewing.next_discount
    price = terms.price if discount is None else discount.reduced(terms.price)
    return taxes.now.net_of(price, inclusive=terms.tax_inclusive).amount_minor


def _credit_used(renewing: Subscription, minimum_minor: int, taxes: Taxes) -> int:
    """Returns the credit to use; negative for an amount that was owed.

    Credit is money before tax, so it pays for the price before tax. Where it was paid with other
    taxes than are due now, so much less is used that the total is nothing or at least the gateway's
    minimum.
    """
    used = _used(_net_price(renewing, taxes), renewing.credit_minor, minimum_minor)
    if used <= 0:
        return used

    def total(part: int) -> int:
        return taxed(_renewal_lines(renewing, part, taxes))[1].amount_minor

    for least in (0, minimum_minor):
        # The more is used, the less is left to pay: the most that leaves so much.
        if total(used) < least:
            used = max(0, bisect(range(used), -least, key=lambda part: -total(part)) - 1)
        if (left := total(used)) == 0 or left >= minimum_minor:
            return used
    return 0


def _used(price: int, credit_minor: int, minimum_minor: int) -> int:
    """Returns the credit to use on a price.

    As much as there is, but so that the rest to charge is nothing, or at least the gateway's
    minimum (P-18).
    """
    used = min(credit_minor, price)
    if used > 0 and 0 < price - used < minimum_minor:
        return max(0, price - minimum_minor)
    return used


def _renewal_lines(renewing: Subscription, used: int, taxes: Taxes) -> list[Taxable]:
    name, terms = renewing.product_name, renewing.terms
    kind = LineKind.FREEZE if renewing.is_frozen else LineKind.CHARGE
    charge = InvoiceLine(kind, name, terms.price)
    discount = renewing.next_discount
    lines = sold(charge, taxes.now, discount, inclusive=terms.tax_inclusive)
    if used < 0:
        owed = replace(terms.price, amount_minor=-used)
        lines.append(Taxable(InvoiceLine(LineKind.OWED, name, owed), taxes.now))
    return lines + credit_lines(renewing.money, used, name, terms.price, taxes)


def credit_lines(money: Funds, used: int, name: str, price: Money, taxes: Taxes) -> list[Taxable]:
    """Returns the lines of credit that is used up, with the taxes that its payments had (C-10)."""
    return [
        Taxable(
            InvoiceLine(LineKind.CREDIT, name, replace(price, amount_minor=-minor)),
            taxation,
        )
        for taxation, minor in taxes.by_taxation(money.credit_by_tax(max(0, used))).items()
    ]


def _drawn(
    subscription: Subscription,
    lines: tuple[InvoiceLine, ...],
    total: Money,
    bill_to: BillTo,
    order_id: str,
    download_key: str,
    now: datetime,
) -> Invoice:
    return Invoice(
        id=next_invoice_id(subscription),
        merchant=subscription.merchant,
        customer=subscription.customer,
        purchase=subscription.id,
        subscription=subscription.id,
        seq=subscription.seq + 1,
        kind=ChargeKind.STANDARD,
        period=None,
        total=total,
        lines=lines,
        gateway=subscription.gateway,
        gateway_account=subscription.gateway_account,
        payment_method=subscription.payment_method,
        order_id=order_id,
        order_kind=OrderKind.REBILL,
        product=subscription.product,
        product_name=subscription.product_name,
        price_point=subscription.price_point,
        bill_to=bill_to,
        download_key=download_key,
        opened_at=now,
        scheduled_at=now,
        language=subscription.language,
        test=subscription.test,
        hand_off=subscription.hand_off,
    )
