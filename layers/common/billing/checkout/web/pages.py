"""Answers to what a checkout sends: its form again, the way to a gateway and back (C-1, C-4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from billing.checkout.checkouts import Checkout, CheckoutState
from billing.checkout.flows import account_plans, card_setup, offers, submit
from billing.checkout.flows.offers import Offer
from billing.checkout.flows.submit import Visitor
from billing.checkout.web import drafts, hand_offs, shapes
from billing.checkout.web.form_pages import (
    anew,
    discounted,
    form_page,
    refused_page,
    unavailable,
    with_coupon,
)
from billing.coupons import coupons
from billing.kernel import return_addresses
from billing.kernel.errors import Invalid, NotFound, Refused, Unavailable
from billing.kernel.gateways import Element, TheirPage
from billing.kernel.invoices import InvoiceState
from billing.kernel.ports import Ports
from billing.web import custom_domains, http, languages, redirects
from billing.web.card_fields import GIVEN_THERE
from billing.web.problems import address_errors
from billing.web.request import Request

if TYPE_CHECKING:
    from billing.checkout.web.forms import CheckoutInput


def submit_checkout(
    ports: Ports, request: Request, price_point: str, *, now: datetime
) -> http.Answer:
    """Handles a submit as JSON or as a form; a wrong form comes back as it was filled in."""
    if request.is_json:
        from billing.checkout.web.forms import CheckoutInput
        from billing.web.inputs import read

        shape = read(CheckoutInput, request.json())
        visitor = _visitor(ports, request, price_point, shape.attempt_key)
        bought = submit.submit(ports, price_point, shape.submission(), visitor, now=now)
        return shapes.answer(bought)

    return _purchase_page(ports, request, price_point, request.form(), now=now)


def _purchase_page(
    ports: Ports, request: Request, price_point: str, typed: Mapping[str, str], *, now: datetime
) -> http.Answer:
    """Buys with a form, or sends its buyer on to give a card first."""
    from billing.checkout.web.forms import CheckoutInput

    chosen, key = typed.get("gateway") or None, typed.get("attempt_key", "")
    try:
        offered = offers.offer(ports, price_point, now=now, gateway=chosen)
    except NotFound:
        if submit.attempt(ports, price_point, key) is None:
            raise
        return _sent_again(ports, request, price_point, typed, now=now)
    spoken = languages.spoken(offered.merchant, request)
    try:
        if "apply_coupon" in typed:
            return with_coupon(
                ports, request, offered, spoken, attempt_key=key, form=typed, now=now
            )
        offered = discounted(ports, request, offered, typed, now=now)
        there = "payment_method" not in typed and _has_a_page(ports, offered)
        shape = CheckoutInput.from_form(
            {**typed, "payment_method": GIVEN_THERE} if there else typed
        )
        offered = offers.taxed(ports, offered, shape.submission().bill_to, now=now)
        if there:
            return _redirect_to_gateway(ports, request, offered, spoken, typed, shape, now=now)
        return _sent_page(ports, request, offered, typed, shape, now=now)
    except Invalid as error:
        wrong = address_errors(error)
        form = {k: v for k, v in typed.items() if k not in wrong or k != "payment_method"}
        return form_page(
            ports, request, offered, spoken, attempt_key=key, status=422, form=form, errors=wrong
        )
    except Refused as refused:
        if refused.code in coupons.REFUSALS:
            return _coupon_refused(ports, request, offered, spoken, typed, refused, now=now)
        return refused_page(ports, request, offered, spoken, typed, refused)
    except Unavailable:
        return unavailable(request, offered, spoken)


def _coupon_refused(
    ports: Ports,
    request: Request,
    offered: Offer,
    spoken: str,
    typed: Mapping[str, str],
    refused: Refused,
    *,
    now: datetime,
) -> http.Answer:
    """Shows the form without the coupon that was refused; who had begun before is answered as
    before."""
    point, key = offered.price_point.id, typed.get("attempt_key", "")
    begun = submit.attempt(ports, point, key)
    if begun is not None and begun.decline_code != refused.code:
        return _sent_again(ports, request, point, typed, now=now)
    again, form = (key, typed) if begun is None else (ports.new_id("attempt"), anew(typed))
    errors = {"coupon": coupons.AT_FIELD[refused.code]}
    return form_page(
        ports,
        request,
        offers.without_coupon(offered),
        spoken,
        attempt_key=again,
        status=409,
        form=form,
        errors=errors,
    )


def _sent_page(
    ports: Ports,
    request: Request,
    offered: Offer,
    typed: Mapping[str, str],
    shape: CheckoutInput,
    *,
    now: datetime,
) -> http.Answer:
    """Submits the form and redirects, so that a refresh asks again but does not send again."""
    visitor = _visitor(ports, request, offered.price_point.id, shape.attempt_key)
    bought = submit.buy(ports, offered, shape.submission(), visitor, now=now)
    if bought.state is CheckoutState.PAID:
        return http.redirect(visitor.return_url, cookies=drafts.forget(request))
    cookie = drafts.keep(ports, request, offered.price_point.id, typed, now=now)
    return http.redirect(visitor.return_url, cookies=[cookie])


def _sent_again(
    ports: Ports, request: Request, price_point: str, typed: Mapping[str, str], *, now: datetime
) -> http.Answer:
    """Answers a form that was sent before its offer ended."""
    from billing.checkout.web.forms import CheckoutInput

    shape = CheckoutInput.from_form(typed)
    visitor = _visitor(ports, request, price_point, shape.attempt_key)
    submit.submit(ports, price_point, shape.submission(), visitor, now=now)
    return http.redirect(visitor.return_url)


def _has_a_page(ports: Ports, offered: Offer) -> bool:
    return isinstance(ports.gateway(offered.sold_at).collection(), TheirPage | Element)


def _redirect_to_gateway(
    ports: Ports,
    request: Request,
    offered: Offer,
    language: str,
    typed: Mapping[str, str],
    shape: CheckoutInput,
    *,
    now: datetime,
) -> http.Answer:
    """Redirects to the gateway's own page, with all else that was filled in waiting here (C-1)."""
    point = offered.price_point.id
    visitor = _visitor(ports, request, point, shape.attempt_key)
    submit.refuse_to_begin(ports, offered, visitor, now=now)
    submit.refuse_changed(offered, shape.shown, visitor)
    account_plans.refuse_without_account(ports, offered, shape.email, now=now)
    page = card_setup.begin(
        ports,
        offered.sold_at,
        subject=point,
        key=shape.attempt_key,
        form=typed,
        return_url=visitor.return_url,
        cancel_url=custom_domains.origin(ports, request)
        + custom_domains.checkout(request, point)
        + hand_offs.query_of(shape.hand_off(), shape.return_url),
        now=now,
    )
    merchant, test = offered.merchant, offered.test
    reason = redirects.Why.CARD
    onward = redirects.to(page, reason, offered.gateway, language, merchant=merchant, test=test)
    onward.cookies.append(drafts.keep(ports, request, point, typed, now=now))
    return onward


def return_from_gateway(
    ports: Ports, request: Request, price_point: str, *, now: datetime
) -> http.Answer:
    """Shows the status of an attempt to a buyer who comes back, or waits (C-4).

    A buyer who comes back from giving a card buys with what they had filled in.
    """
    query = request.query()
    key = query.get("attempt", "")
    given = redirects.given(query)
    if given is not None:
        kept = card_setup.kept(ports, subject=price_point, key=key, now=now)
        if kept is None:
            return http.redirect(custom_domains.checkout(request, price_point))
        typed = {**kept, "payment_method": given}
        return _purchase_page(ports, request, price_point, typed, now=now)
    url = _return_url(ports, request, price_point, key)
    # Read before the attempt is settled: its id names the merchant, and nothing may fail after.
    merchant = ports.store.merchant(price_point.partition(".")[0])
    bought = submit.resume(ports, price_point, key, now=now, return_url=url)
    assert merchant is not None, "a merchant is never removed"
    again = hand_offs.query_of(bought.invoice.hand_off, bought.return_url)
    template, values = _page_of(bought, custom_domains.checkout(request, price_point) + again)
    if bought.state is CheckoutState.PAID:
        # To its sign-in: the email of a purchase proves nothing, so no session begins here.
        is_open = merchant.settings.portal is not None
        values["portal_url"] = custom_domains.portal(request, merchant) if is_open else None
        listed = merchant.settings.return_urls
        values["site_url"] = return_addresses.shown(bought.return_url, listed)
    return http.page(
        template,
        bought.language,
        merchant=merchant,
        checkout=bought,
        test=bought.invoice.test,
        cookies=drafts.forget(request) if bought.state is CheckoutState.PAID else (),
        **values,
    )


def _page_of(bought: Checkout, again_url: str) -> tuple[str, dict[str, Any]]:
    again = {"again_url": again_url}
    match bought.state:
        case CheckoutState.PAID:
            return "checkout/done.html", {}
        case CheckoutState.DECLINED | CheckoutState.ABANDONED:
            return "checkout/declined.html", again
        case _ if bought.invoice.state is InvoiceState.ACTION_REQUIRED and bought.action_url:
            return "checkout/action.html", {}
        case _:
            return "checkout/processing.html", {"refresh_seconds": shapes.REFRESH_SECONDS}


def _visitor(ports: Ports, request: Request, price_point: str, key: str) -> Visitor:
    own = languages.of_visitor(request)
    url = _return_url(ports, request, price_point, key)
    return Visitor(request.ip, url, own, request.country)


def _return_url(ports: Ports, request: Request, price_point: str, key: str) -> str:
    here = f"{custom_domains.origin(ports, request)}{custom_domains.checkout(request, price_point)}"
    return f"{here}/return?attempt={quote(key)}"
