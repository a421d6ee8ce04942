"""Makes the attempts that leases name, and notes what became of each (M-5).

A process that dies after an attempt has noted nothing: the lease ends, and the event is sent again
under the same webhook-id.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeGuard

from billing.kernel.errors import Conflict, Unavailable
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.ports import Ports
from billing.kernel.receivers import Answer
from billing.kernel.storage import Due
from billing.kernel.values import Value, replace
from billing.kernel.writes import Change, ConditionCheck, Write
from billing.webhooks import payload, signing
from billing.webhooks.deliveries import TEST, Delivery, DeliveryState
from billing.webhooks.endpoints import Disabled, WebhookEndpoint
from billing.webhooks.flows import fan_out, recover

TRIES = 6
"""The times that an outcome is noted, where other workers note theirs at the same endpoint."""

SOON = timedelta(seconds=8)
"""A next attempt that comes so soon is made by the same worker."""

PACE, PACE_WINDOW = 600, timedelta(minutes=1)
"""The most attempts at one endpoint in a while."""

DISARMED_FOR = timedelta(hours=1)
"""The delay of a delivery whose merchant is disarmed here (W-5)."""

HEALTH = ("disabled", "failing_since", "failures", "paused_until", "undelivered_from")
"""The fields of an endpoint that decide about attempts, and that their outcomes change."""


class Taken(Value):
    """The outcomes of a worker's leases, and the attempts that come so soon that it waits."""

    tally: Counter[str]
    soon: tuple[Due, ...] = ()


def take(ports: Ports, leases: Sequence[Due], *, keep_going: KeepGoing) -> Taken:
    """Makes the attempts of leases: endpoints side by side, those at one in turn.

    What there is no time for comes back when its lease ends.
    """
    theirs: dict[tuple[str, str], list[Due]] = defaultdict(list)
    for lease in leases:
        merchant, endpoint, _ = lease.owner
        theirs[merchant, endpoint].append(lease)
    do = partial(_at_endpoint, ports, keep_going)
    tally: Counter[str] = Counter()
    soon: list[Due] = []
    for done in ports.each(do, list(theirs.values())):
        if isinstance(done, Unavailable):
            tally["unavailable"] += 1
            continue
        tally += done.tally
        soon += done.soon
    return Taken(tally, tuple(soon))


def _at_endpoint(ports: Ports, keep_going: KeepGoing, leases: Sequence[Due]) -> Taken:
    tally: Counter[str] = Counter()
    soon: list[Due] = []
    for number, lease in enumerate(leases):
        if number and not keep_going():
            tally["left"] += len(leases) - number
            break
        try:
            outcome, after = _one(ports, lease)
        except Conflict:
            outcome, after = "overtaken", None
        tally[outcome] += 1
        if outcome == "failed" and _comes_soon(after, ports.clock()):
            soon.append(fan_out.lease_of(after))
    return Taken(tally, tuple(soon))


def _comes_soon(delivery: Delivery | None, now: datetime) -> TypeGuard[Delivery]:
    due_at = None if delivery is None else delivery.due_at
    return due_at is not None and due_at <= now + SOON


def _one(ports: Ports, lease: Due) -> tuple[str, Delivery | None]:
    """Makes one attempt, unless it may not be made now; returns the outcome and the delivery."""
    merchant_id, endpoint_id, event = lease.owner
    delivery = ports.store.delivery(merchant_id, endpoint_id, event)
    if delivery is None or delivery.due_at != lease.due_at:
        return "stale", None
    merchant = ports.store.merchant(merchant_id)
    endpoint = ports.store.webhook_endpoint(merchant_id, endpoint_id)
    now = ports.clock()
    if merchant is None or endpoint is None:
        return "unknown", _save(ports, delivery, delivery.given_up())
    if not merchant.armed_in(ports.operation.environment):
        later = replace(delivery, due_at=now + DISARMED_FOR)
        return "disarmed", _save(ports, delivery, later)
    if not endpoint.is_enabled or endpoint.is_paused(now):
        return _keep_waiting(ports, endpoint, delivery)
    if ports.ephemeral.hit("webhook", endpoint_id, window=PACE_WINDOW, now=now) > PACE:
        return "paced", _save(ports, delivery, replace(delivery, due_at=now + PACE_WINDOW))
    body = _body(ports, delivery)
    if body is None:
        return "expired", _save(ports, delivery, delivery.given_up())
    answer = _send(ports, endpoint, delivery, body, now)
    tried = delivery.attempted(answer.status, answer.error, now)
    if answer.is_success:
        return "delivered", _succeed(ports, endpoint, delivery, tried.delivered())
    return _fail(ports, endpoint, delivery, tried, answer)


def _body(ports: Ports, delivery: Delivery) -> bytes | None:
    """Returns the bytes to send, None for an event that is kept no more."""
    if delivery.type == TEST:
        return payload.of_test(delivery)
    (logged,) = ports.store.logged_events_named([(delivery.merchant, delivery.event)])
    return None if logged is None else payload.of_event(logged)


def _send(
    ports: Ports, endpoint: WebhookEndpoint, delivery: Delivery, body: bytes, now: datetime
) -> Answer:
    headers = signing.headers(
        ports.webhook_key(), endpoint, delivery.event, body, now, stamped_at=ports.wall_clock()
    )
    return ports.receivers(endpoint.url, headers, body)


def _save(ports: Ports, before: Delivery, after: Delivery) -> Delivery:
    ports.store.commit(_changed(before, after))
    return after


def _changed(before: Delivery, after: Delivery) -> Change:
    return Change(before, after, expecting=("due_at", "state"))


def _keep_waiting(
    ports: Ports, endpoint: WebhookEndpoint, delivery: Delivery
) -> tuple[str, Delivery]:
    """Lets a delivery wait for its endpoint's next success, which a job makes known to it.

    It holds only if the endpoint is still as it was read: after a success nothing waits.
    """
    after = delivery.kept_waiting()
    owing = endpoint.owes(delivery.event)
    about: Write = ConditionCheck(endpoint, HEALTH)
    if owing != endpoint:
        about = Change(endpoint, owing, expecting=HEALTH)
    try:
        ports.store.commit(_changed(delivery, after), about)
    except Conflict:
        # The endpoint may answer again by now, so the attempt comes back soon.
        return "waits_again", _save(ports, delivery, replace(delivery, due_at=ports.clock() + SOON))
    return "waiting", after


def _succeed(
    ports: Ports, endpoint: WebhookEndpoint, before: Delivery, after: Delivery
) -> Delivery:
    """Notes a success; the first one after failures also starts sending what was not delivered."""
    if endpoint.does_well:
        return _save(ports, before, after)

    def writes(current: WebhookEndpoint) -> tuple[Write, ...]:
        if current.does_well:
            return ()
        going = recover.writes(ports, current, ports.clock())
        return Change(current, current.succeeded(), expecting=HEALTH), *going

    _note(ports, endpoint, before, after, writes)
    return after


def _fail(
    ports: Ports,
    endpoint: WebhookEndpoint,
    before: Delivery,
    tried: Delivery,
    answer: Answer,
) -> tuple[str, Delivery]:
    """Notes a failure: the next attempt, and how the endpoint does.

    An endpoint that says it is gone is disabled, and the event waits for it to be enabled.
    """
    now = ports.clock()
    if answer.is_gone:
        after = tried.kept_waiting()
    else:
        until = endpoint.failed(now).paused_until
        after = tried.postponed(now, wait=answer.retry_after, until=until)

    def writes(current: WebhookEndpoint) -> tuple[Write, ...]:
        failing = current.failed(now)
        if current.is_enabled and answer.is_gone:
            failing = failing.switched_off(Disabled.GONE, now)
        elif current.is_enabled and current.is_past_help(now):
            failing = failing.switched_off(Disabled.FAILING, now)
        if after.state is not DeliveryState.PENDING:
            failing = failing.owes(after.event)
        return (Change(current, failing, expecting=HEALTH),)

    _note(ports, endpoint, before, after, writes)
    if after.state is DeliveryState.EXHAUSTED:
        _hand_on(ports, after)
    return ("gone" if answer.is_gone else "failed"), after


def _note(
    ports: Ports,
    endpoint: WebhookEndpoint,
    before: Delivery,
    after: Delivery,
    about: Callable[[WebhookEndpoint], tuple[Write, ...]],
) -> None:
    """Writes a delivery with what its outcome means for its endpoint; raises `Conflict` if the
    delivery is another worker's by now."""
    current: WebhookEndpoint | None = endpoint
    for _ in range(TRIES):
        if current is None:
            break
        try:
            ports.store.commit(_changed(before, after), *about(current))
        except Conflict:
            found = ports.store.delivery(before.merchant, before.endpoint, before.event)
            if found != before:
                raise
            current = ports.store.webhook_endpoint(endpoint.merchant, endpoint.id)
        else:
            return
    ports.store.commit(_changed(before, after))


def _hand_on(ports: Ports, given_up: Delivery) -> None:
    """Gives the attempts at an endpoint that fails to the newest event that waits for it.

    So it is tried again, even if nothing new happens.
    """
    newest = ports.store.deliveries_before(
        given_up.merchant, given_up.endpoint, before=None, limit=1
    )
    for each in newest:
        if each.state is DeliveryState.WAITING:
            _save(ports, each, each.again(ports.clock() + PACE_WINDOW))
