"""API keys: made, recognised, listed, revoked; only the hash of a secret is kept (M-3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

from billing.errors import NotFound, Refused
from billing.flows.paging import part
from billing.merchants import ApiKey, Merchant
from billing.ports import Ports
from billing.storage import Page
from billing.transactions import Change, Insert

PREFIX = "sk_"
MOST_KEYS = 100


def digest(secret: str) -> str:
    """What of a secret is kept; it is random, so one round of SHA-256 does."""
    return sha256(secret.encode()).hexdigest()


def create(
    ports: Ports, maker: ApiKey, scopes: Sequence[str], *, now: datetime
) -> tuple[ApiKey, str]:
    """A new key that may do no more than its maker, and its secret, which is not kept."""
    if not set(scopes) <= set(maker.scopes):
        raise Refused("A key cannot be given more than its maker may.", code="scope_missing")
    if len(ports.store.api_keys(maker.merchant)) >= MOST_KEYS:
        raise Refused(f"An account has at most {MOST_KEYS} keys.", code="too_many_keys")
    secret = PREFIX + ports.new_id("key").rpartition("_")[2]
    key = ApiKey(ports.new_id("apikey"), digest(secret), maker.merchant, now, tuple(scopes))
    ports.store.commit(Insert(key))
    return key, secret


def holder(ports: Ports, secret: str) -> tuple[Merchant, ApiKey] | None:
    """Whose key it is; None for what is unknown or revoked."""
    key = ports.store.api_key(digest(secret))
    if key is None or key.revoked_at is not None:
        return None
    merchant = ports.store.merchant(key.merchant)
    return None if merchant is None else (merchant, key)


def page(ports: Ports, merchant: str, *, limit: int, cursor: str | None) -> Page[ApiKey]:
    """The keys of a merchant, newest first, revoked ones too."""
    keys = ports.store.api_keys(merchant)
    newest = sorted(keys, key=lambda key: (key.created_at, key.id), reverse=True)
    return part(newest, lambda key: key.id, limit=limit, cursor=cursor)


def revoke(ports: Ports, merchant: str, key_id: str, *, now: datetime) -> ApiKey:
    """End a key; asking again changes nothing. Raises `Refused` for the last that may write."""
    keys = {key.id: key for key in ports.store.api_keys(merchant)}
    key = keys.get(key_id)
    if key is None:
        raise NotFound("There is no such key.")
    if key.revoked_at is not None:
        return key
    others = [k for k in keys.values() if k.id != key_id and k.revoked_at is None]
    if not any("write" in other.scopes for other in others):
        raise Refused("This is the last key that may write; make another first.", code="last_key")
    revoked = replace(key, revoked_at=now)
    ports.store.commit(Change(key, revoked))
    return revoked
