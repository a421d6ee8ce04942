"""The consumers of the outbox: none delays another, and none sees twice what it is done with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from billing.kernel.errors import Conflict, Unreachable
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind, LeftOut, OutboxEvent
from billing.kernel.ports import Consumer, Ports
from billing.kernel.subscription import When
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Remove
from billing.outbox.flows import age, deliver
from tests.helpdesk.tickets.asking import ask_support
from tests.hurry import Dead, room_for
from tests.world import World

SWEEPS_LATER = timedelta(hours=1)


class Calls:
    """A consumer that counts the events it was handed, and fails as long as it is told to."""

    def __init__(self, error: BaseException | None = None, left_out: LeftOut | None = None) -> None:
        self.error = error
        self.left_out = left_out
        self.seen: Counter[str] = Counter()

    def __call__(
        self, ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime
    ) -> LeftOut | None:
        self.seen[event.id] += 1
        if self.error is not None:
            raise self.error
        return self.left_out


def consuming(world: World, **consumers: Calls) -> None:
    """Replaces the consumers of a world's outbox."""
    kinds = frozenset(EventKind)
    each = tuple(Consumer(name, kinds, calls) for name, calls in consumers.items())
    world.ports = replace(world.ports, consumers=lambda: each)


def waiting(world: World) -> list[OutboxEvent]:
    return [event for shard in range(4) for event in waiting_in(world, shard)]


def waiting_in(world: World, shard: int) -> list[OutboxEvent]:
    return world.store.undelivered(shard, world.now + timedelta(days=400), 100)


def sweep(world: World, **how: Any) -> Counter[str]:
    world.now += SWEEPS_LATER
    return deliver.sweep(world.ports, now=world.now, **how)


@pytest.fixture
def world() -> World:
    """A world with one event in its outbox."""
    world = World()
    world.buy()
    assert len(waiting(world)) == 1
    return world


@pytest.mark.spec("R-8")
@pytest.mark.parametrize("failing", ["first", "last"])
@pytest.mark.parametrize("error", [Unreachable("It does not answer."), Conflict()])
def test_a_consumer_that_fails_delays_no_other_and_repeats_none(
    world: World, failing: str, error: Exception
) -> None:
    good, bad = Calls(), Calls(error)
    consumers = {"last": {"good": good, "bad": bad}, "first": {"bad": bad, "good": good}}[failing]
    consuming(world, **consumers)
    (event,) = waiting(world)
    assert sweep(world) == {"unsent": 1}
    (noted,) = waiting(world)
    assert (noted.done, noted.failures) == (("good",), 1)
    for _ in range(3):
        sweep(world)
    assert good.seen == {event.id: 1} and bad.seen[event.id] == 4
    bad.error = None
    assert sweep(world) == {"told": 1}
    assert good.seen == {event.id: 1} and waiting(world) == []


@pytest.mark.spec("R-8")
@pytest.mark.parametrize("order", [("noting", "mail"), ("mail", "noting")])
def test_the_lost_answer_to_a_note_of_a_consumers_own_repeats_no_mail(
    world: World, order: tuple[str, str]
) -> None:
    """A consumer that notes itself may have done so though it had no answer."""
    mail, ran = Calls(), Counter[str]()

    def noting(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> None:
        noted = replace(event, done=(*event.done, "noting"))
        ports.store.commit(Change(event, noted, expecting=("claimed_until",)))
        ran[event.id] += 1
        raise Unreachable("The answer is lost.")

    kinds = frozenset(EventKind)
    each = {
        "mail": Consumer("mail", kinds, mail),
        "noting": Consumer("noting", kinds, noting, notes_itself=True),
    }
    world.ports = replace(world.ports, consumers=lambda: [each[name] for name in order])
    for _ in range(2):
        sweep(world)
    assert (mail.seen.total(), ran.total(), waiting(world)) == (1, 1, [])


@pytest.mark.spec("R-8")
def test_a_consumer_that_our_code_breaks_on_is_raised_once_the_others_are_done(
    world: World,
) -> None:
    broken, good = Calls(KeyError("a defect")), Calls()
    consuming(world, broken=broken, good=good)
    for times in (1, 2):
        with pytest.raises(KeyError, match="a defect"):
            sweep(world)
        assert broken.seen.total() == times and good.seen.total() == 1
    (noted,) = waiting(world)
    assert (noted.done, noted.failures) == (("good",), 2)


@pytest.mark.spec("R-8")
def test_a_mail_that_was_left_out_is_remembered_while_another_consumer_fails(world: World) -> None:
    mail, bad = Calls(left_out=LeftOut.NOBODY), Calls(Unreachable("It does not answer."))
    consuming(world, mail=mail, bad=bad)
    sweep(world)
    (noted,) = waiting(world)
    assert (noted.done, noted.left_out) == (("mail",), LeftOut.NOBODY)
    bad.error = None
    assert sweep(world) == {"left_out": 1}
    assert mail.seen.total() == 1


@pytest.mark.spec("R-8")
def test_what_there_was_no_time_for_is_noted_and_free_for_the_next_run(world: World) -> None:
    one, two, three = Calls(), Calls(), Calls()
    consuming(world, one=one, two=two, three=three)
    assert sweep(world, keep_going=room_for(2)) == {"late": 1}
    (noted,) = waiting(world)
    assert (noted.done, noted.failures) == (("one", "two"), 0)
    assert deliver.sweep(world.ports, now=world.now) == {"told": 1}
    assert [each.seen.total() for each in (one, two, three)] == [1, 1, 1]


@pytest.mark.spec("R-8")
def test_a_process_that_dies_before_it_notes_anything_repeats_all_of_them(world: World) -> None:
    first, dying = Calls(), Calls(Dead())
    consuming(world, first=first, dying=dying)
    with pytest.raises(Dead):
        sweep(world)
    assert sweep(world, keep_going=lambda: False) == {"left": 1}
    dying.error = None
    assert sweep(world) == {"told": 1}
    assert first.seen.total() == 2


@pytest.mark.spec("R-8")
def test_an_event_that_is_handed_to_all_is_written_twice_claimed_and_removed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    consuming(world, one=Calls(), two=Calls(), three=Calls())
    written: list[tuple[str, ...]] = []
    commit: Callable[..., None] = world.store.commit

    def noted(*writes: Any) -> None:
        written.append(tuple(type(write).__name__ for write in writes))
        commit(*writes)

    monkeypatch.setattr(world.store, "commit", noted)
    assert sweep(world) == {"told": 1}
    assert written == [("Change",), ("Remove",)]


@pytest.mark.spec("R-8")
def test_a_kind_that_a_consumer_does_not_take_is_not_handed_to_it(world: World) -> None:
    sales, ends = Calls(), Calls()
    consumers = (
        Consumer("sales", frozenset({EventKind.PURCHASED}), sales),
        Consumer("ends", frozenset({EventKind.ENDED}), ends),
    )
    world.ports = replace(world.ports, consumers=lambda: consumers)
    sweep(world)
    world.cancel(When.NOW)
    sweep(world)
    assert (sales.seen.total(), ends.seen.total()) == (1, 1)


@pytest.mark.spec("R-8")
def test_who_could_not_claim_an_event_leaves_it_to_the_one_who_did(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, it was put off under the other's hands, which then could not remove it: a mail that
    had gone out went out again."""
    consumer = Calls()
    consuming(world, only=consumer)
    (event,) = waiting(world)
    commit: Callable[..., None] = world.store.commit

    def refused(*writes: Any) -> None:
        monkeypatch.setattr(world.store, "commit", commit)
        claim = replace(event, claimed_until=world.now + timedelta(minutes=5))
        commit(Change(event, claim))  # somebody else's
        raise Unreachable("It does not answer.")

    monkeypatch.setattr(world.store, "commit", refused)
    assert sweep(world) == {"unsent": 1}
    (theirs,) = waiting(world)
    assert theirs.claimed_until == world.now + timedelta(minutes=5)
    assert consumer.seen == {}


@pytest.mark.spec("R-8")
@pytest.mark.parametrize("error", [Unreachable("It does not answer."), KeyError("a defect")])
@pytest.mark.parametrize("refused", ["department", "requester"])
def test_of_two_mails_of_an_event_only_the_one_that_did_not_go_out_is_sent_again(
    world: World, error: Exception, refused: str
) -> None:
    world.work()
    asked = ask_support(world, world.orders()[0].id, None)
    sent, mailer = world.mailer.sent, world.mailer
    department, requester = world.merchant.email, asked.email
    first, other = (department, requester) if refused == "requester" else (requester, department)
    before = len(sent)

    class Choosy:
        def send(self, message: EmailMessage, *, now: datetime) -> str:
            if str(message["To"]) != first:
                raise error
            return mailer.send(message, now=now)

    world.ports = replace(world.ports, mailer=Choosy())
    for _ in range(2):
        with nullcontext() if isinstance(error, Unreachable) else pytest.raises(KeyError):
            sweep(world)
    assert [str(mail["To"]) for mail in sent[before:]] == [first]
    world.ports = replace(world.ports, mailer=mailer)
    assert sweep(world) == {"told": 1}
    assert [str(mail["To"]) for mail in sent[before:]] == [first, other]


# How long the oldest waits


@pytest.mark.spec("R-8")
def test_the_age_of_the_outbox_is_that_of_its_oldest_event_if_it_is_late(world: World) -> None:
    def after(**passed: int) -> Counter[str]:
        return age.measure(world.ports, now=world.now + timedelta(**passed))

    assert after(minutes=5) == {"age_seconds": 0}
    assert after(minutes=30) == {"age_seconds": 1800}
    world.now += timedelta(minutes=15)
    world.buy(email="bob@example.com")
    assert after(minutes=15) == {"age_seconds": 1800}
    world.now += timedelta(minutes=15)
    sweep(world)
    assert after(minutes=30) == {"age_seconds": 0}


@pytest.mark.spec("R-8", "W-5")
def test_what_waits_for_a_disarmed_merchant_does_not_count_and_hides_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(age, "PAGE", 2)
    world = World(shards=1)
    for number in range(5):
        world.buy(email=f"ann{number}@example.com")
    (*_, first) = waiting_in(world, 0)
    late = timedelta(minutes=30)
    other = Merchant("other", "Other", "hello@other.example", world.now)
    theirs = replace(first, merchant="other", id="theirs", at=first.at + timedelta(minutes=1))
    world.store.commit(Insert(other), Insert(theirs))
    world.change_merchant(armed=False)
    assert age.measure(world.ports, now=world.now + late) == {"age_seconds": 29 * 60}
    world.store.commit(Remove(theirs))
    assert age.measure(world.ports, now=world.now + late) == {"age_seconds": 0}
