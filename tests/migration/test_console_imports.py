"""Imports in the console: a file chosen, its columns and prices named, its rows seen (M-4, M-6)."""

from __future__ import annotations

import re

import pytest

from tests.migration.files import ROW, many, selling, table
from tests.web.calls import Answer, Client, event
from tests.web.shop import Shop, signed_in

pytestmark = pytest.mark.spec("M-6")

HERE = "/console/import"


def csrf(browser: Client, at: str = HERE) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', browser.browse("GET", at).body)
    assert found is not None
    return found[1]


def choose(browser: Client, content: str, **fields: str) -> Answer:
    """Sends the form with a file, as a browser without JavaScript does."""
    from base64 import b64encode

    parts = {"csrf": csrf(browser), **fields, "cards": fields.get("cards", ""), "file": content}
    body = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"'
        + ('; filename="a.csv"\r\nContent-Type: text/csv' if name in {"file", "cards"} else "")
        + f"\r\n\r\n{value}\r\n"
        for name, value in parts.items()
    )
    raw = b64encode((body + "--x--\r\n").encode("utf-8", "surrogateescape")).decode()
    headers = {"content-type": "multipart/form-data; boundary=x", "accept": "text/html"}
    cookies = [f"{name}={value}" for name, value in browser.cookies.items() if value]
    return browser.send(event("POST", HERE, raw, headers=headers, cookies=cookies, is_base64=True))


def sent_on(browser: Client, answer: Answer) -> Answer:
    assert answer.status == 303, answer.body
    return browser.browse("GET", answer.headers["location"])


def press(browser: Client, address: str, at: str, **fields: str) -> Answer:
    return browser.browse("POST", address, {"csrf": csrf(browser, at), **fields})


@pytest.fixture
def shop() -> Shop:
    return selling()


def test_a_file_is_chosen_looked_at_and_its_rows_are_seen(shop: Shop) -> None:
    browser = signed_in(shop)
    text = (
        many(2, name="Müller")
        + table({**ROW, "external_id": "x", "status": "unpaid"}).split("\n", 1)[1]
    )
    answer = choose(browser, text, kind="canonical")
    page = sent_on(browser, answer)
    assert page.status == 200
    assert "Collect it or cancel it first." in page.body
    address = answer.headers["location"]
    only = browser.browse("GET", f"{address}?result=blocking").body
    assert "Row 3" in only and "Row 1" not in only
    report = browser.browse("GET", f"{address}/rows.csv?result=blocking")
    assert "past_due" in report.body
    assert "canonical" in browser.browse("GET", HERE).body
    rival = signed_in(shop, "rival")
    for path in ("", "/rows.csv", "/dry-run"):
        assert rival.browse("GET", address + path).status == 404


def test_what_is_chosen_wrongly_comes_back_in_words(shop: Shop) -> None:
    browser = signed_in(shop)
    nothing = choose(browser, "", kind="canonical")
    assert (nothing.status, "Fill in this field" in nothing.body or "required" in nothing.body) == (
        422,
        True,
    )
    unknown = choose(browser, many(1), kind="odd")
    assert unknown.status == 422
    latin = choose(browser, many(1, name="M\udcfcller"), kind="canonical")
    assert "UTF-8. Save the file as" in sent_on(browser, latin).body
    stale = choose(browser, "", kind="canonical", upload="upl_gone")
    assert stale.status == 422 and "Upload it again." in stale.body


def test_columns_of_another_system_are_named_once_and_kept(shop: Shop) -> None:
    browser = signed_in(shop)
    theirs = {"ID": "external_id", "Mail": "email", "Plan": "source_price"} | {
        name: name
        for name in ("status", "started_at", "next_charge_at", "country", "payment_method")
    }
    ours = {theirs_: ROW.get(ours_, "gold") for theirs_, ours_ in theirs.items()}
    answer = choose(browser, table({**ours, "Note": "x"}), kind="other")
    page = sent_on(browser, answer)
    assert "Note" in page.body
    address = answer.headers["location"]
    columns = {f"column-{n}": target for n, target in enumerate(theirs.values())}
    wrong = press(
        browser, address, address, name="kartra", **{**columns, "column-1": "external_id"}
    )
    assert wrong.status == 422 and "only once" in wrong.body
    made = press(browser, address, address, name="kartra", **columns)
    found = sent_on(browser, made)
    assert "gold" in found.body and "Choose price points" in found.body
    of_import = made.headers["location"]
    again = press(browser, f"{of_import}/prices", of_import, **{"price-0": "acme.price1x1"})
    assert "Choose price points" not in sent_on(browser, again).body
    imported = shop.api.get("/v1/imports").json["data"][0]
    assert (imported["source"], imported["ok"], imported["blocking"]) == ("kartra", 1, 0)
    foreign = press(browser, f"{of_import}/prices", of_import, **{"price-0": "rival.price"})
    assert foreign.status == 422
    assert '<option value="kartra"' in browser.browse("GET", HERE).body


def test_a_dry_run_is_shown_beside_the_dates_of_the_file(shop: Shop) -> None:
    browser = signed_in(shop)
    answer = choose(browser, many(1), kind="canonical")
    address = answer.headers["location"]
    assert "Start dry run" in browser.browse("GET", f"{address}/dry-run").body
    page = sent_on(browser, press(browser, f"{address}/dry-run", address))
    assert "2026-02-20" in page.body and "$29.99" in page.body


def test_a_large_file_is_uploaded_by_a_form_that_only_the_store_takes(shop: Shop) -> None:
    browser = signed_in(shop)
    page = browser.browse("GET", f"{HERE}/upload")
    assert page.status == 200
    policy = page.headers["content-security-policy"]
    address = re.search(r'<form method="post" action="(http[^"]+)"', page.body)
    assert address is not None
    origin = "/".join(address[1].split("/", 3)[:3])
    assert f"form-action 'self' {origin};" in policy
    assert origin not in browser.browse("GET", HERE).headers["content-security-policy"]
