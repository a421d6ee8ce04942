"""Five purchases a second on `make run`, with endpoints that fail beside one that works.

No event is lost, and those of the endpoint that works do not wait for the others. A merchant has 20
endpoints at most: 19 of them fail here, by an error, by silence, or because nobody listens.
`make load` does it for a minute.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import pytest

from tests.local_stack.laptop import Laptop

LASTS = os.environ.get("LOAD_SECONDS")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(LASTS is None, reason="it times deliveries: `make load` runs it alone"),
]

A_SECOND = 5
SECONDS = float(LASTS or 60)
LATEST_SECONDS = 3.0
"""The time in which 95 of 100 first deliveries arrive."""

FAILING = 19
TRIES = 20
EVENT = "purchase.completed"
ALL_ARRIVE_SECONDS = 300
"""Longer than a lease: what a worker had no time for comes back when that ends."""


@pytest.fixture
def laptop(tmp_path: Path) -> Iterator[Laptop]:
    """`make run` with the client that takes the least of the processor.

    All functions share one process here, so what counts is the work for each event.
    """
    machine = Laptop(tmp_path / "data", DYNAMODB_CLIENT="direct").start()
    yield machine
    machine.stop()


class Receivers:
    """Endpoints of a merchant on one port: what arrived at each path, and when."""

    def __init__(self) -> None:
        self.arrived: dict[str, list[tuple[float, dict[str, Any]]]] = defaultdict(list)
        self.over = threading.Event()
        receivers = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                body["webhook-id"] = self.headers["webhook-id"]
                receivers.arrived[self.path].append((time.monotonic(), body))
                if self.path.startswith("/silent"):
                    receivers.over.wait(20)
                self.send_response(200 if self.path == "/works" else 500)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self.server.server_port}"

    @property
    def of_purchases(self) -> dict[str, float]:
        """When the first event of each subscription arrived where all is well."""
        first: dict[str, float] = {}
        for at, body in list(self.arrived["/works"]):
            first.setdefault(body["subscription"], at)
        return first


@contextmanager
def receiving() -> Iterator[Receivers]:
    receivers = Receivers()
    thread = threading.Thread(target=receivers.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receivers
    finally:
        receivers.over.set()
        receivers.server.shutdown()
        receivers.server.server_close()


def failing(receivers: Receivers) -> Iterator[str]:
    """The addresses of endpoints that fail, each in one of three ways."""
    for number in range(FAILING):
        if number % 3 == 0:
            yield f"{receivers.base}/broken{number}"
        elif number % 3 == 1:
            yield f"{receivers.base}/silent{number}"
        else:
            with socket.socket() as unused:
                unused.bind(("127.0.0.1", 0))
                yield f"http://127.0.0.1:{unused.getsockname()[1]}/nobody{number}"


def test_no_event_is_lost_and_none_waits_for_endpoints_that_fail(laptop: Laptop) -> None:
    with receiving() as receivers:
        for url in (*failing(receivers), f"{receivers.base}/works"):
            laptop.post("/v1/webhook-endpoints", {"url": url, "events": [EVENT]})
        bought: dict[str, float] = {}

        def buy(number: int) -> None:
            time.sleep(number / A_SECOND)
            answer: dict[str, Any] = {}
            for _ in range(TRIES):  # A buyer whom a busy machine does not answer sends it again.
                answer = laptop.post("/checkout/demo.library-1", form(number))
                if "subscription" in answer:
                    break
            assert "subscription" in answer, answer
            bought[answer["subscription"]] = time.monotonic()

        with ThreadPoolExecutor(max_workers=32) as pool:
            list(pool.map(buy, range(int(SECONDS * A_SECOND))))
        deadline = time.monotonic() + ALL_ARRIVE_SECONDS
        while not set(bought) <= set(receivers.of_purchases) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert set(receivers.of_purchases) == set(bought), "no event is lost"
        waited = [receivers.of_purchases[each] - bought[each] for each in bought]
        print_figures(receivers, waited)
        tried = {path for path in receivers.arrived if path != "/works"}
        assert len(tried) == len([n for n in range(FAILING) if n % 3 != 2]), "each was tried"
        assert quantiles(waited, n=20)[-1] < LATEST_SECONDS, sorted(waited)[-5:]


def form(number: int) -> dict[str, Any]:
    return {
        "attempt_key": f"attempt-load-{number}",
        "email": f"load{number}@example.com",
        "name": "Ann Example",
        "address": {"line1": "1 Main Street", "city": "Springfield", "country": "US"},
        "payment_method": "pm_card_visa",
    }


def print_figures(receivers: Receivers, waited: list[float]) -> None:
    """Prints the figures, for whoever runs it with -s."""
    late = quantiles(waited, n=20)[-1]
    posts = Counter(
        path.rstrip("0123456789") for path, all_ in receivers.arrived.items() for _ in all_
    )
    sys.stdout.write(
        f"{len(waited)} purchases, first delivery median {median(waited):.2f} s  95% {late:.2f} s\n"
        f"attempts by kind of endpoint: {dict(posts)}\n"
    )
