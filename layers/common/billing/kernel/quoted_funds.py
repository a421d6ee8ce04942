"""Funds of a quoted change of plan, caught up with what happened until it was paid (A-4, B-7)."""

from __future__ import annotations

from billing.kernel.fund_shares import CARRIED, Share, Taken, kept
from billing.kernel.funds import Funds
from billing.kernel.values import replace


def caught_up(quoted: Funds, before: Funds, now: Funds, period: int | None) -> Funds:
    """Applies to funds, quoted from `before` in a period, what was returned, restored or carried
    here since, up to `now`.

    Credit that a failed refund put back is added too; unused time is not, because it was exchanged
    without it.
    """
    after = quoted
    for share in _owed_again(before, now, period).shares:
        was = before.share(share.period) or Share(share.period, 0)
        if share.period <= CARRIED and share.paid_minor > was.paid_minor:
            after = after.credit_added(share.paid_minor - was.paid_minor, share.taxed_by)
        more = share.returned_minor - was.returned_minor
        if more > 0:
            # Not all that went back: what had been used already took nothing from the funds.
            had = was.credit_minor + was.in_use_minor
            taken = max(0, had - share.credit_minor - share.in_use_minor)
            after = after.without(share.period, taken, more)
        elif more < 0:
            credit = max(0, share.credit_minor - was.credit_minor)
            took = Taken(-more, credit, 0, 0)
            after = after.restored(share.period, took, runs=False, taxed_by=share.taxed_by)
    return after


def _owed_again(before: Funds, now: Funds, period: int | None) -> Funds:
    """Undoes that credit paid an amount owed for the period: the change itself pays it (P-18)."""
    had = before.share(period)
    if had is None:
        return now
    own = now.share(period) or replace(had, paid_minor=0, credit_minor=0, in_use_minor=0)
    left, time, others = max(0, had.paid_minor - own.paid_minor), 0, []
    if not left:
        return now
    for share in now.shares:
        if share.period == period:
            continue
        was = before.share(share.period) or Share(share.period, 0)
        used = min(left, max(0, share.spent_minor - was.spent_minor))
        moved = min(used, max(0, share.in_use_minor - was.in_use_minor))
        left, time = left - used, time + moved
        others.append(
            replace(
                share,
                credit_minor=share.credit_minor + used,
                spent_minor=share.spent_minor - used,
                in_use_minor=share.in_use_minor - moved,
            )
        )
    own = replace(
        own,
        paid_minor=had.paid_minor,
        credit_minor=own.credit_minor + left,
        in_use_minor=own.in_use_minor + time,
    )
    return replace(now, shares=kept((*others, own)))
