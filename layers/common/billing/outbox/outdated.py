"""Checks whether a later event made a mail untrue, which is then left out (R-8).

An outbox event is mailed at least once, and may be mailed hours late. Its mail is of three sorts:

* A record says what happened and what that meant then (`OutboxEvent.was`). It is always sent:
  receipts, credit notes, declarations, decisions, and what a law asks for.
* A change says what is so from now on, and what comes next, as it stood when it was made. It is
  left out once that does not hold any more: the later change has a mail of its own.
* An announcement says what is to come, as it stands when it is sent, so that the advance notice
  names what will be charged. It is left out once it does not come.

| event | words, and where they are from | left out |
|---|---|---|
| purchased, renewed, plan_changed (paid) | invoice; `was`: next payment, how to cancel | never |
| refunded, refund_returned | invoice and refund, which are final | never |
| cancel_requested | `was`: date of the end, reference | never |
| ended | `was`: date, reference, why | never |
| cancel_undone, resumed, freeze_undone | `was`: product, next payment | it is another by now |
| imported | `was`: product, next payment | it is another by now, or taken back |
| plan_asked, plan_changed (free) | `was`: plan, next payment | either is another by now |
| freeze_asked | `was`: since when, at which price | undone, begun, to be ended |
| paused | `was`: until when access lasts | resumed, to be ended |
| new_card_needed | `was`: product | a card was given, or it ended |
| payment_failed | invoice; `was`: next attempt | attempted again, paid, void |
| payment_failed (change of plan) | invoice; that the plan stays | the plan is another, or ended |
| action_needed | invoice; `was`: until when | this attempt does not wait any more |
| renewal_upcoming, trial_ending | as it stands: plan, amount, date | this charge does not come |
| promotion_ending, yearly_reminder | as it stands: plan, amount, date | nothing is charged |
| price_changing | as it stands: both prices, from when | taken back, or another one |
| price_kept | `was`: the price | never |
| pause_ending | as it stands: when it resumes, next payment | it is not paused until then |
| card_expiring | as it stands: card, next payment | another card, nothing to charge |
| dispute_opened, dispute_won, dispute_lost | the chargeback, to the merchant | it moved on |
| details_changed | what was changed; to `email`, if that was | never |
| ticket_opened, ticket_replied, to the requester | `ticket_was`; the message | never |
| ticket_approved, ticket_declined | `ticket_was`: the charge that is still made | never |
| ticket_opened, ticket_reassigned, to the department | `ticket_was` | passed on, or decided |
| declared | the declaration, as it was made | never |
| declaration_asked | the declaration; a link, drawn as it is mailed | answered, or decided |
| account_ended, account_active | `until`: how long it is kept | its state is another by now |
| account_exists, credentials_changed | that it happened | never |
| link_asked, reset_asked, email_asked, ticket_asked | a link, drawn as it is mailed | expired |
| offer_shown, offer_taken | no mail: they are counted | |
| payment_void | no mail: the payment is withdrawn at the gateway | |

Events of older code have no `was`: they are mailed as things stand, and only what was to come and
does not is left out.
"""

from __future__ import annotations

from datetime import datetime

from billing.kernel import snapshots
from billing.kernel.customers import PaymentMethod
from billing.kernel.invoices import Invoice, InvoiceState
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.subscription import State, Subscription
from billing.notices import planned, reminders
from billing.rebill import charge_events

AHEAD = frozenset({EventKind.RENEWAL_UPCOMING, EventKind.TRIAL_ENDING})
RECORDS = frozenset({EventKind.CANCEL_REQUESTED, EventKind.ENDED, EventKind.PRICE_KEPT})
"""The kinds that are records of a subscription itself; events of a payment that was made are
records too."""


def of_subscription(event: OutboxEvent, subscription: Subscription, now: datetime) -> bool:
    """Tests whether an event about a subscription is untrue by now."""
    if event.kind in AHEAD:
        return _is_not_to_come(event, subscription, now)
    if event.was is None or event.kind in RECORDS:
        return False
    match event.kind:
        case EventKind.PROMOTION_ENDING | EventKind.YEARLY_REMINDER:
            return subscription.next_charge_at is None
        case EventKind.PRICE_CHANGING:
            change = subscription.price_change
            return change is None or change.id != event.code
        case EventKind.PAUSE_ENDING:
            return subscription.resumes_at is None or subscription.resumes_at <= now
        case EventKind.PAUSED:
            still = (
                subscription.state is State.PAUSED
                and subscription.access_until == event.was.access_until
            )
            return not still
        case EventKind.NEW_CARD_NEEDED:
            return not subscription.is_unpaid
        case EventKind.PLAN_ASKED:
            return snapshots.of(subscription.renewing()).announces != event.was.announces
        case _:
            return snapshots.of(subscription).announces != event.was.announces


def of_card(event: OutboxEvent, subscription: Subscription, card: PaymentMethod | None) -> bool:
    """Tests whether a card that was about to expire pays no more, or for longer (W-7)."""
    if card is None or card.removed_at is not None or subscription.next_charge_at is None:
        return True
    if event.was is None:
        return False
    same = event.id == f"{reminders.expiry_name(card)}:{event.kind}"
    return not same or subscription.payment_method != card.id


def of_payment(event: OutboxEvent, invoice: Invoice, subscription: Subscription | None) -> bool:
    """Tests whether an event about a payment is untrue by now; paid or refunded stays true."""
    if event.was is None or subscription is None:
        return False
    if event.kind is EventKind.ACTION_NEEDED:
        waits = invoice.state is InvoiceState.ACTION_REQUIRED and subscription.cancelling is None
        return not waits or event.id != charge_events.event_id(event.kind, invoice)
    if event.kind is not EventKind.PAYMENT_FAILED:
        return False
    if invoice.state in {InvoiceState.PAID, InvoiceState.VOID}:
        return True
    if event.id != charge_events.event_id(event.kind, invoice):
        return True  # The next attempt's result has a mail of its own.
    now_is, was = snapshots.of(subscription), event.was
    if invoice.changes_plan:
        same = (now_is.product_name, now_is.terms) == (was.product_name, was.terms)
        return not same or now_is.is_live != was.is_live
    return (now_is.state, now_is.next_charge_at) != (was.state, was.next_charge_at)


def _is_not_to_come(event: OutboxEvent, subscription: Subscription, now: datetime) -> bool:
    charge_at = subscription.next_charge_at
    if charge_at is None:
        return True
    if event.was is None:
        return False
    same = event.id == f"{planned.charge_name(subscription, charge_at)}:{event.kind}"
    return not same or charge_at <= now
