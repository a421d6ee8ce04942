"""A gateway that was added by its package and one line sells, renews and declines in its words.

The package is `tests/gateways/example/`; the flows and pages are the product's own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from billing.gateways import event_signature, registry
from billing.gateways.spec import Host
from billing.kernel.catalog import Initial
from billing.kernel.gateway_port import Gateway
from billing.kernel.gateways import AccountRef, Declined
from billing.kernel.merchants import VISITORS_OWN, GatewayAccount, Settings
from billing.kernel.money import Currency
from billing.kernel.periods import Span, Unit
from billing.kernel.subscription import State
from billing.kernel.values import replace
from billing.render import messages, wording
from billing.runtime import gateway_wiring, settings
from functions.checkout import app as checkout
from functions.webhook import app as webhook
from tests.checkout.test_checkout import FLAT
from tests.gateways.example import gateway as example
from tests.gateways.example.spec import EXAMPLE, SPEC
from tests.gateways.registering import registered
from tests.render.html import read
from tests.render.test_messages import placeholders, texts_of
from tests.web.calls import Client
from tests.world import MONTHLY, World

ROOT = Path(__file__).parents[2]
PACKAGE = Path(example.__file__).parent
KEYS = {"publishable_key": "xp_open_1", "webhook_secret": "xp_secret_1"}
FILLED_IN = {name: value for name, value in FLAT.items() if name != "payment_method"}
PROGRAM = {
    "attempt_key": "attempt-program",
    "email": "ann@example.com",
    "name": "Ann Example",
    "address": {"line1": "1 Main Street", "city": "Springfield", "country": "US"},
    "payment_method": "pm_card_visa",
}


@pytest.fixture(autouse=True)
def listed() -> Iterator[None]:
    with registered("tests.gateways.example.spec"):
        yield


class ExampleWorld(World):
    """A world whose merchant sells through Example Pay, and through the sandbox."""

    def __init__(self) -> None:
        super().__init__()
        opened = registry.spec_of(EXAMPLE).open(
            AccountRef("acme", EXAMPLE, "shop-1_test"),
            Host(
                lambda fresh: KEYS, lambda: self.now, api_base=None, table="", call=dict, draw=str
            ),
        )
        assert isinstance(opened, example.ExampleGateway)
        self.gateway = opened
        self.ports = replace(self.ports, gateway=self._open)
        self.change_merchant(
            gateway_accounts=(GatewayAccount(EXAMPLE, opened.account),),
            settings=Settings(language=VISITORS_OWN),
        )

    def _open(self, account: AccountRef) -> Gateway:
        return self.gateway if account.gateway == EXAMPLE else self.sandbox

    def place(self, *terms: object, gateways: tuple[str, ...] = (EXAMPLE,)) -> str:
        """Puts a product on sale; returns the address of its checkout."""
        product = self.product(*terms, gateways=gateways)  # type: ignore[arg-type]
        return f"/checkout/{product.default_price_point}"

    def paid(self) -> int:
        """Counts the payments that succeeded in Example Pay's own books."""
        return sum(hasattr(each.end, "charge") for each in self.gateway.payments.values())


@pytest.fixture
def world() -> ExampleWorld:
    return ExampleWorld()


@pytest.fixture
def client(world: ExampleWorld) -> Client:
    return Client(checkout.build(world.ports))


@pytest.mark.spec("C-1")
def test_the_checkout_page_shows_its_frame_and_may_load_its_sources_alone(
    world: ExampleWorld, client: Client
) -> None:
    page = client.browse("GET", world.place())
    policy = page.headers["content-security-policy"]
    (nonce,) = set(re.findall(r"'nonce-([^']+)'", policy))
    assert policy.endswith(
        f"; script-src https://js.examplepay.example 'nonce-{nonce}'"
        "; frame-src https://frame.examplepay.example"
    )
    script = 'src="https://js.examplepay.example/frame.js" data-key="xp_open_1"'
    assert f'<script nonce="{nonce}" {script}></script>' in page.body


@pytest.mark.spec("C-5")
@pytest.mark.parametrize("language", ["en", "de", "bg"])
def test_pages_say_its_own_texts_in_the_buyers_language(
    world: ExampleWorld, client: Client, language: str
) -> None:
    free = replace(MONTHLY, initial=Initial(0, Span(14, Unit.DAY)))
    texts = texts_of(PACKAGE / "messages" / f"{language}.toml")
    place = world.place(free, gateways=("sandbox", EXAMPLE))
    spoken = {"accept_language": language}
    beside = read(client.browse("GET", place, **spoken).body)
    pay_with = messages.text(language, "checkout.pay_with", gateway="Example Pay")
    assert pay_with in beside.text
    chosen = f"{place}?gateway={EXAMPLE}"
    assert (
        texts["gateway.examplepay.next"] in read(client.browse("GET", chosen, **spoken).body).text
    )
    form = {**FILLED_IN, "gateway": EXAMPLE}
    onward = read(client.browse("POST", place, form, **spoken).body)
    assert texts["gateway.examplepay.onward.title"] in onward.one("h1").text
    assert texts["gateway.examplepay.onward.text"] in onward.text
    assert "https://examplepay.example/give/" in str(onward.all("a")[-1].attributes["href"])


@pytest.mark.spec("C-1", "C-2", "R-1")
def test_it_charges_a_purchase_on_the_way_back_and_a_renewal_once(
    world: ExampleWorld, client: Client
) -> None:
    place = world.place()
    client.browse("POST", place, FILLED_IN)
    back = f"{place}/return?attempt={FILLED_IN['attempt_key']}&purse=pm_card_visa"
    for _ in range(2):
        bought = client.browse("GET", back)
        assert "Thank you" in client.browse("GET", _path(bought.headers["location"])).body
    assert world.paid() == 1
    world.advance(days=31)
    assert world.paid() == 2
    assert world.subscription().gateway == EXAMPLE
    assert world.charges() == [], "nothing at the sandbox"


@pytest.mark.spec("R-4", "C-5")
@pytest.mark.parametrize("language", ["en", "de"])
def test_its_decline_is_mailed_in_its_words(
    world: ExampleWorld, client: Client, language: str
) -> None:
    client.call("POST", world.place(), PROGRAM, accept_language=language)
    (method,) = world.history().methods
    world.gateway.locked.add(method.id)
    sent = len(world.mailer.sent)
    world.advance(days=31)
    assert world.subscription().state is State.PAST_DUE
    words = texts_of(PACKAGE / "messages" / f"{language}.toml")["decline.examplepay_locked"]
    bodies = [_body(mail) for mail in world.mailer.sent[sent:]]
    assert [str(words) in body for body in bodies].count(True) == 1


@pytest.mark.spec("W-1")
def test_its_signed_events_come_to_its_address(world: ExampleWorld, client: Client) -> None:
    client.call("POST", world.place(), PROGRAM)
    (told,) = world.gateway.events_since(world.now)
    body = json.dumps({"id": told.id})
    hook = Client(webhook.build(world.ports))
    forged = hook.call("POST", f"/webhooks/{EXAMPLE}/acme", {"id": told.id})
    assert forged.status == 400
    signed = event_signature.sign(body.encode(), [KEYS["webhook_secret"]], world.now)
    answer = hook.call(
        "POST", f"/webhooks/{EXAMPLE}/acme", {"id": told.id}, examplepay_signature=signed
    )
    assert answer.json == {"received": True}


@pytest.mark.spec("P-18", "W-6")
def test_wiring_opens_it_by_its_spec_with_its_limits(world: ExampleWorld) -> None:
    environ = dict.fromkeys(
        ("TABLE_CORE", "TABLE_EPHEMERAL", "TABLE_AUDIT", "BUCKET_OBJECTS"), "name"
    )
    opened = gateway_wiring.openers(
        settings.Settings.from_environ(environ), lambda: world.now, dict
    )
    account = AccountRef("acme", EXAMPLE, "shop-1")
    gateway = opened[EXAMPLE](account)
    assert opened[EXAMPLE](account) is gateway
    assert (gateway.name, gateway.account) == (EXAMPLE, "shop-1")
    assert not gateway.capabilities.test
    assert gateway.capabilities.minimum_in(Currency.USD) == 50
    assert opened["sandbox"](AccountRef("a", "sandbox", "sandbox")) is opened["sandbox"](
        AccountRef("b", "sandbox", "sandbox")
    ), "one sandbox for all merchants"


@pytest.mark.spec("R-4")
def test_each_decline_has_words_of_ours_or_of_its_own() -> None:
    declines: list[Declined] = list(example.DECLINES.values())
    generic = wording.decline(None, "en")
    assert generic not in {wording.decline(each.code, "en") for each in declines}


@pytest.mark.spec("C-5")
@pytest.mark.parametrize("language", sorted(messages.LANGUAGES))
def test_its_texts_are_there_in_every_language(language: str) -> None:
    english = texts_of(PACKAGE / "messages" / "en.toml")
    here = texts_of(PACKAGE / "messages" / f"{language}.toml")
    assert list(here) == list(english)
    assert not [key for key in here if placeholders(here[key])]


def test_no_file_outside_its_package_knows_it() -> None:
    """But for the line that registers it, which is in this test."""
    known = re.compile(r"example\W?pay|gateways.example", re.IGNORECASE)
    touched = [
        str(path.relative_to(ROOT))
        for top in ("layers/common/billing", "functions", "perennial", "dev", "sim")
        for path in sorted((ROOT / top).rglob("*"))
        if path.suffix in {".py", ".html", ".toml", ".css", ".txt", ".typ"}
        and known.search(path.read_text("utf-8"))
    ]
    assert touched == []
    assert SPEC.folder == PACKAGE


def _path(address: str) -> str:
    return address.removeprefix("https://pay.example.com")


def _body(message: object) -> str:
    parts = message.walk()  # type: ignore[attr-defined]
    return "\n".join(p.get_content() for p in parts if p.get_content_maintype() == "text")
