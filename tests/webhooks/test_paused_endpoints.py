"""Endpoints that fail cost little, hold up no others, and are tried again by one attempt (M-5)."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from billing.kernel.receivers import Answer
from billing.kernel.storage import Due
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.outbox.flows import deliver
from billing.runtime import wiring
from billing.webhooks.deliveries import Delivery, DeliveryState
from billing.webhooks.endpoints import MOST_ENDPOINTS, PAUSES_AFTER, PROBE, WebhookEndpoint
from billing.webhooks.flows import attempt, endpoints
from functions.deliveries import app
from tests.webhooks.hooks import URL, Hooks

pytestmark = pytest.mark.spec("M-5")


def _started(hooks: Hooks) -> list[Due]:
    """Delivers what was bought to the log, and returns the leases of the workers it started."""
    deliver.sweep(hooks.world.ports, now=hooks.world.now + timedelta(minutes=3))
    leases = [lease for each in hooks.world.webhook_workers.started for lease in each]
    hooks.world.webhook_workers.started.clear()
    return leases


def _paused(hooks: Hooks, endpoint: WebhookEndpoint) -> WebhookEndpoint:
    found = hooks.world.store.webhook_endpoint("acme", endpoint.id)
    assert found is not None
    failing = found
    for _ in range(PAUSES_AFTER):
        failing = failing.failed(hooks.world.now)
    hooks.world.store.commit(Change(found, failing))
    return failing


def _delivery(hooks: Hooks, endpoint: WebhookEndpoint) -> Delivery:
    (only,) = hooks.deliveries(endpoint)
    return only


def test_an_event_waits_for_all_paused_endpoints_in_one_write(hooks: Hooks) -> None:
    others = [
        hooks.add(f"https://{n}.example.net/", ["purchase.completed"])[0]
        for n in range(MOST_ENDPOINTS - 1)
    ]
    for other in others:
        _paused(hooks, other)
    hooks.world.buy()
    leases = _started(hooks)
    assert len(leases) == MOST_ENDPOINTS
    store, calls = hooks.world.store, []
    for name in ("commit", "commit_each", "delivery", "webhook_endpoint", "merchant"):
        real = getattr(store, name)
        setattr(store, name, lambda *a, _n=name, _r=real: calls.append(_n) or _r(*a))
    taken = attempt.take(hooks.world.ports, leases, keep_going=lambda: True)
    assert taken.tally == {"waiting": MOST_ENDPOINTS - 1, "delivered": 1}
    assert sorted(calls) == ["commit", "commit_each", "merchant"]
    for other in others:
        waits = _delivery(hooks, other)
        assert waits.state is DeliveryState.WAITING
        found = store.webhook_endpoint("acme", other.id)
        assert found is not None
        assert found.undelivered_from == waits.event


def test_an_endpoint_that_answers_again_meanwhile_is_looked_at_by_itself(hooks: Hooks) -> None:
    paused = _paused(hooks, hooks.endpoint)
    hooks.world.buy()
    leases = _started(hooks)
    store = hooks.world.store
    real = store.commit_each

    def overtaken(transactions: Any) -> Any:
        store.commit_each = real  # type: ignore[method-assign]
        store.commit(Change(paused, paused.succeeded()))
        return real(transactions)

    store.commit_each = overtaken  # type: ignore[method-assign]
    taken = attempt.take(hooks.world.ports, leases, keep_going=lambda: True)
    assert taken.tally == {"delivered": 1}
    assert len(hooks.posts()) == 1


def test_endpoints_that_do_not_answer_hold_up_none_of_an_event(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived = threading.Event()

    def silent(post: Any) -> Answer:
        # Each of them answers only once the last endpoint has its event.
        assert arrived.wait(20), "it waited for those that do not answer"
        return Answer(error="timeout")

    first, *rest = [f"https://{n}.example.net/" for n in range(MOST_ENDPOINTS - 1)]
    for url in (first, *rest):
        hooks.add(url, ["purchase.completed"])
        hooks.world.receivers.answers[url] = silent
    hooks.world.receivers.answers[URL] = lambda post: arrived.set() or Answer(200)  # type: ignore[func-returns-value]
    hooks.world.buy()
    leases = _started(hooks)
    ports = replace(hooks.world.ports, each=app.EACH)
    taken = attempt.take(ports, list(reversed(leases)), keep_going=lambda: True)
    assert taken.tally == {"failed": MOST_ENDPOINTS - 1, "delivered": 1}


def test_after_a_pause_one_attempt_is_made_while_the_other_events_wait(hooks: Hooks) -> None:
    for n in range(2):
        hooks.world.buy(email=f"p{n}@example.com")
    leases = _started(hooks)
    paused = _paused(hooks, hooks.endpoint)
    assert paused.paused_until is not None
    hooks.world.now = paused.paused_until
    during: list[Any] = []

    def probed(post: Any) -> Answer:
        if not during:
            during.append(hooks.current)
            (other,) = [each for each in leases if each.owner[2] != post.event]
            taken = attempt.take(hooks.world.ports, [other], keep_going=lambda: True)
            during.append(taken.tally)
        return Answer(200)

    hooks.world.receivers.answers[URL] = probed
    attempt.take(hooks.world.ports, leases[:1], keep_going=lambda: True)
    assert during[0].paused_until == hooks.world.now + PROBE
    assert during[1] == {"waiting": 1}
    assert len(hooks.posts()) == 1
    assert hooks.current.does_well
    hooks.minutes(3)
    assert hooks.states() == {DeliveryState.DELIVERED}


def test_of_two_workers_at_the_end_of_a_pause_one_attempts(hooks: Hooks) -> None:
    hooks.world.buy()
    leases = _started(hooks)
    paused = _paused(hooks, hooks.endpoint)
    assert paused.paused_until is not None
    hooks.world.now = paused.paused_until
    real = hooks.world.store.webhook_endpoints_named

    def overtaken(keys: Any) -> Any:
        found = real(keys)
        hooks.world.store.commit(Change(paused, paused.probed(hooks.world.now)))
        return found

    hooks.world.store.webhook_endpoints_named = overtaken  # type: ignore[method-assign]
    taken = attempt.take(hooks.world.ports, leases, keep_going=lambda: True)
    assert taken.tally == {"waits_again": 1}
    assert hooks.posts() == []


def test_failures_of_one_moment_pause_an_endpoint_once_and_one_of_them_keeps_its_schedule(
    hooks: Hooks,
) -> None:
    count = 12
    for n in range(count):
        hooks.world.buy(email=f"p{n}@example.com")
    leases = _started(hooks)
    together = threading.Barrier(count)

    def fails(post: Any) -> Answer:
        together.wait(20)
        return Answer(500)

    hooks.world.receivers.answers[URL] = fails
    ports = replace(hooks.world.ports, each=wiring.at_once(count))
    workers = ports.each(
        lambda lease: attempt.take(hooks.world.ports, [lease], keep_going=lambda: True), leases
    )
    assert all(not isinstance(each, Exception) for each in workers)
    assert len(hooks.posts()) == count
    after = hooks.current
    assert after.failures == PAUSES_AFTER
    assert after.paused_until == hooks.world.now + timedelta(minutes=1)
    kept = [each for each in hooks.deliveries() if each.due_at == after.paused_until]
    assert kept, "without one of them nobody would try it again"


def test_an_endpoint_that_failed_once_under_load_recovers_without_anything_new(
    hooks: Hooks,
) -> None:
    test_failures_of_one_moment_pause_an_endpoint_once_and_one_of_them_keeps_its_schedule(hooks)
    hooks.answers(200)
    hooks.minutes(15)
    assert hooks.current.does_well
    assert hooks.states() == {DeliveryState.DELIVERED}


def test_what_comes_after_the_last_attempt_of_all_others_is_attempted(hooks: Hooks) -> None:
    hooks.answers(500)
    hooks.buy()
    while hooks.states() == {DeliveryState.PENDING}:
        hooks.wait(minutes=5)
    assert hooks.states() == {DeliveryState.EXHAUSTED}
    hooks.answers(204)
    endpoints.test(hooks.world.ports, "acme", hooks.endpoint.id)
    hooks.wait(hours=2)
    assert hooks.states() == {DeliveryState.DELIVERED} and hooks.current.does_well
