"""A merchant's own domain: the pages its customers see there, and those they do not (A-9)."""

from __future__ import annotations

import re
import time

from dev import demo
from tests.scenarios.stories.people import Person, Program, buy
from tests.scenarios.stories.town import Town

OWN = "pay.harborlane.example"
EMAIL = "dora@example.com"
HREFS = re.compile(r"https?://[^\s\"<>]+")
ORDER_ID = re.compile(r"Your Order ID is ([0-9A-Z-]{17})\.")
SECONDS_TO_ARRIVE = 20


def a_domain_hides_the_merchants_name(town: Town) -> None:
    """Asked for by the merchant, put into use by the operator; then links name it alone."""
    agent = Program.of(town, demo.MERCHANT)
    visitor = Person(town, host=OWN)
    asked = agent.patch("/v1/settings", {"custom_domain": OWN.upper()})
    assert (asked["custom_domain"], asked["custom_domain_active"]) == (OWN, False)
    assert visitor.browse("GET", "/portal/-").status == 404, "nobody has confirmed it"
    elsewhere = town.operate(do="domain", merchant=demo.MERCHANT, host="pay.elsewhere.example")
    assert elsewhere["error"] == "domain_not_asked"
    for _ in range(2):
        given = town.operate(do="domain", merchant=demo.MERCHANT, host=OWN)
        assert given == {"merchant": demo.MERCHANT, "domain": OWN}
    assert agent.get("/v1/settings")["custom_domain_active"]

    listed = [point for each in agent.get("/v1/products")["data"] for point in each["price_points"]]
    (url,) = {p["checkout_url"] for p in listed if p["id"] == "demo.library-1"}
    assert url == f"https://{OWN}/checkout/library-1"
    assert "Pattern Library" in visitor.see("/checkout/library-1").text
    buy(town, "library-1", EMAIL, host=OWN)
    text = mailed(town)
    links = set(HREFS.findall(text)) - {"https://harborlane.example"}  # their own website
    assert links and all(link.startswith(f"https://{OWN}/") for link in links), links
    assert f"/{demo.MERCHANT}" not in text

    (order_id,) = ORDER_ID.findall(text)
    login = {"order_id": order_id, "email": EMAIL}
    entered = visitor.browse("POST", "/portal/-/login", login)
    assert entered.headers["location"] == "/portal/-"
    for page in ("/portal/-", "/portal/-/cards", "/helpdesk/-", "/helpdesk/-/tickets"):
        assert_says_nothing_of_them(visitor, page)
    (cancel,) = {a for a in addresses(visitor, "/portal/-") if a.endswith("/cancel")}
    ended = visitor.sent(cancel)
    assert ended.startswith("/portal/-/subscriptions/")
    assert_says_nothing_of_them(visitor, ended)

    town.operate(do="no-domain", merchant=demo.MERCHANT)
    assert visitor.browse("GET", "/portal/-").status == 404, "at once"
    assert agent.get("/v1/settings")["custom_domain"] is None


def assert_says_nothing_of_them(visitor: Person, page: str) -> None:
    """Their name is in no address of a page."""
    found = addresses(visitor, page)
    told = [a for a in found if f"/{demo.MERCHANT}" in a]
    assert found and not told, (page, told)


def addresses(visitor: Person, page: str) -> list[str]:
    """All that a page leads to, or sends its forms to."""
    everything = visitor.see(page).all("a", "form")
    given = (e.attributes.get("href") or e.attributes.get("action") for e in everything)
    return [address for address in given if address]


def mailed(town: Town) -> str:
    """The text of the newest mail, which goes out behind the answer."""
    deadline = time.monotonic() + SECONDS_TO_ARRIVE
    while time.monotonic() < deadline:
        if found := [mail["text"] for mail in town.mails() if mail["to"] == EMAIL]:
            return str(found[0])
        time.sleep(0.05)
    raise AssertionError("no mail has arrived")
