"""A worker that dies anywhere loses no event; a receiver may see one twice, under one id (M-5)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from billing.kernel.errors import Conflict, Uncertain
from billing.kernel.receivers import Answer
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.outbox.flows import deliver
from billing.runtime import wiring
from billing.webhooks.deliveries import Delivery, DeliveryState
from billing.webhooks.flows import endpoints, resend
from functions.deliveries import app
from tests.hurry import Dead
from tests.webhooks.hooks import URL, Hooks

pytestmark = pytest.mark.spec("M-5")


class Calls:
    """Counts the calls of a process to the world, and ends it at one of them."""

    def __init__(self, at: int | None, *, after: bool) -> None:
        self.count = 0
        self._at = at
        self._after = after

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **named: Any) -> Any:
            self.count += 1
            dies = self.count == self._at
            if dies and not self._after:
                raise Dead
            answer = call(*args, **named)
            if dies:
                raise Dead
            return answer

        return called


@contextmanager
def mortal(hooks: Hooks, calls: Calls) -> Iterator[None]:
    """Lets the process that runs meanwhile die at one of its calls."""
    store, ports = hooks.world.store, hooks.world.ports
    kept = {
        name: getattr(store, name)
        for name in (
            "commit",
            "commit_each",
            "delivery",
            "deliveries_named",
            "webhook_endpoint",
            "webhook_endpoints_named",
        )
    }
    for name, call in kept.items():
        setattr(store, name, calls.around(call))
    hooks.world.ports = replace(ports, receivers=calls.around(hooks.world.receivers))
    try:
        yield
    except Dead:
        hooks.world.webhook_workers.started.clear()
    finally:
        hooks.world.ports = ports
        for name, call in kept.items():
            setattr(store, name, call)


def _run(at: int | None, *, after: bool, fails: int) -> tuple[Hooks, int]:
    """Sends three events to a receiver that fails at first, with one death; returns the calls."""
    hooks = Hooks()
    answers = iter([500] * fails)
    hooks.world.receivers.answers[URL] = lambda post: Answer(next(answers, 200))
    calls = Calls(at, after=after)
    for n in range(3):
        hooks.world.buy(email=f"p{n}@example.com")
    deliver.sweep(hooks.world.ports, now=hooks.world.now + timedelta(minutes=3))
    with mortal(hooks, calls):
        hooks.world.work_webhooks()
    count = calls.count
    hooks.world.now += timedelta(minutes=10)
    hooks.wait(hours=9)
    return hooks, count


@pytest.mark.parametrize("fails", [0, 1, 4])
@pytest.mark.parametrize("after", [False, True])
def test_a_worker_that_dies_at_any_call_loses_nothing(fails: int, after: bool) -> None:
    _, count = _run(None, after=after, fails=fails)
    assert count >= 9
    for at in range(1, count + 1):
        hooks, _ = _run(at, after=after, fails=fails)
        assert hooks.states() == {DeliveryState.DELIVERED}, at
        assert len(hooks.deliveries()) == 3, at
        sent = {post.event for post in hooks.posts()}
        assert sent == {each.event for each in hooks.deliveries()}, at
        assert len({post.body for post in hooks.posts()}) == 3, at
        assert hooks.current.does_well, at


def test_what_was_sent_and_not_noted_is_sent_again_with_its_id(hooks: Hooks) -> None:
    hooks.world.buy()
    deliver.sweep(hooks.world.ports, now=hooks.world.now + timedelta(minutes=3))
    real = hooks.world.store.commit

    def die(*writes: Any) -> None:
        raise Dead

    hooks.world.store.commit = die  # type: ignore[method-assign]
    with pytest.raises(Dead):
        hooks.world.work_webhooks()
    hooks.world.store.commit = real  # type: ignore[method-assign]
    hooks.minutes(4)
    first, second = hooks.posts()
    assert first.event == second.event
    assert first.body == second.body
    assert hooks.states() == {DeliveryState.DELIVERED}


def test_a_recovery_whose_start_conflicts_is_tried_again(hooks: Hooks) -> None:
    hooks.answers(500)
    for n in range(8):
        hooks.buy(email=f"p{n}@example.com")
    hooks.answers(200)
    real, conflicts = hooks.world.store.commit, iter([True, True, False])

    def commit(*writes: Any) -> None:
        if len(writes) > 2 and next(conflicts, False):
            raise Conflict
        real(*writes)

    hooks.world.store.commit = commit  # type: ignore[method-assign]
    hooks.wait(minutes=20)
    assert hooks.states() == {DeliveryState.DELIVERED}


def put_off_once(hooks: Hooks) -> None:
    """Lets the first write of a delivery that a job makes meet an outage, and its repetition."""
    real, fails = hooks.world.store.commit, iter([True, True])

    def commit(*writes: Any) -> None:
        (first, *others) = writes
        is_of_a_job = isinstance(first, Change) and isinstance(first.after, Delivery) and not others
        if is_of_a_job and next(fails, False):
            raise Uncertain
        real(*writes)

    hooks.world.store.commit = commit  # type: ignore[method-assign]


def test_what_a_recovery_could_not_write_it_writes_in_another_round(hooks: Hooks) -> None:
    hooks.answers(500)
    for n in range(8):
        hooks.buy(email=f"p{n}@example.com")
    hooks.wait(minutes=1)
    assert DeliveryState.WAITING in hooks.states()
    hooks.answers(200)
    endpoints.change(
        hooks.world.ports, "acme", hooks.endpoint.id, enabled=False, now=hooks.world.now
    )
    put_off_once(hooks)
    endpoints.change(
        hooks.world.ports, "acme", hooks.endpoint.id, enabled=True, now=hooks.world.now
    )
    hooks.wait(hours=1)
    assert hooks.states() == {DeliveryState.DELIVERED}


def test_what_a_replay_could_not_write_it_writes_in_another_round(hooks: Hooks) -> None:
    for n in range(3):
        hooks.buy(email=f"p{n}@example.com")
    sent = [post.event for post in hooks.posts()]
    put_off_once(hooks)
    hooks.wait(hours=1)
    now = hooks.world.now
    span = {"since": now - timedelta(days=1), "until": now + timedelta(days=1), "now": now}
    resend.replay(hooks.world.ports, "acme", hooks.endpoint.id, **span)
    hooks.wait(hours=1)
    again = [post.event for post in hooks.posts()][len(sent) :]
    assert set(sent) <= set(again)


def test_an_answer_of_the_table_that_is_lost_is_made_good(hooks: Hooks) -> None:
    real, lost = hooks.world.store.commit, iter([True])

    def commit(*writes: Any) -> None:
        real(*writes)
        if next(lost, False):
            raise Uncertain

    hooks.world.buy()
    deliver.sweep(hooks.world.ports, now=hooks.world.now + timedelta(minutes=3))
    hooks.world.store.commit = commit  # type: ignore[method-assign]
    hooks.world.work_webhooks()
    hooks.minutes(5)
    assert hooks.states() == {DeliveryState.DELIVERED}


class _Context:
    function_name = aws_request_id = "deliveries"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def test_the_function_makes_the_attempts_that_its_event_names(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        hooks.world.now += timedelta(seconds=seconds)

    monkeypatch.setattr("time.sleep", sleep)
    answers = iter([500])
    hooks.world.receivers.answers[URL] = lambda post: Answer(next(answers, 200))
    hooks.world.buy()
    deliver.sweep(hooks.world.ports, now=hooks.world.now + timedelta(minutes=3))
    (leases,) = hooks.world.webhook_workers.started
    from billing.aws.sqs_queue import body_of

    wiring.install(hooks.world.ports)
    try:
        told = app.deliver(json.loads(body_of(leases)), _Context())
    finally:
        wiring.install(None)
    assert told == {"failed": 1, "delivered": 1}
    (seconds,) = waited
    assert 5 <= seconds <= 6
    assert len(hooks.posts()) == 2


def test_no_secret_and_no_body_is_in_a_log(
    hooks: Hooks, capsys: pytest.CaptureFixture[str]
) -> None:
    hooks.answers(500)
    hooks.buy()
    hooks.wait(days=6)
    shown = capsys.readouterr()
    logged = shown.out + shown.err
    assert hooks.secret not in logged
    assert hooks.secret.removeprefix("whsec_") not in logged
    assert "webhook-signature" not in logged
    stored = repr([*hooks.deliveries(), hooks.current])
    assert "whsec_" not in stored
