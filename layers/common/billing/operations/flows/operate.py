"""The operator's commands: set up a merchant, make and revoke keys, stop and resume charges
(R-3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from re import sub
from unicodedata import normalize

from billing.api.flows import keys
from billing.kernel.domains import Domain
from billing.kernel.errors import Conflict, NotFound, Refused
from billing.kernel.lists import Page
from billing.kernel.merchants import ApiKey, Merchant, Settings
from billing.kernel.operation import BillingSwitch
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Remove

MOST_ID_SYMBOLS = 32
ALL_SCOPES = ("read", "write")
OPERATOR = "operator"
"""The maker of an API key that no other key made."""


def create_merchant(
    ports: Ports, name: str, email: str, settings: Settings, *, now: datetime
) -> tuple[Merchant, ApiKey, str]:
    """Creates a merchant with a first API key; returns its secret too, which is not stored.

    The id is the name in the form of an address, so that asking twice makes one merchant: raises
    `Refused` (merchant_exists) the second time.
    """
    merchant = Merchant(
        id_of(name) or ports.new_id("mer"),
        name,
        email,
        now,
        settings=settings,
        live_keys=1,
        lists_complete_at=now,
        catalog_listed_at=now,
    )
    key, secret = keys.draw(ports, merchant.id, ALL_SCOPES, made_by=OPERATOR, now=now)
    try:
        ports.store.commit(Insert(merchant), Insert(key))
    except Conflict:
        raise Refused("merchant_exists") from None
    return merchant, key, secret


def create_key(ports: Ports, merchant_id: str, *, now: datetime) -> tuple[ApiKey, str]:
    """Makes another key for a merchant who lost theirs, however many there are."""
    merchant = _merchant(ports, merchant_id)
    maker = ApiKey(OPERATOR, "", merchant.id, now, ALL_SCOPES)
    return keys.create(ports, maker, ALL_SCOPES, now=now, most=None)


def list_keys(
    ports: Ports, merchant_id: str, *, limit: int, cursor: str | None
) -> tuple[Page[ApiKey], int]:
    """Lists a merchant's keys, newest first, revoked ones too; returns also how many of all are
    live."""
    merchant = _merchant(ports, merchant_id)
    live = sum(key.is_live for key in ports.store.api_keys(merchant.id))
    return keys.page(ports, merchant.id, limit=limit, cursor=cursor), live


def revoke_key(ports: Ports, merchant_id: str, key_id: str, *, now: datetime) -> ApiKey:
    """Revokes any key of a merchant, the last one too: `create_key` makes another."""
    merchant = _merchant(ports, merchant_id)
    return keys.revoke(ports, merchant.id, key_id, now=now, may_be_last=True)


def replace_keys(
    ports: Ports, merchant_id: str, *, now: datetime
) -> tuple[ApiKey, str, tuple[int, int]]:
    """Makes one new key for a merchant whose key was stolen, and revokes every other one.

    The counts are of keys that were revoked, and of those that were made meanwhile.
    """
    key, secret = create_key(ports, merchant_id, now=now)
    return key, secret, keys.revoke_others(ports, key, now=now)


def pause_all(ports: Ports, *, paused: bool, reason: str, now: datetime) -> BillingSwitch:
    """Stops every charge of every merchant, or lets them go on; the next charge already obeys
    it."""
    before = ports.store.billing_switch()
    after = BillingSwitch(paused, reason, now)
    ports.store.commit(Insert(after) if before is None else Change(before, after))
    return after


def stop_merchant(ports: Ports, merchant_id: str, *, stopped: bool) -> Merchant:
    """Stops every charge of one merchant, or lets them go on."""
    return _changed(ports, merchant_id, lambda merchant: replace(merchant, stopped=stopped))


def spread_orders(ports: Ports, merchant_id: str, lists: int) -> Merchant:
    """Spreads the orders of a merchant's renewals over more lists; they never become fewer."""

    def spread(merchant: Merchant) -> Merchant:
        return replace(merchant, order_lists=max(merchant.order_lists, lists))

    return _changed(ports, merchant_id, spread)


def confirm_domain(ports: Ports, merchant_id: str, host: str) -> Merchant:
    """Puts the domain that a merchant has asked for into use: its certificate and its DNS are set
    up, and its requests come here (A-9). Raises `Refused` (domain_not_asked, domain_taken)."""
    before = _merchant(ports, merchant_id)
    asked = before.settings.custom_domain
    if asked is None:
        raise Refused("domain_not_asked")
    if asked != host.strip().lower():
        raise Refused("other_domain_asked", code="domain_not_asked", domain=asked)
    if before.domain == asked:
        return before
    after = replace(before, domain=asked)
    left = None if before.domain is None else ports.store.domain(before.domain)
    gone = () if left is None else (Remove(left),)
    try:
        change = Change(before, after, expecting=("settings",))
        ports.store.commit(change, Insert(Domain(asked, before.id)), *gone)
    except Conflict:
        raise Refused("domain_taken") from None
    return after


def take_domain(ports: Ports, merchant_id: str) -> Merchant:
    """Returns a merchant to the platform's addresses, and clears the domain they asked for."""
    before = _merchant(ports, merchant_id)
    held = None if before.domain is None else ports.store.domain(before.domain)
    gone = () if held is None else (Remove(held),)
    settings = replace(before.settings, custom_domain=None)
    after = replace(before, settings=settings, domain=None)
    if after != before:
        ports.store.commit(Change(before, after), *gone)
    return after


def _changed(ports: Ports, merchant_id: str, change: Callable[[Merchant], Merchant]) -> Merchant:
    before = _merchant(ports, merchant_id)
    after = change(before)
    if after != before:
        ports.store.commit(Change(before, after))
    return after


def _merchant(ports: Ports, merchant_id: str) -> Merchant:
    merchant = ports.store.merchant(merchant_id)
    if merchant is None:
        raise NotFound("merchant_unknown")
    return merchant


def id_of(name: str) -> str:
    """Returns a name as part of an address: small letters, digits and hyphens; empty if nothing is
    left."""
    plain = normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return sub(r"[^a-z0-9]+", "-", plain)[:MOST_ID_SYMBOLS].strip("-")
