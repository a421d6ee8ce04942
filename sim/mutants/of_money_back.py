"""Mutants of refunds, disputes and what they take back (B-7, W-4)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from billing.kernel import ledger
from billing.kernel.funds import Funds
from billing.kernel.invoices import Invoice
from billing.kernel.subscription import Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Change, left
from billing.refunds import booking, disputes, gateway_refunds, refunds, value
from sim.gateway import SimGateway
from sim.mutants.mutant import Mutant, Patch
from sim.mutants.removing import always, blind, unchanged, writes


def posted_elsewhere(entry: Any) -> Any:
    """Posts the gateway's side of an entry to another account of it."""

    def mutant(*args: Any) -> Any:
        made = entry(*args)
        ours = "assets:gateway:"
        moved = [
            replace(each, account=f"{ours}other") if each.account.startswith(ours) else each
            for each in made.postings
        ]
        return replace(made, postings=tuple(moved))

    return mutant


def reserving(times: int) -> Callable[[Any], Any]:
    """Makes a step reserve so many times the amount of its refund more on the invoice."""

    def mutate(step: Any) -> Any:
        @wraps(step)
        def mutant(*args: Any, **kwargs: Any) -> Any:
            refund, writes = step(*args, **kwargs)
            more = times * refund.amount.amount_minor

            def raised(write: Any) -> Any:
                if not isinstance(write, Change) or not isinstance(write.after, Invoice):
                    return write
                minor = write.after.refund_reserved_minor + more
                return replace(write, after=replace(write.after, refund_reserved_minor=minor))

            return refund, tuple(map(raised, writes))

        return mutant

    return mutate


def keeping_funds(step: Any) -> Any:
    """Makes a step leave a subscription's funds and credit as they were."""

    def kept(write: Any) -> Any:
        if not isinstance(write, Change) or not isinstance(write.before, Subscription):
            return write
        was, after = write.before, left(write.before, (write,))
        kept_as_was = replace(after, funds=was.funds, credit_minor=was.credit_minor)
        return replace(write, after=kept_as_was)

    return writes(lambda transaction: [kept(write) for write in transaction])(step)


def forgetting_what_it_took(step: Any) -> Any:
    """Makes a step of a chargeback forget what it took out of the funds before."""

    def mutant(about: Any, chargeback: Any, *args: Any) -> Any:
        return step(about, replace(chargeback, took=None), *args)

    return mutant


_BESIDE_OURS: Patch = (gateway_refunds, "waits_for_ours", always(False))


MONEY_BACK: tuple[Mutant, ...] = (
    Mutant(
        "refund: reservation unconditional",
        ((refunds, "reserve", blind("Invoice")),),
        redundant="a refund's id counts the refunds, and the insert refuses a second one",
    ),
    Mutant("refund: credit stays", ((refunds, "take_back", always((None, ()))),)),
    Mutant(
        "refund: a failed one keeps the credit",
        ((refunds, "restore", always(())),),
        scene="is sent back",
    ),
    Mutant(
        "refund: another takes nothing late",
        ((refunds, "_is_beside", always(False)),),
        scene="is sent back after the bank took the rest",
    ),
    Mutant("refund: booked beside ours without room", (_BESIDE_OURS,)),
    Mutant("dispute lost: credit stays", ((disputes, "_cancel", keeping_funds),)),
    Mutant("dispute lost again: takes twice", ((disputes, "_cancel", forgetting_what_it_took),)),
    Mutant(
        "dispute won on appeal: credit stays taken",
        ((disputes, "_going_on", forgetting_what_it_took),),
        scene="wins on appeal",
    ),
    Mutant("dispute: takes no tax", ((disputes, "taxes_in", always(())),)),
    Mutant("skipped and passed periods are paid for", ((Funds, "unpaid", unchanged),)),
    Mutant("ended: credit refunded and kept", ((Subscription, "returning_credit", unchanged),)),
    Mutant("refund: unnamed beside another", ((value, "refuse_open", always(None)),)),
    Mutant(
        "refund: sent again unasked",
        ((SimGateway, "find_refund", always(None)),),
        redundant="for a day the key answers as it did; after it a part of a payment is at risk",
    ),
    Mutant("dispute: charges go on", ((disputes, "_held", always(())),)),
    Mutant("ledger: a refund posted elsewhere", ((ledger, "refund", posted_elsewhere),)),
    Mutant(
        "refund: reserved twice while under way",
        ((refunds, "reserve", reserving(1)), (booking, "settle", reserving(-1))),
    ),
)
