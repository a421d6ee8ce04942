"""Walks over long lists: the outcome of each look, and the place of those begun long ago."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class Seen(StrEnum):
    """The outcome for an entry of a walk."""

    FINISHED = "finished"
    SKIPPED = "skipped"
    FAILED = "failed"
    LEFT = "left"
    """It is to be tried again in another round."""
    MORE = "more"
    """A part of it is done, and time is over."""


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
