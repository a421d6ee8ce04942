"""A coupon of a subscription in the console: given or taken, with the next payments first (C-8)."""

from __future__ import annotations

from datetime import datetime

from billing.console.web.pages import Desk, page
from billing.coupons import coupons
from billing.coupons.flows import attach
from billing.coupons.web.inputs import UseCouponInput
from billing.kernel.errors import BillingError, Invalid, Refused
from billing.kernel.flows import subscriptions
from billing.kernel.money import Money
from billing.kernel.subscription import Subscription
from billing.kernel.values import replace
from billing.rebill.flows import forecast
from billing.web import http
from billing.web.inputs import read
from billing.web.problems import errors_of

PAYMENTS_SHOWN = 3


def form(desk: Desk, subscription: str) -> http.Answer:
    """Shows the field for a code, or what taking the coupon away changes."""
    found = _live(desk, subscription)
    return _page(desk, found, after=None if found.discount is None else _without(found))


def give(desk: Desk, subscription: str) -> http.Answer:
    """Shows the next payments with a coupon, or gives it once they were seen."""
    found = _live(desk, subscription)
    typed = desk.request.form()
    given = {"coupon": typed.get("coupon", "").strip()}
    try:
        if not given["coupon"]:
            raise Invalid("required", field="coupon")
        code = read(UseCouponInput, given).coupon
        if "use" in typed:
            attach.attach(desk.ports, found, code, now=desk.now)
            return http.redirect(f"/console/subscriptions/{subscription}?done=coupon-given")
        after = attach.preview(desk.ports, found, code, now=desk.now)
    except Invalid as error:
        wrong = errors_of(error)
        return _page(desk, found, typed=given["coupon"], errors=wrong, status=422)
    except Refused as error:
        if error.code in coupons.REFUSALS:
            at_field = {"coupon": coupons.AT_FIELD[error.code]}
            return _page(desk, found, typed=given["coupon"], errors=at_field, status=409)
        return _page(desk, found, typed=given["coupon"], refused=error, status=409)
    return _page(desk, found, after=after)


def take_away(desk: Desk, subscription: str) -> http.Answer:
    """Takes the coupon away that was shown; another one that came meanwhile stays."""
    found = _live(desk, subscription)
    shown = desk.request.form().get("coupon", "")
    if found.discount is not None and found.discount.coupon != shown:
        return form(desk, subscription)
    attach.detach(desk.ports, found)
    return http.redirect(f"/console/subscriptions/{subscription}?done=coupon-taken")


def _page(
    desk: Desk,
    found: Subscription,
    *,
    after: Subscription | None = None,
    typed: str = "",
    errors: dict[str, Invalid] | None = None,
    refused: BillingError | None = None,
    status: int = 200,
) -> http.Answer:
    return page(
        desk,
        "console/coupon_of_subscription.html",
        status=status,
        subscription=found,
        after=after,
        now_charged=_charges(desk, found),
        then_charged=[] if after is None else _charges(desk, after),
        form={"coupon": typed},
        errors=errors or {},
        refused=refused,
    )


def _charges(desk: Desk, found: Subscription) -> list[tuple[datetime, Money]]:
    merchant = desk.session.merchant
    return forecast.next_charges(desk.ports, merchant, found, most=PAYMENTS_SHOWN, now=desk.now)


def _without(found: Subscription) -> Subscription:
    return replace(found, discount=None)


def _live(desk: Desk, subscription: str) -> Subscription:
    found = subscriptions.fresh(desk.ports, desk.merchant, subscription).as_of(desk.now)
    if not found.is_live:
        raise Refused("not_active")
    return found
