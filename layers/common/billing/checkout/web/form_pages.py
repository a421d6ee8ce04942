"""The checkout's form as a page: first seen, with a coupon, refused (C-1, C-2, C-8)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode

from billing.cancel.web import endings
from billing.checkout import trials
from billing.checkout.flows import offers
from billing.checkout.flows.limits import limit
from billing.checkout.flows.offers import Offer
from billing.checkout.web import hand_offs
from billing.coupons import coupons
from billing.kernel.errors import Invalid, Refused
from billing.kernel.gateways import Collection, Element, TheirPage
from billing.kernel.ports import Ports
from billing.web import custom_domains, http
from billing.web.card_fields import card_fields
from billing.web.request import Request

COUPON_MOST = 100
COUPONS_PER_IP = 60
"""The most codes that one address can try in a quarter of an hour: codes are guessed otherwise."""


def with_coupon(
    ports: Ports,
    request: Request,
    offered: Offer,
    spoken: str,
    *,
    attempt_key: str,
    form: Mapping[str, str],
    now: datetime,
) -> http.Answer:
    """Shows the form with the coupon that is typed into it, or why that takes nothing off."""
    errors: dict[str, Invalid] = {}
    try:
        offered = discounted(ports, request, offered, form, now=now)
    except Refused as refused:
        errors["coupon"] = coupons.AT_FIELD[refused.code]
    return form_page(
        ports, request, offered, spoken, attempt_key=attempt_key, form=form, errors=errors
    )


def discounted(
    ports: Ports, request: Request, offered: Offer, typed: Mapping[str, str], *, now: datetime
) -> Offer:
    """Returns an offer with the coupon that was typed, if one was; raises `Refused` as
    `offers.with_coupon`."""
    coupon = typed.get("coupon", "").strip()
    if not coupon:
        return offered
    limit(ports, "coupon_ip", request.ip, COUPONS_PER_IP, now)
    return offers.with_coupon(ports, offered, coupon, now=now)


def anew(typed: Mapping[str, str]) -> dict[str, str]:
    """Returns a form for another attempt, as a final refusal keeps its key: without the payment
    method, which its gateway has saved for the attempt that was refused, and saves for no other."""
    return {name: value for name, value in typed.items() if name != "payment_method"}


def refused_page(
    ports: Ports,
    request: Request,
    offered: Offer,
    spoken: str,
    typed: Mapping[str, str],
    refused: Refused,
) -> http.Answer:
    """Shows the form with the question, or the reason, for which it did not buy; raises what has no
    place on it."""
    if refused.code not in {"already_purchased", trials.CODE, offers.CHANGED}:
        raise refused
    used = refused.code == trials.CODE
    key, form = typed.get("attempt_key", ""), typed
    if used:
        key, form = ports.new_id("attempt"), anew(typed)
    return form_page(
        ports,
        request,
        offered,
        spoken,
        attempt_key=key,
        status=409,
        form=form,
        already_purchased=refused.code == "already_purchased",
        trial_used=used,
        offer_changed=refused.code == offers.CHANGED,
    )


def form_page(
    ports: Ports,
    request: Request,
    offered: Offer,
    language: str,
    *,
    attempt_key: str,
    status: int = 200,
    form: Mapping[str, str] | None = None,
    errors: Mapping[str, Invalid] | None = None,
    already_purchased: bool = False,
    trial_used: bool = False,
    offer_changed: bool = False,
) -> http.Answer:
    """Shows the form of an offer, as it was filled in so far."""
    collection: Collection = ports.gateway(offered.sold_at).collection()
    if isinstance(collection, Element) and not offered.quote.total:
        collection = TheirPage()  # Without a charge the bank is asked there, where it can answer.
    return http.page(
        "checkout/form.html",
        language,
        status=status,
        merchant=offered.merchant,
        product=offered.product,
        terms=offered.price_point.terms,
        quote=offered.quote,
        test=offered.test,
        attempt_key=attempt_key,
        gateway=offered.gateway,
        others=[name for name in offered.product.gateways if name != offered.gateway],
        **card_fields(collection, offered.gateway),
        form=form or {},
        handed=hand_offs.carried(form or {}),
        handed_query=urlencode(hand_offs.carried(form or {})),
        collects_tax=offered.merchant.tax_since is not None,
        tax_from_address=offered.merchant.tax_since is not None and offered.before_tax is None,
        coupon_added=offer_changed
        and offers.is_as_before_coupon(offered, (form or {}).get("shown"), language),
        tax_added=offer_changed
        and offers.is_as_before_tax(offered, (form or {}).get("shown"), language),
        errors=errors or {},
        already_purchased=already_purchased,
        trial_used=trial_used,
        offer_changed=offer_changed,
        decline_code=None,
        endings=endings.for_visitor(request, offered.merchant, language, ports.clock()),
    )


def unavailable(request: Request, offered: Offer, language: str) -> http.Answer:
    """Shows that nothing can be bought now, with the way back to the offer."""
    return http.page(
        "checkout/unavailable.html",
        language,
        status=503,
        merchant=offered.merchant,
        again_url=custom_domains.checkout(request, offered.price_point.id),
        test=offered.test,
    )
