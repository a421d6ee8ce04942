"""A merchant moves here from Chargebee, and from a file that they made by hand (M-6)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import BrowserContext

from tests.browser.people import Seller
from tests.local_stack.laptop import Laptop

pytestmark = [pytest.mark.slow, pytest.mark.spec("M-6", "M-4")]

CHARGEBEE = (
    "customer[id],customer[email],customer[first_name],customer[last_name],subscription[id],"
    "subscription[plan_id],subscription[plan_quantity],subscription[plan_unit_price],currency,"
    "subscription[status],subscription[started_at],subscription[current_term_start],"
    "subscription[current_term_end],customer[company]\n"
)
BY_HAND = "Nr;E-Mail;Kunde;Land;Tarif;Status;Beginn;Nächste Zahlung;Karte;Notiz\n"
COLUMNS = {
    "Nr": "external_id",
    "E-Mail": "email",
    "Kunde": "name",
    "Land": "country",
    "Tarif": "source_price",
    "Status": "status",
    "Beginn": "started_at",
    "Nächste Zahlung": "next_charge_at",
    "Karte": "payment_method",
}


@pytest.fixture
def laptop(new_laptop: Laptop) -> Laptop:
    """A merchant with one gateway, whatever others connect: a file without that column means it."""
    return new_laptop


@pytest.fixture
def merchant(opened: Callable[..., BrowserContext], laptop: Laptop) -> Seller:
    """The demo merchant, whose browser runs no scripts."""
    person = Seller(opened(java_script_enabled=False).new_page(), laptop)
    person.sign_in()
    return person


def product(laptop: Laptop, name: str) -> str:
    """Puts a product on sale at 29.99 a month, and returns how it is offered to choose."""
    terms = {"type": "recurring", "price": {"amount": 2999, "currency": "USD"}, "period": "1m"}
    status, answer = laptop.ask(
        "POST",
        "/v1/products",
        {"name": name, "gateways": ["sandbox"], "price_points": [terms]},
    )
    assert status == 201, answer
    return f"{name}: 29.99 USD / 1m"


def charged_before_and_next(laptop: Laptop) -> tuple[datetime, datetime]:
    """A day two months ago, and the same of a month to come, three weeks from now or so."""
    coming = laptop.now() + timedelta(days=21)
    coming = coming.replace(day=min(coming.day, 28))
    started = coming - timedelta(days=70)
    return started.replace(day=coming.day), coming


def upload(merchant: Seller, text: str, kind: str, **files: str) -> str:
    """Sends a file as a kind of file, and returns the address of its import."""
    page = merchant.at("/console/import")
    for name, content in {"file": text, **files}.items():
        sent = {"name": f"{name}.csv", "mimeType": "text/csv", "buffer": content.encode()}
        page.locator(f"#{name}").set_input_files(sent)  # type: ignore[arg-type]
    page.get_by_label("Kind of file").select_option(label=kind)
    merchant.press("Check the file")
    return page.url


def after_two_minutes(laptop: Laptop, look: Callable[[], bool]) -> bool:
    """Looks once jobs have had a turn, which they have within a minute, and again after a pause."""
    laptop.post("/_dev/clock", {"advance": "PT2M"})
    return look()


def count(merchant: Seller, name: str) -> str:
    """One of the counts of an import's page."""
    facts = merchant.page.locator("dl.facts")
    return facts.locator(f"dt:text-is('{name}') + dd").inner_text()


def test_an_export_of_chargebee_is_checked_mended_and_forecast(
    merchant: Seller, laptop: Laptop
) -> None:
    offered = product(laptop, "Chargebee Plan")
    started, coming = (f"{each:%d-%b-%Y} 15:00" for each in charged_before_and_next(laptop))

    def row(number: int, status: str) -> str:
        whose = f"cb_{number},cb{number}@example.com,Ada,Byron,cbsub_{number}"
        return f"{whose},gold-monthly,1,2999,USD,{status},{started},{started},{coming},Works\n"

    cards = "old_customer_id,stripe_customer_id\ncb_1,cus_1\ncb_2,cus_2\n"
    kind = "Chargebee: subscriptions"
    upload(merchant, CHARGEBEE + row(1, "active") + row(2, "past_due"), kind, cards=cards)
    assert merchant.heading().startswith(kind)
    assert (count(merchant, "Rows"), count(merchant, "Blocking")) == ("2", "2")
    assert merchant.says("A payment is overdue there")
    assert count(merchant, "Ignored columns") == "customer[company]"
    merchant.page.get_by_label("gold-monthly").select_option(label=offered)
    merchant.press("Save and check again")
    assert (count(merchant, "Ready"), count(merchant, "Blocking")) == ("1", "1")

    upload(merchant, CHARGEBEE + row(1, "active") + row(2, "active"), kind, cards=cards)
    assert (count(merchant, "Ready"), count(merchant, "Blocking")) == ("2", "0")
    merchant.press("Start dry run")
    first = merchant.page.get_by_role("row").nth(1).inner_text()
    assert first.count("$59.98") == 2, first
    assert "\t2\t" in first, first


def test_a_file_made_by_hand_is_mapped_checked_mended_forecast_and_moved(
    merchant: Seller, laptop: Laptop
) -> None:
    offered = product(laptop, "Gold by Hand")
    started, coming = (f"{each:%d.%m.%Y}" for each in charged_before_and_next(laptop))

    def row(number: int, status: str) -> str:
        whose = f"K-{number};hand{number}@example.com;Äda {number};US;gold"
        return f"{whose};{status};{started};{coming};pm_card_visa:hand{number};x\n"

    page = merchant.page
    upload(
        merchant, BY_HAND + row(1, "active") + row(2, "offen"), "Another file: I choose the columns"
    )
    assert merchant.heading() == "Choose columns"
    for theirs, ours in COLUMNS.items():
        page.get_by_label(theirs, exact=True).select_option(ours)
    page.get_by_label("Dates", exact=True).select_option("day_first")
    page.get_by_label("Name", exact=True).fill("old-shop")
    merchant.press("Save and check the file")
    assert merchant.says("“offen” isn't a status that we know")
    assert count(merchant, "Ignored columns") == "Notiz"
    page.get_by_label("gold").select_option(label=offered)
    merchant.press("Save and check again")
    assert (count(merchant, "Ready"), count(merchant, "Blocking")) == ("1", "1")

    mended = upload(merchant, BY_HAND + row(1, "active") + row(2, "active"), "old-shop")
    assert (count(merchant, "Ready"), count(merchant, "Blocking")) == ("2", "0")
    merchant.press("Start dry run")
    assert "$59.98" in page.get_by_role("row").nth(1).inner_text()

    ended = upload(merchant, BY_HAND + row(1, "cancelled") + row(2, "cancelled"), "old-shop")
    merchant.at(mended)
    merchant.follow("Move subscriptions")
    assert merchant.heading() == "Move 2 subscriptions?"
    page.get_by_label("Second export").select_option(ended.rpartition("/")[2])
    merchant.press("Move subscriptions")

    def is_moved() -> bool:
        merchant.at(mended)
        return page.get_by_role("link", name="Moved", exact=True).count() == 2

    assert any(after_two_minutes(laptop, is_moved) for _ in range(10)), page.inner_text("main")
    assert count(merchant, "Moved") == "2"
    merchant.go(page.get_by_role("link", name="Moved", exact=True).first)
    assert merchant.says("hand1@example.com") or merchant.says("hand2@example.com")
    assert merchant.says("Gold by Hand")
