"""Virtual time: a heap of what happens when, and invocations as greenlets that sleep on it.

An invocation is synchronous code that runs unmodified; a port call puts it to sleep, and whoever is
due next runs meanwhile. Whether it is killed is decided in the port call too (`wire.py`).
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count

from greenlet import getcurrent, greenlet

from billing.kernel.errors import BillingError
from sim.chance import Draws

MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def instant(at_us: int) -> datetime:
    """Returns microseconds since 1970 as an aware instant."""
    return EPOCH + timedelta(microseconds=at_us)


def microseconds(at: datetime) -> int:
    """Returns an aware instant as microseconds since 1970."""
    return (at - EPOCH) // MICROSECOND


class SimCrash(BaseException):
    """The death of the process; nothing in the product can catch it."""


class Stop(BaseException):
    """The end of the simulation: what it looks for was found."""


class Invocation:
    """One run of a handler or of a flow.

    `point` counts its port calls, `ids` the ids it drew; `draws` is the hash that its calls draw
    from.
    """

    __slots__ = ("began_us", "dead", "draws", "greenlet", "ids", "name", "point", "skew_us")

    def __init__(self, name: str, began_us: int, skew_us: int) -> None:
        self.name = name
        self.began_us = began_us
        self.skew_us = skew_us
        self.point = 0
        self.ids = 0
        self.dead = False
        self.draws: Draws | None = None
        self.greenlet: greenlet | None = None


OnEnd = Callable[[BaseException | None], None]


def answered(error: BaseException | None) -> None:
    """Ignores the error that ended somebody's request: refused, or to be tried again.

    Only what is written counts.
    """


class Clockwork:
    """The event queue of virtual time; times are microseconds since 1970."""

    def __init__(self, now_us: int, skew_us: Callable[[str], int]) -> None:
        self.now_us = now_us
        self.current: Invocation | None = None
        self.running = 0
        self.bug: Callable[[Invocation, Exception], None] | None = None
        self._skew_us = skew_us
        self._until_us = now_us
        self._heap: list[tuple[int, int, Callable[[], None] | Invocation]] = []
        self._numbers = count()
        self._names: Counter[str] = Counter()
        self._loop = getcurrent()

    def at(self, at_us: int, action: Callable[[], None]) -> None:
        """Calls a function at an instant, or now if that is past."""
        heapq.heappush(self._heap, (max(at_us, self.now_us), next(self._numbers), action))

    def spawn(self, name: str, work: Callable[[], object], at_us: int, on_end: OnEnd) -> None:
        """Starts an invocation at an instant.

        `on_end` gets the error that ended it, None if it returned.
        """
        self.at(at_us, partial(self._start, name, work, on_end))

    def sleep(self, for_us: int) -> None:
        """Lets the others run until so much time has passed."""
        wake_us = self.now_us + for_us
        if wake_us <= self._until_us and (not self._heap or self._heap[0][0] > wake_us):
            self.now_us = wake_us  # nobody would run meanwhile
            return
        heapq.heappush(self._heap, (wake_us, next(self._numbers), self.invocation))
        self._loop.switch()

    @property
    def invocation(self) -> Invocation:
        assert self.current is not None, "only invocations call ports"
        return self.current

    def run(self, until_us: int) -> None:
        """Lets everything happen that is due by then."""
        self._until_us = until_us
        self._loop = getcurrent()
        heap = self._heap
        while heap and heap[0][0] <= until_us:
            self.now_us, _, what = heapq.heappop(heap)
            if isinstance(what, Invocation):
                self._resume(what)
            else:
                what()
        self.now_us = until_us

    def _start(self, name: str, work: Callable[[], object], on_end: OnEnd) -> None:
        self._names[name] += 1
        if (times := self._names[name]) > 1:
            name = f"{name}~{times}"
        invocation = Invocation(name, self.now_us, self._skew_us(name))
        invocation.greenlet = greenlet(partial(self._live, invocation, work, on_end))
        self.running += 1
        self._resume(invocation)

    def _live(self, invocation: Invocation, work: Callable[[], object], on_end: OnEnd) -> None:
        end: BaseException | None = None
        try:
            work()
        except (SimCrash, BillingError) as expected:
            end = expected
        except Exception as bug:
            if self.bug is not None:
                self.bug(invocation, bug)
            end = bug
        finally:
            self.running -= 1
        on_end(end)

    def _resume(self, invocation: Invocation) -> None:
        self.current = invocation
        assert invocation.greenlet is not None
        # A greenlet may be resumed from a loop that is not the one it was made in.
        invocation.greenlet.parent = self._loop
        invocation.greenlet.switch()
        self.current = None
