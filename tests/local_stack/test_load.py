"""Fifty clients at once on `make run`: nothing breaks, nothing is lost, nothing is doubled.

Each of them lives first minutes of customers over and over: a purchase, sent twice, or declined;
a sign-in at the portal with its Order ID; an event that nobody signed. The gateway tells of each
charge by signed events, twice and out of order. `make load` does it for a minute.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from itertools import count
from statistics import mean, median, quantiles
from threading import Event, Thread
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.local_stack.laptop import Laptop

pytestmark = pytest.mark.slow

CLIENTS = int(os.environ.get("LOAD_CLIENTS", "50"))
SECONDS = float(os.environ.get("LOAD_SECONDS", "15"))
LONGEST_ANSWER_SECONDS = 120
DECLINED_EACH = 5
MOST_GROWTH = 1.25
"""Of memory, from the second third of the run to the last."""

JSON = {"Content-Type": "application/json", "Accept": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}


@dataclass
class Seen:
    """The answers to all clients."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    bought: dict[str, Any] = field(default_factory=dict)

    def failures(self) -> list[tuple[str, int]]:
        return [one for one in self.statuses if one[1] >= 500]


@dataclass
class Person:
    """One client: its own connection each time, its own cookies."""

    laptop: Laptop
    seen: Seen
    cookies: dict[str, str] = field(default_factory=dict)

    def send(self, what: str, method: str, path: str, body: str = "", **headers: str) -> Any:
        """Ask, note how it went, and give status and JSON."""
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        began = time.monotonic()
        connection = HTTPConnection("127.0.0.1", self.laptop.port, timeout=LONGEST_ANSWER_SECONDS)
        try:
            connection.request(method, path, body.encode(), headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        self.seen.seconds[what].append(time.monotonic() - began)
        self.seen.statuses[what, answer.status] += 1
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        is_json = "json" in answer.headers.get("Content-Type", "")
        return answer.status, json.loads(text) if is_json else None

    def ask(self, what: str, path: str) -> Any:
        key = {"Authorization": f"Bearer {self.laptop.key}"}
        status, answer = self.send(what, "GET", path, **JSON, **key)
        assert status == 200, answer
        return answer


def first_minutes(laptop: Laptop, seen: Seen, name: str, *, card: str) -> None:
    """Makes a purchase, and the calls that come with it."""
    person, email = Person(laptop, seen), f"{name}@example.com"
    form = {
        "attempt_key": f"attempt-{name}",
        "email": email,
        "name": "Ann Example",
        "address": {"line1": "1 Main Street", "city": "Springfield", "country": "US"},
        "payment_method": card,
    }
    person.send("page", "GET", "/checkout/demo.library-1", **FORM)
    answers = [
        person.send("checkout", "POST", "/checkout/demo.library-1", json.dumps(form), **JSON)
        for _ in range(2)
    ]
    forged = {"Stripe-Signature": f"t={int(time.time())},v1=00"}
    person.send("webhook", "POST", "/webhooks/stripe/demo", '{"id": "evt_1"}', **JSON, **forged)
    if answers[0][0] != 201:
        return
    assert answers[0] == answers[1], "the same key is answered the same"
    seen.bought[email] = answers[0][1]
    found = person.ask("api", f"/v1/customers?{urlencode({'email': email})}")["data"]
    (order,) = person.ask("api", f"/v1/orders?customer={found[0]['id']}")["data"]
    entry = urlencode({"order_id": order["id"], "email": email})
    status, _ = person.send("portal", "POST", "/portal/demo/login", entry, **FORM)
    assert status == 303, status
    status, _ = person.send("portal", "GET", "/portal/demo", **FORM)
    assert status == 200, status


@contextmanager
def memory_of(laptop: Laptop) -> Iterator[list[int]]:
    """Kilobytes that our processes hold, each half second; the emulator is not among them."""
    held: list[int] = []
    done = Event()

    def watch() -> None:
        while not done.wait(0.5):
            held.append(resident_kilobytes(laptop.group))

    watcher = Thread(target=watch)
    watcher.start()
    try:
        yield held
    finally:
        done.set()
        watcher.join()


def resident_kilobytes(group: int) -> int:
    listed = subprocess.run(
        ["ps", "-eo", "pgid=,rss="], capture_output=True, text=True, check=True
    ).stdout
    rows = (line.split() for line in listed.splitlines())
    return sum(int(rss) for pgid, rss in rows if int(pgid) == group)


def test_fifty_clients_at_once_lose_and_double_nothing(laptop: Laptop) -> None:
    laptop.post("/_dev/stripe/webhooks", {"times": 2, "reverse": True})
    seen, numbers = Seen(), count(1)

    def buyer() -> None:
        number = next(numbers)
        card = "pm_card_chargeDeclined" if number % DECLINED_EACH == 0 else "pm_card_visa"
        first_minutes(laptop, seen, f"buyer{number}", card=card)

    def client(ends: float) -> None:
        while time.monotonic() < ends:
            buyer()

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda _: buyer(), range(CLIENTS)))  # what is loaded once is no growth
        with memory_of(laptop) as held:
            list(pool.map(client, [time.monotonic() + SECONDS] * CLIENTS))
    print_figures(seen, held)
    assert not seen.failures()
    assert {s for what, s in seen.statuses if what == "webhook"} == {400}
    assert {s for what, s in seen.statuses if what == "checkout"} <= {201, 402}
    assert len(seen.bought) >= CLIENTS / 2
    assert_books_agree(laptop, seen)
    assert_memory_is_steady(held)


def assert_books_agree(laptop: Laptop, seen: Seen) -> None:
    """Asserts that the gateway's ledger, our orders and the buyers' answers are the same
    purchases.
    """
    charges = [c for c in laptop.get("/_dev/charges")["data"] if c["status"] == "succeeded"]
    sales = laptop.all("/v1/orders?kind=sale")
    assert Counter(c["invoice"] for c in charges) == Counter(o["invoice"] for o in sales)
    assert len({o["invoice"] for o in sales}) == len(sales)
    told = sorted(answer["purchase"] for answer in seen.bought.values())
    assert sorted(order["subscription"] for order in sales) == told


def assert_memory_is_steady(held: list[int]) -> None:
    third = len(held) // 3
    assert third >= 3, "it ran too short to say"
    assert mean(held[-third:]) <= MOST_GROWTH * mean(held[third : 2 * third]), held


def print_figures(seen: Seen, held: list[int]) -> None:
    """Prints the figures, for whoever runs it with -s."""
    for what, seconds in sorted(seen.seconds.items()):
        statuses = {status: n for (of, status), n in sorted(seen.statuses.items()) if of == what}
        late = quantiles(seconds, n=20)[-1] if len(seconds) > 1 else seconds[0]
        line = f"{what:9} {len(seconds):6} median {median(seconds):6.2f} s  95% {late:6.2f} s"
        sys.stdout.write(f"{line}  {statuses}\n")
    sys.stdout.write(f"bought {len(seen.bought)}, memory {held[0]}..{max(held)} KB\n")
