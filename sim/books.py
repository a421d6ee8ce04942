"""The cents of a subscription as the oracle of their worth books them (A-4, B-7).

For each period, how many of the cents that were paid in it pay for running time, and how many are
credit. It shares no code with `billing.kernel.funds`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from billing.kernel.invoices import Invoice
from billing.kernel.subscription import Subscription

OF_CREDIT = "credit-at-end"


@dataclass
class Book:
    """The cents of one subscription, by the period that paid them."""

    running: Counter[int] = field(default_factory=Counter)
    credit: Counter[int] = field(default_factory=Counter)
    paid: int = 0
    returned: int = 0
    since: datetime | None = None
    took: dict[str, tuple[int, int, tuple[object, ...]]] = field(default_factory=dict)
    lacked: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By refund, in their order, the period that it is of, and the cents that it did not find."""
    open: dict[str, int] = field(default_factory=dict)
    """The cents of refunds that the gateway has not answered."""
    changing: tuple[Book, Invoice, Subscription] | None = None
    """The book, invoice and subscription of a plan change, as they were when it was opened."""
    settled: list[tuple[int, int, int, int]] = field(default_factory=list)
    """Each part of an owed amount that credit paid meanwhile: periods of both, cents, time."""

    def copy(self) -> Book:
        return Book(Counter(self.running), Counter(self.credit), since=self.since)

    def use_credit(self, cents: int) -> Counter[int]:
        """Spends credit, the oldest first."""
        used: Counter[int] = Counter()
        for period in sorted(self.credit):
            used[period] = min(cents, self.credit[period])
            cents -= used[period]
        self.credit -= used
        return used

    def pay_owed(self, cents: int, period: int) -> None:
        """Pays what was owed for a period out of credit: so much of its time is the credit's."""
        for paid_in, used in self.use_credit(max(0, cents)).items():
            moved = min(used, self.running[period]) if paid_in != period else 0
            self.running[paid_in] += moved
            self.running[period] -= moved
            if self.changing is not None:
                self.settled.append((paid_in, period, used, moved))

    def unsettle(self) -> None:
        """Takes back what credit paid of an owed amount: the change of plan charged it too."""
        for paid_in, period, used, moved in self.settled:
            self.credit[paid_in] += used
            self.running[paid_in] -= moved
            self.running[period] += moved
        self.settled.clear()

    def renew(self, period: int, cents: int, by_credit: int) -> None:
        self.running = self.use_credit(max(0, by_credit))
        self.running[period] += cents
        self.since = None

    def exchange(self, period: int, unused: int, rest: int, owed: int, at: datetime) -> None:
        """Exchanges unused time and all credit for the rest of the new plan's period.

        They pay for the rest, then for what was owed; the oldest cents first. What is missing is
        paid now, or owed.
        """
        pool, so_far, given_out = Counter(self.credit), 0, 0
        whole = sum(self.running.values())
        for paid_in in sorted(self.running):
            so_far += self.running[paid_in]
            upto = int(Fraction(unused * so_far, whole) + Fraction(1, 2)) if whole else 0
            pool[paid_in] += upto - given_out
            given_out = upto
        self.running = Counter()
        for paid_in in sorted(pool):
            laid_out = min(rest, pool[paid_in])
            rest -= laid_out
            settled = min(owed, pool[paid_in] - laid_out) if not rest else 0
            owed -= settled
            self.running[paid_in] = laid_out
            pool[paid_in] -= laid_out + settled
        self.running[period] += rest
        self.credit, self.since = +pool, at

    def give_back(
        self, period: int | None, cents: int, name: str, stamp: tuple[object, ...]
    ) -> None:
        if name.endswith(f":{OF_CREDIT}"):
            self.use_credit(cents)
            self.took[name] = (cents, 0, stamp)
            return
        if period is None:
            return
        credit = min(cents, self.credit[period])
        running = min(cents - credit, self.running[period])
        self.credit[period] -= credit
        self.running[period] -= running
        self.took[name] = (credit, running, stamp)
        self.lacked[name] = (period, cents - credit - running)

    def came_back(self, period: int | None, name: str, stamp: tuple[object, ...]) -> None:
        """Undoes a refund that moved no money: what it took stands again, time only if it still
        runs.
        """
        credit, running, then = self.took.pop(name, (0, 0, ()))
        self.lacked.pop(name, None)
        place = -1 if period is None else period
        self.credit[place] += credit
        if then == stamp:
            self.running[place] += running
        for other in self.lacked:
            if other.partition(":")[0] == name.partition(":")[0]:
                self._take_late(other)

    def _take_late(self, name: str) -> None:
        """Lets a refund take what it found taken by another of its payment, which failed."""
        period, cents = self.lacked[name]
        credit, running, stamp = self.took[name]
        of_credit = min(cents, self.credit[period])
        of_running = min(cents - of_credit, self.running[period])
        self.credit[period] -= of_credit
        self.running[period] -= of_running
        self.took[name] = (credit + of_credit, running + of_running, stamp)
        self.lacked[name] = (period, cents - of_credit - of_running)
