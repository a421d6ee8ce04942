"""A customer's mails, from the first to the last, are whole in their language (C-5)."""

from __future__ import annotations

import pytest

from billing.cancel.flows import cancel, pause
from billing.customers.flows import customer_view
from billing.helpdesk.flows import decision
from billing.helpdesk.flows import ticket as threads
from billing.kernel.catalog import Cancellation, Initial
from billing.kernel.merchants import PortalKind, SelfService, Settings
from billing.kernel.periods import Span, Unit
from billing.kernel.subscription import Source
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.plans.flows import freeze
from billing.portal.flows import portal
from billing.refunds.flows import refund
from billing.render import messages
from tests.web.test_translated_pages import in_english, written
from tests.world import MONTHLY, World

TRIAL = replace(MONTHLY, initial=Initial(0, Span(14, Unit.DAY)))


def lived(language: str) -> World:
    """Lives through every event of a subscription, so that every mail about it is sent."""
    world = World()
    settings = Settings(
        language=language,
        portal=PortalKind.STANDALONE,
        self_cancel=SelfService.MANUAL,
        self_freeze=True,
    )
    world.change_merchant(settings=settings)
    delayed = replace(MONTHLY, cancellation=Cancellation.DELAYED)
    world.buy(world.product(delayed, name="Atlas"))
    (card,) = world.history().methods
    world.store.commit(Change(card, replace(card, expires_on="2026-02")))
    for name, method in (("bob", "chargeCustomerFail"), ("fay", "authenticationRequired")):
        product = world.product(TRIAL, name="Atlas")
        world.buy(product, email=f"{name}@example.com", payment_method=f"pm_card_{method}")
    world.advance(days=40)
    paid = world.orders()[0]
    subscription, now = world.subscription().id, world.now
    refund.request(
        world.ports,
        refund.payment(world.ports, "acme", paid.id),
        amount_minor=None,
        source=Source.CUSTOMER,
        now=now,
    )
    world.work()
    world.cancel()
    cancel.undo(world.ports, world.subscription(), now=now)
    for change in (pause.pause, pause.resume):
        change(world.ports, world.subscription(), now=now)
        world.work()
    freeze.freeze(world.ports, world.merchant, world.subscription(), now=now)
    world.work()
    freeze.unfreeze(world.ports, world.subscription(), token=None, now=now)
    asker = customer_view.account(
        world.ports, world.merchant, world.subscription().customer, now=now
    )
    portal.cancel_purchase(
        world.ports,
        asker,
        asker.history.subscription(subscription),
        reason="too_expensive",
        comment="Atlas?",
        now=now,
    )
    world.work()
    (ticket,) = world.store.tickets_of("acme", asker.customer.id, limit=9).data
    threads.answer(world.ports, "acme", ticket.id, "Atlas!", key="answer-1", now=now)
    world.work()
    decision.approve(world.ports, "acme", ticket.id, by="console", now=now)
    world.advance(days=40)
    return world


@pytest.mark.spec("C-5", "C-3", "R-8")
@pytest.mark.parametrize("language", sorted(messages.LANGUAGES - {"en"}))
def test_every_mail_of_a_life_is_whole_in_its_language(language: str) -> None:
    sent = lived(language).mailer.sent
    assert len({str(mail["Subject"]) for mail in sent}) > 16
    lines = {line for mail in sent for line in (str(mail["Subject"]), *lines_of(written(mail)))}
    assert in_english(lines, language) == []
    assert not any("too_expensive" in line for line in lines)


def lines_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]
