"""Set-up of the catalog: products and their price points (P-1, P-14, P-17, P-18, P-20)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from billing.kernel.catalog import (
    Limit,
    PricePoint,
    PriceTerms,
    PriceType,
    Product,
    check_gateways,
)
from billing.kernel.errors import Invalid, NotFound, Refused
from billing.kernel.gateways import Capabilities
from billing.kernel.merchants import Merchant
from billing.kernel.money import Money
from billing.kernel.ports import Ports
from billing.kernel.save_offers import SaveOffer
from billing.kernel.values import Value, replace
from billing.kernel.writes import Change, ConditionCheck, Insert, Write

MOST_PRICE_POINTS = 50

Offered = tuple[Product, tuple[PricePoint, ...]]
"""A product with its price points, in the order of the wizard."""


class Draft(Value):
    """A new product; without `grants` it grants its own id."""

    name: str
    public_listing: bool
    refund_days: int
    gateways: tuple[str, ...]
    grants: tuple[str, ...] | None
    terms: tuple[PriceTerms, ...]
    limits: tuple[Limit, ...] = ()


def check(ports: Ports, merchant: Merchant, draft: Draft) -> None:
    """Raises `Invalid` for a draft that could not be charged later; writes nothing."""
    for place, terms in enumerate(draft.terms):
        _check_terms(ports, merchant, draft.gateways, terms, f"price_points[{place}].")


def create(
    ports: Ports, merchant: Merchant, draft: Draft, *, now: datetime, named: str | None = None
) -> Offered:
    """Creates a product, its first price point the default.

    With an id in `named`, which was drawn before, it is created once however often it is asked for.
    Raises `Invalid`, and `Conflict` where a product has that id.
    """
    check(ports, merchant, draft)
    product_id = named or ports.new_id("prod")
    points = tuple(_point(ports, merchant, product_id, terms, now) for terms in draft.terms)
    product = Product(
        id=product_id,
        merchant=merchant.id,
        name=draft.name,
        created_at=now,
        gateways=draft.gateways,
        grants=draft.grants or (product_id,),
        price_points=tuple(point.id for point in points),
        default_price_point=points[0].id,
        public_listing=draft.public_listing,
        refund_days=draft.refund_days,
        limits=draft.limits,
    )
    ports.store.commit(Insert(product), *(Insert(point) for point in points))
    return product, points


def one(ports: Ports, merchant: Merchant, product: str) -> Offered:
    """Returns one product with its price points; raises `NotFound`."""
    found = _found(ports, merchant, product)
    return found, tuple(ports.store.newest_price_points(found.price_points))


def change(ports: Ports, merchant: Merchant, product: str, changes: dict[str, Any]) -> Offered:
    """Changes name, listing, refund days, gateways, grants, the default price point (P-14),
    the plans to change to, the save offer, or whether it is archived.

    Other gateways and grants are for purchases from then on. Raises `Invalid` for gateways that
    cannot charge what is on sale (P-17), and for plans that nobody can change to (A-4).
    """
    before, points = one(ports, merchant, product)
    after = before
    if (default := changes.pop("default_price_point", None)) is not None:
        if default not in before.price_points:
            raise Invalid("not_a_price_point", field="default_price_point")
        after = before.with_default(default)
    after = _pointing(replace(after, **changes), points)
    _check_changes_to(ports, merchant, set(after.changes_to) - set(before.changes_to))
    if after.save_offer is not None and after.save_offer != before.save_offer:
        _check_save_offer(ports, merchant, after.save_offer)
    if set(after.gateways) - set(before.gateways):
        for point in points:
            _check_on_sale(ports, merchant, after.gateways, point, "gateways")
    if after != before:
        ports.store.commit(Change(before, after, expecting=("price_points",)))
    return after, points


def add_price_point(
    ports: Ports,
    merchant: Merchant,
    product: str,
    terms: PriceTerms,
    *,
    now: datetime,
    named: str | None = None,
) -> tuple[Product, PricePoint]:
    """Adds a price point to a product; one whose id was drawn before, in `named`, only once.

    Raises `Invalid`, `NotFound`, `Refused`.
    """
    before = _found(ports, merchant, product)
    _check_terms(ports, merchant, before.gateways, terms, "")
    if len(before.price_points) >= MOST_PRICE_POINTS:
        raise Refused("too_many_price_points", most=MOST_PRICE_POINTS)
    point = _point(ports, merchant, product, terms, now, named)
    if point.id in before.price_points:
        kept = ports.store.price_point(point.id)
        if kept is not None and kept.terms == terms:
            return before, kept
        point = _point(ports, merchant, product, terms, now)  # other terms are another one
    after = before.with_price_point(point.id)
    ports.store.commit(Change(before, after, expecting=("gateways",)), Insert(point))
    return after, point


def remove_price_point(ports: Ports, merchant: Merchant, product: str, price_point: str) -> Offered:
    """Removes a price point from sale; the default moves on, earlier sales stay (P-14)."""
    before = _found(ports, merchant, product)
    if price_point not in before.price_points:
        raise NotFound("price_point_unknown")
    if len(before.price_points) == 1:
        raise Refused("last_price_point")
    after = before.without_price_point(price_point)
    points = (ports.store.price_point(point) for point in after.price_points)
    kept = tuple(point for point in points if point is not None)
    after = _pointing(after, kept)
    ports.store.commit(Change(before, after, expecting=("default_price_point",)))
    return after, kept


def change_price_point(
    ports: Ports, merchant: Merchant, price_point: str, changes: dict[str, Any]
) -> tuple[Product, PricePoint]:
    """Changes how a price point is cancelled, whether it is on sale, or makes it the default.

    How it is cancelled is a new version: what was sold keeps its own (P-15, P-18). Raises
    `NotFound`, and `Refused` for the last one on sale.
    """
    before = ports.store.price_point(price_point)
    if before is None or before.merchant != merchant.id:
        raise NotFound("price_point_unknown")
    product = _found(ports, merchant, before.product)
    offered, point = _on_sale(product, before.id, changes.get("archived")), before
    if point.id in set(offered.price_points) - set(product.price_points):
        _check_on_sale(ports, merchant, product.gateways, point, "archived")
    cancellation = changes.get("cancellation", before.terms.cancellation)
    if cancellation is not before.terms.cancellation:
        terms = replace(before.terms, cancellation=cancellation)
        point = replace(before, terms=terms, version=before.version + 1)
    if changes.get("default"):
        if point.id not in offered.price_points:
            raise Invalid("not_a_price_point", field="default")
        offered = offered.with_default(point.id)
    default = ports.store.price_point(offered.default_price_point)
    offered = _pointing(offered, [point, *filter(None, [default])])
    if offered != product:
        kept = ("price_points", "default_price_point", "gateways")
        writes: list[Write] = [Change(product, offered, expecting=kept)]
    else:
        # The default must not have moved here meanwhile, or it would point at the old version.
        writes = [ConditionCheck(product, expecting=("default_price_point",))]
    if point is not before:
        writes.append(Insert(point))
    if offered != product or point is not before:
        ports.store.commit(*writes)
    return offered, point


def _on_sale(product: Product, price_point: str, archived: bool | None) -> Product:
    """Returns the product with the price point taken off sale or put back; None leaves it."""
    if archived is None or archived is (price_point not in product.price_points):
        return product
    if not archived:
        if len(product.price_points) >= MOST_PRICE_POINTS:
            raise Refused("too_many_price_points", most=MOST_PRICE_POINTS)
        return product.with_price_point(price_point)
    if len(product.price_points) == 1:
        raise Refused("last_price_point")
    return product.without_price_point(price_point)


def _pointing(product: Product, points: Sequence[PricePoint]) -> Product:
    """Returns the product with the version of its default price point, the first found of it."""
    found = (p.version for p in points if p.id == product.default_price_point)
    return replace(product, default_version=next(found, product.default_version))


def _found(ports: Ports, merchant: Merchant, product: str) -> Product:
    found = ports.store.product(merchant.id, product)
    if found is None:
        raise NotFound("product_unknown")
    return found


def _point(
    ports: Ports,
    merchant: Merchant,
    product: str,
    terms: PriceTerms,
    now: datetime,
    named: str | None = None,
) -> PricePoint:
    # The id names its merchant, so that a checkout address needs nothing else.
    symbols = (named or ports.new_id("price")).partition("_")[2]
    assert symbols.isascii() and symbols.isalnum(), "an id that was drawn"
    return PricePoint(f"{merchant.id}.{symbols}", merchant.id, product, terms, now)


def _check_save_offer(ports: Ports, merchant: Merchant, offer: SaveOffer) -> None:
    """Refuses a coupon or a plan that the merchant does not have (X-11)."""
    if offer.coupon is not None and ports.store.coupon(merchant.id, offer.coupon) is None:
        raise Invalid("coupon_unknown", field="save_offer.coupon")
    if offer.price_point is not None:
        try:
            _check_changes_to(ports, merchant, {offer.price_point})
        except Invalid as wrong:
            raise wrong.at("save_offer.price_point") from None


def _check_changes_to(ports: Ports, merchant: Merchant, named: set[str]) -> None:
    """Refuses price points that are not the merchant's, and those that do not recur (A-4)."""
    own = [each for each in named if each.startswith(f"{merchant.id}.")]
    points = ports.store.newest_price_points(own) if own else []
    if len(points) < len(named):
        raise Invalid("plan_unknown", field="changes_to")
    if any(point.terms.type is not PriceType.RECURRING for point in points):
        raise Invalid("plan_not_recurring", field="changes_to")


def _check_on_sale(
    ports: Ports, merchant: Merchant, gateways: Sequence[str], point: PricePoint, field: str
) -> None:
    """Refuses to sell a price point at gateways that could not charge it, by the field that asks
    for it."""
    try:
        _check_terms(ports, merchant, gateways, point.terms, "")
    except Invalid as refused:
        raise refused.at(field) from None


def _check_terms(
    ports: Ports, merchant: Merchant, gateways: Sequence[str], terms: PriceTerms, path: str
) -> None:
    """Refuses terms at set-up that could not be charged later (P-17, P-18, P-20)."""
    currency = merchant.settings.currency
    if terms.price.currency is not currency:
        raise Invalid(
            "currency", field=f"{path}price.currency", code="currency", currency=currency.value
        )
    for gateway in gateways:
        capabilities = _capabilities(ports, merchant, gateway)
        if currency in capabilities.cannot_take:
            raise Invalid(
                "gateway_lacks_currency", field="gateways", gateway=gateway, currency=currency.value
            )
        least = capabilities.minimum_in(currency)
        if terms.price.amount_minor < least:
            raise Invalid(
                "below_gateway_minimum",
                field=f"{path}price.amount",
                gateway=gateway,
                least=Money(least, currency),
            )
        if terms.initial is not None and 0 < terms.initial.amount_minor < least:
            raise Invalid(
                "below_gateway_minimum_or_free",
                field=f"{path}initial.amount",
                gateway=gateway,
                least=Money(least, currency),
            )
        check_gateways((gateway,), {terms.type}, {gateway: set(capabilities.cannot_charge)})


def _capabilities(ports: Ports, merchant: Merchant, name: str) -> Capabilities:
    try:
        return ports.gateway(merchant.account_at(name)).capabilities
    except NotFound as unknown:
        raise Invalid(unknown.reason, field="gateways", **unknown.parameters) from None
