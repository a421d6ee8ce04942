"""Unused money paid for a subscription, by the period that it was paid in (A-4, B-7).

Refunds, lost disputes, plan changes and renewals all draw on it, so that nothing is given back
twice: a payment is used, or returned, or still counted here, as paid time or as credit. All amounts
are minor units of the subscription's currency, before tax.
"""

from __future__ import annotations

from datetime import datetime

from billing.kernel.fund_shares import CARRIED, UNKNOWN, ByTax, Share, Taken, drawn, kept
from billing.kernel.money import half_up
from billing.kernel.values import Value, replace


class Funds(Value):
    """The shares of all periods with money left, oldest first.

    `since` is the start of the time that `in_use_minor` pays for; None means the period's own
    start.
    """

    shares: tuple[Share, ...] = ()
    since: datetime | None = None

    @property
    def credit_minor(self) -> int:
        return sum(share.credit_minor for share in self.shares)

    @property
    def in_use_minor(self) -> int:
        return sum(share.in_use_minor for share in self.shares)

    def share(self, period: int | None) -> Share | None:
        """Returns the share of a period, or None if nothing of it is left."""
        return next((share for share in self.shares if share.period == period), None)

    def renewed(
        self,
        period: int,
        paid_minor: int,
        credit_minor: int,
        taxed_by: str | None = None,
        retaxed_by: str | None = None,
        over_minor: int = 0,
    ) -> Funds:
        """Starts a new period, paid by its own payment and by credit, oldest credit first.

        `retaxed_by` is the invoice if it took other taxes off the credit than it has itself (C-10),
        `over_minor` what it charged beside the period: that is credit. Credit that was taken back
        after the invoice was opened cannot be used: that amount of the period was given away with
        the refund.
        """
        left, shares = max(0, credit_minor), []
        for share in self.shares:
            used = min(left, share.credit_minor)
            left -= used
            in_use, credit = drawn(share.credit_by_tax, used)
            shares.append(share.divided(_retaxed(in_use, retaxed_by), credit, used))
        own = Share(period, paid_minor + over_minor, 0, paid_minor, over_minor, taxed_by=taxed_by)
        return Funds(kept((*shares, own)))

    def unpaid(self) -> Funds:
        """Starts a period without a payment; credit stays."""
        return Funds(kept(s.divided(ByTax(), s.credit_by_tax, 0) for s in self.shares))

    def exchanged(
        self,
        unused_minor: int,
        rest_minor: int,
        owed_minor: int,
        period: int,
        at: datetime,
        taxed_by: str | None = None,
        retaxed_by: str | None = None,
    ) -> Funds:
        """Changes the plan at `at`: unused time and all credit pay for the rest of the period.

        `unused_minor` is the value of the unused time, `rest_minor` the new plan's price for the
        rest of the period, `owed_minor` the amount that was to be charged with the next invoice.
        What they do not cover is paid now, or owed; what remains of them is credit. `taxed_by` is
        the invoice if it has taxes, `retaxed_by` too if it took others off (C-10).
        """
        unused = self._unused(unused_minor)
        left, debt, shares = rest_minor, owed_minor, []
        for share in self.shares:
            pool = unused[share.period] + share.credit_by_tax
            filled = min(left, pool.total())
            settled = min(debt, pool.total() - filled) if left == filled else 0
            left, debt = left - filled, debt - settled
            spent = 0 if share.period == period else filled - unused[share.period].total()
            in_use, rest = drawn(pool, filled)
            credit = drawn(rest, settled)[1]
            shares.append(share.divided(_retaxed(in_use, retaxed_by), credit, spent))
        own = next((s for s in shares if s.period == period), Share(period, 0))
        # The owed amount that unused money covers is not paid any more.
        added = left - (owed_minor - debt)
        others = [share for share in shares if share.period != period]
        paid = replace(
            own,
            paid_minor=own.paid_minor + added,
            in_use_minor=own.in_use_minor + left,
            taxed_by=taxed_by or own.taxed_by,
            retaxed=() if taxed_by else own.retaxed,
        )
        return Funds(kept((*others, paid)), at)

    def taken_back(self, period: int | None, minor: int) -> Funds:
        """Takes a refunded payment of a period out: first the credit that it gave, then its unused
        time.

        An amount beyond both was already used, and is returned all the same.
        """
        left, shares = minor, list(self.shares)
        for place, share in enumerate(shares):
            if share.period in {period, UNKNOWN}:
                credit = min(left, share.credit_minor)
                left -= credit
                back = minor if share.period == period else credit
                shares[place] = replace(
                    share,
                    credit_minor=share.credit_minor - credit,
                    returned_minor=share.returned_minor + back,
                )
        for place, share in enumerate(shares):
            if share.period == period:
                in_use = min(left, share.in_use_minor)
                shares[place] = replace(share, in_use_minor=share.in_use_minor - in_use)
        return replace(self, shares=tuple(shares))

    def credit_returned(self, period: int | None, minor: int) -> Funds:
        """Takes credit out that is paid back as money, oldest first, whichever payment it came from
        (A-4).

        It goes back with the payment of `period`. Credit of another payment is spent on what that
        one had paid for, so that its own may still go back in full.
        """
        assert minor <= self.credit_minor, "no more goes back than there is"
        left, shares = minor, []
        for share in self.shares:
            credit = min(left, share.credit_minor)
            left -= credit
            back = credit if share.period in {period, UNKNOWN} else 0
            shares.append(
                replace(
                    share,
                    credit_minor=share.credit_minor - credit,
                    returned_minor=share.returned_minor + back,
                    spent_minor=share.spent_minor + credit - back,
                )
            )
        return replace(self, shares=tuple(shares))

    def credit_spent(self) -> Funds:
        """Takes all credit out, to pay for another subscription (A-4)."""
        return replace(
            self,
            shares=kept(
                replace(
                    share,
                    credit_minor=0,
                    spent_minor=share.spent_minor + share.credit_minor,
                )
                for share in self.shares
            ),
        )

    def credit_added(self, minor: int, taxed_by: str | None = None) -> Funds:
        """Adds credit from another subscription of the same customer (A-4)."""
        carried = [share for share in self.shares if share.period <= CARRIED]
        place = min([CARRIED + 1, *(share.period for share in carried)]) - 1
        alike = (share for share in carried if share.taxed_by == taxed_by)
        had = next(alike, Share(place, 0, taxed_by=taxed_by))
        more = replace(
            had, paid_minor=had.paid_minor + minor, credit_minor=had.credit_minor + minor
        )
        others = (share for share in self.shares if share.period != had.period)
        return replace(self, shares=kept((more, *others)))

    def owed_paid(self, minor: int, period: int) -> Funds:
        """Pays an amount owed for a period out of credit, oldest first (A-4, P-18).

        So much of the period's time is then paid by the credit, and not by its own payment.
        """
        own = self.share(period) or Share(period, 0)
        left, time, others = minor, own.in_use_minor, []
        for share in self.shares:
            used = min(left, share.credit_minor)
            left -= used
            if share.period == period:
                own = replace(own, credit_minor=own.credit_minor - used)
                continue
            moved = min(time, used)
            time -= moved
            others.append(
                replace(
                    share,
                    in_use_minor=share.in_use_minor + moved,
                    credit_minor=share.credit_minor - used,
                    spent_minor=share.spent_minor + used,
                )
            )
        own = replace(own, paid_minor=max(0, own.paid_minor - minor), in_use_minor=time)
        return replace(self, shares=kept((*others, own)))

    def restored(
        self, period: int | None, took: Taken, *, runs: bool, taxed_by: str | None = None
    ) -> Funds:
        """Puts back what a failed refund had taken.

        Unused time comes back only if `runs`: the same period still runs, under the same plan.
        Otherwise that time has passed.
        """
        minor, place = took.returned_minor, UNKNOWN if period is None else period
        here = self.share(place) or Share(place, minor, returned_minor=minor, taxed_by=taxed_by)
        back = replace(
            here,
            returned_minor=max(0, here.returned_minor - minor),
            credit_minor=here.credit_minor + took.credit_minor,
            in_use_minor=here.in_use_minor + (took.in_use_minor if runs else 0),
        )
        others = (share for share in self.shares if share.period != place)
        return replace(self, shares=kept((*others, back)))

    def without(self, period: int | None, taken_minor: int, returned_minor: int) -> Funds:
        """Takes money out of one share, its credit first, and counts what was returned of it."""
        shares, of = list(self.shares), UNKNOWN if period is None else period
        for place, share in enumerate(shares):
            if share.period == of:
                credit = min(taken_minor, share.credit_minor)
                in_use = min(taken_minor - credit, share.in_use_minor)
                shares[place] = replace(
                    share,
                    credit_minor=share.credit_minor - credit,
                    in_use_minor=share.in_use_minor - in_use,
                    returned_minor=share.returned_minor + returned_minor,
                )
        return replace(self, shares=tuple(shares))

    def credit_by_tax(self, minor: int) -> dict[str | None, int]:
        """Splits credit that is used up, oldest first, by the invoices whose taxes are on it."""
        left, parts = minor, ByTax()
        for share in self.shares:
            used = drawn(share.credit_by_tax, left)[0]
            left -= used.total()
            parts += used
        return dict(parts + ByTax({None: left}))

    def unused_by_tax(self, minor: int) -> dict[str | None, int]:
        """Splits the value of unused time by the invoices whose taxes are on it."""
        return dict(sum(self._unused(minor).values(), ByTax()))

    @property
    def taxed_by(self) -> tuple[str, ...]:
        """The invoices whose taxes are on what is left of the money."""
        named = (n for s in self.shares for n in (s.taxed_by, *(r.taxed_by for r in s.retaxed)))
        return tuple({name: None for name in named if name is not None})

    def _unused(self, unused_minor: int) -> dict[int, ByTax]:
        """Splits `unused_minor` over the shares by their money in use.

        Rounded half up over the running sum, so that the results add up to `unused_minor` and none
        exceeds its share.
        """
        whole, running, given = self.in_use_minor, 0, 0
        parts: dict[int, ByTax] = {}
        for share in self.shares:
            parts[share.period] = ByTax()
            for taxed_by, in_use in share.in_use_by_tax.items():
                running += in_use
                upto = half_up(unused_minor * running, whole) if whole else 0
                parts[share.period][taxed_by] = upto - given
                given = upto
        return parts


def _retaxed(money: ByTax, by: str | None) -> ByTax:
    """Returns money as an invoice taxed it anew, or as it was for None."""
    return money if by is None else +ByTax({by: money.total()})
