"""The portal's forms, as shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

from pydantic import StringConstraints

from billing.cancel.cancellation import CancelReason
from billing.plans.plan_change import When
from billing.web.inputs import KEY, AddressInput, Email, Input, Key, Name, read
from billing.web.sessions import CSRF_FIELD

Form = TypeVar("Form", bound=Input)

TEXT = r"^[^\p{Cc}\p{Zl}\p{Zp}]*$"
COMMENT_MOST = 500
COVERS = "covers_"


class CancelForm(Input):
    """The cancellation form; both fields are optional: nobody is held back for want of a reason."""

    reason: CancelReason | Literal[""] = ""
    comment: Annotated[
        str, StringConstraints(strip_whitespace=True, max_length=COMMENT_MOST, pattern=TEXT)
    ] = ""


class RefundForm(Input):
    """The refund form: whether to cancel as well, which a refund never does by itself (B-7)."""

    cancel: Literal["true"] | None = None


class _Named(Input):
    """A form that asks for a name first; so errors stand in the order of the page."""

    name: Name


class AddressForm(AddressInput, _Named):
    """A bill-to address, for one subscription or for all (B-8)."""

    everywhere: Literal["true"] | None = None


class CardForm(Input):
    """A card that the gateway's element gave; `attempt_key` was drawn with the page."""

    payment_method: Key
    attempt_key: Annotated[str, StringConstraints(min_length=8, max_length=128, pattern=KEY)]
    default: Literal["true"] | None = None


class PlanForm(Input):
    """The plan and the time that were chosen, to be quoted."""

    price_point: Key
    when: When = When.NOW


class PlanChangeForm(PlanForm):
    """The confirmed plan, with the token of its quote."""

    token: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{1,9}\.[0-9a-f]{32}$")]


class EmailForm(Input):
    """The new email."""

    email: Email


def form(shape: type[Form], typed: Mapping[str, str]) -> Form:
    """Reads a form of the portal as a shape, without empty fields; raises `Misshapen`."""
    ours = (CSRF_FIELD, "chosen")
    fields = {
        name: " ".join(value.split()) if name == "comment" else value
        for name, value in typed.items()
        if value.strip() and name not in ours and not name.startswith(COVERS)
    }
    return read(shape, fields)


def covered(typed: Mapping[str, str]) -> list[str] | None:
    """Returns the subscriptions whose boxes were ticked; None where nobody chose (B-10)."""
    if "chosen" not in typed:
        return None
    return [name.removeprefix(COVERS) for name in typed if name.startswith(COVERS)]
