"""A merchant sets up its taxes: registrations, single rates, whole tables (C-7)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256

from billing.kernel.cursors import position_in, seal
from billing.kernel.errors import Conflict, Invalid, NotFound
from billing.kernel.lists import Page
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change, ConditionCheck, Insert, Write
from billing.tax import registrations
from billing.tax.flows.taxation import today
from billing.tax.rates import DatedRate, Place, TaxPlace, needs_postal_code
from billing.tax.registrations import Nexus, Registration, TaxSetup

ATTEMPTS = 5
LIST = "tax rates"
PLACES_AT_ONCE, READ_AT_ONCE = 100, 500
TABLE_MOST = 5_000
"""The most places of a table that is sent whole."""

GENERATION_BYTES = 6
"""The length of the number that a table which is sent whole draws for itself."""


def of(ports: Ports, merchant: Merchant) -> TaxSetup:
    """Returns what a merchant has set up; nothing for one who has not begun."""
    return ports.store.tax_setup(merchant.id) or TaxSetup(merchant.id)


def register(
    ports: Ports, merchant: Merchant, registration: Registration, *, now: datetime
) -> Registration:
    """Adds a registration; with presence, tax is collected from today on.

    Raises `Invalid` for a place that does not exist or is registered already.
    """
    drawn = replace(registration, id=ports.new_id("reg"))
    checked = registrations.check(drawn, merchant.settings.currency)
    if checked.nexus is Nexus.PRESENCE:
        checked = replace(checked, began_on=today(merchant, now))
    before = ports.store.tax_setup(merchant.id)
    after = (before or TaxSetup(merchant.id)).registered(checked)
    ports.store.commit(_written(before, after), *_since(merchant, now))
    return checked


def end(ports: Ports, merchant: Merchant, registration: str, *, now: datetime) -> Registration:
    """Ends a registration: from today on no tax is collected by it; raises `NotFound`."""
    before = of(ports, merchant)
    found = next((r for r in before.registrations if r.id == registration), None)
    if found is None:
        raise NotFound("tax_registration_unknown")
    if found.ended_on is not None:
        return found
    ended = replace(found, ended_on=today(merchant, now))
    ports.store.commit(Change(before, before.changed(ended), expecting=("registrations",)))
    return ended


def confirm_without(ports: Ports, merchant: Merchant) -> TaxSetup:
    """Notes that a merchant means to sell without tax (C-10)."""
    before = ports.store.tax_setup(merchant.id)
    after = replace(before or TaxSetup(merchant.id), confirmed_without=True)
    if after != before:
        ports.store.commit(_written(before, after))
    return after


def change(
    ports: Ports,
    merchant: Merchant,
    *,
    vies: bool | None = None,
    trust_format: bool | None = None,
    sells_without_tax: bool | None = None,
) -> TaxSetup:
    """Changes how buyers' tax ids are believed, and whether the merchant means to sell without tax;
    None leaves a setting as it is.

    Raises `Invalid` where an id is to be looked up and to be believed unseen, or where a merchant
    who is registered somewhere says that it sells without tax.
    """
    before = ports.store.tax_setup(merchant.id)
    setup = before or TaxSetup(merchant.id)
    after = replace(
        setup,
        vies=_or(vies, setup.vies),
        trust_format=_or(trust_format, setup.trust_format),
        confirmed_without=_or(sells_without_tax, setup.confirmed_without),
    )
    if after.vies and after.trust_format:
        raise Invalid(
            "tax_id_looked_up_or_trusted", field="trust_format" if trust_format else "vies"
        )
    if sells_without_tax and after.open_registrations:
        raise Invalid("tax_registered_somewhere", field="sells_without_tax")
    if after != setup:
        ports.store.commit(_written(before, after))
    return after


def _or(given: bool | None, before: bool) -> bool:
    return before if given is None else given


def set_rate(
    ports: Ports, merchant: Merchant, place: Place, rate: DatedRate, *, now: datetime
) -> TaxPlace:
    """Enters one rate of a place, or another rate of the same name and day."""
    for _ in range(ATTEMPTS):
        before = ports.store.tax_setup(merchant.id)
        setup = before or TaxSetup(merchant.id)
        table = max(setup.rates, 1)
        (was,) = ports.store.tax_places(merchant.id, table, [place])
        empty = TaxPlace(merchant.id, table, place.country, place.state, place.postal_code)
        after = (was or empty).with_rate(rate)
        local = set(setup.by_postal_code) | set(needs_postal_code([after]))
        changed = replace(setup, rates=table, by_postal_code=tuple(sorted(local)))
        writes: list[Write] = [Change(was, after) if was else Insert(after)]
        if changed != before:
            writes.append(_written(before, changed))
        else:  # A table that was sent whole meanwhile would never have the rate.
            writes.append(ConditionCheck(setup, expecting=("rates",)))
        try:
            ports.store.commit(*writes, *_since(merchant, now))
        except Conflict:
            continue
        return after
    raise Conflict()


def replace_table(
    ports: Ports, merchant: Merchant, rows: Iterable[tuple[Place, DatedRate]], *, now: datetime
) -> int:
    """Replaces the whole table of rates at once, and returns the number of its places.

    The new table is written beside the old one, which is used until the last write. It is under a
    number of its own: what a try that died, or one that comes at the same time, has written is not
    in it. Raises `Invalid` for too large a table.
    """
    before = ports.store.tax_setup(merchant.id)
    setup = before or TaxSetup(merchant.id)
    table = _drawn(ports)
    places: dict[Place, TaxPlace] = {}
    for place, rate in rows:
        empty = TaxPlace(merchant.id, table, place.country, place.state, place.postal_code)
        places[place] = places.get(place, empty).with_rate(rate)
        if len(places) > TABLE_MOST:
            raise Invalid("tax_table_too_large", field="csv", most=TABLE_MOST)
    made = list(places.values())
    for begin in range(0, len(made), PLACES_AT_ONCE):
        ports.store.commit(*map(Insert, made[begin : begin + PLACES_AT_ONCE]))
    changed = replace(setup, rates=table, by_postal_code=needs_postal_code(made))
    ports.store.commit(_written(before, changed), *_since(merchant, now))
    return len(made)


def _drawn(ports: Ports) -> int:
    """Returns the number of a new table, which no other try has."""
    return int.from_bytes(sha256(ports.new_id("rates").encode()).digest()[:GENERATION_BYTES], "big")


def table(
    ports: Ports, merchant: Merchant, *, limit: int, after: Place | None = None
) -> Page[TaxPlace]:
    """Lists the places of the table of rates, in their order."""
    setup = of(ports, merchant)
    if not setup.rates:
        return Page((), None)
    found = ports.store.tax_table(merchant.id, setup.rates, limit + 1, after)
    last = found[limit - 1] if len(found) > limit else None
    return Page(tuple(found[:limit]), None if last is None else _cursor_of(last))


def whole_table(ports: Ports, merchant: Merchant) -> list[TaxPlace]:
    """Returns all places of the table of rates; raises `Invalid` for more than a file can have."""
    found: list[TaxPlace] = []
    after: Place | None = None
    while True:
        page = table(ports, merchant, limit=READ_AT_ONCE, after=after)
        found += page.data
        if page.next is None:
            return found
        if len(found) > TABLE_MOST * 2:
            raise Invalid("tax_table_too_large", field="csv", most=TABLE_MOST)
        after = place_at(page.next)


def place_at(cursor: str) -> Place:
    """Returns the place that a cursor names; raises `Invalid` for another text."""
    country, state, code = [*position_in(cursor, LIST).split("#"), "", ""][:3]
    return Place(country, state or None, code or None)


def _cursor_of(place: TaxPlace) -> str:
    return seal(f"{place.country}#{place.state or ''}#{place.postal_code or ''}", LIST)


def _written(before: TaxSetup | None, after: TaxSetup) -> Write:
    if before is None:
        return Insert(after)
    return Change(before, after, expecting=("registrations", "rates", "by_postal_code"))


def _since(merchant: Merchant, now: datetime) -> tuple[Write, ...]:
    """From its first registration or rate on, a merchant's taxes are looked up."""
    if merchant.tax_since is not None:
        return ()
    return (Change(merchant, replace(merchant, tax_since=now), expecting=("tax_since",)),)
