"""Events that no webhook delivered: looked for at every account in turn (W-1, W-6)."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator
from datetime import datetime, timedelta

from billing.gateway_events.flows import webhook
from billing.jobs import jobs
from billing.jobs.flows.start import start
from billing.jobs.flows.steps import Kind
from billing.jobs.jobs import OVER, PLATFORM, Job, JobState, Step
from billing.kernel.errors import Conflict, NotFound, Unavailable
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.gateways import AccountRef
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.walks import Seen

JOB = "lost_events"
"""The id and kind of the job that looks; there is one at a time."""

EVERY = timedelta(hours=1)
"""The time from the beginning of one look to that of the next."""

LOOKED = "gateway_events"
LAST = "last account"
"""The key of the account that was looked at last, beside the accounts' own keys, which hold a
`#`."""

EVENTS_AT_ONCE = 100
"""The number of events of one account that are taken before the others have their turn."""

LOOKS_BACK = timedelta(days=30)
"""The time for which gateways list events: the shortest of those we know."""

TURN = "turn"
"""Ends the key of when an account had its turn: all its events were handled, or it did not
answer."""

OVERLAP = timedelta(hours=1)
"""The time by which a gateway may list events late, and its clock be off."""


def begin(ports: Ports, *, now: datetime) -> Counter[str]:
    """Starts a look, an hour after the last one began.

    One that failed is replaced too, or a single account on which our code breaks would end all
    looks; one that is paused is not.
    """
    found = ports.store.job(PLATFORM, JOB)
    if found is not None and now < found.created_at + EVERY:
        return Counter()
    job = jobs.new(PLATFORM, JOB, JOB, now)
    began = start(ports, job, now=now, replaces=OVER | {JobState.FAILED}) is job
    return Counter(lost_events=int(began))


def _steps(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Iterator[Step]:
    """Looks at accounts in turn; where each has got to is kept with it, and not in the job.

    What an earlier slice looked at is passed over, or many accounts would go round for ever.
    """
    for account in _looks(ports, now, keep_going, Counter(), begun_at=job.created_at):
        yield Step(account)
    if not keep_going():
        yield Step(job.cursor, Seen.MORE)


LOOK = Kind(_steps)


def catch_up(
    ports: Ports, *, now: datetime, keep_going: Callable[[], bool] = lambda: True
) -> Counter[str]:
    """Handles lost events: those at each account since the last look.

    Begins behind the account that was looked at last, and goes round. Events that were not all
    handled, for want of time or of an answer, are where the next look begins. An event that our
    code breaks on holds up no other: its error is raised at the end.
    """
    tally: Counter[str] = Counter()
    for _ in _looks(ports, now, keep_going, tally):
        pass
    return tally


def _looks(
    ports: Ports,
    now: datetime,
    keep_going: Callable[[], bool],
    tally: Counter[str],
    *,
    begun_at: datetime | None = None,
) -> Iterator[str]:
    """Handles some events of one account after the other; yields the account's key.

    Those that have had their turn since `begun_at` are passed over.
    """
    first: Exception | None = None
    line = deque(
        (account, _catch_up_with(ports, merchant, account, now, keep_going, tally))
        for merchant, account in _behind_the_last(ports, now)
    )
    while line and keep_going():
        account, looking = line.popleft()
        if begun_at is not None and _had_its_turn(ports, account, begun_at, now):
            continue
        # Written beforehand: a process that this account kills goes on behind it.
        ports.ephemeral.replace(LOOKED, LAST, _key(account), expires_at=now + LOOKS_BACK)
        try:
            next(looking)
            line.append((account, looking))
        except StopIteration as over:
            if over.value:
                _keep(ports, f"{_key(account)} {TURN}", now, now)
        except (Conflict, NotFound, Unavailable) as error:
            tally[error.code] += 1
            _keep(ports, f"{_key(account)} {TURN}", now, now)
        except Exception as error:
            first = first or error
        yield _key(account)
    if first is not None:
        raise first


def _had_its_turn(ports: Ports, account: AccountRef, begun_at: datetime, now: datetime) -> bool:
    kept = ports.ephemeral.get(LOOKED, f"{_key(account)} {TURN}", now=now)
    return kept is not None and datetime.fromisoformat(kept) >= begun_at


def _keep(ports: Ports, key: str, at: datetime, now: datetime) -> None:
    """Keeps an instant under an account's key."""
    ports.ephemeral.replace(LOOKED, key, at.isoformat(), expires_at=now + LOOKS_BACK)


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
) -> Generator[None, None, bool]:
    """Handles one account, oldest event first, in turns with the others.

    Returns whether there was time for all its events; raises the first error when they are handled.
    """
    key = _key(account)
    seen = ports.ephemeral.get(LOOKED, key, now=now)
    since = now - LOOKS_BACK if seen is None else datetime.fromisoformat(seen) - OVERLAP
    looked_until, reached, is_cut = now, since, False
    first: Exception | None = None

    events = ports.gateway(account).events_since(since)
    try:
        for number, event in enumerate(events):
            reached = event.at
            if number and number % EVENTS_AT_ONCE == 0:
                _keep(ports, key, min(looked_until, reached + OVERLAP), now)
                yield
            if not keep_going():
                looked_until, is_cut = min(looked_until, reached + OVERLAP), True
                break
            try:
                tally.update(webhook.take(ports, merchant, account, event, now=now))
            except Exception as error:
                looked_until = min(looked_until, reached + OVERLAP)
                first = first or error
                if isinstance(error, Unavailable):
                    break  # nor would it answer for the next
    except Unavailable as error:  # the gateway does not list the rest
        looked_until = min(looked_until, reached + OVERLAP)
        first = first or error
    _keep(ports, key, looked_until, now)
    if first is not None:
        raise first
    return not is_cut
