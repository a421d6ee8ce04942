"""Moves a row whose source has an API: read again, made ready, stopped there, activated here."""

from __future__ import annotations

from datetime import datetime

from billing.kernel.gateways import AccountRef
from billing.kernel.import_presets import SOURCE_PRICE
from billing.kernel.live_sources import Collected, LiveSource, SourceState, SourceSubscription
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.kernel.values import replace
from billing.kernel.walks import Seen
from billing.migration import moving, unchanged
from billing.migration.flows import ready as ready_rows
from billing.migration.flows.resolve import Lookup
from billing.migration.import_rows import ImportedRow, ImportRow, RowState
from billing.migration.imports import Import
from billing.migration.parsing import parse


def source_of(
    ports: Ports, seller: Merchant, imported: Import, row: ImportedRow
) -> LiveSource | None:
    """Returns the API of a row's source; None where only exports say what is there."""
    account = account_of(ports, seller, imported, row)
    return None if account is None else ports.source(account)


def has_source(ports: Ports, seller: Merchant, imported: Import) -> bool:
    """Tests whether the merchant has an account with an API where an import's rows may be."""
    if imported.cards is not None:
        return False
    known = seller.accounts_at(gateway_of(ports, imported))
    return any(ports.source(each) is not None for each in known)


def gateway_of(ports: Ports, imported: Import) -> str:
    """Returns the gateway at which the subscriptions of an import are."""
    preset = ports.import_presets().get(imported.preset)
    return imported.source if preset is None or preset.gateway is None else preset.gateway


def account_of(
    ports: Ports, seller: Merchant, imported: Import, row: ImportedRow
) -> AccountRef | None:
    """Returns the merchant's account that is the source of a row, None where none of theirs is.

    Whose cards were copied has the subscriptions at another account, which is not ours to ask.
    """
    if imported.cards is not None:
        return None
    return account_named(ports, seller, imported, row.columns.get("gateway_account"))


def account_named(
    ports: Ports, seller: Merchant, imported: Import, named: str | None
) -> AccountRef | None:
    """Returns the merchant's account of that name at an import's gateway; any without a name."""
    accounts = seller.accounts_at(gateway_of(ports, imported))
    if named is None:
        return next(iter(accounts), None)
    return next((each for each in accounts if each.account == named), None)


def move(
    ports: Ports,
    seller: Merchant,
    lookup: Lookup,
    source: LiveSource,
    imported: Import,
    row: ImportedRow,
    now: datetime,
) -> Seen:
    """Moves a row from where it is; `LEFT` where its source must be waited for."""
    said = parse(row.columns, zone=seller.settings.time_zone).row
    if said is None:
        return give_up(ports, imported, row, "row_unreadable", now)
    if row.state is not RowState.READY and unchanged.is_waiting(said, now):
        return Seen.LEFT
    live = source.find(row.external_id)
    if live is None:
        return give_up(ports, imported, row, "source_unknown", now, RowState.FAILED)
    if row.state is RowState.READY:
        ready = ready_of(ports, row)
        return _switch(ports, source, imported, row, said, ready, live, now)
    reason = unchanged.cannot_move(live, imported.id)
    if reason == unchanged.WAITS or (
        reason is None and unchanged.too_near(live.next_charge_at, now)
    ):
        return Seen.LEFT
    now_is = None if reason else _merged(imported, row, said, live)
    if now_is is None:
        return give_up(ports, imported, row, reason or "source_changed", now)
    now_is = _counted(source, row, said, now_is)
    assert live.next_charge_at is not None, "it is not too near"
    reason = unchanged.card_problem(live.method, live.next_charge_at, now_is.zone)
    if reason is not None or live.method is None:
        return give_up(ports, imported, row, reason or "card_missing", now)
    made = ready_rows.prepare(ports, seller, lookup, imported, row, now_is, live.method, now)
    if isinstance(made, str):
        return give_up(ports, imported, row, made, now)
    row, ready = made
    return _switch(ports, source, imported, row, said, ready, live, now)


def _merged(
    imported: Import, row: ImportedRow, said: ImportRow, live: SourceSubscription
) -> ImportRow | None:
    """Returns a row as its source has it now; None where it is another by now.

    A list names prices as its source does, so another name is another plan, though it costs the
    same; a file may name them as its merchant likes.
    """
    names = {each.get(SOURCE_PRICE) for each in (row.columns, live.cells)}
    if imported.account is not None and len(names) > 1:
        return None
    return unchanged.merged(said, live)


def _counted(source: LiveSource, row: ImportedRow, said: ImportRow, now_is: ImportRow) -> ImportRow:
    """Adds the payments that the source has taken since its file was written."""
    if said.payments_made is None or said.next_charge_at is None:
        return now_is
    if now_is.next_charge_at == said.next_charge_at:
        return now_is
    charges = source.charges(row.external_id, said.next_charge_at)
    paid = sum(each.collected is Collected.PAID for each in charges)
    return replace(now_is, payments_made=said.payments_made + paid)


def _switch(
    ports: Ports,
    source: LiveSource,
    imported: Import,
    row: ImportedRow,
    said: ImportRow,
    ready: Subscription,
    live: SourceSubscription,
    now: datetime,
) -> Seen:
    """Stops a ready row at its source, if it is not stopped, and activates it here."""
    if (why := moving.leaving(row)) is not None:
        return _take_back(ports, source, imported, row, ready, live, why, now)
    if not moving.is_ready(ready):
        return _take_back(ports, source, imported, row, ready, live, "ended_here", now)
    if not live.stopped:
        next_at = ready.payment_at(ready.period)
        reason = unchanged.cannot_move(live, imported.id)
        if reason is None and _merged(imported, row, said, live) is None:
            reason = "source_changed"
        if reason is not None and reason != unchanged.WAITS:
            return _take_back(ports, source, imported, row, ready, live, reason, now)
        same = live.next_charge_at == next_at and _same_card(ready, live)
        if not same:
            # Its source has charged it, or has another card: it is made ready anew.
            ready_rows.drop(ports, imported, row, ready, RowState.NEW, None, now)
            return Seen.LEFT
        if reason == unchanged.WAITS or unchanged.too_near(next_at, now):
            return Seen.LEFT
        live = source.stop(row.external_id, imported.id)
    return _activate(ports, source, imported, row, said, ready, live, now)


def _activate(
    ports: Ports,
    source: LiveSource,
    imported: Import,
    row: ImportedRow,
    said: ImportRow,
    ready: Subscription,
    live: SourceSubscription,
    now: datetime,
) -> Seen:
    """Activates a row that is stopped at its source, from the first date that was not charged."""
    reason = unchanged.cannot_move(live, imported.id)
    if reason == unchanged.WAITS:
        return Seen.LEFT  # opened before the stop, and still collected there
    if reason is None and (
        _merged(imported, row, said, live) is None or not _same_card(ready, live)
    ):
        reason = "source_changed"
    if reason is not None:
        return _take_back(ports, source, imported, row, ready, live, reason, now)
    paid = 0
    if live.next_charge_at != ready.payment_at(ready.period):
        charges = source.charges(row.external_id, ready.payment_at(ready.period))
        paid = sum(each.collected is Collected.PAID for each in charges)
        if not _is_ours(ready, live.next_charge_at):
            reason = "source_changed"
    total = ready.terms.standard_payments
    if total is not None and ready.payments_made + paid >= total:
        reason = "all_paid"
    if reason is not None:
        return _take_back(ports, source, imported, row, ready, live, reason, now)
    active = moving.activated(moving.collected_there(ready, paid))
    shard = ports.shard_of(ready.id)
    ports.store.commit(*moving.activate(row, imported, ready, active, now, shard))
    return Seen.FINISHED


def _is_ours(ready: Subscription, at: datetime | None) -> bool:
    """Tests whether a date of the source is one of our schedule."""
    if at is None:
        return False
    k = ready.period
    while ready.payment_at(k) < at:
        k += 1
    return ready.payment_at(k) == at


def _same_card(ready: Subscription, live: SourceSubscription) -> bool:
    return live.method is not None and live.method.token == ready.payment_method


def _take_back(
    ports: Ports,
    source: LiveSource,
    imported: Import,
    row: ImportedRow,
    ready: Subscription,
    live: SourceSubscription,
    reason: str,
    now: datetime,
) -> Seen:
    """Leaves a row with its source: resumed there, then as if it had not been made ready.

    A stop whose answer was lost may be carried out late, so it is looked at once more after a
    while, in which it is not stopped again. A date that passed while it was stopped is charged by
    nobody: the row says so in place of why it was left.
    """
    if live.state is SourceState.ENDED:
        ready_rows.drop(ports, imported, row, ready, RowState.SKIPPED, reason, now)
        return Seen.SKIPPED
    stopped = live.stopped and live.mark == imported.id
    why = moving.VOID if stopped and live.collected is Collected.VOID else reason
    if stopped:
        source.resume(row.external_id)
    if moving.leaving(row) is None or why != reason:
        _, writes = moving.leave(row, why, now)
        ports.store.commit(*writes)
        return Seen.LEFT
    if stopped or not moving.has_settled(row, now):
        return Seen.LEFT
    ready_rows.drop(ports, imported, row, ready, RowState.SKIPPED, reason, now)
    return Seen.SKIPPED


def give_up(
    ports: Ports,
    imported: Import,
    row: ImportedRow,
    reason: str,
    now: datetime,
    to: RowState = RowState.SKIPPED,
) -> Seen:
    """Ends a row that nothing was written for; where its reason stays the same, writes nothing."""
    if (row.state, row.reason) != (to, reason):
        _, writes = moving.settle(row, imported, to, reason, now)
        ports.store.commit(*writes)
    return Seen.SKIPPED if to is RowState.SKIPPED else Seen.FAILED


def ready_of(ports: Ports, row: ImportedRow) -> Subscription:
    """Returns the subscription of a row that was made ready."""
    assert row.customer is not None and row.subscription is not None
    found = ports.store.subscription(row.merchant, row.customer, row.subscription)
    assert found is not None, "written with the row's state"
    return found
