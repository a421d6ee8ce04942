"""Stops mail to an address whose mail came back; the merchant may lift that again (R-8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from billing.kernel.errors import Conflict, NotFound
from billing.kernel.ports import Ports
from billing.kernel.writes import Change, Insert, Remove
from billing.notices.flows import look_sooner, proofs
from billing.outbox.suppressions import MailStop, OfNotice, Returned, outweighs, stop_of


def record(ports: Ports, returned: Sequence[Returned]) -> Counter[str]:
    """Stops mail to addresses whose mail came back; a repeated report makes one stop.

    A notice that came back told nobody (X-12). That is noted after the stop: one that is just being
    proved looks for a stop after its proof.
    """
    tally: Counter[str] = Counter(stopped=0)
    for each in returned:
        tally["stopped" if _stop(ports, each) else "known"] += 1
        if each.notice is not None:
            tally["untold"] += _take_back(ports, each, each.notice)
    return tally


def _stop(ports: Ports, returned: Returned) -> bool:
    """Stops mail to an address; returns whether it was not stopped for as strong a reason."""
    stop = stop_of(returned)
    current = ports.store.mail_stop(returned.merchant, returned.email)
    if current is not None and not outweighs(stop, current):
        return False
    try:
        ports.store.commit(Insert(stop) if current is None else Change(current, stop))
    except Conflict:
        return False  # another delivery of the same report was first
    return True


def _take_back(ports: Ports, returned: Returned, notice: OfNotice) -> bool:
    """Notes that a notice came back; who has another address by now is told there."""
    merchant, customer, event = returned.merchant, notice.customer, notice.event
    if not proofs.came_back(ports, merchant, customer, event, notice.message_id, returned.at):
        return False
    found = ports.store.customer(merchant, customer)
    takes_mail = found is not None and ports.store.mail_stop(merchant, found.email) is None
    if takes_mail:
        look_sooner.to_one(ports, merchant, customer, event, returned.at)
    return True


def of_customer(ports: Ports, merchant: str, customer: str) -> MailStop | None:
    """Returns the stop on a customer's present address, if any; raises `NotFound`."""
    found = ports.store.customer(merchant, customer)
    if found is None:
        raise NotFound("customer_unknown")
    return ports.store.mail_stop(merchant, found.email)


def lift(ports: Ports, merchant: str, customer: str, *, now: datetime) -> None:
    """Lets mail go to a customer's address again; a notice that could not be told is told (X-12).

    Raises `NotFound` for no such customer.
    """
    stop = of_customer(ports, merchant, customer)
    if stop is not None:
        ports.store.commit(Remove(stop))
        look_sooner.to_each(ports, merchant, customer, now)
