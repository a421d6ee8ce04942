"""A gateway that does not answer is heard out for no longer than its function lives (R-6)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from types import SimpleNamespace
from typing import ClassVar

import pytest
import requests

from billing.gateways import bounded_http
from billing.gateways.paypal.gateway import PayPalGateway
from billing.gateways.stripe.gateway import StripeGateway
from billing.kernel.errors import Unreachable
from billing.kernel.gateway_port import Gateway
from billing.kernel.gateways import AccountRef
from billing.kernel.merchants import GatewayAccount, Merchant
from billing.kernel.values import replace
from billing.kernel.writes import Insert
from billing.runtime import deadline, wiring
from functions.webhook import app as webhook_app
from tests.test_events import CONTEXT, event
from tests.world import World

pytestmark = pytest.mark.spec("R-6")

PAYPAL_KEYS = {"client_id": "c", "client_secret": "s", "webhook_id": "w"}


class Silent(ThreadingHTTPServer):
    """Takes requests, counts them, and never answers."""

    daemon_threads = True

    def __init__(self) -> None:
        self.asked, self.over = 0, Event()
        silent = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                silent.asked += 1
                silent.over.wait(60)

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *words: object) -> None:
                """Say nothing."""

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def silent() -> Iterator[Silent]:
    with Silent() as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.over.set()
        server.shutdown()


def stripe(url: str) -> Gateway:
    account = AccountRef("acme", "stripe", "acct_1_test")
    return StripeGateway(account, lambda fresh: {"secret_key": "sk_test_1"}, api_base=url)


def paypal(url: str) -> Gateway:
    account = AccountRef("acme", "paypal", "m_test")
    return PayPalGateway(
        account, lambda fresh: PAYPAL_KEYS, lambda: datetime.now(UTC), api_base=url
    )


def invocation(seconds: float) -> SimpleNamespace:
    """A Lambda's context with so much time left for its calls."""
    until = time.monotonic() + seconds + deadline.RESERVE_SECONDS
    return SimpleNamespace(
        get_remaining_time_in_millis=lambda: int((until - time.monotonic()) * 1000)
    )


REFERENCE = "5O190127TN364715T.1769871600"


@pytest.mark.spec("W-2")
def test_a_handler_answers_in_words_when_its_gateway_is_silent(silent: Silent) -> None:
    world = World(datetime(2026, 1, 31, 15, tzinfo=UTC), limits=False)
    held = (GatewayAccount("paypal", "m_test"),)
    demo = Merchant("demo", "Demo", "demo@example.com", world.now, gateway_accounts=held)
    world.store.commit(Insert(demo))
    adapter, context = paypal(silent.url), SimpleNamespace(**vars(CONTEXT))
    context.get_remaining_time_in_millis = invocation(2).get_remaining_time_in_millis
    wiring.install(replace(world.ports, gateway=lambda account: adapter))
    webhook_app.app.cache_clear()
    try:
        answer = webhook_app.handler(event("paypal_webhook"), context)
    finally:
        wiring.install(None)
    assert answer["statusCode"] == 503
    assert context.get_remaining_time_in_millis() > 500


@pytest.mark.parametrize("opened", [stripe, paypal])
def test_a_silent_gateway_is_unreachable_before_the_function_ends(
    silent: Silent, opened: Callable[[str], Gateway]
) -> None:
    began = time.monotonic()
    with deadline.of_invocation(invocation(2)), pytest.raises(Unreachable):
        opened(silent.url).lookup(REFERENCE, attempt_key="a:1")
    assert time.monotonic() - began < 2 + deadline.RESERVE_SECONDS - 0.5
    assert silent.asked >= 1


@pytest.mark.parametrize("opened", [stripe, paypal])
def test_nothing_is_begun_when_no_time_is_left(
    silent: Silent, opened: Callable[[str], Gateway]
) -> None:
    with deadline.of_invocation(invocation(0.1)), pytest.raises(Unreachable):
        opened(silent.url).cancel(REFERENCE)
    assert silent.asked == 0


@pytest.mark.parametrize("each", [wiring.side_by_side, wiring.at_pace(1000)])
def test_calls_side_by_side_have_the_same_end(silent: Silent, each: wiring.Each) -> None:
    gateway, began = stripe(silent.url), time.monotonic()

    def look(name: str) -> object:
        return gateway.lookup(name, attempt_key="a:1")

    with deadline.of_invocation(invocation(1.5)):
        found = each(look, ["pi_1", "pi_2", "pi_3"])
    assert [type(outcome) for outcome in found] == [Unreachable] * 3
    assert time.monotonic() - began < 1.5 + deadline.RESERVE_SECONDS - 0.5


def test_one_invocation_says_nothing_of_another(silent: Silent) -> None:
    with deadline.of_invocation(invocation(5)):
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(deadline.seconds_left).result() is None
        left = deadline.seconds_left()
        assert left is not None and 4 < left <= 5
    assert deadline.seconds_left() is None
    with deadline.of_invocation(object()):
        assert deadline.seconds_left() is None


def test_no_cookie_of_a_gateway_goes_from_one_answer_to_the_next_request() -> None:
    class Baker(BaseHTTPRequestHandler):
        heard: ClassVar[list[str | None]] = []

        def do_GET(self) -> None:
            self.heard.append(self.headers.get("Cookie"))
            self.send_response(200)
            self.send_header("Set-Cookie", "who=ann; Path=/")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Baker) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        session: requests.Session = bounded_http.session()
        for _ in range(2):
            session.get(f"http://127.0.0.1:{server.server_address[1]}/", timeout=5)
        server.shutdown()
    assert Baker.heard == [None, None]
