"""The end of a membership, and of a team whose merchant is erased (M-9)."""

from __future__ import annotations

from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change, Remove, Write


def left_by(ports: Ports, person: str, merchant: str) -> list[Write]:
    """Returns the writes by which a person leaves a team.

    Of one who belongs to no other, and has no account, nothing is kept.
    """
    found = ports.store.person(person)
    if found is None:
        return []
    left = tuple(each for each in found.teams if each != merchant)
    pointer = ports.store.person_email(found.email)
    if not left and pointer is not None and ports.store.account_email(found.email) is None:
        return [Remove(found, expecting=("teams",)), Remove(pointer, expecting=("person",))]
    return [Change(found, replace(found, teams=left))]


def dissolve(ports: Ports, merchant: str) -> bool:
    """Removes a team with a merchant that is erased; returns whether all of it is gone."""
    team = ports.store.team(merchant)
    if team is None:
        return True
    for member in team.members:
        writes = left_by(ports, member.person, merchant)
        rest = tuple(each for each in team.members if each.id != member.id)
        after = replace(team, members=rest)
        ports.store.commit(Change(team, after), *writes)
        team = after
    ports.store.commit(Remove(team, expecting=("members",)))
    return True
