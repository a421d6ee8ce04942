"""Output of /v1 beside entities: previews, keys, forecasts, subscriptions that need a look."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from itertools import islice
from typing import Annotated, Literal, NotRequired, cast

from typing_extensions import TypedDict

from billing.api.web.described import Day, Instant, OneOf, Url
from billing.api.web.json_shapes import MoneyOutput, instant, money
from billing.kernel.account_standings import AccountStanding, Standing
from billing.kernel.catalog import PriceTerms
from billing.kernel.charge_eligibility import Hold
from billing.kernel.discounts import Discount
from billing.kernel.merchants import ApiKey
from billing.kernel.money import Money
from billing.kernel.periods import Anchor
from billing.kernel.pricing import discounted, lines_for
from billing.kernel.schedule import ChargeKind, charges, ends_at
from billing.kernel.taxes import UNTAXED, Taxation
from billing.kernel.values import replace
from billing.rebill.flows.attention import Matter
from billing.rebill.flows.forecast import Forecast
from billing.tax.rates import decimal_of


class TaxOutput(TypedDict):
    """One tax of a charge."""

    name: str
    rate: str
    amount: MoneyOutput


class ChargeOutput(TypedDict):
    """One entry of a schedule; `amount` is as the price says, before discount and tax.

    What follows is there for a `buyer` or a `coupon`: `discount` is off `amount`, and `net`, which
    is left of it before tax, and the taxes come to `total`.
    """

    n: int
    kind: Annotated[str, OneOf(ChargeKind)]
    at: Instant
    local_date: Day
    amount: MoneyOutput
    net: NotRequired[MoneyOutput]
    discount: NotRequired[MoneyOutput]
    tax: NotRequired[list[TaxOutput]]
    total: NotRequired[MoneyOutput]


class PreviewOutput(TypedDict):
    """The charges of a possible purchase; `ends` is the last charge of a plan that completes."""

    charges: list[ChargeOutput]
    ends: Instant | None


class ActiveOutput(TypedDict):
    """The answer whether access is open now."""

    active: bool


class AccountOutput(TypedDict):
    """The state of an account; `restorable_until` is when its data is erased, null where nothing
    can be restored, or nothing is erased by itself."""

    standing: Annotated[str, OneOf(Standing)]
    restorable_until: Instant | None


class KeyOutput(TypedDict):
    """An API key; its secret is shown once, when it is made.

    `made_by` is the id of the key that made it, `console` or `operator`.
    """

    id: str
    scopes: list[str]
    created_at: Instant
    revoked_at: Instant | None
    made_by: str | None
    secret: NotRequired[str]


class ForecastDayOutput(TypedDict):
    """The expected charges of one local day in one currency; `test` for the sandbox's money."""

    date: Day
    amount: MoneyOutput
    charges: int
    test: bool


class ForecastOutput(TypedDict):
    """Expected charges up to `to`; `held` says why nothing is charged at present, else null.

    `as_of` is when it was made: now, or in the last night for more than 2,000 subscriptions. Then
    it has whole local days, at most 400 of them.
    """

    data: list[ForecastDayOutput]
    next: str | None
    to: Instant
    totals: list[ForecastTotalOutput]
    complete: bool
    held: Annotated[str, OneOf(Hold)] | None
    as_of: Instant


class ForecastTotalOutput(TypedDict):
    """The sum of all days in one currency."""

    amount: MoneyOutput
    charges: int
    test: bool


class MatterOutput(TypedDict):
    """A subscription that needs a look; `reason` is the known cause, else null.

    `credit`: it has ended and left credit, `total` of it, that was neither refunded nor used.
    """

    what: Literal["parked", "overdue", "waiting", "credit"]
    subscription: str
    customer: str
    since: Instant
    payments: int
    total: MoneyOutput
    reason: str | None


class LinkOutput(TypedDict):
    """A link that signs in to the console once."""

    url: Url
    expires_at: Instant


TaxedOn = Callable[[date], Taxation]
"""The taxes on what is charged on a day."""


def preview(
    terms: PriceTerms,
    start: Anchor,
    count: int,
    taxed_on: TaxedOn | None = None,
    discount: Discount | None = None,
) -> PreviewOutput:
    """Returns the first `count` charges of a purchase, with taxes and discount where these are
    known (P-19, C-7, C-8)."""
    shown = []
    for charge, off in islice(discounted(charges(terms, start), discount), count):
        day = Anchor.at(charge.at, start.zone).wall.date()
        entry: ChargeOutput = {
            "n": charge.n,
            "kind": charge.kind.value,
            "at": instant(charge.at),
            "local_date": day.isoformat(),
            "amount": money(charge.amount),
        }
        if taxed_on is not None or discount is not None:
            taxation = UNTAXED if taxed_on is None else taxed_on(day)
            entry |= _taxed(terms, charge.amount, taxation, off)
        shown.append(entry)
    return {"charges": shown, "ends": instant(ends_at(terms, start))}


def _taxed(
    terms: PriceTerms, amount: Money, taxation: Taxation, discount: Discount | None
) -> ChargeOutput:
    lines, total = lines_for(amount, "", taxation, inclusive=terms.tax_inclusive, discount=discount)
    taxes: list[TaxOutput] = [
        {"name": each.text, "rate": decimal_of(each.tax.rate_ppm), "amount": money(each.amount)}
        for each in lines
        if each.tax is not None
    ]
    nothing = replace(amount, amount_minor=0)
    net = sum((each.amount for each in lines if each.tax is None), nothing)
    parts = {
        "net": money(net),
        "discount": money(nothing if discount is None else discount.off(amount)),
        "tax": taxes,
        "total": money(total),
    }
    return cast("ChargeOutput", parts)


def account(standing: AccountStanding) -> AccountOutput:
    kept = standing.state is Standing.INACTIVE
    return {
        "standing": standing.state.value,
        "restorable_until": instant(standing.until if kept else None),
    }


def key(key: ApiKey) -> KeyOutput:
    return {
        "id": key.id,
        "scopes": list(key.scopes),
        "created_at": instant(key.created_at),
        "revoked_at": instant(key.revoked_at),
        "made_by": key.made_by,
    }


def new_key(made: ApiKey, secret: str) -> KeyOutput:
    return {**key(made), "secret": secret}


def forecast(forecast: Forecast) -> ForecastOutput:
    return {
        "data": [
            {
                "date": day.date.isoformat(),
                "amount": money(day.amount),
                "charges": day.charges,
                "test": day.test,
            }
            for day in forecast.days
        ],
        "next": None,
        "to": instant(forecast.until),
        "totals": _totals(forecast),
        "complete": forecast.complete,
        "held": forecast.held and forecast.held.value,
        "as_of": instant(forecast.as_of),
    }


def _totals(forecast: Forecast) -> list[ForecastTotalOutput]:
    kinds = sorted({(day.amount.currency, day.test) for day in forecast.days})
    totals: list[ForecastTotalOutput] = []
    for currency, test in kinds:
        days = [d for d in forecast.days if (d.amount.currency, d.test) == (currency, test)]
        amount = Money(sum(day.amount.amount_minor for day in days), currency)
        count = sum(day.charges for day in days)
        totals.append({"amount": money(amount), "charges": count, "test": test})
    return totals


def matter(matter: Matter) -> MatterOutput:
    return {
        "what": matter.what,
        "subscription": matter.subscription.id,
        "customer": matter.subscription.customer,
        "since": instant(matter.since),
        "payments": matter.payments,
        "total": money(matter.total),
        "reason": matter.reason,
    }


def link(url: str, expires_at: datetime) -> LinkOutput:
    return {"url": url, "expires_at": instant(expires_at)}
