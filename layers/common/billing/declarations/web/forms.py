"""The forms of the public pages, as shapes (X-10)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import StringConstraints

from billing.cancel.regions.rules import Duty
from billing.declarations.declarations import FIELD_MOST, Declared, Kind
from billing.kernel.errors import Invalid
from billing.web.inputs import KEY, Email, Input, Line, Name, filled_in, read

Attempt = Annotated[str, StringConstraints(min_length=8, max_length=64, pattern=KEY)]
Reason = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        max_length=FIELD_MOST,
        pattern=r"^[^\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F]*$",
    ),
]
Day = Annotated[str, StringConstraints(max_length=20)]


class DeclarationForm(Input):
    """A declaration: `attempt` was drawn with the page, and makes it one however often it is sent.

    `subscription` is chosen by who is signed in; anybody else names the contract.
    """

    attempt: Attempt
    kind: Literal["ordinary", "extraordinary"] = "ordinary"
    name: Name | None = None
    contract: Line | None = None
    subscription: Line | None = None
    wanted_on: Day | None = None
    reason: Reason | None = None
    contact: Email
    step: Literal["summary", "confirm", "change"] | None = None

    def declared(self, duty: Duty, now: datetime, zone: str) -> Declared:
        """Returns what was declared; a day that has gone means the earliest possible one.

        Raises `Invalid` for a day that there is not, and for an extraordinary cancellation without
        a reason.
        """
        kind = Kind.WITHDRAWAL if duty is Duty.WITHDRAWAL else Kind(self.kind)
        if kind is Kind.EXTRAORDINARY and not self.reason:
            raise Invalid("required", field="reason")
        return Declared(
            kind=kind,
            name=self.name or "",
            contact=self.contact,
            contract=self.contract or "",
            reason="" if kind is Kind.WITHDRAWAL else self.reason or "",
            wanted_on=_day(self.wanted_on, kind, now, zone),
        )


class AnswerForm(Input):
    """The answer to "was this you?"; `about` is the contract, where there are several."""

    answer: Literal["yes", "no"]
    about: Line | None = None


def declaration_form(typed: Mapping[str, str], *, signed_in: bool) -> DeclarationForm:
    """Reads the form without its empty fields; raises `Misshapen`, and `Invalid` for a missing
    field."""
    given = read(DeclarationForm, filled_in(typed))
    if given.name is None:
        raise Invalid("required", field="name")
    if given.contract is None and not (signed_in and given.subscription):
        raise Invalid("required", field="contract")
    return given


def answer_form(typed: Mapping[str, str]) -> AnswerForm:
    """Reads the answer; raises `Misshapen`."""
    return read(AnswerForm, filled_in(typed))


def _day(typed: str | None, kind: Kind, now: datetime, zone: str) -> date | None:
    if typed is None or kind is not Kind.ORDINARY:
        return None
    try:
        wanted = date.fromisoformat(typed)
    except ValueError:
        raise Invalid("day_malformed", field="wanted_on") from None
    today = now.astimezone(ZoneInfo(zone)).date()
    return wanted if wanted > today else None
