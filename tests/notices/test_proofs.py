"""Notices that a region asks for: no setting suppresses them, and their mails are kept."""

from __future__ import annotations

import re
from datetime import timedelta
from hashlib import sha256

import pytest

from billing.cards.flows import addresses
from billing.kernel.catalog import Initial, PriceTerms, PriceType
from billing.kernel.customers import Address
from billing.kernel.errors import Unavailable
from billing.kernel.merchants import Settings
from billing.kernel.money import Currency, Money
from billing.kernel.outbox_events import EventKind
from billing.kernel.periods import Period, Span, Unit
from billing.kernel.ports import Ports
from billing.kernel.subscription import When
from billing.notices.flows import proofs, remind
from billing.notices.records import ERASED, MissedNotice, NoticeRecord
from billing.privacy.flows import erase
from billing.rebill.flows import missed
from tests.world import World

CALIFORNIA = Address("1 Main Street", "Oakland", "US", postal_code="94601", state="CA")
BERLIN = Address("Unter den Linden 1", "Berlin", "DE", postal_code="10117")
PARIS = Address("1 rue de Rivoli", "Paris", "FR", postal_code="75001")
TEXAS = Address("1 Main Street", "Austin", "US", postal_code="73301", state="TX")


def terms(period: Period = Period.YEARLY, trial_days: int | None = None) -> PriceTerms:
    initial = None if trial_days is None else Initial(0, Span(trial_days, Unit.DAY))
    return PriceTerms(PriceType.RECURRING, Money(2999, Currency.USD), period, initial=initial)


def life(address: Address, sold: PriceTerms, days: int, **settings: int) -> World:
    world = World()
    world.change_merchant(settings=Settings(**settings))  # type: ignore[arg-type]
    world.buy(world.product(sold), address=address)
    world.advance(days=days)
    return world


def records(world: World) -> list[NoticeRecord]:
    found = world.subscription()
    return world.store.notice_records("acme", found.customer, found.id, 100)


@pytest.mark.spec("X-12")
def test_no_setting_suppresses_what_a_region_asks_for() -> None:
    silent = life(TEXAS, terms(), 364, reminder_days=0)
    assert [s for s in silent.subjects() if "renews on" in s] == []
    asked = life(CALIFORNIA, terms(), 364, reminder_days=0)
    assert [s for s in asked.subjects() if "renews on" in s] == [
        "[TEST] Course renews on January 31, 2027"
    ]


@pytest.mark.spec("X-12", "R-8")
def test_a_renewal_after_a_year_is_announced_25_days_before_everywhere() -> None:
    world = life(TEXAS, terms(), 339)
    assert not any("renews on" in s for s in world.subjects())
    world.advance(days=2)
    assert sum("renews on" in s for s in world.subjects()) == 1


@pytest.mark.spec("X-12")
def test_a_reminder_once_a_year_says_what_is_paid_and_how_to_cancel() -> None:
    world = life(CALIFORNIA, terms(Period.WEEKLY), 400)
    found = [m for m in world.mailer.sent if "Your subscription to Course" in m["Subject"]]
    assert len(found) == 1
    text = found[0].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "yearly reminder" in text and "$29.99" in text and "cancel" in text
    (proof,) = records(world)
    assert (proof.kind, proof.address) == ("yearly_reminder", "ann@example.com")
    assert proof.text == text or proof.text in text
    assert proof.text_hash == sha256(proof.text.encode()).hexdigest()
    assert proof.message_id is not None and "amazonses" in proof.message_id


@pytest.mark.spec("X-12", "X-10")
def test_the_last_day_to_cancel_stands_in_a_box_where_a_law_asks_for_the_notice() -> None:
    paris = Address("1 rue de la Paix", "Paris", "FR", postal_code="75002")
    world = life(paris, terms(), 334, reminder_days=0)
    (found,) = (mail for mail in world.mailer.sent if "renews on" in mail["Subject"])
    last_day = "The last day to cancel before this renewal is January 30, 2027."
    text, page = (
        found.get_body((part,)).get_content()  # type: ignore[union-attr]
        for part in ("plain", "html")
    )
    assert f"----\n{last_day}\n----" in text
    assert re.search(rf"<p style=[^>]*border:2px[^>]*>{last_day}</p>", page)
    (proof,) = records(world)
    assert last_day in proof.text
    texan = life(TEXAS, terms(), 364)
    assert not any("last day to cancel" in str(mail) for mail in texan.mailer.sent)


@pytest.mark.spec("X-12")
def test_a_notice_that_no_region_asks_for_leaves_no_proof() -> None:
    assert records(life(TEXAS, terms(Period.MONTHLY), 60)) == []
    assert len(records(life(TEXAS, terms(Period.MONTHLY, 14), 14))) == 1, "the card schemes ask"


@pytest.mark.spec("X-12", "R-8")
def test_a_mail_whose_proof_is_not_written_is_not_sent_again_and_is_proved_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = life(CALIFORNIA, terms(), 1)
    keep, failing = proofs.keep, [True]

    def broken(ports: Ports, event: object, *rest: object) -> None:
        if failing and getattr(event, "kind", None) is EventKind.RENEWAL_UPCOMING:
            failing.clear()
            raise Unavailable("no answer")
        keep(ports, event, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(proofs, "keep", broken)
    world.advance(days=345)
    assert sum("renews on" in s for s in world.subjects()) == 1
    (proof,) = records(world)
    assert proof.message_id is None and "renews on" in proof.text


@pytest.mark.spec("X-12", "R-9")
def test_a_notice_whose_window_closed_unsent_rings_an_alarm_until_somebody_looked() -> None:
    world = life(CALIFORNIA, terms(), 300)
    due_at = world.subscription().next_charge_at
    assert due_at is not None
    world.now = due_at - timedelta(days=10)  # no sweep has run for weeks
    assert missed.others(world.ports, now=world.now), "that alone rings the alarm, long before"
    remind.sweep(world.ports, now=world.now)
    (found,) = world.store.missed_notices("acme", limit=10)
    assert found.closed_at < world.now and found.event.startswith(world.subscription().id)
    world.work()
    assert sum("renews on" in s for s in world.subjects()) == 1, "late, but before the payment"
    (rings,) = missed.others(world.ports, now=world.now)
    assert rings.due.owner == ("acme", found.id)
    remind.see(world.ports, "acme", found.id, now=world.now)
    assert missed.others(world.ports, now=world.now) == []
    assert world.store.missed_notice("acme", found.id).seen_at == world.now  # type: ignore[union-attr]


@pytest.mark.spec("X-12", "M-8")
def test_an_erased_customer_leaves_the_hash_and_the_time_of_their_notices() -> None:
    world = life(CALIFORNIA, terms(), 345)
    (before,) = records(world)
    world.cancel(When.NOW)
    world.advance(days=1)
    customer = world.subscription().customer
    erase.one(world.ports, "acme", customer, now=world.now)
    (after,) = world.store.notice_records("acme", customer, None, 10)
    assert (after.text, after.address) == (ERASED, ERASED)
    assert (after.text_hash, after.sent_at) == (before.text_hash, before.sent_at)


def test_a_missed_notice_is_found_by_its_own_id() -> None:
    assert MissedNotice.due_kind.value == "DECIDE"


@pytest.mark.spec("X-12", "B-8")
def test_who_moves_to_a_region_with_an_earlier_notice_gets_it_in_time() -> None:
    world = life(BERLIN, terms(), 320)
    found = world.subscription()
    before = found.next_charge_at
    assert before is not None
    addresses.change(
        world.ports,
        world.merchant,
        found.customer,
        [found.id],
        name="Ann Example",
        address=PARIS,
        now=world.now,
    )
    world.work()
    world.advance(days=40)
    (told,) = records(world)
    assert told.sent_at <= before - timedelta(days=31)
