"""Taxes as /v1 takes and shows them (CONTRACT.md)."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt
from typing_extensions import TypedDict

from billing.api.web.described import Day as ShownDay
from billing.api.web.described import OneOf
from billing.api.web.json_shapes import MoneyOutput, money
from billing.api.web.queries import DATE_LENGTH
from billing.catalog.web.price_inputs import MoneyInput
from billing.kernel import states
from billing.kernel.customers import BillTo
from billing.kernel.errors import Invalid
from billing.kernel.money import Money
from billing.tax import csv_rates, vat
from billing.tax.rates import NAME_MOST, POSTAL_CODE_MOST, DatedRate, Place, TaxPlace, decimal_of
from billing.tax.registrations import Nexus, Registration, TaxSetup
from billing.tax.sums import ReportRow
from billing.tax.web.business_ids import TAX_ID_MOST
from billing.web.inputs import Country, Input, words

REFERENCE_MOST = 200

Day = Annotated[str, words(DATE_LENGTH, DATE_LENGTH)]


class RegistrationInput(Input):
    """Where you collect tax: a country or a state of one, or all of the EU by one registration.

    With `nexus` `threshold` tax is collected from the day after revenue or orders there, of this or
    the last calendar year, reach what is given.
    """

    country: Country | None = None
    state: Annotated[str, words(100)] | None = None
    nexus: Nexus = Nexus.PRESENCE
    threshold: MoneyInput | None = None
    orders: Annotated[StrictInt, Field(ge=1, le=10_000_000)] | None = None
    scheme: Literal["eu_oss"] | None = None
    home: Country | None = None

    def registration(self) -> Registration:
        """Returns the registration as the flow takes it; raises `Invalid`."""
        if self.scheme is not None:
            if self.home is None:
                raise Invalid("required", field="home")
            if self.country is not None or self.state is not None:
                raise Invalid("tax_scheme_is_for_all", field="country")
            if self.nexus is Nexus.THRESHOLD:  # else it would be collected from today on
                raise Invalid("tax_threshold_of_presence", field="nexus")
            if self.threshold is not None or self.orders is not None:
                raise Invalid("tax_threshold_of_presence", field="threshold")
            return Registration("", "EU", home=self.home)
        if self.country is None:
            raise Invalid("required", field="country")
        if self.home is not None:
            raise Invalid("field_unknown", field="home")
        code = None
        if self.state is not None:
            code = states.code(self.country, self.state)
            if code is None:
                raise Invalid("tax_state_unknown", field="state")
        most = self.threshold
        return Registration(
            "",
            self.country,
            code,
            self.nexus,
            None if most is None else Money(most.amount, most.currency),
            self.orders,
        )


class RateInput(Input):
    """A rate of a country, a state, or of what begins with a postal code.

    Each name is a tax of its own and a line of its own; of rates with one name the closest to the
    buyer counts.
    """

    country: Country
    state: Annotated[str, words(100)] | None = None
    postal_code: Annotated[str, words(POSTAL_CODE_MOST)] | None = None
    name: Annotated[str, words(NAME_MOST)]
    rate: Annotated[str, words(20)]
    from_: Annotated[Day | None, Field(alias="from")] = None

    def place(self) -> Place:
        return csv_rates.place(self.country, self.state, self.postal_code)

    def dated(self) -> DatedRate:
        return csv_rates.rate(self.name, self.rate, self.from_)


class TaxSettingsInput(Input):
    """Settings of tax; what is left out stays.

    Businesses in other member states of the EU owe the VAT themselves once their tax id is
    believed: `vies` looks it up in the EU's register, `trust_format` takes right check digits for
    enough. `sells_without_tax` says that you mean to sell without tax.
    """

    vies: StrictBool | None = None
    trust_format: StrictBool | None = None
    sells_without_tax: StrictBool | None = None


class TaxSettingsOutput(TypedDict):
    """Your settings about tax."""

    vies: bool
    trust_format: bool
    sells_without_tax: bool


class VatRateOutput(TypedDict):
    """The standard rate of a country today."""

    country: str
    rate: str


class VatTableOutput(TypedDict):
    """The built-in table of VAT rates: when it was last compared with its sources, and whether that
    is more than a year ago."""

    checked_on: ShownDay
    outdated: bool
    sources: dict[str, str]
    rates: list[VatRateOutput]


class TaxRefundInput(Input):
    """The proof by which no tax was owed, such as a VAT id or the number of an exemption."""

    proof: Annotated[str, words(REFERENCE_MOST)]


class BuyersTaxIdInput(Input):
    """The tax id of a subscription's buyer, null for none; with `confirmed` you vouch for it, and
    `reference` says by what, such as the number of a VIES answer."""

    tax_id: Annotated[str, words(TAX_ID_MOST)] | None
    confirmed: StrictBool = False
    reference: Annotated[str, words(REFERENCE_MOST)] | None = None


class BuyersTaxIdOutput(TypedDict):
    """The tax id that a subscription's next invoices are issued to."""

    country: str
    tax_id: str | None
    confirmed: bool
    reference: str | None


class ReportQuery(Input):
    """The days of a report, in your time zone, both included."""

    from_: Annotated[Day, Field(alias="from")]
    to: Day

    def days(self) -> tuple[date, date]:
        return _day(self.from_, "from"), _day(self.to, "to")


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid("no_such_time", field=field) from None


class RegistrationOutput(TypedDict):
    """A registration; tax is collected from `began_on` until `ended_on`, days of your time zone.

    `began_on` is null while a threshold is not reached.
    """

    id: str
    country: str
    state: str | None
    scheme: str | None
    home: str | None
    nexus: Annotated[str, OneOf(Nexus)]
    threshold: MoneyOutput | None
    orders: int | None
    began_on: ShownDay | None
    ended_on: ShownDay | None


RateRow = TypedDict(
    "RateRow",
    {
        "country": str,
        "state": str | None,
        "postal_code": str | None,
        "name": str,
        "rate": str,
        "from": ShownDay | None,
    },
)
"""A rate of a place; `from` is the day on which it begins, null for one of ever."""


class ReportRowOutput(TypedDict):
    """The sums of one rate, and how many payments had it; refunds are taken off.

    `test` is true for payments of the sandbox.
    """

    country: str
    state: str | None
    name: str
    rate: str
    taxable: MoneyOutput
    tax: MoneyOutput
    orders: int
    test: bool


class TableOutput(TypedDict):
    """The table of rates after it was replaced: how many places have rates."""

    places: int


def registration(each: Registration) -> RegistrationOutput:
    return {
        "id": each.id,
        "country": each.country,
        "state": each.state,
        "scheme": None if each.home is None else "eu_oss",
        "home": each.home,
        "nexus": each.nexus.value,
        "threshold": None if each.threshold is None else money(each.threshold),
        "orders": each.orders,
        "began_on": _iso(each.began_on),
        "ended_on": _iso(each.ended_on),
    }


def settings(setup: TaxSetup) -> TaxSettingsOutput:
    return {
        "vies": setup.vies,
        "trust_format": setup.trust_format,
        "sells_without_tax": setup.confirmed_without,
    }


def tax_id(buyer: BillTo) -> BuyersTaxIdOutput:
    return {
        "country": buyer.address.country,
        "tax_id": buyer.tax_id,
        "confirmed": buyer.tax_id_confirmed,
        "reference": buyer.tax_id_reference,
    }


def rates(place: TaxPlace) -> list[RateRow]:
    return [rate(place, each) for each in place.rates]


def rate(place: TaxPlace, each: DatedRate) -> RateRow:
    return {
        "country": place.country,
        "state": place.state,
        "postal_code": place.postal_code,
        "name": each.name,
        "rate": decimal_of(each.ppm),
        "from": _iso(each.begins_on),
    }


def row(each: ReportRow) -> ReportRowOutput:
    return {
        "country": each.country,
        "state": each.state,
        "name": each.name,
        "rate": decimal_of(each.ppm),
        "taxable": money(Money(each.taxable_minor, each.currency)),
        "tax": money(Money(each.tax_minor, each.currency)),
        "orders": each.orders,
        "test": each.test,
    }


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def vat_table(on: date) -> VatTableOutput:
    return {
        "checked_on": vat.CHECKED_ON.isoformat(),
        "outdated": vat.is_old(on),
        "sources": dict(vat.SOURCES),
        "rates": [
            {"country": each.jurisdiction, "rate": decimal_of(each.ppm)}
            for each in vat.rates_on(on)
        ],
    }


def registrations(setup: TaxSetup) -> list[RegistrationOutput]:
    return [registration(each) for each in setup.registrations]
