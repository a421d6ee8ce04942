"""The steps of a kind of job, as its room writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Protocol, TypeVar

from billing.jobs.jobs import Job, Step
from billing.kernel.errors import Conflict, Unavailable
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.kernel.walks import Seen

T = TypeVar("T")


class Steps(Protocol):
    """Does the steps of one slice from the job's cursor on, one with each `next`.

    It ends when there is nothing more to do in this round. A step may come again after a crash.
    `keep_going` tells a long step when to stop in its middle, as `Seen.MORE`.
    """

    def __call__(
        self, ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing
    ) -> Iterator[Step]: ...


class Finish(Protocol):
    """Does what is to be done once a round has left nothing: `FINISHED` ends the job.

    `LEFT` asks for another round, `MORE` for another slice from the same cursor on. It may come
    again after a crash.
    """

    def __call__(self, ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Seen: ...


def nothing_more(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Seen:
    """Ends a job with its last step."""
    return Seen.FINISHED


class Kind(Value):
    """A kind of job: its steps, and its end."""

    steps: Steps
    finish: Finish = nothing_more


def each(of: str, entries: Iterable[tuple[T, str]], act: Callable[[T], Seen]) -> Iterator[Step]:
    """Acts on each entry of a list, given with its place; the cursor is `<of> <place>`.

    Another writer, an outage or an error of our own on one entry leaves it for another round, and
    holds up no other.
    """
    for entry, place in entries:
        yield Step(f"{of} {place}", *_outcome(entry, act))


def _outcome(entry: T, act: Callable[[T], Seen]) -> tuple[Seen, Exception | None]:
    """Acts on one entry; a second time at once, where another writer or an outage came between.

    Of many entries some meet one in each round, and there would never be a round without any.
    """
    for _ in range(2):
        try:
            return act(entry), None
        except (Conflict, Unavailable):
            continue
        except Exception as broken:
            return Seen.LEFT, broken
    return Seen.LEFT, None


def place_in(cursor: str) -> tuple[str, str]:
    """Returns the list and the place that a cursor of `each` names."""
    of, _, place = cursor.partition(" ")
    return of, place
