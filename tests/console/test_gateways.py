"""Gateway accounts in the console: connected by their keys, tried on the spot (W-1, W-2, M-4)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from billing.kernel.audit import AuditRecord
from billing.kernel.errors import Unavailable
from billing.kernel.gateways import AccountRef
from dev.stripe import webhooks
from dev.stripe.service import Account
from tests.console.agent import Agent
from tests.console.gateway_bench import (
    CLIENT,
    CLIENT_SECRET,
    LIVE,
    PUBLISHABLE,
    RESTRICTED,
    RIGHTS,
    SECRET,
    SECRETS,
    URL,
    Bench,
    opened,
)
from tests.render.html import read


@pytest.fixture
def bench() -> Iterator[Bench]:
    with opened() as bench:
        yield bench


@pytest.mark.spec("W-1", "M-4")
def test_an_account_is_connected_by_its_keys_with_an_endpoint_of_its_own(bench: Bench) -> None:
    page = bench.agent.follow(bench.connect(publishable_key=PUBLISHABLE))
    assert "The account is connected" in page.text and "Acme Courses" in page.text
    assert bench.accounts() == [("acct_1_test", True)]
    (endpoint,) = bench.endpoints()
    assert endpoint["url"] == URL and endpoint["status"] == "enabled"
    assert bench.keys_of() == {
        "secret_key": SECRET,
        "publishable_key": PUBLISHABLE,
        "webhook_secrets": [endpoint["_secret"]],
    }
    assert "Home" in page.one("main").text


@pytest.mark.spec("W-1", "M-4")
def test_a_connected_account_sells_and_its_events_are_seen(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From no account to a first sale, with nothing but a browser."""
    monkeypatch.setattr(webhooks, "delivered", bench.carried)
    bench.agent.follow(bench.connect())
    product = bench.world.product(gateways=("stripe",))
    bought = bench.world.buy(product)
    assert bought.invoice.gateway_account == "acct_1_test"
    assert [charge["status"] for charge in bench.stripe.charges()] == ["succeeded"]
    assert bench.stripe.webhooks.deliver() > 0
    assert bench.answered and set(bench.answered) == {200}
    text = bench.agent.look("/console/gateways").one("main").text
    assert "Course" in text and "payment_intent" in text


@pytest.mark.spec("W-1")
def test_keys_that_cannot_be_stored_are_no_account(bench: Bench) -> None:
    def broken(*of: object) -> None:
        raise Unavailable("no parameter store", code="no_keys")

    bench.world.keys.put = broken  # type: ignore[method-assign]
    answer = bench.connect()
    assert answer.status == 503
    assert "couldn't be stored" in read(answer.body).one("main").text
    assert bench.accounts() == []
    del bench.world.keys.put
    bench.agent.follow(bench.connect(attempt="attempt_2"))
    (endpoint,) = bench.endpoints()
    assert bench.keys_of()["webhook_secrets"] == [endpoint["_secret"]]


@pytest.mark.spec("W-2", "M-4")
def test_paypal_is_connected_with_its_webhook(bench: Bench) -> None:
    page = bench.agent.follow(bench.connect(gateway="paypal"))
    assert "The account is connected" in page.text
    (webhook,) = bench.paypal.books.webhooks.values()
    assert webhook["url"] == "https://pay.example.com/webhooks/paypal/acme"
    account = "X5XAHHCG636FA_test"
    assert bench.accounts() == [(account, True)]
    assert bench.keys_of(account, "paypal") == {
        "client_id": CLIENT,
        "client_secret": CLIENT_SECRET,
        "webhook_id": webhook["id"],
    }
    assert bench.paypal.charges() == []
    assert "installment" in page.text and "at PayPal" in page.text


@pytest.mark.spec("W-1")
def test_a_form_that_is_sent_twice_makes_one_endpoint(bench: Bench) -> None:
    bench.agent.follow(bench.connect())
    secrets = bench.keys_of()["webhook_secrets"]
    bench.agent.follow(bench.connect())
    bench.agent.follow(bench.connect(attempt="attempt_9"))
    assert len(bench.endpoints()) == 1 and bench.keys_of()["webhook_secrets"] == secrets
    assert bench.accounts() == [("acct_1_test", True)]


WRONG = {
    "publishable": ({"secret_key": PUBLISHABLE}, "secret_key", "begins with sk_test_ or rk_test_"),
    "webhook's": ({"secret_key": "whsec_123"}, "secret_key", "begins with sk_test_"),
    "none": ({"secret_key": ""}, "secret_key", "required"),
    "huge": ({"secret_key": "sk_test_" + "x" * 400}, "secret_key", "300"),
    "no text": ({"secret_key": "sk_test_é"}, "secret_key", "character"),
    "live": ({"secret_key": LIVE}, "secret_key", "This is a live key"),
    "unknown": ({"secret_key": "sk_test_gone"}, "secret_key", "doesn't accept this key"),
    "publishable of live": ({"publishable_key": "pk_live_1"}, "publishable_key", "a live key"),
    "no publishable": ({"embedded": "true"}, "publishable_key", "needs the publishable key"),
    "webhook secret": ({"webhook_secret": SECRET}, "webhook_secret", "begins with whsec_"),
    "attempt": ({"attempt": "x" * 400}, "attempt", "100"),
}


@pytest.mark.spec("W-1", "M-4")
@pytest.mark.parametrize(("fields", "field", "words"), WRONG.values(), ids=list(WRONG))
def test_a_wrong_key_is_refused_in_words_and_nothing_is_stored(
    bench: Bench, fields: dict[str, str], field: str, words: str
) -> None:
    answer = bench.connect(**fields)
    assert answer.status == 422
    page = read(answer.body)
    assert words in page.one("div", id="errors").text
    assert bench.accounts() == [] and bench.world.keys.kept == {} and bench.endpoints() == []


@pytest.mark.spec("W-1")
@pytest.mark.parametrize(
    ("lacking", "named"),
    [
        ("customers:write", "Customers"),
        ("payment_intents:write", "PaymentIntents"),
        ("checkout.sessions:write", "Checkout Sessions"),
        ("disputes:read", "Disputes"),
        ("account:read", "Account"),
        ("webhook_endpoints:write", "Webhook Endpoints"),
    ],
)
def test_a_restricted_key_names_the_right_that_it_lacks(
    bench: Bench, lacking: str, named: str
) -> None:
    rights = RIGHTS - {lacking}
    bench.stripe.open_account(Account("acct_1", SECRET, restricted_key=RESTRICTED, rights=rights))
    answer = bench.connect(secret_key=RESTRICTED)
    assert answer.status == 422
    assert f"This key may not use {named}." in read(answer.body).one("div", id="errors").text
    assert bench.world.keys.kept == {}
    bench.stripe.open_account(Account("acct_1", SECRET, restricted_key=RESTRICTED, rights=RIGHTS))
    bench.agent.follow(bench.connect(secret_key=RESTRICTED))
    assert bench.keys_of()["secret_key"] == RESTRICTED


@pytest.mark.spec("W-1", "W-3")
def test_test_and_live_are_connected_side_by_side_and_never_mixed(bench: Bench) -> None:
    assert "a test key" in bench.connect("live").body
    bench.agent.follow(bench.connect())
    bench.agent.follow(bench.connect("live", secret_key=LIVE, activate="true"))
    assert bench.accounts() == [("acct_1_test", False), ("acct_3", True)]
    bench.agent.follow(bench.connect(attempt="attempt_3", secret_key="sk_test_52Other"))
    assert dict(bench.accounts())["acct_2_test"] is False, "from live to test only when asked"
    text = bench.agent.look("/console/gateways").one("main").text
    assert text.index("acct_3") < text.index("acct_1_test")


@pytest.mark.spec("W-1")
def test_an_account_that_may_not_charge_is_refused_in_live_mode(bench: Bench) -> None:
    answer = bench.connect("live", secret_key="sk_live_54Idle")
    assert answer.status == 409
    assert "doesn't let this account take payments yet" in read(answer.body).one("main").text
    assert bench.accounts() == [] and bench.world.keys.kept == {}


@pytest.mark.spec("W-1", "R-6")
@pytest.mark.parametrize("kind", ["unavailable", "timeout_before", "internal_error"])
def test_a_gateway_that_does_not_answer_leaves_everything_as_it_was(
    bench: Bench, kind: str
) -> None:
    bench.stripe.service.faults = AllFail(kind)
    answer = bench.connect()
    assert answer.status == 503
    assert "Stripe didn't answer, so nothing was stored" in read(answer.body).one("main").text
    assert bench.accounts() == [] and bench.world.keys.kept == {}


class AllFail:
    """Every call fails."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def take(self) -> str | None:
        return self._kind


@pytest.mark.spec("W-2")
def test_paypals_refusals_are_said_in_words(bench: Bench) -> None:
    wrong = bench.connect(gateway="paypal", client_secret="another-secret")
    assert "doesn't accept this client ID" in read(wrong.body).one("div", id="errors").text
    bench.paypal.scope = ("https://uri.paypal.com/services/payments/payment",)
    answer = bench.connect(gateway="paypal")
    assert answer.status == 409 and "may not save payment methods" in answer.body
    assert bench.world.keys.kept == {} and bench.paypal.books.webhooks == {}


@pytest.mark.spec("W-1", "W-6")
def test_keys_are_replaced_by_others_of_the_same_account_only(bench: Bench) -> None:
    bench.agent.follow(bench.connect(publishable_key=PUBLISHABLE))
    form = bench.agent.look("/console/gateways/stripe/acct_1_test/keys")
    assert PUBLISHABLE in str(form.one("input", id="publishable_key").attributes["value"])
    assert not form.one("input", id="secret_key").attributes["value"]
    other = bench.replace(secret_key="sk_test_52Other")
    assert other.status == 422 and "belong to the account acct_2_test" in other.body
    assert bench.keys_of()["secret_key"] == SECRET
    kept = bench.keys_of()["webhook_secrets"]
    bench.agent.follow(bench.replace(secret_key=RESTRICTED, webhook_secret="whsec_mine"))
    assert bench.keys_of() == {
        "secret_key": RESTRICTED,
        "webhook_secrets": ["whsec_mine", *kept],
    }
    assert len(bench.endpoints()) == 1


@pytest.mark.spec("W-1")
def test_an_endpoint_whose_secret_nobody_has_is_replaced(bench: Bench) -> None:
    bench.agent.follow(bench.connect())
    bench.world.keys.kept.clear()
    bench.agent.follow(bench.replace())
    (endpoint,) = bench.endpoints()
    assert bench.keys_of()["webhook_secrets"] == [endpoint["_secret"]]


@pytest.mark.spec("W-1", "M-4")
def test_a_check_says_what_the_gateway_says_now(bench: Bench) -> None:
    bench.agent.follow(bench.connect())
    at = "/console/gateways/stripe/acct_1_test/check"
    assert "Events are sent here." in bench.agent.send(at).body
    (endpoint,) = bench.endpoints()
    key = f"acct_1/{endpoint['id']}"
    bench.stripe.books.write_all({key: {**endpoint, "status": "disabled"}})
    assert "turned off at the gateway" in bench.agent.send(at).body
    bench.stripe.books.write_all({key: {**endpoint, "enabled_events": ["charge.refunded"]}})
    assert "lacks events" in bench.agent.send(at).body
    bench.stripe.books.write_all({key: None})
    assert "There is no endpoint" in bench.agent.send(at).body
    bench.stripe.open_account(Account("acct_1", "sk_test_rolled"))
    assert "accept this key" in bench.agent.send(at).body
    bench.world.keys.kept.clear()
    assert "No keys are stored" in bench.agent.send(at).body


@pytest.mark.spec("W-1", "M-8")
def test_no_key_is_ever_shown_logged_or_audited(
    bench: Bench, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    pages = [
        bench.connect(secret_key=SECRET, publishable_key="pk_live_wrong").body,
        bench.connect().body,
        bench.connect(gateway="paypal").body,
        bench.connect(gateway="paypal", client_id="x").body,
        bench.replace(secret_key=LIVE).body,
        bench.replace(secret_key=RESTRICTED).body,
    ]
    bench.stripe.service.faults = AllFail("internal_error")
    pages.append(bench.replace(secret_key=SECRET).body)
    for address in ("", "/stripe/acct_1_test", "/stripe/acct_1_test/keys"):
        answer = bench.agent.client.browse("GET", f"/console/gateways{address}")
        assert answer.status == 200 and answer.headers["cache-control"] == "no-store"
        pages.append(answer.body)
    printed = capsys.readouterr()
    told = [*pages, printed.out, printed.err, caplog.text, repr(bench.world.audit.records)]
    for secret in (*SECRETS, *bench.keys_of()["webhook_secrets"]):
        assert not [text for text in told if secret in text]
    stored = [r.action for r in bench.world.audit.records if r.action.startswith("stored keys")]
    assert stored == [
        "stored keys of stripe acct_1_test",
        "stored keys of paypal X5XAHHCG636FA_test",
        "stored keys of stripe acct_1_test",
    ]


@pytest.mark.spec("M-8")
def test_the_record_of_stored_keys_names_who_stored_them(bench: Bench) -> None:
    bench.agent.follow(bench.connect(publishable_key=PUBLISHABLE))
    asked, stored = bench.world.audit.records[-2:]
    assert stored.action == "stored keys of stripe acct_1_test"
    assert stored.by == asked.by and asked.by.key is not None


@pytest.mark.spec("M-8")
def test_keys_that_are_stored_are_said_to_be_though_their_second_record_cannot_be_kept(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = bench.world.audit.put

    def put_but_the_second(record: AuditRecord) -> None:
        if record.action.startswith("stored keys"):
            raise Unavailable("The table does not answer.")
        put(record)

    monkeypatch.setattr(bench.world.audit, "put", put_but_the_second)
    assert bench.connect(publishable_key=PUBLISHABLE).status == 303
    assert bench.accounts() == [("acct_1_test", True)]


@pytest.mark.spec("M-8")
def test_a_field_for_a_secret_is_not_completed_by_the_browser(bench: Bench) -> None:
    for gateway in ("stripe", "paypal"):
        page = bench.agent.look(f"/console/gateways/new/{gateway}/test")
        (form,) = [f for f in page.all("form") if "card" in str(f.attributes.get("class"))]
        assert form.attributes["autocomplete"] == "off"
        typed = [i for i in form.all("input") if i.attributes["type"] in ("text", "password")]
        assert typed and {i.attributes["autocomplete"] for i in typed} == {"off"}


@pytest.mark.spec("M-4")
def test_tries_of_keys_are_limited_for_each_merchant(bench: Bench) -> None:
    for _ in range(20):
        assert bench.connect(secret_key="sk_test_stolen").status == 422
    answer = bench.connect()
    assert answer.status == 429 and "Wait an hour" in answer.body
    assert bench.accounts() == []
    theirs = bench.rival.send(
        "/console/gateways/new/stripe/test", attempt="a", secret_key="sk_test_52Other"
    )
    assert theirs.status == 303
    bench.world.now = bench.world.now.replace(hour=bench.world.now.hour + 1)
    bench.agent = Agent.of(bench.shop)
    assert bench.connect().status == 303


@pytest.mark.spec("M-4")
def test_another_merchants_account_is_nobodys(bench: Bench) -> None:
    bench.agent.follow(bench.connect())
    at = "/console/gateways/stripe/acct_1_test"
    for address in (at, f"{at}/keys", f"{at}/activate", f"{at}/remove"):
        bench.rival.look(address, status=404)
    for act in ("keys", "check", "activate", "remove"):
        answer = bench.rival.send(f"{at}/{act}", attempt="a", secret_key=SECRET)
        assert answer.status == 404, act
    assert list(bench.world.keys.kept) == [AccountRef("acme", "stripe", "acct_1_test")]
    assert bench.accounts() == [("acct_1_test", True)]


@pytest.mark.spec("M-4")
@pytest.mark.parametrize(
    "address",
    [
        "new/stripe/test",
        "stripe/acct_1_test/keys",
        "stripe/acct_1_test/check",
        "stripe/acct_1_test/activate",
        "stripe/acct_1_test/remove",
        "arm",
    ],
)
def test_a_form_of_another_site_is_refused(bench: Bench, address: str) -> None:
    bench.agent.follow(bench.connect())
    before = (dict(bench.world.keys.kept), bench.merchant())
    fields = {"csrf": "wrong", "secret_key": "sk_test_52Other", "attempt": "a", "sure": "true"}
    at = f"/console/gateways/{address}"
    assert bench.agent.client.browse("POST", at, fields).status == 403
    crossing = bench.agent.client.browse(
        "POST", at, {**fields, "csrf": bench.agent.csrf()}, sec_fetch_site="cross-site"
    )
    assert crossing.status == 403
    assert (bench.world.keys.kept, bench.merchant()) == before


def test_unknown_gateways_modes_and_the_sandbox_have_no_form(bench: Bench) -> None:
    for at in ("new/till/test", "new/sandbox/test", "new/stripe/both", "stripe/acct_9", "x/y/keys"):
        bench.agent.look(f"/console/gateways/{at}", status=404)


@pytest.mark.spec("M-4")
def test_who_came_from_a_product_is_led_back_to_it(bench: Bench) -> None:
    answer = bench.agent.send("/console/products/new", name="Course")
    step = answer.headers["location"].rsplit("/", 1)[0] + "/checkout"
    link = next(
        str(a.attributes["href"])
        for a in bench.agent.look(step).all("a")
        if "/console/gateways?" in str(a.attributes["href"])
    )
    listed = bench.agent.look(link)
    connect = next(
        str(a.attributes["href"])
        for a in listed.all("a")
        if "new/stripe/test" in str(a.attributes["href"])
    )
    form = bench.agent.look(connect)
    back = str(form.one("input", name="back").attributes["value"])
    done = bench.agent.follow(bench.connect(back=back))
    assert step in [a.attributes["href"] for a in done.one("main").all("a")]
    elsewhere = bench.connect(back="https://evil.example/console/products/x")
    assert "evil" not in elsewhere.headers["location"]
    for bad in (
        "//evil.example",
        "/console/products/../../x",
        "/console/keys",
        "/console/products/",
    ):
        assert "back" not in bench.connect(back=bad).headers["location"], bad
