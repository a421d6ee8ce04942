"""A mail that a customer lost is sent again from the console, and nothing else happens."""

from __future__ import annotations

import pytest

from billing.kernel.errors import TooMany
from billing.kernel.orders import OrderKind
from billing.kernel.subscription import When
from billing.kernel.values import replace
from billing.kernel.writes import Insert
from billing.outbox.flows import send_again
from billing.outbox.suppressions import Returned, StopReason, stop_of
from billing.team.rights import Role
from tests.console.agent import Agent
from tests.storage import examples
from tests.team.company import Company
from tests.web.shop import Shop
from tests.world import World


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def agent(shop: Shop) -> Agent:
    return Agent.of(shop)


def order_of(world: World, kind: OrderKind) -> str:
    """The newest entry of a kind."""
    return [each.id for each in world.orders() if each.kind is kind][-1]


def rows_of(world: World) -> list[object]:
    """All that is stored of the customer and of the merchant, but for the outbox."""
    return [world.history(), world.store.merchant("acme"), world.orders()]


def again(shop: Shop, agent: Agent, order: str) -> str:
    """Sends the mail of an order again, and returns its text."""
    address, sent = f"/console/orders/{order}/mail", len(shop.world.mailer.sent)
    assert "ann@example.com" in agent.look(address).one("main").text
    assert "sent again" in agent.follow(agent.send(address)).text
    shop.world.tick()
    (mail,) = shop.world.mailer.sent[sent:]
    assert str(mail["To"].addresses[0].addr_spec) == "ann@example.com"
    body = mail.get_body(("plain",))
    assert body is not None
    return f"{mail['Subject']}\n{body.get_content()}"


@pytest.mark.spec("R-8", "M-4")
def test_a_confirmation_and_a_receipt_are_sent_again_with_their_document(
    shop: Shop, agent: Agent
) -> None:
    shop.world.buy()
    shop.world.advance(days=32)
    agent = Agent.of(shop)
    for kind, count in ((OrderKind.SALE, 2), (OrderKind.REBILL, 2)):
        order = order_of(shop.world, kind)
        number = {i.order_id: i.number for i in shop.world.history().invoices}[order]
        text = again(shop, agent, order)
        first = [m for m in shop.world.mailer.sent if str(m["Subject"]) == text.partition("\n")[0]]
        assert len(first) == count, kind
        (pdf,) = first[-1].iter_attachments()
        assert pdf.get_content_type() == "application/pdf"
        assert f"{number}" in str(pdf.get_filename()) or number


@pytest.mark.spec("R-8", "M-4")
def test_a_mail_sent_again_changes_nothing_and_is_no_event(shop: Shop, agent: Agent) -> None:
    hook = {"url": "https://hooks.example.com/", "events": ["*"]}
    shop.api.post("/v1/webhook-endpoints", hook)
    bought = shop.world.buy()
    shop.world.advance(minutes=1)
    before, log = rows_of(shop.world), shop.api.get("/v1/events").json["data"]
    tax = shop.api.get("/v1/tax/report?from=2026-01-01&to=2026-02-28").json
    assert log
    again(shop, agent, bought.invoice.order_id)
    assert rows_of(shop.world) == before
    shop.world.advance(minutes=1)
    assert shop.api.get("/v1/events").json["data"] == log
    assert shop.api.get("/v1/tax/report?from=2026-01-01&to=2026-02-28").json == tax
    assert len(shop.world.charges()) == 1


@pytest.mark.spec("B-7", "M-7", "M-4")
def test_a_refund_is_confirmed_again_with_its_credit_note(shop: Shop, agent: Agent) -> None:
    bought = shop.world.buy()
    shop.world.tick()
    shop.api.post(f"/v1/orders/{bought.invoice.order_id}/refund", {})
    shop.world.tick()
    assert "refund" in again(shop, agent, order_of(shop.world, OrderKind.REFUND)).lower()
    (pdf,) = shop.world.mailer.sent[-1].iter_attachments()
    assert pdf.get_filename() == "credit-note.pdf"


@pytest.mark.spec("X-7", "M-4")
def test_a_cancellation_is_confirmed_again_as_it_stands_now(shop: Shop, agent: Agent) -> None:
    shop.world.buy()
    shop.world.tick()
    shop.world.cancel(When.PERIOD_END)
    shop.world.tick()
    order = order_of(shop.world, OrderKind.CANCEL_REQUEST)
    assert order in again(shop, agent, order)
    shop.world.advance(days=32)
    agent = Agent.of(shop)
    ended = shop.world.mailer.sent[-1]
    assert again(shop, agent, order).partition("\n")[0] == str(ended["Subject"])


@pytest.mark.spec("X-5", "M-4")
def test_an_undone_request_a_failed_payment_and_another_merchants_order_have_no_mail(
    shop: Shop, agent: Agent
) -> None:
    bought = shop.world.buy()
    shop.world.cancel(When.PERIOD_END)
    order = order_of(shop.world, OrderKind.CANCEL_REQUEST)
    agent.send(f"/console/subscriptions/{bought.purchase}/undo-cancel")
    page = agent.look(f"/console/orders/{order}")
    assert f"/console/orders/{order}/mail" not in str([e.attributes for e in page.all("a")])
    assert agent.client.browse("GET", f"/console/orders/{order}/mail").status == 409
    assert agent.send(f"/console/orders/{order}/mail").status == 409
    rival = Agent.of(shop, "rival")
    assert rival.client.browse("GET", f"/console/orders/{order}/mail").status == 404
    assert rival.send(f"/console/orders/{order}/mail").status == 404
    sent = len(shop.world.mailer.sent)
    shop.world.tick()
    assert not [m for m in shop.world.mailer.sent[sent:] if "again" in str(m["Subject"])]


@pytest.mark.spec("M-4")
def test_the_second_click_sends_nothing_and_a_day_has_a_limit(shop: Shop, agent: Agent) -> None:
    bought = shop.world.buy()
    shop.world.tick()
    address = f"/console/orders/{bought.invoice.order_id}/mail"
    assert agent.send(address).status == 303
    answer = agent.send(address)
    assert answer.status == 409 and "moment ago" in answer.body
    shop.world.tick()
    assert len(shop.world.mailer.sent) == 2
    for _ in range(12):
        shop.world.advance(minutes=10)
        last = agent.send(address)
    assert last.status == 409 and "24 hours" in last.body
    shop.world.tick()
    assert len(shop.world.mailer.sent) == 11


@pytest.mark.spec("M-4")
def test_one_merchant_sends_only_so_many_an_hour(shop: Shop) -> None:
    world = shop.world
    for number in range(send_again.MOST_AN_HOUR):
        somebody = replace(examples.customer(f"cus_{number}"), merchant="acme")
        send_again.limit(world.ports, somebody, "order", world.now)
    with pytest.raises(TooMany):
        send_again.limit(
            world.ports, replace(examples.customer("cus_more"), merchant="acme"), "order", world.now
        )


@pytest.mark.spec("R-8", "M-8", "W-5", "M-4")
@pytest.mark.parametrize("why", ["stopped", "erased", "disarmed"])
def test_where_no_mail_would_go_out_it_says_so_and_sends_none(
    shop: Shop, agent: Agent, why: str
) -> None:
    bought = shop.world.buy()
    shop.world.tick()
    if why == "stopped":
        report = Returned("acme", "ann@example.com", StopReason.BOUNCED, shop.world.now, None)
        shop.world.store.commit(Insert(stop_of(report)))
    elif why == "erased":
        shop.api.post(f"/v1/subscriptions/{bought.purchase}/cancel", {"when": "now"})
        assert shop.api.post(f"/v1/customers/{bought.customer}/erase", {}).status < 300
    else:
        shop.world.change_merchant(armed=False)
    shop.world.tick()
    sent = len(shop.world.mailer.sent)
    address = f"/console/orders/{bought.invoice.order_id}/mail"
    assert agent.client.browse("GET", address).status == 409
    assert agent.send(address).status == 409
    shop.world.tick()
    assert len(shop.world.mailer.sent) == sent


@pytest.mark.spec("B-3", "M-4")
def test_a_link_into_the_portal_is_mailed_to_the_customer(shop: Shop, agent: Agent) -> None:
    bought = shop.world.buy()
    shop.world.tick()
    shop.api.call("PATCH", "/v1/settings", {"portal": "standalone"})
    address = f"/console/customers/{bought.customer}/portal-link"
    assert "Email it" in agent.look(address).text
    assert "emailed" in agent.follow(agent.send(f"{address}/mail")).text
    assert agent.send(f"{address}/mail").status == 409
    shop.world.tick()
    mail = shop.world.mailer.sent[-1]
    body = mail.get_body(("plain",))
    assert body is not None and "/portal/acme/link/" in body.get_content()
    assert str(mail["To"].addresses[0].addr_spec) == "ann@example.com"
    shop.api.call("PATCH", "/v1/settings", {"portal": None})
    shop.world.advance(minutes=10)
    assert agent.send(f"{address}/mail").status == 409


@pytest.mark.spec("M-9", "M-8")
def test_support_may_send_mails_again_finance_and_readers_may_not_and_it_is_in_the_trail() -> None:
    company = Company()
    for role in (Role.SUPPORT, Role.FINANCE, Role.READ_ONLY):
        company.joins(f"{role}@example.com", role)
    for role, status in ((Role.SUPPORT, 404), (Role.FINANCE, 403), (Role.READ_ONLY, 403)):
        browser = company.signed_in(f"{role}@example.com")
        assert browser.get("/console/orders/none/mail").status == status, role
        assert browser.send("/console/orders/none/mail").status == status, role
        assert browser.send("/console/customers/none/portal-link/mail").status == status, role
    assert "mail" in company.owner().look("/console/audit").text
