"""An operator sets merchants up, and lets an owner in again."""

from __future__ import annotations

from typing import Any

import pytest

from billing.api.flows import keys
from billing.kernel.errors import Refused
from billing.operations.web import operator
from perennial.operator import terminal
from tests.world import World, meanwhile


@pytest.fixture
def world() -> World:
    return World()


def operate(world: World, do: str, **fields: Any) -> dict[str, Any]:
    return meanwhile(lambda: operator.answer(world.ports, {"do": do, **fields}))


def live(world: World, merchant: str) -> list[str]:
    """The keys of a merchant that open something."""
    return [key.id for key in world.store.api_keys(merchant) if key.revoked_at is None]


@pytest.mark.spec("M-3", "M-8")
def test_an_operator_lets_the_owner_in_again_and_the_thief_out(world: World) -> None:
    made = operate(world, "merchant", name="Harbor Lane", email="hello@example.com")
    merchant, owners = made["merchant"], live(world, made["merchant"])[0]
    stolen = keys.holder(world.ports, made["api_key"])
    assert stolen is not None
    thief = stolen[1]
    for _ in range(keys.MOST_KEYS - 1):
        keys.create(world.ports, thief, ("read", "write"), now=world.now)
    with pytest.raises(Refused):
        keys.create(world.ports, thief, ("read", "write"), now=world.now)
    keys.revoke(world.ports, merchant, owners, now=world.now)
    keys.create(world.ports, thief, ("read", "write"), now=world.now)

    listed: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = operate(world, "keys", merchant=merchant, **cursor)
        assert page["live"] == keys.MOST_KEYS
        listed += page["keys"]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert len(listed) == keys.MOST_KEYS + 1
    stored = {key.id: key for key in world.store.api_keys(merchant)}
    assert not any(stored[each["key"]].key_hash in repr(each) for each in listed)
    assert {each["made_by"] for each in listed} == {"operator", owners}

    other = operate(world, "key", merchant=merchant)
    assert keys.holder(world.ports, other["api_key"]) is not None, "beyond the limit too"
    of_thief = next(k for k in live(world, merchant) if stored.get(k))
    assert operate(world, "revoke-key", merchant=merchant, key=of_thief)["revoked_at"]
    assert of_thief not in live(world, merchant)

    alone = operate(world, "replace-keys", merchant=merchant)
    assert (alone["revoked"], alone["left"]) == (keys.MOST_KEYS, 0)
    found = keys.holder(world.ports, alone["api_key"])
    assert found is not None
    assert live(world, merchant) == [found[1].id]
    assert operate(world, "revoke-key", merchant=merchant, key=found[1].id)["revoked_at"]
    assert live(world, merchant) == [], "the operator may revoke the last one"
    assert keys.holder(world.ports, operate(world, "key", merchant=merchant)["api_key"])
    noted = [r.action for r in world.audit.records if r.merchant == merchant]
    assert f"revoke-key {of_thief}" in noted
    assert "replace-keys" in noted and "key" in noted and "keys" not in noted


def test_an_operator_is_shown_a_line_each_and_that_there_is_more() -> None:
    told = {"live": 2, "keys": [{"key": "apikey_1", "made_by": "operator"}], "next": "x"}
    assert list(terminal.lines(told)) == [
        "  live                  2",
        "  key=apikey_1  made_by=operator",
        "More results: --cursor x",
    ]
    assert list(terminal.lines({"left": 0, "next": None})) == ["  left                  0"]


def test_an_operator_hears_of_a_key_that_is_not_there(world: World) -> None:
    assert operate(world, "revoke-key", merchant="acme", key="key_9")["error"] == "not_found"
    assert operate(world, "keys", merchant="nobody")["error"] == "not_found"
    assert operate(world, "replace-keys", merchant="nobody")["error"] == "not_found"


def test_a_merchant_is_set_up_once_and_their_key_works(world: World) -> None:
    made = operate(world, "merchant", name="Café Zoë & Söhne", email="zoe@example.com")
    assert made["merchant"] == "cafe-zoe-sohne"
    found = keys.holder(world.ports, made["api_key"])
    assert found is not None
    assert found[0].id == "cafe-zoe-sohne"
    again = operate(world, "merchant", name="Café Zoë & Söhne", email="zoe@example.com")
    assert again["error"] == "merchant_exists"
    other = operate(world, "key", merchant="cafe-zoe-sohne")["api_key"]
    assert keys.holder(world.ports, other) is not None
    assert other != made["api_key"]


def test_a_name_without_latin_letters_gets_an_id_all_the_same(world: World) -> None:
    made = operate(world, "merchant", name="山田商店", email="y@example.com")
    assert made["merchant"].startswith("mer_")


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({}, "do"),
        ({"do": "charge"}, "do"),
        ({"do": ["pause"]}, "do"),
        ({"do": "pause"}, "reason"),
        ({"do": "pause", "reason": "x" * 501}, "reason"),
        ({"do": "merchant", "name": "A", "email": "nobody"}, "email"),
        ({"do": "merchant", "name": "A", "email": "a@b.example", "time_zone": "Mars"}, "time_zone"),
        ({"do": "merchant", "name": "A", "email": "a@b.example", "armed": False}, "armed"),
        ({"do": "stop", "merchant": "a#b"}, "merchant"),
    ],
)
def test_a_wrong_call_says_what_is_wrong_and_changes_nothing(
    world: World, event: dict[str, Any], field: str
) -> None:
    answer = operator.answer(world.ports, event)
    assert (answer["error"], answer["field"]) == ("invalid", field)
    assert world.store.billing_switch() is None


def test_an_unknown_merchant_is_not_found(world: World) -> None:
    assert operate(world, "stop", merchant="nobody")["error"] == "not_found"
    assert operate(world, "key", merchant="nobody")["error"] == "not_found"
