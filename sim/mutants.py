"""Is the green meaningful? Each guard of the protocol is removed in turn; each must be missed.

A mutant patches the product in this process and is put back. One that nothing notices must be
listed as redundant, with the guard that stands behind it; another mutant then removes both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from billing import cancellation, disputes, policy, protocol, purchase, refunds
from billing.adapters import event_signature
from billing.flows import attempts, charging, invoices, notify, rebill, webhook
from billing.orders import Invoice
from billing.transactions import Insert
from sim import exhaustive
from sim.gateway import SimGateway
from sim.invariants import Violation
from sim.items import Table
from sim.mutations import (
    abandoning_unasked,
    always,
    attempts_unlimited,
    blind,
    confirm_without_attempt,
    due_at_once,
    forgetting,
    fresh_key,
    move_blindly,
    numbered_apart,
    paid_without_settling,
    removing_first,
    skipping_write_ahead,
    unconfirmed_is_failed,
    unknown_is_failed,
    without_expect,
    without_facts,
)
from sim.run import run

FIRST_SEED = 1000

Patch = tuple[Any, str, Callable[[Any], Any]]
"""Where, which name, and what makes the mutant's version of it."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One guard taken away; `redundant` says why nothing need notice."""

    name: str
    patches: tuple[Patch, ...]
    redundant: str | None = None

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The product without the guard, until the end of the block."""
        with ExitStack() as stack:
            for where, name, mutate in self.patches:
                original = getattr(where, name)
                stack.callback(setattr, where, name, original)
                setattr(where, name, mutate(original))
            yield


_OPEN: Callable[..., Patch] = lambda mutate: (protocol, "open_invoice", mutate)  # noqa: E731
_PNR: Callable[..., Patch] = lambda mutate: (protocol, "point_of_no_return", mutate)  # noqa: E731
_PAID: Callable[..., Patch] = lambda mutate: (protocol, "settle_paid", mutate)  # noqa: E731
_DECLINED: Callable[..., Patch] = lambda mutate: (protocol, "settle_declined", mutate)  # noqa: E731
_STEP: Callable[..., Patch] = lambda mutate: (purchase, "_step", mutate)  # noqa: E731

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        "charge first, write after", ((rebill, "_pass_point_of_no_return", skipping_write_ahead),)
    ),
    Mutant("unknown means failed: confirm", ((charging, "confirm", unknown_is_failed),)),
    Mutant("unknown means failed: lookup", ((charging, "lookup", unknown_is_failed),)),
    Mutant("not confirmed means failed", ((charging, "lookup", unconfirmed_is_failed),)),
    Mutant("a new payment and key each time", ((charging, "confirm", fresh_key),)),
    Mutant(
        "one confirm key for all attempts", ((Invoice, "confirm_key", confirm_without_attempt),)
    ),
    Mutant("resolve confirms under a new key", ((charging, "resolve", paid_without_settling),)),
    Mutant("lease: no condition", ((Table, "move_alarm", move_blindly),)),
    Mutant(
        "open: subscription unconditional",
        (_OPEN(blind("Subscription")),),
    ),
    Mutant(
        "open: invoice may stand",
        (_OPEN(blind("Invoice", of=Insert)),),
        redundant="the subscription's lease, open invoice and seq are as read",
    ),
    Mutant("open: both", (_OPEN(blind("Subscription")), _OPEN(blind("Invoice", of=Insert)))),
    Mutant(
        "open: lease not checked",
        (_OPEN(forgetting("due_at")),),
        redundant="open_invoice and seq change, so they are conditions themselves",
    ),
    Mutant(
        "open: nothing but what changes checked",
        (_OPEN(forgetting(*policy.LOOKED_AT, "due_at")),),
    ),
    Mutant("prepared: invoice unconditional", ((protocol, "prepared", blind("Invoice")),)),
    Mutant("PNR: subscription not expected", (_PNR(without_expect),)),
    Mutant("PNR: invoice unconditional", (_PNR(blind("Invoice")),)),
    Mutant(
        "PNR: attempt not checked",
        (_PNR(forgetting("attempt")),),
        redundant="the attempt changes, so it is a condition itself",
    ),
    Mutant("PNR: both", (_PNR(blind("Invoice")), _PNR(without_expect))),
    Mutant(
        "paid: invoice unconditional",
        (_PAID(blind("Invoice")),),
        redundant="the subscription's period and open invoice are as read",
    ),
    Mutant(
        "paid: subscription unconditional",
        (_PAID(blind("Subscription")),),
        redundant="the invoice's state and attempt are as read",
    ),
    Mutant(
        "paid: both",
        (_PAID(blind("Invoice", "Subscription")),),
        redundant="the order and the ledger entry are inserts, keyed by what they book",
    ),
    Mutant(
        "paid: order and ledger may stand",
        (_PAID(blind("Order", "LedgerEntry", of=Insert)),),
        redundant="invoice and subscription are as read",
    ),
    Mutant(
        "paid: no condition at all",
        (_PAID(blind()), _PAID(blind(of=Insert))),
    ),
    Mutant("paid: nothing is told", (_PAID(without_facts),)),
    Mutant(
        "declined: invoice unconditional",
        (_DECLINED(blind("Invoice")),),
        redundant="the subscription's state and alarm are as read",
    ),
    Mutant(
        "declined: subscription unconditional",
        (_DECLINED(blind("Subscription")),),
        redundant="the invoice's state and attempt are as read",
    ),
    Mutant("declined: both", (_DECLINED(blind("Invoice", "Subscription")),)),
    Mutant(
        "local day: alarm at once",
        ((policy, "alarm_after_payment", due_at_once),),
        redundant="the worker asks for the local day again before it opens an invoice",
    ),
    Mutant("local day: not asked", ((policy, "charged_today", always(False)),)),
    Mutant(
        "local day: neither",
        ((policy, "alarm_after_payment", due_at_once), (policy, "charged_today", always(False))),
    ),
    Mutant("never too late to ask", ((policy, "too_late_to_ask", always(False)),)),
    Mutant("stopped and disarmed not asked", ((policy, "selling_stopped", always(None)),)),
    Mutant("no hold at all", ((policy, "hold", always(None)),)),
    Mutant("attempts without end", ((policy, "after_decline", attempts_unlimited),)),
    Mutant("checkout: steps unconditional", (_STEP(blind("Checkout")),)),
    Mutant("checkout: attempt may stand", ((purchase, "begun", blind("Checkout", of=Insert)),)),
    Mutant(
        "checkout: email may be taken",
        ((purchase, "paid", blind("EmailPointer", of=Insert)),),
    ),
    Mutant("checkout: abandoned, not withdrawn", ((attempts, "_finish", abandoning_unasked),)),
    Mutant("cancel: unconditional", ((cancellation, "end_now", blind()),)),
    Mutant(
        "cancel recorded: charge not expected",
        ((cancellation, "record", without_expect),),
        redundant="whoever settles the charge moves the alarm, which recording changes too",
    ),
    Mutant(
        "refund: reservation unconditional",
        ((refunds, "reserve", blind("Invoice")),),
        redundant="a refund's id counts the refunds, and the insert refuses a second one",
    ),
    Mutant(
        "refund: sent again unasked",
        ((SimGateway, "find_refund", always(None)),),
        redundant="for a day the key answers as it did; after it a part of a payment is at risk",
    ),
    Mutant("dispute: charges go on", ((disputes, "_held", always(())),)),
    Mutant("events: forged ones are believed", ((event_signature, "verify", always(None)),)),
    Mutant("events: lost ones are not looked for", ((webhook, "catch_up", always(None)),)),
    Mutant("outbox: removed before told", ((notify, "_tell", removing_first),)),
    Mutant("numbers: counter unconditional", ((invoices, "numbered", numbered_apart),)),
)


def main(seeds: int) -> int:
    """Print what notices each mutant; 1 if one is neither noticed nor listed as redundant."""
    unnoticed = 0
    for mutant in MUTANTS:
        with mutant.applied():
            violation, where = _first_violation(range(FIRST_SEED, FIRST_SEED + seeds))
        if violation is not None:
            print(f"caught     {mutant.name}: {where}, {violation}"[:150])
        elif mutant.redundant is not None:
            print(f"redundant  {mutant.name}: {mutant.redundant}")
        else:
            unnoticed += 1
            print(f"UNNOTICED  {mutant.name}, in {seeds} seeds")
    return 1 if unnoticed else 0


def _first_violation(seeds: range) -> tuple[Violation | None, str]:
    """By chance, or else where two invocations meet at every pair of points."""
    for number, seed in enumerate(seeds, 1):
        violation = run(seed).violation
        if violation is not None:
            return violation, f"seed {number}"
    failure = next((found for found in exhaustive.pairs() if found is not None), None)
    return (failure.violation, failure.scene) if failure else (None, "")
