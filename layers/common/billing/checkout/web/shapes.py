"""JSON answers of the checkout: a purchase, and the directory (C-1, B-2)."""

from __future__ import annotations

from typing import Any

from billing.catalog.flows.directory import Listing
from billing.checkout.checkouts import Checkout, CheckoutState
from billing.kernel.errors import Refused
from billing.kernel.lists import Page
from billing.web import http
from billing.web.problems import PaymentDeclined

REFRESH_SECONDS = 5
"""The time after which a waiting page, or program, asks again."""


def directory(page: Page[Listing]) -> dict[str, Any]:
    """Lists a page of the directory for programs; `?cursor=` takes its `next`."""
    from billing.api.web import json_shapes

    return {
        "data": [
            {
                "merchant": listing.merchant_name,
                "product": listing.product_name,
                "price_point": json_shapes.terms(listing.terms),
                "url": listing.url,
            }
            for listing in page.data
        ],
        "next": page.next,
    }


def answer(bought: Checkout) -> http.Answer:
    """Answers a program; no Order ID is ever in it (B-2)."""
    match bought.state:
        case CheckoutState.PAID:
            return http.json(_purchase(bought), 201)
        case CheckoutState.DECLINED:
            raise PaymentDeclined("purchase_declined", code=bought.decline_code)
        case CheckoutState.ABANDONED:
            raise Refused("abandoned")
        case _ if bought.action_url:
            return http.json({"state": "requires_action", "url": bought.action_url}, 202)
        case _:
            # Not known yet: the same key gets the answer as soon as there is one.
            return http.json(
                {"state": "processing"}, 202, headers={"Retry-After": str(REFRESH_SECONDS)}
            )


def _purchase(bought: Checkout) -> dict[str, Any]:
    from billing.api.web import json_shapes

    invoice = bought.invoice
    return {
        "purchase": bought.purchase,
        "orders": [{"kind": invoice.order_kind.value, "amount": json_shapes.money(invoice.total)}],
        "subscription": invoice.subscription,
        "next_charge_at": json_shapes.instant(bought.next_charge_at),
    }
