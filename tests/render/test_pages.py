"""Pages: complete, escaped, usable without JavaScript, by keyboard and by screen reader."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from jinja2 import UndefinedError

from billing.kernel.errors import Invalid
from billing.kernel.values import replace
from billing.render import pages
from billing.web.problems import problem
from tests.render.examples import LISTING, PAGES, page
from tests.render.html import read
from tests.render.samples import (
    CHECKOUT,
    FREE_TRIAL,
    INSTALLMENTS,
    MERCHANT,
    METHODS,
    MONTHLY,
    ONCE,
    ONCE_LATER,
    PRODUCT,
    SETS,
    TRIAL,
    form_values,
    quoted,
)
from tests.render.written import templates

ELSEWHERE = ("account/", "console/", "declarations/", "helpdesk/", "mail/", "portal/")
"""Templates whose pages are looked at beside their routes."""
NO_PAGES = {
    "base.html",
    "endings.html",
    "room.html",
    "macros.html",
    "marks.html",
    "checkout/card.html",
    "stripe/element.html",
}
NOTHING_LISTED: dict[str, Any] = {"listings": [], "next_url": None, "first_url": None}


VARIANTS = [
    *((name, values) for name, values in PAGES.items()),
    *(
        ("checkout/form.html", form_values(terms))
        for terms in (ONCE, ONCE_LATER, MONTHLY, FREE_TRIAL, INSTALLMENTS, SETS)
    ),
    (
        "checkout/form.html",
        {
            **form_values(MONTHLY),
            "errors": {
                "": Invalid("required", field=""),
                "email": Invalid("email_malformed", field="email"),
                "payment_method": Invalid("card_missing", field="payment_method"),
            },
            "already_purchased": True,
            "trial_used": False,
            "offer_changed": True,
            "tax_added": True,
            "collects_tax": True,
            "tax_from_address": True,
            "decline_code": "card_declined",
            "form": {"email": "ada", "country": "US", "payment_method": METHODS[1]},
        },
    ),
    ("directory.html", NOTHING_LISTED),
    ("checkout/unavailable.html", {"merchant": MERCHANT, "again_url": None, "test": False}),
    ("error.html", {"problem": problem(ValueError("inner secret"), "request-1")}),
]


def test_every_page_has_an_example_here() -> None:
    found = {name for name in templates() if name.endswith(".html")}
    mine = {name for name in found if not name.startswith(ELSEWHERE)}
    assert mine == PAGES.keys() | NO_PAGES


@pytest.mark.parametrize(("template", "values"), VARIANTS)
def test_every_page_is_sound(template: str, values: dict[str, object]) -> None:
    """Nothing is left open, referred to and missing, unlabelled, styled in place or scripted."""
    document = page(template, **values)
    assert document.one("html").attributes["lang"] == "en"
    assert document.one("title").children
    assert len(document.all("h1")) == 1
    assert len(document.all("main")) == 1
    ids = [e.attributes["id"] for e in document.all() if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    for element in document.all():
        for attribute in ("for", "aria-describedby", "aria-labelledby"):
            assert element.attributes.get(attribute) in {None, *ids}
        assert "style" not in element.attributes
        assert not [name for name in element.attributes if name.startswith("on")]
        href = element.attributes.get("href") or ""
        assert not href.startswith("#") or href[1:] in ids
    labels = {label.attributes.get("for") for label in document.all("label")}
    inside = {id(e) for label in document.all("label") for e in label.all("input")}
    for control in document.all("input", "select", "textarea"):
        hidden = control.attributes.get("type") == "hidden"
        assert hidden or control.attributes.get("id") in labels or id(control) in inside
    assert document.all("script", "img", "link", "iframe", "object") == []
    assert [e.attributes for e in document.all("style")] == [{"nonce": "n0nce"}]


@pytest.mark.parametrize("template", sorted(PAGES))
def test_a_value_that_was_not_given_is_an_error(template: str) -> None:
    with pytest.raises(UndefinedError):
        pages.page(template, "en", nonce="n0nce")


@pytest.mark.parametrize("template", sorted(PAGES))
def test_what_people_typed_is_escaped(template: str) -> None:
    evil = "<script>alert(1)</script>\"'{{ 7 * 7 }}"
    merchant = replace(MERCHANT, name=evil, email=evil)
    checkout = replace(
        CHECKOUT, product_name=evil, bill_to=replace(CHECKOUT.bill_to, name=evil, email=evil)
    )
    values = {
        **PAGES[template],
        "merchant": merchant,
        "checkout": checkout,
        "product": replace(PRODUCT, name=evil),
        "quote": quoted(TRIAL, evil),
        "form": dict.fromkeys(("email", "name", "line1", "city", "state"), evil),
        "errors": {"email": Invalid("one_of", field="email", values=evil)},
        "description": evil,
        "listings": [replace(LISTING, merchant_name=evil, product_name=evil)],
        "problem": {"code": evil, "detail": evil, "request_id": evil},
        "attempt_key": evil,
    }
    html = pages.page(template, "en", nonce="n0nce", **values)
    assert "<script" not in html
    assert "49" not in html.partition("</style>")[2]
    assert evil in read(html).text or template in {"checkout/unavailable.html", "front.html"}


@pytest.mark.spec("W-3")
@pytest.mark.parametrize("template", sorted(name for name in PAGES if "test" in PAGES[name]))
def test_every_page_of_a_test_purchase_is_marked(template: str) -> None:
    assert "Test mode No real money is charged." in page(template, **PAGES[template]).text
    live = pages.page(template, "en", nonce="n", **{**PAGES[template], "test": False})
    assert "Test mode" not in live


def test_the_directory_shows_each_product_with_its_price() -> None:
    document = page("directory.html", **PAGES["directory.html"])
    assert "$1.00 for the first 14 days, then $29.99 every month" in document.text
    assert (
        document.one("a", href="/checkout/pp_1").attributes["aria-label"] == f"View {PRODUCT.name}"
    )
    assert "No products listed yet" in page("directory.html", **NOTHING_LISTED).text


def test_an_error_of_ours_says_nothing_of_what_is_inside() -> None:
    text = page("error.html", problem=problem(ValueError("inner secret"), "request-1")).text
    assert "inner secret" not in text
    assert "Reference: request-1" in text


def test_an_unknown_language_gets_the_english_page() -> None:
    html = pages.page("directory.html", "xx", nonce="n", **NOTHING_LISTED)
    assert html == pages.page("directory.html", "en", nonce="n", **NOTHING_LISTED)


@pytest.mark.parametrize("module", ["pages", "mails", "invoice_pdf"])
def test_importing_does_not_load_what_only_some_requests_need(module: str) -> None:
    code = (
        f"import sys, billing.render.{module}; "
        "print([name for name in ('babel', 'typst') if name in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "[]"
