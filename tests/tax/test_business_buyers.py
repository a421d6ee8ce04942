"""Business buyers: ids looked up in the EU's register, confirmed by agents, kept (C-7)."""

from __future__ import annotations

from typing import Any

import pytest

from billing.cards.flows import addresses
from billing.kernel.customers import Address
from billing.kernel.errors import Unavailable
from billing.kernel.identities import UNSAID, TaxId
from billing.kernel.invoices import Invoice
from billing.kernel.tax_ids import RegisterAnswer
from billing.kernel.values import replace
from billing.kernel.writes import Change
from tests.tax.taxing import BERLIN, BUDAPEST, collecting
from tests.web.shop import Shop
from tests.world import MONTHLY, World

VIENNA = Address("Graben 1", "Vienna", "AT", postal_code="1010")
AUSTRIAN = "ATU13585627"


class Register:
    """A register that knows some ids, counts who asks, or does not answer."""

    def __init__(self, *known: str, silent: bool = False) -> None:
        self.known = known
        self.silent = silent
        self.asked: list[str] = []
        self.asker: str | None = None

    def look_up(self, tax_id: str, *, asker: str | None) -> RegisterAnswer:
        self.asked.append(tax_id)
        self.asker = asker
        if self.silent:
            raise Unavailable("MS_UNAVAILABLE")
        return RegisterAnswer(tax_id in self.known, "WAPIAAAAX1" if tax_id in self.known else None)


def asking(world: World, register: Register, **settings: Any) -> World:
    collecting(world)
    setup = world.store.tax_setup("acme")
    assert setup is not None
    world.store.commit(Change(setup, replace(setup, **{"vies": True} | settings)))
    world.ports = replace(world.ports, tax_ids=register)
    return world


def newest(world: World) -> Invoice:
    return world.history().invoices[-1]


def taxes(invoice: Invoice) -> list[tuple[str, int, bool]]:
    return [
        (line.text, line.amount.amount_minor, line.tax.reverse_charge)
        for line in invoice.lines
        if line.tax is not None
    ]


@pytest.mark.spec("C-7")
def test_a_buyer_whom_the_register_knows_owes_the_tax_and_the_answer_is_kept() -> None:
    register = Register(AUSTRIAN)
    world = asking(World(), register)
    world.buy(world.product(MONTHLY), address=VIENNA, tax_id=AUSTRIAN)
    assert taxes(newest(world)) == [("VAT", 0, True)]
    assert newest(world).bill_to.tax_id_reference == "WAPIAAAAX1"
    world.advance(days=32)
    assert taxes(newest(world)) == [("VAT", 0, True)]
    assert register.asked == [AUSTRIAN], "a renewal asks nobody"


@pytest.mark.spec("C-7")
def test_a_seller_with_a_vat_id_asks_under_it_so_that_there_is_a_reference() -> None:
    register = Register(AUSTRIAN)
    world = asking(World(), register)
    own = (TaxId("US", "12-3456789"), TaxId("DE", "136695976"))
    world.change_merchant(identity=replace(UNSAID, tax_ids=own))
    world.buy(world.product(MONTHLY), address=VIENNA, tax_id=AUSTRIAN)
    assert register.asker == "DE136695976"


@pytest.mark.spec("C-7")
@pytest.mark.parametrize("register", [Register(), Register(silent=True)])
def test_a_register_that_does_not_know_or_say_stops_no_sale_and_the_tax_is_charged(
    register: Register,
) -> None:
    world = asking(World(), register)
    world.buy(world.product(MONTHLY), address=VIENNA, tax_id=AUSTRIAN)
    assert taxes(newest(world)) == [("VAT", 600, False)]
    assert newest(world).bill_to.tax_id == AUSTRIAN
    assert not newest(world).bill_to.tax_id_confirmed


@pytest.mark.spec("C-7")
@pytest.mark.parametrize(
    ("fields", "settings"),
    [
        ({"address": VIENNA}, {}),
        ({"address": BERLIN, "tax_id": "DE136695976"}, {}),
        ({"address": VIENNA, "tax_id": AUSTRIAN}, {"vies": False}),
    ],
)
def test_nobody_is_asked_where_the_answer_would_change_nothing(
    fields: dict[str, Any], settings: dict[str, Any]
) -> None:
    register = Register(AUSTRIAN, "DE136695976")
    world = asking(World(), register, **settings)
    world.buy(world.product(MONTHLY), **fields)
    assert register.asked == []
    assert not taxes(newest(world))[0][2]


@pytest.mark.spec("C-7", "B-8")
def test_a_tax_id_outlives_a_move_within_its_country_and_ends_with_leaving_it() -> None:
    world = asking(World(), Register(AUSTRIAN))
    world.buy(world.product(MONTHLY), address=VIENNA, tax_id=AUSTRIAN)
    moved(world, replace(VIENNA, line1="Graben 2"))
    world.advance(days=32)
    assert newest(world).bill_to.address.line1 == "Graben 2"
    assert taxes(newest(world)) == [("VAT", 0, True)]
    moved(world, BUDAPEST)
    world.advance(days=31)
    assert newest(world).bill_to.tax_id is None
    assert taxes(newest(world)) == [("VAT", 810, False)]


def moved(world: World, address: Address) -> None:
    subscription = world.subscription()
    addresses.change(
        world.ports,
        world.merchant,
        subscription.customer,
        [subscription.id],
        name="Ann",
        address=address,
        now=world.now,
    )


@pytest.mark.spec("C-7")
def test_an_agent_confirms_a_tax_id_for_the_next_invoices() -> None:
    shop = Shop()
    shop.world.merchant = shop.world.store.merchant("acme") or shop.world.merchant
    collecting(shop.world)
    shop.world.buy(shop.world.product(MONTHLY), address=VIENNA)
    assert taxes(newest(shop.world)) == [("VAT", 600, False)]
    path = f"/v1/subscriptions/{shop.world.subscription().id}/tax-id"
    given = {"tax_id": "U13585627", "confirmed": True, "reference": "letter of 3 March"}
    answer = shop.api.call("POST", path, given)
    assert answer.status == 200, answer.json
    assert answer.json == {
        "country": "AT",
        "tax_id": AUSTRIAN,
        "confirmed": True,
        "reference": "letter of 3 March",
    }
    shop.world.advance(days=32)
    assert taxes(newest(shop.world)) == [("VAT", 0, True)]
    assert shop.api.call("POST", path, {"tax_id": None}).json["confirmed"] is False
    shop.world.advance(days=31)
    assert taxes(newest(shop.world)) == [("VAT", 600, False)]


@pytest.mark.spec("C-7")
@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"tax_id": "ATU13585628", "confirmed": True}, "tax_id"),
        ({"tax_id": "DE136695976", "confirmed": True}, "tax_id"),
        ({"confirmed": True}, "tax_id"),
        ({"tax_id": AUSTRIAN, "confirmed": "yes"}, "confirmed"),
    ],
)
def test_a_tax_id_that_cannot_be_is_refused_and_nothing_changes(
    given: dict[str, Any], field: str
) -> None:
    shop = Shop()
    shop.world.buy(shop.world.product(MONTHLY), address=VIENNA)
    path = f"/v1/subscriptions/{shop.world.subscription().id}/tax-id"
    answer = shop.api.call("POST", path, given)
    assert (answer.status, answer.json["field"]) == (422, field)
    shop.world.advance(days=32)
    assert newest(shop.world).bill_to.tax_id is None


@pytest.mark.spec("C-7", "C-10")
def test_settings_about_tax_are_changed_one_by_one() -> None:
    shop = Shop()
    assert shop.api.get("/v1/tax/settings").json == {
        "vies": False,
        "trust_format": False,
        "sells_without_tax": False,
    }
    changed = shop.api.call("PATCH", "/v1/tax/settings", {"sells_without_tax": True})
    assert changed.json["sells_without_tax"] is True
    assert shop.api.call("PATCH", "/v1/tax/settings", {"vies": True}).json == {
        "vies": True,
        "trust_format": False,
        "sells_without_tax": True,
    }
    both = shop.api.call("PATCH", "/v1/tax/settings", {"trust_format": True})
    assert (both.status, both.json["field"]) == (422, "trust_format")
    assert shop.api.get("/v1/tax/settings").json["trust_format"] is False
    shop.api.call("POST", "/v1/tax/registrations", {"country": "DE"})
    assert shop.api.get("/v1/tax/settings").json["sells_without_tax"] is False
    without = shop.api.call("PATCH", "/v1/tax/settings", {"sells_without_tax": True})
    assert (without.status, without.json["field"]) == (422, "sells_without_tax")
