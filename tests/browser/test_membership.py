"""The sample of a membership site in a browser: join, read, manage, leave (M-5, M-12)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import BrowserContext
from werkzeug.serving import make_server

from examples.membership.app import Members, create_app
from tests.browser.people import Customer, arrived
from tests.local_stack.laptop import ROOT, Laptop

pytestmark = pytest.mark.slow

PRODUCT = "prod_library"
GENERATED = ROOT / "sdk/python/perennial_client/generated/operations.py"


@pytest.fixture
def site(laptop: Laptop, tmp_path: Path) -> Iterator[str]:
    """The address of the site, with an endpoint at the laptop that sends it events."""
    if not GENERATED.exists():
        pytest.skip("make sdk generates the SDK that the sample uses")
    from perennial_client import Perennial

    api = Perennial(laptop.key, f"http://127.0.0.1:{laptop.port}")
    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
    address = f"http://127.0.0.1:{server.server_port}"
    wanted: dict[str, Any] = {
        "url": f"{address}/webhooks",
        "events": ["customer.access_changed"],
    }
    endpoint = api.create_webhook_endpoint(body=wanted)
    server.app = create_app(
        api, product=PRODUCT, webhook_secret=str(endpoint.secret),
        members=Members(tmp_path / "members.sqlite3"), session_key="a" * 32,
    )  # fmt: skip
    Thread(target=server.serve_forever, daemon=True).start()
    yield address
    server.shutdown()
    api.delete_webhook_endpoint(endpoint.id)
    api.close()


@pytest.mark.spec("M-5", "M-12")
def test_somebody_joins_reads_and_leaves(
    site: str, laptop: Laptop, opened: Callable[..., BrowserContext]
) -> None:
    # A developer moves the clock on; what the site gets is verified by the real time all the same.
    laptop.post("/_dev/clock", {"advance": "PT1H"})
    page = opened(java_script_enabled=False).new_page()
    zoe = Customer(page, laptop, "zoe@example.com")
    page.goto(site)
    page.get_by_label("Email").fill(zoe.email)
    zoe.press("Sign in")
    assert zoe.says("not active")
    zoe.follow("Become a member")
    zoe.fill_in()
    zoe.pay()

    def reads(words: str) -> list[bool]:
        page.goto(site)
        return [True] if zoe.says(words) else []

    arrived(lambda: reads("On Renewal"))
    zoe.press("Manage membership")
    assert page.url.startswith(f"http://127.0.0.1:{laptop.port}/portal/demo")
    zoe.press("Sign in")
    assert zoe.says("Pattern Library")
    (subscription,) = laptop.get("/v1/subscriptions?limit=1")["data"]
    laptop.post(f"/v1/subscriptions/{subscription['id']}/cancel", {"when": "now"})
    arrived(lambda: reads("not active"))
