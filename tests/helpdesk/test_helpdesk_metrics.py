"""The figures of a helpdesk, against plain arithmetic over its tickets."""

from __future__ import annotations

from datetime import datetime, timedelta
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.helpdesk.helpdesk_metrics import figures
from billing.helpdesk.tickets import Ticket, TicketState
from billing.kernel.departments import PLATFORM
from tests.storage.examples import T0

HOURS = st.integers(0, 500)


def ticket(department: str, asked: int, answered: int | None, decided: int | None) -> Ticket:
    def at(hours: int | None) -> datetime | None:
        return None if hours is None else T0 + timedelta(hours=asked + hours)

    return Ticket(
        id="tic_1",
        merchant="acme",
        department=department,
        email="ann@example.com",
        subject="Hi",
        requested_at=T0 + timedelta(hours=asked),
        shard=0,
        access_key="key",
        state=TicketState.CLOSED if decided is not None else TicketState.OPEN,
        first_answered_at=at(answered),
        decided_at=at(decided),
    )


tickets = st.lists(
    st.builds(
        ticket,
        st.sampled_from([each.id for each in PLATFORM]),
        HOURS,
        st.none() | HOURS,
        st.none() | HOURS,
    ),
    max_size=30,
)


@pytest.mark.spec("H-1")
@given(tickets)
def test_each_departments_figures_are_its_own_tickets(found: list[Ticket]) -> None:
    now = T0 + timedelta(hours=1000)
    waiting = [each for each in found if each.is_waiting]
    shown = figures(PLATFORM, found, waiting, now)
    assert [each.department for each in shown] == list(PLATFORM)
    for each in shown:
        own = [t for t in found if t.department == each.department.id]
        assert each.asked == len(own)
        answers = [t.first_answered_at - t.requested_at for t in own if t.first_answered_at]
        if answers:
            assert each.first_answer is not None
            exact = median(answers)
            assert abs(each.first_answer - exact) <= timedelta(seconds=1)
        else:
            assert each.first_answer is None
        days = [(now - t.requested_at).total_seconds() / 86400 for t in own if t.is_waiting]
        assert each.open_by_age == (
            sum(d < 1 for d in days),
            sum(1 <= d < 3 for d in days),
            sum(3 <= d < 7 for d in days),
            sum(d >= 7 for d in days),
        )
