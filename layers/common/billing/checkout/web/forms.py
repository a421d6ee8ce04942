"""The checkout form as JSON and as an urlencoded form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import StrictBool, StringConstraints

from billing.checkout.flows.submit import ATTEMPT_KEY_MOST, Submission
from billing.tax.web.business_ids import TAX_ID_MOST, checked
from billing.web.inputs import (
    PRINTABLE,
    AddressInput,
    Email,
    Input,
    Key,
    Name,
    leads_nowhere,
    read,
    words,
)
from billing.web.problems import Misshapen

BOXES = frozenset({"confirm_repeat", "starts_at_once"})
"""The fields of the form that are ticked."""

COUPON_MOST = 100
"""The longest text that is looked at as a coupon's code."""


class CheckoutInput(Input):
    """A checkout form; `attempt_key` makes it one purchase however often it is sent (C-2).

    `shown` is the page's digest of what it showed: nothing else is sold by it (C-6).
    """

    attempt_key: Annotated[
        str, StringConstraints(min_length=1, max_length=ATTEMPT_KEY_MOST, pattern=PRINTABLE)
    ]
    email: Email
    name: Annotated[Name, leads_nowhere]
    address: AddressInput
    payment_method: Key
    gateway: Key | None = None
    confirm_repeat: StrictBool = False
    shown: Key | None = None
    tax_id: Annotated[str, words(TAX_ID_MOST, 0), leads_nowhere] | None = None
    coupon: Annotated[str, words(COUPON_MOST, 0)] | None = None
    starts_at_once: StrictBool = False

    @classmethod
    def from_form(cls, form: Mapping[str, str]) -> CheckoutInput:
        """Reads an urlencoded form: the address is flat there, a ticked box says `true`."""
        document: dict[str, Any] = {k: v for k, v in form.items() if k not in ADDRESS_FIELDS}
        document["address"] = {k: v for k, v in form.items() if k in ADDRESS_FIELDS}
        for box in BOXES & document.keys():
            document[box] = document[box] in {"true", "on", "1"}
        try:
            return read(cls, document)
        except Misshapen as error:
            flat = [each.at(each.field.removeprefix("address.")) for each in error.errors]
            raise Misshapen(flat) from None

    def submission(self) -> Submission:
        """Returns the form as the flow takes it."""
        return Submission(
            attempt_key=self.attempt_key,
            email=self.email,
            name=self.name,
            address=self.address.address(),
            payment_method=self.payment_method,
            confirm_repeat=self.confirm_repeat,
            gateway=self.gateway,
            shown=self.shown,
            tax_id=checked(self.address.country, self.tax_id) if self.tax_id else None,
            coupon=self.coupon or None,
            starts_at_once=self.starts_at_once,
        )


ADDRESS_FIELDS = frozenset(AddressInput.model_fields)
