"""Another price for subscriptions that run, in the console: announced, and taken back (X-12)."""

from __future__ import annotations

from datetime import datetime

from billing.api.web.queries import start_of
from billing.console.web.pages import Desk, page
from billing.kernel.catalog import PricePoint, PriceType
from billing.kernel.errors import BillingError, Invalid, NotFound, Refused
from billing.kernel.flows import subscriptions
from billing.kernel.money import Money
from billing.plans.flows import announce_price
from billing.web import http
from billing.web.problems import errors_of

TYPED_MOST = 40
DATE_LENGTH = 10


def form(desk: Desk, subscription: str, *, refused: BillingError | None = None) -> http.Answer:
    """Shows the fields of a price for one subscription, or the price that is announced."""
    return _page(desk, subscription, refused=refused)


def announce(desk: Desk, subscription: str) -> http.Answer:
    """Announces a price; a wrong field or a rule that forbids it is said on the page."""
    found = subscriptions.fresh(desk.ports, desk.merchant, subscription)
    try:
        price, starts_at = _given(desk, found.terms.price)
        announce_price.announce(desk.ports, found, price, starts_at, now=desk.now)
    except Invalid as wrong:
        return _page(desk, subscription, errors=errors_of(wrong))
    except Refused as refused:
        return _page(desk, subscription, refused=refused)
    return http.redirect(f"/console/subscriptions/{subscription}/price?done=announced")


def take_back(desk: Desk, subscription: str) -> http.Answer:
    """Takes the price back that stood on the page."""
    found = subscriptions.fresh(desk.ports, desk.merchant, subscription)
    shown = desk.request.form().get("change", "")
    if found.price_change is not None and found.price_change.id != shown:
        return _page(desk, subscription)
    try:
        announce_price.take_back(desk.ports, found, now=desk.now)
    except Refused as refused:
        return _page(desk, subscription, refused=refused)
    return http.redirect(f"/console/subscriptions/{subscription}/price?done=taken_back")


def form_for_all(desk: Desk, product: str, price_point: str) -> http.Answer:
    """Shows the fields of a price for all subscriptions at a price point."""
    return _page_for_all(desk, product, price_point)


def announce_to_all(desk: Desk, product: str, price_point: str) -> http.Answer:
    """Starts to announce a price to all, or to take it back, in the background."""
    point, what = _point(desk, product, price_point), "announced"
    try:
        if "take_back" in desk.request.form():
            what = "taken_back"
            announce_price.take_back_of_all(desk.ports, desk.merchant, point.id, desk.now)
        else:
            price, starts_at = _given(desk, point.terms.price)
            announce_price.announce_to_all(
                desk.ports, desk.merchant, point.id, price, starts_at, desk.now
            )
    except Invalid as wrong:
        return _page_for_all(desk, product, price_point, errors=errors_of(wrong))
    except Refused as refused:
        return _page_for_all(desk, product, price_point, refused=refused)
    here = f"/console/products/{product}/prices/{price_point}/announce"
    return http.redirect(f"{here}?done={what}")


def _given(desk: Desk, present: Money) -> tuple[Money, datetime]:
    typed = desk.request.form()
    price = Money.typed(
        typed.get("price", "").strip()[:TYPED_MOST], present.currency, field="price"
    )
    day = typed.get("from", "").strip()[:DATE_LENGTH]
    if not day:
        raise Invalid("required", field="from")
    return price, start_of(day, desk.session.merchant.settings.time_zone, "from")


def _page(
    desk: Desk,
    subscription: str,
    *,
    errors: dict[str, Invalid] | None = None,
    refused: BillingError | None = None,
) -> http.Answer:
    found = subscriptions.fresh(desk.ports, desk.merchant, subscription).as_of(desk.now)
    return page(
        desk,
        "console/announced_price.html",
        status=422 if errors else 409 if refused else 200,
        subscription=found,
        change=found.price_change,
        at=found.new_price_at(desk.now),
        **_shown(desk, errors, refused),
    )


def _page_for_all(
    desk: Desk,
    product: str,
    price_point: str,
    *,
    errors: dict[str, Invalid] | None = None,
    refused: BillingError | None = None,
) -> http.Answer:
    point = _point(desk, product, price_point)
    return page(
        desk,
        "console/announced_price_of_all.html",
        status=422 if errors else 409 if refused else 200,
        point=point,
        product=product,
        last=announce_price.last_run(desk.ports, desk.merchant, point.id),
        **_shown(desk, errors, refused),
    )


def _shown(
    desk: Desk, errors: dict[str, Invalid] | None, refused: BillingError | None
) -> dict[str, object]:
    what = desk.request.query().get("done")
    typed = desk.request.form() if errors or refused else {}
    return {
        "form": {n: typed.get(n, "")[:TYPED_MOST] for n in ("price", "from")},
        "errors": errors or {},
        "refused": refused,
        "done": what if what in {"announced", "taken_back"} else None,
    }


def _point(desk: Desk, product: str, price_point: str) -> PricePoint:
    """Returns a recurring price point of a product of the merchant; raises `NotFound`."""
    point = desk.ports.store.price_point(price_point)
    if point is None or (point.merchant, point.product) != (desk.merchant, product):
        raise NotFound("price_point_unknown")
    if point.terms.type is not PriceType.RECURRING:
        raise Refused("price_not_changeable")
    return point
