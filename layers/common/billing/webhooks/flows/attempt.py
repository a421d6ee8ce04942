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
from billing.kernel.writes import Change, Write
from billing.webhooks import payload, signing
from billing.webhooks.deliveries import SOON, TEST, Delivery, DeliveryState
from billing.webhooks.endpoints import Disabled, WebhookEndpoint
from billing.webhooks.flows import fan_out, leased, recover, waiting
from billing.webhooks.flows.leased import Leased, Standing
from billing.webhooks.flows.waiting import HEALTH, changed

TRIES = 6
"""The times that an outcome is noted, where other workers note theirs at the same endpoint."""

PACE, PACE_WINDOW = 600, timedelta(minutes=1)
"""The most attempts at one endpoint in a while."""

DISARMED_FOR = timedelta(hours=1)
"""The delay of a delivery whose merchant is disarmed here (W-5)."""

Noted = tuple[Delivery, tuple[Write, ...]]
"""A delivery after an outcome, and the writes that the outcome means for its endpoint."""


class Taken(Value):
    """The outcomes of a worker's leases, and the attempts that come so soon that it waits."""

    tally: Counter[str]
    soon: tuple[Due, ...] = ()


def take(ports: Ports, leases: Sequence[Due], *, keep_going: KeepGoing) -> Taken:
    """Makes the attempts of leases: endpoints side by side, those that do well first, and those at
    one in turn.

    What there is no time for comes back when its lease ends.
    """
    theirs: dict[tuple[str, ...], list[Due]] = defaultdict(list)
    for lease in leases:
        theirs[lease.owner[:2]].append(lease)
    try:
        firsts = leased.read(ports, [each[0] for each in theirs.values()])
        waits = waiting.keep_together(ports, firsts)
    except Unavailable:
        return Taken(Counter(unavailable=len(theirs)))
    tally: Counter[str] = Counter(waiting=len(waits))
    soon: list[Due] = []
    left = [
        (first, at_one[1:] if first.lease in waits else at_one)
        for first, at_one in zip(firsts, theirs.values(), strict=True)
    ]
    left.sort(key=lambda one: one[0].endpoint is not None and one[0].endpoint.failures)
    do = partial(_at_endpoint, ports, keep_going)
    for done in ports.each(do, [one for one in left if one[1]]):
        if isinstance(done, Unavailable):
            tally["unavailable"] += 1
            continue
        tally += done.tally
        soon += done.soon
    return Taken(+tally, tuple(soon))


def _at_endpoint(ports: Ports, keep_going: KeepGoing, given: tuple[Leased, Sequence[Due]]) -> Taken:
    """Makes the attempts at one endpoint; what the first lease names is read already."""
    first, leases = given
    environment = ports.operation.environment
    is_fresh = first.standing(environment, ports.clock()) is not Standing.HELD
    tally: Counter[str] = Counter()
    soon: list[Due] = []
    for number, lease in enumerate(leases):
        if number and not keep_going():
            tally["left"] += len(leases) - number
            break
        found = first if is_fresh and lease == first.lease else leased.read(ports, [lease])[0]
        try:
            outcome, after = _one(ports, found)
        except Conflict:
            outcome, after = "overtaken", None
        tally[outcome] += 1
        if outcome == "failed" and _comes_soon(after, ports.clock()):
            soon.append(fan_out.lease_of(after))
    return Taken(tally, tuple(soon))


def _comes_soon(delivery: Delivery | None, now: datetime) -> TypeGuard[Delivery]:
    due_at = None if delivery is None else delivery.due_at
    return due_at is not None and due_at <= now + SOON


def _one(ports: Ports, found: Leased) -> tuple[str, Delivery | None]:
    """Makes one attempt, unless it may not be made now; returns the outcome and the delivery."""
    now, delivery, endpoint = ports.clock(), found.delivery, found.endpoint
    standing = found.standing(ports.operation.environment, now)
    if delivery is None or standing is Standing.STALE:
        return "stale", None
    if endpoint is None or standing is Standing.UNKNOWN:
        return "unknown", _save(ports, delivery, delivery.given_up())
    if standing is Standing.DISARMED:
        later = replace(delivery, due_at=now + DISARMED_FOR)
        return "disarmed", _save(ports, delivery, later)
    if standing is Standing.HELD:
        return waiting.keep(ports, endpoint, delivery)
    if ports.ephemeral.hit("webhook", endpoint.id, window=PACE_WINDOW, now=now) > PACE:
        return "paced", _save(ports, delivery, replace(delivery, due_at=now + PACE_WINDOW))
    body = _body(ports, delivery)
    if body is None:
        return "expired", _save(ports, delivery, delivery.given_up())
    if endpoint.is_probed_next:
        probing = endpoint.probed(now)
        try:
            ports.store.commit(Change(endpoint, probing, expecting=HEALTH))
        except Conflict:  # Another worker was first: its outcome decides.
            return "waits_again", _save(ports, delivery, replace(delivery, due_at=now + SOON))
        endpoint = probing
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
    ports.store.commit(changed(before, after))
    return after


def _succeed(
    ports: Ports, endpoint: WebhookEndpoint, before: Delivery, after: Delivery
) -> Delivery:
    """Notes a success; the first one after failures also starts sending what was not delivered."""
    if endpoint.does_well:
        return _save(ports, before, after)

    def decide(current: WebhookEndpoint) -> Noted:
        if current.does_well:
            return after, ()
        going = recover.writes(ports, current, ports.clock())
        return after, (Change(current, current.succeeded(), expecting=HEALTH), *going)

    return _note(ports, endpoint, before, decide)


def _fail(
    ports: Ports,
    endpoint: WebhookEndpoint,
    before: Delivery,
    tried: Delivery,
    answer: Answer,
) -> tuple[str, Delivery]:
    """Notes a failure: the next attempt, and how the endpoint does.

    An endpoint that says it is gone is disabled, and the event waits for it to be enabled. While it
    is paused already, a failure of an attempt that was under way says nothing new about it.
    """
    now = ports.clock()

    def decide(current: WebhookEndpoint) -> Noted:
        is_news = current.paused_until == endpoint.paused_until or not current.is_paused(now)
        failing = current.failed(now) if is_news else current
        if answer.is_gone:
            after = tried.kept_waiting()
        else:
            after = tried.postponed(now, wait=answer.retry_after, until=failing.paused_until)
        if current.is_enabled and answer.is_gone:
            failing = failing.switched_off(Disabled.GONE, now)
        elif current.is_enabled and current.is_past_help(now):
            failing = failing.switched_off(Disabled.FAILING, now)
        if after.state is not DeliveryState.PENDING:
            failing = failing.owes(after.event)
        if after.state is DeliveryState.EXHAUSTED and is_news:
            # Perhaps no attempt is to come any more for which the next event could wait.
            failing = replace(failing, paused_until=None)
        if failing == current:
            return after, ()
        return after, (Change(current, failing, expecting=HEALTH),)

    after = _note(ports, endpoint, before, decide)
    if after.state is DeliveryState.EXHAUSTED:
        _hand_on(ports, after)
    return ("gone" if answer.is_gone else "failed"), after


def _note(
    ports: Ports,
    endpoint: WebhookEndpoint,
    before: Delivery,
    decide: Callable[[WebhookEndpoint], Noted],
) -> Delivery:
    """Writes what an outcome means for its delivery and its endpoint; raises `Conflict` if the
    delivery is another worker's by now.

    Without the endpoint, and where others note theirs all the time, the delivery is noted alone;
    but one that its endpoint must know of, to send it after a success, is left to its lease then.
    """
    current = endpoint
    for _ in range(TRIES):
        after, about = decide(current)
        try:
            ports.store.commit(changed(before, after), *about)
        except Conflict:
            found = ports.store.delivery(before.merchant, before.endpoint, before.event)
            if found != before:
                raise
            read = ports.store.webhook_endpoint(endpoint.merchant, endpoint.id)
            if read is None:
                break
            current = read
        else:
            return after
    else:
        if decide(current)[0].is_undelivered:
            raise Conflict()
    return _save(ports, before, decide(current)[0])


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
