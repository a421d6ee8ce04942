"""Tax ids of business buyers: their form and check digits, by python-stdnum (C-7)."""

from __future__ import annotations

from billing.kernel.errors import Invalid
from billing.kernel.identities import with_prefix
from billing.tax.countries import EU

TAX_ID_MOST = 30


def checked(country: str, text: str, *, field: str = "tax_id") -> str:
    """Returns a buyer's tax id, of the country of their address, as it is printed.

    A VAT id of the EU has its country's prefix (Greece's is EL). Raises `Invalid`
    (tax_id_malformed) for one with wrong check digits or of another country.
    """
    from stdnum.exceptions import ValidationError  # a twentieth of a second, for business buyers

    written = text.strip().upper()
    if not 0 < len(written) <= TAX_ID_MOST:
        raise Invalid("tax_id_malformed", field=field)
    try:
        return _valid(country, written)
    except ValidationError:
        raise Invalid("tax_id_malformed", field=field) from None


def _valid(country: str, written: str) -> str:
    if country in EU:
        from stdnum.eu.vat import validate
        from stdnum.exceptions import InvalidComponent

        bare = "".join(character for character in written if character.isalnum())
        valid: str = validate(with_prefix(country, bare))
        if valid != with_prefix(country, valid):
            raise InvalidComponent()
        return valid
    from stdnum import get_cc_module

    module = get_cc_module(country.lower(), "vat")
    if module is None:
        return written  # no form is known: it is printed as it was given
    return str(module.validate(written))
