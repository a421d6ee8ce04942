"""A merchant's endpoints: made, changed, rotated, enabled and deleted (M-5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from billing.event_log.flows import read
from billing.event_log.logged_events import id_at
from billing.event_log.public_events import PublicType
from billing.kernel import domains
from billing.kernel.errors import Conflict, Invalid, NotFound, Refused, TooMany
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Remove, Write
from billing.webhooks import deliveries, signing, urls
from billing.webhooks.deliveries import TEST, Delivery
from billing.webhooks.endpoints import (
    EVERYTHING,
    MOST_ENDPOINTS,
    Disabled,
    WebhookEndpoint,
)
from billing.webhooks.flows import fan_out, recover

TRIES = 6
TESTS_AT_MOST = 30
"""The most tests of a merchant's endpoints in an hour."""


def create(
    ports: Ports,
    merchant: Merchant,
    *,
    url: str,
    events: Sequence[str],
    name: str | None = None,
    now: datetime,
) -> tuple[WebhookEndpoint, str]:
    """Makes an endpoint; returns also its secret, which is shown this once.

    Raises `Invalid` for an address or a type that may not be, and `Refused` for one endpoint too
    many.
    """
    check_url(ports, url)
    wanted = checked_types(events)
    if len(ports.store.webhook_endpoints(merchant.id)) >= MOST_ENDPOINTS:
        raise Refused("too_many_endpoints", most=MOST_ENDPOINTS)
    master = ports.webhook_key(create=True)
    read.begin(ports, merchant, now=now)
    made_id = ports.new_id("we")
    made = WebhookEndpoint(
        merchant=merchant.id,
        id=made_id,
        url=url,
        events=wanted,
        created_at=now,
        shard=ports.shard_of(made_id),
        name=name or None,
    )
    for left in reversed(range(TRIES)):
        try:
            ports.store.commit(Insert(made), *_begun(ports, merchant.id, now))
        except Conflict:
            if not left:
                raise
        else:
            break
    return made, signing.secret(master, made)


def one(ports: Ports, merchant: str, endpoint: str) -> WebhookEndpoint:
    """Returns an endpoint of a merchant; raises `NotFound`."""
    found = ports.store.webhook_endpoint(merchant, endpoint)
    if found is None:
        raise NotFound("endpoint_unknown")
    return found


def every(ports: Ports, merchant: Merchant) -> list[WebhookEndpoint]:
    """Lists a merchant's endpoints, the oldest first; reads nothing where there was never one."""
    if merchant.webhooks_since is None:
        return []
    found = ports.store.webhook_endpoints(merchant.id)
    return sorted(found, key=lambda each: (each.created_at, each.id))


def change(
    ports: Ports,
    merchant: str,
    endpoint: str,
    *,
    url: str | None = None,
    events: Sequence[str] | None = None,
    name: str | None = None,
    enabled: bool | None = None,
    now: datetime,
) -> WebhookEndpoint:
    """Changes what is given of an endpoint; an empty name removes it.

    Enabling begins with sending what was not delivered meanwhile.
    """
    if url is not None:
        check_url(ports, url)
    wanted = None if events is None else checked_types(events)

    def changed(before: WebhookEndpoint) -> WebhookEndpoint:
        after = before
        if url is not None:
            after = replace(after, url=url)
        if wanted is not None:
            after = replace(after, events=wanted)
        if name is not None:
            after = replace(after, name=name or None)
        if enabled is True and not before.is_enabled:
            after = after.switched_on()
        if enabled is False and before.is_enabled:
            after = after.switched_off(Disabled.BY_MERCHANT, now)
        return after

    return _change(ports, merchant, endpoint, changed, now)


def rotate(
    ports: Ports, merchant: str, endpoint: str, *, now: datetime
) -> tuple[WebhookEndpoint, str]:
    """Gives an endpoint another secret; the one before signs too for a day.

    Raises `Refused` while that of an earlier rotation still does: three would be valid.
    """
    master = ports.webhook_key(create=True)

    def rotated(before: WebhookEndpoint) -> WebhookEndpoint:
        at = before.rotated_at
        if at is not None and now < at + signing.OVERLAP:
            raise Refused("secret_just_rotated")
        return before.rotated(now)

    after = _change(ports, merchant, endpoint, rotated, now)
    return after, signing.secret(master, after)


def delete(ports: Ports, merchant: str, endpoint: str) -> None:
    """Deletes an endpoint; its deliveries expire, and nothing more is sent.

    Raises `NotFound` for one that is not there.
    """
    for left in reversed(range(TRIES)):
        try:
            ports.store.commit(Remove(one(ports, merchant, endpoint)))
        except Conflict:
            if not left:
                raise
        else:
            return


def test(ports: Ports, merchant: str, endpoint: str) -> Delivery:
    """Sends an event to try an endpoint; raises `Refused` for a disabled one."""
    found = one(ports, merchant, endpoint)
    if not found.is_enabled:
        raise Refused("endpoint_disabled")
    limit(ports, merchant, "test", TESTS_AT_MOST)
    now = ports.clock()
    made = deliveries.new(found, id_at(now, f"test {ports.new_id('key')}"), TEST, now)
    ports.store.commit(Insert(made))
    fan_out.start(ports, [made])
    return made


def limit(ports: Ports, merchant: str, what: str, most: int) -> None:
    """Counts a test or a resend; raises `TooMany` where there were too many of it in an hour."""
    hour, now = timedelta(hours=1), ports.clock()
    if ports.ephemeral.hit("webhook_tries", f"{merchant}#{what}", window=hour, now=now) > most:
        raise TooMany()


def check_url(ports: Ports, url: str) -> None:
    """Raises `Invalid` for an address that no webhook may go to, such as our own."""
    target = urls.read(url, local=ports.operation.local_receivers)
    ours = domains.host_in(ports.operation.public_url)
    if target.tls and (target.host == ours or ports.store.domain(target.host) is not None):
        raise Invalid("webhook_host", field="url")


def checked_types(events: Sequence[str]) -> tuple[str, ...]:
    """Returns the types of an endpoint, each once; raises `Invalid` for one that there is not."""
    if not events:
        raise Invalid("required", field="events")
    if EVERYTHING in events:
        return (EVERYTHING,)
    known = {each.value for each in PublicType}
    for place, kind in enumerate(events):
        if kind not in known:
            raise Invalid("event_type_unknown", field=f"events[{place}]")
    return tuple(dict.fromkeys(events))


def _begun(ports: Ports, merchant: str, now: datetime) -> tuple[Write, ...]:
    """Returns the write by which a merchant has endpoints from now on."""
    found = ports.store.merchant(merchant)
    if found is None:
        raise NotFound("merchant_unknown")
    if found.webhooks_since is not None:
        return ()
    return (Change(found, replace(found, webhooks_since=now)),)


def _change(
    ports: Ports,
    merchant: str,
    endpoint: str,
    changed: Callable[[WebhookEndpoint], WebhookEndpoint],
    now: datetime,
) -> WebhookEndpoint:
    for left in reversed(range(TRIES)):
        before = one(ports, merchant, endpoint)
        after = changed(before)
        if after == before:
            return before
        writes: tuple[Write, ...] = ()
        if after.is_enabled and not before.is_enabled:
            writes = recover.writes(ports, before, now)
        try:
            expecting = ("disabled", "undelivered_from", "secrets")
            ports.store.commit(Change(before, after, expecting=expecting), *writes)
        except Conflict:
            if not left:
                raise
        else:
            return after
    raise AssertionError("the last try returns or raises")
