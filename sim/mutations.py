"""Building blocks of mutants: each takes one thing away from a step, a call or a rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import wraps
from itertools import count
from typing import Any

from billing.checkout import checkout_steps
from billing.checkout.flows import advance, settlement
from billing.invoices.flows import documents
from billing.jobs.jobs import Job, Step
from billing.kernel.customers import BillTo
from billing.kernel.errors import Unavailable
from billing.kernel.flows import gateway_payments
from billing.kernel.gateways import Declined, Unconfirmed
from billing.kernel.invoices import Invoice
from billing.kernel.subscription import Subscription
from billing.kernel.values import replace
from billing.kernel.walks import Seen
from billing.kernel.writes import Change, ConditionCheck, Insert, Remove, Transaction, left
from billing.plans import plan_change
from billing.rebill.flows import charge
from sim.items import Blind, Table


def writes(change: Callable[[Transaction], Sequence[Any]]) -> Callable[[Any], Any]:
    """Changes a step's transaction; a step returns it alone or after what it made."""

    def mutate(step: Any) -> Any:
        @wraps(step)
        def mutant(*args: Any, **kwargs: Any) -> Any:
            answer = step(*args, **kwargs)
            if isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[1], tuple):
                return answer[0], tuple(change(answer[1]))
            return tuple(change(answer))

        return mutant

    return mutate


def blind(*classes: str, of: type = Change) -> Callable[[Any], Any]:
    """Drops the conditions of writes on entities of these classes."""

    def is_meant(write: Any) -> bool:
        if not isinstance(write, of):
            return False
        entity = getattr(write, "before" if of is Change else "entity")
        return not classes or type(entity).__name__ in classes

    return writes(lambda writes: [Blind(w) if is_meant(w) else w for w in writes])


def forgetting(*names: str) -> Callable[[Any], Any]:
    """Drops these fields from `expecting`."""

    def forget(write: Any) -> Any:
        if isinstance(write, Insert):
            return write
        return replace(write, expecting=tuple(n for n in write.expecting if n not in names))

    return writes(lambda writes: [forget(w) for w in writes])


without_expect = writes(lambda writes: [w for w in writes if not isinstance(w, ConditionCheck)])
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


def forgetting_the_end(after_payment: Any) -> Any:
    """Forgets an end that was asked for during a charge, once that has succeeded."""
    return lambda paid, *args: (replace(paid, cancelling=None), ())


def ended_or_not(gives_access: Any) -> Any:
    """Gives access whenever a subscription ends or has ended."""
    return lambda stands, *args: gives_access(replace(stands, ends_at=None), *args)


def of_a_whole_period(original: Any) -> Any:
    """Prices the rest of the new plan's period as all of it."""
    return lambda subscription, plan, at: plan.terms.price


def never_over(has_time: Any) -> Any:
    """Asks for the time that is left, and goes on whatever that is."""

    def mutant(*args: Any, **kwargs: Any) -> Any:
        ask = has_time(*args, **kwargs)
        return lambda: ask() or True

    return mutant


def keeping_funds(step: Any) -> Any:
    """Makes a step leave a subscription's funds and credit as they were."""

    def kept(write: Any) -> Any:
        if not isinstance(write, Change) or not isinstance(write.before, Subscription):
            return write
        was, after = write.before, left(write.before, (write,))
        kept_as_was = replace(after, funds=was.funds, credit_minor=was.credit_minor)
        return replace(write, after=kept_as_was)

    return writes(lambda transaction: [kept(write) for write in transaction])(step)


def unchanged(method: Any) -> Any:
    """Makes a method return the value itself."""
    return lambda self, *args, **kwargs: self


def unused_of_price(original: Any) -> Any:
    """Values unused time at the plan's price, whatever was paid for it."""

    def mutant(subscription: Subscription, at: datetime) -> int:
        start = subscription.payment_at(subscription.period - 1)
        end = subscription.payment_at(subscription.period)
        return plan_change.unused_minor(subscription.terms.price, start, end, at)

    return mutant


def always(answer: Any) -> Callable[[Any], Any]:
    return lambda original: lambda *args, **kwargs: answer


def denied(original: Any) -> Any:
    """Answers a question, which is a property, with no."""
    return property(lambda self: False)


def constant(value: Any) -> Callable[[Any], Any]:
    return lambda original: value


def leaving_nothing(stepped: Any) -> Any:
    """Leaves out what a job could not do, instead of going back to it."""

    def mutant(job: Job, step: Step) -> Any:
        return stepped(job, replace(step, seen=Seen.SKIPPED) if step.seen is Seen.LEFT else step)

    return mutant


def far_away(leased_until: Any) -> Any:
    """Ends a lease in many years, so that nobody looks for a slice that died."""
    return lambda line, now: leased_until(line, now) + timedelta(days=9_000)


def oldest_first(original: Any) -> Any:
    """Orders outbox events by when they were written, however often they were tried."""
    return lambda event: event.at


def from_the_first(original: Any) -> Any:
    """Makes each run begin at the same place."""
    return lambda items, now, every: list(items)


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


def abandoning_unasked(original: Any) -> Any:
    """Abandons an attempt left alone without withdrawing it at the gateway."""

    def mutant(ports: Any, found: Any, now: Any) -> Any:
        if now - found.created_at >= advance.patience(ports):
            return settlement.write(ports, checkout_steps.abandon(found))
        return original(ports, found, now)

    return mutant


def committing_blindly(original: Any) -> Any:
    """Drops the conditions of a flow's writes; the flow's ports come first."""

    def mutant(ports: Any, *args: Any) -> Any:
        class Store:
            def __getattr__(self, name: str) -> Any:
                return getattr(ports.store, name)

            def commit(self, *writes: Any) -> None:
                ports.store.commit(*(Blind(w) for w in writes))

        return original(replace(ports, store=Store()), *args)

    return mutant


def issuing_anew(original: Any) -> Any:
    """Makes a document of what its invoice and its seller are now, whatever was issued."""

    def mutant(ports: Any, merchant: Any, invoice: Any) -> Any:
        return documents.invoice_issuer(ports, merchant, invoice)(invoice)

    return mutant


def clearing(*names: str) -> Callable[[Any], Any]:
    """Makes a transition clear these fields."""
    cleared = dict.fromkeys(names)
    return lambda original: lambda *args: replace(original(*args), **cleared)


def without(*names: str) -> Callable[[Any], Any]:
    """Drops these from a list of fields that a write rests on."""
    return lambda fields: tuple(name for name in fields if name not in names)


def unarmed(original: Any) -> Any:
    """Makes everything count as armed."""
    return lambda merchant, environment: True


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


def as_written(original: Any) -> Any:
    """Takes the time at which an end was written for that at which it was due."""
    return lambda subscription, written_at: written_at


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


def attempts_unlimited(original: Any) -> Any:
    def mutant(attempt: int, **kwargs: Any) -> Any:
        return original(min(attempt, kwargs["schedule"].attempts - 1), **kwargs)

    return mutant


def due_at_once(original: Any) -> Any:
    return lambda paid, now: paid.period_at


def of_present_plan(original: Any) -> Any:
    """Returns the rows of a subscription without those of plans that it is to change to."""
    return lambda subscription: original(replace(subscription, next_plan=None, thaws_to=None))


def adding_only(original: Any) -> Any:
    """Leaves rows that are not wanted any more."""
    return lambda kept, wanted: [w for w in original(kept, wanted) if isinstance(w, Insert)]


def rounding_down(original: Any) -> Any:
    return lambda numerator, denominator: numerator // denominator


def no_taxes(original: Any) -> Any:
    """Takes all of a refund for money before tax."""
    return lambda invoice, amount: (0,) * len(invoice.tax_lines)


def nothing_returned(original: Any) -> Any:
    """Adds refunds to no sum of tax."""
    return lambda invoice, net_minor, taxes: [(0, 0, 0)] * len(taxes)


def of_all(reserve: Any) -> Any:
    """Refunds as much as the tax, but in proportion, of the time that was paid for too."""
    return lambda *args, of_tax=False, **kwargs: reserve(*args, **kwargs)


def without_words(following: Any) -> Any:
    """Opens invoices without what the merchant's program said of the purchase."""
    return lambda *given, **named: replace(following(*given, **named), hand_off=None)
