"""How an invoice is drawn up: amount, tax, gateway account and Order ID, all final (R-1, P-19)."""

from __future__ import annotations

from datetime import datetime

from billing.catalog import PricePoint, Product
from billing.customers import BillTo
from billing.orders import Invoice, OrderKind
from billing.pricing import Quote, lines_for
from billing.schedule import ChargeKind
from billing.subscription import Subscription


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
) -> Invoice:
    """The invoice of a purchase, numbered 1 of what it owns from now on."""
    rebills = price_point.terms.rebills
    return Invoice(
        id=f"{purchase}.0001",
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
    )


def following(
    subscription: Subscription, bill_to: BillTo, *, order_id: str, download_key: str, now: datetime
) -> Invoice:
    """The invoice of a subscription's next standard payment."""
    scheduled_at = subscription.period_at
    assert scheduled_at is not None, "asked only of what may be charged"
    lines, total = lines_for(subscription.terms.price, subscription.product_name, bill_to.address)
    seq = subscription.seq + 1
    return Invoice(
        id=f"{subscription.id}.{seq:04d}",
        merchant=subscription.merchant,
        customer=subscription.customer,
        purchase=subscription.id,
        subscription=subscription.id,
        seq=seq,
        kind=ChargeKind.STANDARD,
        period=subscription.period,
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
        scheduled_at=scheduled_at,
        language=subscription.language,
        test=subscription.test,
    )
