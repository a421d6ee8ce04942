"""Mutation testing: each guard of the protocol is removed in turn and must be missed.

A mutant patches the product in this process and is put back. One that nothing notices must be
listed as redundant, with the guard that stands behind it; another mutant then removes both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

from billing.cancel import cancellation
from billing.cancel.flows import pause
from billing.cards import cards
from billing.checkout import checkout_steps
from billing.checkout.flows import expire
from billing.event_log.flows import append
from billing.figures import money_orders, monthly, movements
from billing.figures import records as figure_records
from billing.figures.flows import customers as figure_customers
from billing.figures.movement_kinds import MovementKind
from billing.figures.sums import FigureSums
from billing.gateway_events.flows import lost_events
from billing.gateways import event_signature
from billing.helpdesk import cancellation_request, decisions
from billing.helpdesk.flows import decision
from billing.invoices.flows import documents, numbers
from billing.jobs.flows import work
from billing.jobs.jobs import Job, JobLine
from billing.kernel import charge_eligibility, invoicing, ledger, list_rows, retries, taxes
from billing.kernel.customers import Customer
from billing.kernel.flows import due, gateway_payments
from billing.kernel.flows import list_rows as keeping_rows
from billing.kernel.funds import Funds
from billing.kernel.invoices import Invoice
from billing.kernel.merchants import Merchant
from billing.kernel.subscription import Subscription
from billing.kernel.taxes import UNTAXED, Taxes
from billing.kernel.values import Value
from billing.kernel.writes import Insert
from billing.outbox import lines, outdated
from billing.outbox.flows import consume, deliver
from billing.plans import freezing, plan_change
from billing.rebill import charge_steps, plan_change_steps
from billing.rebill.flows import charge, sweep
from billing.rebill.flows.charge_jobs import ChargeJob
from billing.refunds import booking, disputes, gateway_refunds, refunds, value
from billing.runtime import deadline
from billing.tax import sums
from sim import coupon_mutations, declaration_mutations, moving_mutations, webhook_mutations
from sim.gateway import SimGateway
from sim.items import Table
from sim.mutations import (
    abandoning_unasked,
    adding_only,
    always,
    as_the_stream_names_them,
    as_written,
    attempts_unlimited,
    blind,
    by_the_invoice_alone,
    clearing,
    committing_blindly,
    confirm_without_attempt,
    constant,
    denied,
    due_at_once,
    ended_or_not,
    far_away,
    first_contact,
    forgetting,
    forgetting_the_end,
    fresh_key,
    from_the_first,
    issuing_anew,
    keeping_funds,
    keeping_silent,
    leaving_nothing,
    move_blindly,
    never_over,
    no_taxes,
    nothing_returned,
    of_a_whole_period,
    of_all,
    of_present_plan,
    oldest_first,
    paid_without_settling,
    posted_elsewhere,
    removing_first,
    repeating_the_others,
    reserving,
    rounding_down,
    skipping_write_ahead,
    unarmed,
    unchanged,
    unconfirmed_is_failed,
    unknown_is_failed,
    unmarked_hour,
    unused_of_price,
    without,
    without_expect,
    without_facts,
    without_note,
    without_pointer,
    without_words,
)

Patch = tuple[Any, str, Callable[[Any], Any]]
"""The owner of a name, the name, and the function that makes the mutant's version of it."""


class Mutant(Value):
    """A removed guard; `redundant` says why nothing need notice.

    `scene` names the one whose meetings notice it, where chance mostly does not: it is tried first.
    One of the moving of subscriptions `moves`: it is judged by `sim.moving`.
    """

    name: str
    patches: tuple[Patch, ...]
    redundant: str | None = None
    scene: str | None = None
    moves: bool = False

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Removes the guard from the product until the end of the block."""
        with ExitStack() as stack:
            for where, name, mutate in self.patches:
                original = getattr(where, name)
                stack.callback(setattr, where, name, original)
                setattr(where, name, mutate(original))
            yield


_UNTRUE = ("of_subscription", "of_payment", "of_card")
_OPEN: Callable[..., Patch] = lambda mutate: (charge_steps, "open_invoice", mutate)  # noqa: E731
_RENEW: Callable[..., Patch] = lambda mutate: (charge_steps, "start_renewal", mutate)  # noqa: E731
_PNR: Callable[..., Patch] = lambda mutate: (charge_steps, "pass_point_of_no_return", mutate)  # noqa: E731
_PAID: Callable[..., Patch] = lambda mutate: (charge_steps, "settle_paid", mutate)  # noqa: E731
_DECLINED: Callable[..., Patch] = lambda mutate: (charge_steps, "settle_declined", mutate)  # noqa: E731
_STEP: Callable[..., Patch] = lambda mutate: (checkout_steps, "_step", mutate)  # noqa: E731

_BESIDE_OURS: Patch = (gateway_refunds, "waits_for_ours", always(False))
_CHANGED: Callable[..., Patch] = lambda mutate: (plan_change_steps, "_settle_paid", mutate)  # noqa: E731


def _looked_at(name: str) -> tuple[Patch, ...]:
    """Returns every write that rests on the subscription, without this field of it."""
    mutate = without(name)
    listed = (
        (charge_eligibility, "LOOKED_AT"),
        (plan_change_steps, "AS_READ"),
        (freezing, "AS_READ"),
    )
    return tuple((where, what, mutate) for where, what in listed)


MUTANTS: tuple[Mutant, ...] = (
    Mutant("hand-off: on the first payment alone", ((invoicing, "following", without_words),)),
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
    Mutant(
        "settle: funds not as read",
        ((charge_steps, "settle_paid", forgetting("funds", "credit_minor")),),
        scene="renewal",
    ),
    Mutant("dispute lost: credit stays", ((disputes, "_cancel", keeping_funds),)),
    Mutant("change: credit of the whole price", ((plan_change, "_unused_minor", unused_of_price),)),
    Mutant(
        "change paid: what went back meanwhile",
        ((Funds, "caught_up", unchanged),),
        scene="wants it back before the answer",
    ),
    Mutant("skipped and passed periods are paid for", ((Funds, "unpaid", unchanged),)),
    Mutant("ended: credit refunded and kept", ((Subscription, "returning_credit", unchanged),)),
    Mutant("refund: unnamed beside another", ((value, "refuse_open", always(None)),)),
    Mutant(
        "refund: sent again unasked",
        ((SimGateway, "find_refund", always(None)),),
        redundant="for a day the key answers as it did; after it a part of a payment is at risk",
    ),
    Mutant("dispute: charges go on", ((disputes, "_held", always(())),)),
    Mutant("events: forged ones are believed", ((event_signature, "verify", always(None)),)),
    Mutant("events: lost ones are not looked for", ((lost_events, "catch_up", always(None)),)),
    *(
        Mutant(f"looked at: not {name}", _looked_at(name), redundant=why)
        for name, why in (
            ("state", "whatever changes the state changes another field that is looked at"),
            ("open_invoice", None),
            ("period", "a period moves on only with its open invoice and the payments made"),
            ("payments_made", "it moves on only with the period and the open invoice"),
            ("cancelling", "whoever records a cancel moves the alarm, or changes the state"),
            ("dispute", None),
            ("held_for", None),
        )
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
    Mutant("disarmed: not asked at all", ((Merchant, "armed_in", unarmed),)),
    Mutant(
        "disarmed: money withdrawn, given back",
        ((gateway_payments, "refuse_disarmed", always(None)),),
    ),
    Mutant("disarmed: told to nobody", ((consume, "waits", always(False)),)),
    Mutant("request: holds nothing", ((cancellation_request, "hold", always(())),)),
    Mutant("request declined: holds on", ((decision, "_released", always(())),)),
    Mutant(
        "request: decided twice",
        ((decisions, "DECIDED_ON", without("state", "attempt", "due_at")),),
        redundant="deciding changes state and attempt, so they are conditions themselves",
    ),
    Mutant("request: never decided", ((decision, "_undecided", always("waits")),)),
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
    Mutant("figures: a batch that comes again adds again", ((FigureSums, "has_seen", always("")),)),
    Mutant("figures: retries used up are no churn", ((monthly, "_lapsed", always(None)),)),
    Mutant("figures: a gap is not seen", ((figure_records, "_is_after_a_gap", always(False)),)),
    Mutant(
        "figures: an end is not on its own day", ((figure_customers, "happened_at", as_written),)
    ),
    Mutant("figures: who comes back is new", ((movements, "_gain", always(MovementKind.NEW)),)),
    Mutant("figures: nobody has a country", ((figure_customers, "country_of", always("-")),)),
    Mutant("figures: taxes are revenue", ((money_orders, "_tax_of", always(0)),)),
    Mutant("event log: appended without a note", ((append, "_writes", without_note),)),
    Mutant("event log: its hour is not marked", ((append, "_place", unmarked_hour),)),
    Mutant("mail: untrue, and sent", tuple((outdated, name, always(False)) for name in _UNTRUE)),
    Mutant("mail: true, and left out", tuple((outdated, name, always(True)) for name in _UNTRUE)),
    Mutant("mail: to the first email", ((Customer, "contact", first_contact),)),
    Mutant(
        "alarms: what breaks is not put behind",
        ((due, "put_off", always(None)),),
        redundant="what is late is put behind before it is looked at",
    ),
    Mutant(
        "alarms: what is late is not put behind",
        ((due, "LATE", constant(timedelta(days=9_000))),),
        redundant="what breaks is put behind after it; only whoever dies of it comes again first",
    ),
    Mutant(
        "alarms: nothing is put behind",
        ((due, "put_off", always(None)), (due, "LATE", constant(timedelta(days=9_000)))),
    ),
    Mutant("outbox: in the order it was written", ((deliver, "_deliverable_at", oldest_first),)),
    Mutant(
        "sweep: always from the same place",
        ((sweep, "rotated", from_the_first),),
        redundant="a run asks for all of a kind at once, and no seed has a wall of checkouts; "
        "tests/rebill/test_fairness.py has runs with time for one kind",
    ),
    Mutant("documents: issued anew for each look", ((documents, "issued_invoice", issuing_anew),)),
    Mutant("rows: none of a plan to come", ((list_rows, "of_subscription", of_present_plan),)),
    Mutant("rows: old words stay", ((keeping_rows, "difference", adding_only),)),
    Mutant("rows: a new name leaves them", ((keeping_rows, "renamed", always([])),)),
    Mutant("jobs: nothing left is gone back to", ((Job, "stepped", leaving_nothing),)),
    Mutant("jobs: the place unconditional", ((work, "_save", committing_blindly),)),
    Mutant("jobs: a lease that never ends", ((JobLine, "leased_until", far_away),)),
    Mutant("ledger: a refund posted elsewhere", ((ledger, "refund", posted_elsewhere),)),
    Mutant(
        "refund: reserved twice while under way",
        ((refunds, "reserve", reserving(1)), (booking, "settle", reserving(-1))),
    ),
    Mutant(
        "cancel recorded: forgotten by the payment",
        ((cancellation, "after_payment", forgetting_the_end),),
    ),
    Mutant("access: goes on after the end", ((Subscription, "gives_access", ended_or_not),)),
    Mutant("access: grace without end", ((Subscription, "grace_ends_at", always(None)),)),
    Mutant(
        "outbox: a claim shorter than a call",
        ((consume, "CLAIM", constant(timedelta(minutes=1))),),
    ),
    Mutant(
        "change: the rest of a whole period", ((plan_change, "_rest_of_price", of_a_whole_period),)
    ),
    Mutant("sweeps: time is never over", ((deadline, "has_time", never_over),)),
    Mutant("tax: rounded down", ((taxes, "half_up", rounding_down),)),
    Mutant("tax: credit without its taxes", ((Taxes, "of", always(UNTAXED)),)),
    Mutant("tax: a refund returns none", ((value, "taxes_in", no_taxes),)),
    Mutant(
        "tax: tax alone goes back as a part of all",
        ((refunds, "reserve", of_all),),
        scene="proves it owes no tax",
    ),
    Mutant(
        "tax: taken off again once it was refunded",
        ((Invoice, "has_its_tax_refunded", denied),),
        scene="proves it owes no tax",
    ),
    Mutant("tax: refunds are not reported", ((sums, "of_refund", nothing_returned),)),
    Mutant(
        "outbox: a consumer's own note not looked for", ((consume, "_has_noted", always(False)),)
    ),
    Mutant("numbers: counter unconditional", ((documents, "numbered", committing_blindly),)),
    *(Mutant(name, patches) for name, patches in coupon_mutations.MUTANTS.items()),
    *(Mutant(name, patches) for name, patches in declaration_mutations.MUTANTS.items()),
    *(Mutant(name, patches) for name, patches in webhook_mutations.MUTANTS.items()),
    *(Mutant(name, patches, moves=True) for name, patches in moving_mutations.MUTANTS.items()),
    Mutant(
        "numbers: the counter of a batch unconditional", ((numbers, "_number", committing_blindly),)
    ),
)
