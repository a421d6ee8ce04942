"""The coupons of a merchant in the console: listed, made, shown with who uses them, ended (C-8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import islice
from typing import Annotated, Any
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
from billing.kernel.catalog import PricePoint
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
    sold = _on_sale(desk)
    named = {product.id: product.name for product, _ in sold}
    prices = [point for _, points in sold for point in points[::-1]][:CHOICES_MOST]
    return page(
        desk,
        "console/coupon_new.html",
        status=422 if errors else 200,
        form=typed or {"kind": coupon_forms.PERCENT, "duration": Duration.ONCE.value},
        errors=errors or {},
        durations=tuple(Duration),
        products=named,
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
    cursor, what = query.get("cursor") or None, query.get("done")
    users = _users(desk, found, cursor)
    here = f"{HERE}/{found.code}"
    return page(
        desk,
        "console/coupon.html",
        coupon=found,
        **_limits(desk, found),
        links=_links(desk, found),
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


def _on_sale(desk: Desk) -> Sequence[Offered]:
    """Returns the newest products on sale with their prices, as many as can be chosen from."""
    return product_lists.page(
        *(desk.ports, desk.session.merchant, lambda found: not found.archived),
        limit=CHOICES_MOST,
        cursor=None,
    ).data


def _limits(desk: Desk, coupon: Coupon) -> dict[str, Any]:
    """Returns the products and the prices that a coupon is limited to, by their ids."""
    limits, store = coupon.discount, desk.ports.store
    prices = store.newest_price_points(list(limits.price_points)) if limits.price_points else []
    prices = [point for point in prices if point.merchant == desk.merchant]
    ids = list(dict.fromkeys((*limits.products, *(point.product for point in prices))))
    products = store.products([(desk.merchant, each) for each in ids]) if ids else []
    return {
        "product_names": {found.id: found.name for found in products if found is not None},
        "prices": {point.id: point for point in prices},
    }


def _links(desk: Desk, coupon: Coupon) -> list[tuple[str, PricePoint, str]]:
    """Returns checkout links that apply a coupon: product, price point, address; for the newest
    products on sale."""
    public_url = desk.ports.operation.public_url
    query: dict[str, Any] = {"coupon": coupon.code}
    fitting = (
        (product.name, point)
        for product, points in _on_sale(desk)
        for point in points[::-1]
        if coupon.discount.is_for(point.product, point.id)
    )
    return [
        (
            name,
            point,
            f"{domains.checkout(public_url, desk.session.merchant, point.id)}?{urlencode(query)}",
        )
        for name, point in islice(fitting, LINKS_MOST)
    ]
