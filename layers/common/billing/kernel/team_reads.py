"""The part of the storage port about teams and the people in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from billing.kernel.merchants import Merchant
    from billing.team.members import Person, PersonEmail, Team


class TeamParts(Protocol):
    """The questions about teams; `Store` has them too."""

    def team(self, merchant: str) -> Team | None:
        """A merchant's team; None while nobody was ever invited to it."""
        ...

    def merchant_and_team(self, merchant: str) -> tuple[Merchant | None, Team | None]:
        """A merchant and its team in one read: what every page of the console needs."""
        ...

    def person(self, person: str) -> Person | None: ...
    def persons(self, persons: Sequence[str]) -> list[Person | None]:
        """Many at once, in the order asked for."""
        ...

    def person_email(self, email: str) -> PersonEmail | None:
        """The person who signs in with an email, in any spelling."""
        ...
