"""The forms of an account, as pydantic models."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from billing.kernel.errors import Invalid
from billing.portal.web.forms import CancelForm
from billing.web.inputs import Email, Input, Name
from billing.web.problems import errors_of

Secret = Annotated[str, StringConstraints(max_length=320)]


class SignUpForm(Input):
    """A sign-up for an account."""

    username: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)]
    name: Name
    email: Email


class EmailForm(Input):
    """A new email, with the password again."""

    email: Email
    password: Secret


class LeaveForm(CancelForm):
    """A cancellation; ticking the box is the confirmation (A-3)."""

    confirm: Literal["true"]


class ChangeForm(Input):
    """A change of plan: now or with the next rebill, for the price that was shown (A-4)."""

    when: Literal["now", "next_rebill"]
    token: Annotated[str, StringConstraints(max_length=60)]
    confirm: Literal["true"]


def ticked(error: Invalid) -> dict[str, Invalid]:
    """Returns the errors of a form, with a text of its own for a box that was not ticked."""
    found = errors_of(error)
    if "confirm" in found:
        found["confirm"] = Invalid("tick_to_confirm", field="confirm")
    return found
