"""Both SDKs against `make run`: every operation of the document is called at least once."""

from __future__ import annotations

import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from dev.sdk import document
from tests.local_stack.laptop import ROOT, Laptop

pytestmark = pytest.mark.slow

GENERATED = ROOT / "sdk/python/perennial_client/generated/operations.py"
COMPILED = ROOT / "sdk/typescript/dist/test"
TOOLS = ROOT / ".venv-sdk/bin"


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    machine = Laptop(tmp_path_factory.mktemp("sdk") / "data").start()
    yield machine
    machine.stop()


@pytest.fixture
def receiver() -> Iterator[str]:
    """A program that takes every webhook."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


class Counting(httpx.HTTPTransport):
    """A transport that counts calls by method and path."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[tuple[str, str]] = Counter()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.calls[request.method, request.url.path] += 1
        return super().handle_request(request)

    def uncalled(self, wanted: dict[str, Any]) -> list[str]:
        """The operations of a document that no call was about."""
        return [
            operation["operationId"]
            for path, methods in wanted["paths"].items()
            for method, operation in methods.items()
            if not any(
                asked == method.upper() and re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), called)
                for asked, called in self.calls
            )
        ]


@pytest.mark.spec("M-12")
def test_the_python_sdk_calls_every_operation(laptop: Laptop, receiver: str) -> None:
    if not GENERATED.exists():
        pytest.skip("make sdk generates the SDKs")
    from perennial_client import Perennial
    from tests.sdk import every_operation as calls

    counting = Counting()
    api = Perennial(laptop.key, f"http://127.0.0.1:{laptop.port}", transport=counting)
    points = calls.catalog(api)
    customer = calls.subscriptions(api, laptop, *points)
    calls.coupons(api)
    calls.money(api)
    calls.prices(api, laptop, points[0])
    calls.moving_in(api)
    calls.customers(api, customer, laptop)
    calls.helpdesk(api)
    calls.webhooks(api, receiver)
    calls.figures_and_tax(api)
    calls.account(api)
    api.close()
    served = document.served()
    assert len(list(document.operations(served))) > 100
    assert counting.uncalled(served) == []


@pytest.mark.spec("M-12")
def test_the_typescript_sdk_works_against_it_too(laptop: Laptop) -> None:
    tests = sorted(map(str, Path(COMPILED).glob("*.test.js")))
    if not tests:
        pytest.skip("make sdk compiles the TypeScript SDK, where there is Node")
    asked = {
        "PERENNIAL_ADDRESS": f"http://127.0.0.1:{laptop.port}",
        "PERENNIAL_API_KEY": laptop.key,
        "PATH": os.pathsep.join([str(TOOLS), os.environ["PATH"]]),
    }
    done = subprocess.run(
        ["node", "--test", *tests], env={**os.environ, **asked}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "# skipped 0" in done.stdout or "skipped 0" in done.stdout
