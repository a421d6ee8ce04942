"""The coupons of a merchant in the console: listed, made, shown with who uses them, ended (C-8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlencode

from billing.catalog.flows import product_lists
from billing.catalog.flows.products import Offered
from billing.console.web import coupon_forms
from billing.console.web.lists import listing, show
from billing.console.web.pages import PAGE_LENGTH, Desk, page
from billing.coupons import csv_coupons
from billing.coupons.coupons import CODE_MOST, Coupon, Duration
from billing.coupons.flows import coupons
from billing.kernel import domains
from billing.kernel.catalog import PricePoint, Product
from billing.kernel.errors import Invalid
from billing.kernel.flows import subscription_list
from billing.kernel.list_rows import SubscriptionFilter
from billing.kernel.lists import Page
from billing.kernel.subscription import Subscription
from billing.web import http
from billing.web.inputs import Cursor, Input, words
from billing.web.problems import errors_of

HERE = "/console/coupons"
CSV = "text/csv; charset=utf-8"
DONE = frozenset({"made", "ended", "allowed"})
LOOKED_THROUGH = 200
"""Subscriptions that are looked through for one page of those with a coupon."""

LINKS_MOST = 10
CHOICES_MOST = 60
"""Products, and price points, that a form offers."""


class Usable(StrEnum):
    """Coupons that can be used now, or can not."""

    YES = "yes"
    NO = "no"


class CouponsQuery(Input):
    """The filter of coupons: the beginning of a code, and whether it can be used."""

    q: Annotated[str, words(CODE_MOST)] | None = None
    usable: Usable | None = None
    cursor: Cursor | None = None


def coupon_list(desk: Desk) -> http.Answer:
    """Lists coupons by code, a page at a time."""

    def find(query: CouponsQuery) -> Page[Coupon]:
        return coupons.found(
            desk.ports,
            desk.session.merchant,
            beginning=query.q and query.q.upper(),
            usable=None if query.usable is None else query.usable is Usable.YES,
            limit=PAGE_LENGTH,
            cursor=query.cursor,
            now=desk.now,
        )

    listed = listing(desk, HERE, CouponsQuery, find)
    return show(desk, "console/coupons.html", listed, usable=tuple(Usable), now=desk.now)


def coupon_file(desk: Desk) -> http.Answer:
    """Sends coupons as CSV; the file's name says so if there are more than a file takes."""
    found = coupons.first(desk.ports, desk.session.merchant)
    return http.file("".join(csv_coupons.written(found.coupons)), found.name, CSV)


def new_page(
    desk: Desk,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, Invalid] | None = None,
) -> http.Answer:
    """Shows the form of a new coupon."""
    offered = _on_sale(desk, CHOICES_MOST)
    prices = [point for _, points in offered for point in points][:CHOICES_MOST]
    return page(
        desk,
        "console/coupon_new.html",
        status=422 if errors else 200,
        form=typed or {"kind": coupon_forms.PERCENT, "duration": Duration.ONCE.value},
        errors=errors or {},
        durations=tuple(Duration),
        products={product.id: product.name for product, _ in offered},
        prices=prices,
    )


def create(desk: Desk) -> http.Answer:
    """Makes a coupon as the form says; what is wrong comes back at its field."""
    typed = coupon_forms.kept(desk.request.form())
    merchant = desk.session.merchant
    try:
        wanted = coupon_forms.coupon(typed, merchant, desk.now)
        made = coupons.create(desk.ports, merchant, wanted)
    except Invalid as error:
        wrong = {coupon_forms.field_of(n, typed): e for n, e in errors_of(error).items()}
        return new_page(desk, typed=typed, errors=wrong)
    return http.redirect(f"{HERE}/{made.code}?done=made")


def coupon_page(desk: Desk, code: str) -> http.Answer:
    """Shows one coupon with its links, and the subscriptions that have it."""
    query, merchant = desk.request.query(), desk.session.merchant
    found = coupons.one(desk.ports, merchant, code)
    products, points = _named(desk, found)
    cursor, what = query.get("cursor") or None, query.get("done")
    users = _users(desk, found, cursor)
    here = f"{HERE}/{found.code}"
    return page(
        desk,
        "console/coupon.html",
        coupon=found,
        product_names={product.id: product.name for product in products},
        prices=points,
        links=_links(desk, found, products, points),
        users=users.data,
        can_be_used=found.can_be_used(desk.now),
        done=what if what in DONE else None,
        next_url=users.next and f"{here}?{urlencode({'cursor': users.next})}",
        first_url=here if cursor is not None else None,
    )


def switch(desk: Desk, code: str, *, active: bool) -> http.Answer:
    """Ends a coupon, or lets it be used again; purchases that have it keep it."""
    changed = coupons.switch(desk.ports, desk.session.merchant, code, active=active)
    return http.redirect(f"{HERE}/{changed.code}?done={'allowed' if active else 'ended'}")


def _users(desk: Desk, coupon: Coupon, cursor: str | None) -> Page[Subscription]:
    """Returns the subscriptions that have a coupon, of the next ones that are looked through."""
    page = subscription_list.page(
        desk.ports,
        desk.session.merchant,
        SubscriptionFilter(),
        limit=LOOKED_THROUGH,
        cursor=cursor,
        now=desk.now,
    )
    having = (s for s in page.data if s.discount is not None and s.discount.coupon == coupon.code)
    return Page(tuple(having), page.next)


def _on_sale(desk: Desk, most: int) -> tuple[Offered, ...]:
    """Returns the newest products on sale, each with its price points."""
    return product_lists.page(
        desk.ports,
        desk.session.merchant,
        lambda product: not product.archived,
        limit=most,
        cursor=None,
    ).data


def _named(desk: Desk, coupon: Coupon) -> tuple[list[Product], dict[str, PricePoint]]:
    """Returns the products that a coupon is for, the newest ones where it is for all, and their
    price points by id; however large the catalog is, no other is read."""
    store = desk.ports.store
    named = store.newest_price_points(coupon.price_points) if coupon.price_points else []
    ids = dict.fromkeys((*coupon.products, *(point.product for point in named)))
    if not ids:
        offered = _on_sale(desk, LINKS_MOST)
        every = {point.id: point for _, points in offered for point in points}
        return [product for product, _ in offered], every
    products = [each for each in store.products([(desk.merchant, i) for i in ids]) if each]
    sold = [point for product in products for point in product.price_points]
    known = store.newest_price_points(sold) if sold else []
    return products, {point.id: point for point in (*named, *known)}


def _links(
    desk: Desk, coupon: Coupon, products: Sequence[Product], points: Mapping[str, PricePoint]
) -> list[tuple[str, PricePoint, str]]:
    """Returns checkout links that apply a coupon: product, price point, address."""
    public_url, query = desk.ports.operation.public_url, urlencode({"coupon": coupon.code})
    fitting = [
        (product.name, points[point])
        for product in products
        for point in product.price_points
        if point in points and product.sells(point) and coupon.discount.is_for(product.id, point)
    ]
    return [
        (name, point, f"{domains.checkout(public_url, desk.session.merchant, point.id)}?{query}")
        for name, point in fitting[:LINKS_MOST]
    ]
