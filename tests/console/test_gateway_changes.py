"""Gateway accounts in the console: chosen, removed, armed, and what their webhooks were like."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from billing.accounts.web import console_session
from billing.kernel.gateways import AccountRef
from billing.kernel.merchants import GatewayAccount
from billing.kernel.subscription import When
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.web.request import Request
from dev.stripe.webhooks import signature
from tests.accounts.platform import PASSWORD, SELLER, Platform
from tests.console.agent import Agent
from tests.console.gateway_bench import LIVE, SECRET, Bench, opened
from tests.render.html import read
from tests.web.calls import Answer, Client, event

AT = "/console/gateways/stripe/acct_1_test"


@pytest.fixture
def bench() -> Iterator[Bench]:
    with opened() as bench:
        yield bench


def told(bench: Bench, kind: str = "payment_intent.succeeded", secret: str = "") -> Answer:
    """Sends an event as Stripe does, signed with the account's secret or another."""
    created = int(bench.world.now.timestamp())
    about = {"object": {"object": "payment_intent", "id": "pi_of_others"}}
    event = {"id": "evt_1", "type": kind, "created": created, "data": about}
    body = json.dumps(event)
    secrets = (secret or bench.keys_of()["webhook_secrets"][0],)
    signed = signature(body.encode(), secrets, created)
    headers = {"stripe-signature": signed, "content-type": "application/json"}
    return bench.webhook.call("POST", "/webhooks/stripe/acme", event, **headers)


def body_of(bench: Bench) -> str:
    return bench.agent.look(AT).one("main").text


@pytest.mark.spec("W-1", "M-4")
def test_the_last_event_is_seen_and_written_at_most_once_an_hour(bench: Bench) -> None:
    bench.agent.follow(bench.connect())
    assert "None yet. One arrives with the first payment." in body_of(bench)
    assert told(bench).status == 200
    assert "payment_intent.succeeded" in body_of(bench)
    first = bench.world.ports.ephemeral.get(
        "gateway_event", "acme#stripe#acct_1_test", now=bench.world.now
    )
    bench.world.now += timedelta(minutes=59)
    assert told(bench, "charge.refunded").status == 200
    assert first == bench.world.ports.ephemeral.get(
        "gateway_event", "acme#stripe#acct_1_test", now=bench.world.now
    )
    bench.world.now += timedelta(minutes=1)
    assert told(bench, "charge.refunded").status == 200
    bench.agent = Agent.of(bench.shop)
    assert "charge.refunded" in body_of(bench)


@pytest.mark.spec("W-1", "M-4")
def test_a_process_that_remembers_costs_no_write_and_another_loses_the_race(bench: Bench) -> None:
    from functions.webhook import app as webhook_app

    bench.agent.follow(bench.connect())
    puts = counted(bench)
    bench.webhook = Client(webhook_app.build(bench.world.ports))
    for _ in range(5):
        told(bench)
    assert puts == [True]
    bench.webhook = Client(webhook_app.build(bench.world.ports))
    for _ in range(5):
        told(bench, "charge.refunded")
    assert puts == [True, False]
    assert "payment_intent.succeeded" in body_of(bench)


def counted(bench: Bench) -> list[bool]:
    """Whether each note of a webhook was written."""
    puts: list[bool] = []
    ephemeral = bench.world.ports.ephemeral
    put = ephemeral.put

    def noted(kind: str, *args: str, **kwargs: object) -> bool:
        done: bool = put(kind, *args, **kwargs)  # type: ignore[arg-type]
        if kind.startswith("gateway_event"):
            puts.append(done)
        return done

    ephemeral.put = noted  # type: ignore[method-assign, assignment]
    return puts


@pytest.mark.spec("W-1", "M-4")
def test_an_event_that_is_refused_is_shown_with_its_reason_in_words(bench: Bench) -> None:
    bench.agent.follow(bench.connect())
    assert told(bench, secret="whsec_wrong").status == 400
    assert "Its signature didn't match." in body_of(bench)
    bench.world.now += timedelta(hours=2)
    bench.agent = Agent.of(bench.shop)
    thin = json.dumps({"object": "v2.core.event"})
    seconds = int(bench.world.now.timestamp())
    signed = signature(thin.encode(), tuple(bench.keys_of()["webhook_secrets"]), seconds)
    answer = bench.webhook.call(
        "POST",
        "/webhooks/stripe/acme",
        {"object": "v2.core.event"},
        **{"stripe-signature": signed, "content-type": "application/json"},
    )
    assert answer.status == 400
    assert "thin payload" in body_of(bench)


@pytest.mark.spec("W-1")
def test_no_webhook_fails_because_it_cannot_be_noted(bench: Bench) -> None:
    bench.agent.follow(bench.connect())

    def broken(*args: object, **kwargs: object) -> bool:
        from billing.kernel.errors import Unavailable

        raise Unavailable("no table")

    bench.world.ports.ephemeral.put = broken  # type: ignore[method-assign]
    assert told(bench).status == 200


@pytest.mark.spec("W-6")
def test_new_purchases_are_sent_to_another_account_when_somebody_says_so(bench: Bench) -> None:
    bench.agent.follow(bench.connect())
    bench.agent.follow(bench.connect("live", secret_key=LIVE))
    assert bench.accounts() == [("acct_1_test", True), ("acct_3", False)]
    live = "/console/gateways/stripe/acct_3"
    assert "move real money" in bench.agent.look(f"{live}/activate").text
    page = bench.agent.follow(bench.agent.send(f"{live}/activate"))
    assert "New purchases go to this account now." in page.text
    assert bench.accounts() == [("acct_1_test", False), ("acct_3", True)]
    assert "become tests" in bench.agent.look(f"{AT}/activate").text


@pytest.mark.spec("W-6", "P-17")
def test_an_account_is_not_removed_while_something_would_break(bench: Bench) -> None:
    bench.agent.follow(bench.connect())
    product = bench.world.product(gateways=("stripe",))
    bench.world.buy(product)
    text = " ".join(bench.agent.look(f"{AT}/remove").one("main").text.split())
    assert "1 product is sold through it: Course." in text
    assert "1 running subscription is charged there." in text
    answer = bench.agent.send(f"{AT}/remove")
    assert answer.status == 409 and "can't be removed yet" in read(answer.body).text
    assert bench.accounts() == [("acct_1_test", True)] and bench.keys_of()


@pytest.mark.spec("W-6", "P-17")
def test_a_product_or_a_subscription_alone_keeps_an_account(bench: Bench) -> None:
    bench.agent.follow(bench.connect())
    product = bench.world.product(gateways=("stripe",))
    assert bench.agent.send(f"{AT}/remove").status == 409, "it is on sale"
    bench.world.buy(product)
    bench.world.store.commit(Change(product, replace(product, archived=True)))
    assert bench.agent.send(f"{AT}/remove").status == 409, "a subscription runs"
    bench.world.cancel(When.NOW)
    assert "Only test payments are left there" in bench.agent.look(f"{AT}/remove").text
    assert bench.agent.send(f"{AT}/remove").status == 303


@pytest.mark.spec("W-6")
def test_an_account_that_nothing_hangs_on_is_removed_with_its_keys(bench: Bench) -> None:
    bench.agent.follow(bench.connect())
    assert "Nothing depends on this account" in bench.agent.look(f"{AT}/remove").text
    page = bench.agent.follow(bench.agent.send(f"{AT}/remove"))
    assert "its keys are deleted" in page.text
    assert bench.accounts() == [] and bench.world.keys.kept == {}
    assert bench.agent.send(f"{AT}/remove").status == 404


@pytest.mark.spec("W-6")
def test_one_change_of_keys_is_made_at_a_time(bench: Bench) -> None:
    bench.agent.follow(bench.connect())
    now = bench.world.now
    bench.world.ports.ephemeral.put(
        "gateway_change", "acme", "1", expires_at=now + timedelta(minutes=2), now=now
    )
    answer = bench.replace()
    assert answer.status == 409 and "Wait two minutes" in answer.body
    assert bench.agent.send(f"{AT}/remove").status == 409
    assert bench.accounts() == [("acct_1_test", True)] and bench.keys_of()
    bench.world.now += timedelta(minutes=2)
    assert bench.replace().status == 303
    assert bench.replace(attempt="attempt_3").status == 303


@pytest.mark.spec("W-5")
def test_a_copy_is_armed_here_and_only_when_somebody_is_sure(bench: Bench) -> None:
    elsewhere = GatewayAccount("stripe", "acct_1_test", bound_to="elsewhere")
    bench.world.change_merchant(gateway_accounts=(elsewhere,))
    home = bench.agent.look("/console")
    links = [a.attributes["href"] for a in home.one("main").all("a")]
    assert "/console/gateways/arm" in links
    page = bench.agent.look("/console/gateways/arm")
    assert "Bound to another environment" in page.text
    answer = bench.agent.send("/console/gateways/arm")
    assert answer.status == 422 and "Tick the box" in answer.body
    assert bench.merchant().gateway_accounts == (elsewhere,)
    bench.agent.follow(bench.agent.send("/console/gateways/arm", sure="true"))
    here = bench.world.ports.operation.environment
    assert bench.merchant().gateway_accounts == (replace(elsewhere, bound_to=here),)
    assert "There is nothing to do." in bench.agent.look("/console/gateways/arm").text


@pytest.mark.spec("W-5")
def test_new_keys_arm_nothing(bench: Bench) -> None:
    bench.agent.follow(bench.connect())
    (account,) = bench.merchant().gateway_accounts
    bench.world.merchant = bench.merchant()
    bench.world.change_merchant(gateway_accounts=(replace(account, bound_to="elsewhere"),))
    bench.agent.follow(bench.replace())
    bench.agent.follow(bench.connect(attempt="attempt_7"))
    assert not bench.merchant().armed_in(bench.world.ports.operation.environment)


@pytest.mark.spec("M-4", "W-3")
def test_the_first_step_leads_to_the_gateways_and_is_done_by_a_live_account(bench: Bench) -> None:
    links = [a.attributes["href"] for a in bench.agent.look("/console").one("main").all("a")]
    assert "/console/gateways" in links
    bench.agent.follow(bench.connect("live", secret_key=LIVE))
    links = [a.attributes["href"] for a in bench.agent.look("/console").one("main").all("a")]
    assert "/console/gateways" not in links


@pytest.mark.spec("M-4")
def test_a_wizard_offers_what_was_connected(bench: Bench) -> None:
    answer = bench.agent.send("/console/products/new", name="Course")
    step = answer.headers["location"].rsplit("/", 1)[0] + "/checkout"
    assert not [i for i in bench.agent.look(step).all("input") if "stripe" in str(i.attributes)]
    bench.agent.follow(bench.connect())
    assert [i for i in bench.agent.look(step).all("input") if "stripe" in str(i.attributes)]


@pytest.mark.spec("A-8", "M-4")
def test_who_signed_in_with_a_password_gives_it_again() -> None:
    world = Platform()
    world.sign_up()
    world.buy(world.plan, email=SELLER)
    world.tick()
    found = world.store.account("annsart")
    assert found is not None
    request = Request.of(event("POST", "/console/sign-in", ""))
    cookie = console_session.begin_account(world.ports, request, found, world.now)
    with opened(world) as bench:
        client = bench.agent.client
        bench.agent = Agent(
            Client(client.resolver, cookies={cookie.name: cookie.value}, others=client.others)
        )
        for wrong in ({}, {"password": "not it"}):
            answer = bench.connect(**wrong)
            assert answer.status == 422 and 'id="password-error"' in answer.body
            assert "not it" not in answer.body
        assert world.keys.kept == {}
        assert bench.connect(password=PASSWORD).status == 303
        assert [ref.merchant for ref in world.keys.kept] == ["annsart"]


def test_keys_are_kept_for_the_merchant_who_gave_them(bench: Bench) -> None:
    bench.agent.follow(bench.connect())
    answer = bench.rival.send("/console/gateways/new/stripe/test", attempt="a", secret_key=SECRET)
    assert answer.status == 303
    assert sorted(ref.merchant for ref in bench.world.keys.kept) == ["acme", "rival"]
    ours = bench.keys_of()["webhook_secrets"]
    theirs = bench.world.keys.read(AccountRef("rival", "stripe", "acct_1_test"))
    assert theirs is not None and theirs["webhook_secrets"] != ours
    assert len(bench.endpoints()) == 2
