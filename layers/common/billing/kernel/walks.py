"""Where a long walk stopped, kept with the item that it is made for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Walk:
    """How far a walk over everything that one owner has got.

    `of` names the walk, `began_at` is when its present round began, `cursor` stands behind the last
    entry that was seen, and `left` says that some entry could not be finished and needs another
    round.
    """

    of: str
    began_at: datetime
    cursor: str = ""
    left: bool = False

    def past(self, cursor: str, *, finished: bool) -> Walk:
        """One entry further."""
        return replace(self, cursor=cursor, left=self.left or not finished)

    def again(self, now: datetime) -> Walk:
        """Another round, after a pause as long as this round took: half the time at most goes into
        what cannot be finished."""
        return Walk(self.of, now + (now - self.began_at))
