"""Mutants of plan changes, freezes and pauses (A-4, A-5)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from billing.cancel.flows import pause
from billing.kernel import subscription as subscriptions
from billing.kernel.flows import gateway_payments
from billing.kernel.subscription import Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Insert
from billing.plans import freezing, plan_change
from billing.rebill import plan_change_steps
from billing.rebill.flows.charge_jobs import ChargeJob
from sim.mutants.mutant import Mutant, Patch
from sim.mutants.removing import always, blind, committing_blindly, unchanged


def of_a_whole_period(original: Any) -> Any:
    """Prices the rest of the new plan's period as all of it."""
    return lambda subscription, plan, at: plan.terms.price


def unused_of_price(original: Any) -> Any:
    """Values unused time at the plan's price, whatever was paid for it."""

    def mutant(subscription: Subscription, at: datetime) -> int:
        start = subscription.payment_at(subscription.period - 1)
        end = subscription.payment_at(subscription.period)
        return plan_change.unused_minor(subscription.terms.price, start, end, at)

    return mutant


def clearing(*names: str) -> Callable[[Any], Any]:
    """Makes a transition clear these fields."""
    cleared = dict.fromkeys(names)
    return lambda original: lambda *args: replace(original(*args), **cleared)


_CHANGED: Callable[..., Patch] = lambda mutate: (plan_change_steps, "_settle_paid", mutate)  # noqa: E731


PLANS: tuple[Mutant, ...] = (
    Mutant("change: credit of the whole price", ((plan_change, "_unused_minor", unused_of_price),)),
    Mutant(
        "change paid: what went back meanwhile",
        ((subscriptions, "caught_up", unchanged),),
        scene="wants it back before the answer",
    ),
    Mutant(
        "change: invoice may stand",
        ((plan_change_steps, "open_invoice", blind("Invoice", of=Insert)),),
        redundant="the subscription's lease, open invoice and seq are as read",
    ),
    Mutant(
        "change paid: invoice unconditional",
        (_CHANGED(blind("Invoice")),),
        redundant="the subscription's open invoice is as read",
    ),
    Mutant(
        "change paid: subscription unconditional",
        (_CHANGED(blind("Subscription")),),
        redundant="the invoice's state and attempt are as read",
    ),
    Mutant(
        "change paid: both",
        (_CHANGED(blind("Invoice", "Subscription")),),
        redundant="the order and the ledger entry are inserts, keyed by what they book",
    ),
    Mutant("change paid: no condition at all", (_CHANGED(blind()), _CHANGED(blind(of=Insert)))),
    Mutant(
        "change: opened while held",
        ((gateway_payments, "refuse_held", always(None)),),
        redundant="the worker asks again before it charges, and the change lapses",
    ),
    Mutant(
        "change: opened unconditional",
        ((plan_change_steps, "open_invoice", blind("Subscription")),),
    ),
    Mutant(
        "change: free, unconditional",
        ((plan_change_steps, "change_without_charge", blind("Subscription")),),
    ),
    Mutant(
        "change: asked unconditional",
        ((plan_change_steps, "schedule_change", blind("Subscription")),),
    ),
    Mutant("change: never lapses", ((ChargeJob, "has_lapsed", always(False)),)),
    Mutant("change: the token of a quote not asked", ((plan_change, "check_token", always(None)),)),
    Mutant("pause and resume: unconditional", ((pause, "_write", committing_blindly),)),
    *(
        Mutant(f"cancel pending: forgets {name}", ((Subscription, "cancel_pending", clears),))
        for name, clears in (
            ("the plan to come", clearing("next_plan")),
            ("the freeze to come", clearing("thaws_to")),
        )
    ),
    Mutant("freeze: unconditional", ((freezing, "schedule", blind("Subscription")),)),
    Mutant("freeze undone: unconditional", ((freezing, "undo", blind("Subscription")),)),
    Mutant(
        "change: the rest of a whole period", ((plan_change, "_rest_of_price", of_a_whole_period),)
    ),
)
