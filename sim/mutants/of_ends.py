"""Mutants of cancellations, requests for one, and access (A-1, A-2)."""

from __future__ import annotations

from typing import Any

from billing.cancel import cancellation
from billing.helpdesk import cancellation_request, decisions
from billing.helpdesk.flows import decision
from billing.kernel.subscription import Subscription
from billing.kernel.values import replace
from sim.mutants.mutant import Mutant
from sim.mutants.removing import always, blind, without, without_expect


def forgetting_the_end(after_payment: Any) -> Any:
    """Forgets an end that was asked for during a charge, once that has succeeded."""
    return lambda paid, *args: (replace(paid, cancelling=None), ())


def ended_or_not(gives_access: Any) -> Any:
    """Gives access whenever a subscription ends or has ended."""
    return lambda stands, *args: gives_access(replace(stands, ends_at=None), *args)


ENDS: tuple[Mutant, ...] = (
    Mutant("cancel: unconditional", ((cancellation, "end_now", blind()),)),
    Mutant(
        "cancel recorded: charge not expected",
        ((cancellation, "record", without_expect),),
        redundant="whoever settles the charge moves the alarm, which recording changes too",
    ),
    Mutant("request: holds nothing", ((cancellation_request, "hold", always(())),)),
    Mutant("request declined: holds on", ((decision, "_released", always(())),)),
    Mutant(
        "request: decided twice",
        ((decisions, "DECIDED_ON", without("state", "attempt", "due_at")),),
        redundant="deciding changes state and attempt, so they are conditions themselves",
    ),
    Mutant("request: never decided", ((decision, "_undecided", always("waits")),)),
    Mutant(
        "cancel recorded: forgotten by the payment",
        ((cancellation, "after_payment", forgetting_the_end),),
    ),
    Mutant("access: goes on after the end", ((Subscription, "gives_access", ended_or_not),)),
    Mutant("access: grace without end", ((Subscription, "grace_ends_at", always(None)),)),
)
