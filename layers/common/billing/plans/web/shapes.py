"""Inputs and outputs of plan changes in /v1 (A-4)."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired
from urllib.parse import urljoin

from pydantic import StringConstraints
from typing_extensions import TypedDict

from billing.api.web import json_shapes, subscription_shapes
from billing.api.web.described import Instant, OneOf, Url
from billing.api.web.frame import Later
from billing.api.web.json_shapes import MoneyOutput
from billing.api.web.subscription_shapes import SubscriptionOutput
from billing.plans.flows.change_plan import Changed, Result
from billing.plans.plan_change import QUOTE_LIFE, Quote, When
from billing.render import wording
from billing.web.inputs import Input, Key
from billing.web.problems import PaymentDeclined

Token = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{1,9}\.[0-9a-f]{32}$")]


class QuoteInput(Input):
    """A price point, and when to change to it: now or with the next rebill."""

    price_point: Key
    when: When


class ChangePlanInput(QuoteInput):
    """A price point, the time of the change, and the token of the quote that was shown."""

    token: Token | None = None


class UnfreezeInput(Input):
    """The token of the quote that was shown, if one was."""

    token: Token | None = None


class QuoteLineOutput(TypedDict):
    """One line of what is due now; negative for what is credited."""

    text: str
    amount: MoneyOutput


class QuoteCouponOutput(TypedDict):
    """The subscription's coupon, and whether it stays with the other plan."""

    code: str
    stays: bool


class QuoteOutput(TypedDict):
    """The charge now, with the lines that add up to it, and the next charge, before tax.

    The token holds that amount for 15 minutes, or until anything that it depends on changes.
    """

    token: str
    expires_at: Instant
    due_now: MoneyOutput
    lines: list[QuoteLineOutput]
    next_charge_at: Instant
    next_charge: MoneyOutput
    coupon: QuoteCouponOutput | None


class PendingOutput(TypedDict):
    """A payment that is not finished; `requires_action`: `url` leads the buyer to their bank."""

    state: Annotated[str, OneOf(Literal["requires_action", "processing"])]
    url: NotRequired[Url]


def quote(quote: Quote, language: str) -> QuoteOutput:
    return {
        "token": quote.token,
        "expires_at": json_shapes.instant(quote.at + QUOTE_LIFE),
        "due_now": json_shapes.money(quote.due_now),
        "lines": [
            {"text": wording.line(line, language), "amount": json_shapes.money(line.amount)}
            for line in quote.lines
        ],
        "next_charge_at": json_shapes.instant(quote.next_charge_at),
        "next_charge": json_shapes.money(quote.next_charge),
        "coupon": _coupon(quote),
    }


def _coupon(quote: Quote) -> QuoteCouponOutput | None:
    if quote.coupon is None:
        return None
    return {"code": quote.coupon, "stays": quote.keeps_coupon}


def changed(changed: Changed, base_url: str) -> SubscriptionOutput | Later[PendingOutput]:
    """Returns the subscription on its plan; raises `PaymentDeclined`."""
    match changed.result:
        case Result.DECLINED:
            raise PaymentDeclined("declined", code=changed.code)
        case Result.CHANGED:
            return subscription_shapes.subscription(changed.subscription)
        case _:
            pending: PendingOutput = {"state": changed.result.value}
            if changed.url is not None:
                pending["url"] = urljoin(base_url, changed.url)
            return Later(pending)
