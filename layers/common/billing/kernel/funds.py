"""Money paid for a subscription that is not used up, by the period that it was paid in (A-4, B-7).

Refunds, lost disputes, changes of plan and renewals all draw on it, so that nothing is given back
twice: what was paid is used, or returned, or it still stands here, as time that is paid for or as
credit. All amounts are minor units of the subscription's currency, before tax.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from billing.kernel.money import half_up

UNKNOWN = -1
"""The period of credit from before its period was kept: any refund may take it back."""

CARRIED = -2
"""The period of credit that came from another subscription: no refund here takes it back."""

SHARES_AT_MOST = 12
"""Shares of which nothing is left are forgotten beyond these, the oldest first."""


@dataclass(frozen=True, slots=True)
class Share:
    """What the payments of one period came to, and where that money is.

    `period` is the index of the standard payment. `paid_minor` came in, or is owed with the next
    invoice; `returned_minor` went back. `in_use_minor` pays for what is left of the running
    period, `credit_minor` is kept for the next invoices. `spent_minor` paid for other periods than
    its own. What no field names was used.
    """

    period: int
    paid_minor: int
    returned_minor: int = 0
    in_use_minor: int = 0
    credit_minor: int = 0
    spent_minor: int = 0

    @property
    def returnable_minor(self) -> int:
        """The part that was neither returned nor spent on other periods."""
        return max(0, self.paid_minor - self.returned_minor - self.spent_minor)


@dataclass(frozen=True, slots=True)
class Taken:
    """The part of a refund that was taken out of a subscription's funds.

    `returned_minor` is all of the refund, before tax. `period` and `since` say which time was
    running then, for what a refund that fails restores.
    """

    returned_minor: int
    credit_minor: int
    in_use_minor: int
    period: int
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Funds:
    """The shares of all periods of which something is left, oldest first.

    `since` is when the time began that `in_use_minor` pays for; None is the period's own start.
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
        """The share of a period, if anything of it is left."""
        return next((share for share in self.shares if share.period == period), None)

    def renewed(self, period: int, paid_minor: int, credit_minor: int) -> Funds:
        """A new period begins, paid by its own payment and by credit, the oldest first.

        Credit that was taken back since its invoice was opened is not there to be used: that part
        of the period was given away by whoever refunded it.
        """
        left, shares = max(0, credit_minor), []
        for share in self.shares:
            used = min(left, share.credit_minor)
            left -= used
            shares.append(
                replace(
                    share,
                    in_use_minor=used,
                    credit_minor=share.credit_minor - used,
                    spent_minor=share.spent_minor + used,
                )
            )
        own = Share(period, paid_minor, in_use_minor=paid_minor)
        return Funds(_kept((*shares, own)))

    def unpaid(self) -> Funds:
        """A period begins that nobody paid for; credit stays."""
        return Funds(_kept(replace(share, in_use_minor=0) for share in self.shares))

    def exchanged(
        self, unused_minor: int, rest_minor: int, owed_minor: int, period: int, at: datetime
    ) -> Funds:
        """The plan changes at `at`: what is unused and all credit pay for the rest of the period.

        `unused_minor` is what the unused time is worth, `rest_minor` what the new plan's costs,
        `owed_minor` what was left to be charged with the next invoice. What they do not cover is
        paid now, or owed; what they leave is credit.
        """
        unused = self._unused(unused_minor)
        left, debt, shares = rest_minor, owed_minor, []
        for share in self.shares:
            pool = unused[share.period] + share.credit_minor
            filled = min(left, pool)
            settled = min(debt, pool - filled) if left == filled else 0
            left, debt = left - filled, debt - settled
            spent = 0 if share.period == period else filled - unused[share.period]
            shares.append(
                replace(
                    share,
                    in_use_minor=filled,
                    credit_minor=pool - filled - settled,
                    spent_minor=share.spent_minor + spent,
                )
            )
        own = next((s for s in shares if s.period == period), Share(period, 0))
        # What was owed and is covered by what is unused is not going to be paid any more.
        added = left - (owed_minor - debt)
        others = [share for share in shares if share.period != period]
        paid = replace(own, paid_minor=own.paid_minor + added, in_use_minor=own.in_use_minor + left)
        return Funds(_kept((*others, paid)), at)

    def taken_back(self, period: int | None, minor: int) -> Funds:
        """A payment of that period goes back: first the credit that it gave, then its unused time.

        Whatever is beyond both was used, and is returned all the same.
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

    def credit_returned(self, minor: int) -> Funds:
        """Credit goes back as money, the oldest first, by whichever payment (A-4)."""
        assert minor <= self.credit_minor, "no more goes back than there is"
        left, shares = minor, []
        for share in self.shares:
            credit = min(left, share.credit_minor)
            left -= credit
            shares.append(
                replace(
                    share,
                    credit_minor=share.credit_minor - credit,
                    returned_minor=share.returned_minor + credit,
                )
            )
        return replace(self, shares=tuple(shares))

    def credit_spent(self) -> Funds:
        """All credit pays for something else: another subscription (A-4)."""
        return replace(
            self,
            shares=_kept(
                replace(
                    share,
                    credit_minor=0,
                    spent_minor=share.spent_minor + share.credit_minor,
                )
                for share in self.shares
            ),
        )

    def credit_added(self, minor: int) -> Funds:
        """Credit comes from another subscription of the same customer (A-4)."""
        had = self.share(CARRIED) or Share(CARRIED, 0)
        carried = replace(
            had, paid_minor=had.paid_minor + minor, credit_minor=had.credit_minor + minor
        )
        others = (share for share in self.shares if share.period != CARRIED)
        return replace(self, shares=_kept((carried, *others)))

    def restored(self, period: int | None, took: Taken, *, runs: bool) -> Funds:
        """A refund came to nothing: what it took stands again.

        Time in use only where it `runs` still, under the same plan; else it is over by now.
        """
        minor, place = took.returned_minor, UNKNOWN if period is None else period
        here = self.share(place) or Share(place, minor, returned_minor=minor)
        back = replace(
            here,
            returned_minor=max(0, here.returned_minor - minor),
            credit_minor=here.credit_minor + took.credit_minor,
            in_use_minor=here.in_use_minor + (took.in_use_minor if runs else 0),
        )
        others = (share for share in self.shares if share.period != place)
        return replace(self, shares=_kept((*others, back)))

    def caught_up(self, before: Funds, now: Funds) -> Funds:
        """These funds were quoted from `before`; what went back or came back since is made up for.

        Credit that a refund gave back when it failed comes back too, unused time does not: it was
        exchanged without it.
        """
        after = self
        for share in now.shares:
            was = before.share(share.period) or Share(share.period, 0)
            more = share.returned_minor - was.returned_minor
            if more > 0:
                after = after.taken_back(share.period, more)
            elif more < 0:
                credit = max(0, share.credit_minor - was.credit_minor)
                took = Taken(-more, credit, 0, 0)
                after = after.restored(share.period, took, runs=False)
        return after

    def _unused(self, unused_minor: int) -> dict[int, int]:
        """The unused part of each share; rounded half up over their running sum, so that they come
        to `unused_minor` and none to more than it has."""
        whole, running, given = self.in_use_minor, 0, 0
        parts: dict[int, int] = {}
        for share in self.shares:
            running += share.in_use_minor
            upto = half_up(unused_minor * running, whole) if whole else 0
            parts[share.period] = upto - given
            given = upto
        return parts


def whole(period: int, paid_minor: int) -> Share:
    """A period paid by its own payment alone, nothing of it used or returned."""
    return Share(period, paid_minor, in_use_minor=paid_minor)


def _kept(shares: Iterable[Share]) -> tuple[Share, ...]:
    """Those of which something is left, the oldest first; of what only was spent, the newest."""
    ordered = sorted(shares, key=lambda share: share.period)
    live = [share for share in ordered if share.in_use_minor or share.credit_minor]
    spent = [s for s in ordered if s.spent_minor and s not in live and s.period >= 0]
    room = max(0, SHARES_AT_MOST - len(live))
    return tuple(sorted([*live, *spent[-room:]], key=lambda share: share.period))
