"""Subscriptions of the loopback renew, are paused, end as Stripe's do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import stripe
from stripe import StripeClient

from dev.stripe.server import Loopback
from tests.dev.stripe.conftest import Clock
from tests.dev.stripe.published import faults


def bought(client: StripeClient, card: str = "pm_card_visa", **more: Any) -> stripe.Subscription:
    customer = client.v1.customers.create({"email": "ada@example.com"}).id
    method = client.v1.payment_methods.attach(card, {"customer": customer}).id
    product = client.v1.products.create({"name": "Course"})
    price = client.v1.prices.create(
        {
            "currency": "usd",
            "product": product.id,
            "unit_amount": 2999,
            "recurring": {"interval": "month"},
        }
    )
    assert faults(product.to_dict()) == []
    assert faults(price.to_dict()) == []
    params: Any = {
        "customer": customer,
        "items": [{"price": price.id}],
        "default_payment_method": method,
        **more,
    }
    return client.v1.subscriptions.create(params)


def day(seconds: int | None) -> str:
    assert seconds is not None
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"


def period(found: stripe.Subscription) -> tuple[str, str]:
    item = found["items"].data[0]
    return day(item.current_period_start), day(item.current_period_end)


def invoices(client: StripeClient, found: stripe.Subscription) -> list[tuple[str | None, int]]:
    listed = client.v1.invoices.list({"subscription": found.id, "limit": 100})
    return [(each.status, each.total) for each in listed.data][::-1]


@pytest.mark.spec("M-6")
def test_a_subscription_is_published_as_stripe_does(client: StripeClient) -> None:
    coupon = client.v1.coupons.create({"percent_off": 25, "duration": "forever"})
    found = bought(client, discounts=[{"coupon": coupon.id}])
    expanded = client.v1.subscriptions.retrieve(found.id, {"expand": ["discounts"]})
    assert expanded.latest_invoice is not None
    invoice = client.v1.invoices.retrieve(str(expanded.latest_invoice))
    for each in (found, found["items"].data[0], invoice, coupon, expanded.discounts[0]):
        assert not isinstance(each, str)
        assert faults(each.to_dict()) == []
    assert (invoice.status, invoice.total) == ("paid", 2249)


@pytest.mark.spec("M-6")
def test_a_subscription_of_the_31st_is_charged_at_the_ends_of_months(
    client: StripeClient, loopback: Loopback, clock: Clock
) -> None:
    found = bought(client)
    assert period(found) == ("2026-01-31", "2026-02-28")
    clock.move(days=62)
    loopback.renew()
    found = client.v1.subscriptions.retrieve(found.id)
    assert period(found) == ("2026-03-31", "2026-04-30")
    assert invoices(client, found) == [("paid", 2999)] * 3
    assert len(loopback.charges()) == 3


@pytest.mark.spec("M-6")
def test_a_renewal_is_a_draft_for_an_hour_before_it_is_charged(
    client: StripeClient, loopback: Loopback, clock: Clock
) -> None:
    found = bought(client)
    clock.move(days=28, minutes=30)
    loopback.renew()
    assert invoices(client, found) == [("paid", 2999), ("draft", 2999)]
    client.v1.subscriptions.update(found.id, {"pause_collection": {"behavior": "void"}})
    clock.move(hours=1)
    loopback.renew()
    # What was made before the pause is collected all the same.
    assert invoices(client, found) == [("paid", 2999), ("paid", 2999)]


@pytest.mark.spec("M-6")
def test_what_is_paused_goes_on_without_a_charge_until_it_is_resumed(
    client: StripeClient, loopback: Loopback, clock: Clock
) -> None:
    found = bought(client)
    paused = client.v1.subscriptions.update(found.id, {"pause_collection": {"behavior": "void"}})
    assert faults(paused.to_dict()) == []
    clock.move(days=29)
    loopback.renew()
    found = client.v1.subscriptions.retrieve(found.id)
    assert (found.status, period(found)) == ("active", ("2026-02-28", "2026-03-31"))
    assert invoices(client, found) == [("paid", 2999), ("void", 2999)]
    client.v1.subscriptions.update(found.id, {"pause_collection": ""})
    clock.move(days=32)
    loopback.renew()
    assert invoices(client, found) == [("paid", 2999), ("void", 2999), ("paid", 2999)]


@pytest.mark.spec("M-6")
def test_a_trial_and_a_cycle_to_come_are_free_until_they_begin(
    client: StripeClient, loopback: Loopback, clock: Clock
) -> None:
    later = int(clock().timestamp()) + 10 * 86_400
    trial = bought(client, trial_end=later)
    anchored = bought(client, billing_cycle_anchor=later, proration_behavior="none")
    assert (trial.status, anchored.status) == ("trialing", "active")
    clock.move(days=11)
    loopback.renew()
    for each in (trial, anchored):
        found = client.v1.subscriptions.retrieve(each.id)
        assert (found.status, period(found)) == ("active", ("2026-02-10", "2026-03-10"))
        assert invoices(client, each) == [("paid", 0), ("paid", 2999)]


@pytest.mark.spec("M-6")
def test_a_canceled_subscription_is_not_listed_and_takes_metadata_only(
    client: StripeClient,
) -> None:
    found, other = bought(client), bought(client)
    ended = client.v1.subscriptions.cancel(found.id)
    assert faults(ended.to_dict()) == []
    assert (ended.status, ended.canceled_at) == ("canceled", ended.ended_at)
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription") as again:
        client.v1.subscriptions.cancel(found.id)
    assert again.value.http_status == 404
    with pytest.raises(stripe.InvalidRequestError, match="can only update"):
        client.v1.subscriptions.update(found.id, {"pause_collection": {"behavior": "void"}})
    noted = client.v1.subscriptions.update(found.id, {"metadata": {"a": "b"}})
    assert noted.metadata.to_dict() == {"a": "b"}
    assert [each.id for each in client.v1.subscriptions.list().data] == [other.id]
    assert len(client.v1.subscriptions.list({"status": "all"}).data) == 2


@pytest.mark.spec("M-6")
def test_one_that_ends_with_its_period_is_charged_no_more(
    client: StripeClient, loopback: Loopback, clock: Clock
) -> None:
    found = bought(client)
    client.v1.subscriptions.update(found.id, {"cancel_at_period_end": True})
    clock.move(days=40)
    loopback.renew()
    assert client.v1.subscriptions.retrieve(found.id).status == "canceled"
    assert invoices(client, found) == [("paid", 2999)]


@pytest.mark.spec("M-6")
def test_a_declined_renewal_is_past_due(
    client: StripeClient, loopback: Loopback, clock: Clock
) -> None:
    later = int(clock().timestamp()) + 86_400
    found = bought(client, "pm_card_chargeCustomerFail", trial_end=later)
    clock.move(days=2)
    loopback.renew()
    assert client.v1.subscriptions.retrieve(found.id).status == "past_due"
    assert invoices(client, found) == [("paid", 0), ("open", 2999)]


@pytest.mark.spec("M-6")
def test_pages_follow_one_another(client: StripeClient) -> None:
    made = [bought(client).id for _ in range(5)]
    first = client.v1.subscriptions.list({"limit": 3})
    rest = client.v1.subscriptions.list({"limit": 3, "starting_after": first.data[-1].id})
    assert (first.has_more, rest.has_more) == (True, False)
    assert [each.id for each in (*first.data, *rest.data)] == made[::-1]


@pytest.mark.spec("M-6")
@pytest.mark.parametrize(
    "wrong",
    [
        {"pause_collection": {"behavior": "stop"}},
        {"pause_collection": {"resumes_at": 5}},
        {"metadata": {"x" * 41: "1"}},
        {"status": "canceled"},
    ],
)
def test_what_stripe_does_not_take_is_refused(client: StripeClient, wrong: Any) -> None:
    found = bought(client)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.subscriptions.update(found.id, wrong)
