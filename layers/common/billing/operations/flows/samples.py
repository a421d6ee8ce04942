"""The nightly job that holds items of live customers to the invariants of a table at rest.

Each merchant has some of their customers looked at in turn, newest first, until about as many items
are read as a night may cost; the next night goes on behind them. What is found stays found: its
customer is looked at every night until all of it holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from billing.jobs import jobs
from billing.jobs.flows.start import start
from billing.jobs.flows.steps import Kind, place_in
from billing.jobs.flows.steps import each as each_step
from billing.jobs.jobs import OVER, PLATFORM, Job, JobState, Step, name_of
from billing.kernel.errors import Conflict, Unavailable
from billing.kernel.flows import whole_lists
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.samples import SamplePlace
from billing.kernel.values import replace
from billing.kernel.walks import Seen
from billing.kernel.writes import Change, Insert
from billing.operations import at_rest
from billing.runtime import telemetry

NIGHTLY = "samples"
"""The job's kind, and its id."""

EVERY = timedelta(hours=24)

ITEMS_A_NIGHT = 2_000
"""The items of a merchant after which a night stops: 250 read units, 0.006 cents, or so."""

CUSTOMERS_AT_ONCE = 10
UNSOUND_MOST = 20
"""The customers that are looked at again; where there are more, the sample goes on once they hold.
"""

READS = 3
"""The times that a customer is read before something is taken for broken: a write between the
pages of one read looks like it."""

MERCHANTS = "merchants"


class ItemsDisagree(Exception):
    """Stored items of a customer break an invariant; `code` names it in lists."""

    code = "items_disagree"


def begin(ports: Ports, *, now: datetime) -> Counter[str]:
    """Starts the night's look, a day after the last one began; also if that one failed."""
    found = ports.store.job(PLATFORM, NIGHTLY)
    if found is not None and now < found.created_at + EVERY:
        return Counter()
    job = jobs.new(PLATFORM, NIGHTLY, NIGHTLY, now)
    began = start(ports, job, now=now, replaces=OVER | {JobState.FAILED}) is job
    return Counter(samples=int(began))


def _look(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Iterator[Step]:
    """Looks at some customers of each merchant, in order of ids."""
    left = whole_lists.merchants(ports, after=place_in(job.cursor)[1])
    yield from each_step(MERCHANTS, left, partial(_sample, ports))


def _sample(ports: Ports, merchant: Merchant) -> Seen:
    """Looks at some customers of a merchant, and at those of whom something did not hold.

    Raises `ItemsDisagree`: the job fails after some rounds, and failed jobs ring.
    """
    was = ports.store.sample_place(merchant.id)
    place = was or SamplePlace(merchant.id, None, ())
    unsound = [each for each in place.unsound if not _holds(ports, merchant, each)[0]]
    cursor, read = place.cursor, 0
    while read < ITEMS_A_NIGHT and len(unsound) < UNSOUND_MOST:
        page = ports.store.customers(merchant.id, limit=CUSTOMERS_AT_ONCE, cursor=cursor)
        for customer in page.data:
            holds, items = _holds(ports, merchant, customer.id)
            read += items
            if not holds and customer.id not in unsound:
                unsound.append(customer.id)
        cursor = page.next
        if cursor is None:
            break
    after = replace(place, cursor=cursor, unsound=tuple(unsound))
    if after != was:
        ports.store.commit(Insert(after) if was is None else Change(was, after))
    if unsound:
        raise ItemsDisagree
    return Seen.FINISHED if read else Seen.SKIPPED


def _holds(ports: Ports, merchant: Merchant, customer: str) -> tuple[bool, int]:
    """Returns whether all invariants hold of a customer's items, and how many were read.

    What cannot even be read is as broken, and holds up no other customer.
    """
    try:
        broken, read = _broken(ports, merchant, customer)
    except (Conflict, Unavailable):
        raise
    except Exception as unreadable:
        broken, read = [f"cannot be read: {name_of(unreadable)}"], 1
    for why in broken:
        telemetry.happened("items disagree", merchant=merchant.id, owner=customer, why=why)
    return not broken, read


def _broken(ports: Ports, merchant: Merchant, customer: str) -> tuple[list[str], int]:
    """Returns what is broken in a customer's items, and how many there are.

    Something is broken where two reads after each other find the same items, and it is in them.
    Where it is written all the time, another night looks.
    """
    before = None
    for _ in range(READS):
        history = ports.store.history(merchant.id, customer)
        broken = at_rest.check_customer(history)
        if not broken or history == before:
            return [str(each) for each in broken], len(at_rest.items_of(history))
        before = history
    return [], len(at_rest.items_of(history))


LOOK = Kind(_look)
