"""The people of a team as a page or /v1 shows them: role, last sign-in, second factor (M-9)."""

from __future__ import annotations

from datetime import datetime

from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.team.flows import people
from billing.team.members import HOLDER, Invitation, Person, Team
from billing.team.rights import Role


class Entry(Value):
    """A member of a team; `id` is `HOLDER` for who holds the merchant's account."""

    id: str
    email: str
    role: Role
    refunds: bool
    since: datetime | None
    last_sign_in_at: datetime | None
    with_factor: bool


class Roster(Value):
    """All members, the holder of the account first, and the open invitations, newest first."""

    entries: tuple[Entry, ...]
    invitations: tuple[Invitation, ...]
    needs_code: bool


def of(ports: Ports, merchant: str) -> Roster:
    """Returns the people of a merchant's team; at most 101, so it is no list of pages."""
    team = ports.store.team(merchant) or Team(merchant)
    found = ports.store.persons([each.person for each in team.members])
    entries = [
        Entry(
            each.id,
            each.email if person is None else person.email,
            each.role,
            each.refunds,
            each.since,
            None if person is None else person.last_sign_in_at,
            person is not None and person.factor is not None,
        )
        for each, person in zip(team.members, found, strict=True)
    ]
    holder = ports.store.account(merchant)
    if holder is not None and holder.erased_at is None:
        entries.insert(0, _holder(holder.email, people.of_email(ports, holder.email)))
    newest = sorted(team.invitations, key=lambda each: (each.at, each.id), reverse=True)
    return Roster(tuple(entries), tuple(newest), team.needs_code)


def _holder(email: str, person: Person | None) -> Entry:
    last = None if person is None else person.last_sign_in_at
    with_factor = person is not None and person.factor is not None
    return Entry(HOLDER, email, Role.OWNER, False, None, last, with_factor)
