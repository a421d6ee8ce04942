"""Offers: what a checkout page shows, as it is now (C-1, C-6)."""

from __future__ import annotations

from datetime import datetime

from billing.kernel import charge_eligibility, pricing
from billing.kernel.catalog import PricePoint, Product
from billing.kernel.customers import BillTo
from billing.kernel.disclosures import Disclosure
from billing.kernel.errors import NotFound
from billing.kernel.gateways import AccountRef
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import Value, replace
from billing.tax.flows import business


class Offer(Value):
    """The content of a checkout page: seller, product, and the price today and after.

    `stopped` is why nothing can be bought now, None where it can. `before_tax` is the
    quote that was shown while nobody knew where the buyer is, None as long as that is so; `buyer`
    is then who is taxed, with their tax id confirmed where it could be.
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


def taxed(ports: Ports, offered: Offer, buyer: BillTo, *, now: datetime) -> Offer:
    """Returns an offer with the taxes that a buyer owes; raises `Invalid` where their address lacks
    what these depend on (C-10)."""
    if offered.before_tax is not None:
        return offered
    shown = offered.quote
    buyer, owed = business.of_buyer(ports, offered.merchant, buyer, now=now)
    terms, zone = offered.price_point.terms, shown.anchor.zone
    quote = pricing.quote(terms, offered.product.name, shown.anchor.instant, zone, taxation=owed)
    return replace(offered, quote=quote, before_tax=shown, buyer=buyer)


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


def _before_tax(offered: Offer, language: str) -> Disclosure | None:
    before = offered.before_tax
    return None if before is None else disclosed(replace(offered, quote=before), language)


def disclosed(offered: Offer, language: str) -> Disclosure:
    """Returns the disclosure of an offer that a buyer sees before they pay (C-1, C-6)."""
    from billing.render import wording  # not needed by a buyer who comes back from the bank

    terms, product = offered.price_point.terms, offered.product.name
    return wording.disclosure(offered.merchant, product, terms, offered.quote, language)
