"""An issued document stays as it was, whatever its seller or buyer change after (B-5, M-7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from email.message import EmailMessage
from io import BytesIO

import pytest
from pypdf import PdfReader

from billing.cards.flows import addresses
from billing.invoices.flows import documents, files
from billing.kernel.customers import Address
from billing.kernel.errors import Unavailable
from billing.kernel.invoices import Invoice
from billing.kernel.issued_documents import DocumentKind, IssuedDocument
from billing.kernel.objects import ObjectKey, StoredObject
from billing.kernel.subscription import Source
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Remove, Write
from billing.refunds.flows import refund
from billing.refunds.flows.refund import Takes
from billing.render import invoice_pdf
from billing.storage.memory.objects import MemoryObjects
from tests.world import World, meanwhile

pytestmark = [pytest.mark.spec("B-5", "M-7"), pytest.mark.typeset]

AUCKLAND = Address("1 Queen Street", "Auckland", "NZ", postal_code="1010")


@pytest.fixture
def world() -> World:
    return World()


def issued(world: World) -> Invoice:
    """Buys, and lets the outbox number the invoice and mail it."""
    world.buy()
    world.work()
    (invoice,) = world.history().invoices
    assert invoice.number == "INV-000001" or invoice.number == "TEST-000001"
    return invoice


def download(world: World) -> bytes:
    (invoice,) = world.history().invoices
    reference = documents.link(world.ports, world.merchant, invoice).split("/")[-2]
    return documents.download(world.ports, "acme", reference)


def text_of(pdf: bytes) -> str:
    pages = PdfReader(BytesIO(pdf)).pages
    return " ".join(" ".join(page.extract_text().split()) for page in pages)


def attached(message: EmailMessage) -> bytes:
    (pdf,) = message.iter_attachments()
    content = pdf.get_content()
    assert isinstance(content, bytes)
    return content


def moves_to_auckland(world: World) -> None:
    settings = replace(world.merchant.settings, time_zone="Pacific/Auckland")
    world.change_merchant(settings=settings)


def is_renamed(world: World) -> None:
    world.change_merchant(
        name="Zenith Lessons",
        email="new@zenith.example",
        website="https://zenith.example",
        address=AUCKLAND,
    )


def renames_its_product(world: World) -> None:
    (found,), _ = world.store.catalog("acme")
    world.store.commit(Change(found, replace(found, name="Another course")))


def buyer_moves(world: World) -> None:
    found = world.subscription()
    purchases = [found.id]
    addresses.change(
        world.ports,
        world.merchant,
        found.customer,
        purchases,
        name="Ann Moved",
        address=AUCKLAND,
        now=world.now,
    )


def buyer_speaks_french(world: World) -> None:
    found = world.history().customer
    assert found is not None
    world.store.commit(Change(found, replace(found, language="fr")))
    subscription = world.subscription()
    world.store.commit(Change(subscription, replace(subscription, language="fr")))


def card_goes(world: World) -> None:
    (method,) = world.history().methods
    world.store.commit(Change(method, replace(method, brand="mastercard", last4="4444")))


CHANGES = [
    moves_to_auckland,
    is_renamed,
    renames_its_product,
    buyer_moves,
    buyer_speaks_french,
    card_goes,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_an_invoice_that_was_issued_never_changes(
    world: World, change: Callable[[World], None]
) -> None:
    issued(world)
    (mail,) = world.mailer.sent
    before = download(world)
    assert before == attached(mail)
    assert "January 31, 2026" in text_of(before)
    world.now += timedelta(days=1)
    change(world)
    assert download(world) == before


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_nor_does_it_where_the_object_store_lost_it(
    world: World, change: Callable[[World], None]
) -> None:
    """The item that was issued says all that there is to say, and says it in the same bytes."""
    issued(world)
    before = download(world)
    change(world)
    world.ports = replace(world.ports, objects=MemoryObjects(lambda: world.now))
    assert download(world) == before


def test_what_is_issued_from_then_on_is_as_the_merchant_is_then(world: World) -> None:
    issued(world)
    world.advance(days=20)
    is_renamed(world)
    moves_to_auckland(world)
    world.advance(days=20)
    first, second = world.history().documents
    assert (first.seller.name, first.time_zone) == ("Acme Courses", "America/New_York")
    assert (second.seller.name, second.time_zone) == ("Zenith Lessons", "Pacific/Auckland")
    assert (first.number, second.number) == ("TEST-000001", "TEST-000002")


def refunded(world: World) -> IssuedDocument:
    (paid,) = [order for order in world.orders() if order.kind == "sale"]
    refund.request(
        world.ports,
        refund.payment(world.ports, "acme", paid.id),
        amount_minor=1000,
        source=Source.MERCHANT,
        name="once#ISSUED",
        takes=Takes.OWN,
        now=world.now,
    )
    world.work()
    (note,) = [d for d in world.history().documents if d.kind is DocumentKind.CREDIT_NOTE]
    return note


def test_a_credit_note_that_was_issued_never_changes(world: World) -> None:
    invoice = issued(world)
    note = refunded(world)
    mailed = attached(world.mailer.sent[-1])
    assert "Credit note" in text_of(mailed) and "January 31, 2026" in text_of(mailed)
    assert (note.credits, note.total.amount_minor, note.lines) == (invoice.number, 1000, ())
    is_renamed(world)
    moves_to_auckland(world)
    (refund_,) = world.history().refunds
    (invoice,) = world.history().invoices
    assert documents.credit_note(world.ports, world.merchant, invoice, refund_) == mailed
    world.ports = replace(world.ports, objects=MemoryObjects(lambda: world.now))
    assert documents.credit_note(world.ports, world.merchant, invoice, refund_) == mailed


def test_a_document_is_issued_in_the_write_that_numbers_it(world: World) -> None:
    world.buy()
    written: list[tuple[Write, ...]] = []
    commit = world.store.commit

    def committing(*writes: Write) -> None:
        written.append(writes)
        commit(*writes)

    world.store.commit = committing  # type: ignore[method-assign]
    world.work()
    (numbering,) = [w for w in written if any(isinstance(x, Insert) and _issues(x) for x in w)]
    assert {type(w.after if isinstance(w, Change) else w.entity).__name__ for w in numbering} == {
        "InvoiceCounter",
        "Invoice",
        "IssuedDocument",
    }


def _issues(write: Insert) -> bool:
    return isinstance(write.entity, IssuedDocument)


# Of before


def of_before(world: World) -> Invoice:
    """An invoice that was numbered before documents were issued."""
    invoice = issued(world)
    (document,) = world.history().documents
    world.store.commit(Remove(document))
    world.ports = replace(world.ports, objects=MemoryObjects(lambda: world.now))
    return invoice


def test_one_of_before_is_issued_as_it_would_print_now_and_then_stays(world: World) -> None:
    invoice = of_before(world)
    moves_to_auckland(world)
    first = download(world)
    assert "February 1, 2026" in text_of(first)
    (document,) = world.history().documents
    assert (document.number, document.time_zone) == (invoice.number, "Pacific/Auckland")
    is_renamed(world)
    world.change_merchant(settings=replace(world.merchant.settings, time_zone="America/New_York"))
    assert download(world) == first


def test_two_that_ask_for_one_of_before_at_once_get_the_same(world: World) -> None:
    of_before(world)
    commit, second = world.store.commit, []

    def overtaken(*writes: Write) -> None:
        world.store.commit = commit  # type: ignore[method-assign]
        settings = replace(world.merchant.settings, time_zone="Pacific/Auckland")
        world.change_merchant(settings=settings)
        second.append(meanwhile(lambda: download(world)))
        commit(*writes)

    world.store.commit = overtaken  # type: ignore[method-assign]
    first = download(world)
    assert second == [first]
    assert "February 1, 2026" in text_of(first)
    assert len(world.history().documents) == 1


# The object store


class BrokenObjects(MemoryObjects):
    """An object store that fails in one of its calls, before or after the effect."""

    def __init__(self, world: World, *, get: bool = False, put: str = "") -> None:
        super().__init__(lambda: world.now)
        self._get, self._put = get, put

    def get(self, key: ObjectKey, *, at_most: int) -> StoredObject | None:
        if self._get:
            raise Unavailable("down")
        return super().get(key, at_most=at_most)

    def put(
        self,
        key: ObjectKey,
        content: bytes,
        *,
        content_type: str,
        metadata: Mapping[str, str] | None = None,
    ) -> bool:
        if self._put == "before":
            raise Unavailable("down")
        done = super().put(key, content, content_type=content_type, metadata=metadata)
        if self._put == "after":
            raise Unavailable("its answer was lost")
        return done


@pytest.mark.parametrize(("get", "put"), [(True, ""), (False, "before"), (False, "after")], ids=str)
def test_a_document_is_served_whatever_the_object_store_does(
    world: World, get: bool, put: str
) -> None:
    broken = BrokenObjects(world, get=get, put=put)
    world.ports = replace(world.ports, objects=broken)
    issued(world)
    moves_to_auckland(world)
    (mail,) = world.mailer.sent
    assert "January 31, 2026" in text_of(attached(mail))
    assert download(world) == attached(mail)
    broken._get, broken._put = False, ""
    assert download(world) == attached(mail)
    assert len(broken._objects) == 1


def test_a_pdf_is_rendered_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[IssuedDocument] = []
    render = invoice_pdf.render

    def counted(document: IssuedDocument, xml: bytes | None, logo: bytes | None) -> bytes:
        rendered.append(document)
        return render(document, xml, logo)

    monkeypatch.setattr(invoice_pdf, "render", counted)
    issued(world)
    download(world)
    download(world)
    assert len(rendered) == 1


def test_what_another_version_rendered_is_served_as_it_is_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued(world)
    before = download(world)
    monkeypatch.setattr(invoice_pdf, "render", lambda document, xml, logo: b"otherwise")
    assert download(world) == before


def test_two_that_render_at_once_serve_what_was_kept_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued(world)
    (document,) = world.history().documents
    world.ports = replace(world.ports, objects=MemoryObjects(lambda: world.now))

    def overtaken(_: IssuedDocument, xml: bytes | None, logo: bytes | None) -> bytes:
        monkeypatch.setattr(invoice_pdf, "render", lambda document, xml, logo: b"first")
        meanwhile(lambda: files.pdf(world.ports, document))
        return b"second"

    monkeypatch.setattr(invoice_pdf, "render", overtaken)
    assert files.pdf(world.ports, document) == b"first"
    assert download(world) == b"first"


def test_a_pdf_lies_under_its_merchant_and_customer_and_nobodys_words(world: World) -> None:
    issued(world)
    (document,) = world.history().documents
    (key,) = world.objects._objects
    assert key == f"documents/acme/{document.customer}/{document.file}.pdf"
    found = world.objects._objects[key]
    assert (found.content_type, found.metadata) == (
        "application/pdf",
        {"number": document.number},
    )


def test_restored_tables_that_give_a_number_again_never_serve_the_pdf_of_another(
    world: World,
) -> None:
    """The bucket remembers more than a table that was taken back: its files have names of their
    own."""
    issued(world)
    again = World()
    again.ports = replace(again.ports, objects=world.objects, new_id=_drawing_otherwise(again))
    again.buy(email="bob@example.com", name="Bob Other")
    again.work()
    (mail,) = again.mailer.sent
    assert "TEST-000001" in text_of(attached(mail)) and "Bob Other" in text_of(attached(mail))


def _drawing_otherwise(world: World) -> Callable[[str], str]:
    draw = world.ports.new_id
    return lambda kind: f"{kind}_another0000000000" if kind == "doc" else draw(kind)


@pytest.mark.spec("M-8")
def test_an_erased_customers_invoice_stays_as_it_was_issued(world: World) -> None:
    from billing.kernel.subscription import When
    from billing.privacy.flows import erase

    issued(world)
    before = download(world)
    world.cancel(When.NOW)
    world.tick()
    customer = world.subscription().customer
    (invoice,) = world.store.history("acme", customer).invoices
    reference = documents.link(world.ports, world.merchant, invoice).split("/")[-2]
    erase.one(world.ports, "acme", customer, now=world.now)
    assert documents.download(world.ports, "acme", reference) == before
    assert len(world.store.history("acme", customer).documents) == 1
