"""The wire that every port call passes: it takes time, it may fail, and others run meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from struct import Struct
from typing import NoReturn, TypeVar

from billing.kernel.errors import BillingError, Unavailable, Uncertain, Unreachable
from sim.chance import WORD, Draws, stretched
from sim.faults import Faults
from sim.virtual_clock import MINUTE, SECOND, Clockwork, Invocation, SimCrash, instant

R = TypeVar("R")

STALL_US = (1 * SECOND, 25 * MINUTE)
"""The duration of a stall: longer than a claim now and then."""

FIRST_US, MOST_US = 500, 40_000
"""The duration of an ordinary call, at least and about at most."""

WORDS = Struct(">4I").unpack
"""The four draws of a call, of 32 bits each."""


HALF = 0.5
"""Of the writes that never arrived, how many look like one whose answer was lost."""


class Log:
    """A log of the run, as a hash, and line by line when a person is to read it."""

    def __init__(self, *, readable: bool) -> None:
        self.lines: list[tuple[int, str, str]] | None = [] if readable else None
        self._said: list[str] = []

    def add(self, at_us: int, actor: str, text: str, about: object = "") -> None:
        self._said.append(f"{at_us}|{actor}|{text}\n")
        if self.lines is not None:
            self.lines.append((at_us, actor, f"{text} {about() if callable(about) else about}"))

    @property
    def events(self) -> int:
        return len(self._said)

    @property
    def digest(self) -> str:
        return blake2b("".join(self._said).encode(), digest_size=16).hexdigest()


class Wire:
    """The one way from flows to the world."""

    def __init__(self, seed: int, clockwork: Clockwork, faults: Faults, log: Log) -> None:
        self.clockwork = clockwork
        self.faults = faults
        self.log = log
        self.outages: list[tuple[int, int]] = []
        self.gateway_outages: list[tuple[int, int]] = []
        self.failed_at: dict[str, int] = {}
        self.held_up: set[str] = set()
        self.watch: Callable[[Invocation, int], None] | None = None
        self._seed = seed

    def call(
        self,
        category: str,
        name: str,
        effect: Callable[[], R],
        about: object = "",
        instead: Mapping[str, Callable[[float], R]] | None = None,
    ) -> R:
        """Carries out one port call; `instead` are effects of faults that only this call has."""
        clockwork = self.clockwork
        invocation = clockwork.invocation
        if invocation.dead:
            raise SimCrash
        point = invocation.point
        invocation.point = point + 1
        actor = invocation.name
        draws = invocation.draws
        if draws is None:
            draws = invocation.draws = Draws(self._seed, actor)
        roll, takes, long, spawning = WORDS(draws.at(point))
        fault = self.faults.at_call(actor, point, category, roll)
        if self.watch and self.faults.spawns(actor, point, spawning):
            self.watch(invocation, point)
        clockwork.sleep(FIRST_US + takes * (MOST_US - FIRST_US) // WORD)
        if fault is not None and fault.startswith("stall"):
            self.held_up.add(actor)
        outcome = "ok"
        try:
            if self.outages and self.down_until(clockwork.now_us):
                self.die(invocation)
            if fault is None:
                return self._effect(category, effect)
            length = self.faults.length(actor, point, long)
            if instead is not None and fault in instead:
                return instead[fault](length)
            return self._faulty(invocation, category, fault, length, effect)
        except (BillingError, SimCrash) as error:
            outcome = type(error).__name__
            raise
        finally:
            kind = f" !{fault}" if fault else ""
            if outcome == "SimCrash" or (fault and category in {"mail", "write"}):
                self.failed_at[actor] = point
            self.log.add(clockwork.now_us, actor, f"{point} {name}{kind} -> {outcome}", about)

    def down_until(self, now_us: int) -> int:
        """Returns when the outage ends that lasts at an instant; 0 if none does."""
        return _until(self.outages, now_us)

    def note(self, text: str, about: object) -> None:
        """Adds a line to the log about the call that was just made."""
        clockwork = self.clockwork
        self.log.add(clockwork.now_us, clockwork.invocation.name, text, about)

    def _effect(self, category: str, effect: Callable[[], R]) -> R:
        if category == "gateway" and _until(self.gateway_outages, self.clockwork.now_us):
            raise Unreachable("simulated: the gateway is down")
        return effect()

    def _faulty(
        self,
        invocation: Invocation,
        category: str,
        fault: str,
        length: float,
        effect: Callable[[], R],
    ) -> R:
        broken = Unreachable if category == "gateway" else Unavailable
        if category == "write" and (fault == "unavailable_after" or length < HALF):
            broken = Uncertain  # its answer was lost, whether or not it had arrived
        match fault:
            case "crash_before":
                self.die(invocation)
            case "unavailable_before":
                raise broken("simulated: before")
            case "stall_before":
                self.clockwork.sleep(int(stretched(*STALL_US, length)))
                if self.down_until(self.clockwork.now_us):
                    self.die(invocation)
                return self._effect(category, effect)
        result = self._effect(category, effect)
        match fault:
            case "crash_after":
                self.die(invocation)
            case "unavailable_after":
                raise broken("simulated: after")
            case "stall_after":
                self.clockwork.sleep(int(stretched(*STALL_US, length)))
        return result

    @staticmethod
    def die(invocation: Invocation) -> NoReturn:
        """Ends an invocation here, with all it was about to do."""
        invocation.dead = True
        raise SimCrash


def _until(spans: list[tuple[int, int]], now_us: int) -> int:
    until_us = 0
    for start_us, end_us in spans:
        if start_us <= now_us < end_us > until_us:
            until_us = end_us
    return until_us


def clock_text(at_us: int) -> str:
    """Returns an instant for a person to read."""
    return instant(at_us).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
