"""Calls of every operation of the API by the Python SDK, as a merchant's day has them.

Each call has a sensible answer, or one typed error by its code.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from perennial_client import ApiError, Perennial, models
from tests.local_stack.laptop import Laptop

MONTHLY = {
    "type": "recurring",
    "price": {"amount": 2999, "currency": "USD"},
    "period": "1m",
    "cancellation": "delayed",
}
PRODUCT = {"name": "Course", "gateways": ["stripe"], "refund_days": 30, "price_points": [MONTHLY]}
MAIL = "From: dana@example.com\r\nTo: billing@example.com\r\nSubject: Hi\r\n\r\nA question.\r\n"


def refused(code: str, call: Callable[..., Any], *arguments: Any, **named: Any) -> None:
    """Calls, and expects this error."""
    with pytest.raises(ApiError) as raised:
        call(*arguments, **named)
    assert raised.value.code == code, raised.value


def body(model: str, **fields: Any) -> Any:
    return getattr(models, model).from_dict({name.rstrip("_"): fields[name] for name in fields})


def catalog(api: Perennial) -> tuple[str, str]:
    """Sells a product of its own; returns its two price points."""
    preview = api.preview(
        body=body(
            "PreviewInput", price_point=MONTHLY, start="2026-01-31T10:00:00", count=2,
            time_zone="America/New_York",
        )
    )  # fmt: skip
    assert [charge.amount.amount for charge in preview.charges] == [2999, 2999]
    product = api.create_product(body=body("NewProductInput", **PRODUCT))
    assert product.id in {each.id for each in api.every(api.list_products)}
    yearly = {**MONTHLY, "price": {"amount": 9900, "currency": "USD"}, "period": "1y"}
    point = api.add_price_point(product.id, body=body("PricePointInput", **yearly))
    spare = api.add_price_point(product.id, body=body("PricePointInput", **MONTHLY))
    api.change_price_point(point.id, body=body("PricePointChangeInput", cancellation="instant"))
    api.remove_price_point(product.id, spare.id)
    both = [product.price_points[0].id, point.id]
    api.change_product(product.id, body=body("ProductChangeInput", name="Better", changes_to=both))
    assert api.show_product(product.id).name == "Better"
    spare_product = api.create_product(body=body("NewProductInput", **PRODUCT))
    assert api.archive_product(spare_product.id) is None
    return both[0], both[1]


def subscriptions(api: Perennial, laptop: Laptop, price_point: str, other: str) -> str:
    """Moves one subscription through its life; returns its customer."""
    status, bought = laptop.buy(price_point, "ann@example.com")
    assert status == 201, bought
    found = api.show_subscription(bought["subscription"])
    assert (found.state, found.price_point) == ("active", price_point)
    assert found.id in {each.id for each in api.every(api.list_subscriptions, limit=1)}
    here = (found.id,)
    assert api.show_consent(*here)
    assert api.pause_subscription(*here).state == "paused"
    assert api.resume_subscription(*here).state == "active"
    ending = body("CancelInput", when="period_end", comment="Just trying")
    api.cancel_subscription(*here, body=ending)
    assert api.undo_cancel_subscription(*here).state == "active"
    refused("nothing_waits", api.skip_subscription, *here)
    refused("nothing_due", api.retry_subscription, *here)
    quote = api.quote_plan(*here, body=body("QuoteInput", price_point=other, when="now"))
    change = body("ChangePlanInput", price_point=other, when="now", token=quote.token)
    assert api.change_subscription_plan(*here, body=change)
    api.create_coupon(
        body=body("CouponInput", code="SPRING", basis_points=2500, duration="once", max_uses=9)
    )
    assert api.give_coupon(*here, body=body("UseCouponInput", coupon="SPRING"))
    assert api.take_coupon_away(*here)
    assert api.enter_tax_id(*here, body=body("BuyersTaxIdInput", tax_id=None))
    assert api.freeze_subscription(*here)
    refused("not_frozen", api.quote_unfreezing, *here)
    assert api.unfreeze_subscription(*here, body=body("UnfreezeInput"))
    return found.customer


def coupons(api: Perennial) -> None:
    (coupon,) = api.every(api.list_coupons)
    assert api.show_coupon(coupon.code).code == "SPRING"
    off = api.change_coupon(coupon.code, body=body("CouponChangeInput", active=False))
    assert off.active is False
    assert b"SPRING" in api.download_coupons().payload.read()


def money(api: Perennial) -> None:
    orders = list(api.every(api.list_orders, kind="sale"))
    assert api.show_order(orders[0].id).kind == "sale"
    refund = api.refund_order(orders[0].id, body=body("RefundInput", amount=100))
    assert refund.amount.amount == 100
    proof = body("TaxRefundInput", proof="exempt")
    refused("not_taxed", api.refund_tax_of_order, orders[0].id, body=proof)
    invoices = list(api.every(api.list_invoices))
    assert api.show_invoice(invoices[0].id).id == invoices[0].id
    assert api.download_invoice(invoices[0].id).payload.read().startswith(b"%PDF")
    refused("no_e_invoice", api.download_e_invoice, invoices[0].id)
    assert api.show_forecast(to=_day(60))
    assert api.show_attention() is not None
    assert list(api.every(api.list_exports)) == []
    export = api.create_export(body=body("ExportInput", what="orders", format_="csv"))
    assert api.show_export(export.id).id == export.id


def prices(api: Perennial, laptop: Laptop, price_point: str) -> None:
    """Announces another price to one subscription, then to all at a price point."""
    status, bought = laptop.buy(price_point, "gil@example.com")
    assert status == 201, bought
    change = body("PriceChangeInput", price={"amount": 3499, "currency": "USD"}, from_=_day(90))
    told = api.announce_price_change(bought["subscription"], body=change)
    assert told.price_change.price.amount == 3499
    assert api.take_price_change_back(bought["subscription"]).price_change is None
    assert api.announce_price_changes(price_point, body=change)
    refused("price_change_under_way", api.take_price_changes_back, price_point)


def moving_in(api: Perennial) -> None:
    """Checks a file of subscriptions, moves what can be moved, and takes it back."""
    assert api.create_upload().url
    file = b"external_id,email,status,started_at,next_charge_at,payment_method,price_point\n"
    file += b"sub_1,ann@example.com,past_due,2025-12-20,2099-02-20T15:00:00Z,pm_1,none\n"
    begun = api.create_import(body=file, preset="canonical")
    assert (begun.state, begun.blocking) == ("checked", 1), begun
    assert begun.id in {each.id for each in api.every(api.list_imports)}
    assert api.show_import(begun.id).rows == 1
    (row,) = api.every(api.list_import_rows, begun.id)
    assert row.result == "blocking"
    assert api.download_import_rows(begun.id)
    assert api.start_dry_run(begun.id)
    assert api.show_dry_run(begun.id).rows == 0, "the row blocks"
    refused("shadow_without_source", api.start_shadow, begun.id)
    compared = api.start_shadow(begun.id, body=body("ShadowInput", charges=_charges(api)))
    assert (compared.rows, compared.kinds[0].kind) == (0, "charge_unreadable")
    assert api.show_shadow(begun.id).different == 0
    (line,) = api.every(api.list_shadow_differences, begun.id)
    assert line.number == 1
    assert api.download_shadow_differences(begun.id)
    assert api.cut_over_import(begun.id).state == "moving"
    assert api.undo_import(begun.id).state == "undoing"


def _charges(api: Perennial) -> str:
    """Uploads a file of charges with one line that cannot be read; returns its upload."""
    made = api.create_upload()
    file = b"external_id,charged_at,amount,currency\nsub_1,01/02/2026,29.99,USD\n"
    httpx.post(made.url, data=made.fields.to_dict(), files={"file": file}).raise_for_status()
    return str(made.id)


def customers(api: Perennial, customer: str, laptop: Laptop) -> None:
    assert api.show_customer(customer).id == customer
    (found,) = api.find_customers(email="ann@example.com").data
    assert found.id == customer
    changed = api.change_customer(customer, body={"name": "Ann Other"})
    assert changed.name == "Ann Other"
    assert api.export_customer(customer)
    assert api.show_access(email="ann@example.com", grant="prod_studio").active is False
    link = api.create_portal_link(body=body("PortalLinkInput", customer=customer))
    assert link.url.startswith(f"http://127.0.0.1:{laptop.port}/")
    assert api.resume_mail(customer).mail_stopped is None
    refused("still_live", api.erase_customer, customer)


def helpdesk(api: Perennial) -> None:
    asked = {"department": "billing", "subject": "A question", "text": "What does it cost?"}
    email = "ann@example.com"
    ticket = api.open_ticket(body=body("NewTicketInput", email=email, **asked))
    assert api.show_ticket(ticket.id).id == ticket.id
    assert api.list_tickets().data
    assert api.reply_to_ticket(ticket.id, body=body("ReplyInput", text="Nothing."))
    refused("nothing_to_approve", api.approve_ticket, ticket.id, body=body("ApproveInput"))
    assert api.decline_ticket(ticket.id, body=body("DeclineInput")).state == "declined"
    assert api.take_mail(body=body("MailInput", department="billing", message=MAIL))
    assert list(api.every(api.list_declarations)) == []
    refused("not_found", api.show_declaration, "dec_1")
    refused("not_found", api.approve_declaration, "dec_1", body=body("DecisionInput"))
    refused("not_found", api.decline_declaration, "dec_1")


def account(api: Perennial) -> None:
    assert api.show_settings().currency == "USD"
    assert api.change_settings(body=body("SettingsChangeInput", notice_days=6)).notice_days == 6
    refused("not_found", api.look_up_account, username="no", email="a@b.example")
    key = api.create_key(body=body("NewKeyInput", scopes=["read"]))
    replaced = api.replace_key(key.id)
    assert api.revoke_key(replaced.id).revoked_at
    assert api.list_keys().data
    assert api.create_console_link().url
    (gateway,) = api.list_gateway_accounts().data
    assert api.activate_gateway_account(gateway.gateway, gateway.id)
    refused("account_in_use", api.remove_gateway_account, gateway.gateway, gateway.id)
    assert api.show_arming().armed and api.arm_environment().armed
    member = api.invite_member(body=body("InviteInput", email="bo@example.com", role="support"))
    refused("not_found", api.change_member, member.id, body=body("RoleInput", role="finance"))
    assert api.list_team().data
    assert api.remove_member(member.id) is None
    assert api.list_audit().data
    assert api.download_audit().payload.read()


def webhooks(api: Perennial, receiver: str) -> None:
    wanted = body("WebhookEndpointInput", url=receiver, events=["*"])
    endpoint = api.create_webhook_endpoint(body=wanted)
    assert endpoint.secret.startswith("whsec_")
    assert api.list_webhook_endpoints().data
    assert api.show_webhook_endpoint(endpoint.id).url == receiver
    api.change_webhook_endpoint(endpoint.id, body=body("WebhookEndpointChangeInput", name="Mine"))
    assert api.rotate_webhook_secret(endpoint.id).secret != endpoint.secret
    assert api.test_webhook_endpoint(endpoint.id)
    past, now = _instant(-1), _instant(0)
    assert api.replay_webhooks(endpoint.id, body=body("WebhookReplayInput", from_=past, to=now))
    assert api.list_deliveries(endpoint.id) is not None
    refused("not_found", api.resend_delivery, "del_1")
    assert api.delete_webhook_endpoint(endpoint.id) is None
    assert api.list_events() is not None


def figures_and_tax(api: Perennial) -> None:
    month = f"{datetime.now(UTC):%Y-%m}"
    assert api.show_figures(from_=month, to=month).data
    assert api.download_figures(from_=month, to=month).payload.read()
    assert api.list_rows("revenue", period=month) is not None
    assert [cohort.month for cohort in api.show_cohorts(from_=month, to=month).data] == [month]
    assert api.show_trials(from_=month, to=month).data
    assert api.show_recovery(from_=month, to=month).data
    assert api.show_reasons(from_=month, to=month).data
    assert api.register(body=body("RegistrationInput", country="US", state="CA"))
    (registration,) = api.list_registrations().data
    assert api.set_rate(
        body=body("RateInput", country="US", state="CA", name="Sales tax", rate="0.0725")
    )
    assert [row.rate for row in api.every(api.list_rates)] == ["0.0725"]
    table = api.download_rates().payload.read()
    assert api.replace_rates(body=table)
    assert api.show_vat_table()
    assert api.report(from_=_day(-30), to=_day(0)) is not None
    assert api.download_report(from_=_day(-30), to=_day(0)).payload.read()
    assert api.show_tax_settings()
    assert api.change_tax_settings(body=body("TaxSettingsInput", vies=False))
    assert api.end_registration(registration.id)


def _day(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()


def _instant(days: int) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"
