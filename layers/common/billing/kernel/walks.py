"""The saved position of a long walk over a list, stored with the item it belongs to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Walk:
    """The progress of a walk over all entries of one owner.

    `of` names the walk, `began_at` is when its present round began, `cursor` is the place after the
    last entry seen, and `left` means that some entry could not be finished and needs another round.
    """

    of: str
    began_at: datetime
    cursor: str = ""
    left: bool = False

    def past(self, cursor: str, *, finished: bool) -> Walk:
        """Moves past one entry."""
        return replace(self, cursor=cursor, left=self.left or not finished)

    def again(self, now: datetime) -> Walk:
        """Starts another round, after a pause as long as this round took.

        So at most half the time goes into entries that cannot be finished.
        """
        return Walk(self.of, now + (now - self.began_at))
