"""Notices of a law that went nowhere are sent once mail may arrive again, while they are of use."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.customers.flows import customers
from billing.event_log.flows import read
from billing.event_log.public_events import PublicType
from billing.kernel.outbox_events import EventKind
from billing.kernel.periods import Period
from billing.kernel.values import replace
from billing.notices import reminders
from billing.outbox.flows import suppressions
from billing.outbox.suppressions import StopReason
from tests.notices.test_proofs import CALIFORNIA, life, terms
from tests.outbox.test_returned_mail import returned
from tests.outbox.test_returned_notices import NEW, bounce, missing, report
from tests.world import START, World

WORDS = {"renewal": "renews on", "year": "Your subscription to Course"}


def heard(world: World, of: str = "renewal") -> list[str]:
    """Returns the addresses to which a notice went."""
    return [str(mail["To"]) for mail in world.mailer.sent if WORDS[of] in mail["Subject"]]


def open_again(world: World, customer: str, by: str) -> str:
    """Lets mail arrive again; returns where it goes."""
    if by == "lifting":
        suppressions.lift(world.ports, "acme", customer, now=world.now)
    else:
        customers.change(world.ports, "acme", customer, {"email": NEW}, now=world.now)
    for _ in range(2):
        world.advance(minutes=5)
    return "ann@example.com" if by == "lifting" else NEW


@pytest.mark.spec("X-12")
@pytest.mark.parametrize("by", ["lifting", "another address"])
@pytest.mark.parametrize(
    ("of", "period", "days"), [("renewal", Period.YEARLY, 345), ("year", Period.WEEKLY, 340)]
)
def test_a_withheld_notice_is_sent_once_mail_may_arrive(
    of: str, period: Period, days: int, by: str
) -> None:
    world = life(CALIFORNIA, terms(period), 300)
    customer = world.subscription().customer
    suppressions.record(world.ports, [returned()])
    world.advance(days=days - 300)
    assert heard(world, of) == [] and len(missing(world)) == 1
    address = open_again(world, customer, by)
    world.advance(days=3)
    assert heard(world, of) == [address]
    (proof,) = world.store.notice_records("acme", customer, None, 10)
    assert proof.address == address and len(missing(world)) == 1


@pytest.mark.spec("X-12")
@pytest.mark.parametrize("by", ["lifting", "another address"])
def test_a_notice_that_bounced_is_sent_again_once_mail_may_arrive(by: str) -> None:
    world = life(CALIFORNIA, terms(), 345)
    customer = world.subscription().customer
    (number,) = (n for n, s in enumerate(world.subjects()) if "renews on" in s)
    report(world, bounce(world, number))
    world.advance(days=3)
    assert heard(world) == ["ann@example.com"] and len(missing(world)) == 1
    address = open_again(world, customer, by)
    world.advance(days=3)
    assert heard(world) == ["ann@example.com", address]
    (proof,) = world.store.notice_records("acme", customer, None, 10)
    assert proof.address == address and proof.returned_at is None


@pytest.mark.spec("X-12", "B-12")
def test_a_notice_that_bounced_is_sent_to_the_address_of_who_moved_on_before_the_report() -> None:
    world = life(CALIFORNIA, terms(), 345)
    customer = world.subscription().customer
    (number,) = (n for n, s in enumerate(world.subjects()) if "renews on" in s)
    bounced = bounce(world, number)
    customers.change(world.ports, "acme", customer, {"email": NEW}, now=world.now)
    world.advance(minutes=5)
    report(world, bounced)
    world.advance(minutes=5)
    assert heard(world) == ["ann@example.com", NEW]


@pytest.mark.spec("X-12")
def test_a_notice_is_not_sent_once_what_it_announces_has_come() -> None:
    world = life(CALIFORNIA, terms(), 300)
    customer = world.subscription().customer
    suppressions.record(world.ports, [returned()])
    world.advance(days=70)
    assert len(world.charges()) == 2
    open_again(world, customer, "lifting")
    world.advance(days=30)
    assert heard(world) == []


@pytest.mark.spec("X-12")
def test_what_was_told_is_not_told_again_because_another_mail_was_stopped() -> None:
    world = life(CALIFORNIA, terms(), 345)
    customer = world.subscription().customer
    assert heard(world) == ["ann@example.com"]
    for reason in (StopReason.COMPLAINED, StopReason.BOUNCED):
        suppressions.record(world.ports, [returned(reason)])
        open_again(world, customer, "lifting")
        world.advance(days=1)
    assert heard(world) == ["ann@example.com"]


@pytest.mark.spec("X-12", "C-8")
def test_a_notice_takes_back_what_it_told_and_nothing_that_was_told_since() -> None:
    told_of, later = START + timedelta(days=30), START + timedelta(days=60)
    blank = reminders.Reminder("acme", "cus_1", "sub_1", 0, later)
    renewal = f"sub_1:{told_of.isoformat()}:{EventKind.RENEWAL_UPCOMING}"
    of_both = replace(blank, told_of=told_of, promotion_told_of=told_of, reminded_of=told_of)
    again = replace(blank, to_mail_again=(renewal,))
    assert reminders.untold(of_both, renewal) == replace(again, reminded_of=told_of)
    of_one = replace(of_both, promotion_told_of=later)
    one_again = replace(of_one, told_of=None, to_mail_again=(renewal,))
    assert reminders.untold(of_one, renewal) == one_again
    since = replace(of_both, told_of=later)
    assert reminders.untold(since, renewal) == since
    price = f"sub_1:price_1:{EventKind.PRICE_CHANGING}"
    assert reminders.untold(of_both, price) == replace(of_both, to_mail_again=(price,))


@pytest.mark.spec("X-12")
def test_of_notices_that_are_mailed_again_the_newest_are_known() -> None:
    found = reminders.Reminder("acme", "cus_1", "sub_1", 0, START)
    events = [f"sub_1:price_{n}:{EventKind.PRICE_CHANGING}" for n in range(9)]
    for event in (*events, events[-2]):
        found = reminders.untold(found, event)
    assert found.to_mail_again == (*events[4:7], events[8], events[7])


@pytest.mark.spec("X-12", "M-5")
@pytest.mark.parametrize("how", ["bounced", "withheld"])
def test_a_notice_that_is_mailed_again_is_in_the_event_log_once(how: str) -> None:
    """Each look in its window tries again; programs that read events are told by the first."""
    world = life(CALIFORNIA, terms(), 300)
    read.begin(world.ports, world.merchant, now=world.now)
    customer = world.subscription().customer
    if how == "withheld":
        suppressions.record(world.ports, [returned()])
    world.advance(days=45)
    if how == "bounced":
        (number,) = (n for n, s in enumerate(world.subjects()) if "renews on" in s)
        report(world, bounce(world, number))
    world.advance(days=3)
    open_again(world, customer, "lifting")
    world.advance(days=3)
    assert heard(world)[-1:] == ["ann@example.com"]
    told, after = 0, None
    while True:
        kind = PublicType.RENEWAL_ANNOUNCED
        found = read.page(
            world.ports, world.merchant, after=after, of_type=kind, limit=50, now=world.now
        )
        told, after = told + len(found.data), found.next
        if after is None:
            break
    assert told == 1
