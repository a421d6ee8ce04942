"""Faults of a run: their kinds and frequency; each seed makes some common and some absent."""

from __future__ import annotations

from collections.abc import Collection

from billing.kernel.values import Value
from sim.chance import WORD, Chance, digest, share

AT_A_CALL: dict[str, dict[str, float]] = {
    "read": {"crash_before": 4e-4, "unavailable_before": 4e-4, "stall_before": 4e-4},
    "index": {"crash_before": 1e-3, "unavailable_before": 1e-3, "stale": 5e-2},
    "write": {
        "crash_before": 1e-3,
        "crash_after": 1e-3,
        "unavailable_before": 1e-3,
        "unavailable_after": 1e-3,
        "asked_again": 1e-3,
        "stall_before": 1e-3,
        "stall_after": 1e-3,
    },
    "gateway": {
        "crash_before": 2e-3,
        "crash_after": 2e-3,
        "unavailable_before": 4e-3,
        "unavailable_after": 4e-3,
        "effect_later": 2e-3,
        "stall_before": 2e-3,
        "stall_after": 2e-3,
    },
    "queue": {
        "crash_before": 4e-3,
        "crash_after": 4e-3,
        "unavailable_after": 2e-3,
        "partly": 4e-3,
    },
    "objects": {
        "crash_before": 2e-3,
        "crash_after": 2e-3,
        "unavailable_before": 2e-2,
        "unavailable_after": 2e-2,
        "stall_before": 1e-3,
        "stall_after": 1e-3,
    },
    "mail": {"crash_before": 1e-3, "crash_after": 1e-3, "unavailable_after": 1e-3},
}
"""Probability of each kind of fault at one port call, by the kind of port; swarmed per seed.

`asked_again`: a single conditional write is done, its reply lost, and the SDK sends it again.
`effect_later`: a gateway request times out and is carried out some time after.
"""

AROUND: dict[str, float] = {
    "duplicate": 2e-2,
    "late_message": 1e-2,
    "stream_lost": 2e-2,
    "stream_late": 2e-2,
    "stream_twice": 2e-2,
    "old_tick": 2e-2,
    "tick_twice": 2e-2,
    "webhook_lost": 2e-2,
    "webhook_late": 5e-2,
    "webhook_twice": 5e-2,
    "webhook_forged": 1e-2,
    "spawned": 4e-3,
}
"""Probability of a fault between invocations: per message, outbox event, tick; `spawned` is the
adversary's, per port call on a subscription."""

SWARM = (-1.5, 1.2)
"""Each seed multiplies each kind by ten to a power between these, or leaves it out."""


def _key(category: str, kind: str) -> str:
    return f"{category}.{kind}"


class Fault(Value):
    """A fault that happened: at `actor`'s call number `point`, or at the event `actor` names."""

    actor: str
    point: int
    kind: str


Forced = dict[tuple[str, int], tuple[str, float]]
"""Faults by actor and point, with how far along its range each is (0 to 1)."""


class Faults:
    """The faults of one seed. With `only`, no others happen: everything else stays as drawn."""

    def __init__(
        self, seed: int, *, only: Collection[Fault] | None = None, forced: Forced | None = None
    ) -> None:
        self.on = forced is None
        self.spawn_at: tuple[str, int] | None = None
        self.fired: list[Fault] = []
        self._seed = seed
        self._only = None if only is None else frozenset(only)
        self._forced = forced
        chance = Chance(seed, "swarm")
        self._factor = {
            _key(category, kind): 0.0 if chance.happens(0.2) else 10 ** _spread(chance)
            for category, kinds in {**AT_A_CALL, "around": AROUND}.items()
            for kind in kinds
        }
        self._around = {
            kind: min(0.5, p * self._factor[_key("around", kind)]) for kind, p in AROUND.items()
        }
        self._spawned = int(min(0.1, AROUND["spawned"] * self._factor["around.spawned"]) * WORD)
        self._limits = {category: self._limits_of(category) for category in AT_A_CALL}

    def _limits_of(self, category: str) -> list[tuple[int, str]]:
        total, limits = 0.0, []
        for kind, probability in AT_A_CALL[category].items():
            total += min(0.2, probability * self._factor[_key(category, kind)])
            limits.append((int(total * WORD), kind))
        return limits

    def at_call(self, actor: str, point: int, category: str, roll: int) -> str | None:
        """Returns the fault at an actor's port call, if there is one."""
        if self._forced is not None:
            found = self._forced.get((actor, point))
            return found[0] if found else None
        limits = self._limits[category]
        if not self.on or roll >= limits[-1][0]:
            return None
        kind = next(kind for limit, kind in limits if roll < limit)
        return kind if self._fires(Fault(actor, point, kind)) else None

    def length(self, actor: str, point: int, roll: int) -> float:
        """Returns how far along its range a fault is, from 0 to 1."""
        if self._forced is not None:
            return self._forced[actor, point][1]
        return share(roll)

    def around(self, kind: str, actor: str, point: int = 0) -> float | None:
        """Returns how far along its range a fault between invocations is; None for no fault."""
        if not self.on:
            return None
        drawn = digest(self._seed, actor, f"{kind}{point}", 8)
        if share(int.from_bytes(drawn[:4], "big")) >= self._around[kind]:
            return None
        fires = self._fires(Fault(actor, point, kind))
        return share(int.from_bytes(drawn[4:], "big")) if fires else None

    def spawns(self, actor: str, point: int, roll: int) -> bool:
        """Returns whether the adversary acts at a port call."""
        if self._forced is not None:
            return (actor, point) == self.spawn_at
        return self.on and roll < self._spawned and self._fires(Fault(actor, point, "spawned"))

    def planned(self, kind: str, number: int) -> bool:
        """Returns whether something that the seed planned, such as an outage, happens."""
        return self._fires(Fault(kind, number, "planned"))

    def _fires(self, fault: Fault) -> bool:
        if self._only is not None and fault not in self._only:
            return False
        self.fired.append(fault)
        return True


def _spread(chance: Chance) -> float:
    low, high = SWARM
    return low + (high - low) * chance.share()
