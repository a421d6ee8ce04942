"""The registry of outbox handlers: every kind has its mail, and no room takes over another's."""

from __future__ import annotations

import pytest

from billing.accounts.mail import handlers as account_mails
from billing.customers.mail import handlers as customer_mails
from billing.declarations.mail import handlers as declaration_mails
from billing.helpdesk.mail import handlers as helpdesk_mails
from billing.kernel.outbox_events import EventKind
from billing.outbox.mail import bank_decisions, notices, payments, subscriptions
from billing.runtime import handlers

ROOMS = (
    *(account_mails, customer_mails, declaration_mails, helpdesk_mails),
    *(bank_decisions, notices, payments, subscriptions),
)


@pytest.mark.spec("R-8")
def test_every_kind_of_event_is_mailed_or_withdraws_a_payment() -> None:
    (withdrawn,) = (each.kinds for each in handlers.CONSUMERS if each.name == "withdrawals")
    counted = {EventKind.OFFER_SHOWN, EventKind.OFFER_TAKEN}
    assert handlers.MAILS.keys() | withdrawn | counted == set(EventKind)
    assert set(EventKind) - handlers.MAILS.keys() == {EventKind.PAYMENT_VOID} | counted


def test_the_names_of_consumers_stay_because_events_keep_them() -> None:
    names = [each.name for each in handlers.CONSUMERS]
    assert names == [
        *("accounts", "lists", "cards", "credit", "withdrawals", "tax", "offers"),
        *("notices", "sources", "mail", "event_log"),
    ]


def test_no_kind_is_registered_twice() -> None:
    assert sum(len(room.MAILS) for room in ROOMS) == len(handlers.MAILS)
