"""Two versions of the code on one table: the last release beside this one, in both directions.

A deployment runs both for some minutes. `releases/` keeps what reads and writes items in each
release (`python -m dev.keep_release`).
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from billing.kernel.values import names
from billing.storage.dynamo.items import entity_of
from billing.storage.dynamo.writes import item_of
from sim.run import run
from sim.world import World
from tests.storage import release_reader

HERE = Path(__file__).parent
LAST = "0.2.0"

NEW_TYPES = {
    "IssuedDocument": "skipped by what lists a customer's items; the old code never shows it",
    "Job": "in the merchant's partition, which the old code never lists; it walks by its own items",
    "JobLine": "as a job; its due kind is no kind that the old sweeps ask for",
    "PlanRow": "in a partition of its own; what the old code sells is indexed by a job afterwards",
    "WordRow": "as a row of a plan",
    "EventHour": "no list of the old code has its range; a merchant's log begins with its reader",
    "LoggedEvent": "in a partition of its own",
    "ForecastRollup": "no list of the old code has its key; it forecasts by reading subscriptions",
    "SamplePlace": "beside its merchant; no list of the old code has its key",
    "TaxSetup": "in a partition of its own; the old code sells without tax until it is gone",
    "TaxPlace": "as the setup",
    "TaxDay": "as the setup",
    "SalesYear": "as the setup",
    "Coupon": "in a partition of its own; the old code sells without coupons",
    "Export": "in a partition of its own; the old code has no job of its kind, which waits",
    "Import": "in a partition of its own; the old code has no job of its kind, which waits",
    "ImportMapping": "beside a merchant's imports",
    "ImportedRow": "in a partition of its own",
    "ImportClaim": "in a partition of its own",
    "Team": "beside its merchant; no list of the old code has its key, and only the account and "
    "keys sign in there",
    "Person": "in a partition of its own; the old code signs in accounts alone",
    "PersonEmail": "as a person",
    "WebhookEndpoint": "no list of the old code has its key; it logs events, and sends none",
    "Delivery": "in a partition of its own; its due kind is none that the old sweeps ask for",
    "CustomerFigures": "in a partition of its own; the old code keeps no figures",
    "Movement": "as a customer's figures",
    "FigureBook": "as a customer's figures",
    "FigureSums": "as a customer's figures",
    "ClosedDays": "as a customer's figures; the old code tells of no closed day",
    "CountedMonth": "as a customer's figures; the old code reads days; a month of one that it adds "
    "to late is counted again in turn",
    "MonthTotals": "as a counted month",
    "CouponUse": "beside a person's trial, which is read by its own key",
    "Branding": "in a partition of its own; the old code shows its own looks until it is gone",
    "MailText": "as the branding; the old code mails its own words",
    "Declaration": "in a partition of its own; its due kinds are none that the old sweeps ask for",
    "NoticeRecord": "in a partition of its own, which the old code never lists",
    "MissedNotice": "as a notice's record; its due kind is none that the old sweeps ask for",
    "DeclarationOf": "skipped by what lists a customer's items; the old code never shows it",
}
"""Types that the last release does not know, with what it does without them."""

NEW_VALUES: dict[str, dict[str, str]] = {
    "Trouble.kind": {
        "JOB": "only our own error in a job writes one; the operator's list waits",
        "DECLARATION": "no worker of charges takes one, and only they write a failure",
        "DECIDE": "no sweep takes one",
        "WEBHOOK": "nothing writes one: a sweep puts an error of our own off",
        "ENDPOINT": "as WEBHOOK",
    },
    "Fact.kind": {
        "declared": "the old consumer fails on it, and it waits in the outbox for the new one",
        "declaration_asked": "as one that was declared",
        "promotion_ending": "as one that was declared",
        "yearly_reminder": "as one that was declared",
        "price_changing": "as one that was declared",
        "price_kept": "as one that was declared",
        "pause_ending": "as one that was declared",
        "offer_shown": "as one that was declared; nobody is mailed",
        "offer_taken": "as one that was shown",
        "imported": "as one that was declared",
    },
}
"""Values that the last release cannot read, by field, with the reason that it hardly meets them."""

CHANGED_INSIDE = {
    "Checkout.invoice": "its lines of tax lose their mark, and are known as tax by their kind",
    "Checkout.method": "evidence of where the buyer is loses the country of their card",
    "Fact.was": "a snapshot loses its discount; nothing writes an event's snapshot again",
    "Invoice.lines": "as a checkout's; nothing writes an invoice's lines again",
    "Invoice.plan_change": "as a subscription's funds",
    "Subscription.funds": "credit that the old code writes again loses its taxes: it takes off its "
    "net amount alone",
}
"""Fields that the last release writes again as a whole, without what is new inside."""

GONE: dict[str, str] = {}
"""Fields of the last release that are stored no more, with what carries their meaning."""


def _ask(*arguments: str, items: list[dict[str, Any]] | None = None) -> Any:
    """Asks the last release."""
    answered = subprocess.run(
        [sys.executable, str(HERE / "release_reader.py"), *arguments],
        env={"PYTHONPATH": str(HERE / "releases" / f"{LAST}.zip")},
        input=json.dumps(items),
        capture_output=True,
        check=False,
        text=True,
    )
    assert answered.returncode == 0, answered.stderr
    return json.loads(answered.stdout)


@cache
def _written() -> list[dict[str, Any]]:
    """Returns each item that this code writes in a few simulated lives, once per kind of form."""
    found: dict[str, dict[str, Any]] = {}

    def keep(world: World, puts: Any) -> None:
        for _, _, after in puts:
            if after is not None:
                item = item_of(after, "this")
                form = json.dumps([item["type"], _form(item["body"])])
                found.setdefault(form, item)
        committed(world, puts)

    committed = World._committed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(World, "_committed", keep)
        for seed in range(1, 3):
            assert run(seed).violation is None
    return list(found.values())


NAMED = {"Fact.kind": "EventKind"}
"""The enum of a field with new values that are written: what meets one waits for the new code."""


def _form(attribute: dict[str, Any]) -> Any:
    """Returns what tells kinds of items apart: the fields that are there, and short words."""
    ((kind, value),) = attribute.items()
    if kind == "M":
        return {name: _form(part) for name, part in sorted(value.items())}
    if kind == "L":
        return sorted({json.dumps(_form(part)) for part in value})
    return value if kind == "S" and value.isalpha() and value.islower() else kind


def test_the_last_release_reads_what_this_code_writes() -> None:
    items = _written()
    assert len({item["type"]["S"] for item in items}) > 15
    answers = _ask("read", items=items)
    errors = {
        (item["type"]["S"], answer["error"])
        for item, answer in zip(items, answers, strict=True)
        if "error" in answer
    }
    known = {
        (path.partition(".")[0], f"ValueError: '{value}' is not a valid {NAMED[path]}")
        for path, values in NEW_VALUES.items()
        for value in values
        if path in NAMED
    }
    errors -= known
    assert errors == set()
    assert {answer["unknown"] for answer in answers if "unknown" in answer} <= set(NEW_TYPES)


def test_what_the_last_release_writes_over_an_item_keeps_its_meaning() -> None:
    """Fields that it does not know stay: it changes what it knows, each field as a whole."""
    changed, known = set(), _ask("values")
    for item, answer in zip(_written(), _ask("read", items=_written()), strict=True):
        if "body" not in answer:
            continue
        before, after = entity_of(item), entity_of({**item, "body": answer["body"]})
        for name in names(type(before)):
            path = f"{item['type']['S']}.{name}"
            if path in known and getattr(before, name) != getattr(after, name):
                changed.add(path)
    assert changed == set(CHANGED_INSIDE)


def test_every_value_that_the_last_release_stored_is_still_known() -> None:
    here, then = release_reader.stored_values(), _ask("values")
    gone = {path for path in then if path not in here}
    assert gone == set(GONE)
    lost = {path: set(then[path]) - set(here[path]) for path in then if path in here}
    assert {path: values for path, values in lost.items() if values} == {}


def test_a_new_value_is_readable_one_release_before_it_is_written() -> None:
    here, then = release_reader.stored_values(), _ask("values")
    new = {path: set(here[path]) - set(then[path]) for path in then if path in here}
    assert {path: values for path, values in new.items() if values} == {
        path: set(values) for path, values in NEW_VALUES.items()
    }


def test_new_types_are_listed_with_what_the_last_release_does_without_them() -> None:
    names = {path.split(".")[0] for path in release_reader.stored_values()}
    assert names - {path.split(".")[0] for path in _ask("values")} == set(NEW_TYPES)
