"""Makes a row ready: everything that its subscription needs is written, and charges nothing.

Customer, card, subscription, bill-to and access are one write with the claim on its external id, so
a row is made ready once, and an external id of a source once over all imports.
"""

from __future__ import annotations

from datetime import UTC, datetime

from billing.kernel.customers import Entitlement, PurchaseBillTo
from billing.kernel.gateways import AccountRef, SavedMethod
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.subscription import State, Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Transaction, Write
from billing.migration import moving
from billing.migration.agreements import Resolved, agreement
from billing.migration.flows.resolve import Lookup
from billing.migration.import_rows import ImportClaim, ImportedRow, ImportRow, Problem, RowState
from billing.migration.imports import Import

MOVED = frozenset({State.ACTIVE, State.TRIALING, State.PAUSED})
"""The states of a row that is moved; in the others nothing is left to charge."""


def prepare(
    ports: Ports,
    seller: Merchant,
    lookup: Lookup,
    imported: Import,
    before: ImportedRow,
    row: ImportRow,
    card: SavedMethod,
    now: datetime,
) -> tuple[ImportedRow, Subscription] | str:
    """Writes a row as ready, and returns it with its subscription; the reason why it cannot be.

    Raises `Conflict` where another writer came between.
    """
    (claim,) = ports.store.import_claims(seller.id, imported.source, [before.external_id])
    if claim is not None:
        return "already_imported"
    if row.status not in MOVED:
        return "ends_there"
    resolved = lookup.of(imported, replace(row, payment_method=card.token))
    if not isinstance(resolved, Resolved):
        return resolved[0].reason
    account = AccountRef(seller.id, resolved.gateway, resolved.gateway_account)
    name = moving.subscription_id(before)
    known = ports.store.customer_by_email(seller.id, row.email)
    customer = known or ports.new_id("cus")
    agreed = agreement(
        row,
        resolved,
        merchant=seller.id,
        customer=customer,
        subscription=name,
        payment_method=card.token,
        shard=ports.shard_of(name),
        language=seller.settings.language_for("en"),
        now=now,
    )
    if isinstance(agreed, Problem):
        return agreed.reason
    also: Transaction = (
        *(() if known else _customer(ports, seller, row, customer, card, resolved, now)),
        *_card(ports, account, card, customer, None if known is None else name, now),
    )
    _reach_back(ports, seller, agreed.started_at)
    ready = moving.inactive(_paid_there(agreed))
    after, writes = moving.make_ready(before, row, imported, ready, resolved.plan.grants, also, now)
    ports.store.commit(*writes)
    return after, ready


def _reach_back(ports: Ports, seller: Merchant, began: datetime) -> None:
    """Has a merchant's lists begin with the year in which a subscription began at its source.

    It is written first: a list that begins too early costs queries, one that begins too late lacks
    what is charged.
    """
    if began >= seller.oldest_sold:
        return
    before = ports.store.merchant(seller.id)
    assert before is not None, "a merchant is never removed"
    if began < before.oldest_sold:
        year = began.astimezone(UTC).replace(month=1, day=1, hour=0, minute=0, second=0)
        after = replace(before, sold_since=year.replace(microsecond=0))
        ports.store.commit(Change(before, after))


def _customer(
    ports: Ports,
    seller: Merchant,
    row: ImportRow,
    customer: str,
    card: SavedMethod,
    resolved: Resolved,
    now: datetime,
) -> Transaction:
    made, pointer = moving.new_customer(
        row, customer, seller.id, card.token, now, test=resolved.test
    )
    language = seller.settings.language_for("en")
    return (Insert(pointer), Insert(replace(made, language=language)))


def _card(
    ports: Ports,
    account: AccountRef,
    card: SavedMethod,
    customer: str,
    given_for: str | None,
    now: datetime,
) -> tuple[Write, ...]:
    """Keeps the card; one that its customer has already stays theirs, removed or not."""
    kept = ports.store.payment_method(account.merchant, customer, card.token)
    if kept is None:
        return (Insert(moving.card_of(card, customer, account, now, given_for)),)
    return (Change(kept, replace(kept, removed_at=None), expecting=("removed_at",)),)


def _paid_there(agreed: Subscription) -> Subscription:
    """Returns it with the money that the running period was paid with, less its discount (A-4)."""
    if agreed.state is State.TRIALING or agreed.discount is None:
        return agreed
    return agreed.paid_first(agreed.discount.reduced(agreed.terms.price).amount_minor, None)


def drop(
    ports: Ports,
    imported: Import,
    row: ImportedRow,
    ready: Subscription,
    to: RowState,
    reason: str | None,
    now: datetime,
) -> ImportedRow:
    """Takes a ready row back, as if it had not been made; its source has it as before."""
    after, writes = moving.drop(
        row, imported, ready, _parts(ports, imported, row, ready), to, reason, now
    )
    ports.store.commit(*writes)
    return after


def _parts(
    ports: Ports, imported: Import, row: ImportedRow, ready: Subscription
) -> tuple[PurchaseBillTo | Entitlement | ImportClaim, ...]:
    owner = (ready.merchant, ready.customer, ready.id)
    (bill_to,) = ports.store.bill_tos([owner])
    (claim,) = ports.store.import_claims(ready.merchant, imported.source, [row.external_id])
    held = ports.store.entitlements(ready.merchant, ready.customer)
    granted = [each for each in held if each.source == ready.id]
    found = (bill_to, claim, *granted)
    return tuple(each for each in found if each is not None)
