"""A merchant's identity as it is sent to /v1 and shown there: what its documents say (M-13)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StrictBool, StringConstraints
from typing_extensions import TypedDict

from billing.api.web.json_shapes import AddressOutput, address
from billing.kernel.identities import UNSAID, TaxId, with_prefix
from billing.kernel.merchants import Merchant
from billing.tax.web import business_ids
from billing.tax.web.business_ids import TAX_ID_MOST
from billing.web.inputs import AddressInput, Country, Input, Name, words

TAX_IDS_MOST = 10

Note = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, max_length=500, pattern=r"^[^\x00-\x09\x0B-\x1F\x7F-\x9F]*$"
    ),
]
"""A printed note: a few lines, without other control characters."""


def _unsaid() -> Any:
    return Field(default_factory=lambda: None)


class TaxIdInput(Input):
    """A tax id, and the country that gave it."""

    country: Country
    number: Annotated[str, words(TAX_ID_MOST)]


class IdentityInput(Input):
    """The identity that your documents show from now on; fields that are not sent stay.

    `untaxed_reason` is printed where you charge no tax, such as the law that exempts you. With
    `e_invoices`, the PDFs of business customers carry their XML (Factur-X).
    """

    legal_name: Name | None = _unsaid()
    address: AddressInput | None = _unsaid()
    tax_ids: Annotated[tuple[TaxIdInput, ...], Field(max_length=TAX_IDS_MOST)] = _unsaid()
    invoice_note: Note = _unsaid()
    untaxed_reason: Note = _unsaid()
    e_invoices: StrictBool = _unsaid()

    def given(self) -> dict[str, Any]:
        """Returns the fields that were sent, with their values; raises `Invalid` for a tax id."""
        changes = {name: getattr(self, name) for name in self.model_fields_set}
        if changes.get("address") is not None:
            changes["address"] = self.address.address() if self.address else None
        if "tax_ids" in changes:
            changes["tax_ids"] = tuple(
                _tax_id(given, f"identity.tax_ids[{place}].number")
                for place, given in enumerate(self.tax_ids)
            )
        return changes


def _tax_id(given: TaxIdInput, field: str) -> TaxId:
    number = business_ids.checked(given.country, given.number, field=field)
    return TaxId(given.country, with_prefix(given.country, number))


class TaxIdOutput(TypedDict):
    """A tax id as it is printed."""

    country: str
    number: str


class IdentityOutput(TypedDict):
    """The identity on invoices and credit notes; without a `legal_name`, your name is printed."""

    legal_name: str | None
    address: AddressOutput | None
    tax_ids: list[TaxIdOutput]
    invoice_note: str
    untaxed_reason: str
    e_invoices: bool


def identity(merchant: Merchant) -> IdentityOutput:
    """Returns a merchant's identity as JSON."""
    found = merchant.identity or UNSAID
    return {
        "legal_name": found.legal_name,
        "address": None if merchant.address is None else address(merchant.address),
        "tax_ids": [{"country": each.country, "number": each.number} for each in found.tax_ids],
        "invoice_note": found.invoice_note,
        "untaxed_reason": found.untaxed_reason,
        "e_invoices": found.e_invoices,
    }
