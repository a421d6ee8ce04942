"""Documents wear the branding of the day on which they were issued (M-11, M-7, M-13)."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from pypdf import PdfReader

from billing.branding.flows import changes
from billing.invoices.flows import files
from billing.kernel.branding import Logo
from billing.kernel.errors import Unavailable
from billing.kernel.issued_documents import DocumentKind, IssuedDocument
from billing.kernel.objects import ObjectKey, StoredObject
from billing.kernel.subscription import Source
from billing.kernel.values import replace
from billing.refunds.flows import refund
from billing.render import invoice_pdf
from billing.storage.memory.objects import MemoryObjects
from tests.branding.pictures import RED
from tests.branding.test_own_mails import brand, merchant
from tests.world import World

pytestmark = pytest.mark.typeset


@pytest.fixture
def world() -> World:
    return World()


def issued(world: World) -> IssuedDocument:
    """The document of a purchase."""
    world.buy()
    world.work()
    return world.history().documents[0]


def pictures(pdf: bytes) -> list[Image.Image]:
    return [
        each.image
        for page in PdfReader(io.BytesIO(pdf)).pages
        for each in page.images
        if each.image
    ]


@pytest.mark.spec("M-11", "M-7")
def test_an_invoice_shows_logo_and_colour_and_is_made_the_same_each_time(world: World) -> None:
    branding = brand(world)
    document = issued(world)
    assert (document.accent, document.logo) == ("#7700ff", branding.logo)
    pdf = files.pdf(world.ports, document)
    (logo,) = pictures(pdf)
    assert logo.convert("RGB").getpixel((5, 5)) == RED
    kept = world.ports.objects
    world.ports = replace(world.ports, objects=MemoryObjects(lambda: world.now))
    assert document.logo is not None
    key = ObjectKey("logos", "acme", f"{document.logo.digest}.png")
    found = kept.get(key, at_most=10**6)
    assert found is not None
    world.ports.objects.put(key, found.content, content_type="image/png")
    assert files.pdf(world.ports, document) == pdf


@pytest.mark.spec("M-11", "M-7")
def test_what_was_issued_keeps_the_branding_it_had(world: World) -> None:
    before = issued(world)
    assert (before.accent, before.logo) == (None, None)
    brand(world)
    assert world.history().documents[0] == before
    assert not pictures(files.pdf(world.ports, before))
    found = changes.read(world.ports, merchant(world))
    assert found is not None
    world.advance(days=32)
    later = world.history().documents
    assert {each.accent for each in later} == {None, "#7700ff"}
    changes.change(world.ports, merchant(world), found.version, changes.checked("#005500", "", ""))
    assert world.history().documents == later


@pytest.mark.spec("M-11", "M-13")
def test_an_e_invoice_with_a_logo_is_still_a_pdf_a_3b(world: World) -> None:
    brand(world)
    document = issued(world)
    assert document.logo is not None
    key = ObjectKey("logos", "acme", f"{document.logo.digest}.png")
    logo = world.ports.objects.get(key, at_most=10**6)
    assert logo is not None
    pdf = invoice_pdf.render(document, b"<xml/>", logo.content)
    reader = PdfReader(io.BytesIO(pdf))
    assert "factur-x.xml" in reader.attachments
    assert pictures(pdf)
    assert pdf == invoice_pdf.render(document, b"<xml/>", logo.content)


@pytest.mark.spec("M-11", "M-7")
def test_while_the_logo_is_out_of_reach_the_document_is_made_without_and_not_kept(
    world: World,
) -> None:
    brand(world)
    document = issued(world)
    kept = world.objects

    class Broken(MemoryObjects):
        def get(self, key: ObjectKey, *, at_most: int) -> StoredObject | None:
            if key.area == "logos":
                raise Unavailable("no logos today")
            return super().get(key, at_most=at_most)

    broken = Broken(lambda: world.now)
    ports = replace(world.ports, objects=broken)
    assert not pictures(files.pdf(ports, document))
    assert not broken._objects, "it is made again, with the logo"
    assert kept._objects


@pytest.mark.spec("M-11", "M-7")
def test_a_logo_that_is_gone_leaves_a_document_without_one(world: World) -> None:
    brand(world)
    document = replace(issued(world), file="another", logo=Logo("0" * 32, 600, 180))
    assert not pictures(files.pdf(world.ports, document))


@pytest.mark.spec("M-11", "M-7")
def test_a_credit_note_wears_it_too(world: World) -> None:
    brand(world)
    issued(world)
    paid = refund.payment(world.ports, "acme", world.orders()[0].id)
    refund.request(world.ports, paid, amount_minor=None, source=Source.MERCHANT, now=world.now)
    world.work()
    notes = [each for each in world.history().documents if each.kind is DocumentKind.CREDIT_NOTE]
    assert [each.accent for each in notes] == ["#7700ff"]
