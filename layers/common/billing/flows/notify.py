"""The outbox told to the world: each fact mailed once, its invoice numbered first (R-8, M-7).

A fact is claimed, told, and removed. Whoever is killed in between leaves a claim that runs out, and
the sweep tells it then; the mail's Message-ID is the fact's, so that a mail sent twice is one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage

from billing import domains, invoicing, mail_stops
from billing.errors import Conflict, NotFound, Unavailable
from billing.facts import Fact, FactKind
from billing.flows import (
    account_life,
    account_notices,
    cards,
    charging,
    invoices,
    notices,
    ticket_notices,
)
from billing.merchants import Merchant
from billing.money import Money
from billing.ports import Ports
from billing.render import mails, reminder_mails
from billing.runtime import correlation, telemetry
from billing.subscription import Subscription
from billing.transactions import Change, Remove

CLAIM = timedelta(minutes=5)
SWEEP_AFTER = timedelta(minutes=2)
"""What the stream has not delivered by then, the sweep does."""

READ_AT_MOST = 6400

WAIT = timedelta(hours=1)
"""How long a fact waits at a time where its merchant is disarmed (W-5)."""

PASSING = frozenset(
    {
        FactKind.RENEWAL_UPCOMING,
        FactKind.TRIAL_ENDING,
        FactKind.CARD_EXPIRING,
        FactKind.LINK_ASKED,
        FactKind.RESET_ASKED,
        FactKind.EMAIL_ASKED,
        FactKind.TICKET_ASKED,
    }
)
"""What is no longer true, or no longer wanted, when it is told late."""


def sweep(ports: Ports, *, now: datetime, limit: int = 100) -> Counter[str]:
    """Tell what the stream left untold.

    A fact that our code breaks on holds up no other: its error is raised once they are told.
    """
    tally: Counter[str] = Counter()
    first: Exception | None = None
    for shard in range(ports.operation.shards):
        for fact in _untold(ports, shard, now, limit):
            try:
                tally += _told(ports, fact, now)
            except Exception as error:
                first = first or error
    if first is not None:
        raise first
    return tally


def _untold(ports: Ports, shard: int, now: datetime, limit: int) -> list[Fact]:
    """The oldest of a shard, with some among them that nobody is telling or waits with: whoever is
    disarmed keeps nobody else's waiting."""
    while True:
        found = ports.store.undelivered(shard, now - SWEEP_AFTER, limit)
        all_claimed = all(f.claimed_until is not None and f.claimed_until > now for f in found)
        if len(found) < limit or not all_claimed or limit >= READ_AT_MOST:
            return found
        limit *= 4


def deliver(
    ports: Ports, facts: Sequence[tuple[int, datetime, str]], *, now: datetime
) -> Counter[str]:
    """Tell the facts of (shard, written at, id), as the stream names them, if they are untold."""
    tally: Counter[str] = Counter()
    for shard, at, fact_id in facts:
        fact = ports.store.fact(shard, at, fact_id)
        if fact is None:
            tally["told_before"] += 1
        else:
            tally += _told(ports, fact, now)
    return tally


def _told(ports: Ports, fact: Fact, now: datetime) -> Counter[str]:
    """One fact, its failure counted and left to the next sweep."""
    if fact.claimed_until is not None and fact.claimed_until > now:
        return Counter(claimed=1)
    try:
        if _waits(ports, fact):
            ports.store.commit(Change(fact, replace(fact, claimed_until=now + WAIT)))
            return Counter(waiting=1)
        claimed = replace(fact, claimed_until=now + CLAIM)
        ports.store.commit(Change(fact, claimed))
        with telemetry.under(fact.correlation):
            _tell(ports, fact, now)
        ports.store.commit(Remove(claimed, as_read=("claimed_until",)))
    except Conflict:
        return Counter(conflict=1)
    except Unavailable:
        return Counter(unsent=1)
    return Counter(told=1)


def _waits(ports: Ports, fact: Fact) -> bool:
    """Whether nothing may go out for its merchant here (W-5): told once it may, unless that is too
    late."""
    merchant = ports.store.merchant(fact.merchant)
    assert merchant is not None, "a merchant is never removed"
    return not merchant.armed_in(ports.operation.environment) and fact.kind not in PASSING


def _tell(ports: Ports, fact: Fact, now: datetime) -> None:
    merchant = ports.store.merchant(fact.merchant)
    assert merchant is not None, "a merchant is never removed"
    account_life.heard(ports, fact)
    if fact.kind is FactKind.PURCHASED:
        cards.keep_once(ports, fact.merchant, fact.customer, now=now)
    if fact.kind is FactKind.PAYMENT_VOID:
        _withdraw(ports, fact)
        return
    for message in _messages(ports, fact, merchant, now):
        if not merchant.armed_in(ports.operation.environment):
            return  # no mail goes out (W-5)
        if _arrives(ports, fact, message):
            message["X-Merchant"] = merchant.id
            if (from_what := correlation.current()) is not None:
                message["X-Correlation-ID"] = from_what
            ports.mailer.send(message, now=now)


def _arrives(ports: Ports, fact: Fact, message: EmailMessage) -> bool:
    """Whether its address takes mail (R-8); what is withheld is a line, not an error."""
    stops = [
        ports.store.mail_stop(fact.merchant, address.addr_spec)
        for address in message["To"].addresses
    ]
    sent = all(mail_stops.may_be_sent(fact.kind, stop) for stop in stops)
    if not sent:
        telemetry.happened("mail withheld", message_id=str(message["Message-ID"]))
    return sent


def _messages(ports: Ports, fact: Fact, merchant: Merchant, now: datetime) -> list[EmailMessage]:
    if fact.kind in account_notices.KINDS:
        return account_notices.messages(ports, fact, merchant, now)
    if fact.kind in notices.KINDS:
        return notices.messages(ports, fact, merchant, now)
    if fact.kind in ticket_notices.KINDS:
        return ticket_notices.messages(ports, fact, merchant, now)
    if fact.invoice is not None:
        return [_about_payment(ports, fact, merchant, now)]
    return _about_subscription(ports, fact, merchant, now)


def _about_payment(ports: Ports, fact: Fact, merchant: Merchant, now: datetime) -> EmailMessage:
    """A mail about an invoice, which is numbered before anything shows it (M-7)."""
    assert fact.invoice is not None, "a payment's fact names its invoice"
    invoice = invoices.numbered(ports, fact.merchant, fact.customer, fact.invoice)
    subscription = _subscription(ports, fact)
    envelope = mails.Envelope(
        merchant,
        invoice.bill_to,
        invoice.language,
        invoice.test,
        ports.operation.sender,
        fact.id,
        now,
        _next_charge(ports, subscription),
    )
    if fact.kind is FactKind.PAYMENT_FAILED:
        return mails.payment_failed(envelope, invoice, subscription, _portal_url(ports, merchant))
    if fact.kind is FactKind.ACTION_NEEDED:
        url = invoices.payment_link(ports, merchant, invoice)
        return reminder_mails.action_needed(envelope, invoice, subscription, url)
    if fact.kind is FactKind.REFUNDED:
        assert fact.code is not None, "it names the refund"
        refund = invoices.numbered_refund(ports, invoice, fact.code)
        credit_note = invoices.credit_note(ports, invoice, refund)
        return mails.refunded(envelope, invoice, refund, pdf=credit_note)
    build = mails.confirmation if fact.kind is FactKind.PURCHASED else mails.receipt
    url, pdf = invoices.link(ports, merchant, invoice), invoices.pdf(ports, invoice)
    return build(envelope, invoice, subscription, invoice_url=url, pdf=pdf)


def _about_subscription(
    ports: Ports, fact: Fact, merchant: Merchant, now: datetime
) -> list[EmailMessage]:
    """A mail about a subscription; nothing where its customer was erased meanwhile (M-8), or where
    what it tells ahead does not come any more (R-8)."""
    subscription = _subscription(ports, fact)
    assert subscription is not None, "its fact names it"
    (found,) = ports.store.bill_tos([(fact.merchant, fact.customer, subscription.id)])
    ahead = fact.kind in {FactKind.RENEWAL_UPCOMING, FactKind.TRIAL_ENDING}
    if found is None or (ahead and subscription.next_charge_at is None):
        return []
    envelope = mails.Envelope(
        merchant,
        found.bill_to,
        subscription.language,
        subscription.test,
        ports.operation.sender,
        fact.id,
        now,
        _next_charge(ports, subscription),
    )
    if fact.kind is FactKind.CARD_EXPIRING:
        assert fact.code is not None, "it names the card"
        method = ports.store.payment_method(fact.merchant, fact.customer, fact.code)
        if method is None:
            return []
        url = _portal_url(ports, merchant)
        return [reminder_mails.card_expiring(envelope, subscription, method, url)]
    return [_ABOUT[fact.kind](envelope, subscription)]


def _portal_url(ports: Ports, merchant: Merchant) -> str | None:
    open_to_customers = merchant.settings.portal is not None
    return domains.portal(ports.operation.public_url, merchant) if open_to_customers else None


def _withdraw(ports: Ports, fact: Fact) -> None:
    """A void invoice's payment is cancelled at the gateway too, so that nobody can confirm it."""
    assert fact.invoice is not None, "a payment's fact names its invoice"
    invoice = ports.store.invoice(fact.merchant, fact.customer, fact.invoice)
    assert invoice is not None, "a fact names an invoice that stands"
    try:
        charging.withdraw(ports, invoice)
    except NotFound:
        return  # Its account is gone, and so is who could confirm it here (W-6).


def _next_charge(ports: Ports, subscription: Subscription | None) -> Money | None:
    """The amount of the next payment, where one is to come (A-4)."""
    if subscription is None or subscription.next_charge_at is None:
        return None
    minimum = ports.minimum_minor(subscription)
    return invoicing.next_charge(subscription, minimum)


def _subscription(ports: Ports, fact: Fact) -> Subscription | None:
    if fact.subscription is None:
        return None
    return ports.store.subscription(fact.merchant, fact.customer, fact.subscription)


_ABOUT = {
    FactKind.ENDED: mails.ended,
    FactKind.CANCEL_REQUESTED: mails.cancel_requested,
    FactKind.CANCEL_UNDONE: mails.cancel_undone,
    FactKind.PAUSED: mails.paused,
    FactKind.RESUMED: mails.resumed,
    FactKind.PLAN_CHANGED: mails.plan_changed,
    FactKind.NEW_CARD_NEEDED: mails.new_card_needed,
    FactKind.PLAN_ASKED: mails.plan_asked,
    FactKind.FREEZE_ASKED: mails.freeze_asked,
    FactKind.FREEZE_UNDONE: mails.freeze_undone,
    FactKind.RENEWAL_UPCOMING: reminder_mails.renewal_upcoming,
    FactKind.TRIAL_ENDING: reminder_mails.trial_ending,
}
