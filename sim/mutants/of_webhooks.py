"""Mistakes in the sending of webhooks, each of which the checks must find."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from billing.kernel.values import replace
from billing.webhooks import deliveries, signing
from billing.webhooks.deliveries import Delivery
from billing.webhooks.flows import recover, resend
from sim.mutants.mutant import Mutant, Patch
from sim.mutants.removing import always, constant


def _without_due_date(new: Any) -> Any:
    """Makes deliveries due in years: only the worker that is started knows of them."""
    return lambda *given: replace(new(*given), due_at=given[-1] + timedelta(days=9_000))


def _given_up_at_once(postponed: Any) -> Any:
    """Gives an event up after its first failure, and forgets it."""

    def mutant(delivery: Delivery, now: datetime, **wait: Any) -> Delivery:
        after = postponed(delivery, now, **wait)
        return replace(after, due_at=None) if delivery.slot == 2 else after  # type: ignore[no-any-return]

    return mutant


def _with_another_id(headers: Any) -> Any:
    """Sends each attempt under an id of its own."""

    def mutant(
        master: bytes, endpoint: Any, event: str, body: bytes, now: datetime, **stamp: Any
    ) -> Any:
        return headers(master, endpoint, f"{event}{now.microsecond}", body, now, **stamp)

    return mutant


_PATCHES: Mapping[str, tuple[Patch, ...]] = {
    "webhooks: no due date brings them back": ((deliveries, "new", _without_due_date),),
    "webhooks: a success starts no recovery": ((recover, "writes", always(())),),
    "webhooks: what was given up is not sent again": (
        (Delivery, "is_undelivered", lambda original: property(lambda delivery: False)),
    ),
    "webhooks: forgotten after some failures": ((Delivery, "postponed", _given_up_at_once),),
    "webhooks: a replay ends at its own clock": (
        (resend, "CLOCKS_DIFFER", constant(timedelta(0))),
    ),
    "webhooks: an id for each attempt": ((signing, "headers", _with_another_id),),
}

WEBHOOKS = tuple(Mutant(name, patches) for name, patches in _PATCHES.items())
