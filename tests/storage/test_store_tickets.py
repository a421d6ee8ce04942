"""Every store keeps tickets alike: threads, queues, alarms, and whose they are."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billing.helpdesk import decisions
from billing.helpdesk.messages import Author, Message
from billing.helpdesk.tickets import Detail, Ownership, Ticket, TicketOf, TicketState, TicketType
from billing.kernel.departments import PLATFORM
from billing.kernel.due import DueKind
from billing.kernel.errors import Invalid
from billing.kernel.merchants import Departments, Merchant, Settings
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from tests.storage.conftest import Backend
from tests.storage.examples import DAY, MERCHANT, T0, customer

HOUR = timedelta(hours=1)


def ticket(n: int = 1, **fields: Any) -> Ticket:
    return Ticket(
        **{
            "id": f"tic_{n}",
            "merchant": MERCHANT,
            "department": "billing",
            "email": "ann@example.com",
            "subject": "Please",
            "requested_at": T0 + n * HOUR,
            "shard": 0,
            "access_key": f"key_{n}",
            "customer": "cus_1",
            "ownership": Ownership.LINK,
            "wish": TicketType.CANCEL,
            "about": "sub_1",
            "details": (Detail("site", "example.com"),),
            "unanswered_since": T0 + n * HOUR,
            "due_at": T0 + 7 * DAY,
            **fields,
        }
    )


def put(backend: Backend, *entities: Any) -> None:
    backend.store.commit_each([(Insert(entity),) for entity in entities])


def message(n: int, of: Ticket, **fields: Any) -> Message:
    at = of.requested_at + n * HOUR
    return replace(
        Message(f"msg_{n}", MERCHANT, of.id, at, Author.AGENT, f"No. {n}\nGood."), **fields
    )


@pytest.mark.spec("H-2")
def test_a_thread_is_the_ticket_and_its_messages_oldest_first(backend: Backend) -> None:
    asked = ticket()
    said = [message(n, asked, internal=n == 2, masked=n) for n in range(3)]
    put(backend, asked, *reversed(said), ticket(2), message(9, ticket(2)))
    thread = backend.store.thread(MERCHANT, "tic_1")
    assert thread is not None
    for limit, cursor in ((9, None), (3, None)):
        assert backend.store.thread_page(MERCHANT, "tic_1", limit=limit, cursor=cursor) == thread
    newest = backend.store.thread_page(MERCHANT, "tic_1", limit=2)
    assert newest is not None and list(newest.messages) == said[1:]
    before = backend.store.thread_page(MERCHANT, "tic_1", limit=2, cursor=newest.older)
    assert before == replace(thread, messages=tuple(said[:1]))
    with pytest.raises(Invalid, match="cursor_unknown"):
        backend.store.thread_page(MERCHANT, "tic_2", limit=2, cursor=newest.older)
    assert backend.store.thread_page(MERCHANT, "tic_9", limit=2) is None
    assert (thread.ticket, list(thread.messages)) == (asked, said)
    assert backend.store.ticket(MERCHANT, "tic_1") == asked
    assert backend.store.thread(MERCHANT, "tic_9") is None
    assert backend.store.thread("mer_2", "tic_1") is None


@pytest.mark.spec("H-2")
def test_a_customers_tickets_are_beside_what_they_bought_newest_first(backend: Backend) -> None:
    mine, theirs = [ticket(n) for n in (1, 2, 3)], ticket(4, customer="cus_2")
    put(backend, customer(), *mine, theirs)
    put(
        backend,
        *(TicketOf(MERCHANT, t.customer or "", t.id, t.requested_at) for t in (*mine, theirs)),
    )
    assert list(backend.store.tickets_of(MERCHANT, "cus_1", limit=9).data) == mine[::-1]
    assert backend.store.tickets_of(MERCHANT, "cus_9", limit=9).data == ()
    first = backend.store.tickets_of(MERCHANT, "cus_1", limit=len(mine) - 1)
    rest = backend.store.tickets_of(MERCHANT, "cus_1", limit=9, cursor=first.next)
    assert [*first.data, *rest.data] == mine[::-1]
    assert rest.next is None
    assert backend.store.history(MERCHANT, "cus_1").customer == customer()


@pytest.mark.spec("H-1")
def test_a_queue_holds_what_waits_longest_first_until_it_is_decided(backend: Backend) -> None:
    first, second, other = ticket(1), ticket(2), ticket(3, department="help")
    put(backend, second, first, other)

    def queue(department: str) -> list[str]:
        return [t.id for t in backend.store.waiting_tickets(MERCHANT, department, 9)]

    assert (queue("billing"), queue("help")) == (["tic_1", "tic_2"], ["tic_3"])
    decided = decisions.decline(first, T0 + DAY, "agent")
    backend.store.commit(Change(first, decided, expecting=decisions.DECIDED_ON))
    assert queue("billing") == ["tic_2"]
    again = replace(decided, unanswered_since=T0 + 2 * DAY)
    backend.store.commit(Change(decided, again))
    assert queue("billing") == ["tic_1", "tic_2"]
    passed = replace(second, department="help")
    backend.store.commit(Change(second, passed))
    assert (queue("billing"), queue("help")) == (["tic_1"], ["tic_2", "tic_3"])
    assert [t.id for t in backend.store.waiting_tickets(MERCHANT, "help", 1)] == ["tic_2"]


def test_all_of_a_merchants_are_listed_newest_first(backend: Backend) -> None:
    asked = [ticket(n, state=TicketState.CLOSED, unanswered_since=None) for n in range(1, 6)]
    put(backend, *asked)
    span = {"since": T0, "until": T0 + DAY}
    found: list[Ticket] = []
    cursor: str | None = None
    while True:
        page = backend.store.tickets(MERCHANT, **span, limit=2, cursor=cursor)
        found += page.data
        cursor = page.next
        if cursor is None:
            break
    assert found == list(reversed(asked))
    assert backend.store.tickets("mer_2", **span, limit=9).data == ()


@pytest.mark.spec("H-4")
def test_an_alarm_stands_until_it_is_answered(backend: Backend) -> None:
    asked = ticket()
    put(backend, asked)
    assert backend.store.due(DueKind.TICKET, 0, T0 + 6 * DAY, 9) == []
    (due,) = backend.store.due(DueKind.TICKET, 0, T0 + 7 * DAY, 9)
    assert (due.owner, due.due_at) == ((MERCHANT, "tic_1"), T0 + 7 * DAY)
    (moved,) = backend.store.lease_each([due], T0 + 8 * DAY)
    assert moved.due_at == T0 + 8 * DAY
    assert backend.store.lease_each([due], T0 + 9 * DAY) == []
    stands = backend.store.ticket(MERCHANT, "tic_1")
    assert stands is not None and stands.due_at == T0 + 8 * DAY
    done = decisions.decline(stands, T0 + DAY, "agent")
    backend.store.commit(Change(stands, done, expecting=decisions.DECIDED_ON))
    assert backend.store.due(DueKind.TICKET, 0, T0 + 99 * DAY, 9) == []


@pytest.mark.spec("H-1")
def test_a_merchants_departments_come_back_as_they_were(backend: Backend) -> None:
    settings = Settings(departments=Departments(refund="technical-support", all=PLATFORM))
    put(backend, Merchant(MERCHANT, "Acme", "a@example.com", T0, settings))
    found = backend.store.merchant(MERCHANT)
    assert found is not None and found.settings == settings
