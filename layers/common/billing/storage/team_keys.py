"""Keys of teams and of the people in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.storage.addresses import Key

if TYPE_CHECKING:
    from billing.team.members import Person, PersonEmail, Team


def team(merchant: str) -> Key[Team]:
    return Key(f"M#{merchant}", "TEAM")


def person(person: str) -> Key[Person]:
    return Key(f"P#{person}", "PERSON")


def person_email(email_hash: str) -> Key[PersonEmail]:
    return Key(f"P#E#{email_hash}", "PERSON")
