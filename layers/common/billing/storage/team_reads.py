"""Reads of teams and of the people in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from billing.storage import keys, team_keys
from billing.storage.items import Items

if TYPE_CHECKING:
    from billing.kernel.merchants import Merchant
    from billing.team.members import Person, PersonEmail, Team


class TeamReads:
    """The questions of the Store port about teams."""

    _items: Items

    def team(self, merchant: str) -> Team | None:
        """Get M#<merchant> TEAM."""
        return self._items.get(team_keys.team(merchant))

    def merchant_and_team(self, merchant: str) -> tuple[Merchant | None, Team | None]:
        """Batch get of M#<merchant> MERCHANT and M#<merchant> TEAM."""
        from billing.kernel.merchants import Merchant
        from billing.team.members import Team

        wanted = [keys.merchant(merchant), team_keys.team(merchant)]
        found, team = self._items.get_many(wanted)
        assert found is None or isinstance(found, Merchant), "as its key says"
        assert team is None or isinstance(team, Team), "as its key says"
        return found, team

    def person(self, person: str) -> Person | None:
        """Get P#<id> PERSON."""
        return self._items.get(team_keys.person(person))

    def persons(self, persons: Sequence[str]) -> list[Person | None]:
        """Batch get of P#<id> PERSON."""
        return self._items.get_many([team_keys.person(each) for each in persons])

    def person_email(self, email: str) -> PersonEmail | None:
        """Get P#E#<email hash> PERSON."""
        from billing.team.members import email_hash

        return self._items.get(team_keys.person_email(email_hash(email)))
