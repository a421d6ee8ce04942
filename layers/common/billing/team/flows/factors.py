"""A person's second factor: set up, asked for, turned off (M-9).

A secret is kept aside until its first code proves that an app has it. Every check counts against a
limit per person, whatever it was for; a code and a backup code are good once.
"""

from __future__ import annotations

from base64 import b32encode
from datetime import datetime, timedelta
from hashlib import sha256

from billing.kernel.errors import Conflict, Invalid, Refused
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from billing.team import totp
from billing.team.flows import events
from billing.team.members import Factor, Person

SETUP = "team_factor"
SETUP_FOR = timedelta(minutes=30)
TRIES = "team_code"
WINDOW = timedelta(minutes=15)
MOST_TRIES = 10


def secret_for(ports: Ports, person: Person, *, now: datetime) -> str:
    """Returns the secret that a person is setting up; the same for half an hour.

    Raises `Refused` (factor_on).
    """
    if person.factor is not None:
        raise Refused("factor_on")
    kept = ports.ephemeral.get(SETUP, person.id, now=now)
    if kept is not None:
        return kept
    drawn = sha256(ports.new_id("key").encode()).digest()[:20]
    secret = b32encode(drawn).decode()
    ports.ephemeral.put(SETUP, person.id, secret, expires_at=now + SETUP_FOR, now=now)
    return ports.ephemeral.get(SETUP, person.id, now=now) or secret


def turn_on(
    ports: Ports, person: Person, code: str, *, now: datetime
) -> tuple[Person, tuple[str, ...]]:
    """Turns a factor on by its first code; returns the backup codes, which are shown this once.

    Raises `Invalid` (code_wrong) and `Refused` (factor_on).
    """
    secret = secret_for(ports, person, now=now)
    step = totp.step_of(secret, code, after=0, now=now) if _may_try(ports, person, now) else None
    if step is None:
        raise Invalid("code_wrong", field="code")
    codes = tuple(_backup_code(ports) for _ in range(totp.BACKUP_CODES))
    hashes = tuple(totp.backup_hash(person.id, each) for each in codes)
    after = replace(person, factor=Factor(secret, now, step, hashes))
    asked = events.event(ports, events.FACTOR_ON, person.email, now)
    ports.store.commit(Change(person, after), Insert(asked))
    ports.ephemeral.take(SETUP, person.id, now=now)
    return after, codes


def check(ports: Ports, person: Person, given: str, *, now: datetime) -> bool:
    """Uses up a code, or a backup code; False for a wrong one and beyond the limit.

    Of two sign-ins with one code at once, one is refused.
    """
    after = _used(person, given, now) if _may_try(ports, person, now) else None
    if after is None:
        return False
    try:
        ports.store.commit(Change(person, after))
    except Conflict:
        return False
    return True


def turn_off(ports: Ports, person: Person, given: str, *, now: datetime) -> Person:
    """Turns a factor off, with a code; raises `Invalid` (code_wrong), `Refused` (factor_off)."""
    if person.factor is None:
        raise Refused("factor_off")
    if not _may_try(ports, person, now) or _used(person, given, now) is None:
        raise Invalid("code_wrong", field="code")
    after = replace(person, factor=None)
    asked = events.event(ports, events.FACTOR_OFF, person.email, now)
    ports.store.commit(Change(person, after), Insert(asked))
    return after


def _used(person: Person, given: str, now: datetime) -> Person | None:
    """Returns the person with this code used, None for a wrong one."""
    factor = person.factor
    if factor is None:
        return None
    step = totp.step_of(factor.secret, given, after=factor.last_step, now=now)
    if step is not None:
        return replace(person, factor=replace(factor, last_step=step))
    left = totp.without(factor.backup, totp.backup_hash(person.id, given))
    return None if left is None else replace(person, factor=replace(factor, backup=left))


def _may_try(ports: Ports, person: Person, now: datetime) -> bool:
    return ports.ephemeral.hit(TRIES, person.id, window=WINDOW, now=now) <= MOST_TRIES


def _backup_code(ports: Ports) -> str:
    """Draws a backup code of 80 random bits, in groups of four."""
    drawn = ports.new_id("code").rpartition("_")[2]
    return "-".join(drawn[n : n + 4] for n in range(0, len(drawn), 4))
