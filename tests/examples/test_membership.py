"""The sample of a membership site: its gate, its webhooks, its links."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient

from examples.membership.app import Members, create_app
from perennial_client import NotFound, Unreachable, sign

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PRODUCT = "prod_library"


class Perennial:
    """An installation with one product and one customer."""

    def __init__(self) -> None:
        self.is_down = False
        self.customers = {"cus_1": "Ann@example.com"}
        self.links: list[Any] = []

    def show_product(self, product: str) -> Any:
        self._ask()
        points = [
            SimpleNamespace(id=each, checkout_url=f"https://pay.example/checkout/{each}")
            for each in ("p-1", "p-2")
        ]
        return SimpleNamespace(id=product, default_price_point="p-2", price_points=points)

    def show_customer(self, customer: str) -> Any:
        self._ask()
        if customer not in self.customers:
            raise NotFound(404, {"code": "not_found"})
        return SimpleNamespace(email=self.customers[customer])

    def create_portal_link(self, *, body: Any) -> Any:
        self._ask()
        self.links.append(body)
        return SimpleNamespace(url="https://pay.example/portal/once")

    def _ask(self) -> None:
        if self.is_down:
            raise Unreachable("no answer")


class Site:
    """The site, and a visitor who signed in."""

    def __init__(self, folder: Path) -> None:
        self.perennial = Perennial()
        app = create_app(
            self.perennial, product=PRODUCT, webhook_secret=SECRET,
            members=Members(folder / "members.sqlite3"), session_key="a" * 32,
        )  # fmt: skip
        self.visitor: FlaskClient = app.test_client()
        self.visitor.post("/sign-in", data={"email": "ann@example.com"})

    def hears(self, sequence: int, *, active: bool, customer: str = "cus_1", **change: Any) -> int:
        """The status of the answer to an event about access."""
        import time

        event: dict[str, Any] = {
            "id": f"evt_{sequence}", "type": "customer.access_changed", "sequence": sequence,
            "data": {"object": {"customer": customer, "grants": [
                {"grant": PRODUCT, "active": active, "until": None}]}},
            **change,
        }  # fmt: skip
        body = json.dumps(event).encode()
        headers = sign(body, event["id"], SECRET, now=time.time())
        return self.visitor.post("/webhooks", data=body, headers=headers).status_code

    @property
    def is_open(self) -> bool:
        answer = self.visitor.get("/")
        assert answer.status_code in {200, 403}
        return "On Renewal" in answer.text


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.mark.spec("M-5", "M-12")
def test_access_opens_and_closes_by_what_perennial_says(site: Site) -> None:
    assert not site.is_open
    assert site.hears(1, active=True) == 204 and site.is_open
    assert site.hears(2, active=False) == 204 and not site.is_open


def test_events_that_come_twice_or_late_change_nothing(site: Site) -> None:
    for sequence, active in ((5, True), (9, False), (9, False), (5, True)):
        assert site.hears(sequence, active=active) == 204
    assert not site.is_open


def test_other_events_and_erased_customers_are_taken_and_do_nothing(site: Site) -> None:
    assert site.hears(1, active=True, type="invoice.voided") == 204
    assert site.hears(2, active=True, customer="cus_gone") == 204
    assert not site.is_open


def test_an_event_that_cannot_be_looked_up_now_is_asked_for_again(site: Site) -> None:
    site.perennial.is_down = True
    assert site.hears(1, active=True) == 503
    site.perennial.is_down = False
    assert site.hears(1, active=True) == 204 and site.is_open


def test_a_forged_event_is_refused(site: Site) -> None:
    body = b'{"type": "customer.access_changed"}'
    for headers in ({}, {"webhook-id": "1", "webhook-timestamp": "1", "webhook-signature": "v1,x"}):
        assert site.visitor.post("/webhooks", data=body, headers=headers).status_code == 400
    assert site.visitor.post("/webhooks", data=b"a" * 200_000).status_code in {400, 413}
    assert not site.is_open


def test_it_sells_by_the_products_default_link_and_leads_to_the_portal(site: Site) -> None:
    assert site.visitor.get("/join").location == "https://pay.example/checkout/p-2"
    assert site.visitor.post("/account").location == "https://pay.example/portal/once"
    assert site.perennial.links == [{"email": "ann@example.com"}]
    site.perennial.is_down = True
    assert site.visitor.get("/join").status_code == 503


def test_who_has_not_signed_in_gets_no_link(site: Site) -> None:
    stranger = site.visitor.application.test_client()
    assert stranger.post("/account").location == "/"
    assert site.perennial.links == []


def test_an_email_is_shown_as_text(site: Site) -> None:
    site.perennial.customers["cus_1"] = "<b>x</b>@example.com"
    site.visitor.post("/sign-in", data={"email": "<b>x</b>@example.com"})
    site.hears(1, active=True)
    assert "<b>" not in site.visitor.get("/").text
