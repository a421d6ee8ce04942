"""Mutants of checkouts, cards and gateway events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from billing.cards import cards
from billing.checkout import checkout_steps
from billing.checkout.flows import advance, expire, settlement
from billing.gateway_events.flows import lost_events
from billing.gateways import event_signature
from billing.kernel import invoicing
from billing.kernel.values import replace
from billing.kernel.writes import Insert
from sim.mutants.mutant import Mutant, Patch
from sim.mutants.removing import always, blind, without_expect


def abandoning_unasked(original: Any) -> Any:
    """Abandons an attempt left alone without withdrawing it at the gateway."""

    def mutant(ports: Any, found: Any, now: Any) -> Any:
        if now - found.created_at >= advance.patience(ports):
            return settlement.write(ports, checkout_steps.abandon(found))
        return original(ports, found, now)

    return mutant


def without_words(following: Any) -> Any:
    """Opens invoices without what the merchant's program said of the purchase."""
    return lambda *given, **named: replace(following(*given, **named), hand_off=None)


_STEP: Callable[..., Patch] = lambda mutate: (checkout_steps, "_step", mutate)  # noqa: E731


CHECKOUTS: tuple[Mutant, ...] = (
    Mutant("hand-off: on the first payment alone", ((invoicing, "following", without_words),)),
    Mutant("card removed: nothing else expected", ((cards, "remove", without_expect),)),
    Mutant("card renewed: not retried", ((cards, "retried", always([])),)),
    Mutant("checkout: steps unconditional", (_STEP(blind("Checkout")),)),
    Mutant(
        "checkout: attempt may stand", ((checkout_steps, "begin", blind("Checkout", of=Insert)),)
    ),
    Mutant(
        "checkout: email may be taken",
        ((checkout_steps, "settle_paid", blind("EmailPointer", of=Insert)),),
    ),
    Mutant("checkout: abandoned, not withdrawn", ((expire, "_finish", abandoning_unasked),)),
    Mutant("events: forged ones are believed", ((event_signature, "verify", always(None)),)),
    Mutant("events: lost ones are not looked for", ((lost_events, "catch_up", always(None)),)),
)
