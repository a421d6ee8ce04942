"""A customer who is erased is erased from all imports that name them (M-6, M-8)."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from billing.cancel.flows import cancel
from billing.jobs.flows import sweep
from billing.kernel.subscription import Source, When
from billing.migration.flows import erase_rows, uploads
from billing.migration.import_rows import RowState
from billing.privacy.flows import erase, erase_merchant
from billing.storage.memory.objects import MemoryObjects
from tests.migration.files import ROW, done, selling, send, sent, table
from tests.web.shop import Shop, signed_in
from tests.world import World

pytestmark = pytest.mark.spec("M-6", "M-8")

ANN = {
    **ROW,
    "external_id": "sub_ann",
    "email": "ann@example.com",
    "name": "Ann Quimby",
    "address_line1": "7 Elm Lane",
    "city": "Springfield",
    "postal_code": "12345",
}
BOB = {**ROW, "external_id": "sub_bob", "email": "bob@example.com", "name": "Bob Ott"}
PERSONAL = ("ann@", "ann quimby", "elm lane", "springfield")


@pytest.fixture
def shop() -> Shop:
    """A shop with a customer of whom nothing runs."""
    shop = selling()
    products, _ = shop.world.store.catalog("acme")
    shop.world.buy(products[0], email="ann@example.com", name="Ann Quimby")
    end(shop.world, shop.world.subscription("ann@example.com").id)
    return shop


def end(world: World, subscription: str) -> None:
    (found,) = (
        each for each in world.history("ann@example.com").subscriptions if each.id == subscription
    )
    cancel.request(world.ports, found, when=When.NOW, source=Source.MERCHANT, now=world.now)
    world.tick()


def card_of(shop: Shop) -> str:
    return shop.world.subscription("ann@example.com").payment_method


def erased(shop: Shop) -> None:
    customer = shop.world.store.customer_by_email("acme", "ann@example.com")
    assert customer is not None
    erase.one(shop.world.ports, "acme", customer, now=shop.world.now)


def files_of(shop: Shop) -> list[str]:
    """The contents of all files of imports."""
    assert isinstance(shop.world.objects, MemoryObjects)
    kept = shop.world.objects._objects.items()
    return [each.content.decode() for key, each in kept if key.startswith("exports/")]


def texts(shop: Shop) -> str:
    """All that is kept and shown of a merchant's imports."""
    store, browser = shop.world.store, signed_in(shop)
    found: list[Any] = []
    for imported in store.imports("acme", limit=50):
        found += [imported, *store.imported_rows("acme", imported.id, limit=1_000)]
        for path in ("/rows", "/rows.csv"):
            found.append(shop.api.get(f"/v1/imports/{imported.id}{path}").body)
        found.append(browser.browse("GET", f"/console/import/{imported.id}").body)
    found += files_of(shop)
    return "\n".join(map(str, found)).lower()


def personal(shop: Shop) -> list[str]:
    kept = texts(shop)
    return [each for each in PERSONAL if each in kept]


def states(shop: Shop, import_id: str) -> dict[str, tuple[str, str | None]]:
    rows = shop.world.store.imported_rows("acme", import_id, limit=1_000)
    return {each.external_id: (each.state, each.reason) for each in rows}


def test_several_imports_keep_nothing_of_somebody_who_was_erased(shop: Shop) -> None:
    first = sent(shop, table({**ANN, "payment_method": card_of(shop)}, BOB))
    second = b"external_id,status,email\nsub_ann,ended,ann@example.com\n"
    ended = uploads.keep(shop.world.ports, "acme", second)
    shop.api.post(f"/v1/imports/{first['id']}/cut-over", {"ended": ended})
    done(shop, first["id"])
    moved = f"{first['id']}_1"
    assert states(shop, first["id"])["sub_ann"] == (RowState.ACTIVE, None)
    wrong = sent(shop, table({**ANN, "email": "Ann <ann@example.com> x"}, BOB), source="other")
    by_email = sent(shop, table({**ANN, "external_id": "ann@example.com"}, BOB), source="third")
    odd = {**ANN, "email": "", "city": "Ann@Example.com", "status": "odd"}
    elsewhere = sent(shop, table(odd), source="fourth")
    assert len(personal(shop)) == len(PERSONAL)
    end(shop.world, moved)
    erased(shop)
    shop.world.tick()
    assert personal(shop) == []
    rows = shop.world.store.imported_rows("acme", first["id"], limit=9)
    assert rows[0].columns == {"gateway": "sandbox", "gateway_account": "sandbox"}
    assert states(shop, wrong["id"]) == {
        "sub_ann": (RowState.SKIPPED, "erased"),
        "sub_bob": (RowState.NEW, None),
    }
    assert states(shop, by_email["id"])["erased"] == (RowState.SKIPPED, "erased")
    assert states(shop, elsewhere["id"])["sub_ann"][1] == "erased"
    assert "bob@example.com" in texts(shop) and "bob ott" in texts(shop)
    found = shop.api.get(f"/v1/imports/{wrong['id']}").json
    assert (found["skipped"], found["ok"], found["blocking"]) == (1, 1, 1)


def test_the_address_of_what_was_moved_here_is_exported_and_erased(shop: Shop) -> None:
    found = sent(shop, table({**ANN, "payment_method": card_of(shop)}))
    ended = uploads.keep(
        shop.world.ports, "acme", b"external_id,status,email\nsub_ann,ended,ann@example.com\n"
    )
    shop.api.post(f"/v1/imports/{found['id']}/cut-over", {"ended": ended})
    done(shop, found["id"])
    moved = f"{found['id']}_1"
    end(shop.world, moved)
    customer = shop.world.history("ann@example.com").subscriptions[0].customer
    told = shop.api.get(f"/v1/customers/{customer}/export").json
    (billed,) = (each for each in told["billed"] if each["of"] == moved)
    assert billed["address"]["line1"] == "7 Elm Lane"
    erased(shop)
    assert shop.world.store.bill_tos([("acme", customer, moved)]) == [None]


def test_what_was_erased_is_not_moved_and_its_file_is_sent_again(shop: Shop) -> None:
    found = sent(shop, table(ANN, BOB))
    erased(shop)
    shop.world.tick()
    assert shop.api.post(f"/v1/imports/{found['id']}/cut-over", {}).status == 202
    done(shop, found["id"])
    assert states(shop, found["id"]) == {
        "sub_ann": (RowState.SKIPPED, "erased"),
        "sub_bob": (RowState.SKIPPED, "source_not_ended"),
    }
    browser = signed_in(shop)
    page = browser.browse("GET", f"/console/import/{found['id']}").body
    assert "This customer was erased, so the row is empty." in page
    assert shop.world.store.customer_by_email("acme", "ann@example.com") is None


def test_an_erasure_while_a_file_is_checked_waits_for_its_rows(shop: Shop) -> None:
    text = table(*({**BOB, "external_id": f"b{n}"} for n in range(300)), ANN)
    begun = send(shop, text).json
    assert begun["state"] == "checking"
    erased(shop)
    for _ in range(20):
        shop.world.now += timedelta(minutes=7)
        shop.world.tick()
    found = shop.api.get(f"/v1/imports/{begun['id']}").json
    assert (found["state"], found["rows"], found["ok"]) == ("checked", 301, 301)
    assert states(shop, begun["id"])["sub_ann"] == (RowState.SKIPPED, "erased")
    assert personal(shop) == []


def test_a_large_import_is_erased_slice_by_slice(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erase_rows, "AT_ONCE", 5)
    found = sent(shop, table(*({**BOB, "external_id": f"b{n}"} for n in range(23)), ANN))
    erased(shop)
    slices: Counter[str] = Counter()
    while personal(shop):
        shop.world.now += timedelta(minutes=1)
        slices += sweep.sweep(shop.world.ports, now=shop.world.now)
        slices += shop.world.work_jobs(keep_going=lambda: False)
        assert sum(slices.values()) < 60
    assert slices["job_running"] >= 3, slices
    assert len(shop.world.store.imported_rows("acme", found["id"], limit=50)) == 24


def test_without_imports_there_is_no_job(shop: Shop) -> None:
    customer = shop.world.store.customer_by_email("acme", "ann@example.com")
    erased(shop)
    assert shop.world.store.job("acme", f"rows_{customer}") is None


def test_a_merchant_who_is_erased_leaves_no_file_of_an_import(shop: Shop) -> None:
    sent(shop, table(ANN, BOB))
    assert files_of(shop)
    while not erase_merchant.shop(shop.world.ports, shop.world.merchant, lambda: False):
        pass
    assert files_of(shop) == []
