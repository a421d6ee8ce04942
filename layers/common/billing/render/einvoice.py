"""The content of an e-invoice by EN 16931, made of an issued document alone (M-13).

Amounts are exactly those that the document was issued with: nothing is computed again but sums, and
a sum that does not add up to the cent is a bug.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum

from billing.kernel.countries import EU, VAT_COUNTRIES
from billing.kernel.customers import Address, BillTo
from billing.kernel.identities import TaxId
from billing.kernel.invoices import InvoiceLine
from billing.kernel.issued_documents import DocumentKind, IssuedDocument, PaidWith, Seller
from billing.kernel.money import Currency
from billing.kernel.periods import zone_named
from billing.kernel.values import Value
from billing.render import wording
from billing.render.charged_lines import charged, is_discount, is_of_tax_alone
from billing.render.messages import text


class Category(StrEnum):
    """The VAT categories of EN 16931 that we use (UNTDID 5305)."""

    STANDARD = "S"
    ZERO = "Z"
    EXEMPT = "E"
    REVERSE_CHARGE = "AE"
    OUTSIDE = "O"


class NoEInvoice(StrEnum):
    """The reasons why a document has no e-invoice."""

    NO_VAT_ID = "no_vat_id"
    NO_ADDRESS = "no_address"
    TAX_ALONE = "tax_alone"
    SALES_TAX = "sales_tax"
    UNTAXED = "untaxed"


class Vat(Value):
    """The VAT that a line is under, or a sum of lines; `rate_ppm` in millionths."""

    category: Category
    rate_ppm: int = 0


class Item(Value):
    """A line of an e-invoice: `quantity` is 1, or -1 for what is taken off at a positive price."""

    name: str
    quantity: int
    price_minor: int
    vat: Vat
    period: tuple[date, date] | None = None

    @property
    def net_minor(self) -> int:
        return self.quantity * self.price_minor


class Allowance(Value):
    """A discount on the document; `amount_minor` is positive."""

    reason: str
    amount_minor: int
    vat: Vat


class VatSum(Value):
    """The VAT of one category and rate: what it is on, how much, and why it is none."""

    vat: Vat
    basis_minor: int
    tax_minor: int
    reason: str | None = None


class EInvoice(Value):
    """An invoice or a credit note as EN 16931 has it; a credit note's amounts are positive."""

    credit_note: bool
    number: str
    order_id: str
    issued_on: date
    currency: Currency
    seller: Seller
    seller_tax_id: TaxId
    buyer: BillTo
    items: tuple[Item, ...]
    allowances: tuple[Allowance, ...]
    vat: tuple[VatSum, ...]
    total_minor: int
    paid: str
    notes: tuple[str, ...] = ()
    paid_with: PaidWith | None = None
    period: tuple[date, date] | None = None
    credits: str | None = None
    credits_on: date | None = None

    def __post_init__(self) -> None:
        assert self.basis_minor == sum(each.basis_minor for each in self.vat), "taxed once"
        assert self.basis_minor + self.tax_minor == self.total_minor, "to the cent"
        assert len({each.vat for each in self.vat}) == len(self.vat), "one sum for each rate"

    @property
    def lines_minor(self) -> int:
        return sum(item.net_minor for item in self.items)

    @property
    def allowances_minor(self) -> int:
        return sum(each.amount_minor for each in self.allowances)

    @property
    def basis_minor(self) -> int:
        return self.lines_minor - self.allowances_minor

    @property
    def tax_minor(self) -> int:
        return sum(each.tax_minor for each in self.vat)

    @property
    def is_outside(self) -> bool:
        """True if it is outside the scope of VAT, so that it must not name any VAT id."""
        return any(each.vat.category is Category.OUTSIDE for each in self.vat)


def einvoice_of(document: IssuedDocument) -> EInvoice | NoEInvoice:
    """Returns a document as an e-invoice, or why there is none.

    There is one where the seller is registered for VAT, each line has one rate at most, and it is
    known why there is none on what has none. There is none of tax alone: by EN 16931 the tax of a
    rate is that rate of what it is on (BR-CO-17), and nothing of that goes back.
    """
    seller = document.seller
    tax_id = _tax_id(document)
    if tax_id is None:
        return NoEInvoice.NO_VAT_ID
    if seller.address is None:
        return NoEInvoice.NO_ADDRESS
    if is_of_tax_alone(document):
        return NoEInvoice.TAX_ALONE
    lines = charged(document)
    if lines is None or any(line.kind[:2] not in VAT_COUNTRIES for line in lines.taxes):
        return NoEInvoice.SALES_TAX
    untaxed = _untaxed(document, seller.address, alone=not lines.taxes)
    if untaxed is None and None in lines.under:
        return NoEInvoice.UNTAXED
    vats = [_vat(line, untaxed or Category.EXEMPT) for line in lines.under]
    language, net = document.language, list(zip(lines.net, vats, strict=True))
    taken_off = [(line, vat) for line, vat in net if is_discount(line)]
    sold = [(line, vat) for line, vat in net if not is_discount(line)]
    return EInvoice(
        credit_note=document.kind is DocumentKind.CREDIT_NOTE,
        number=document.number,
        order_id=document.order_id,
        issued_on=_day(document.issued_at, document),
        currency=document.total.currency,
        seller=seller,
        seller_tax_id=tax_id,
        buyer=document.buyer,
        items=tuple(_item(document, line, vat) for line, vat in sold),
        allowances=tuple(
            Allowance(wording.line(line, language), -line.amount.amount_minor, vat)
            for line, vat in taken_off
        ),
        vat=_sums(document, net, lines.taxes),
        total_minor=document.total.amount_minor,
        paid=wording.paid(document),
        notes=_notes(document),
        paid_with=document.paid_with,
        period=_period(document),
        credits=document.credits,
        credits_on=document.credits_at and _day(document.credits_at, document),
    )


def _day(at: datetime, document: IssuedDocument) -> date:
    return at.astimezone(zone_named(document.time_zone)).date()


def _period(document: IssuedDocument) -> tuple[date, date] | None:
    if document.service is None:
        return None
    return document.service.first, document.service.last


def _item(document: IssuedDocument, line: InvoiceLine, vat: Vat) -> Item:
    minor, name = line.amount.amount_minor, wording.line(line, document.language)
    return Item(name, -1 if minor < 0 else 1, abs(minor), vat, document.served(line))


def _notes(document: IssuedDocument) -> tuple[str, ...]:
    test = text(document.language, "invoice.test_note") if document.test else None
    return tuple(filter(None, [document.seller.note, test]))


def _tax_id(document: IssuedDocument) -> TaxId | None:
    """Returns the seller's VAT id of the country whose tax it is, or of the seller's own country,
    or else any: one of a member state is for the whole EU."""
    ids = [each for each in document.seller.tax_ids if each.country in VAT_COUNTRIES]
    taxed_in = [line.kind[:2] for line in document.lines if line.is_tax]
    address = document.seller.address
    countries = [*taxed_in, *([address.country] if address else [])]
    wanted = [{country} for country in countries] + [EU for country in countries if country in EU]
    found = (each for those in wanted for each in ids if each.country in those)
    return next(found, ids[0] if ids else None)


def _untaxed(document: IssuedDocument, home: Address, *, alone: bool) -> Category | None:
    """Returns the category of what no tax is on, or None where nobody said why (C-10).

    A service for a buyer abroad is outside the scope of VAT, unless both are in the EU. A line
    outside the scope must not stand beside others, so there it is one that is exempt.
    """
    if document.seller.untaxed_reason or not alone:
        return Category.EXEMPT
    country = document.buyer.address.country
    abroad = country != home.country and not {country, home.country} <= EU
    return Category.OUTSIDE if abroad or not document.total.amount_minor else None


def _vat(tax_line: InvoiceLine | None, untaxed: Category) -> Vat:
    if tax_line is None:
        return Vat(untaxed)
    tax = tax_line.tax
    assert tax is not None, "grouped by their rates"
    if tax.reverse_charge:
        return Vat(Category.REVERSE_CHARGE)
    return Vat(Category.STANDARD if tax.rate_ppm else Category.ZERO, tax.rate_ppm)


def _sums(
    document: IssuedDocument,
    net: Sequence[tuple[InvoiceLine, Vat]],
    taxes: Sequence[InvoiceLine],
) -> tuple[VatSum, ...]:
    basis, tax = dict[Vat, int](), dict[Vat, int]()
    for line, vat in net:
        basis[vat] = basis.get(vat, 0) + line.amount.amount_minor
    for line in taxes:
        vat = _vat(line, Category.EXEMPT)
        tax[vat] = tax.get(vat, 0) + line.amount.amount_minor
    return tuple(
        VatSum(vat, basis.get(vat, 0), tax.get(vat, 0), _reason(document, vat))
        for vat in dict.fromkeys([*basis, *tax])
    )


def _reason(document: IssuedDocument, vat: Vat) -> str | None:
    language = document.language
    if vat.category is Category.REVERSE_CHARGE:
        return text(language, "document.reverse_charge")
    if vat.category is Category.OUTSIDE:
        return text(language, "document.outside_scope")
    if vat.category is Category.EXEMPT:
        return document.seller.untaxed_reason or text(language, "document.untaxed_part")
    return None
