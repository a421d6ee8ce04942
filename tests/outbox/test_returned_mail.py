"""Returned mail and complaints, and the mail that the address gets afterwards."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest

from billing.aws import ses_events
from billing.customers.flows import customers
from billing.kernel.customers import email_hash
from billing.kernel.errors import NotFound
from billing.kernel.money import Currency, Money
from billing.kernel.outbox_events import EventKind
from billing.kernel.subscription import When
from billing.kernel.values import replace
from billing.notices.flows import proofs, remind
from billing.outbox.flows import suppressions
from billing.outbox.suppressions import (
    SENT_ALL_THE_SAME,
    MailStop,
    Returned,
    StopReason,
    may_be_sent,
)
from billing.plans.flows import announce_price
from billing.rebill.flows import missed
from tests.declarations.hall import Hall
from tests.notices.test_proofs import CALIFORNIA, life, records, terms
from tests.test_events import EVENTS
from tests.world import START, World

ANN = "ann@example.com"


def published(name: str) -> dict[str, Any]:
    """An event as SES publishes it."""
    return dict(json.loads((EVENTS / f"{name}.json").read_text()))


def returned(reason: StopReason = StopReason.BOUNCED, email: str = ANN) -> Returned:
    return Returned("acme", email, reason, START, "General")


@pytest.fixture
def world() -> World:
    world = World()
    world.buy()
    world.advance(minutes=5)
    return world


@pytest.mark.spec("R-8")
def test_a_mailbox_that_does_not_exist_gets_no_mail_any_more(world: World) -> None:
    before = len(world.mailer.sent)
    assert suppressions.record(world.ports, [returned()]) == {"stopped": 1}
    world.cancel(When.NOW)
    world.advance(minutes=5)
    assert len(world.mailer.sent) == before
    assert world.store.undelivered(0, world.now + timedelta(days=1), 9) == []


@pytest.mark.spec("R-8")
def test_after_a_complaint_only_what_the_law_asks_for_is_sent(world: World) -> None:
    suppressions.record(world.ports, [returned(StopReason.COMPLAINED)])
    before = len(world.mailer.sent)
    world.advance(days=31)
    assert len(world.charges()) == 2
    assert not [subject for subject in world.subjects()[before:] if "Receipt" in subject]
    before = len(world.mailer.sent)
    world.cancel(When.NOW)
    world.advance(minutes=5)
    assert len(world.mailer.sent) == before + 1, "the confirmation of the cancellation"


@pytest.mark.spec("X-12", "P-18")
def test_no_complaint_hides_that_a_price_rises(world: World) -> None:
    suppressions.record(world.ports, [returned(StopReason.COMPLAINED)])
    rise = Money(3999, Currency.USD)
    announce_price.announce(world.ports, world.subscription(), rise, world.now, now=world.now)
    world.advance(days=31)
    assert [charge["amount"]["amount"] for charge in world.charges()] == [2999, 3999]
    assert [subject for subject in world.subjects() if "price of Course changes" in subject]
    proofs = world.store.notice_records("acme", world.subscription().customer, None, 9)
    assert [proof.kind for proof in proofs] == ["price_changing"]


@pytest.mark.spec("X-12", "P-18")
def test_a_price_rises_for_nobody_whose_notice_could_not_be_sent(world: World) -> None:
    suppressions.record(world.ports, [returned()])
    rise = Money(3999, Currency.USD)
    announce_price.announce(world.ports, world.subscription(), rise, world.now, now=world.now)
    world.advance(days=31)
    assert [charge["amount"]["amount"] for charge in world.charges()] == [2999, 2999]


@pytest.mark.spec("X-12")
def test_a_notice_of_a_law_that_cannot_arrive_rings_the_alarm() -> None:
    world = life(CALIFORNIA, terms(), 5)
    suppressions.record(world.ports, [returned()])
    world.advance(days=370)
    assert len(world.charges()) == 2
    assert records(world) == []
    assert [each.closed_at for each in world.store.missed_notices("acme", limit=10)]


def announce(world: World, minor: int = 3999) -> None:
    price = Money(minor, Currency.USD)
    announce_price.announce(world.ports, world.subscription(), price, world.now, now=world.now)


def told(world: World) -> list[str]:
    return [subject for subject in world.subjects() if "price of Course changes" in subject]


@pytest.mark.spec("X-12", "P-18")
@pytest.mark.parametrize("by", ["lifting", "another address"])
def test_who_can_be_told_again_of_a_rise_is_told_and_pays_it(world: World, by: str) -> None:
    suppressions.record(world.ports, [returned()])
    announce(world)
    world.advance(days=15)
    change, customer = world.subscription().price_change, world.subscription().customer
    assert told(world) == [] and change is not None and change.told_at is None
    email = ANN
    if by == "lifting":
        suppressions.lift(world.ports, "acme", customer, now=world.now)
    else:
        email = "new@example.com"
        customers.change(world.ports, "acme", customer, {"email": email}, now=world.now)
    for _ in range(2):
        world.advance(minutes=5)
    assert len(told(world)) == 1 and world.mailer.sent[-1]["To"] == email
    world.advance(days=20)
    assert [charge["amount"]["amount"] for charge in world.charges()] == [2999, 3999]
    assert len(told(world)) == 1


@pytest.mark.spec("X-12", "P-18")
def test_told_too_late_for_the_next_renewal_a_rise_is_charged_with_the_one_after(
    world: World,
) -> None:
    suppressions.record(world.ports, [returned()])
    announce(world)
    world.advance(days=25)
    customer = world.subscription().customer
    suppressions.lift(world.ports, "acme", customer, now=world.now)
    world.advance(days=70)
    assert [charge["amount"]["amount"] for charge in world.charges()] == [2999, 2999, 3999, 3999]
    assert len(told(world)) == 1


@pytest.mark.spec("X-12")
def test_each_renewal_that_a_rise_cannot_be_told_for_rings_once(world: World) -> None:
    suppressions.record(world.ports, [returned()])
    announce(world)
    world.advance(days=8)
    (noted,) = world.store.missed_notices("acme", limit=10)
    assert noted.due_at is not None and noted.due_at < world.now < noted.closed_at
    (rings,) = missed.others(world.ports, now=world.now)
    assert rings.due.owner == ("acme", noted.id)
    remind.see(world.ports, "acme", noted.id, now=world.now)
    world.advance(days=80)
    found = world.store.missed_notices("acme", limit=10)
    assert len({each.closed_at for each in found}) == len(found) == 3
    assert [charge["amount"]["amount"] for charge in world.charges()] == [2999] * 3


@pytest.mark.spec("X-12", "P-18")
def test_a_lower_price_is_charged_though_its_notice_cannot_arrive(world: World) -> None:
    suppressions.record(world.ports, [returned()])
    announce(world, 1999)
    world.advance(days=31)
    assert [charge["amount"]["amount"] for charge in world.charges()] == [2999, 1999]


@pytest.mark.spec("X-12", "R-8")
def test_a_notice_that_is_handed_out_twice_is_noted_once(world: World) -> None:
    suppressions.record(world.ports, [returned()])
    announce(world)
    world.now += timedelta(days=14)
    remind.sweep(world.ports, now=world.now)
    ((event, *_),) = [
        found
        for shard in range(world.ports.operation.shards)
        if (found := world.store.undelivered(shard, world.now + timedelta(days=1), 9))
    ]
    before = world.subscription()
    assert before.price_change is not None and before.price_change.told_at == event.at
    for _ in range(2):
        proofs.withhold(world.ports, event)
    after = world.subscription()
    assert after.price_change == replace(before.price_change, told_at=None)
    assert len(world.store.missed_notices("acme", limit=10)) == 1


@pytest.mark.spec("X-10")
def test_no_complaint_hides_a_declaration_in_somebodys_name_and_its_receipt() -> None:
    hall = Hall()
    hall.buy()
    suppressions.record(hall.world.ports, [returned(StopReason.COMPLAINED)])
    before = len(hall.world.mailer.sent)
    hall.declare()
    hall.tick()
    hall.answer("yes")
    hall.world.advance(minutes=5)
    declared, asked, ended = hall.world.mailer.sent[before:]
    assert {str(mail["To"]) for mail in (declared, asked, ended)} == {ANN}


def test_mail_to_another_address_and_of_another_merchant_goes_on(world: World) -> None:
    suppressions.record(world.ports, [returned(), replace(returned(), merchant="other")])
    before = len(world.mailer.sent)
    world.buy(email="bob@example.com")
    world.advance(minutes=5)
    assert len(world.mailer.sent) == before + 1
    assert world.store.mail_stop("third", ANN) is None


def test_told_twice_it_is_one_stop_and_a_bounce_outweighs_a_complaint(world: World) -> None:
    complaint, bounce = returned(StopReason.COMPLAINED), returned()
    assert suppressions.record(world.ports, [complaint]) == {"stopped": 1}
    assert suppressions.record(world.ports, [complaint]) == {"stopped": 0, "known": 1}
    assert suppressions.record(world.ports, [bounce]) == {"stopped": 1}
    assert suppressions.record(world.ports, [complaint]) == {"stopped": 0, "known": 1}
    found = world.store.mail_stop("acme", ANN)
    assert found == MailStop("acme", email_hash("acme", ANN), StopReason.BOUNCED, START, "General")


def test_it_shows_at_the_customer_and_the_merchant_lifts_it(world: World) -> None:
    suppressions.record(world.ports, [returned(email="ANN@example.com ")])
    customer = world.subscription().customer
    shown = customers.overview(world.ports, "acme", customer, now=world.now).mail_stop
    assert shown is not None and shown.reason is StopReason.BOUNCED
    suppressions.lift(world.ports, "acme", customer, now=world.now)
    suppressions.lift(world.ports, "acme", customer, now=world.now)
    assert customers.overview(world.ports, "acme", customer, now=world.now).mail_stop is None
    before = len(world.mailer.sent)
    world.cancel(When.NOW)
    world.advance(minutes=5)
    assert len(world.mailer.sent) == before + 1
    with pytest.raises(NotFound):
        suppressions.lift(world.ports, "acme", "cus_nobody", now=world.now)


def test_a_new_address_is_not_stopped_by_the_old_one(world: World) -> None:
    suppressions.record(world.ports, [returned()])
    customer = world.subscription().customer
    customers.change(world.ports, "acme", customer, {"email": "new@example.com"}, now=world.now)
    assert suppressions.of_customer(world.ports, "acme", customer) is None


def test_what_ses_publishes_is_understood() -> None:
    (bounce,) = ses_events.returned(published("mail_bounced"))
    assert (bounce.merchant, bounce.email) == ("demo", "recipient@example.com")
    assert (bounce.reason, bounce.code) == (StopReason.BOUNCED, "General")
    (complaint,) = ses_events.returned(published("mail_complaint"))
    assert (complaint.reason, complaint.code) == (StopReason.COMPLAINED, "abuse")
    assert complaint.at.isoformat() == "2026-01-31T15:01:02.669000+00:00"


def altered(name: str, *path: str, value: Any) -> dict[str, Any]:
    event = deepcopy(published(name))
    place = event
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return event


@pytest.mark.parametrize(
    "event",
    [
        altered("mail_bounced", "detail", "bounce", "bounceType", value="Transient"),
        altered("mail_bounced", "detail", "bounce", "bounceType", value="Undetermined"),
        altered("mail_complaint", "detail", "complaint", "complaintFeedbackType", value="not-spam"),
        altered("mail_bounced", "detail", "eventType", value="Delivery"),
        altered("mail_bounced", "detail", "mail", "tags", value={}),
    ],
    ids=["full mailbox", "unknown", "no spam", "delivered", "not ours"],
)
def test_what_says_nothing_against_an_address_stops_nothing(event: dict[str, Any]) -> None:
    assert ses_events.returned(event) == []


def test_strangers_words_in_a_report_are_not_kept() -> None:
    event = altered("mail_bounced", "detail", "bounce", "bounceSubType", value="call 555 <b>now")
    (bounce,) = ses_events.returned(event)
    assert bounce.code is None


@pytest.mark.parametrize("kind", list(EventKind))
def test_a_bounce_stops_every_mail_and_a_complaint_not_those_of_the_law(kind: EventKind) -> None:
    bounced = MailStop("acme", "h", StopReason.BOUNCED, START)
    complained = MailStop("acme", "h", StopReason.COMPLAINED, START)
    assert may_be_sent(kind, None)
    assert not may_be_sent(kind, bounced)
    assert may_be_sent(kind, complained) == (kind in SENT_ALL_THE_SAME)
