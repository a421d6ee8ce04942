"""An operator's life: charges stopped, missed, failing; a merchant set up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from billing.api.flows import keys
from billing.aws.sqs_queue import leases_of
from billing.checkout.flows import expire
from billing.gateway_events.flows import buyer_return
from billing.kernel.catalog import Initial
from billing.kernel.due import DueKind
from billing.kernel.errors import Conflict, NotFound, Refused, Unreachable
from billing.kernel.invoices import InvoiceState
from billing.kernel.operation import ProcessingFailure
from billing.kernel.periods import Span, Unit
from billing.kernel.subscription import State
from billing.kernel.writes import Change
from billing.operations.web import operator
from billing.outbox.flows import deliver
from billing.rebill.flows import attention, missed, worker
from billing.rebill.flows.missed import Why
from perennial import cli
from tests.world import MONTHLY, World, meanwhile


@pytest.fixture
def world() -> World:
    return World()


def operate(world: World, do: str, **fields: Any) -> dict[str, Any]:
    return meanwhile(lambda: operator.answer(world.ports, {"do": do, **fields}))


def live(world: World, merchant: str) -> list[str]:
    """The keys of a merchant that open something."""
    return [key.id for key in world.store.api_keys(merchant) if key.revoked_at is None]


@pytest.mark.spec("M-3", "M-8")
def test_an_operator_lets_the_owner_in_again_and_the_thief_out(world: World) -> None:
    made = operate(world, "merchant", name="Harbor Lane", email="hello@example.com")
    merchant, owners = made["merchant"], live(world, made["merchant"])[0]
    stolen = keys.holder(world.ports, made["api_key"])
    assert stolen is not None
    thief = stolen[1]
    for _ in range(keys.MOST_KEYS - 1):
        keys.create(world.ports, thief, ("read", "write"), now=world.now)
    with pytest.raises(Refused):
        keys.create(world.ports, thief, ("read", "write"), now=world.now)
    keys.revoke(world.ports, merchant, owners, now=world.now)
    keys.create(world.ports, thief, ("read", "write"), now=world.now)

    listed: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = operate(world, "keys", merchant=merchant, **cursor)
        assert page["live"] == keys.MOST_KEYS
        listed += page["keys"]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert len(listed) == keys.MOST_KEYS + 1
    stored = {key.id: key for key in world.store.api_keys(merchant)}
    assert not any(stored[each["key"]].key_hash in repr(each) for each in listed)
    assert {each["made_by"] for each in listed} == {"operator", owners}

    other = operate(world, "key", merchant=merchant)
    assert keys.holder(world.ports, other["api_key"]) is not None, "beyond the limit too"
    of_thief = next(k for k in live(world, merchant) if stored.get(k))
    assert operate(world, "revoke-key", merchant=merchant, key=of_thief)["revoked_at"]
    assert of_thief not in live(world, merchant)

    alone = operate(world, "replace-keys", merchant=merchant)
    assert (alone["revoked"], alone["left"]) == (keys.MOST_KEYS, 0)
    found = keys.holder(world.ports, alone["api_key"])
    assert found is not None
    assert live(world, merchant) == [found[1].id]
    assert operate(world, "revoke-key", merchant=merchant, key=found[1].id)["revoked_at"]
    assert live(world, merchant) == [], "the operator may revoke the last one"
    assert keys.holder(world.ports, operate(world, "key", merchant=merchant)["api_key"])
    noted = [r.action for r in world.audit.records if r.merchant == merchant]
    assert f"revoke-key {of_thief}" in noted
    assert "replace-keys" in noted and "key" in noted and "keys" not in noted


def test_what_an_operator_is_told_is_a_line_each_and_says_that_there_is_more() -> None:
    told = {"live": 2, "keys": [{"key": "apikey_1", "made_by": "operator"}], "next": "x"}
    assert list(cli.lines(told)) == [
        "  live                  2",
        "  key=apikey_1  made_by=operator",
        "More results: --cursor x",
    ]
    assert list(cli.lines({"left": 0, "next": None})) == ["  left                  0"]


def test_an_operator_is_told_of_a_key_that_is_not_there(world: World) -> None:
    assert operate(world, "revoke-key", merchant="acme", key="key_9")["error"] == "not_found"
    assert operate(world, "keys", merchant="nobody")["error"] == "not_found"
    assert operate(world, "replace-keys", merchant="nobody")["error"] == "not_found"


def paid(world: World) -> int:
    return sum(charge["status"] == "succeeded" for charge in world.charges())


@pytest.mark.spec("R-3")
def test_the_switch_stops_every_charge_without_a_deployment_and_what_was_missed_is_caught_up(
    world: World,
) -> None:
    world.buy()
    assert operate(world, "pause", reason="wrong tax table")["billing_paused"] is True
    tally = world.advance(days=30)
    assert paid(world) == 1
    assert tally["held_billing_paused"] > 0
    assert operate(world, "standing") == {
        "billing_paused": True,
        "paused_at_deploy": False,
        "reason": "wrong tax table",
    }
    assert operate(world, "resume", reason="mended")["billing_paused"] is False
    world.advance(hours=1)
    assert paid(world) == 2


@pytest.mark.spec("R-3")
def test_the_switch_turned_while_a_worker_is_at_work_is_heeded_at_the_point_of_no_return(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.buy()
    world.now += timedelta(days=28)
    prepare = world.sandbox.prepare

    def prepared_meanwhile(*args: Any, **kwargs: Any) -> Any:
        operate(world, "pause", reason="now")
        return prepare(*args, **kwargs)

    monkeypatch.setattr(world.sandbox, "prepare", prepared_meanwhile)
    world.sweep()
    assert world.work()["held_billing_paused"] == 1
    assert paid(world) == 1


@pytest.mark.spec("R-3", "W-5")
def test_nor_does_a_buyer_at_their_bank_charge_what_may_not_be_charged_now(world: World) -> None:
    trial = replace(MONTHLY, initial=Initial(0, Span(14, Unit.DAY)))
    world.buy(world.product(trial), payment_method="pm_card_authenticationRequired")
    world.advance(days=15)
    waiting = world.history().invoices[-1]
    assert waiting.state is InvoiceState.ACTION_REQUIRED

    def code() -> str | None:
        try:
            buyer_return.with_buyer(
                world.ports, waiting, return_url="https://x.example", now=world.now
            )
        except Refused as refused:
            return refused.code
        return None

    operate(world, "pause", reason="wrong tax table")
    assert code() == "billing_paused"
    operate(world, "resume", reason="mended")
    world.change_merchant(armed=False)
    assert code() == "disarmed"
    world.change_merchant(armed=True)
    before = world.subscription()
    world.store.commit(Change(before, replace(before, dispute="open")))
    assert code() == "disputed"
    disputed = world.subscription()
    world.store.commit(Change(disputed, before))
    assert code() is None
    assert paid(world) == 0


@pytest.mark.spec("R-3")
def test_while_it_is_paused_a_first_purchase_is_refused(world: World) -> None:
    product = world.product()
    operate(world, "pause", reason="a drill")
    with pytest.raises(Refused, match="sales_stopped"):
        world.buy(product)
    operate(world, "resume", reason="over")
    world.buy(product)
    assert paid(world) == 1


def test_what_the_deployment_pauses_no_switch_lets_go() -> None:
    world = World(billing_paused=True)
    assert operate(world, "resume", reason="let it go")["billing_paused"] is False
    assert operate(world, "standing")["billing_paused"] is True


@pytest.mark.spec("R-3")
def test_one_merchant_is_stopped_and_let_go(world: World) -> None:
    world.buy()
    assert operate(world, "stop", merchant="acme") == {"merchant": "acme", "stopped": True}
    assert operate(world, "stop", merchant="acme")["stopped"] is True
    assert world.advance(days=30)["held_stopped"] > 0
    assert paid(world) == 1
    operate(world, "start", merchant="acme")
    world.advance(hours=1)
    assert paid(world) == 2


@pytest.mark.spec("R-3", "R-9")
def test_what_a_stop_holds_is_looked_at_once_an_hour_and_listed_all_the_while(
    world: World,
) -> None:
    world.buy()
    operate(world, "stop", merchant="acme")
    due_at = world.subscription().due_at
    assert due_at is not None
    world.advance(to=due_at + timedelta(minutes=1))
    assert world.advance(days=1)["held_stopped"] == 24
    for _ in range(7):
        world.advance(minutes=10)
        assert [found.hold for found in missed.find(world.ports, now=world.now)] == ["stopped"]


def test_a_merchant_is_set_up_once_and_their_key_works(world: World) -> None:
    made = operate(world, "merchant", name="Café Zoë & Söhne", email="zoe@example.com")
    assert made["merchant"] == "cafe-zoe-sohne"
    found = keys.holder(world.ports, made["api_key"])
    assert found is not None
    assert found[0].id == "cafe-zoe-sohne"
    again = operate(world, "merchant", name="Café Zoë & Söhne", email="zoe@example.com")
    assert again["error"] == "merchant_exists"
    other = operate(world, "key", merchant="cafe-zoe-sohne")["api_key"]
    assert keys.holder(world.ports, other) is not None
    assert other != made["api_key"]


def test_a_name_without_latin_letters_gets_an_id_all_the_same(world: World) -> None:
    made = operate(world, "merchant", name="山田商店", email="y@example.com")
    assert made["merchant"].startswith("mer_")


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({}, "do"),
        ({"do": "charge"}, "do"),
        ({"do": ["pause"]}, "do"),
        ({"do": "pause"}, "reason"),
        ({"do": "pause", "reason": "x" * 501}, "reason"),
        ({"do": "merchant", "name": "A", "email": "nobody"}, "email"),
        ({"do": "merchant", "name": "A", "email": "a@b.example", "time_zone": "Mars"}, "time_zone"),
        ({"do": "merchant", "name": "A", "email": "a@b.example", "armed": False}, "armed"),
        ({"do": "stop", "merchant": "a#b"}, "merchant"),
    ],
)
def test_a_wrong_call_says_what_is_wrong_and_changes_nothing(
    world: World, event: dict[str, Any], field: str
) -> None:
    answer = operator.answer(world.ports, event)
    assert (answer["error"], answer["field"]) == ("invalid", field)
    assert world.store.billing_switch() is None


def test_an_unknown_merchant_is_not_found(world: World) -> None:
    assert operate(world, "stop", merchant="nobody")["error"] == "not_found"
    assert operate(world, "key", merchant="nobody")["error"] == "not_found"


def late(world: World) -> list[tuple[Why, str | None]]:
    return [(m.why, m.hold) for m in missed.find(world.ports, now=world.now)]


@pytest.mark.spec("R-9")
def test_the_detector_finds_what_nobody_took_and_never_asks_the_sweep(world: World) -> None:
    world.buy()
    world.now += timedelta(days=28, minutes=59)
    assert late(world) == []
    world.now += timedelta(minutes=2)
    assert late(world) == [(Why.UNANSWERED, None)]
    world.tick()
    assert late(world) == []


@pytest.mark.spec("R-9")
@pytest.mark.parametrize("hold", ["stopped", "disarmed", "billing_paused"])
def test_the_detector_says_what_holds_a_charge_though_each_sweep_leases_it_anew(
    world: World, hold: str
) -> None:
    world.buy()
    if hold == "billing_paused":
        operate(world, "pause", reason="a drill")
    else:
        world.change_merchant(**({"stopped": True} if hold == "stopped" else {"armed": False}))
    world.advance(days=28, hours=2)
    assert late(world) == [(Why.HELD, hold)]
    (matter,) = attention.overdue(world.ports, world.merchant, now=world.now)
    assert matter.reason == hold


@pytest.mark.spec("R-6", "R-9")
def test_the_detector_finds_a_charge_that_no_gateway_answers(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.buy()

    def silent(*args: Any, **kwargs: Any) -> Any:
        raise Unreachable("no answer")

    for call in ("confirm", "lookup"):
        monkeypatch.setattr(world.sandbox, call, silent)
    world.advance(days=28, minutes=30)
    assert late(world) == []
    world.advance(hours=2)
    assert late(world) == [(Why.UNDER_WAY, None)]
    monkeypatch.undo()
    world.advance(hours=1)
    assert late(world) == []
    assert paid(world) == 2


@pytest.mark.spec("R-9")
def test_what_is_asked_for_too_late_or_already_over_is_not_missed(world: World) -> None:
    world.buy()
    world.cancel()
    world.advance(days=60)
    assert world.subscription().state is State.CANCELLED
    assert late(world) == []


class Broken:
    """A gateway adapter with a bug over one payment."""

    def __init__(self, world: World, invoice: str) -> None:
        self.confirm = world.sandbox.confirm
        self.invoice = invoice

    def __call__(self, reference: str, method: str, **kwargs: Any) -> Any:
        if kwargs["key"].startswith(self.invoice):
            raise KeyError("what the gateway calls it")
        return self.confirm(reference, method, **kwargs)


@pytest.mark.spec("R-1", "R-9")
def test_one_subscription_that_our_code_breaks_on_holds_up_no_other_and_is_parked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = world.product()
    for n in range(3):
        world.buy(product, email=f"c{n}@example.com")
    broken = world.subscription("c1@example.com")
    monkeypatch.setattr(world.sandbox, "confirm", Broken(world, broken.id))
    world.now += timedelta(days=28)
    for times in range(1, 6):
        world.sweep()
        waiting = [lease for body in world.queue.bodies for lease in leases_of(body)]
        world.queue.bodies.clear()
        with pytest.raises(KeyError):
            worker.take(world.ports, waiting, now=world.now)
        (trouble,) = world.store.failures("acme")
        assert (trouble.times, trouble.error) == (times, "KeyError")
        assert len(attention.parked(world.ports, world.merchant, now=world.now)) == (times == 5)
        world.now += timedelta(minutes=16)
    assert paid(world) == 3 + 2
    (matter,) = attention.parked(world.ports, world.merchant, now=world.now)
    assert (matter.subscription.id, matter.reason) == (broken.id, "failed")
    monkeypatch.undo()
    world.advance(hours=3)
    assert paid(world) == 3 + 3
    assert attention.parked(world.ports, world.merchant, now=world.now) == []


@pytest.mark.spec("R-1", "R-9")
def test_a_payment_that_its_gateway_does_not_know_holds_up_no_other_and_is_parked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a restored copy, whose sandbox has other books."""
    product, lookup = world.product(), world.sandbox.lookup
    for n in range(3):
        world.buy(product, email=f"c{n}@example.com")
    unknown = world.subscription("c1@example.com").id
    monkeypatch.setattr(world.sandbox, "confirm", lost(world, unknown))

    def forgotten(reference: str, *, attempt_key: str) -> Any:
        if attempt_key.startswith(unknown):
            raise NotFound("payment_unknown")
        return lookup(reference, attempt_key=attempt_key)

    monkeypatch.setattr(world.sandbox, "lookup", forgotten)
    world.now += timedelta(days=28)
    world.tick()
    for n in (3, 4):
        world.buy(product, email=f"c{n}@example.com")
    world.now += timedelta(days=31)
    for _ in range(5):
        world.sweep()
        waiting = [each for body in world.queue.bodies for each in leases_of(body)]
        world.queue.bodies.clear()
        with pytest.raises(NotFound):
            worker.take(world.ports, waiting, now=world.now)
        world.now += timedelta(minutes=16)
    assert paid(world) == 3 + 2 + 2 + 4
    (matter,) = attention.parked(world.ports, world.merchant, now=world.now)
    assert matter.subscription.id == unknown


def lost(world: World, subscription: str) -> Any:
    """Confirmations of one subscription are never heard of."""
    confirm = world.sandbox.confirm

    def confirmed(reference: str, method: str, **kwargs: Any) -> Any:
        if kwargs["key"].startswith(subscription):
            raise Unreachable("lost")
        return confirm(reference, method, **kwargs)

    return confirmed


@pytest.mark.spec("W-6", "R-1")
def test_an_attempt_whose_account_is_gone_holds_up_no_other(
    world: World,
) -> None:
    product = world.product()
    for n in range(2):
        waits = {"payment_method": "pm_card_authenticationRequired", "email": f"c{n}@example.com"}
        world.submit(product.default_price_point, world.submission(**waits))
        world.now += timedelta(seconds=1)
    world.now += timedelta(hours=2)
    found = [
        due
        for shard in range(world.ports.operation.shards)
        for due in world.store.due(DueKind.CHECKOUT, shard, world.now, 9)
    ]
    assert len(found) == 2
    first = world.store.checkout(*found[0].owner)
    assert first is not None
    elsewhere = replace(first.invoice, gateway="stripe", gateway_account="acct_gone")
    world.store.commit(Change(first, replace(first, invoice=elsewhere)))
    tally = expire.expire_abandoned(world.ports, found, now=world.now)
    assert tally == {"account_gone": 1, "checkout_abandoned": 1}


@pytest.mark.spec("R-8", "R-9")
def test_a_fact_that_our_code_breaks_on_keeps_nobody_elses_untold(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = world.product()
    for n in range(4):
        world.buy(product, email=f"c{n}@example.com")
    send = world.mailer.send

    def broken(message: Any, *, now: Any) -> None:
        if message["To"] == "c0@example.com":
            raise KeyError("what this mail lacks")
        send(message, now=now)

    monkeypatch.setattr(world.mailer, "send", broken)
    with pytest.raises(KeyError):
        deliver.sweep(world.ports, now=world.now + timedelta(minutes=3))
    told = sorted(str(message["To"]) for message in world.mailer.sent)
    assert told == ["c1@example.com", "c2@example.com", "c3@example.com"]
    monkeypatch.undo()
    assert deliver.sweep(world.ports, now=world.now + timedelta(minutes=9)) == {"told": 1}


@pytest.mark.spec("R-9")
def test_what_failed_long_ago_begins_to_count_anew(world: World) -> None:
    before = ProcessingFailure(
        "acme", DueKind.BILL, ("acme", "c", "s"), "E", world.now, world.now, 4
    )
    soon = before.again("E", world.now + timedelta(minutes=20))
    assert (soon.times, soon.is_parked(world.now + timedelta(hours=1))) == (5, True)
    assert not soon.is_parked(world.now + timedelta(hours=3))
    anew = soon.again("F", world.now + timedelta(days=2))
    assert (anew.times, anew.error, anew.first_at) == (1, "F", world.now + timedelta(days=2))


def test_an_outage_of_the_world_is_not_counted_as_our_own_error(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.buy()
    world.now += timedelta(days=28)
    world.sweep()

    def throttled(*args: Any, **kwargs: Any) -> Any:
        raise Unreachable("throttled")

    monkeypatch.setattr(type(world.store), "bill_tos", throttled)
    (body,) = world.queue.bodies
    with pytest.raises(Unreachable):
        worker.take(world.ports, leases_of(body), now=world.now)
    assert world.store.failures("acme") == []


def test_a_switch_that_two_operators_turn_at_once_is_turned_by_one(world: World) -> None:
    operate(world, "pause", reason="one")
    before = world.store.billing_switch()
    assert before is not None
    operate(world, "resume", reason="two")
    with pytest.raises(Conflict):
        world.store.commit(Change(before, replace(before, reason="three", paused=False)))
