"""Mails: the same words twice, one identity per event, no header and no program from strangers."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.cancel.mail import letters as cancel_letters
from billing.kernel import snapshots
from billing.kernel.invoices import Invoice, InvoiceState
from billing.kernel.merchants import Merchant
from billing.kernel.snapshots import Snapshot
from billing.kernel.subscription import Source, State, Subscription
from billing.kernel.values import replace
from billing.rebill.mail import letters
from billing.refunds.mail import letters as refund_letters
from billing.refunds.refunds import Refund
from billing.render import mails, own_words
from tests.render.html import read
from tests.render.samples import INSTALLMENTS, INVOICE, MERCHANT, NOW, SUBSCRIPTION, usd

SENDER = "billing@perennial.example"
URL = "https://billing.example/portal/mer/invoices/x/invoice.pdf"
FAILED = replace(
    INVOICE,
    total=usd(2999),
    state=InvoiceState.RETRY,
    decline_code="insufficient_funds",
    settled_at=None,
    number=None,
)
WAY_IN = mails.WayIn("https://pay.example.com/portal/acme/mail/x", "K7M2Q-9XTRV-4H3PD")
PAST_DUE = replace(SUBSCRIPTION, state=State.PAST_DUE, retry_at=NOW + timedelta(days=3))


COMPLETED = replace(SUBSCRIPTION, state=State.COMPLETED, ends_at=NOW)


def envelope(merchant: Merchant, invoice: Invoice, fact: str) -> mails.Envelope:
    return mails.Envelope(
        merchant, invoice.bill_to, invoice.language, invoice.test, SENDER, fact, NOW
    )


def was(subscription: Subscription | None) -> Snapshot | None:
    return None if subscription is None else snapshots.of(subscription)


def confirmation(
    merchant: Merchant = MERCHANT,
    invoice: Invoice = INVOICE,
    subscription: Subscription | None = SUBSCRIPTION,
    pdf: bytes = b"%PDF-",
) -> EmailMessage:
    to = envelope(merchant, invoice, "sub_1.0001:purchased")
    return letters.confirmation(to, invoice, was(subscription), invoice_url=URL, pdf=pdf)


def receipt(
    merchant: Merchant = MERCHANT,
    invoice: Invoice = INVOICE,
    subscription: Subscription | None = SUBSCRIPTION,
) -> EmailMessage:
    to = envelope(merchant, invoice, "sub_1.0002:renewed")
    return letters.receipt(to, invoice, was(subscription), invoice_url=URL, pdf=b"%PDF-")


def payment_failed(
    merchant: Merchant = MERCHANT,
    invoice: Invoice = FAILED,
    subscription: Subscription | None = PAST_DUE,
) -> EmailMessage:
    to = envelope(merchant, invoice, "sub_1.0002:failed:1")
    return letters.payment_failed(replace(to, way_in=WAY_IN), invoice, was(subscription))


def ended(
    merchant: Merchant = MERCHANT,
    invoice: Invoice = INVOICE,
    subscription: Subscription = COMPLETED,
) -> EmailMessage:
    named = replace(subscription, product_name=invoice.product_name)
    return cancel_letters.ended(
        envelope(merchant, invoice, "sub_1:ended"), snapshots.of(named), None
    )


MAILS: list[Callable[..., EmailMessage]] = [confirmation, receipt, payment_failed, ended]


def body(message: EmailMessage, kind: str = "plain") -> str:
    part = message.get_body((kind,))
    assert isinstance(part, EmailMessage)
    return str(part.get_content())


def words(message: EmailMessage) -> str:
    return " ".join(body(message).split())


@pytest.mark.parametrize("build", MAILS)
def test_a_mail_is_from_the_merchant_by_our_address_and_answers_go_to_the_merchant(
    build: Callable[..., EmailMessage],
) -> None:
    message = message_from_bytes(build().as_bytes(), policy=default)
    assert message["From"] == "Sunrise Studio <billing@perennial.example>"
    assert message["To"] == "ada@example.com"
    assert message["Reply-To"] == "Sunrise Studio <hello@sunrise.example>"
    assert message["Date"].datetime == NOW
    assert message["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize("build", MAILS)
def test_a_mail_sent_twice_is_one_and_the_same(build: Callable[..., EmailMessage]) -> None:
    assert build().as_bytes() == build().as_bytes()
    others = {str(other()["Message-ID"]) for other in MAILS}
    assert len(others) == len(MAILS)
    assert all(identity.endswith("@perennial.example>") for identity in others)


@pytest.mark.parametrize("build", MAILS)
def test_text_and_html_say_the_same(build: Callable[..., EmailMessage]) -> None:
    message = build()
    html = read(body(message, "html"))
    assert html.all("script", "img", "link", "style") == []
    for paragraph in html.all("p", "h2"):
        if not paragraph.all("a"):
            assert paragraph.text in words(message)


@pytest.mark.spec("W-3")
@pytest.mark.parametrize("build", MAILS)
def test_a_mail_about_a_test_purchase_is_marked(build: Callable[..., EmailMessage]) -> None:
    message = build(invoice=replace(FAILED, test=True))
    assert message["Subject"].startswith("[TEST] ")
    assert body(message).startswith("TEST: This email is about a test purchase.")
    assert "TEST: This email is about a test purchase." in body(message, "html")
    assert "TEST" not in build().as_string()


@pytest.mark.spec("C-3")
def test_a_confirmation_tells_what_was_bought_and_charged_what_follows_and_how_to_cancel() -> None:
    message = confirmation()
    text = words(message)
    assert message["Subject"] == "Your purchase: Morning Yoga Membership"
    assert "You bought Morning Yoga Membership from Sunrise Studio." in text
    assert "Morning Yoga Membership: $1.00 Charged on January 31, 2026: $1.00" in text
    assert "Your next payment is $29.99 on February 14, 2026." in text
    assert "$1.00 for the first 14 days, then $29.99 every month" in text
    assert f"Your invoice: {URL}" in text
    assert read(body(message, "html")).one("a").attributes["href"] == URL
    assert "How to cancel: Contact hello@sunrise.example at any time." in text


@pytest.mark.spec("C-3")
def test_the_order_id_is_in_the_confirmation_only_where_the_template_has_it() -> None:
    assert f"Your Order ID is {INVOICE.order_id}." in words(confirmation(pdf=None))
    settings = replace(MERCHANT.settings, confirmation_template="Welcome, {name}!")
    without = confirmation(replace(MERCHANT, settings=settings), pdf=None)
    assert "Welcome, Ada Lovelace!" in words(without)
    assert INVOICE.order_id not in without.as_string()


def test_a_single_payment_says_that_nothing_follows() -> None:
    text = words(confirmation(subscription=None))
    assert "You won't be charged again." in text
    assert "no subscription to cancel" in text


@pytest.mark.spec("B-5")
@pytest.mark.parametrize("build", [confirmation, receipt])
def test_the_invoice_is_attached_as_invoice_pdf(build: Callable[..., EmailMessage]) -> None:
    message = message_from_bytes(build().as_bytes(), policy=default)
    (attached,) = message.iter_attachments()
    assert attached.get_filename() == "invoice.pdf"
    assert attached.get_content_type() == "application/pdf"
    assert attached.get_content() == b"%PDF-"


def test_a_receipt_tells_what_was_charged_and_when_the_next_payment_is() -> None:
    message = receipt()
    assert message["Subject"] == "Receipt: $1.00 for Morning Yoga Membership"
    assert "Your next payment is $29.99 on February 14, 2026." in words(message)


def test_the_last_receipt_says_that_it_is_the_last() -> None:
    completed = replace(SUBSCRIPTION, terms=INSTALLMENTS, state=State.COMPLETED)
    text = words(receipt(subscription=completed))
    assert "This was your last payment. You won't be charged again." in text
    assert "How to cancel" not in text


def test_a_failed_payment_says_why_and_when_it_is_tried_again() -> None:
    text = words(payment_failed())
    assert "couldn't charge $29.99" in text
    assert "card has insufficient funds" in text
    assert "We'll try again on February 3, 2026." in text


def test_a_hard_decline_is_not_said_to_be_tried_again() -> None:
    text = words(payment_failed(invoice=replace(FAILED, retryable=False)))
    assert "We'll try again" not in text
    assert "To pay another way, contact hello@sunrise.example." in text


@pytest.mark.spec("R-4")
def test_the_last_mail_about_a_decline_asks_for_no_card_for_what_has_ended() -> None:
    ended = replace(PAST_DUE, state=State.CANCELLED, ends_at=NOW, ended_by=Source.DUNNING)
    given_up = replace(FAILED, state=InvoiceState.UNCOLLECTIBLE)
    message = payment_failed(invoice=given_up, subscription=ended)
    assert "your subscription has ended" in words(message)
    for kind in ("plain", "html"):
        assert "Update your card" not in body(message, kind)
        assert "To pay another way" not in body(message, kind)
    assert "Update your card" in words(payment_failed())


@pytest.mark.spec("W-2", "B-9")
@pytest.mark.parametrize("code", ["card_declined", "expired_card", "payment_method_missing", "x"])
def test_a_refusal_is_worded_for_its_own_gateway(code: str) -> None:
    there = replace(FAILED, gateway="paypal", decline_code=code)
    envelope_there = replace(
        envelope(MERCHANT, there, "f"), way_in=replace(WAY_IN, takes_cards=False)
    )
    text = words(letters.payment_failed(envelope_there, there, was(PAST_DUE)))
    assert "PayPal" in text and "Change it in your PayPal account" in text
    assert "bank" not in text and "Update your card" not in text
    assert "Use another card" not in text


@pytest.mark.spec("R-8")
def test_nothing_is_charged_in_words_where_nothing_was_due() -> None:
    nothing = replace(INVOICE, total=usd(0))
    for build in (confirmation, receipt):
        message = build(invoice=nothing)
        everything = f"{message['Subject']} {words(message)}"
        assert not re.search(r"(?<!n't be )(?<!weren't )[Cc]harged", everything), everything
    assert receipt(invoice=nothing)["Subject"] == "Nothing to pay for Morning Yoga Membership"
    assert "you weren't charged" in words(receipt(invoice=nothing))


@pytest.mark.spec("B-7")
def test_a_refund_takes_off_what_was_paid() -> None:
    refund = Refund(
        id="sub_1.0001:one",
        merchant=MERCHANT.id,
        customer="cus_1",
        invoice=INVOICE.id,
        paid_order=INVOICE.order_id,
        amount=usd(100),
        gateway="sandbox",
        gateway_account="sandbox",
        gateway_ref="pi_1",
        order_id="9XTRV-K7M2Q-4H3PD",
        source=Source.MERCHANT,
        requested_at=NOW,
        shard=0,
        due_at=None,
        number="CN-000001",
    )
    to = envelope(MERCHANT, INVOICE, "f")
    text = words(refund_letters.refunded(to, INVOICE, refund, pdf=b"%PDF-"))
    assert "Refund of invoice INV-000042: −$1.00" in text


@pytest.mark.spec("H-3")
def test_a_merchants_own_mail_greets_no_department_and_names_no_address_to_write_to() -> None:
    inward = replace(envelope(MERCHANT, INVOICE, "f"), inward=True)
    message = mails.written(mails.Letter("New ticket", "New ticket", ("zoe wrote: Hello",)), inward)
    for kind in ("plain", "html"):
        text = " ".join(body(message, kind).split())
        assert "Hello," in text and "Hello Ada" not in text
        assert "hello@sunrise.example" not in text and "Questions?" not in text


def test_completed_and_cancelled_are_told_apart() -> None:
    completed = ended(subscription=replace(SUBSCRIPTION, state=State.COMPLETED))
    assert "complete" in completed["Subject"]
    assert "you keep what you paid for" in words(completed)
    cancelled = replace(SUBSCRIPTION, state=State.CANCELLED, ends_at=NOW, ended_by=Source.DUNNING)
    text = words(ended(subscription=cancelled))
    assert "ended on January 31, 2026. You won't be charged again." in text
    assert "because your last payment didn't go through" in text


LINES = st.text(min_size=1, max_size=80)


@given(merchant=LINES, product=LINES, name=LINES)
def test_no_name_makes_a_header_of_its_own(merchant: str, product: str, name: str) -> None:
    evil = "\r\nBcc: everyone@example.com\r\n\r\n"
    invoice = replace(
        INVOICE,
        product_name=product + evil,
        bill_to=replace(INVOICE.bill_to, name=name + evil),
    )
    message = receipt(replace(MERCHANT, name=merchant + evil), invoice)
    headers = message.as_bytes().partition(b"\r\n\r\n")[0]
    names = {line.partition(b":")[0] for line in headers.split(b"\r\n") if line[:1] not in b" \t"}
    assert names == {
        *(b"From", b"To", b"Reply-To", b"Subject", b"Date", b"Message-ID", b"References"),
        b"Auto-Submitted",
        *(b"MIME-Version", b"Content-Type"),
    }


def test_an_address_that_is_two_is_refused() -> None:
    invoice = replace(
        INVOICE, bill_to=replace(INVOICE.bill_to, email="a@example.com, b@example.com")
    )
    with pytest.raises(ValueError, match="addr_spec"):
        receipt(invoice=invoice)


def test_a_name_outside_ascii_arrives_as_it_was_typed() -> None:
    merchant = replace(MERCHANT, name="Йога „Изгрев“, Łódź")
    message = message_from_bytes(receipt(merchant).as_bytes(), policy=default)
    assert message["From"].addresses[0].display_name == merchant.name


def test_names_in_a_mail_are_escaped() -> None:
    invoice = replace(INVOICE, product_name="<script>x</script>")
    message = receipt(invoice=invoice)
    assert "<script" not in body(message, "html")
    assert "<script>x</script>" in body(message)


@pytest.mark.parametrize(
    ("template", "paragraphs"),
    [
        ("{order_id} {product} {name}", ("{product} P {order_id}",)),
        (
            "{0} {order_id.x} {{name}} {% x %} {secret}",
            ("{0} {order_id.x} {{order_id}} {% x %} {secret}",),
        ),
        ("one\n\n  two \r\nthree\x00", ("one", "two", "three")),
        ("", ()),
    ],
)
def test_a_template_of_a_merchant_is_no_program(template: str, paragraphs: tuple[str, ...]) -> None:
    values = {"order_id": "{product}", "product": "P", "name": "{order_id}"}
    assert own_words.filled(template, values) == paragraphs


def test_a_template_cannot_grow_a_mail_without_end() -> None:
    template = "{name}" * 100_000
    (paragraph,) = own_words.filled(template, {"name": "x" * 200})
    assert len(paragraph) == own_words.TEMPLATE_MOST
