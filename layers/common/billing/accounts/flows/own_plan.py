"""An account owner's purchases at the platform: the plan, what else runs, and the plans it can
change to (A-2 .. A-5)."""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.accounts import accounts
from billing.accounts.accounts import Account
from billing.accounts.flows import account as signing
from billing.cancel.flows import cancel
from billing.catalog.flows import product_lists
from billing.customers.flows import customer_view
from billing.customers.purchases import Purchase
from billing.kernel.catalog import PricePoint, PriceTerms, PriceType, Product
from billing.kernel.errors import NotFound, Refused, Unavailable, Unfinished
from billing.kernel.flows.paging import pages
from billing.kernel.merchants import Merchant
from billing.kernel.orders import PAYMENTS
from billing.kernel.ports import Ports
from billing.kernel.subscription import Source, Subscription
from billing.kernel.values import Value, replace
from billing.plans.flows import usage
from billing.portal.flows import portal
from billing.refunds import value
from billing.refunds.payment import Payment

WINDOW_MOST = timedelta(days=3652)
"""The longest guarantee that is looked for: no window of refunds is longer."""

OFFERED_MOST, PAGES_MOST = 100, 10
"""The newest plans that are offered, and the pages of products that are read to find them."""

PAYMENTS_MOST = 100
"""The entries among which the payment is that it covers."""


class Offer(Value):
    """A plan that can be bought or changed to; `over` lists the limits that are exceeded, each with
    the amount in use and the amount allowed."""

    product: Product
    price_point: PricePoint
    over: tuple[tuple[str, int, int], ...] = ()


def bought(ports: Ports, account: Account, *, now: datetime) -> customer_view.Account:
    """Returns everything that the owner has bought of the platform; raises `NotFound` where that is
    nothing."""
    platform = signing.platform_merchant(ports)
    customer = ports.store.customer_by_email(platform.id, account.email)
    if customer is None:
        raise NotFound("no_plan_bought")
    owned = customer_view.account(ports, platform, customer, now=now)
    access = ports.store.entitlements(platform.id, customer, accounts.GRANT)
    return replace(owned, history=replace(owned.history, entitlements=tuple(access)))


def plan(ports: Ports, owned: customer_view.Account) -> tuple[Purchase, Subscription]:
    """Returns the running plan, of several the newest; raises `NotFound`."""
    granted = {each.source for each in owned.history.entitlements}
    for purchase in owned.purchases:
        if purchase.id in granted and purchase.is_live and purchase.subscription is not None:
            return purchase, purchase.subscription
    raise NotFound("no_plan_runs")


def offers(ports: Ports) -> list[Offer]:
    """Lists the plans that are sold: price points of the platform's products that open an
    account."""
    platform = signing.platform_merchant(ports)

    def is_plan(product: Product) -> bool:
        return accounts.GRANT in product.grants and not product.archived

    read = pages(
        lambda cursor: product_lists.page(
            ports, platform, is_plan, limit=OFFERED_MOST, cursor=cursor
        ),
        at_most=PAGES_MOST,
    )
    newest_first = [offered for page in read for offered in page.data][:OFFERED_MOST]
    return [
        Offer(product, point)
        for product, points in reversed(newest_first)
        for point in points
        if product.sells(point.id)
    ]


def changes(ports: Ports, seller: Merchant, found: Subscription, *, now: datetime) -> list[Offer]:
    """Lists the plans that a running one can change to, each with the limits that are exceeded
    (A-4).

    A trial is for new purchases only, so a plan that is sold with one and without is shown once.
    """
    used = usage.of(ports, seller, now)
    shown: dict[tuple[str, PriceTerms], Offer] = {}
    for offer in sorted(offers(ports), key=lambda each: each.price_point.terms.initial is not None):
        standard = offer.price_point.terms.standard
        if standard.type is PriceType.RECURRING and (
            (offer.product.id, standard) != (found.product, found.terms.standard)
        ):
            over = usage.over(offer.product, used)
            shown.setdefault((offer.product.id, standard), replace(offer, over=over))
    return sorted(shown.values(), key=lambda each: each.price_point.terms.price.amount_minor)


def others(owned: customer_view.Account, than: str) -> list[Purchase]:
    """Lists the owner's other purchases that still charge, and may be ended along with the plan
    (A-3)."""
    return [p for p in owned.purchases if p.is_live and p.id != than and p.may_cancel]


def end(
    ports: Ports,
    owned: customer_view.Account,
    subscriptions: list[str],
    *,
    reason: str | None,
    comment: str | None,
    now: datetime,
) -> None:
    """Cancels a plan and whatever else was ticked, as their price points say; self-service for the
    platform's own, whatever its portal's mode (A-3, X-8). Raises `Unfinished` after the first."""
    for place, subscription in enumerate(subscriptions):
        _, found = owned.purchase(subscription)
        try:
            cancel.request(
                ports,
                found,
                when=portal.when_of(found),
                source=Source.CUSTOMER,
                now=now,
                reason=reason,
                comment=comment,
            )
        except Refused as refused:
            if refused.code not in {"already_cancelled", "completed"}:
                raise
        except Unavailable as outage:
            if place == 0:
                raise
            raise Unfinished("The plan is cancelled, not all of the rest.") from outage


def guarantee(
    ports: Ports, owned: customer_view.Account, found: Subscription, *, now: datetime
) -> tuple[Payment, datetime] | None:
    """Returns the latest payment of a plan that the guarantee still covers, and until when
    (A-2)."""
    platform, zone = owned.merchant, owned.merchant.settings.time_zone
    page = ports.store.orders_of(
        platform.id, owned.customer.id, since=now - WINDOW_MOST, limit=PAYMENTS_MOST
    )
    paid = [o for o in page.data if o.subscription == found.id and o.kind in PAYMENTS]
    days = customer_view.refund_days(ports, platform, [order.product for order in paid])
    for order in paid:
        over = value.window_ends_at(order.at, days.get(order.product, 0), zone)
        if order.invoice is None or not days.get(order.product) or now >= over:
            continue
        read = ports.store.payment(platform.id, owned.customer.id, order.invoice)
        payment = Payment.of(read, order.id)
        if portal.why_not_refunded(ports, owned, payment, now) is None:
            return payment, over - timedelta(microseconds=1)  # its last day, to its last moment
    return None
