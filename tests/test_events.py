"""Each of events/*.json goes through its handler and is answered, as with `sam local invoke -e`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from billing.accounts.flows import account
from billing.accounts.flows.account import SignUp
from billing.cancel.flows import cancel
from billing.gateways.sandbox.gateway import SandboxGateway
from billing.gateways.sandbox.ledger import MemoryLedger
from billing.gateways.stripe import events as stripe_events
from billing.jobs.jobs import JobState
from billing.kernel.due import DueKind
from billing.kernel.flows import subscriptions
from billing.kernel.gateways import GatewayEvent
from billing.kernel.list_rows import PlanRow, RowOf
from billing.kernel.merchants import ApiKey, GatewayAccount
from billing.kernel.subscription import Source, When
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from billing.runtime import wiring
from billing.storage.dynamo.writes import item_of
from billing.storage.entity_keys import key_of
from dev import PLATFORM, demo
from functions.account import app as account_app
from functions.cancel import app as cancel_app
from functions.checkout import app as checkout_app
from functions.console import app as console_app
from functions.figures import app as figures_app
from functions.gateways import app as gateways_app
from functions.helpdesk import app as helpdesk_app
from functions.jobs import app as jobs_app
from functions.merchant import app as merchant_app
from functions.notify import app as notify_app
from functions.operator import app as operator_app
from functions.portal import app as portal_app
from functions.rebill import app as rebill_app
from functions.watch import app as watch_app
from functions.webhook import app as webhook_app
from tests import paypal as on_loopback
from tests.world import World

EVENTS = Path(__file__).parent.parent / "events"
CONTEXT = SimpleNamespace(
    function_name="test",
    function_version="1",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:test",
    aws_request_id="1",
    get_remaining_time_in_millis=lambda: 60_000,
)
HTTP = {
    "checkout": checkout_app.handler,
    "sandbox": checkout_app.handler,
    "directory": checkout_app.handler,
    "health": checkout_app.handler,
    "console": console_app.handler,
    "gateways": gateways_app.handler,
    "merchant": merchant_app.handler,
    "portal": portal_app.handler,
    "account": account_app.handler,
    "helpdesk": helpdesk_app.handler,
    "stripe": webhook_app.handler,
    "paypal": webhook_app.handler,
}
EXPECTED = {
    "checkout_page": 200,
    "checkout_submit": 201,
    "checkout_return": 404,
    "sandbox_page": 404,
    "sandbox_answer": 404,
    "directory": 200,
    "directory_json": 200,
    "health": 200,
    "merchant_preview": 200,
    "merchant_orders": 200,
    "merchant_ticket": 422,
    "console_page": 401,
    "gateways_page": 401,
    "console_customer": 401,
    "account_page": 200,
    "helpdesk_page": 200,
    "helpdesk_request": 202,
    "helpdesk_thread": 404,
    "console_tickets": 401,
    "portal_page": 200,
    "portal_login": 401,
    "portal_link": 202,
    "portal_cards": 401,
    "portal_cancel": 401,
    "portal_invoice": 404,
    "stripe_webhook": 400,  # the demo merchant has no account at either
    "paypal_webhook": 400,
}


@pytest.fixture
def world() -> Iterator[World]:
    """The demo merchant's shop, on the day of the events."""
    world = World(datetime(2026, 1, 31, 15, 0, tzinfo=UTC), limits=False, platform=PLATFORM)
    world.store.commit(*demo.merchant(world.now), *demo.catalog(world.now))
    world.store.commit(*demo.platform(world.now))
    key = ApiKey("key_1", demo.hash_of("sk_00000000000000000000000000000001"), "demo", world.now)
    world.store.commit(Insert(key))
    for app in (account_app, checkout_app, merchant_app, portal_app, helpdesk_app, webhook_app):
        app.app.cache_clear()
    wiring.install(world.ports)
    yield world
    wiring.install(None)


def event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text())


def test_every_event_is_tried_here() -> None:
    names = {path.stem for path in EVENTS.glob("*.json")}
    assert names == set(EXPECTED) | {
        "account_sweep",
        "cancel_sweep",
        "figures_stream",
        "jobs_run",
        "helpdesk_sweep",
        "rebill_sweep",
        "rebill_charge",
        "mail_bounced",
        "mail_complaint",
        "notify_stream",
        "notify_sweep",
        "operator_merchant",
        "watch_sweep",
    }


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_an_http_event_is_answered(world: World, name: str) -> None:
    answer = HTTP[name.partition("_")[0]](event(name), CONTEXT)
    assert answer["statusCode"] == EXPECTED[name], answer["body"]


@pytest.mark.spec("W-1")
def test_stripes_event_is_taken_by_the_account_whose_secret_signed_it(world: World) -> None:
    class Signed(SandboxGateway):
        """Stripe as far as its webhooks go."""

        secrets = ("whsec_of_another_account",)

        def parse_event(
            self, body: bytes, headers: Mapping[str, str], *, now: datetime
        ) -> GatewayEvent:
            return stripe_events.parse(
                body, headers, secrets=self.secrets, account="acct_1", now=now
            )

    accounts = {name: Signed(MemoryLedger(), world.ports.clock) for name in ("acct_1", "acct_2")}
    merchant = world.store.merchant("demo")
    assert merchant is not None
    held = tuple(GatewayAccount("stripe", name) for name in accounts)
    world.store.commit(Change(merchant, replace(merchant, gateway_accounts=held)))
    wiring.install(replace(world.ports, gateway=lambda account: accounts[account.account]))
    webhook_app.app.cache_clear()
    assert webhook_app.handler(event("stripe_webhook"), CONTEXT)["statusCode"] == 400
    accounts["acct_2"].secrets = ("whsec_before_rotation", "whsec_of_the_fixture")
    assert webhook_app.handler(event("stripe_webhook"), CONTEXT)["statusCode"] == 200


@pytest.mark.spec("W-1", "W-2")
def test_paypals_event_is_taken_by_the_account_that_paypal_vouches_for(world: World) -> None:
    with on_loopback.loopback(world.ports.clock) as paypal:
        adapter = on_loopback.gateway(paypal, world.ports.clock)
        merchant = world.store.merchant("demo")
        assert merchant is not None
        held = (GatewayAccount("paypal", "merchant-1_test"),)
        world.store.commit(Change(merchant, replace(merchant, gateway_accounts=held)))
        wiring.install(replace(world.ports, gateway=lambda account: adapter))
        webhook_app.app.cache_clear()
        assert webhook_app.handler(event("paypal_webhook"), CONTEXT)["statusCode"] == 200
        tampered = event("paypal_webhook")
        tampered["body"] = tampered["body"].replace("29.99", "99.99")
        assert webhook_app.handler(tampered, CONTEXT)["statusCode"] == 400
        paypal.webhook_id = "5WHOFANOTHER"
        adapter = on_loopback.gateway(paypal, world.ports.clock)
        assert webhook_app.handler(event("paypal_webhook"), CONTEXT)["statusCode"] == 400


@pytest.mark.spec("R-1")
def test_the_sweeps_event_takes_what_is_due_at_its_own_time_and_nothing_twice(
    world: World,
) -> None:
    checkout_app.handler(event("checkout_submit"), CONTEXT)
    dry = rebill_app.sweep({**event("rebill_sweep"), "dry_run": True}, CONTEXT)
    assert (dry["due"], dry.get("enqueued", 0)) == (1, 0)
    assert rebill_app.sweep(event("rebill_sweep"), CONTEXT)["enqueued"] == 1
    assert rebill_app.sweep(event("rebill_sweep"), CONTEXT).get("enqueued", 0) == 0


@pytest.mark.spec("X-2")
def test_the_cancel_sweeps_event_ends_what_is_to_end_at_its_own_time(world: World) -> None:
    body = json.loads(checkout_app.handler(event("checkout_submit"), CONTEXT)["body"])
    cancel.request(
        world.ports,
        subscriptions.fresh(world.ports, "demo", body["subscription"]),
        when=When.PERIOD_END,
        source=Source.MERCHANT,
        now=world.now,
    )
    assert cancel_app.sweep(event("cancel_sweep"), CONTEXT) == {"due": 1, "ended": 1}
    assert cancel_app.sweep(event("cancel_sweep"), CONTEXT) == {}


@pytest.mark.spec("W-1", "W-4")
def test_the_jobs_event_finds_what_no_webhook_reported_once(world: World) -> None:
    checkout_app.handler(event("checkout_submit"), CONTEXT)
    merchant = world.store.merchant("demo")
    assert merchant is not None
    held = (GatewayAccount("sandbox", "sandbox"), GatewayAccount("stripe", "acct_gone"))
    world.store.commit(Change(merchant, replace(merchant, gateway_accounts=held)))
    (payment,) = world.sandbox.events_since(world.now)
    world.sandbox.open_dispute(str(payment.reference))
    world.now = datetime(2026, 2, 28, 15, 0, tzinfo=UTC)
    began = account_app.sweep(event("account_sweep"), CONTEXT)
    begun = {"lost_events": 1, "forecasts": 1, "figures": 1, "samples": 1}
    assert began == {**begun, "enqueued": 1, "due": 1}
    assert jobs_app.run(event("jobs_run"), CONTEXT) == {"batchItemFailures": [], "done": 1}
    customer = world.store.customer_by_email("demo", "ann@example.com")
    assert customer is not None
    assert len(world.store.history("demo", customer).chargebacks) == 1
    assert jobs_app.run(event("jobs_run"), CONTEXT) == {"batchItemFailures": [], "stale": 1}
    assert account_app.sweep(event("account_sweep"), CONTEXT) == {}, "once an hour"


@pytest.mark.spec("H-4")
def test_the_helpdesk_sweeps_event_decides_what_nobody_did_by_its_own_time(world: World) -> None:
    checkout_app.handler(event("checkout_submit"), CONTEXT)
    asked = event("merchant_ticket")
    order = world.store.orders(
        "demo", since=world.now, until=world.now + timedelta(days=1), limit=1
    ).data[0]
    asked["body"] = json.dumps({**json.loads(asked["body"]), "order": order.id})
    opened = json.loads(merchant_app.handler(asked, CONTEXT)["body"])
    assert opened["decide_by"] == "2026-02-07T15:00:00Z"
    assert helpdesk_app.sweep(event("helpdesk_sweep"), CONTEXT) == {"due": 1, "cancelled": 1}
    assert helpdesk_app.sweep(event("helpdesk_sweep"), CONTEXT) == {}


def test_a_day_in_which_nobody_buys_sends_no_metric(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """A metric is paid for each hour in which it is sent."""
    sweeps = {
        "account_sweep": account_app.sweep,
        "cancel_sweep": cancel_app.sweep,
        "helpdesk_sweep": helpdesk_app.sweep,
        "rebill_sweep": rebill_app.sweep,
        "notify_sweep": notify_app.sweep,
        "watch_sweep": watch_app.sweep,
    }
    jobs = 0
    for _ in range(24):
        world.now += timedelta(hours=1)
        for name, sweep in sweeps.items():
            sweep({**event(name), "time": world.now.isoformat()}, CONTEXT)
        while world.jobs.bodies:
            record = {"messageId": "1", "body": world.jobs.bodies.pop(0)}
            assert not jobs_app.run({"Records": [record]}, CONTEXT)["batchItemFailures"]
            jobs += 1
    assert jobs >= 24, "lost events are looked for each hour"
    assert "CloudWatchMetrics" not in capsys.readouterr().out


def test_the_charges_event_names_nothing_that_is_due_here(world: World) -> None:
    answer = rebill_app.charge(event("rebill_charge"), CONTEXT)
    assert answer["batchItemFailures"] == []
    assert answer["stale"] == 2


def test_the_charges_event_charges_what_it_leases(world: World) -> None:
    checkout_app.handler(event("checkout_submit"), CONTEXT)
    world.now = datetime(2026, 2, 28, 15, 0, tzinfo=UTC)
    rebill_app.sweep(event("rebill_sweep"), CONTEXT)
    message = event("rebill_charge")
    message["Records"][0]["body"] = world.queue.bodies[0]
    assert rebill_app.charge(message, CONTEXT)["paid"] == 1
    assert [c["status"] for c in world.charges()] == ["succeeded", "succeeded"]


def test_one_broken_message_does_not_hold_up_the_others(world: World) -> None:
    checkout_app.handler(event("checkout_submit"), CONTEXT)
    world.now = datetime(2026, 2, 28, 15, 0, tzinfo=UTC)
    rebill_app.sweep(event("rebill_sweep"), CONTEXT)
    (record,) = event("rebill_charge")["Records"]
    broken = {**record, "messageId": "broken", "body": "{"}
    good = {**record, "messageId": "good", "body": world.queue.bodies[0]}
    answer = rebill_app.charge({"Records": [broken, good]}, CONTEXT)
    assert answer["batchItemFailures"] == [{"itemIdentifier": "broken"}]
    assert answer["paid"] == 1


@pytest.mark.spec("C-3", "R-8")
def test_the_streams_record_delivers_the_event_that_it_names_once(world: World) -> None:
    bought = checkout_app.handler(event("checkout_submit"), CONTEXT)
    assert bought["statusCode"] == 201
    (fact,) = [
        fact
        for shard in range(world.ports.operation.shards)
        for fact in world.store.undelivered(shard, world.now, 9)
    ]
    stream = event("notify_stream")
    key = key_of(fact)
    stream["Records"][0]["dynamodb"]["Keys"] = {"pk": {"S": key.pk}, "sk": {"S": key.sk}}
    assert notify_app.deliver(stream, CONTEXT)["told"] == 1
    assert notify_app.deliver(stream, CONTEXT)["told_before"] == 1
    assert len(world.mailer.sent) == 1


@pytest.mark.spec("M-10")
def test_the_streams_records_are_added_to_the_figures_once(world: World) -> None:
    for _ in range(2):
        answer = figures_app.observe(event("figures_stream"), CONTEXT)
        assert answer == {"state": {}, "batchItemFailures": []}
    rows = world.store.figure_spans("demo", "2026-01-31", "2026-01-31", test=True)
    assert [(row.revenue, row.mrr, row.customers) for row in rows] == [(2_999, 2_999, 1)]


@pytest.mark.spec("M-10")
def test_a_record_of_another_type_or_of_a_newer_version_is_passed_over(world: World) -> None:
    stream = event("figures_stream")
    for name in ("PlanRow", "NotKnownYet"):
        row = json.loads(json.dumps(stream["Records"][0]))
        plan = PlanRow("demo", "cus_1", "sub_1", RowOf.PRODUCT, "prod_1", world.now)
        row["dynamodb"]["NewImage"] = {**item_of(plan, "op"), "type": {"S": name}}
        stream["Records"].insert(0, row)
    figures_app.observe(stream, CONTEXT)
    assert len(world.store.figure_spans("demo", "2026-01-31", "2026-01-31", test=True)) == 1


@pytest.mark.spec("M-10")
def test_the_end_of_a_streams_window_has_nothing_to_add(world: World) -> None:
    end = {**event("figures_stream"), "Records": [], "isFinalInvokeForWindow": True}
    assert figures_app.observe(end, CONTEXT) == {"state": {}, "batchItemFailures": []}


@pytest.mark.spec("R-8")
def test_the_outbox_sweep_delivers_what_the_stream_left(world: World) -> None:
    checkout_app.handler(event("checkout_submit"), CONTEXT)
    assert notify_app.sweep(event("notify_sweep"), CONTEXT)["told"] == 1
    assert notify_app.sweep(event("notify_sweep"), CONTEXT) == {}


@pytest.mark.spec("R-8")
def test_ses_event_of_a_bounce_stops_mail_and_a_complaint_adds_nothing(world: World) -> None:
    assert notify_app.returned(event("mail_bounced"), CONTEXT) == {"stopped": 1}
    assert notify_app.returned(event("mail_complaint"), CONTEXT) == {"stopped": 0, "known": 1}
    stop = world.store.mail_stop("demo", "recipient@example.com")
    assert stop is not None and stop.reason == "bounced"


@pytest.mark.spec("R-9")
def test_the_watchs_event_counts_what_nobody_took(world: World) -> None:
    checkout_app.handler(event("checkout_submit"), CONTEXT)
    assert watch_app.sweep(event("watch_sweep"), CONTEXT) == {
        "unanswered": 2,  # a charge, and a reminder
        "held": 0,
        "under_way": 0,
        "jobs_stuck": 0,
        "age_seconds": 28 * 24 * 3600 + 3600 + 900,
    }


@pytest.mark.spec("R-8", "X-12")
def test_the_watch_counts_a_reminder_that_no_sweep_took_and_measures_late_mail(
    world: World,
) -> None:
    checkout_app.handler(event("checkout_submit"), CONTEXT)
    (notices,) = [
        due
        for shard in range(world.ports.operation.shards)
        for due in world.store.due(DueKind.NOTICE, shard, datetime.max.replace(tzinfo=UTC), 10)
    ]
    at = (notices.due_at + timedelta(minutes=61)).isoformat()
    seen = watch_app.sweep({**event("watch_sweep"), "time": at}, CONTEXT)
    assert (seen["unanswered"], seen["held"]) == (1, 0)
    waited = notices.due_at + timedelta(minutes=61) - world.now
    assert seen["age_seconds"] == waited.total_seconds()


@pytest.mark.spec("R-10")
def test_the_jobs_event_looks_which_sellers_have_many_subscriptions(world: World) -> None:
    checkout_app.handler(event("checkout_submit"), CONTEXT)
    world.now = datetime(2026, 2, 28, 15, 0, tzinfo=UTC)
    account_app.sweep(event("account_sweep"), CONTEXT)
    told = event("jobs_run")
    while world.jobs.bodies:
        told["Records"][0]["body"] = world.jobs.bodies.pop(0)
        jobs_app.run(told, CONTEXT)
    job = world.store.job("", "forecasts")
    assert job is not None
    assert (job.state, job.done) == (JobState.DONE, len(world.store.merchants()))


@pytest.mark.spec("A-3")
def test_the_accounts_event_brings_an_account_in_line(world: World) -> None:
    form = SignUp("annsart", "ann@example.com", "Ann's Art")
    account.sign_up(world.ports, form, ip="192.0.2.1", now=world.now)
    swept = account_app.sweep(event("account_sweep"), CONTEXT)
    begun = {"lost_events": 1, "forecasts": 1, "figures": 1, "samples": 1}
    assert swept == {**begun, "due": 2, "removed": 1, "enqueued": 1}


def test_the_operators_event_sets_up_a_merchant_once(world: World) -> None:
    world.ports.new_id("key")  # the one that the demo has
    made = operator_app.handler(event("operator_merchant"), CONTEXT)
    assert made["merchant"] == "harbor-lane-studio"
    assert made["api_key"].startswith("sk_")
    again = operator_app.handler(event("operator_merchant"), CONTEXT)
    assert again["error"] == "merchant_exists"
