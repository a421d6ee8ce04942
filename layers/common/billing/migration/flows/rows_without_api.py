"""Moves a row whose source has no API: only one that a second export shows as ended (M-6).

The merchant ends it there, exports once more, and names that file. So it is charged by one engine
alone: what the second export does not show, or not as ended, stays where it is.
"""

from __future__ import annotations

import csv
from collections.abc import Collection
from datetime import datetime

from billing.kernel.errors import NotFound
from billing.kernel.gateways import AccountRef, SavedMethod
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.walks import Seen
from billing.migration import moving, tables, unchanged
from billing.migration.flows import live_rows, split, uploads
from billing.migration.flows import ready as ready_rows
from billing.migration.flows.resolve import Lookup
from billing.migration.import_rows import ImportedRow, ImportRow, Problem, RowState
from billing.migration.imports import Import
from billing.migration.parsing import parse

ENDED = frozenset({"cancelled", "canceled", "completed", "ended", "expired"})
"""The texts by which an export shows that a subscription has ended."""


def ended_in(ports: Ports, imported: Import) -> frozenset[str]:
    """Returns the external ids that an import's second export shows as ended, and nowhere as
    anything else. A file that cannot be read to its end shows none."""
    if imported.ended is None:
        return frozenset()
    try:
        content = uploads.content_of(ports, imported.merchant, imported.ended, "ended")
    except NotFound:  # its time is over, or somebody in it was erased: it is sent again
        return frozenset()
    table = tables.opened(content)
    if isinstance(table, Problem):
        return frozenset()
    preset = split.preset_of(ports, imported)
    ended, runs = set[str](), set[str]()
    try:
        for _, cells in table.rows():
            if not isinstance(cells, Problem):
                read = preset.read(cells)
                is_over = read.get("status", "").strip().lower() in ENDED
                (ended if is_over else runs).add(split.id_in(read))
    except csv.Error:
        return frozenset()
    return frozenset(ended - runs)


def move(
    ports: Ports,
    seller: Merchant,
    lookup: Lookup,
    ended: Collection[str],
    imported: Import,
    row: ImportedRow,
    now: datetime,
) -> Seen:
    """Makes a row ready and activates it, once its source has ended it."""
    if row.state is not RowState.READY:
        said = parse(row.columns, zone=seller.settings.time_zone).row
        if said is None:
            return live_rows.give_up(ports, imported, row, "row_unreadable", now)
        if row.external_id not in ended:
            return live_rows.give_up(ports, imported, row, "source_not_ended", now)
        card = _card(ports, seller, said)
        reason = unchanged.card_problem(card, said.next_charge_at or now, said.zone)
        if reason is not None or card is None:
            return live_rows.give_up(ports, imported, row, reason or "card_missing", now)
        made = ready_rows.prepare(ports, seller, lookup, imported, row, said, card, now)
        if isinstance(made, str):
            return live_rows.give_up(ports, imported, row, made, now)
        row, _ = made
    ready = live_rows.ready_of(ports, row)
    if not moving.is_ready(ready):
        ready_rows.drop(ports, imported, row, ready, RowState.SKIPPED, "ended_here", now)
        return Seen.SKIPPED
    shard = ports.shard_of(ready.id)
    active = moving.activated(ready)
    ports.store.commit(*moving.activate(row, imported, ready, active, now, shard))
    return Seen.FINISHED


def _card(ports: Ports, seller: Merchant, row: ImportRow) -> SavedMethod | None:
    """Returns the card of a row as its gateway has it now; None where it is not there."""
    if row.gateway is None or row.gateway_account is None:
        return None
    account = AccountRef(seller.id, row.gateway, row.gateway_account)
    try:
        if row.payment_method is not None:
            return ports.gateway(account).find_method(row.payment_method)
        source = ports.source(account)
        if source is None or row.gateway_customer is None:
            return None
        return source.method_of(row.gateway_customer)
    except NotFound:
        return None
