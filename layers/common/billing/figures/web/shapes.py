"""Figures as /v1 takes and shows them (CONTRACT.md)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

from pydantic import Field, StringConstraints
from typing_extensions import TypedDict

from billing.api.web.described import Day, Instant, OneOf
from billing.api.web.json_shapes import MoneyOutput, OrderOutput, instant, money
from billing.api.web.queries import PageQuery
from billing.figures.closing import DayFigures
from billing.figures.movement_kinds import MovementKind
from billing.figures.movements import Movement
from billing.figures.periods import Filter, Length, PeriodFigures
from billing.kernel.merchants import Merchant
from billing.kernel.money import Currency, Money
from billing.kernel.save_offers import OfferKind
from billing.web.inputs import Country, Input, words

MONTH = r"^(19[7-9]|20[0-9])[0-9]-(0[1-9]|1[0-2])$"
MONTH_OR_DAY = r"^(19[7-9]|20[0-9])[0-9]-(0[1-9]|1[0-2])(-[0-9]{2})?$"
ID_MOST = 100

Month = Annotated[str, StringConstraints(pattern=MONTH)]


class FiguresQuery(Input):
    """The months to show, both included, and the part of the sales that is meant.

    Without a currency it is the merchant's. `by` is the length of the periods.
    """

    from_: Annotated[Month, Field(alias="from")]
    to: Month
    by: Length = Length.MONTH
    product: Annotated[str, words(ID_MOST)] | None = None
    country: Country | None = None
    currency: Currency | None = None

    def filter(self, merchant: Merchant) -> Filter:
        """Returns the part of the sales that is meant."""
        return filter_of(merchant, self.currency, self.product, self.country)


class RowsQuery(PageQuery):
    """The period whose rows are listed, and the part of the sales that is meant."""

    period: Annotated[str, StringConstraints(pattern=MONTH_OR_DAY)]
    product: Annotated[str, words(ID_MOST)] | None = None
    country: Country | None = None
    currency: Currency | None = None

    def filter(self, merchant: Merchant) -> Filter:
        """Returns the part of the sales that is meant."""
        return filter_of(merchant, self.currency, self.product, self.country)


def filter_of(
    merchant: Merchant, currency: Currency | None, product: str | None, country: str | None
) -> Filter:
    """Returns the part of a merchant's sales; without a currency it is the merchant's own."""
    chosen = currency or merchant.settings.currency
    return Filter(chosen.value, product or "", country or "", test=not merchant.is_live)


class MrrOutput(TypedDict):
    """Recurring revenue a month, before tax: its start, its movements with their signs, its end.

    Start and movements add up to the end. `moved` is what went from one product to another, and
    zero over all of them.
    """

    start: MoneyOutput
    new: MoneyOutput
    expansion: MoneyOutput
    contraction: MoneyOutput
    churn: MoneyOutput
    reactivation: MoneyOutput
    paused: MoneyOutput
    resumed: MoneyOutput
    imported: MoneyOutput
    moved: MoneyOutput
    end: MoneyOutput


class CustomersOutput(TypedDict):
    """Live customers: start, new, returned and imported less ended are the end."""

    start: int
    new: int
    returned: int
    imported: int
    ended: int
    end: int


class OfferOutput(TypedDict):
    """The number of save offers of one kind that were shown to customers, and taken."""

    shown: int
    taken: int


class SaveOffersOutput(TypedDict):
    """Save offers by kind."""

    discount: OfferOutput
    pause: OfferOutput
    freeze: OfferOutput
    downgrade: OfferOutput


class PeriodOutput(TypedDict):
    """The figures of one period; ratios are decimals, null where there is not enough data.

    `failed` counts declined attempts, those of one payment each. `recovered` is how many of the
    payments that failed first in this month were paid since, each once. It is null for a day, and
    for months before failed payments were followed.
    """

    period: str
    mrr: MrrOutput
    committed_mrr: MoneyOutput
    trial_mrr: MoneyOutput
    arr: MoneyOutput
    customers: CustomersOutput | None
    subscriber_churn: str | None
    gross_churn: str | None
    net_churn: str | None
    arpu: MoneyOutput | None
    ltv: MoneyOutput | None
    payments: int
    revenue: MoneyOutput
    tax: MoneyOutput
    refunds: MoneyOutput
    chargebacks: MoneyOutput
    failed: int
    recovered: int | None
    cancel_requests: int
    save_offers: SaveOffersOutput


class FiguresOutput(TypedDict):
    """Figures of periods, oldest first."""

    data: list[PeriodOutput]


class CurrencyFigures(PeriodOutput):
    """The figures of one period in one currency."""

    currency: str


def day_closed(found: DayFigures) -> dict[str, object]:
    """Returns a closed day as its event shows it; its id is the day."""
    figures: list[CurrencyFigures] = [
        {"currency": currency, **period(each, Currency(currency))}
        for currency, each in found.figures
    ]
    return {
        "object": "figures",
        "id": found.day,
        "day": found.day,
        "revision": found.revision,
        "time_zone": found.zone,
        "test": found.test,
        "figures": figures,
    }


class MovementOutput(TypedDict):
    """One movement of recurring revenue, with its sign, on the local day on which it happened."""

    id: str
    kind: Annotated[str, OneOf(MovementKind)]
    day: Day
    at: Instant
    customer: str
    subscription: str
    product: str
    country: str
    amount: MoneyOutput


class RowsOutput(TypedDict):
    """The rows that a figure is the sum of: orders, or movements; a page may be short."""

    data: list[OrderOutput | MovementOutput]
    next: str | None


def period(
    found: PeriodFigures, currency: Currency, *, recovered: int | None = None
) -> PeriodOutput:
    def amount(minor: int) -> MoneyOutput:
        return money(Money(minor, currency))

    moved, sums, customers = found.movements, found.sums, found.customers
    return {
        "period": found.period,
        "mrr": {
            "start": amount(found.start),
            "new": amount(moved["new"]),
            "expansion": amount(moved["expansion"]),
            "contraction": amount(moved["contraction"]),
            "churn": amount(moved["churn"]),
            "reactivation": amount(moved["reactivation"]),
            "paused": amount(moved["paused"]),
            "resumed": amount(moved["resumed"]),
            "imported": amount(moved["imported"]),
            "moved": amount(moved["moved"]),
            "end": amount(found.end),
        },
        "committed_mrr": amount(found.committed),
        "trial_mrr": amount(found.trial),
        "arr": amount(found.arr),
        "customers": None if customers is None else _customers(customers),
        "subscriber_churn": decimal(found.subscriber_churn),
        "gross_churn": decimal(found.gross_churn),
        "net_churn": decimal(found.net_churn),
        "arpu": None if found.arpu is None else amount(found.arpu),
        "ltv": None if found.ltv is None else amount(found.ltv),
        "payments": sums["payments"],
        "revenue": amount(sums["revenue"]),
        "tax": amount(sums["tax"] - sums["refunded_tax"]),
        "refunds": amount(sums["refunds"]),
        "chargebacks": amount(sums["chargebacks"]),
        "failed": sums["failed"],
        "recovered": recovered,
        "cancel_requests": sums["cancel_requests"],
        "save_offers": {
            "discount": _offers(sums, OfferKind.DISCOUNT),
            "pause": _offers(sums, OfferKind.PAUSE),
            "freeze": _offers(sums, OfferKind.FREEZE),
            "downgrade": _offers(sums, OfferKind.DOWNGRADE),
        },
    }


def _offers(sums: Mapping[str, int], kind: OfferKind) -> OfferOutput:
    return {
        "shown": sums[f"offers_shown_{kind.value}"],
        "taken": sums[f"offers_taken_{kind.value}"],
    }


def _customers(steps: Mapping[str, int]) -> CustomersOutput:
    return {
        "start": steps["start"],
        "new": steps["new"],
        "returned": steps["returned"],
        "imported": steps["imported"],
        "ended": steps["ended"],
        "end": steps["end"],
    }


def decimal(share: Decimal | None) -> str | None:
    """Returns a ratio as text, or None."""
    return None if share is None else f"{share:f}"


def movement(found: Movement) -> MovementOutput:
    return {
        "id": found.id,
        "kind": found.kind.value,
        "day": found.day.isoformat(),
        "at": instant(found.at),
        "customer": found.customer,
        "subscription": found.subscription,
        "product": found.product,
        "country": found.country,
        "amount": money(Money(found.minor, found.currency)),
    }
