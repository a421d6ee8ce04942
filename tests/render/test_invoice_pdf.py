"""The invoice PDF, read back."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from threading import Thread

import pytest
from pypdf import PageObject, PdfReader

from billing.invoices import issuing
from billing.kernel.customers import Address, BillTo, PaymentMethod
from billing.kernel.invoices import Invoice, InvoiceLine
from billing.kernel.money import Currency, Money
from billing.kernel.taxes import Taxable, Taxation, TaxRate, taxed
from billing.kernel.values import replace
from billing.render import invoice_pdf
from billing.render.messages import known
from tests.render.samples import INVOICE, MERCHANT, NOW, ZONE, usd

pytestmark = pytest.mark.typeset

CARD = PaymentMethod(
    id="pm_1",
    merchant=MERCHANT.id,
    customer="cus_1",
    gateway="sandbox",
    gateway_account="sandbox",
    brand="visa",
    last4="4242",
    expires_on=None,
    fingerprint=None,
    added_at=NOW,
)


def pdf_of(
    invoice: Invoice = INVOICE, method: PaymentMethod | None = None, zone: str = ZONE
) -> bytes:
    seller = replace(MERCHANT, settings=replace(MERCHANT.settings, time_zone=zone))
    language = known(invoice.language)
    return invoice_pdf.render(
        issuing.invoice_document(invoice, seller, method, language=language, file="doc_1")
    )


def only_page(invoice: Invoice = INVOICE, method: PaymentMethod | None = None) -> PageObject:
    (page,) = PdfReader(BytesIO(pdf_of(invoice, method))).pages
    return page


def text_of(page: PageObject) -> str:
    return " ".join(page.extract_text().split())


@pytest.mark.spec("H-7")
def test_an_invoice_names_the_seller_and_whose_checkout_it_was() -> None:
    text = text_of(only_page())
    assert "Sunrise Studio" in text and "Billing by Perennial" in text


@pytest.mark.spec("B-5")
def test_an_invoice_names_the_merchant_the_buyer_and_what_was_paid() -> None:
    text = text_of(only_page())
    assert "Invoice number INV-000042" in text
    assert "Date of issue January 31, 2026" in text
    assert (
        "Sunrise Studio 12 Harbor Street Portland, ME 04101 United States hello@sunrise.example "
        "https://sunrise.example" in text
    )
    assert (
        "Bill to Ada Lovelace 1 Analytical Way Flat 2 Springfield, IL 12345 United States "
        "ada@example.com" in text
    )
    assert "Morning Yoga Membership 1 $1.00 $1.00 Total $1.00 Amount paid $1.00" in text
    assert "Paid on January 31, 2026" in text
    assert "Visa •••• 4242" in text_of(only_page(method=CARD))


def test_an_invoice_of_nothing_was_not_paid_with_a_card() -> None:
    lines = (replace(INVOICE.lines[0], amount=usd(0)),)
    free = only_page(replace(INVOICE, total=usd(0), lines=lines), CARD)
    assert "Nothing to pay" in text_of(free)
    assert "Paid on" not in text_of(free) and "4242" not in text_of(free)


def places(page: PageObject) -> list[tuple[str, float, float]]:
    """Each piece of text with where it begins, from the left and from the top."""
    found = []

    def visit(text: str, page_to_user: list[float], text_to_page: list[float], *_: object) -> None:
        a, b, c, d, e, f = page_to_user
        x, y = text_to_page[4:6]
        found.append((text, a * x + c * y + e, float(page.mediabox.height) - (b * x + d * y + f)))

    page.extract_text(visitor_text=visit)
    return found


@pytest.mark.spec("B-5")
def test_the_order_id_is_in_the_top_right_corner() -> None:
    page = only_page()
    ((_, left, top),) = [place for place in places(page) if INVOICE.order_id in place[0]]
    assert left > float(page.mediabox.width) * 0.6
    assert 0 < top < float(page.mediabox.height) * 0.12


@pytest.mark.spec("W-3")
def test_an_invoice_of_a_test_purchase_is_marked() -> None:
    text = text_of(only_page(replace(INVOICE, test=True, number="TEST-000001")))
    assert text.replace("TEST-000001", "").count("TEST") == 1
    assert "Test purchase. No real money was charged." in text
    assert "TEST" not in text_of(only_page())


@pytest.mark.parametrize(
    "name",
    [
        '#eval("1 + 1")',
        '#panic("x")',
        "*bold* _under_ $x^2$ @ref <label> `raw` \\ [x] = head // gone",
        '"; sys.inputs',
        "<script>alert(1)</script>",
    ],
)
def test_no_name_is_markup(name: str) -> None:
    invoice = replace(
        INVOICE,
        bill_to=BillTo(name, "ada@example.com", Address(name, name, "US")),
        lines=(InvoiceLine("charge", name, usd(100)),),
        product_name=name,
    )
    assert text_of(only_page(invoice)).count(" ".join(name.split())) >= 3


def test_all_letters_of_the_fifteen_languages_are_there() -> None:
    letters = "ÆØÅæøå ÄÖÜäöüß ÇÉÈÊËÎÏÔŒÙÛŸ ĄĆĘŁŃÓŚŹŻ ĂÂÎȘȚ ĽŔŠŤŽ ÑÁÍÚ ÃÕ Ѝ Жълтата дюля €"
    fonts = set()
    page = only_page(
        replace(INVOICE, product_name=letters, lines=(InvoiceLine("c", letters, usd(1)),))
    )
    page.extract_text(visitor_text=lambda *seen: fonts.add((seen[3] or {}).get("/BaseFont")))
    assert letters in text_of(page)
    # Else a letter was taken from a font of another look.
    assert all(font is None or "LibertinusSerif" in font for font in fonts)


def test_every_line_and_currency_is_shown() -> None:
    for currency in Currency:
        lines = (
            InvoiceLine("charge", "Course", Money(2999, currency)),
            InvoiceLine("sales tax", "Sales tax IL", Money(187, currency)),
        )
        text = text_of(only_page(replace(INVOICE, lines=lines, total=Money(3186, currency))))
        assert all(figure in text for figure in ("29.99", "1.87", "31.86"))


def test_equal_input_gives_equal_bytes() -> None:
    assert pdf_of() == pdf_of()


def test_the_date_is_that_of_the_zone() -> None:
    late = replace(INVOICE, settled_at=datetime(2026, 2, 1, 3, 0, tzinfo=UTC))
    assert "January 31, 2026" in text_of(only_page(late))
    (page,) = PdfReader(BytesIO(pdf_of(late, zone="Asia/Tokyo"))).pages
    assert "February 1, 2026" in text_of(page)


def test_an_address_is_written_as_its_country_does() -> None:
    berlin = Address("Unter den Linden 1", "Berlin", "DE", postal_code="10117")
    text = text_of(only_page(replace(INVOICE, bill_to=BillTo("Ada", "a@example.com", berlin))))
    assert "Unter den Linden 1 10117 Berlin Germany" in text


def test_a_name_as_long_as_they_come_stays_on_the_page() -> None:
    invoice = replace(
        INVOICE,
        bill_to=BillTo(
            "Ж" * 200, f"{'w' * 64}@{'w' * 60}.example", Address("Ж" * 200, "Ж" * 200, "US")
        ),
        lines=(InvoiceLine("charge", "Ж" * 200, usd(99_999_999)),),
    )
    read = PdfReader(BytesIO(pdf_of(invoice)))
    text = "\n".join(page.extract_text() for page in read.pages)
    lines = text.replace("\N{ZERO WIDTH SPACE}", "").splitlines()
    assert max(map(len, lines)) < 80
    assert "".join(lines).count("Ж") == 4 * 200
    assert any("$999,999.99" in line for line in lines)


def test_threads_may_ask_at_once() -> None:
    made: list[bytes] = []

    def ask() -> None:
        made.append(pdf_of())

    threads = [Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert len(set(made)) == 1


@pytest.mark.spec("C-7")
@pytest.mark.parametrize(("language", "words"), [("de", "USt. 19\xa0% auf"), ("fr", "TVA 19\xa0%")])
def test_vat_is_named_as_the_language_of_the_invoice_has_it(language: str, words: str) -> None:
    made, total = taxed([Taxable(INVOICE.lines[0], Taxation((TaxRate("DE", "VAT", 190_000),)))])
    invoice = replace(INVOICE, lines=made, total=total, language=language)
    text = PdfReader(BytesIO(pdf_of(invoice))).pages[0].extract_text()
    assert " ".join(words.split()) in " ".join(text.split())
