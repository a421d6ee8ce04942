"""Stops mail to an address whose mail came back; the merchant may lift that again (R-8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from billing.kernel.errors import Conflict, NotFound
from billing.kernel.ports import Ports
from billing.kernel.writes import Change, Insert, Remove
from billing.notices.flows import look_sooner
from billing.outbox.suppressions import MailStop, Returned, outweighs, stop_of


def record(ports: Ports, returned: Sequence[Returned]) -> Counter[str]:
    """Stops mail to addresses whose mail came back; a repeated report makes one stop."""
    tally: Counter[str] = Counter(stopped=0)
    for each in returned:
        stop = stop_of(each)
        current = ports.store.mail_stop(each.merchant, each.email)
        if current is not None and not outweighs(stop, current):
            tally["known"] += 1
            continue
        try:
            ports.store.commit(Insert(stop) if current is None else Change(current, stop))
            tally["stopped"] += 1
        except Conflict:
            tally["known"] += 1  # another delivery of the same report was first
    return tally


def of_customer(ports: Ports, merchant: str, customer: str) -> MailStop | None:
    """Returns the stop on a customer's present address, if any; raises `NotFound`."""
    found = ports.store.customer(merchant, customer)
    if found is None:
        raise NotFound("customer_unknown")
    return ports.store.mail_stop(merchant, found.email)


def lift(ports: Ports, merchant: str, customer: str, *, now: datetime) -> None:
    """Lets mail go to a customer's address again; a price that could not be told is told (X-12).

    Raises `NotFound` for no such customer.
    """
    stop = of_customer(ports, merchant, customer)
    if stop is not None:
        ports.store.commit(Remove(stop))
        look_sooner.to_untold_prices(ports, merchant, customer, now)
