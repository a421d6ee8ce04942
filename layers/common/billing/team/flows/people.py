"""The people of teams: who an email is, when they signed in last, which sessions they have."""

from __future__ import annotations

from datetime import datetime

from billing.kernel.customers import normalised_email
from billing.kernel.errors import Conflict
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Write
from billing.team.members import MOST_SESSIONS, Person, PersonEmail, SignedIn, email_hash

ATTEMPTS = 8
NOBODY = "nobody"


def of_email(ports: Ports, email: str) -> Person | None:
    """Returns the person who signs in with an email; for a stranger it reads as much."""
    pointer = ports.store.person_email(normalised_email(email))
    return ports.store.person(pointer.person if pointer is not None else NOBODY)


def new(ports: Ports, email: str, now: datetime) -> tuple[Person, list[Write]]:
    """Returns a person who is not written yet, and the writes that make them."""
    person = Person(ports.new_id("person"), normalised_email(email), now)
    pointer = PersonEmail(email_hash(email), person.id)
    return person, [Insert(person), Insert(pointer)]


def ensured(ports: Ports, email: str, now: datetime) -> Person:
    """Returns the person of an email, made if there is none yet."""
    for _ in range(ATTEMPTS):
        found = of_email(ports, email)
        if found is not None:
            return found
        person, writes = new(ports, email, now)
        try:
            ports.store.commit(*writes)
        except Conflict:
            continue
        return person
    raise Conflict()


def note_sign_in(
    ports: Ports, person: Person, session: SignedIn, kind: str, now: datetime, *, instead_of: str
) -> Person:
    """Notes a sign-in and its session, in place of the one that the browser had before.

    The oldest sessions leave the list, and end: nobody could end them there any more. `kind` is
    that of their rows, `instead_of` the hash of a token.
    """
    for _ in range(ATTEMPTS):
        known = [each for each in person.sessions if each.digest != instead_of]
        kept, over = (session, *known)[:MOST_SESSIONS], known[MOST_SESSIONS - 1 :]
        for each in over:
            ports.ephemeral.take(kind, each.digest, now=each.at)
        after = replace(person, sessions=kept, last_sign_in_at=now)
        try:
            ports.store.commit(Change(person, after))
        except Conflict:
            person = _fresh(ports, person)
            continue
        return after
    raise Conflict()


def end_sessions(
    ports: Ports, person: Person, kind: str, *, but: str | None = None, only: str | None = None
) -> int:
    """Ends a person's sessions here, all but one or one alone; returns how many of them.

    `kind` is that of their rows; `but` and `only` are hashes of tokens.
    """
    over = [
        each
        for each in person.sessions
        if each.digest != but and (only is None or each.digest == only)
    ]
    for each in over:
        ports.ephemeral.take(kind, each.digest, now=each.at)
    ended = {each.digest for each in over}
    for _ in range(ATTEMPTS):
        left = tuple(each for each in person.sessions if each.digest not in ended)
        try:
            ports.store.commit(Change(person, replace(person, sessions=left)))
        except Conflict:
            person = _fresh(ports, person)
            continue
        return len(over)
    raise Conflict()


def _fresh(ports: Ports, person: Person) -> Person:
    found = ports.store.person(person.id)
    if found is None:
        raise Conflict()
    return found
