"""Events are sent to the endpoints that want them, signed, again and again until they arrive."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from billing.event_log.flows import read
from billing.kernel.errors import Unavailable
from billing.kernel.receivers import Answer
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.webhooks import deliveries
from billing.webhooks.deliveries import DELAYS, DeliveryState
from billing.webhooks.endpoints import Disabled
from billing.webhooks.flows import attempt, endpoints, fan_out, sweep
from tests.webhooks.hooks import OTHER, URL, Hooks
from tests.world import Post

pytestmark = pytest.mark.spec("M-5")

TOTAL = sum(DELAYS, timedelta())


def _verify(secret: str, post: Post, at: Any) -> Any:
    """Verifies a post by the reference library, as if it arrived at an instant."""
    webhook = Webhook(secret)
    stamp = post.headers["webhook-timestamp"]
    assert int(stamp) == int(at.timestamp())
    signed = webhook.sign(post.headers["webhook-id"], at, post.body.decode())
    assert signed in post.headers["webhook-signature"].split()
    return json.loads(post.body)


def test_an_event_is_sent_at_once_and_verified_by_the_reference_library(hooks: Hooks) -> None:
    hooks.buy()
    (post,) = hooks.posts()
    body = _verify(hooks.secret, post, hooks.world.now)
    assert body["type"] == "purchase.completed"
    assert body["id"] == post.event
    assert body["api_version"] == "1"
    assert body["data"]["object"]["object"] == "invoice"
    (sent,) = hooks.deliveries()
    assert (sent.state, sent.status, sent.attempts) == (DeliveryState.DELIVERED, 200, 1)
    assert sent.due_at is None


def test_an_attempt_is_stamped_with_the_real_time_when_the_clock_of_make_run_was_moved_on(
    hooks: Hooks,
) -> None:
    real = hooks.world.now - timedelta(days=60)
    hooks.world.ports = replace(hooks.world.ports, wall_clock=lambda: real)
    hooks.buy()
    (post,) = hooks.posts()
    _verify(hooks.secret, post, real)


def test_the_secret_is_shown_as_the_standard_wants_it_and_kept_nowhere(hooks: Hooks) -> None:
    assert hooks.secret.startswith("whsec_")
    assert hooks.secret not in repr(hooks.current)
    again = endpoints.create(
        hooks.world.ports, hooks.merchant, url=URL, events=["*"], now=hooks.world.now
    )
    assert again[1] != hooks.secret


def test_the_sent_events_are_those_of_the_log_with_their_ids_and_sequences() -> None:
    hooks = Hooks(events=("*",))
    hooks.buy()
    hooks.wait(days=40)
    page = read.page(hooks.world.ports, hooks.merchant, after=None, limit=200, now=hooks.world.now)
    listed = {each.id: each.sequence for each in page.data}
    sent = {post.event: json.loads(post.body)["sequence"] for post in hooks.posts()}
    assert sent == listed
    assert len(sent) > 2


def test_an_endpoint_gets_the_types_that_it_wants_alone(hooks: Hooks) -> None:
    hooks.add(OTHER, ["subscription.renewed"])
    hooks.buy()
    hooks.wait(days=32)
    assert set(hooks.types(OTHER)) == {"subscription.renewed"}
    assert {"purchase.completed", "subscription.renewed"} <= set(hooks.types())


def test_a_failed_event_is_sent_again_by_the_schedule_with_the_same_id_and_then_given_up(
    hooks: Hooks,
) -> None:
    hooks.answers(500)
    at = []
    hooks.world.receivers.answers[URL] = lambda post: at.append(hooks.world.now) or Answer(500)  # type: ignore[func-returns-value]
    hooks.buy()
    hooks.wait(days=4)
    posts = hooks.posts()
    assert len(posts) == 10
    assert {post.event for post in posts} == {posts[0].event}
    assert {post.body for post in posts} == {posts[0].body}
    assert len({post.headers["webhook-timestamp"] for post in posts}) == 10
    for n, delay in enumerate(DELAYS):
        waited = at[n + 1] - at[n]
        assert delay <= waited <= delay * 1.1 + timedelta(minutes=2)
    (given_up,) = hooks.deliveries()
    assert given_up.state is DeliveryState.EXHAUSTED
    assert hooks.current.undelivered_from == given_up.event
    hooks.wait(days=2)
    assert len(hooks.posts()) == 10


@pytest.mark.parametrize(
    "status", [100, 199, 300, 301, 302, 307, 308, 400, 401, 404, 429, 500, 599]
)
def test_only_an_answer_of_2xx_is_a_success(hooks: Hooks, status: int) -> None:
    hooks.answers(status)
    hooks.buy()
    assert hooks.states() == {DeliveryState.PENDING}
    (failed,) = hooks.deliveries()
    assert (failed.status, failed.slot) == (status, 1)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_answer_of_2xx_is_a_success(hooks: Hooks, status: int) -> None:
    hooks.answers(status)
    hooks.buy()
    assert hooks.states() == {DeliveryState.DELIVERED}


def test_no_answer_is_a_failure_with_its_reason(hooks: Hooks) -> None:
    hooks.answers(None, error="timeout")
    hooks.buy()
    (failed,) = hooks.deliveries()
    assert (failed.status, failed.error, failed.state) == (None, "timeout", DeliveryState.PENDING)


def test_an_endpoint_that_says_it_is_gone_is_disabled_and_its_owner_mailed(hooks: Hooks) -> None:
    hooks.answers(410)
    hooks.buy()
    assert hooks.current.disabled is Disabled.GONE
    hooks.buy(email="bob@example.com")
    assert len(hooks.posts()) == 1
    hooks.minutes(1)
    mails = [subject for subject in hooks.world.subjects() if "endpoint" in subject]
    assert mails == ["Webhook endpoint disabled: hooks.example.com/perennial"]
    hooks.minutes(10)
    assert len([s for s in hooks.world.subjects() if "endpoint" in s]) == 1


def test_retry_after_is_honoured_and_bounded(hooks: Hooks) -> None:
    hooks.answers(503, retry_after=timedelta(hours=1))
    hooks.buy()
    (failed,) = hooks.deliveries()
    assert failed.due_at == hooks.world.now + timedelta(hours=1)
    hooks.answers(503, retry_after=timedelta(days=300))
    hooks.wait(hours=1, minutes=2)
    (failed,) = hooks.deliveries()
    assert failed.due_at is not None
    assert failed.due_at <= hooks.world.now + timedelta(hours=24)


def test_what_was_given_up_is_sent_after_the_next_success(hooks: Hooks) -> None:
    hooks.answers(500)
    hooks.buy()
    hooks.wait(days=4)
    assert hooks.states() == {DeliveryState.EXHAUSTED}
    hooks.answers(200)
    hooks.buy(email="bob@example.com")
    hooks.minutes(8)
    assert hooks.states() == {DeliveryState.DELIVERED}
    assert hooks.current.does_well


def test_an_endpoint_that_fails_is_left_alone_and_gets_all_of_it_once_it_answers(
    hooks: Hooks,
) -> None:
    hooks.answers(500)
    for n in range(20):
        hooks.buy(email=f"p{n}@example.com")
    assert len(hooks.posts()) == 5
    assert hooks.current.failures == 5
    waiting = [d for d in hooks.deliveries() if d.state is DeliveryState.WAITING]
    assert len(waiting) == 15
    hooks.answers(200)
    hooks.wait(minutes=20)
    assert hooks.states() == {DeliveryState.DELIVERED}
    assert {post.event for post in hooks.posts()} == {d.event for d in hooks.deliveries()}


def test_an_endpoint_that_was_down_for_three_days_gets_everything(hooks: Hooks) -> None:
    hooks.answers(500)
    hooks.buy()
    for day in range(6):
        hooks.buy(email=f"d{day}@example.com")
        hooks.wait(hours=12)
    hooks.answers(204)
    hooks.wait(hours=25)
    assert hooks.states() == {DeliveryState.DELIVERED}


def test_attempts_go_on_after_the_last_event_that_was_tried_is_given_up(hooks: Hooks) -> None:
    hooks.answers(500)
    for n in range(8):
        hooks.buy(email=f"p{n}@example.com")
    hooks.wait(days=3, hours=12)
    hooks.buy(email="late@example.com")
    before = len(hooks.posts())
    hooks.wait(days=1)
    assert len(hooks.posts()) > before
    hooks.answers(200)
    hooks.wait(days=2)
    assert hooks.states() == {DeliveryState.DELIVERED}


def test_an_endpoint_is_disabled_after_five_days_of_failure_and_its_owner_mailed_before(
    hooks: Hooks,
) -> None:
    hooks.answers(500)
    hooks.buy()
    for day in range(12):
        hooks.buy(email=f"d{day}@example.com")
        hooks.wait(hours=12)
        if day < 9:
            assert hooks.current.is_enabled
    assert hooks.current.disabled is Disabled.FAILING
    mails = [subject for subject in hooks.world.subjects() if "endpoint" in subject]
    assert mails == [
        "Your webhook endpoint is failing: hooks.example.com/perennial",
        "Webhook endpoint disabled: hooks.example.com/perennial",
    ]
    count = len(hooks.posts())
    hooks.buy(email="later@example.com")
    hooks.wait(days=2)
    assert len(hooks.posts()) == count


def test_one_success_in_five_days_keeps_an_endpoint(hooks: Hooks) -> None:
    hooks.answers(500)
    hooks.buy()
    for day in range(14):
        if day == 6:
            hooks.answers(200)
        if day == 8:
            hooks.answers(500)
        hooks.buy(email=f"d{day}@example.com")
        hooks.wait(hours=12)
    assert hooks.current.is_enabled


def test_an_endpoint_that_is_enabled_again_gets_what_it_missed(hooks: Hooks) -> None:
    hooks.answers(410)
    hooks.buy()
    hooks.answers(200)
    endpoints.change(
        hooks.world.ports, "acme", hooks.endpoint.id, enabled=True, now=hooks.world.now
    )
    hooks.minutes(5)
    assert hooks.states() == {DeliveryState.DELIVERED}


def test_a_slow_or_failing_endpoint_holds_up_no_other(hooks: Hooks) -> None:
    other, _ = hooks.add(OTHER)
    hooks.answers(None, error="timeout")
    hooks.buy()
    hooks.wait(days=40)
    sent = hooks.deliveries(other)
    assert sent
    assert all((d.state, d.attempts) == (DeliveryState.DELIVERED, 1) for d in sent)


def test_a_worker_that_is_not_started_is_made_good_by_the_sweep(hooks: Hooks) -> None:
    def refuse(leases: Any) -> None:
        raise Unavailable("no")

    started = hooks.world.webhook_workers.start
    hooks.world.webhook_workers.start = refuse  # type: ignore[method-assign]
    hooks.world.buy()
    hooks.world.work()
    assert not hooks.posts()
    hooks.world.webhook_workers.start = started  # type: ignore[method-assign]
    hooks.minutes(3)
    assert len(hooks.posts()) == 1
    assert hooks.states() == {DeliveryState.DELIVERED}


def test_the_five_second_attempt_is_named_to_the_worker(hooks: Hooks) -> None:
    hooks.answers(500)
    hooks.world.buy()
    fan = hooks.world.webhook_workers
    from billing.outbox.flows import deliver

    deliver.sweep(hooks.world.ports, now=hooks.world.now + timedelta(minutes=3))
    (leases,) = fan.started
    taken = attempt.take(hooks.world.ports, leases, keep_going=lambda: True)
    (soon,) = taken.soon
    assert timedelta(seconds=5) <= soon.due_at - hooks.world.now <= timedelta(seconds=6)


def test_a_lease_that_another_worker_has_is_left_alone(hooks: Hooks) -> None:
    hooks.answers(500)
    hooks.buy()
    (found,) = hooks.deliveries()
    stale = replace(fan_out.lease_of(found), due_at=hooks.world.now)
    taken = attempt.take(hooks.world.ports, [stale], keep_going=lambda: True)
    assert taken.tally == {"stale": 1}


def test_without_time_the_rest_of_a_batch_is_left(hooks: Hooks) -> None:
    hooks.answers(500)
    for n in range(3):
        hooks.buy(email=f"p{n}@example.com")
    hooks.world.now += timedelta(minutes=1)
    sweep.sweep(hooks.world.ports, now=hooks.world.now)
    (leases,) = hooks.world.webhook_workers.started
    taken = attempt.take(hooks.world.ports, leases, keep_going=lambda: False)
    assert taken.tally == {"failed": 1, "left": 2}


def test_a_copy_of_the_deployment_sends_nothing(hooks: Hooks) -> None:
    hooks.answers(500)
    hooks.buy()
    count = len(hooks.posts())
    hooks.world.change_merchant(armed=False)
    hooks.wait(hours=3)
    assert len(hooks.posts()) == count


def test_an_endpoint_gets_no_more_than_its_pace_in_a_minute(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt, "PACE", 3)
    for n in range(6):
        hooks.buy(email=f"p{n}@example.com")
    assert len(hooks.posts()) == 3
    hooks.minutes(4)
    assert hooks.states() == {DeliveryState.DELIVERED}


def test_an_object_that_is_too_large_is_sent_as_its_id_alone(hooks: Hooks) -> None:
    hooks.world.buy()
    from billing.webhooks import payload
    from tests.event_log.logs import logged

    hooks.world.work()
    (event,) = logged(hooks.world)
    huge = replace(event, object=json.dumps({"object": "invoice", "id": "x", "a": "b" * 30_000}))
    body = payload.of_event(huge)
    assert len(body) < payload.LARGEST
    assert json.loads(body)["data"]["object"] == {
        "object": "invoice",
        "id": "x",
        "shortened": True,
    }


def test_a_deleted_endpoint_gets_nothing_more(hooks: Hooks) -> None:
    hooks.answers(500)
    hooks.buy()
    endpoints.delete(hooks.world.ports, "acme", hooks.endpoint.id)
    count = len(hooks.posts())
    hooks.wait(days=4)
    assert len(hooks.posts()) == count
    assert hooks.states() == {DeliveryState.EXHAUSTED}


def test_two_signatures_are_sent_for_a_day_after_a_rotation(hooks: Hooks) -> None:
    _, new = endpoints.rotate(hooks.world.ports, "acme", hooks.endpoint.id, now=hooks.world.now)
    assert new != hooks.secret
    hooks.buy()
    (post,) = hooks.posts()
    assert len(post.headers["webhook-signature"].split()) == 2
    _verify(hooks.secret, post, hooks.world.now)
    _verify(new, post, hooks.world.now)
    hooks.wait(hours=25)
    hooks.buy(email="bob@example.com")
    (_, later) = hooks.posts()
    _verify(new, later, hooks.world.now)
    assert len(later.headers["webhook-signature"].split()) == 1


Kill = Callable[[Hooks], None]


def test_a_merchant_without_endpoints_has_no_delivery_and_no_read_of_endpoints() -> None:
    from tests.event_log.logs import begin
    from tests.world import World

    world = World()
    begin(world)
    asked = []
    real = world.store.webhook_endpoints
    world.store.webhook_endpoints = lambda merchant: asked.append(merchant) or real(merchant)  # type: ignore[method-assign, func-returns-value]
    world.buy()
    world.advance(days=40)
    assert asked == []
    assert world.webhook_workers.started == []


def test_a_delivery_is_sent_again_no_more_than_thirty_times_by_itself(hooks: Hooks) -> None:
    (made, *_) = [deliveries.new(hooks.endpoint, "evt_1", "x", hooks.world.now)]
    refused = replace(made, state=DeliveryState.EXHAUSTED, attempts=30)
    assert not refused.is_undelivered
    assert replace(refused, attempts=29).is_undelivered
    assert Change(made, refused).changed
