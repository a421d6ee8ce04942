"""A merchant as its documents name it: legal name, tax ids, and what is printed (C-7, M-13)."""

from __future__ import annotations

from billing.kernel.countries import EU, VAT_COUNTRIES
from billing.kernel.values import Value

WITH_PREFIX = EU | {"CH", "GB", "NO"}
"""Countries whose VAT ids begin with the country's code on invoices (EN 16931, BR-CO-09)."""


def with_prefix(country: str, number: str) -> str:
    """Returns a VAT id as invoices have it, with its country's code; Greece's is EL."""
    prefix = "EL" if country == "GR" else country
    if country not in WITH_PREFIX or number.startswith(prefix):
        return number
    return prefix + number


class TaxId(Value):
    """A tax id as it is printed, and the country that gave it (ISO 3166-1 alpha-2)."""

    country: str
    number: str


class Identity(Value):
    """A merchant as its documents name it, besides its name and address.

    `legal_name` is printed instead of the merchant's name. `invoice_note` is printed on every
    document, such as a register number; `untaxed_reason` where no tax is charged, such as the law
    that exempts the merchant. With `e_invoices`, the PDFs of business buyers carry their XML.
    """

    legal_name: str | None
    tax_ids: tuple[TaxId, ...]
    invoice_note: str
    untaxed_reason: str
    e_invoices: bool

    @property
    def has_vat_id(self) -> bool:
        """True if it has a VAT id, so that its documents can be e-invoices."""
        return any(each.country in VAT_COUNTRIES for each in self.tax_ids)


UNSAID = Identity(None, (), "", "", False)
"""The identity of a merchant who entered none."""
