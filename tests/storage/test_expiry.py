"""Only events and their deliveries expire in the core table: what is about money never does."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from billing.event_log.logged_events import KEPT, EventHour
from billing.kernel.writes import Change
from billing.storage import expiry
from billing.storage.dynamo.items import entity_of
from billing.storage.dynamo.writes import action, item_of
from tests.storage.examples import T0, logged_event

RECORDED: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("recorded_items.json").read_text("utf-8")
)
LOG = {"LoggedEvent", "EventHour", "Delivery"}


@pytest.mark.parametrize("item", RECORDED, ids=lambda item: item["type"]["S"])
def test_no_type_but_the_logs_has_an_expiry(item: dict[str, Any]) -> None:
    written = item_of(entity_of(item), "op")
    assert (expiry.ATTRIBUTE in written) == (item["type"]["S"] in LOG)


@pytest.mark.spec("M-5")
def test_a_logged_event_expires_ninety_days_after_it_was_appended_and_its_hour_after_it() -> None:
    def expires(entity: Any) -> datetime:
        (number,) = item_of(entity, "op")[expiry.ATTRIBUTE].values()
        return datetime.fromtimestamp(int(number), T0.tzinfo)

    assert expires(logged_event()) == T0 + KEPT == T0 + timedelta(days=90)
    assert expires(EventHour("mer_1", T0)) > T0 + KEPT


def test_a_change_of_one_touches_no_expiry() -> None:
    before = logged_event()
    _, request = action(Change(before, before, expecting=("type",)), "core", "op")
    assert expiry.ATTRIBUTE not in json.dumps(request)
