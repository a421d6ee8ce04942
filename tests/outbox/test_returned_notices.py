"""Notices of a law whose mail bounced after it went out: nobody was told by them (X-12, P-18)."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from email.message import EmailMessage
from typing import Any

import pytest

from billing.aws import ses_events
from billing.customers.flows import customers
from billing.kernel.errors import Unavailable
from billing.kernel.money import Currency, Money
from billing.kernel.subscription import When
from billing.notices.flows import remind
from billing.notices.records import ERASED, MissedNotice, NoticeRecord
from billing.outbox.flows import suppressions
from billing.plans.flows import announce_price
from billing.privacy.flows import erase
from billing.rebill.flows import missed
from tests.notices.test_proofs import CALIFORNIA, life, records, terms
from tests.outbox.test_returned_mail import altered
from tests.world import World

NEW = "new@example.com"


def announcing(minor: int = 3999) -> World:
    """Returns a world whose customer is to be mailed of another price, from February 28 on."""
    world = World()
    world.buy()
    world.advance(minutes=5)
    price = Money(minor, Currency.USD)
    announce_price.announce(world.ports, world.subscription(), price, world.now, now=world.now)
    return world


def announced(minor: int = 3999) -> World:
    """Returns a world whose customer was mailed of another price."""
    world = announcing(minor)
    world.advance(days=15)
    assert len(told(world)) == 1
    return world


def told(world: World) -> list[int]:
    """Returns where the mails about the price are among all that were sent."""
    subjects = enumerate(world.subjects())
    return [n for n, subject in subjects if "price of Course changes" in subject]


def amounts(world: World) -> list[int]:
    return [int(charge["amount"]["amount"]) for charge in world.charges()]


def bounce(world: World, number: int, **mail: Any) -> dict[str, Any]:
    """Returns SES's event about the return of a mail that was sent."""
    event = altered("mail_bounced", "detail", "bounce", "timestamp", value=world.now.isoformat())
    sent = world.mailer.sent[number]
    told_of = event["detail"]["mail"]
    told_of["destination"] = [str(sent["To"])]
    told_of["messageId"] = str(sent["Message-ID"]).strip("<>").partition("@")[0]
    told_of["tags"] |= {name: [value] for name, value in world.mailer.tags[number].items()}
    told_of |= mail
    return event


def report(world: World, event: dict[str, Any]) -> Counter[str]:
    return suppressions.record(world.ports, ses_events.returned(event))


def missing(world: World) -> list[MissedNotice]:
    return world.store.missed_notices("acme", limit=10)


@pytest.mark.spec("X-12", "P-18")
def test_a_rise_is_charged_of_nobody_whose_notice_bounced_and_that_rings() -> None:
    world = announced()
    assert report(world, bounce(world, *told(world))) == {"stopped": 1, "untold": 1}
    change, (proof,), (noted,) = world.subscription().price_change, records(world), missing(world)
    assert change is not None and change.told_at is None
    assert proof.returned_at == world.now and proof.event == noted.event
    assert noted.closed_at == proof.closes_at and proof.closes_at > world.now
    world.advance(hours=2)
    (rings,) = missed.others(world.ports, now=world.now)
    assert rings.due.owner == ("acme", noted.id)
    world.advance(days=20)
    assert amounts(world) == [2999, 2999] and len(told(world)) == 1


@pytest.mark.spec("X-12", "P-18")
@pytest.mark.parametrize("by", ["lifting", "another address"])
def test_who_can_be_told_again_is_told_pays_the_rise_and_has_a_proof_of_that_mail(by: str) -> None:
    world = announced()
    bounced = bounce(world, *told(world))
    report(world, bounced)
    customer = world.subscription().customer
    if by == "lifting":
        suppressions.lift(world.ports, "acme", customer, now=world.now)
    else:
        customers.change(world.ports, "acme", customer, {"email": NEW}, now=world.now)
    for _ in range(2):
        world.advance(minutes=5)
    _, second = told(world)
    (proof,) = world.store.notice_records("acme", customer, None, 10)
    assert proof.message_id == str(world.mailer.sent[second]["Message-ID"]).strip("<>")
    assert proof.returned_at is None and proof.address == world.mailer.sent[second]["To"]
    assert report(world, bounced)["untold"] == 0, "of the first mail, which another has followed"
    world.advance(days=20)
    assert amounts(world) == [2999, 3999]


@pytest.mark.spec("X-12", "P-18", "B-12")
def test_who_has_another_address_before_the_report_comes_is_told_there() -> None:
    world = announced()
    bounced = bounce(world, *told(world))
    customer = world.subscription().customer
    customers.change(world.ports, "acme", customer, {"email": NEW}, now=world.now)
    world.advance(minutes=5)
    assert len(told(world)) == 1
    report(world, bounced)
    world.advance(minutes=5)
    _, second = told(world)
    assert world.mailer.sent[second]["To"] == NEW
    world.advance(days=20)
    assert amounts(world) == [2999, 3999]


@pytest.mark.spec("X-12")
def test_a_report_that_comes_twice_rings_once_and_one_of_another_mail_again() -> None:
    world = announced()
    bounced = bounce(world, *told(world))
    report(world, bounced)
    (noted,) = missing(world)
    remind.see(world.ports, "acme", noted.id, now=world.now)
    assert report(world, bounced) == {"stopped": 0, "known": 1, "untold": 0}
    (seen,) = missing(world)
    assert seen.due_at is None and seen.seen_at == world.now
    suppressions.lift(world.ports, "acme", noted.customer, now=world.now)
    world.advance(minutes=5)
    report(world, bounce(world, told(world)[-1]))
    (again,) = missing(world)
    assert again.id == noted.id and again.due_at == world.now and again.seen_at is None


@pytest.mark.spec("X-12", "R-8")
def test_a_mailbox_that_forwards_to_one_that_is_gone_is_mailed_once() -> None:
    world = announced()
    bounced = bounce(world, *told(world))
    (recipient,) = bounced["detail"]["bounce"]["bouncedRecipients"]
    assert recipient["emailAddress"] not in bounced["detail"]["mail"]["destination"]
    report(world, bounced)
    world.advance(days=1)
    assert len(told(world)) == 1
    stop = world.store.mail_stop("acme", str(world.mailer.sent[0]["To"]))
    assert stop is not None


@pytest.mark.spec("X-12")
def test_two_reports_that_meet_ring_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world = announced()
    bounced, commit, twins = bounce(world, *told(world)), world.store.commit, [True]

    def meeting(*writes: Any) -> None:
        if twins and any(isinstance(getattr(w, "after", None), NoticeRecord) for w in writes):
            twins.clear()
            assert report(world, bounced)["untold"] == 1
        commit(*writes)

    monkeypatch.setattr(world.store, "commit", meeting)
    assert report(world, bounced) == {"stopped": 1, "untold": 0}
    assert not twins and len(missing(world)) == 1


@pytest.mark.spec("X-12", "P-18")
def test_a_lower_price_stays_though_its_notice_bounced() -> None:
    world = announced(1999)
    report(world, bounce(world, *told(world)))
    assert len(missing(world)) == 1
    world.advance(days=20)
    assert amounts(world) == [2999, 1999]


@pytest.mark.spec("X-12")
def test_any_notice_of_a_law_that_bounced_rings() -> None:
    world = life(CALIFORNIA, terms(), 345)
    (number,) = (n for n, s in enumerate(world.subjects()) if "renews on" in s)
    report(world, bounce(world, number))
    (proof,), (noted,) = records(world), missing(world)
    assert proof.returned_at == world.now and noted.event == proof.event


@pytest.mark.spec("X-12")
def test_a_mail_that_no_law_asks_for_only_stops_the_address_by_its_bounce() -> None:
    world = announced()
    assert report(world, bounce(world, 0)) == {"stopped": 1}
    assert missing(world) == [] and world.mailer.tags[0] == {"merchant": "acme"}
    change = world.subscription().price_change
    assert change is not None and change.told_at is not None


@pytest.mark.spec("X-12", "P-18")
def test_a_report_that_comes_once_the_price_was_charged_rings() -> None:
    world = announced()
    world.advance(days=20)
    assert amounts(world) == [2999, 3999]
    report(world, bounce(world, *told(world)))
    assert len(missing(world)) == 1 and records(world)[0].returned_at == world.now


@pytest.mark.spec("X-12", "M-8")
@pytest.mark.parametrize("erased", [False, True])
def test_who_has_ended_or_was_erased_misses_nothing_and_the_proof_says_that_it_came_back(
    erased: bool,
) -> None:
    world = announced()
    customer = world.subscription().customer
    world.cancel(When.NOW)
    world.advance(days=1)
    bounced = bounce(world, *told(world))
    if erased:
        erase.one(world.ports, "acme", customer, now=world.now)
    report(world, bounced)
    (proof,) = world.store.notice_records("acme", customer, None, 10)
    assert proof.returned_at == world.now and (proof.address == ERASED) == erased
    assert missing(world) == []


@pytest.mark.spec("X-12")
def test_the_report_of_a_stranger_changes_nothing() -> None:
    world = announced()
    tags = bounce(world, *told(world))["detail"]["mail"]["tags"]
    for mail in (
        {"messageId": "0100019c-another"},
        {"tags": {**tags, "merchant": ["other"]}},
        {"tags": {**tags, "customer": ["cus_other"]}},
        {"tags": {**tags, "notice": ["bm8gZXZlbnQ"]}},
        {"tags": {**tags, "notice": ["*"]}},
        {"tags": {**tags, "notice": ["gICA"]}},
        {"tags": {name: value for name, value in tags.items() if name != "customer"}},
    ):
        assert not report(world, bounce(world, *told(world), **mail))["untold"], mail
    (proof,), change = records(world), world.subscription().price_change
    assert proof.returned_at is None and missing(world) == []
    assert change is not None and change.told_at is not None


@pytest.mark.spec("X-12", "P-18")
def test_a_report_that_is_faster_than_the_proof_takes_it_back_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = announcing()
    send = world.mailer.send

    def bouncing(message: EmailMessage, *, now: datetime) -> str:
        seen = send(message, now=now)
        if told(world):
            assert report(world, bounce(world, *told(world))) == {"stopped": 1, "untold": 0}
        return seen

    monkeypatch.setattr(world.mailer, "send", bouncing)
    world.advance(days=15)
    change, (proof,) = world.subscription().price_change, records(world)
    assert change is not None and change.told_at is None
    assert proof.returned_at is not None and len(missing(world)) == 1


@pytest.mark.spec("X-12", "P-18")
def test_a_report_before_a_proof_that_waits_for_the_sweep_withholds_what_is_left_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = announcing()
    commit, failing = world.store.commit, [True]

    def broken(*writes: Any) -> None:
        if failing and any(isinstance(getattr(w, "entity", None), NoticeRecord) for w in writes):
            failing.clear()
            report(world, bounce(world, *told(world)))
            raise Unavailable("no answer")
        commit(*writes)

    monkeypatch.setattr(world.store, "commit", broken)
    world.advance(days=15)
    change = world.subscription().price_change
    assert not failing and len(told(world)) == 1
    assert change is not None and change.told_at is None and len(missing(world)) == 1
