"""The money of a subscription: refunds, credit and renewals change its funds (A-4, B-7, W-4).

Transitions are methods that return a new value, as those of `subscription` are.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self

from billing.kernel.agreement import Agreement
from billing.kernel.catalog import PriceType
from billing.kernel.fund_shares import Share, Taken
from billing.kernel.funds import Funds
from billing.kernel.values import replace


class FundedAgreement(Agreement):
    """A billing agreement with what has been paid for its periods."""

    def returning(self, period: int | None, minor: int) -> Self:
        """Takes a payment of a period out of its funds, before a refund or after a chargeback (B-7,
        W-4)."""
        return self._with(self.money.taken_back(period, minor))

    def returning_credit(self, period: int | None, minor: int) -> Self:
        """Takes credit out of its funds that is about to be paid back as money, with a payment of a
        period (A-4)."""
        return self._with(self.money.credit_returned(period, minor))

    def without_credit(self) -> Self:
        """Takes all credit out, to pay for another subscription of the same customer (A-4)."""
        return self._with(self.money.credit_spent())

    def with_credit(self, minor: int, taxed_by: str | None = None) -> Self:
        """Adds credit that another subscription left (A-4); `taxed_by` is the invoice whose taxes
        are on it."""
        return self._with(self.money.credit_added(minor, taxed_by))

    def paid_first(self, paid_minor: int, taxed_by: str | None) -> Self:
        """Adds the first payment of a purchase to its funds: its amount before tax, and the invoice
        if it was taxed (A-4). Credit that came with it stays."""
        if self.terms.type is not PriceType.RECURRING or not self.period:
            return self
        own = Share(self.period - 1, paid_minor, in_use_minor=paid_minor, taxed_by=taxed_by)
        return self._with(Funds((*self._unattributed, own)))

    def new_price_at(self, now: datetime | None = None) -> datetime | None:
        """Returns the first renewal that is charged at the announced price, if the customer is told
        of it now, or was told; and if they agree, where that is needed (X-12)."""
        change = self.price_change
        if change is None or self.period_at is None:
            return None
        told = change.told_at or now or change.announced_at
        earliest, k = max(change.starts_at, told + timedelta(days=change.least_days)), self.period
        while (at := self.payment_at(k)) < earliest:
            k += 1
        return at

    def at_its_price(self) -> Self:
        """Returns it at the announced price, if the next period is charged at that (X-12)."""
        change, scheduled = self.price_change, self.period_at
        if change is None or scheduled is None or not change.is_for(scheduled):
            return self
        terms = replace(self.terms, price=change.price)
        # The running period was paid at the old price, and stays worth that.
        return replace(self, terms=terms, price_change=None)._with(self.money)

    def taken(self, after: Self, returned_minor: int) -> Taken:
        """Returns what a refund took out of its funds; `after` is the subscription after the
        refund."""
        had, has = self.money, after.money
        return Taken(
            returned_minor,
            had.credit_minor - has.credit_minor,
            had.in_use_minor - has.in_use_minor,
            self.period,
            had.since,
        )

    def not_returned(self, period: int | None, took: Taken, taxed_by: str | None = None) -> Self:
        """Puts back what a failed refund had taken; `taxed_by` is its invoice, if it was taxed
        (B-7)."""
        runs = self.is_live and (self.period, self.money.since) == (took.period, took.since)
        return self._with(self.money.restored(period, took, runs=runs, taxed_by=taxed_by))

    def taking_late(self, period: int | None, minor: int) -> Self:
        """Takes out the money that a refund of the period did not find before, as far as it is here
        now."""
        return self._with(self.money.without(period, minor, 0))

    def _lapsed(self) -> Self:
        """Returns it with the time that runs paid by nobody, after its dates were moved (W-4).

        The funds say since when, though it is the period's own start: a payment of the time before
        that comes back brings none of this time with it.
        """
        funds = self.money.unpaid()
        if self.terms.type is PriceType.RECURRING and self.period:
            funds = replace(funds, since=self.payment_at(self.period - 1))
        return self._with(funds)

    def _renewed(
        self,
        before: Self,
        credit_minor: int,
        paid_minor: int | None,
        taxed_by: str | None,
        retaxed_by: str | None,
        postponed_minor: int,
    ) -> Self:
        """Adds the period just paid to its funds, `credit_minor` of it by credit; what was
        postponed is owed."""
        owed = min(0, before.credit_minor) - min(0, credit_minor) - postponed_minor
        if paid_minor is None:
            paid_minor = self.terms.price.amount_minor - max(0, credit_minor)
        # Owed when its invoice was opened, and paid by credit that came before it was charged.
        over = max(0, owed)
        funds = before.money.renewed(
            before.period, paid_minor, credit_minor, taxed_by, retaxed_by, over
        )
        if self.terms.type is not PriceType.RECURRING:
            funds = funds.unpaid()  # its plan cannot change: unused time needs no value
        return replace(self, credit_minor=min(0, owed))._with(funds)

    def _with(self, funds: Funds) -> Self:
        """Returns the same agreement with these funds and their credit, which pays for an amount
        that is owed."""
        owed = max(0, -self.credit_minor)
        if paid := min(owed, funds.credit_minor):
            funds = funds.owed_paid(paid, self.period - 1)
        credit = funds.credit_minor - (owed - paid)
        after = replace(self, funds=None, credit_minor=credit)
        return after if after.money == funds else replace(after, funds=funds)
