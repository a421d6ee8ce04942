"""Stripe's adapter at the HTTP edge: what it sends, and what it makes of each answer (W-1, R-6)."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import stripe

from billing.adapters import event_signature, stripe_client
from billing.adapters.stripe_declines import NEVER_AGAIN, declined
from billing.adapters.stripe_terms import MINIMUMS, capabilities
from billing.errors import (
    Conflict,
    Forged,
    Invalid,
    NotFound,
    RateLimited,
    Unavailable,
    Unreachable,
)
from billing.gateways import (
    AccountRef,
    ActionRequired,
    ChargeOrder,
    Declined,
    Element,
    RefundFailed,
    RefundSucceeded,
    SavedMethod,
    Succeeded,
    TheirPage,
    Unconfirmed,
    Withdrawn,
)
from billing.money import Currency, Money
from tests.adapters.stripe_edge import ACCOUNT, Edge, Vault, card_error, failure, intent, opened

ROOT = Path(__file__).resolve().parents[2]
ORDER = ChargeOrder(
    "sub_1.0001", Money(2999, Currency.USD), ACCOUNT.account, "Course", "cus_1:pm_1"
)
UNEXPECTED = failure(400, "invalid_request_error", "payment_intent_unexpected_state")


def confirm(edge: Edge, *, off_session: bool = True, key: str = "a:1") -> object:
    url = None if off_session else "https://pay.example.com/return"
    return opened(edge).confirm(
        "pi_1", "cus_1:pm_1", key=key, off_session=off_session, return_url=url
    )


@pytest.mark.spec("R-1", "R-6")
def test_an_invoice_has_one_payment_intent_under_its_own_key() -> None:
    edge = Edge(intent("requires_payment_method"))
    assert opened(edge).prepare(ORDER, key="sub_1.0001") == "pi_1"
    (sent,) = edge.sent
    assert sent.call == "post /v1/payment_intents"
    assert sent.headers["Idempotency-Key"] == "sub_1.0001"
    assert sent.headers["Stripe-Version"] == stripe_client.API_VERSION
    assert sent.params == {
        "amount": "2999",
        "currency": "usd",
        "customer": "cus_1",
        "allowed_payment_method_types[0]": "card",
        "description": "Course",
        "metadata[invoice]": "sub_1.0001",
        "metadata[merchant]": "acme",
    }


def test_the_pinned_version_is_the_one_that_the_sdks_types_describe() -> None:
    assert stripe.api_version == stripe_client.API_VERSION


def test_a_call_ends_before_its_worker_does() -> None:
    account = stripe_client.StripeAccount(ACCOUNT, Vault())
    client = account._connect("sk_test_1")
    assert client._requestor._client._timeout == (3, 20)  # type: ignore[union-attr]
    assert client._requestor._options.max_network_retries == 1


@pytest.mark.spec("R-6")
@pytest.mark.parametrize("off_session", [True, False])
def test_an_attempt_is_written_on_the_payment_before_it_is_confirmed(off_session: bool) -> None:
    edge = Edge(intent("requires_confirmation"), intent("succeeded"))
    assert confirm(edge, off_session=off_session) == Succeeded("ch_1")
    begun, confirmed = edge.sent
    assert edge.calls == ["post /v1/payment_intents/pi_1", "post /v1/payment_intents/pi_1/confirm"]
    assert begun.params["metadata[attempt]"] == "a:1"
    assert begun.params["payment_method"] == confirmed.params["payment_method"] == "pm_1"
    keys = {sent.headers["Idempotency-Key"] for sent in edge.sent}
    assert len(keys) == 2 and all(key.startswith("a:1:") for key in keys)
    if off_session:
        assert begun.params["setup_future_usage"] == ""
        assert confirmed.params == {"payment_method": "pm_1", "off_session": "true"}
    else:
        assert confirmed.params["return_url"] == "https://pay.example.com/return"
        assert confirmed.params["setup_future_usage"] == "off_session"


@pytest.mark.spec("R-6")
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (failure(429, "invalid_request_error", "rate_limit"), RateLimited),
        (failure(429, "invalid_request_error", "lock_timeout"), RateLimited),
        (failure(409, "idempotency_error", "idempotency_key_in_use"), Unreachable),
        (failure(500, "api_error"), Unreachable),
        (failure(503, "api_error"), Unreachable),
        (failure(400, "idempotency_error"), Conflict),
        (failure(403, "invalid_request_error"), Unavailable),
        (failure(404, "invalid_request_error", "resource_missing"), NotFound),
        (stripe.APIConnectionError("timed out", should_retry=True), Unreachable),
        (stripe.APIConnectionError("no such host"), Unreachable),
    ],
)
def test_what_says_nothing_of_the_charge_is_unknown_and_what_says_no_is_not_an_outage(
    answer: object, error: type[Exception]
) -> None:
    edge = Edge(answer, answer)  # type: ignore[arg-type]
    with pytest.raises(error) as raised:
        confirm(edge)
    assert type(raised.value) is error
    assert len({sent.headers["Idempotency-Key"] for sent in edge.sent}) == 1, "retried as it was"


@pytest.mark.spec("R-4", "W-1")
@pytest.mark.parametrize(
    ("decline_code", "expected"),
    [
        ("generic_decline", Declined("card_declined")),
        ("insufficient_funds", Declined("insufficient_funds")),
        ("expired_card", Declined("expired_card", retryable=False)),
        ("stolen_card", Declined("stolen_card", retryable=False)),
        ("not_known_yet", Declined("not_known_yet")),
    ],
)
def test_a_decline_is_a_value(decline_code: str, expected: Declined) -> None:
    error = card_error(decline_code)
    after = intent("requires_payment_method", last_payment_error=error[1]["error"])
    edge = Edge(intent("requires_confirmation"), error, after)
    assert confirm(edge) == expected
    assert opened(Edge(after)).lookup("pi_1", attempt_key="a:1") == expected
    assert opened(Edge(after)).lookup("pi_1", attempt_key="a:2") == Unconfirmed()


@pytest.mark.spec("R-4")
def test_what_the_network_forbids_is_not_tried_again() -> None:
    assert declined("card_declined", "do_not_honor", None).retryable
    assert not declined("card_declined", "do_not_honor", "do_not_try_again").retryable
    assert declined("card_declined", "insufficient_funds", "try_again_later").retryable
    assert declined(None, None, None) == Declined("card_declined")
    assert not any(
        declined("card_declined", code, "try_again_later").retryable for code in NEVER_AGAIN
    )


@pytest.mark.spec("R-6")
def test_an_old_decline_sent_again_is_not_what_the_payment_came_to() -> None:
    edge = Edge(intent("requires_confirmation"), card_error("do_not_honor"), intent("succeeded"))
    assert confirm(edge) == Succeeded("ch_1")
    newer = intent("requires_confirmation", metadata={"attempt": "a:2"})
    edge = Edge(intent("requires_confirmation"), card_error("do_not_honor"), newer)
    assert confirm(edge) == Declined("do_not_honor")


@pytest.mark.spec("R-4", "C-4")
def test_a_bank_that_wants_its_customer_is_no_decline_off_session() -> None:
    error = failure(
        402, "card_error", "authentication_required", decline_code="authentication_required"
    )
    after = intent("requires_payment_method", last_payment_error=error[1]["error"])
    assert confirm(Edge(intent("requires_confirmation"), error, after)) == ActionRequired(None)
    assert opened(Edge(after)).lookup("pi_1", attempt_key="a:1") == ActionRequired(None)
    present = intent(
        "requires_payment_method",
        last_payment_error={"code": "payment_intent_authentication_failure"},
        metadata={"attempt": "a:1", "session": "on_session"},
    )
    failed = opened(Edge(present)).lookup("pi_1", attempt_key="a:1")
    assert failed == Declined("authentication_required"), "asked, and not passed"


@pytest.mark.spec("C-4")
def test_3_d_secure_has_its_address() -> None:
    action = {"type": "redirect_to_url", "redirect_to_url": {"url": "https://hooks.stripe.com/3ds"}}
    asked = intent("requires_action", next_action=action)
    edge = Edge(intent("requires_confirmation"), asked)
    assert confirm(edge, off_session=False) == ActionRequired("https://hooks.stripe.com/3ds")
    other = intent("requires_action", next_action={"type": "use_stripe_sdk"})
    assert opened(Edge(other)).lookup("pi_1", attempt_key="a:1") == ActionRequired(None)
    assert opened(Edge(asked)).lookup("pi_1", attempt_key="a:2") == Unconfirmed()


@pytest.mark.spec("R-6")
@pytest.mark.parametrize("status", ["processing", "requires_capture"])
@pytest.mark.parametrize("key", ["a:1", "a:2"])
def test_what_the_bank_is_still_at_is_not_known_yet(status: str, key: str) -> None:
    with pytest.raises(Unreachable):
        opened(Edge(intent(status))).lookup("pi_1", attempt_key=key)


@pytest.mark.spec("R-6", "X-6")
def test_a_payment_at_its_end_is_read_instead_of_argued_with() -> None:
    assert confirm(Edge(UNEXPECTED, intent("succeeded"))) == Succeeded("ch_1")
    assert confirm(Edge(UNEXPECTED, intent("canceled"))) == Withdrawn()
    assert opened(Edge(UNEXPECTED, intent("succeeded"))).cancel("pi_1") == Succeeded("ch_1")
    assert opened(Edge(UNEXPECTED, intent("canceled"))).cancel("pi_1") == Withdrawn()
    with pytest.raises(Unreachable):
        opened(Edge(UNEXPECTED, intent("processing"))).cancel("pi_1")
    with pytest.raises(Unavailable):
        opened(Edge(UNEXPECTED, intent("requires_action"))).cancel("pi_1")


@pytest.mark.spec("B-9", "B-10")
def test_a_card_of_another_customer_there_withdraws_the_payment_and_a_lost_one_is_declined() -> (
    None
):
    wrong = failure(400, "invalid_request_error")
    mine, theirs = (
        (200, {"id": "pm_1", "customer": "cus_1"}),
        (200, {"id": "pm_1", "customer": None}),
    )
    elsewhere = intent("requires_payment_method", customer="cus_2", metadata={})
    edge = Edge(intent("requires_confirmation"), wrong, elsewhere, mine, intent("canceled"))
    assert confirm(edge) == Withdrawn()
    assert edge.calls[-1] == "post /v1/payment_intents/pi_1/cancel"
    fresh = intent("requires_payment_method", metadata={})
    gone = failure(404, "invalid_request_error", "resource_missing")
    for answer in (theirs, gone):
        missing = confirm(Edge(wrong, fresh, answer))
        assert missing == Declined("payment_method_missing", retryable=False)
    with pytest.raises(Unavailable, match="refuses the request"):
        confirm(Edge(wrong, fresh, mine))


METHOD = (
    200,
    {
        "id": "pm_1",
        "object": "payment_method",
        "customer": "cus_1",
        "card": {
            "brand": "visa",
            "display_brand": "visa",
            "last4": "4242",
            "exp_month": 3,
            "exp_year": 2034,
            "fingerprint": "fp",
        },
    },
)
CUSTOMER = (200, {"id": "cus_1", "object": "customer"})
SAVED = SavedMethod("cus_1:pm_1", "visa", "4242", "2034-03", "fp")


def save(edge: Edge, card: str = "pm_card_visa", **more: object) -> object:
    given = {"owner": "cus_ann", "key": "k", "verify": False, **more}
    return opened(edge).save_method(card, **given)  # type: ignore[arg-type]


@pytest.mark.spec("B-9", "C-1")
def test_a_card_is_saved_with_a_customer_there() -> None:
    edge = Edge(CUSTOMER, METHOD)
    assert save(edge) == SAVED
    customer, attached = edge.sent
    assert customer.params == {"metadata[customer]": "cus_ann", "metadata[merchant]": "acme"}
    assert (attached.call, attached.params) == (
        "post /v1/payment_methods/pm_card_visa/attach",
        {"customer": "cus_1"},
    )
    beside = Edge(METHOD)
    assert save(beside, beside="cus_1:pm_0") == SAVED
    assert beside.calls == ["post /v1/payment_methods/pm_card_visa/attach"]


@pytest.mark.spec("B-9", "P-11")
def test_a_verified_card_is_set_up_and_one_that_needs_its_buyer_is_not_kept() -> None:
    setup = Edge(CUSTOMER, METHOD, (200, {"id": "seti_1", "status": "succeeded"}))
    assert save(setup, verify=True) == SAVED
    assert setup.sent[-1].params["usage"] == "off_session"
    needs = Edge(CUSTOMER, METHOD, (200, {"id": "seti_1", "status": "requires_action"}))
    assert save(needs, verify=True) == Declined("authentication_required")
    assert save(Edge(CUSTOMER, card_error("insufficient_funds"))) == Declined("insufficient_funds")


@pytest.mark.spec("C-1")
def test_a_card_from_stripes_page_was_set_up_there() -> None:
    setup = {
        "id": "seti_1",
        "object": "setup_intent",
        "status": "succeeded",
        "payment_method": "pm_1",
    }
    session = {"id": "cs_test_1", "object": "checkout.session", "setup_intent": setup}
    edge = Edge((200, session), CUSTOMER, METHOD)
    assert save(edge, "cs_test_1", verify=True) == SAVED
    assert edge.calls[-1] == "post /v1/payment_methods/pm_1/attach"
    for unfinished in ({**setup, "status": "requires_payment_method"}, None):
        with pytest.raises(Invalid):
            save(Edge((200, {**session, "setup_intent": unfinished})), "cs_test_1")


def test_a_token_that_names_no_card_of_ones_own_is_refused() -> None:
    for answer in (
        failure(400, "invalid_request_error", "resource_missing"),
        failure(404, "invalid_request_error", "resource_missing"),
        failure(400, "invalid_request_error"),  # attached to somebody already
    ):
        with pytest.raises(Invalid):
            save(Edge(CUSTOMER, answer))
    with pytest.raises(Invalid, match="cards"):
        save(Edge(CUSTOMER, (200, {"id": "pm_1", "customer": "cus_1", "card": None})))


@pytest.mark.spec("C-1")
def test_a_buyer_gives_a_card_on_stripes_page_unless_the_merchant_embeds_it() -> None:
    session = {"id": "cs_1", "object": "checkout.session", "url": "https://checkout.stripe.com/c"}
    edge = Edge((200, session))
    there = opened(edge).collect(
        key="attempt", return_url="https://pay.example.com/r?a=1", cancel_url="https://p.example/c"
    )
    assert there == session["url"]
    (sent,) = edge.sent
    assert sent.params["mode"] == "setup"
    assert sent.params["success_url"] == (
        "https://pay.example.com/r?a=1&payment_method={CHECKOUT_SESSION_ID}"
    )
    with pytest.raises(Unavailable):
        opened(Edge((200, {**session, "url": None}))).collect(key="k", return_url="", cancel_url="")
    keys = {"secret_key": "sk_test_1", "publishable_key": "pk_test_1"}
    assert opened(Edge(), Vault(keys)).collection() == TheirPage()
    embeds = Vault({**keys, "embedded": True})
    assert opened(Edge(), embeds).collection() == Element("pk_test_1")


@pytest.mark.spec("B-9")
def test_a_card_is_let_go_once() -> None:
    for answer in (
        METHOD,
        failure(400, "invalid_request_error"),
        failure(404, "invalid_request_error"),
    ):
        edge = Edge(answer)
        opened(edge).forget("cus_1:pm_1")
        assert edge.calls == ["post /v1/payment_methods/pm_1/detach"]


@pytest.mark.spec("B-7")
def test_a_refund_is_found_again_by_our_key() -> None:
    amount = {"amount": 100, "currency": "usd"}
    key = {"metadata": {"refund": "r1"}}
    made = {"id": "re_1", "object": "refund", "status": "pending", **amount, **key}
    failed = {
        **made,
        "id": "re_2",
        "status": "failed",
        "failure_reason": "expired_or_canceled_card",
    }
    failed["metadata"] = {"refund": "r2"}
    edge = Edge((200, made))
    given = opened(edge).refund("pi_1", Money(100, Currency.USD), key="r1")
    assert given == RefundSucceeded("re_1")
    assert edge.sent[0].headers["Idempotency-Key"] == "r1"
    listed = (
        200,
        {"object": "list", "url": "/v1/refunds", "has_more": False, "data": [failed, made]},
    )
    assert opened(Edge(listed)).find_refund("pi_1", key="r1") == RefundSucceeded("re_1")
    refusal = opened(Edge(listed)).find_refund("pi_1", key="r2")
    assert refusal == RefundFailed("expired_or_canceled_card")
    assert opened(Edge(listed)).find_refund("pi_1", key="r3") is None
    over = failure(400, "invalid_request_error", "charge_already_refunded")
    again = opened(Edge(over)).refund("pi_1", Money(100, Currency.USD), key="r9")
    assert again == RefundFailed("charge_already_refunded")


@pytest.mark.spec("W-4")
def test_chargebacks_are_read_from_their_list_and_inquiries_are_none() -> None:
    def dispute(number: int, status: str) -> dict[str, object]:
        amounts = {"amount": 2999, "currency": "usd", "created": 1_700_000_000 - number}
        return {"id": f"dp_{number}", "object": "dispute", "status": status, **amounts}

    states = ["needs_response", "under_review", "won", "lost"]
    none = ["warning_needs_response", "warning_closed", "prevented", "not_known_yet"]
    data = [dispute(n, status) for n, status in enumerate([*states, *none])]
    listed = (200, {"object": "list", "url": "/v1/disputes", "has_more": False, "data": data})
    edge = Edge(listed)
    found = opened(edge).disputes("pi_1")
    assert edge.sent[0].params["payment_intent"] == "pi_1"
    assert [(d.id, d.standing.value) for d in found] == [
        ("dp_3", "lost"),
        ("dp_2", "won"),
        ("dp_1", "open"),
        ("dp_0", "open"),
    ]
    assert found[0].amount == Money(2999, Currency.USD)


@pytest.mark.spec("W-1")
def test_a_webhook_of_any_valid_secret_is_taken_and_no_other() -> None:
    now = datetime(2026, 1, 31, 15, tzinfo=UTC)
    about = {"id": "pi_1", "object": "payment_intent"}
    event = {
        "id": "evt_1",
        "type": "payment_intent.succeeded",
        "created": 1,
        "data": {"object": about},
    }
    vault = Vault({"secret_key": "sk_test_1", "webhook_secrets": ["whsec_old", "whsec_new"]})
    gateway = opened(Edge(), vault)
    for body in (event, {**event, "account": "acct_1"}):
        raw = json.dumps(body).encode()
        header = {"stripe-signature": event_signature.sign(raw, ["whsec_new"], now)}
        assert gateway.parse_event(raw, header, now=now).reference == "pi_1"
    raw = json.dumps({**event, "account": "acct_2"}).encode()
    for secret in ("whsec_new", "whsec_other"):
        header = {"stripe-signature": event_signature.sign(raw, [secret], now)}
        with pytest.raises(Forged):
            gateway.parse_event(raw, header, now=now)


def test_keys_that_are_refused_are_read_afresh_once() -> None:
    wrong = failure(401, "invalid_request_error")
    vault = Vault(fresh={"secret_key": "sk_test_2"})
    edge = Edge(wrong, intent("succeeded"))
    assert opened(edge, vault).lookup("pi_1", attempt_key="a") == Succeeded("ch_1")
    assert [s.headers["Authorization"] for s in edge.sent] == [
        "Bearer sk_test_1",
        "Bearer sk_test_2",
    ]
    for vault, answers in (
        (Vault(), [wrong]),
        (Vault(fresh={"secret_key": "sk_test_2"}), [wrong] * 2),
    ):
        with pytest.raises(Unavailable) as raised:
            opened(Edge(*answers), vault).lookup("pi_1", attempt_key="a")
        assert raised.value.code == "keys_refused" and vault.read_afresh == 1


@pytest.mark.spec("W-3")
@pytest.mark.parametrize(
    "secrets",
    [
        {"secret_key": "sk_live_1"},
        {"secret_key": "sk_test_1", "publishable_key": "pk_live_1"},
        {"secret_key": ""},
        {},
    ],
)
def test_test_and_live_never_mix(secrets: dict[str, str]) -> None:
    edge = Edge()
    with pytest.raises(Unavailable) as raised:
        opened(edge, Vault(secrets)).lookup("pi_1", attempt_key="a")
    assert raised.value.code == "no_keys" and not edge.sent
    assert "sk_live_1" not in repr(stripe_client.Keys("sk_live_1"))


@pytest.mark.spec("P-18", "P-20")
def test_stripes_least_amounts_are_of_every_currency() -> None:
    live = capabilities(AccountRef("acme", "stripe", "acct_1"))
    assert not live.test and capabilities(ACCOUNT).test
    assert {c: live.minimum_in(c) for c in Currency} == {c: MINIMUMS.get(c, 50) for c in Currency}
    assert live.minimum_in(Currency.HKD) == 400


def test_the_sdk_is_loaded_by_no_handler_until_an_account_is_asked() -> None:
    program = (
        "import sys, importlib.util\n"
        f"sys.path[:0] = [{str(ROOT / 'layers/common')!r}]\n"
        "for name in %r:\n"
        "    spec = importlib.util.spec_from_file_location('app', name)\n"
        "    spec.loader.exec_module(importlib.util.module_from_spec(spec))\n"
        "from billing.runtime import wiring\n"
        "from billing.runtime.settings import Settings\n"
        "from billing.gateways import AccountRef\n"
        "names = ('CORE', 'EPHEMERAL')\n"
        "ports = wiring.connect(Settings.from_environ({f'TABLE_{n}': n for n in names}))\n"
        "stripe = ports.gateway(AccountRef('acme', 'stripe', 'acct_1_test'))\n"
        "assert stripe.name == 'stripe' and stripe.capabilities.test\n"
        "assert 'stripe' not in sys.modules, 'loaded'\n"
        "stripe.forget\n"
        "assert 'stripe' in sys.modules\n"
    ) % [str(path) for path in sorted((ROOT / "functions").glob("*/app.py"))]
    environ = {
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "t",
        "AWS_SECRET_ACCESS_KEY": "t",
    }
    done = subprocess.run(
        [sys.executable, "-B", "-c", program],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_each_request_is_typed_by_the_sdk() -> None:
    """No call goes round the typed services, so mypy (strict) holds each to Stripe's own types."""
    for path in (ROOT / "layers/common/billing/adapters").glob("stripe_*.py"):
        text = path.read_text("utf-8")
        assert "type: ignore" not in text and "raw_request" not in text
        called = {
            node.func.attr
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        }
        assert not called & {"request", "request_raw", "_request"}
