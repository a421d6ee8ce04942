"""Mutants of the outbox, of mails and of the event log."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from billing.event_log.flows import append
from billing.kernel.customers import BillTo, Customer
from billing.kernel.values import replace
from billing.kernel.writes import Change, Remove
from billing.outbox import lines, outdated
from billing.outbox.flows import consume, deliver
from sim.mutants.mutant import Mutant
from sim.mutants.removing import always, constant, writes


def oldest_first(original: Any) -> Any:
    """Orders outbox events by when they were written, however often they were tried."""
    return lambda event: event.at


def removing_first(original: Any) -> Any:
    """Removes an outbox event from the outbox before it is mailed."""

    def mutant(ports: Any, consumer: Any, event: Any, *args: Any) -> Any:
        if consumer.name == "mail":
            ports.store.commit(Remove(event))
        return original(ports, consumer, event, *args)

    return mutant


def repeating_the_others(original: Any) -> Any:
    """Forgets which consumers were done when another one failed."""

    def mutant(claimed: Any, *args: Any) -> Any:
        change = original(claimed, *args)
        return replace(change, after=replace(change.after, done=claimed.done))

    return mutant


def as_the_stream_names_them(original: Any) -> Any:
    """Delivers each event by itself, whatever stands ahead of it in its line."""
    return lambda events, lines, now: original(events, lines, now)[-1:]


without_note = writes(lambda ws: [w for w in ws if not isinstance(w, Change)])


def unmarked_hour(original: Any) -> Any:
    """Appends an event to the log without marking its hour."""
    return lambda ports, merchant: ports.clock()


def keeping_silent(original: Any) -> Any:
    """Leaves outbox events out without recording a reason."""
    return lambda ports, claimed, reason: claimed


def first_contact(original: Any) -> Any:
    """Sends every mail to the customer's first known email."""
    first: dict[tuple[str, str], str] = {}

    def contact(customer: Any) -> Any:
        email = first.setdefault((customer.merchant, customer.id), customer.email)
        return BillTo(customer.name, email, customer.address)

    return property(contact)


_UNTRUE = ("of_subscription", "of_payment", "of_card")


OUTBOX: tuple[Mutant, ...] = (
    Mutant("outbox: removed before told", ((consume, "_handle", removing_first),)),
    Mutant("outbox: left out without a reason", ((consume, "_mark_left_out", keeping_silent),)),
    Mutant(
        "outbox: a consumer that fails repeats the others",
        ((consume, "_note", repeating_the_others),),
    ),
    Mutant("outbox: a claim keeps nobody out", ((consume, "CLAIM", constant(timedelta(0))),)),
    Mutant(
        "outbox: what stands ahead is not looked for",
        ((lines, "ready", as_the_stream_names_them),),
    ),
    Mutant("event log: appended without a note", ((append, "_writes", without_note),)),
    Mutant("event log: its hour is not marked", ((append, "next_place", unmarked_hour),)),
    Mutant("mail: untrue, and sent", tuple((outdated, name, always(False)) for name in _UNTRUE)),
    Mutant("mail: true, and left out", tuple((outdated, name, always(True)) for name in _UNTRUE)),
    Mutant("mail: to the first email", ((Customer, "contact", first_contact),)),
    Mutant("outbox: in the order it was written", ((deliver, "_deliverable_at", oldest_first),)),
    Mutant(
        "outbox: a claim shorter than a call",
        ((consume, "CLAIM", constant(timedelta(minutes=1))),),
    ),
    Mutant(
        "outbox: a consumer's own note not looked for", ((consume, "_has_noted", always(False)),)
    ),
)
