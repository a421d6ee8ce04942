"""Mutants of the charge protocol: each takes one of its guards away."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from billing.cancel import cancellation
from billing.cancel.flows import pause
from billing.kernel import charge_eligibility, retries
from billing.kernel.errors import Unavailable
from billing.kernel.flows import gateway_payments
from billing.kernel.gateways import Declined, Unconfirmed
from billing.kernel.invoices import Invoice
from billing.kernel.merchants import Merchant
from billing.kernel.values import replace
from billing.kernel.writes import Insert
from billing.outbox.flows import consume
from billing.plans import freezing
from billing.rebill import charge_steps, plan_change_steps
from billing.rebill.flows import charge
from sim.items import Table
from sim.mutants.mutant import Mutant, Patch
from sim.mutants.removing import always, blind, without, without_expect, writes


def forgetting(*names: str) -> Callable[[Any], Any]:
    """Drops these fields from `expecting`."""

    def forget(write: Any) -> Any:
        if isinstance(write, Insert):
            return write
        return replace(write, expecting=tuple(n for n in write.expecting if n not in names))

    return writes(lambda writes: [forget(w) for w in writes])


without_facts = writes(
    lambda ws: [
        w for w in ws if not (isinstance(w, Insert) and type(w.entity).__name__ == "OutboxEvent")
    ]
)


without_pointer = writes(
    lambda ws: [
        w for w in ws if not (isinstance(w, Insert) and type(w.entity).__name__ == "PaymentPointer")
    ]
)


def unknown_is_failed(call: Any) -> Any:
    def mutant(*args: Any, **kwargs: Any) -> Any:
        try:
            return call(*args, **kwargs)
        except Unavailable:
            return Declined("timeout")

    return mutant


def unconfirmed_is_failed(lookup: Any) -> Any:
    def mutant(*args: Any, **kwargs: Any) -> Any:
        found = lookup(*args, **kwargs)
        return Declined("not_confirmed") if isinstance(found, Unconfirmed) else found

    return mutant


def fresh_key(call: Any) -> Any:
    numbers = count()

    def mutant(ports: Any, invoice: Any, **kwargs: Any) -> Any:
        other = replace(invoice, id=f"{invoice.id}", gateway_ref=None)
        reference = ports.gateway_of(invoice).prepare(
            other.charge_order, key=f"{invoice.id}/{next(numbers)}"
        )
        return ports.gateway_of(invoice).confirm(
            reference,
            invoice.payment_method,
            key=f"{reference}:1",
            off_session=True,
            return_url=None,
        )

    return mutant


def by_the_invoice_alone(original: Any) -> Any:
    """Prepares the payment of a renewal under its invoice's id, whatever is asked for."""
    return lambda ports, invoice: gateway_payments.prepare(ports, invoice)


def confirm_without_attempt(original: Any) -> Any:
    return property(lambda invoice: invoice.id)


def paid_without_settling(resolve: Any) -> Any:
    """Makes the resolver confirm without looking first."""

    def mutant(ports: Any, invoice: Invoice, **kwargs: Any) -> Any:
        return gateway_payments.confirm(
            ports, replace(invoice, attempt=invoice.attempt + 1), **kwargs
        )

    return mutant


def move_blindly(original: Any) -> Any:
    return Table.move_due_date_blindly


def skipping_write_ahead(original: Any) -> Any:
    """Charges first and writes after: the point of no return is not committed."""

    def mutant(ports: Any, works: Any, now: Any, tally: Any) -> Any:
        return [charge._start(work, ports.new_id("order"), now)[0] for work in works]

    return mutant


def unarmed(original: Any) -> Any:
    """Makes everything count as armed."""
    return lambda merchant, environment: True


def attempts_unlimited(original: Any) -> Any:
    def mutant(attempt: int, **kwargs: Any) -> Any:
        return original(min(attempt, kwargs["schedule"].attempts - 1), **kwargs)

    return mutant


def due_at_once(original: Any) -> Any:
    return lambda paid, now: paid.period_at


_OPEN: Callable[..., Patch] = lambda mutate: (charge_steps, "open_invoice", mutate)  # noqa: E731
_RENEW: Callable[..., Patch] = lambda mutate: (charge_steps, "start_renewal", mutate)  # noqa: E731
_PNR: Callable[..., Patch] = lambda mutate: (charge_steps, "pass_point_of_no_return", mutate)  # noqa: E731
_PAID: Callable[..., Patch] = lambda mutate: (charge_steps, "settle_paid", mutate)  # noqa: E731
_DECLINED: Callable[..., Patch] = lambda mutate: (charge_steps, "settle_declined", mutate)  # noqa: E731


def _looked_at(name: str) -> tuple[Patch, ...]:
    """Returns every write that rests on the subscription, without this field of it."""
    mutate = without(name)
    listed = (
        (charge_eligibility, "LOOKED_AT"),
        (charge_eligibility, "RESTS"),
        (charge_eligibility, "MONEY"),
        (charge_steps, "CLAIMED"),
        (plan_change_steps, "AS_READ"),
        (freezing, "AS_READ"),
        (pause, "AS_READ"),
        (cancellation, "UNDO_AS_READ"),
    )
    return tuple((where, what, mutate) for where, what in listed)


CHARGES: tuple[Mutant, ...] = (
    Mutant(
        "charge first, write after", ((charge, "_pass_point_of_no_return", skipping_write_ahead),)
    ),
    Mutant("unknown means failed: confirm", ((gateway_payments, "confirm", unknown_is_failed),)),
    Mutant("unknown means failed: lookup", ((gateway_payments, "lookup", unknown_is_failed),)),
    Mutant("not confirmed means failed", ((gateway_payments, "lookup", unconfirmed_is_failed),)),
    Mutant("a new payment and key each time", ((gateway_payments, "confirm", fresh_key),)),
    Mutant(
        "one confirm key for all attempts", ((Invoice, "confirm_key", confirm_without_attempt),)
    ),
    Mutant(
        "resolve confirms under a new key", ((gateway_payments, "resolve", paid_without_settling),)
    ),
    Mutant("lease: no condition", ((Table, "move_due_date", move_blindly),)),
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
        (_OPEN(forgetting(*charge_eligibility.LOOKED_AT, "due_at")),),
    ),
    Mutant(
        "renewal: subscription unconditional",
        (_RENEW(blind("Subscription")),),
    ),
    Mutant(
        "renewal: invoice may stand",
        (_RENEW(blind("Invoice", of=Insert)),),
        redundant="the subscription's lease, open invoice and seq are as read",
    ),
    Mutant("renewal: both", (_RENEW(blind("Subscription")), _RENEW(blind("Invoice", of=Insert)))),
    Mutant(
        "renewal: lease not checked",
        (_RENEW(forgetting("due_at")),),
        redundant="open_invoice and seq change, so they are conditions themselves",
    ),
    Mutant(
        "renewal: nothing but what changes checked",
        (_RENEW(forgetting(*charge_eligibility.LOOKED_AT, "due_at")),),
    ),
    Mutant("renewal: the card not expected", (_RENEW(forgetting("payment_method")),)),
    Mutant("renewal: the price not expected", (_RENEW(forgetting(*charge_eligibility.PRICED_BY)),)),
    Mutant("renewal: nothing points to its payment", (_RENEW(without_pointer),)),
    Mutant(
        "renewal: one key whatever is asked for",
        ((gateway_payments, "prepare_ahead", by_the_invoice_alone),),
    ),
    Mutant(
        "prepared: invoice unconditional",
        ((charge_steps, "prepare", blind("Invoice")),),
        scene="upgrades",
    ),
    Mutant("PNR: subscription not expected", (_PNR(without_expect),)),
    Mutant(
        "PNR: invoice unconditional",
        (_PNR(blind("Invoice")),),
        redundant="whoever writes an open invoice has claimed its subscription, or changes it",
    ),
    Mutant(
        "PNR: attempt not checked",
        (_PNR(forgetting("attempt")),),
        redundant="the attempt changes, so it is a condition itself",
    ),
    Mutant(
        "PNR: the card not expected",
        (_PNR(forgetting("payment_method")),),
        scene="declined beside another",
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
    ),
    Mutant(
        "paid: both",
        (_PAID(blind("Invoice", "Subscription")),),
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
    ),
    Mutant(
        "declined: subscription unconditional",
        (_DECLINED(blind("Subscription")),),
        redundant="the invoice's state and attempt are as read",
    ),
    Mutant("declined: both", (_DECLINED(blind("Invoice", "Subscription")),)),
    Mutant(
        "local day: alarm at once",
        ((charge_eligibility, "due_after_payment", due_at_once),),
        redundant="the worker asks for the local day again before it opens an invoice",
    ),
    Mutant("local day: not asked", ((charge_eligibility, "charged_today", always(False)),)),
    Mutant(
        "local day: neither",
        (
            (charge_eligibility, "due_after_payment", due_at_once),
            (charge_eligibility, "charged_today", always(False)),
        ),
    ),
    Mutant("never too late to ask", ((charge_eligibility, "too_late_to_ask", always(False)),)),
    Mutant(
        "stopped and disarmed not asked", ((charge_eligibility, "selling_stopped", always(None)),)
    ),
    Mutant("no hold at all", ((charge_eligibility, "hold", always(None)),)),
    Mutant("held: never looked at again", ((charge_eligibility, "due_while_held", always(None)),)),
    Mutant("attempts without end", ((retries, "after_decline", attempts_unlimited),)),
    Mutant("pay now: unconditional", ((charge_steps, "pay_now", blind("Subscription")),)),
    Mutant(
        "pay now: the open charge not expected",
        ((charge_steps, "pay_now", without_expect),),
        redundant="a charge that began meanwhile is only resolved, under its own key",
    ),
    Mutant("pay now: counts as a retry", ((charge_steps, "_continues", always(False)),)),
    Mutant("pay now: every attempt was asked for", ((charge_steps, "_continues", always(True)),)),
    Mutant(
        "settle: funds not as read",
        ((charge_steps, "settle_paid", forgetting("funds", "credit_minor")),),
        scene="renewal",
    ),
    *(
        Mutant(f"looked at: not {name}", _looked_at(name), redundant=why, scene=scene)
        for name, why, scene in (
            ("state", "whatever changes the state changes another field that is looked at", None),
            ("open_invoice", None, None),
            ("period", "a period moves on only with its open invoice and the payments made", None),
            ("payments_made", "it moves on only with the period and the open invoice", None),
            ("cancelling", "whoever records a cancel moves the alarm, or changes the state", None),
            ("dispute", None, "has to answer and disputes"),
            ("held_for", None, None),
        )
    ),
    Mutant("disarmed: not asked at all", ((Merchant, "armed_in", unarmed),)),
    Mutant(
        "disarmed: money withdrawn, given back",
        ((gateway_payments, "refuse_disarmed", always(None)),),
    ),
    Mutant("disarmed: told to nobody", ((consume, "waits", always(False)),)),
)
