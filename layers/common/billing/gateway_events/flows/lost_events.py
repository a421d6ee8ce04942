"""Events that no webhook delivered: looked for at every account in turn (W-1, W-6)."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from billing.gateway_events.flows import webhook
from billing.kernel.errors import Conflict, NotFound, Unavailable
from billing.kernel.gateways import AccountRef
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports

LOOKED = "gateway_events"
LAST = "last account"
"""The key of the account that was looked at last, beside the accounts' own keys, which hold a
`#`."""

EVENTS_AT_ONCE = 100
"""The number of events of one account that are taken before the others have their turn."""

LOOKS_BACK = timedelta(days=30)
"""The time for which gateways list events: the shortest of those we know."""

OVERLAP = timedelta(hours=1)
"""The time by which a gateway may list events late, and its clock be off."""


def catch_up(
    ports: Ports, *, now: datetime, keep_going: Callable[[], bool] = lambda: True
) -> Counter[str]:
    """Handles lost events: those at each account since the last look.

    Begins behind the account that was looked at last, and goes round. Events that were not all
    handled, for want of time or of an answer, are where the next look begins. An event that our
    code breaks on holds up no other: its error is raised at the end.
    """
    tally: Counter[str] = Counter()
    first: Exception | None = None
    line = deque(
        (account, _catch_up_with(ports, merchant, account, now, keep_going, tally))
        for merchant, account in _behind_the_last(ports, now)
    )
    while line and keep_going():
        account, looking = line.popleft()
        # Written beforehand: a process that this account kills goes on behind it.
        ports.ephemeral.replace(LOOKED, LAST, _key(account), expires_at=now + LOOKS_BACK)
        try:
            next(looking)
            line.append((account, looking))
        except StopIteration:
            continue
        except (Conflict, NotFound, Unavailable) as error:
            tally[error.code] += 1
        except Exception as error:
            first = first or error
    if first is not None:
        raise first
    return tally


def _behind_the_last(ports: Ports, now: datetime) -> list[tuple[Merchant, AccountRef]]:
    """Lists all merchants' accounts in turn, from the one behind the last that was looked at."""

    def place(of: tuple[Merchant, AccountRef]) -> str:
        return _key(of[1])

    accounts = sorted(
        (
            (merchant, AccountRef(merchant.id, held.gateway, held.id))
            for merchant in ports.store.merchants()
            for held in merchant.gateway_accounts
        ),
        key=place,
    )
    last = ports.ephemeral.get(LOOKED, LAST, now=now) or ""
    start = bisect_right(accounts, last, key=place)
    return [*accounts[start:], *accounts[:start]]


def _key(account: AccountRef) -> str:
    return f"{account.merchant}#{account.gateway}#{account.account}"


def _catch_up_with(
    ports: Ports,
    merchant: Merchant,
    account: AccountRef,
    now: datetime,
    keep_going: Callable[[], bool],
    tally: Counter[str],
) -> Iterator[None]:
    """Handles one account, oldest event first, in turns with the others.

    Raises the first error when its events are handled.
    """
    key = _key(account)
    seen = ports.ephemeral.get(LOOKED, key, now=now)
    since = now - LOOKS_BACK if seen is None else datetime.fromisoformat(seen) - OVERLAP
    looked_until: datetime = now
    first: Exception | None = None

    def keep(until: datetime) -> None:
        ports.ephemeral.replace(LOOKED, key, until.isoformat(), expires_at=now + LOOKS_BACK)

    for number, event in enumerate(ports.gateway(account).events_since(since)):
        if number and number % EVENTS_AT_ONCE == 0:
            keep(min(looked_until, event.at + OVERLAP))
            yield
        if not keep_going():
            looked_until = min(looked_until, event.at + OVERLAP)
            break
        try:
            tally.update(webhook.take(ports, merchant, account, event, now=now))
        except Exception as error:
            looked_until = min(looked_until, event.at + OVERLAP)
            first = first or error
            if isinstance(error, Unavailable):
                break  # nor would it answer for the next
    keep(looked_until)
    if first is not None:
        raise first
