"""A coupon in the portal, where its merchant lets customers enter one: shown first, then used
(B-12, C-8)."""

from __future__ import annotations

from collections.abc import Mapping

from billing.checkout.flows.limits import limit
from billing.coupons import coupons
from billing.coupons.flows import attach
from billing.customers.web.portal_session import Visit, done, show
from billing.kernel.errors import Invalid, Refused
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.tax.flows import upcoming
from billing.web import http

CODE_MOST = 100
TRIED_MOST = 20
"""The most codes that one customer can try in a quarter of an hour: codes are guessed otherwise."""


def form(visit: Visit, subscription: str) -> http.Answer:
    """Shows the field for a code."""
    found = _offered(visit, subscription)
    return _field(visit, found) if found.discount is None else http.redirect(visit.base)


def enter(ports: Ports, visit: Visit, subscription: str) -> http.Answer:
    """Shows the next payment with the coupon that was typed, or uses it once that was seen; sent
    twice it is used once."""
    found = _offered(visit, subscription)
    typed = visit.request.form()
    code = typed.get("coupon", "").strip()[:CODE_MOST]
    if not code:
        return _field(visit, found, errors={"coupon": Invalid("required", field="coupon")})
    limit(ports, "coupon_customer", f"{visit.merchant.id}\n{visit.customer}", TRIED_MOST, visit.now)
    try:
        if "use" in typed:
            attach.attach(ports, found, code, now=visit.now)
            return done(visit, "coupon")
        after = attach.preview(ports, found, code, now=visit.now)
    except Refused as refused:
        if refused.code not in coupons.REFUSALS:
            raise
        wrong = {"coupon": coupons.AT_FIELD[refused.code]}
        return _field(visit, found, typed=code, status=409, errors=wrong)
    return _seen(ports, visit, found, after)


def _field(
    visit: Visit,
    found: Subscription,
    *,
    typed: str = "",
    status: int = 422,
    errors: Mapping[str, Invalid] | None = None,
) -> http.Answer:
    return show(
        visit,
        "coupon",
        status=status if errors else 200,
        subscription=found,
        after=None,
        form={"coupon": typed},
        errors=errors or {},
    )


def _seen(ports: Ports, visit: Visit, found: Subscription, after: Subscription) -> http.Answer:
    """Shows the next payment as it was to be, and as it is with the coupon."""
    merchant, now = visit.merchant, visit.now
    return show(
        visit,
        "coupon",
        subscription=found,
        after=after,
        without=upcoming.next_charge(ports, merchant, found, now=now),
        amount=upcoming.next_charge(ports, merchant, after, now=now),
        form={},
        errors={},
    )


def _offered(visit: Visit, subscription: str) -> Subscription:
    _, found = visit.account.purchase(subscription)
    if not visit.merchant.settings.self_coupon:
        raise Refused("coupon_off")
    return found
