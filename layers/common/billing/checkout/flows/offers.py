"""Offers: what a checkout page shows, as it is now (C-1, C-6)."""

from __future__ import annotations

from datetime import datetime

from billing.kernel import charge_eligibility, pricing
from billing.kernel.catalog import PricePoint, Product
from billing.kernel.customers import BillTo
from billing.kernel.disclosures import Disclosure
from billing.kernel.discounts import Discount
from billing.kernel.errors import NotFound
from billing.kernel.gateways import AccountRef
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.taxes import UNTAXED, Taxation
from billing.kernel.values import Value, replace
from billing.tax.flows import business

CHANGED = "offer_changed"
"""The code of the refusal of an offer that is not as it was shown."""


class Offer(Value):
    """The content of a checkout page: seller, product, and the price today and after.

    `stopped` is why nothing can be bought now, None where it can. `before_tax` is the
    quote that was shown while nobody knew where the buyer is, None as long as that is so; `buyer`
    is then who is taxed, with their tax id confirmed where it could be. `discount`
    is what a coupon takes off, `minimum_minor` the least that the gateway charges.
    """

    merchant: Merchant
    product: Product
    price_point: PricePoint
    gateway: str
    account: str
    test: bool
    quote: pricing.Quote
    stopped: charge_eligibility.Hold | None
    before_tax: pricing.Quote | None = None
    buyer: BillTo | None = None
    discount: Discount | None = None
    minimum_minor: int = 0

    @property
    def sold_at(self) -> AccountRef:
        """Returns the gateway account that it is sold at."""
        return AccountRef(self.merchant.id, self.gateway, self.account)


def offer(ports: Ports, price_point: str, *, now: datetime, gateway: str | None = None) -> Offer:
    """Returns the present offer of a price point; raises `NotFound`.

    It is sold through one of its product's gateways, or the first.
    """
    point = ports.store.price_point(price_point)
    if point is None:
        raise NotFound("offer_unknown")
    product = ports.store.product(point.merchant, point.product)
    (merchant,), switch = ports.store.merchants_and_switch([point.merchant])
    assert product is not None and merchant is not None, "written before its price points"
    merchant = merchant.as_of(now)
    if not product.sells(point.id):
        raise NotFound("offer_ended")
    if gateway is not None and gateway not in product.gateways:
        raise NotFound("offer_not_by_gateway")
    at = ports.gateway(merchant.account_at(gateway or product.gateways[0]))
    quote = pricing.quote(point.terms, product.name, now, merchant.settings.time_zone)
    stopped = ports.switched(switch).stopped(merchant)
    return Offer(
        merchant,
        product,
        point,
        at.name,
        at.account,
        at.capabilities.test,
        quote,
        stopped,
        minimum_minor=at.capabilities.minimum_in(point.terms.price.currency),
    )


def with_coupon(ports: Ports, offered: Offer, typed: str, *, now: datetime) -> Offer:
    """Returns an offer with what a coupon takes off it; raises `Refused` (coupon_unknown,
    coupon_over, coupon_not_for_this)."""
    from billing.coupons.flows import uses

    found = uses.usable(
        ports,
        offered.merchant.id,
        typed,
        product=offered.product.id,
        price_point=offered.price_point.id,
        currency=offered.price_point.terms.price.currency,
        now=now,
    )
    given = replace(offered, discount=found.discount)
    return replace(given, quote=_quoted(given, UNTAXED))


def without_coupon(offered: Offer) -> Offer:
    """Returns an offer as it was before a coupon was typed."""
    without = replace(offered, discount=None)
    return replace(without, quote=_quoted(without, UNTAXED), before_tax=None)


def _quoted(offered: Offer, owed: Taxation) -> pricing.Quote:
    shown = offered.quote.anchor
    return pricing.quote(
        offered.price_point.terms,
        offered.product.name,
        shown.instant,
        shown.zone,
        taxation=owed,
        discount=offered.discount,
        minimum_minor=offered.minimum_minor,
    )


def taxed(ports: Ports, offered: Offer, buyer: BillTo, *, now: datetime) -> Offer:
    """Returns an offer with the taxes that a buyer owes; raises `Invalid` where their address lacks
    what these depend on (C-10)."""
    if offered.before_tax is not None:
        return offered
    buyer, owed = business.of_buyer(ports, offered.merchant, buyer, now=now)
    quote = _quoted(offered, owed)
    return replace(offered, quote=quote, before_tax=offered.quote, buyer=buyer)


def agreed(offered: Offer, shown: str | None, language: str) -> Disclosure | None:
    """Returns the disclosure that a buyer saw, by its digest; None if it is not what is offered.

    A page that did not know yet where they are may have shown the same total without its taxes.
    """
    now = disclosed(offered, language)
    if shown is None or shown == now.digest:
        return now
    before = _before_tax(offered, language)
    if before is None or before.total != offered.quote.total:
        return None
    return before if shown == before.digest else None


def is_as_before_tax(offered: Offer, shown: str | None, language: str) -> bool:
    """Tells whether a buyer was shown the offer as it is, but for the taxes of their address."""
    before = _before_tax(offered, language)
    return before is not None and before.digest == shown


def is_as_before_coupon(offered: Offer, shown: str | None, language: str) -> bool:
    """Tells whether a buyer was shown the offer as it is, but for a coupon that they typed last."""
    if offered.discount is None or shown is None:
        return False
    return disclosed(without_coupon(offered), language).digest == shown


def _before_tax(offered: Offer, language: str) -> Disclosure | None:
    before = offered.before_tax
    return None if before is None else disclosed(replace(offered, quote=before), language)


def disclosed(offered: Offer, language: str) -> Disclosure:
    """Returns the disclosure of an offer that a buyer sees before they pay (C-1, C-6)."""
    from billing.render import wording  # not needed by a buyer who comes back from the bank

    terms, product = offered.price_point.terms, offered.product.name
    return wording.disclosure(offered.merchant, product, terms, offered.quote, language)
