"""Imports that read a source's own list of subscriptions, page by page, in place of a file (M-6).

The rows of a page are stored in one write with their counts and the place in the list after them.
So a process that dies, or another one with the same job, goes on from exactly there: no row is
missed or stored twice, however the source changes meanwhile. What begins there later is in the next
import. Nothing is changed at the source.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from billing.jobs import jobs
from billing.jobs.flows import start
from billing.jobs.flows.steps import Kind
from billing.jobs.jobs import Job, Step
from billing.kernel.errors import Conflict, Invalid, NotFound
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.gateways import SANDBOX, AccountRef
from billing.kernel.import_presets import SOURCE_PRICE
from billing.kernel.live_sources import LiveSource, SourcePage, SourceState, SourceSubscription
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import Value, replace
from billing.kernel.writes import Change, Insert
from billing.migration import presets, unchanged
from billing.migration.flows import imports, live_rows, precheck
from billing.migration.flows.imports import Progress
from billing.migration.flows.resolve import Lookup
from billing.migration.import_rows import ImportedRow, Problem, problem
from billing.migration.imports import ROWS_MOST, Import, ImportState, Named, import_id
from billing.migration.parsing import ID_MOST

JOB = "import_list"
"""The job's kind."""

AT_ONCE = 99
"""The subscriptions of one page: a transaction has 100 writes, one of which counts them."""

_STANDS = frozenset({SourceState.ENDED, SourceState.UNPAID, SourceState.PAUSED})
"""The states that say all about a subscription: it cannot be moved as it stands."""


class Listing(Value):
    """A list that is asked for: of a gateway, at one of the merchant's accounts, if they have
    several."""

    gateway: str
    account: str | None = None
    quantity_confirmed: bool = False
    mails: bool = False


def accounts(ports: Ports, merchant: Merchant) -> list[AccountRef]:
    """Returns the accounts of a merchant whose subscriptions can be listed."""
    gateways = dict.fromkeys((*(each.gateway for each in merchant.gateway_accounts), SANDBOX))
    known = [account for gateway in gateways for account in merchant.accounts_at(gateway)]
    return [each for each in known if ports.source(each) is not None]


def begin(ports: Ports, merchant: Merchant, asked: Listing, *, by: str, now: datetime) -> Progress:
    """Begins an import of an account's own list, which a job reads.

    Raises `Invalid` for an account that is not theirs or has no list, `Refused`
    (too_many_imports).
    """
    account = _account(ports, merchant, asked)
    known = imports.known_presets(ports).values()
    of_gateway = (each.name for each in known if each.gateway == asked.gateway)
    preset = next(of_gateway, presets.CANONICAL)
    imports.check_room(ports, merchant.id)
    found = Import(
        id=import_id(now, ports.new_id("imp")),
        merchant=merchant.id,
        source=asked.gateway if preset == presets.CANONICAL else preset,
        preset=preset,
        created_at=now,
        upload="",
        by=by,
        prices=imports.prices_of(ports, merchant, None, preset),
        quantity_confirmed=asked.quantity_confirmed,
        mails=asked.mails,
        account=account.account,
    )
    job = start.start(
        ports, jobs.new(merchant.id, found.id, JOB, now), now=now, also=(Insert(found),)
    )
    return Progress(found, job)


def again(
    ports: Ports,
    merchant: Merchant,
    found: Import,
    *,
    quantity_confirmed: bool,
    by: str,
    now: datetime,
) -> Progress:
    """Begins to read the list of an import once more, as another import; raises as `begin`."""
    gateway = live_rows.gateway_of(ports, found)
    asked = Listing(
        gateway, found.account, quantity_confirmed=quantity_confirmed, mails=found.mails
    )
    return begin(ports, merchant, asked, by=by, now=now)


def _account(ports: Ports, merchant: Merchant, asked: Listing) -> AccountRef:
    known = merchant.accounts_at(asked.gateway)
    fits = [each for each in known if asked.account in {None, each.account}]
    if len(fits) != 1 and known:
        values = ", ".join(each.account for each in known)
        raise Invalid("not_your_account", field="gateway_account", values=values)
    if not fits or ports.source(fits[0]) is None:
        raise Invalid("not_a_source", field="gateway")
    return fits[0]


def _steps(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Iterator[Step]:
    """Stores a page each step; the place is on the import itself."""
    merchant, asked = ports.store.merchant(job.owner), _import(ports, job.owner, job.id)
    assert merchant is not None, "it is never removed before its jobs"
    source = _source(ports, merchant, asked)
    if source is None:
        _refuse(ports, asked, problem("source_gone"))
        return
    lookup = Lookup(ports, merchant, now)
    while asked.state is ImportState.CHECKING:
        try:
            page = source.page(asked.listed_to, AT_ONCE)
        except NotFound:
            _refuse(ports, asked, problem("source_gone"))
            return
        asked, stored = _store(ports, asked, lookup, page)
        yield Step(f"list {asked.checked}", count=stored)


def _source(ports: Ports, merchant: Merchant, asked: Import) -> LiveSource | None:
    """Returns the list of an import; None where the account is not the merchant's any more."""
    account = live_rows.account_named(ports, merchant, asked, asked.account)
    return None if account is None else ports.source(account)


def _import(ports: Ports, merchant: str, name: str) -> Import:
    found = ports.store.import_(merchant, name)
    assert found is not None, "it is written with its job"
    return found


def _refuse(ports: Ports, asked: Import, wrong: Problem) -> Import:
    refused = replace(
        asked,
        state=ImportState.REFUSED,
        refused_for=wrong.reason,
        refused_with=wrong.parameters,
    )
    ports.store.commit(Change(asked, refused, expecting=("state", "checked")))
    return refused


def _store(ports: Ports, asked: Import, lookup: Lookup, page: SourcePage) -> tuple[Import, int]:
    """Stores the rows of a page with the place after it, once.

    Returns the import as it is then, and how many rows were stored here.
    """
    assert len(page.data) <= AT_ONCE, "the source was asked for no more"
    assert page.next is None or page.next != asked.listed_to, "each page leads on"
    if asked.checked + len(page.data) > ROWS_MOST:
        return _refuse(ports, asked, problem("source_too_many", most=ROWS_MOST)), 0
    if page.next is None and not asked.checked and not page.data:
        return _refuse(ports, asked, problem("source_empty")), 0
    made = list(_rows(ports, asked, lookup, page.data))
    counted = precheck.counted_with(asked, made)
    state = ImportState.CHECKED if page.next is None else ImportState.CHECKING
    after = replace(counted, rows=counted.checked, listed_to=page.next, state=state)
    change = Change(asked, after, expecting=("state", "checked", "listed_to"))
    try:
        ports.store.commit(*map(Insert, made), change)
    except Conflict:
        # Its own try, whose answer was lost, or another process with the same job.
        found = _import(ports, asked.merchant, asked.id)
        if _place(found) == _place(asked):
            raise
        return found, 0
    return after, len(made)


def _place(asked: Import) -> tuple[ImportState, int, str | None]:
    return asked.state, asked.checked, asked.listed_to


def _rows(
    ports: Ports, asked: Import, lookup: Lookup, data: Sequence[SourceSubscription]
) -> Iterator[ImportedRow]:
    names = [each.id[:ID_MOST] for each in data]
    claims = ports.store.import_claims(asked.merchant, asked.source, names) if names else []
    for number, (live, claim) in enumerate(zip(data, claims, strict=True), asked.checked + 1):
        cells = _cells(live, asked.prices)
        mapped: dict[str, object] = {"cells": cells}
        reason = unchanged.cannot_move(live, asked.id)
        if live.state in _STANDS and reason is not None:
            mapped["problem"] = [reason, {}]
        seen = () if "problem" in mapped else tuple(_seen(live, reason, cells["zone"]))
        yield precheck.row_of(asked, lookup, number, mapped, is_known=claim is not None, seen=seen)


def _cells(live: SourceSubscription, prices: tuple[Named, ...]) -> dict[str, str]:
    """Returns the cells of a row, with the price point that the merchant chose for its price."""
    cells = dict(live.cells)
    cells.setdefault("zone", "UTC")
    chosen = {each.name: each.value for each in prices}
    named = cells.get(SOURCE_PRICE, "")
    if named in chosen:
        cells["price_point"] = chosen[named]
    return cells


def _seen(live: SourceSubscription, reason: str | None, zone: str) -> Iterator[Problem]:
    """Yields what only the source itself shows: why it cannot be moved, and its card."""
    for obstacle in live.obstacles:
        yield problem(f"source_{obstacle}")
    if reason is not None and reason != unchanged.WAITS and not live.obstacles:
        yield problem(reason)
    if live.next_charge_at is not None:
        card = unchanged.card_problem(live.method, live.next_charge_at, zone)
        if card is not None:
            yield problem(f"source_{card}", "payment_method", blocks=False)


LIST = Kind(_steps)
