"""Evidence of where a buyer is, as EU law wants it kept beside a sale (C-7).

Two pieces that do not contradict each other (Regulation 282/2011, articles 24b and 24f): the
billing address, the country of the address on the net, the country of the card. It stops no sale.
"""

from __future__ import annotations

from enum import StrEnum

from billing.kernel.customers import BillTo, Consent
from billing.kernel.values import Value


class Standing(StrEnum):
    """The result of comparing the pieces.

    `agrees`: two pieces or all say the country that was taxed. `contradicts`: no other piece says
    it, and one says another. `single`: there is no other piece.
    """

    AGREES = "agrees"
    CONTRADICTS = "contradicts"
    SINGLE = "single"


class Evidence(Value):
    """The countries that a sale is known by; None for what nobody said."""

    address: str
    ip: str | None = None
    card: str | None = None

    @property
    def others(self) -> tuple[str, ...]:
        """The countries of the pieces besides the billing address."""
        return tuple(country for country in (self.ip, self.card) if country is not None)

    @property
    def standing(self) -> Standing:
        if self.address in self.others:
            return Standing.AGREES
        return Standing.CONTRADICTS if self.others else Standing.SINGLE


def of(billed: BillTo, consent: Consent | None) -> Evidence:
    """Returns the evidence of a payment: who it was billed to, and what was known at the purchase.

    Renewals have that of their subscription; what was imported, or bought earlier, has the address
    alone.
    """
    if consent is None:
        return Evidence(billed.address.country)
    return Evidence(billed.address.country, consent.ip_country, consent.card_country)
