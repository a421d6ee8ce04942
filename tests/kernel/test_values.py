"""Values: equal by what they hold, checked when they are made, and never changed."""

from __future__ import annotations

import pytest

from billing.gateways.stripe.client import Keys
from billing.kernel.merchants import Merchant
from billing.kernel.money import Currency, Money
from billing.kernel.values import Value, field, fields, names, plain, replace
from tests.world import START


class Even(Value):
    number: int
    tags: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert self.number % 2 == 0, "it is even"


class Other(Value):
    number: int
    tags: dict[str, int] = field(default_factory=dict)


def test_values_are_equal_by_class_and_fields() -> None:
    assert Even(2) == Even(2) != Even(4)
    assert Even(2) != Other(2)
    assert hash(Money(1, Currency.USD)) == hash(Money(1, Currency.USD))


def test_what_is_replaced_is_checked_as_what_is_made() -> None:
    with pytest.raises(AssertionError, match="even"):
        Even(1)
    with pytest.raises(AssertionError, match="even"):
        replace(Even(2), number=3)
    with pytest.raises(TypeError, match="numbre"):
        replace(Even(2), numbre=4)


def test_a_value_does_not_change() -> None:
    value = Even(2)
    with pytest.raises(AttributeError):
        value.number = 4  # type: ignore[misc]
    with pytest.raises(AttributeError):
        value.another = 4  # type: ignore[attr-defined]
    assert Even(2).tags is not Even(2).tags


def test_fields_are_named_in_order_with_their_types() -> None:
    assert names(Even) == names(Even(2)) == ("number", "tags")
    assert [each.type for each in fields(Even)] == [int, dict[str, int]]


def test_plain_is_what_json_holds_at_any_depth() -> None:
    class Paid(Value):
        amounts: tuple[Money, ...]
        at: object = START

    amount = {"amount_minor": 5, "currency": "USD"}
    shown = plain(Paid((Money(5, Currency.USD),)))
    assert list(shown["amounts"]) == [amount]
    assert shown["at"] is START


def test_secrets_are_in_no_repr() -> None:
    merchant = Merchant("m", "Acme", "a@example.com", START, link_key="hush")
    keys = Keys("sk_hush", "pk_shown", webhook_secrets=("whsec_hush",))
    assert "hush" not in repr((merchant, keys))
    assert "pk_shown" in repr(keys)
    assert "name='Acme'" in repr(merchant)
