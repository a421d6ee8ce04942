"""Offers: what a checkout page shows, as it is now (C-1, C-6)."""

from __future__ import annotations

from datetime import datetime

from billing.kernel import charge_eligibility, pricing
from billing.kernel.catalog import PricePoint, Product
from billing.kernel.disclosures import Disclosure
from billing.kernel.errors import NotFound
from billing.kernel.gateways import AccountRef
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import Value


class Offer(Value):
    """The content of a checkout page: seller, product, and the price today and after.

    `stopped` is why nothing can be bought now, None where it can.
    """

    merchant: Merchant
    product: Product
    price_point: PricePoint
    gateway: str
    account: str
    test: bool
    quote: pricing.Quote
    stopped: charge_eligibility.Hold | None

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
    test = at.capabilities.test
    return Offer(merchant, product, point, at.name, at.account, test, quote, stopped)


def disclosed(offered: Offer, language: str) -> Disclosure:
    """Returns the disclosure of an offer that a buyer sees before they pay (C-1, C-6)."""
    from billing.render import wording  # not needed by a buyer who comes back from the bank

    terms, product = offered.price_point.terms, offered.product.name
    return wording.disclosure(offered.merchant, product, terms, offered.quote, language)
