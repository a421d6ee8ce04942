"""The checkout form as JSON and as an urlencoded form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StrictBool, StringConstraints

from billing.checkout.flows.submit import ATTEMPT_KEY_MOST, Submission
from billing.checkout.web import hand_offs
from billing.kernel import hand_off, return_addresses
from billing.kernel.hand_off import HandOff
from billing.tax.web.business_ids import TAX_ID_MOST, checked
from billing.web.inputs import (
    KEY,
    PRINTABLE,
    AddressInput,
    Email,
    Input,
    Key,
    Name,
    leads_nowhere,
    own_id,
    read,
    words,
)
from billing.web.problems import Misshapen

BOXES = frozenset({"confirm_repeat", "starts_at_once"})
"""The fields of the form that are ticked."""

COUPON_MOST = 100
"""The longest text that is looked at as a coupon's code."""


Text = Annotated[str, words(hand_off.TEXT_MOST), AfterValidator(own_id)]
MetadataName = Annotated[
    str, StringConstraints(min_length=1, max_length=hand_off.NAME_MOST, pattern=KEY)
]
Metadata = Annotated[dict[MetadataName, Text], Field(max_length=hand_off.ENTRIES_MOST)]


class HandOffInput(Input):
    """A reference and named texts of your program; they are ids, and name nobody."""

    client_reference: Text | None = None
    metadata: Annotated[Metadata, Field(default_factory=dict)]

    def hand_off(self) -> HandOff | None:
        """Returns it as it is stored."""
        return hand_off.of(self.client_reference, self.metadata)


class CheckoutInput(HandOffInput):
    """A checkout form; `attempt_key` makes it one purchase however often it is sent (C-2).

    `return_url` is shown afterwards if it is one that you have listed.

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
    return_url: Annotated[str, words(return_addresses.LONGEST)] | None = None

    @classmethod
    def from_form(cls, form: Mapping[str, str]) -> CheckoutInput:
        """Reads an urlencoded form: the address is flat there, a ticked box says `true`."""
        handed, rest = hand_offs.nested(form)
        document: dict[str, Any] = {k: v for k, v in rest.items() if k not in ADDRESS_FIELDS}
        document["address"] = {k: v for k, v in rest.items() if k in ADDRESS_FIELDS}
        document |= handed
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
            hand_off=self.hand_off(),
            return_url=self.return_url,
        )


ADDRESS_FIELDS = frozenset(AddressInput.model_fields)
