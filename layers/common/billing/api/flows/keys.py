"""API keys: create, find, list, replace, revoke; only the hash of a secret is kept (M-3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from billing.kernel.errors import Conflict, NotFound, Refused, Unavailable, Uncertain
from billing.kernel.flows.paging import part
from billing.kernel.lists import Page
from billing.kernel.merchants import ApiKey, Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change, ConditionCheck, Insert, Write
from billing.team import rights

PREFIX = "sk_"
MOST_KEYS = 100
"""The most live keys of one merchant; revoked ones do not count."""

ATTEMPTS = 8
AT_ONCE = 90
"""The number of keys that one write revokes; DynamoDB takes a hundred writes."""


def digest(secret: str) -> str:
    """Hashes a secret for storage; it is random, so one round of SHA-256 does."""
    return sha256(secret.encode()).hexdigest()


def draw(
    ports: Ports, merchant: str, scopes: Sequence[str], *, made_by: str, now: datetime
) -> tuple[ApiKey, str]:
    """Draws a key that is not written yet, and its secret."""
    secret = PREFIX + ports.new_id("key").rpartition("_")[2]
    named = ports.new_id("apikey")
    return ApiKey(named, digest(secret), merchant, now, tuple(scopes), made_by=made_by), secret


def create(
    ports: Ports,
    maker: ApiKey,
    scopes: Sequence[str],
    *,
    now: datetime,
    most: int | None = MOST_KEYS,
) -> tuple[ApiKey, str]:
    """Creates a key that may do no more than its maker; returns it and its secret.

    The secret is not kept. Raises `Refused` (scope_missing, too_many_keys beyond `most` live ones).
    """
    _refuse_more(maker, scopes)
    for _ in range(ATTEMPTS):
        merchant = _merchant(ports, maker.merchant)
        live = _live(ports, merchant)
        if most is not None and live >= most:
            raise Refused("too_many_keys", most=most)
        key, secret = draw(ports, merchant.id, scopes, made_by=maker.id, now=now)
        try:
            _write(ports, key, _counted(merchant, live + 1))
        except Conflict:
            continue
        return key, secret
    raise Conflict()


def replace_key(ports: Ports, maker: ApiKey, key_id: str, *, now: datetime) -> tuple[ApiKey, str]:
    """Replaces a live key, which is revoked in the same write; returns the new key and its secret.

    It may do what the old one may, so the last key that may write can be replaced, and a full
    account can. Raises `NotFound`, and `Refused` (key_revoked, scope_missing).
    """
    for _ in range(ATTEMPTS):
        old = _one(ports.store.api_keys(maker.merchant), key_id)
        if not old.is_live:
            raise Refused("key_revoked")
        _refuse_more(maker, old.scopes)
        key, secret = draw(ports, old.merchant, old.scopes, made_by=maker.id, now=now)
        try:
            _write(ports, key, Change(old, replace(old, revoked_at=now)))
        except Conflict:
            continue
        return key, secret
    raise Conflict()


def holder(ports: Ports, secret: str) -> tuple[Merchant, ApiKey] | None:
    """Finds the merchant and the key of a secret; None for one that is unknown or revoked."""
    key = ports.store.api_key(digest(secret))
    if key is None or not key.is_live:
        return None
    merchant = ports.store.merchant(key.merchant)
    return None if merchant is None else (merchant, key)


def page(ports: Ports, merchant: str, *, limit: int, cursor: str | None) -> Page[ApiKey]:
    """Lists the keys of a merchant, newest first, revoked ones too."""
    keys = ports.store.api_keys(merchant)
    newest = sorted(keys, key=lambda key: (key.created_at, key.id), reverse=True)
    return part(newest, lambda key: key.id, limit=limit, cursor=cursor)


def revoke(
    ports: Ports, merchant_id: str, key_id: str, *, now: datetime, may_be_last: bool = False
) -> ApiKey:
    """Revokes a key; asking again changes nothing.

    Raises `NotFound`, and `Refused` (last_key) for the last that may write.
    """
    for _ in range(ATTEMPTS):
        keys = ports.store.api_keys(merchant_id)
        key = _one(keys, key_id)
        if not key.is_live:
            return key
        stays = next(
            (k for k in keys if k.is_live and k.id != key_id and "write" in k.scopes), None
        )
        if stays is None and not may_be_last:
            raise Refused("last_key")
        merchant, revoked = _merchant(ports, merchant_id), replace(key, revoked_at=now)
        writes: list[Write] = [Change(key, revoked), _counted(merchant, _live(ports, merchant) - 1)]
        if stays is not None and not may_be_last:
            # Otherwise two that revoke each other's keys would leave none.
            writes.append(ConditionCheck(stays, expecting=("revoked_at",)))
        try:
            ports.store.commit(*writes)
        except Conflict:
            continue
        return revoked
    raise Conflict()


def revoke_others(ports: Ports, key: ApiKey, *, now: datetime) -> tuple[int, int]:
    """Revokes every other key of a merchant; returns how many, and how many were made since."""
    done = 0
    for _ in range(ATTEMPTS):
        others = [k for k in ports.store.api_keys(key.merchant) if k.is_live and k.id != key.id]
        some = others[:AT_ONCE]
        if not some:
            break
        merchant = _merchant(ports, key.merchant)
        left = _live(ports, merchant) - len(some)
        over = [Change(each, replace(each, revoked_at=now)) for each in some]
        try:
            ports.store.commit(*over, _counted(merchant, left))
        except Conflict:
            continue
        done += len(some)
    return done, _live(ports, _merchant(ports, key.merchant)) - 1


def _write(ports: Ports, key: ApiKey, *more: Write) -> None:
    """Writes a new key; looks for one whose answer was lost, since its secret is only here."""
    try:
        ports.store.commit(Insert(key), *more)
    except Uncertain:
        if not _is_written(ports, key):
            raise


def _is_written(ports: Ports, key: ApiKey) -> bool:
    try:
        return ports.store.api_key(key.key_hash) is not None
    except Unavailable:
        return False


def _refuse_more(maker: ApiKey, scopes: Sequence[str]) -> None:
    if not rights.of_scopes(scopes) <= rights.of_scopes(maker.scopes):
        raise Refused("scope_beyond_own", code="scope_missing")


def _one(keys: Sequence[ApiKey], key_id: str) -> ApiKey:
    found = next((key for key in keys if key.id == key_id), None)
    if found is None:
        raise NotFound("key_unknown")
    return found


def _live(ports: Ports, merchant: Merchant) -> int:
    """Counts live keys: by the merchant's counter, since the index may not have the newest yet."""
    if merchant.live_keys is not None:
        return merchant.live_keys
    return sum(key.is_live for key in ports.store.api_keys(merchant.id))


def _counted(merchant: Merchant, live: int) -> Change:
    """Builds the write of the count; refused where another key was made or revoked meanwhile."""
    return Change(merchant, replace(merchant, live_keys=live), expecting=("live_keys",))


def _merchant(ports: Ports, merchant: str) -> Merchant:
    found = ports.store.merchant(merchant)
    if found is None:
        raise NotFound("merchant_unknown")
    return found
