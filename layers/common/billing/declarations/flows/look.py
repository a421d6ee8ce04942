"""Looks at declarations: carries out what is verified, asks about the rest (X-10)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from billing.cancel import charge_hold
from billing.cancel.flows import release_hold
from billing.declarations import declarations
from billing.declarations.declarations import (
    ABOUT_MOST,
    DECIDED_ON,
    HELD_FOR,
    Declaration,
    DeclarationOf,
    DeclarationState,
    Kind,
    Reason,
)
from billing.declarations.flows import carry_out, receive
from billing.kernel.due import DueKind
from billing.kernel.flows import due as kernel_due
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind
from billing.kernel.ports import Ports
from billing.kernel.storage import Due
from billing.kernel.subscription import Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Transaction

OPEN_MOST = 50
"""The most declarations of one customer that are looked at for one that was asked already."""

DENIED = "declaration_denied"
DENIED_FOR = timedelta(days=30)
"""The time after "this wasn't me" in which an unverified declaration holds nothing."""


def sweep(
    ports: Ports,
    *,
    now: datetime,
    limit: int = 200,
    keep_going: Callable[[], bool] = lambda: True,
) -> Counter[str]:
    """Acts on declarations whose due date has come; a replay finds nothing left."""
    dues = kernel_due.overdue(ports, DueKind.DECLARATION, now=now, limit=limit)
    look = partial(_look, ports, now)
    seen = kernel_due.answer(ports, dues, look, now=now, keep_going=keep_going)
    return Counter(due=len(dues)) + seen


def customers_declarations(ports: Ports, merchant: str, customer: str) -> list[Declaration]:
    """Returns a customer's newest declarations."""
    named = ports.store.declarations_of(merchant, customer, OPEN_MOST)
    found = (ports.store.declaration(merchant, each.declaration) for each in named)
    return [each for each in found if each is not None]


def remember_no(ports: Ports, merchant: str, customer: str, now: datetime) -> None:
    """Notes that a customer said "this wasn't me": until `DENIED_FOR` is over nothing is held."""
    ports.ephemeral.replace(DENIED, f"{merchant}\n{customer}", "yes", expires_at=now + DENIED_FOR)


def _said_no(ports: Ports, merchant: str, customer: str | None, now: datetime) -> bool:
    return ports.ephemeral.get(DENIED, f"{merchant}\n{customer}", now=now) is not None


def _look(ports: Ports, now: datetime, due: Due) -> str:
    merchant_id, name = due.owner
    found, merchant = ports.store.declaration(merchant_id, name), ports.store.merchant(merchant_id)
    if found is None or merchant is None or found.due_at is None or found.due_at > now:
        return "stale"
    if found.is_verified:
        return carry_out.carry_out(ports, found, now)
    if found.state is DeclarationState.ASKED:
        return _unanswered(ports, merchant, found, now)
    return _ask(ports, found, now)


def _ask(ports: Ports, found: Declaration, now: datetime) -> str:
    """Asks the address on file whether it was them, and holds what would be charged meanwhile."""
    customer = ports.store.customer_by_email(found.merchant, found.declared.contact)
    held = None if customer is None else ports.store.holdings(found.merchant, customer)
    if customer is None or held is None or held.customer is None or held.customer.is_erased:
        return _to_agent(ports, found, Reason.NO_PURCHASE)
    about = carry_out.likely(ports, found, customer, held.subscriptions)
    if len(about) > ABOUT_MOST:
        return _to_agent(ports, found, Reason.SEVERAL, customer)
    if not about and found.declared.kind is not Kind.WITHDRAWAL:
        return _to_agent(ports, found, Reason.NOTHING_RUNS, customer)
    if _said_no(ports, found.merchant, customer, now):
        return _to_agent(ports, found, Reason.TOO_MANY, customer)
    holds = [write for each in about for write in _hold(found, each, now)]
    asked = found.asked(customer, tuple(each.id for each in about), held=bool(holds))
    asked = replace(asked, due_at=found.at + HELD_FOR)
    first = not any(
        each.state is DeclarationState.ASKED and each.duty is found.duty
        for each in customers_declarations(ports, found.merchant, customer)
    )
    shard = ports.shard_of(found.id)
    mail = declarations.event(EventKind.DECLARATION_ASKED, asked, now, shard)
    ports.store.commit(
        Change(found, asked, expecting=DECIDED_ON),
        Insert(DeclarationOf(found.merchant, customer, found.id)),
        *holds,
        *((Insert(mail),) if first else ()),
    )
    return "asked"


def _hold(found: Declaration, subscription: Subscription, now: datetime) -> Transaction:
    """Holds a subscription's charges, but not those before the later day that is asked for."""
    if found.waits_until(subscription, now) is not None:
        return ()
    return charge_hold.hold(subscription, found.id, found.at)


def _to_agent(ports: Ports, found: Declaration, why: Reason, customer: str | None = None) -> str:
    """Leaves it to a person; it holds nothing."""
    left = replace(found.for_agent(why), customer=customer)
    known = () if customer is None else (Insert(DeclarationOf(found.merchant, customer, found.id)),)
    ports.store.commit(Change(found, left, expecting=DECIDED_ON), *known)
    return "to_agent"


def _unanswered(ports: Ports, merchant: Merchant, found: Declaration, now: datetime) -> str:
    """Cancels as of the declaration what nobody denied within a week.

    One of too many within an hour is a person's to decide: what it held is charged. A "no" is for
    all of that customer, also for those that it could not read at once.
    """
    if _said_no(ports, found.merchant, found.customer, now):
        denied = Change(found, found.denied(now), expecting=DECIDED_ON)
        ports.store.commit(denied, *released(ports, merchant, found, now, denied=True))
        return "denied"
    if receive.was_flooded(ports, found, now):
        left = found.for_agent(Reason.TOO_MANY)
        ports.store.commit(
            Change(found, left, expecting=DECIDED_ON), *released(ports, merchant, found, now)
        )
        return "to_agent"
    return carry_out.carry_out(ports, found, now)


def holding(ports: Ports, found: Declaration) -> list[Declaration]:
    """Returns the declarations that hold what this one is about: a "no" to it is for them too."""
    about = carry_out.bought(ports, found, found.about)
    names = {each.held_for for each in about if each.held_for is not None}
    read = (ports.store.declaration(found.merchant, name) for name in names)
    return [each for each in read if each is not None]


def let_go_of(
    ports: Ports, found: Declaration, about: tuple[str, ...], now: datetime
) -> Transaction:
    """Returns the writes that let go of subscriptions that a declaration did not mean."""
    return release_hold.let_go(ports, carry_out.bought(ports, found, about), found.id, now)


def released(
    ports: Ports, merchant: Merchant, found: Declaration, now: datetime, *, denied: bool = False
) -> Transaction:
    """Returns the writes that let go of what a declaration held; what was due is charged now."""
    held = carry_out.bought(ports, found, found.about)
    return release_hold.release(ports, held, found.id, merchant, now, denied=denied)
