"""The writes by which a subscription is moved: made ready, activated, taken back (M-6).

Ready is everything that activating needs, in a state that is never charged. Activating changes the
state, writes its first reminder and its event, and nothing that can be refused.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.kernel import snapshots
from billing.kernel.customers import (
    Customer,
    EmailPointer,
    Entitlement,
    PaymentMethod,
    PurchaseBillTo,
    email_hash,
    normalised_email,
)
from billing.kernel.gateways import AccountRef, SavedMethod
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.subscription import Source, State, Subscription
from billing.kernel.values import replace
from billing.kernel.writes import (
    Change,
    ConditionCheck,
    Insert,
    Remove,
    Transaction,
    Write,
)
from billing.migration.import_rows import ImportClaim, ImportedRow, ImportRow, RowState
from billing.migration.imports import Import, ImportState
from billing.notices import reminders

AS_READ = ("state", "due_at", "period", "payments_made", "open_invoice", "cancelling", "dispute")
"""The fields that a subscription is activated or taken back by."""

JOB, UNDO = "import_move", "import_undo"
"""The kinds of job that move subscriptions, and take them back; a stored name stays."""

UNDOING = "undoing"
"""The reason of an active row whose subscription has ended here, and is not the source's yet."""

UNDOING_VOID = "undoing_void"
"""The same, where the source let a date pass uncharged before it was resumed."""

VOID = "source_period_void"
"""The reason of a row that is its source's again, where that let a date pass uncharged."""

LEAVING = "leaving:"
"""The beginning of the reason of a ready row that is taken back; what follows is why."""

SETTLES = timedelta(minutes=10)
"""The time after which a call to a source whose answer was lost has come to nothing."""

COUNTED = frozenset(RowState) - {RowState.NEW, RowState.READY}
"""The states whose rows an import counts; each count has the state's name."""


def subscription_id(row: ImportedRow) -> str:
    """Returns the id of the subscription that a row becomes."""
    return f"{row.import_id}_{row.number}"


def new_customer(
    row: ImportRow, customer: str, merchant: str, method: str, now: datetime, *, test: bool
) -> tuple[Customer, EmailPointer]:
    """Makes the customer of a row whose email nobody has here, and the email's pointer."""
    email = normalised_email(row.email)
    made = Customer(
        id=customer,
        merchant=merchant,
        email=email,
        name=row.name,
        address=row.address,
        created_at=now,
        default_method=method,
        test=test,
    )
    return made, EmailPointer(merchant, email_hash(merchant, email), customer)


def card_of(
    found: SavedMethod, customer: str, account: AccountRef, now: datetime, given_for: str | None
) -> PaymentMethod:
    """Makes the card of a row, which is already with the gateway.

    `given_for` is its subscription where its customer was here before: that the same email is at
    the source does not prove that it is the same person's card.
    """
    return PaymentMethod(
        id=found.token,
        merchant=account.merchant,
        customer=customer,
        gateway=account.gateway,
        gateway_account=account.account,
        brand=found.brand,
        last4=found.last4,
        expires_on=found.expires_on,
        fingerprint=found.fingerprint,
        added_at=now,
        given_for=given_for,
        country=found.country,
    )


def inactive(agreed: Subscription) -> Subscription:
    """Returns a subscription in the state in which nothing charges it; `activated` undoes that."""
    assert agreed.state in {State.ACTIVE, State.TRIALING, State.PAUSED}, "what goes on is moved"
    return replace(agreed, state=State.INCOMPLETE, resumes_as=agreed.state, due_at=None)


def is_ready(found: Subscription) -> bool:
    """Tests whether a subscription still waits to be activated; a merchant may have ended it."""
    return found.state is State.INCOMPLETE and found.cancelling is None


def activated(ready: Subscription) -> Subscription:
    """Returns a subscription that is charged from its next date on."""
    assert ready.state is State.INCOMPLETE and ready.resumes_as is not None
    sleeps = ready.resumes_as is State.PAUSED
    due_at = None if sleeps else ready.payment_at(ready.period)
    return replace(ready, state=ready.resumes_as, resumes_as=None, due_at=due_at)


def collected_there(ready: Subscription, payments: int) -> Subscription:
    """Returns it after its source has charged so many of its dates since it was made ready."""
    if not payments:
        return ready
    total, made = ready.terms.standard_payments, ready.payments_made + payments
    resumes_as = State.ACTIVE if ready.resumes_as is State.TRIALING else ready.resumes_as
    discount = ready.discount
    for _ in range(payments):
        discount = None if discount is None else discount.used()
    assert total is None or made < total, "one whose last payment was made is not activated"
    return replace(
        ready,
        period=ready.period + payments,
        payments_made=made,
        resumes_as=resumes_as,
        discount=discount,
    )


def make_ready(
    before: ImportedRow,
    row: ImportRow,
    imported: Import,
    ready: Subscription,
    grants: tuple[str, ...],
    also: Transaction,
    now: datetime,
) -> tuple[ImportedRow, Transaction]:
    """Writes everything of a row but its activation; `also` are its customer and card."""
    after = replace(
        before,
        state=RowState.READY,
        subscription=ready.id,
        customer=ready.customer,
        changed_at=now,
        reason=None,
    )
    claim = ImportClaim(
        *(before.merchant, imported.source, before.external_id),
        *(before.import_id, before.number, ready.id),
    )
    return after, (
        Change(before, after, expecting=("state",)),
        *still_moving(imported, recounted(imported, before.state, RowState.READY)),
        Insert(claim),
        Insert(ready),
        Insert(PurchaseBillTo(ready.merchant, ready.customer, ready.id, row.bill_to)),
        *(
            Insert(Entitlement(ready.merchant, ready.customer, grant, ready.id, now))
            for grant in grants
        ),
        *also,
    )


def still_moving(imported: Import, after: Import) -> tuple[Write, ...]:
    """Refuses a write once somebody has asked for the import to be undone."""
    if after == imported:
        return (ConditionCheck(imported, expecting=("state",)),)
    return (Change(imported, after, expecting=("state",)),)


def activate(
    row: ImportedRow,
    imported: Import,
    ready: Subscription,
    active: Subscription,
    now: datetime,
    shard: int,
) -> Transaction:
    """Flips a ready subscription: it is charged here from now on."""
    assert imported.state is ImportState.MOVING
    counted = recounted(imported, row.state, RowState.ACTIVE)
    after = replace(row, state=RowState.ACTIVE, changed_at=now, reason=None)
    return (
        Change(ready, active, expecting=(*AS_READ, "resumes_as")),
        Change(row, after, expecting=("state",)),
        *still_moving(imported, counted),
        Insert(reminders.first(active)),
        Insert(event(active, imported, now, shard)),
    )


def event(active: Subscription, imported: Import, now: datetime, shard: int) -> OutboxEvent:
    """Returns the event of an imported subscription; its code says whether its customer is told."""
    return OutboxEvent(
        id=f"{active.id}:{EventKind.IMPORTED}",
        kind=EventKind.IMPORTED,
        merchant=active.merchant,
        customer=active.customer,
        at=now,
        shard=shard,
        subscription=active.id,
        code="mail" if imported.mails else None,
        was=snapshots.of(active),
    )


def drop(
    before: ImportedRow,
    imported: Import,
    ready: Subscription,
    parts: tuple[PurchaseBillTo | Entitlement | ImportClaim, ...],
    to: RowState,
    reason: str | None,
    now: datetime,
) -> tuple[ImportedRow, Transaction]:
    """Takes a ready row back as if it had not been made; its customer and card stay.

    One that was ended here stays too, with all that names it; only its claim is given up.
    """
    after = replace(before, state=to, changed_at=now, reason=reason)
    if not is_ready(ready):
        return after, (
            Change(before, after, expecting=("state",)),
            *counting(imported, before.state, to),
            *(Remove(each) for each in parts if isinstance(each, ImportClaim)),
        )
    after = replace(after, subscription=None, customer=None)
    return after, (
        Change(before, after, expecting=("state",)),
        *counting(imported, before.state, to),
        Remove(ready, expecting=AS_READ),
        *(Remove(each) for each in parts),
    )


def leave(before: ImportedRow, reason: str, now: datetime) -> tuple[ImportedRow, Transaction]:
    """Says that a ready row is about to be taken back: it is never stopped at its source again."""
    after = replace(before, reason=f"{LEAVING}{reason}", changed_at=now)
    return after, (Change(before, after, expecting=("state", "reason")),)


def leaving(row: ImportedRow) -> str | None:
    """Returns why a ready row is about to be taken back, None if it is not."""
    if row.reason is None or not row.reason.startswith(LEAVING):
        return None
    return row.reason.removeprefix(LEAVING)


def has_settled(row: ImportedRow, now: datetime) -> bool:
    """Tests whether no call from before a row's last change can still be carried out."""
    return row.changed_at is not None and now - row.changed_at >= SETTLES


def settle(
    before: ImportedRow, imported: Import, to: RowState, reason: str | None, now: datetime
) -> tuple[ImportedRow, Transaction]:
    """Ends a row that nothing was written for, with the reason that its report shows."""
    after = replace(before, state=to, changed_at=now, reason=reason)
    return after, (
        Change(before, after, expecting=("state", "reason")),
        *counting(imported, before.state, to),
    )


def recounted(imported: Import, was: RowState, to: RowState) -> Import:
    """Returns an import with a row counted in its new state, and no more in its old one."""
    counts = {}
    for state, step in ((was, -1), (to, 1)):
        if state in COUNTED and was is not to:
            counts[state.value] = getattr(imported, state.value) + step
    return replace(imported, **counts)


def counting(imported: Import, was: RowState, to: RowState) -> tuple[Write, ...]:
    """Returns the write that counts a row in its new state, if either state is counted."""
    after = recounted(imported, was, to)
    return () if after == imported else (Change(imported, after),)


def end(
    row: ImportedRow, active: Subscription, now: datetime
) -> tuple[ImportedRow, Subscription, Transaction]:
    """Ends an active subscription without money, mail or event: the source has it again.

    A request to end it that comes meanwhile is not lost with it.
    """
    ended = active.cancelled(now, Source.SYSTEM)
    going = replace(row, reason=UNDOING, changed_at=now)
    return (
        going,
        ended,
        (
            Change(row, going, expecting=("state", "reason")),
            Change(active, ended, expecting=(*AS_READ, "held_for")),
        ),
    )
