"""Walks over long lists: the outcome of each look, and the place of those begun long ago."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from billing.kernel.values import Value


class Seen(StrEnum):
    """The outcome for an entry of a walk."""

    FINISHED = "finished"
    SKIPPED = "skipped"
    FAILED = "failed"
    LEFT = "left"
    """It is to be tried again in another round."""
    MORE = "more"
    """A part of it is done, and time is over."""


class Walk(Value):
    """The place of a walk over one account's customers, as version 0.2.0 stored it.

    `of` names the walk, `began_at` is when its round began, `cursor` is the place after the last
    entry seen, and `left` means that some entry needs another round. A background job has a place
    of its own (`jobs.jobs.Job`), and takes this one over.
    """

    of: str
    began_at: datetime
    cursor: str = ""
    left: bool = False
