"""Domains of merchants: what is at one, who is let in there, and what a Host header cannot do
(A-9)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from billing.kernel.customers import Address
from billing.kernel.merchants import Merchant
from billing.kernel.writes import Insert
from dev import demo
from tests.scenarios.stories.domains import EMAIL, ORDER_ID, OWN, mailed
from tests.scenarios.stories.people import Person, Program, buy
from tests.scenarios.stories.town import InMemory, all_routes

RIVALS = "pay.rival.example"


@pytest.fixture
def town() -> InMemory:
    """Two merchants, each with a domain of their own."""
    made = InMemory()
    nowhere = Address("1 Main Street", "Springfield", "US", postal_code="12345", state="IL")
    rival = Merchant("rival", "Rival", "r@rival.example", made.now(), address=nowhere)
    made.world.store.commit(Insert(rival))
    for merchant, host in ((demo.MERCHANT, OWN), ("rival", RIVALS)):
        opened = {"portal": "standalone", "custom_domain": host}
        Program.of(made, merchant).patch("/v1/settings", opened)
        made.operate(do="domain", merchant=merchant, host=host)
    return made


def addresses(town: InMemory, merchant: str) -> Iterator[tuple[str, str]]:
    """Every route that there is, with something in its places: new ones come by themselves."""
    placed = {"merchant": merchant, "price_point": f"{merchant}.library-1", "gateway": "stripe"}
    for method, path in all_routes(town):
        filled = re.sub(r"<(\w+)>", lambda found: placed.get(found[1], "some-id"), path)
        yield method, filled


def form_of(method: str) -> dict[str, str] | None:
    return None if method == "GET" else {}


@pytest.mark.spec("A-9")
def test_at_a_domain_there_is_nothing_of_the_house_and_nothing_of_another_merchant(
    town: InMemory,
) -> None:
    visitor, seen = Person(town, host=OWN), 0
    for method, address in addresses(town, "rival"):
        if address.startswith(("/health", "/sandbox/", "/webhooks/")):
            continue  # No page of a merchant; webhooks are signed, and name theirs.
        assert visitor.browse(method, address, form_of(method)).status == 404, (method, address)
        seen += 1
    assert seen > 100


@pytest.mark.spec("A-9")
def test_all_that_is_a_merchants_own_is_there_under_either_name(town: InMemory) -> None:
    by_domain, by_name = Person(town, host=OWN), Person(town)
    compared = 0
    for method, address in addresses(town, demo.MERCHANT):
        if method != "GET" or not address.startswith(("/portal/", "/helpdesk/", "/checkout/")):
            continue
        short = address.replace("/demo", "/-").replace("/-.", "/")
        there, here = by_domain.browse("GET", short), by_name.browse("GET", address)
        assert (there.status, address) == (here.status, address)
        assert f'"/portal/{demo.MERCHANT}' not in there.body, short
        compared += 1
    assert compared > 15


@pytest.mark.spec("A-9")
@pytest.mark.parametrize(
    "host", ["pay.unknown.example", "evil.example", "127.0.0.1", "x" * 300, "a b", OWN + ".evil.io"]
)
def test_any_other_host_is_the_platforms(town: InMemory, host: str) -> None:
    visitor = Person(town, host=host)
    assert visitor.browse("GET", "/portal/-").status == 404
    assert visitor.browse("GET", "/checkout/library-1").status == 404
    assert visitor.browse("GET", f"/portal/{demo.MERCHANT}").status == 200


@pytest.mark.spec("A-9")
@pytest.mark.parametrize("header", ["x-forwarded-host", "forwarded", "x-original-host", "origin"])
def test_no_other_header_says_where_a_request_came(town: InMemory, header: str) -> None:
    answer = town.ask("GET", "/portal/-", None, {header: OWN})
    assert answer.status == 404


@pytest.mark.spec("A-9")
def test_what_was_asked_under_a_strange_host_is_mailed_with_our_own_links(town: InMemory) -> None:
    town.operate(do="no-domain", merchant=demo.MERCHANT)
    buy(town, "demo.library-1", EMAIL, host="evil.example")
    form = {"email": EMAIL}
    assert Person(town, host="evil.example").browse("POST", "/portal/demo/link", form).status == 202
    assert "evil" not in repr(town.mails())
    assert "https://pay.example.com/portal/demo/link/" in mailed(town)


@pytest.mark.spec("A-9")
def test_a_session_of_one_domain_is_nothing_at_another(town: InMemory) -> None:
    buy(town, "library-1", EMAIL, host=OWN)
    (order_id,) = ORDER_ID.findall(mailed(town))
    visitor = Person(town, host=OWN)
    visitor.browse("POST", "/portal/-/login", {"order_id": order_id, "email": EMAIL})
    assert all(name.startswith("__Host-") for name in visitor.cookies)
    assert visitor.browse("GET", "/portal/-/cards").status == 200
    stolen = Person(town, cookies=visitor.cookies, host=RIVALS)
    assert stolen.browse("GET", "/portal/-/cards").status == 401
    assert Person(town, cookies=visitor.cookies, host=OWN).see("/portal/-/cards")


@pytest.mark.spec("A-9")
def test_a_domain_is_one_merchants(town: InMemory) -> None:
    rival = Program.of(town, "rival")
    taken = rival.call("PATCH", "/v1/settings", {"custom_domain": OWN})
    assert (taken.status, taken.json["code"]) == (409, "domain_taken")
    assert town.operate(do="domain", merchant="rival", host=OWN)["error"] == "domain_not_asked"


@pytest.mark.spec("A-9")
def test_two_that_ask_for_a_domain_are_both_heard_and_one_gets_it(town: InMemory) -> None:
    wanted = "shop.example"
    for merchant in (demo.MERCHANT, "rival"):
        Program.of(town, merchant).patch("/v1/settings", {"custom_domain": wanted})
    assert town.operate(do="domain", merchant="rival", host=wanted)["domain"] == wanted
    late = town.operate(do="domain", merchant=demo.MERCHANT, host=wanted)
    assert late["error"] == "domain_taken"
    assert Person(town, host=OWN).browse("GET", "/portal/-").status == 200, "the one before stays"
    assert Person(town, host=RIVALS).browse("GET", "/portal/-").status == 404
    Program.of(town, "rival").patch("/v1/settings", {"custom_domain": None})
    assert town.operate(do="domain", merchant=demo.MERCHANT, host=wanted)["domain"] == wanted
    assert Person(town, host=wanted).browse("GET", "/portal/-").status == 200


@pytest.mark.spec("A-9")
@pytest.mark.parametrize("wrong", [17, "", "no host", "pay.example.com", ["a.b"], "x" * 254, True])
def test_a_wrong_domain_changes_nothing(town: InMemory, wrong: object) -> None:
    agent = Program.of(town, demo.MERCHANT)
    refused = agent.call("PATCH", "/v1/settings", {"custom_domain": wrong})
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, "custom_domain")
    assert agent.get("/v1/settings")["custom_domain"] == OWN
