"""A read passes few modules: whoever follows one opens four files, that of keys, and the client."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from billing.kernel.merchants import Merchant
from billing.kernel.writes import Insert
from tests.storage.conftest import Backend
from tests.storage.examples import MERCHANT, T0, subscription

ENDS = {"keys", "dynamo.botocore_client"}
"""Where an entity is, and what asks DynamoDB: no read goes on from there."""


def modules_passed(read: Callable[[], Any]) -> set[str]:
    """Returns the modules of billing/storage that run while something is read."""
    passed: set[str] = set()

    def watch(frame: FrameType, event: str, arg: object) -> None:
        module = frame.f_globals.get("__name__", "")
        if event == "call" and module.startswith("billing.storage."):
            passed.add(module.removeprefix("billing.storage."))

    read()  # what is looked up once is no part of a read
    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        read()
    finally:
        sys.setprofile(before)
    return passed


@pytest.fixture
def moto(open_backend: Callable[[str], Backend]) -> Backend:
    return open_backend("moto")


def test_a_merchant_is_read_through_four_modules(moto: Backend) -> None:
    moto.store.commit(Insert(Merchant(MERCHANT, "Acme", "a@example.com", T0)))
    passed = modules_passed(lambda: moto.store.merchant(MERCHANT))
    assert passed - ENDS == {"merchant_reads", "dynamo.items", "dynamo.calls", "codec"}


def test_a_subscription_is_read_through_the_same_and_what_its_key_implies(moto: Backend) -> None:
    moto.store.commit(Insert(subscription()))
    passed = modules_passed(lambda: moto.store.subscription(MERCHANT, "cus_1", "sub_1"))
    ways = {"customer_reads", "dynamo.items", "dynamo.calls", "codec"}
    assert passed - ENDS == ways | {"key_fields"}


def test_in_memory_two_modules_are_enough(open_backend: Callable[[str], Backend]) -> None:
    store = open_backend("memory").store
    passed = modules_passed(lambda: store.merchant(MERCHANT))
    assert passed - ENDS == {"merchant_reads", "memory.items"}
