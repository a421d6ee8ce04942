"""How a checkout is asked and answered: pages for people, JSON for programs (C-1, C-2, C-4,
B-2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from billing.adapters.sandbox_gateway import TEST_CARDS
from billing.checkouts import Checkout, CheckoutState
from billing.errors import Invalid, Refused, Unavailable
from billing.flows import checkout
from billing.flows.checkout import Offer, Visitor
from billing.flows.directory import Listing
from billing.orders import InvoiceState
from billing.ports import Ports
from billing.web import http, languages
from billing.web.problems import Misshapen, PaymentDeclined
from billing.web.request import Request

REFRESH_SECONDS = 5


def offer_page(ports: Ports, request: Request, price_point: str, *, now: datetime) -> http.Answer:
    """The empty form; its attempt key is drawn with it, so that sending it twice buys once
    (C-2)."""
    offered = checkout.offer(ports, price_point, now=now)
    spoken = languages.spoken(offered.merchant, request)
    return _form(offered, spoken, attempt_key=ports.new_id("attempt"))


def submitted(ports: Ports, request: Request, price_point: str, *, now: datetime) -> http.Answer:
    """A submit as JSON or as a form; a form that is wrong comes back as it was filled in."""
    from billing.web.checkout_inputs import CheckoutInput
    from billing.web.inputs import read

    if request.is_json:
        shape = read(CheckoutInput, request.json())
        visitor = _visitor(ports, request, price_point, shape.attempt_key)
        bought = checkout.submit(ports, price_point, shape.submission(), visitor, now=now)
        return _as_json(bought)

    typed = request.form()
    offered = checkout.offer(ports, price_point, now=now)
    spoken = languages.spoken(offered.merchant, request)
    key = typed.get("attempt_key", "")
    try:
        shape = CheckoutInput.from_form(typed)
        visitor = _visitor(ports, request, price_point, shape.attempt_key)
        checkout.submit(ports, price_point, shape.submission(), visitor, now=now)
    except Invalid as error:
        wrong = _errors(error)
        return _form(offered, spoken, attempt_key=key, status=422, form=typed, errors=wrong)
    except Refused as refused:
        if refused.code != "already_purchased":
            raise
        return _form(
            offered, spoken, attempt_key=key, status=409, form=typed, already_purchased=True
        )
    except Unavailable:
        again = f"/checkout/{price_point}"
        return http.page(
            "checkout/unavailable.html",
            spoken,
            status=503,
            merchant=offered.merchant,
            again_url=again,
            test=offered.test,
        )
    # A page of its own, so that a refresh asks again instead of sending again.
    return http.redirect(visitor.return_url)


def returned(ports: Ports, request: Request, price_point: str, *, now: datetime) -> http.Answer:
    """Where an attempt stands, for a buyer who comes back, or waits (C-4)."""
    key = request.query().get("attempt", "")
    offered = checkout.offer(ports, price_point, now=now)
    url = _return_url(ports, request, price_point, key)
    bought = checkout.resume(ports, price_point, key, now=now, return_url=url)
    template, values = _page_of(bought, price_point)
    return http.page(
        template,
        bought.language,
        merchant=offered.merchant,
        checkout=bought,
        test=bought.invoice.test,
        **values,
    )


def listed(listings: Sequence[Listing]) -> dict[str, Any]:
    """The directory for programs."""
    from billing.web import json_shapes

    return {
        "data": [
            {
                "merchant": listing.merchant_name,
                "product": listing.product_name,
                "price_point": json_shapes.terms(listing.terms),
                "url": listing.url,
            }
            for listing in listings
        ],
        "next": None,
    }


def _page_of(bought: Checkout, price_point: str) -> tuple[str, dict[str, Any]]:
    again = {"again_url": f"/checkout/{price_point}"}
    match bought.state:
        case CheckoutState.PAID:
            return "checkout/done.html", {}
        case CheckoutState.DECLINED | CheckoutState.ABANDONED:
            return "checkout/declined.html", again
        case _ if bought.invoice.state is InvoiceState.ACTION_REQUIRED:
            return "checkout/action.html", {}
        case _:
            return "checkout/processing.html", {"refresh_seconds": REFRESH_SECONDS}


def _as_json(bought: Checkout) -> http.Answer:
    """The answer to a program; no Order ID is ever in it (B-2)."""
    match bought.state:
        case CheckoutState.PAID:
            return http.json(_purchase(bought), 201)
        case CheckoutState.DECLINED:
            message = "The payment was declined; try another card."
            raise PaymentDeclined(message, code=bought.decline_code)
        case CheckoutState.ABANDONED:
            raise Refused("This attempt was given up unpaid; start a new one.", code="abandoned")
        case _ if bought.action_url:
            return http.json({"state": "requires_action", "url": bought.action_url}, 202)
        case _:
            # Not known yet: the same key again answers as soon as it is.
            return http.json(
                {"state": "processing"}, 202, headers={"Retry-After": str(REFRESH_SECONDS)}
            )


def _purchase(bought: Checkout) -> dict[str, Any]:
    from billing.web import json_shapes

    invoice = bought.invoice
    return {
        "purchase": bought.purchase,
        "orders": [{"kind": invoice.order_kind.value, "amount": json_shapes.money(invoice.total)}],
        "subscription": invoice.subscription,
        "next_charge_at": json_shapes.instant(bought.next_charge_at),
    }


def _form(
    offered: Offer,
    language: str,
    *,
    attempt_key: str,
    status: int = 200,
    form: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    already_purchased: bool = False,
) -> http.Answer:
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
        payment_methods=tuple(TEST_CARDS),
        form=form or {},
        errors=errors or {},
        already_purchased=already_purchased,
        decline_code=None,
    )


def _errors(error: Invalid) -> dict[str, str]:
    pairs = error.errors if isinstance(error, Misshapen) else [(error.field, error.message)]
    return dict(reversed(list(pairs)))


def _visitor(ports: Ports, request: Request, price_point: str, key: str) -> Visitor:
    own = languages.of_visitor(request)
    return Visitor(request.ip, _return_url(ports, request, price_point, key), own)


def _return_url(ports: Ports, request: Request, price_point: str, key: str) -> str:
    base = ports.operation.public_url or request.base_url
    return f"{base}/checkout/{quote(price_point)}/return?attempt={quote(key)}"
