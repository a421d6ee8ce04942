"""A buyer as a preview takes them: as much as their taxes depend on (C-7)."""

from __future__ import annotations

from typing import Annotated

from billing.kernel.customers import Address, BillTo
from billing.tax.web import business_ids
from billing.tax.web.business_ids import TAX_ID_MOST
from billing.web.inputs import Country, Input, words


class BuyerInput(Input):
    """The parts of a buyer that their taxes depend on."""

    country: Country
    state: Annotated[str, words(100, 0)] | None = None
    postal_code: Annotated[str, words(20, 0)] | None = None
    tax_id: Annotated[str, words(TAX_ID_MOST, 0)] | None = None

    def bill_to(self) -> BillTo:
        """Returns the buyer as an invoice has them, without a name; raises `Invalid`."""
        address = Address(
            "", "", self.country, postal_code=self.postal_code or None, state=self.state or None
        )
        checked = business_ids.checked(self.country, self.tax_id) if self.tax_id else None
        return BillTo("", "", address, checked)
