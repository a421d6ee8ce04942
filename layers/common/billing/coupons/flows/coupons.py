"""A merchant's coupons: made, listed, ended (C-8)."""

from __future__ import annotations

from datetime import datetime

from billing.coupons import coupons, terms
from billing.coupons.coupons import Coupon
from billing.kernel.cursors import position_in, seal
from billing.kernel.errors import Conflict, Invalid, NotFound
from billing.kernel.flows.paging import pages
from billing.kernel.lists import Page
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import Value, replace
from billing.kernel.writes import Change, Insert

LIST = "coupons"
READ_MOST = 500
PART, PARTS_MOST = 500, 40
"""The coupons of one read of a download, and the most reads."""


def create(ports: Ports, merchant: Merchant, coupon: Coupon) -> Coupon:
    """Makes a coupon; raises `Invalid` for wrong terms, a product or price point that is not the
    merchant's, and a code that is taken."""
    checked = terms.check(coupon, merchant.settings.currency)
    _refuse_unknown(ports, merchant, checked)
    try:
        ports.store.commit(Insert(checked))
    except Conflict:
        raise Invalid("coupon_taken", field="code") from None
    return checked


def one(ports: Ports, merchant: Merchant, code: str) -> Coupon:
    """Returns a coupon by its code; raises `NotFound`."""
    known = coupons.code_of(code)
    found = None if known is None else ports.store.coupon(merchant.id, known)
    if found is None:
        raise NotFound("coupon_unknown")
    return found


def page(ports: Ports, merchant: Merchant, *, limit: int, cursor: str | None) -> Page[Coupon]:
    """Lists a merchant's coupons by code."""
    after = None if cursor is None else position_in(cursor, LIST)
    found = ports.store.coupons(merchant.id, limit=limit + 1, after=after)
    shown = tuple(found[:limit])
    return Page(shown, seal(shown[-1].code, LIST) if len(found) > limit else None)


def found(
    ports: Ports,
    merchant: Merchant,
    *,
    beginning: str | None,
    usable: bool | None,
    limit: int,
    cursor: str | None,
    now: datetime,
) -> Page[Coupon]:
    """Lists coupons by code: those with a beginning, and those that can, or can not, be used now.

    At most `READ_MOST` are looked through for a page, which may be short and have a next one.
    """
    start = None if beginning is None else coupons.before(beginning)
    after = start if cursor is None else position_in(cursor, LIST)
    shown: list[Coupon] = []
    read = ports.store.coupons(merchant.id, limit=READ_MOST, after=after)
    for each in read:
        if beginning is not None and not each.code.startswith(beginning):
            return Page(tuple(shown), None)
        if usable is None or each.can_be_used(now) is usable:
            shown.append(each)
        if len(shown) == limit and each != read[-1]:
            return Page(tuple(shown), seal(each.code, LIST))
    return Page(tuple(shown), seal(read[-1].code, LIST) if len(read) == READ_MOST else None)


class Download(Value):
    """Coupons by code for a file; `cut` where there are more of them."""

    coupons: tuple[Coupon, ...]
    cut: bool

    @property
    def name(self) -> str:
        """The file's name, which says so."""
        return f"coupons-first-{len(self.coupons)}.csv" if self.cut else "coupons.csv"


def first(ports: Ports, merchant: Merchant) -> Download:
    """Returns coupons by code for a download, the first 20,000."""

    def page_at(cursor: str | None) -> Page[Coupon]:
        return page(ports, merchant, limit=PART, cursor=cursor)

    parts = list(pages(page_at, at_most=PARTS_MOST))
    return Download(
        tuple(found for part in parts for found in part.data), parts[-1].next is not None
    )


def switch(ports: Ports, merchant: Merchant, code: str, *, active: bool) -> Coupon:
    """Ends a coupon, or lets it be used again; purchases that have it keep it."""
    found = one(ports, merchant, code)
    after = replace(found, active=active)
    if after != found:
        ports.store.commit(Change(found, after))
    return after


def _refuse_unknown(ports: Ports, merchant: Merchant, coupon: Coupon) -> None:
    for place, product in enumerate(coupon.products):
        if ports.store.product(merchant.id, product) is None:
            raise Invalid("product_unknown", field=f"products[{place}]")
    for place, price_point in enumerate(coupon.price_points):
        found = ports.store.price_point(price_point)
        if found is None or found.merchant != merchant.id:
            raise Invalid("price_point_unknown", field=f"price_points[{place}]")
