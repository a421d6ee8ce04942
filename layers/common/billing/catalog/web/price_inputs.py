"""Price points as callers send them (CONTRACT.md, PP); only the core checks their rules."""

from __future__ import annotations

from typing import Annotated

from pydantic import StrictBool, StrictInt

from billing.kernel.catalog import (
    INITIAL_MOST,
    INSTALLMENTS_LEAST,
    INSTALLMENTS_MOST,
    Cancellation,
    Cycle,
    Initial,
    PriceTerms,
    PriceType,
    TaxBehavior,
)
from billing.kernel.errors import Invalid
from billing.kernel.money import MAX_AMOUNT_MINOR, Money
from billing.kernel.periods import Period, Span, Unit
from billing.web.inputs import AccountCurrency, Input, documented


class MoneyInput(Input):
    """An amount in minor units."""

    amount: Annotated[StrictInt, documented(1, MAX_AMOUNT_MINOR)]
    currency: AccountCurrency


class SpanInput(Input):
    """A length of time in exactly one unit: {"days": 14}."""

    days: Annotated[StrictInt, documented(1, INITIAL_MOST[Unit.DAY])] | None = None
    weeks: Annotated[StrictInt, documented(1, INITIAL_MOST[Unit.WEEK])] | None = None
    months: Annotated[StrictInt, documented(1, INITIAL_MOST[Unit.MONTH])] | None = None
    years: Annotated[StrictInt, documented(1, INITIAL_MOST[Unit.YEAR])] | None = None

    def span(self) -> Span:
        """Returns the span as the core counts it; raises `Invalid` unless one unit is given."""
        given = [(unit, count) for unit in Unit if (count := getattr(self, unit)) is not None]
        if len(given) != 1:
            raise Invalid("one_unit", field="initial.period")
        unit, count = given[0]
        return Span(count, unit)


class InitialInput(Input):
    """The charge at checkout, and how long it lasts until standard billing starts."""

    amount: Annotated[StrictInt, documented(0, MAX_AMOUNT_MINOR)]
    period: SpanInput

    def terms(self) -> Initial:
        return Initial(self.amount, self.period.span())


class PricePointInput(Input):
    """The terms of a price point."""

    type: PriceType
    price: MoneyInput
    period: Period | None = None
    installments: Annotated[StrictInt, documented(INSTALLMENTS_LEAST, INSTALLMENTS_MOST)] | None = (
        None
    )
    cycle: Cycle | None = None
    initial: InitialInput | None = None
    cancellation: Cancellation = Cancellation.INSTANT
    trial_guard: StrictBool = False
    tax: TaxBehavior = TaxBehavior.EXCLUSIVE

    def terms(self) -> PriceTerms:
        """Returns the core's terms; raises `Invalid`, its field relative to this price point."""
        return PriceTerms(
            type=self.type,
            price=Money(self.price.amount, self.price.currency),
            period=self.period,
            installments=self.installments,
            cycle=self.cycle,
            initial=None if self.initial is None else self.initial.terms(),
            cancellation=self.cancellation,
            trial_guard=self.trial_guard,
            tax=self.tax,
        )
