"""The shares of a subscription's funds: the payments of one period each (A-4, B-7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from billing.kernel.values import Value, replace

UNKNOWN = -1
"""The period of credit from before its period was kept; any refund may take it back."""

CARRIED = -2
"""The period of credit that came from another subscription; no refund of this one takes it back.

Credit that was paid with other taxes has a share of its own, one period further down.
"""

SHARES_AT_MOST = 12
"""The most shares that are kept; beyond these, the oldest ones with nothing left are dropped."""

ByTax = Counter[str | None]
"""Minor units by the invoice whose taxes are on them; None for those that were not taxed."""


class Retaxed(Value):
    """Money of a share that has the taxes of a later invoice than its payment (C-10).

    A renewal takes the taxes of credit off, and puts its own on the time that the credit pays for.
    """

    taxed_by: str
    in_use_minor: int = 0
    credit_minor: int = 0


class Share(Value):
    """The payments of one period, and how that money has been used.

    `period` is the index of the standard payment. `paid_minor` was received, or is owed with the
    next invoice; `returned_minor` was given back. `in_use_minor` pays for the rest of the running
    period, `credit_minor` is kept for the next invoices. `spent_minor` paid for other periods than
    its own. What no field counts was used. `taxed_by` is the invoice whose taxes were on the
    payment, None where it was not taxed: credit takes them off again (C-10). `retaxed` has been
    taxed anew since, as far as so much is left: what goes back was taxed with the payment first.
    """

    period: int
    paid_minor: int
    returned_minor: int = 0
    in_use_minor: int = 0
    credit_minor: int = 0
    spent_minor: int = 0
    taxed_by: str | None = None
    retaxed: tuple[Retaxed, ...] = ()

    @property
    def in_use_by_tax(self) -> ByTax:
        return self._by_tax(self.in_use_minor, [part.in_use_minor for part in self.retaxed])

    @property
    def credit_by_tax(self) -> ByTax:
        return self._by_tax(self.credit_minor, [part.credit_minor for part in self.retaxed])

    def _by_tax(self, minor: int, retaxed: list[int]) -> ByTax:
        """Splits money of it: with the payment's taxes first, then the parts that were retaxed."""
        parts = [(self.taxed_by, max(0, minor - sum(retaxed)))]
        parts += [(part.taxed_by, most) for part, most in zip(self.retaxed, retaxed, strict=True)]
        over = max(0, sum(retaxed) - minor)
        return drawn(ByTax(dict(parts)), over)[1]

    def divided(self, in_use: ByTax, credit: ByTax, spent_minor: int) -> Share:
        """Returns it with this money in use and as credit, and so much more spent on other
        periods."""
        later = [each for each in in_use | credit if each not in {None, self.taxed_by}]
        return replace(
            self,
            in_use_minor=in_use.total(),
            credit_minor=credit.total(),
            spent_minor=self.spent_minor + spent_minor,
            retaxed=tuple(Retaxed(str(each), in_use[each], credit[each]) for each in later),
        )

    @property
    def returnable_minor(self) -> int:
        """The amount that was neither returned nor spent on other periods."""
        return max(0, self.paid_minor - self.returned_minor - self.spent_minor)


class Taken(Value):
    """The amounts that a refund took out of a subscription's funds.

    `returned_minor` is the whole refund before tax. `period` and `since` identify the paid time
    that was running then; a failed refund needs them to restore the funds.
    """

    returned_minor: int
    credit_minor: int
    in_use_minor: int
    period: int
    since: datetime | None = None


def drawn(money: ByTax, minor: int) -> tuple[ByTax, ByTax]:
    """Splits money into its first `minor` units, and the rest."""
    first = ByTax()
    for taxed_by, there in money.items():
        first[taxed_by] = min(there, minor - first.total())
    return first, money - first


def whole(period: int, paid_minor: int) -> Share:
    """Returns the share of a period paid by its own payment alone, with nothing used or
    returned."""
    return Share(period, paid_minor, in_use_minor=paid_minor)


def kept(shares: Iterable[Share]) -> tuple[Share, ...]:
    """Returns the shares with money left, oldest first, and the newest of those that were only
    spent.

    The newest period's share stays with nothing left: a later change of plan adds to its payments.
    """
    ordered = sorted(shares, key=lambda share: share.period)
    live = [
        share
        for share in ordered
        if share.in_use_minor
        or share.credit_minor
        or (share is ordered[-1] and share.paid_minor and share.period >= 0)
    ]
    spent = [s for s in ordered if s.spent_minor and s not in live and s.period >= 0]
    room = max(0, SHARES_AT_MOST - len(live))
    return tuple(sorted([*live, *spent[-room:]], key=lambda share: share.period))
