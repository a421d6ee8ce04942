"""The identity on a merchant's documents is set by API (C-7, M-13)."""

from __future__ import annotations

from base64 import b64decode
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader

from billing.kernel.identities import TaxId
from tests.tax.taxing import BERLIN, OSS, collecting
from tests.web.shop import Shop

pytestmark = pytest.mark.spec("C-7", "M-13")

ADDRESS = {
    "line1": "Unter den Linden 1",
    "city": "Berlin",
    "postal_code": "10117",
    "country": "DE",
}
IDENTITY = {
    "legal_name": "Acme Kurse GmbH",
    "address": ADDRESS,
    "tax_ids": [{"country": "DE", "number": "de 136 695 976"}],
    "invoice_note": "Amtsgericht Berlin\nHRB 12345",
    "untaxed_reason": "§ 19 UStG",
    "e_invoices": True,
}


@pytest.fixture
def shop() -> Shop:
    return Shop()


def put(shop: Shop, **identity: Any) -> Any:
    return shop.api.call("PATCH", "/v1/settings", {"identity": identity})


def test_a_new_merchant_has_said_nothing(shop: Shop) -> None:
    assert shop.api.get("/v1/settings").json["identity"] == {
        "legal_name": None,
        "address": None,
        "tax_ids": [],
        "invoice_note": "",
        "untaxed_reason": "",
        "e_invoices": False,
    }


def test_an_identity_is_set_and_changed_field_by_field(shop: Shop) -> None:
    answer = put(shop, **IDENTITY)
    assert answer.status == 200, answer.json
    shown = {
        **IDENTITY,
        "address": {**ADDRESS, "line2": None, "state": None},
        "tax_ids": [{"country": "DE", "number": "DE136695976"}],
    }
    assert answer.json["identity"] == shown
    assert put(shop, invoice_note="").json["identity"] == {**shown, "invoice_note": ""}
    assert put(shop, legal_name=None).json["identity"]["legal_name"] is None
    found = shop.world.store.merchant("acme")
    assert found is not None and found.address == BERLIN
    assert found.settings == shop.world.merchant.settings
    assert put(shop, address=None).json["identity"]["address"] is None


@pytest.mark.parametrize(
    ("country", "number", "printed"),
    [
        ("GB", "980780684", "GB980780684"),
        ("GB", "GB 980 7806 84", "GB980780684"),
        ("NO", "NO 995 525 828 MVA", "NO995525828MVA"),
        ("CH", "CHE-107.787.577 IVA", "CHE107787577IVA"),
        ("GR", "094259216", "EL094259216"),
        ("AU", "51 824 753 556", "51824753556"),
        ("IN", "27AAPFU0939F1ZV", "27AAPFU0939F1ZV"),
        ("US", "12-3456789", "12-3456789"),
    ],
)
def test_a_tax_id_is_checked_and_printed_with_its_countrys_prefix(
    shop: Shop, country: str, number: str, printed: str
) -> None:
    answer = put(shop, tax_ids=[{"country": country, "number": number}])
    assert answer.status == 200, answer.json
    found = shop.world.store.merchant("acme")
    assert found is not None and found.identity is not None
    assert found.identity.tax_ids == (TaxId(country, printed),)


@pytest.mark.parametrize(
    ("identity", "field"),
    [
        (
            {"tax_ids": [{"country": "DE", "number": "DE136695976"}] * 11},
            "identity.tax_ids",
        ),
        (
            {
                "tax_ids": [
                    {"country": "DE", "number": "DE136695976"},
                    {"country": "DE", "number": "DE136695977"},
                ]
            },
            "identity.tax_ids[1].number",
        ),
        (
            {"tax_ids": [{"country": "IN", "number": "27AAPFU0939F1ZA"}]},
            "identity.tax_ids[0].number",
        ),
        ({"tax_ids": [{"country": "QQ", "number": "1"}]}, "identity.tax_ids[0].country"),
        ({"address": {**ADDRESS, "country": "Germany"}}, "identity.address.country"),
        ({"address": {"line1": "x"}}, "identity.address.country"),
        ({"invoice_note": "x" * 501}, "identity.invoice_note"),
        ({"invoice_note": "a\x07b"}, "identity.invoice_note"),
        ({"legal_name": ""}, "identity.legal_name"),
        ({"e_invoices": "yes"}, "identity.e_invoices"),
        ({"colour": "red"}, "identity.colour"),
    ],
)
def test_what_cannot_be_printed_is_refused(
    shop: Shop, identity: dict[str, Any], field: str
) -> None:
    answer = put(shop, **identity)
    assert (answer.status, answer.json["field"]) == (422, field), answer.json


@pytest.mark.typeset
def test_invoices_say_it_from_then_on(shop: Shop) -> None:
    collecting(shop.world, OSS)
    put(shop, **IDENTITY)
    bought = shop.world.buy(address=BERLIN)
    pdf = b64decode(shop.api.get(f"/v1/invoices/{bought.invoice.id}/pdf").body)
    text = " ".join(PdfReader(BytesIO(pdf)).pages[0].extract_text().split())
    for words in (
        "Acme Kurse GmbH",
        "Unter den Linden 1",
        "Tax ID DE136695976",
        "Amtsgericht Berlin HRB 12345",
        "Description Qty Unit price Tax Amount",
        "Jan 31 – Feb 27, 2026 1 $29.99 19% $29.99",
        "VAT 19% on $29.99 $5.70",
        "Amount due $0.00",
    ):
        assert words in text, (words, text)
    assert shop.api.get(f"/v1/invoices/{bought.invoice.id}/xml").status == 200


def test_the_address_is_the_home_that_reverse_charge_is_decided_by(shop: Shop) -> None:
    collecting(shop.world, OSS)
    put(shop, **IDENTITY)
    paris = {"line1": "1 rue de Rivoli", "city": "Paris", "country": "FR"}
    assert put(shop, address=paris).status == 200
    found = shop.world.store.merchant("acme")
    assert found is not None and found.address is not None and found.address.country == "FR"
