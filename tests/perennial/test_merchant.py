"""The merchant's commands, over the real API at an address of this machine."""

from __future__ import annotations

import json
import logging
import stat
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import pytest
from typer.testing import CliRunner, Result

from perennial import cli
from perennial.merchant import saved, terminal
from perennial.progress import waiting
from perennial_client import verify
from tests.perennial import serving
from tests.web.shop import PRODUCT, Shop

run = CliRunner()


class Desk:
    """A merchant at a command line, signed in as `acme`."""

    def __init__(self, shop: Shop, address: str) -> None:
        self.shop = shop
        self.world = shop.world
        self.address = address

    def types(self, *words: str, typed: str | None = None) -> Result:
        return run.invoke(cli.app, words, input=typed)

    def says(self, *words: str) -> str:
        done = self.types(*words)
        assert done.exit_code == 0, done.output
        return done.stdout

    def refuses(self, *words: str) -> str:
        done = self.types(*words)
        assert done.exit_code != 0, done.output
        assert done.exception is None or isinstance(done.exception, SystemExit)
        assert "Traceback" not in done.output
        return done.stderr


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, so that no command reads ours."""
    # The API is served by this process, and the runner closes the streams that its log writes to.
    monkeypatch.setattr(logging.getLogger("perennial"), "disabled", True)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in (saved.KEY, saved.ADDRESS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def desk() -> Iterator[Desk]:
    shop = Shop()
    with serving.api(shop) as address:
        at = Desk(shop, address)
        done = at.types("login", "--address", address, typed="sk_acme\n")
        assert done.exit_code == 0, done.output
        yield at


@pytest.fixture(scope="module")
def untouched() -> Iterator[tuple[Shop, str]]:
    """A shop that nobody changes, for commands that are refused."""
    shop = Shop()
    with serving.api(shop) as address:
        yield shop, address


@pytest.fixture
def refusing(untouched: tuple[Shop, str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    shop, address = untouched
    monkeypatch.setenv(saved.KEY, "sk_acme")
    monkeypatch.setenv(saved.ADDRESS, address)
    return Desk(shop, address)


@pytest.mark.spec("M-12")
def test_a_login_is_kept_for_its_owner_alone_and_never_shown(desk: Desk, home: Path) -> None:
    file = saved.path()
    assert home in file.parents
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) & 0o077 == 0
    done = desk.types("login", "--address", desk.address, typed="sk_acme\n")
    assert "sk_acme" not in done.output and str(file) in done.stdout
    assert [each.name for each in file.parent.iterdir()] == ["login.json"]
    assert "Signed out" in desk.says("logout")
    assert not file.exists()
    assert "perennial login" in desk.refuses("products")


def test_a_file_that_others_can_read_is_not_used(desk: Desk) -> None:
    saved.path().chmod(0o644)
    assert "chmod 600" in desk.refuses("orders")
    saved.path().chmod(0o600)
    saved.path().write_text("{")
    assert "Run `perennial login` again" in desk.refuses("orders")


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("sk_wrong", "wrong, expired or revoked"),
        ("hello", "begins with sk_"),
        ("", "begins with sk_"),
        ("sk_" + "a" * 5000, "begins with sk_"),
        ("sk_\N{SNOWMAN}", "begins with sk_"),
    ],
)
def test_a_key_that_opens_nothing_is_not_kept(refusing: Desk, key: str, said: str) -> None:
    done = refusing.types("login", "--address", refusing.address, typed=f"{key}\n")
    assert done.exit_code == 1 and said in done.stderr
    assert key == "" or key not in done.output
    assert not saved.path().exists()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://127.0.0.1:1", "no answer"),
        ("http://billing.example.com", "https://"),
        ("nowhere", "https://"),
    ],
)
def test_an_address_where_nobody_answers_is_named(refusing: Desk, address: str, said: str) -> None:
    done = refusing.types("login", "--address", address, typed="sk_acme\n")
    assert done.exit_code == 1 and "--address" in done.stderr and said in done.stderr


def test_another_programs_page_is_not_taken_for_an_answer() -> None:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>Welcome")

        def log_message(self, *_: Any) -> None:
            pass

    with serving.listening(Page) as address:
        done = run.invoke(cli.app, ["login", "--address", address], input="sk_acme\n")
    assert done.exit_code == 1 and "--address" in done.stderr and not saved.path().exists()


def test_keys_of_machines_come_from_the_environment(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.says("logout")
    monkeypatch.setenv(saved.KEY, "sk_acme")
    monkeypatch.setenv(saved.ADDRESS, desk.address)
    assert "There are none" in desk.types("products").stderr


def test_a_key_without_the_right_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.shop.holding("acme", "sk_reader", "catalog:read")
    monkeypatch.setenv(saved.KEY, "sk_reader")
    monkeypatch.setenv(saved.ADDRESS, desk.address)
    desk.says("products")
    assert "the API key may not do this" in desk.refuses("orders")


def test_a_key_that_is_revoked_later_and_a_server_that_stops_are_said(desk: Desk) -> None:
    desk.shop.holding("acme", "sk_another")
    assert desk.shop.api.call("DELETE", "/v1/keys/key_sk_acme").status == 200
    assert "wrong, expired or revoked. Run `perennial login`" in desk.refuses("orders")
    saved.save(saved.new("http://127.0.0.1:1", "sk_acme"))
    assert "no answer from http://127.0.0.1:1" in desk.refuses("orders")


def bought(desk: Desk) -> Any:
    product = desk.shop.api.post("/v1/products", PRODUCT).json
    desk.world.submit(product["price_points"][0]["id"], desk.world.submission())
    desk.world.advance(minutes=1)
    (order,) = desk.shop.api.get("/v1/orders").json["data"]
    return order


@pytest.mark.spec("M-12")
def test_what_there_is_is_listed_and_shown(desk: Desk) -> None:
    order = bought(desk)
    for words in (
        ("products",),
        ("customers",),
        ("customers", "--search", "ann"),
        ("subscriptions", "--state", "active"),
        ("orders", "--kind", "sale"),
    ):
        assert desk.says(*words), words
        (line,) = desk.says(*words).splitlines()
        (row,) = map(json.loads, desk.says(*words, "--json").splitlines())
        assert line.startswith(row["id"])
        assert row["id"] in desk.says(words[0], row["id"])
        assert json.loads(desk.says(words[0], row["id"], "--json"))["id"] == row["id"]
    assert "29.99 USD" in desk.says("orders")
    assert order["id"] in desk.says("orders", order["id"])


def test_a_long_list_is_read_to_its_end_only_where_that_is_asked_for(desk: Desk) -> None:
    for number in range(205):
        desk.shop.api.post("/v1/products", {**PRODUCT, "name": f"Course {number}"})
    assert len(desk.says("products").splitlines()) == 20
    assert len(desk.says("products", "--limit", "203").splitlines()) == 203
    assert len(desk.says("products", "--all", "--json").splitlines()) == 205


@pytest.mark.parametrize(
    ("words", "argument"),
    [
        (["orders", "7K2M-94QX-3B"], "order"),
        (["orders", "../settings"], "order"),
        (["orders", "x" * 5000], "order"),
        (["orders", ""], "order"),
        (["products", "prod\N{SNOWMAN}"], "product"),
        (["customers", "cus_of_rival"], "customer"),
        (["subscriptions", "--state", "asleep"], "--state"),
        (["orders", "--kind", "gift"], "--kind"),
        (["orders", "--from", "yesterday"], "--from"),
        (["customers", "--search", "a"], "--search"),
        (["products", "--limit", "0"], "--limit"),
        (["forecast"], "--to"),
        (["forecast", "--to", "soon"], "--to"),
        (["forecast", "--to", "9999-12-31"], "--to"),
        (["refund"], "order"),
        (["refund", "7K2M-94QX-3B", "--yes"], "order"),
        (["refund", "7K2M-94QX-3B", "--amount", "0"], "--amount"),
        (["export", "everything"], "what"),
        (["export", "orders", "--format", "xlsx"], "--format"),
        (["export", "orders", "--from", "x"], "--from"),
        (["replay", "whe_1", "--from", "x", "--to", "y"], "--from"),
        (["replay", "a/b", "--from", "2026-01-31T00:00:00Z", "--to", "y"], "endpoint"),
        (["listen", "--to", "https://example.com/"], "--to"),
        (["listen", "--to", "http://127.0.0.1:1/", "--type", "nothing"], "--type"),
        (["listen", "--to", "http://127.0.0.1:1/", "--after", "nothing"], "--after"),
        (["trigger", "nothing.happened"], "TYPE"),
        (["trigger", "payment.failed", "--to", "http://10.0.0.1/"], "--to"),
        (["import", "nowhere.csv"], "file"),
        (["import"], "--from"),
        (["import", "nowhere.csv", "--from", "stripe"], "--from"),
        (["import", "nowhere.csv", "--account", "acct_1"], "--account"),
        (["import", "--from", "nonsense"], "--from"),
        (["import", "--from", "stripe", "--account", "acct_1"], "--from"),
        (["import-shadow", "imp_none"], "import"),
        (["import-shadow", "a/b"], "import"),
        (["import-shadow", "imp_1", "--charges", "nowhere.csv"], "file"),
    ],
)
def test_an_error_names_the_argument(refusing: Desk, words: list[str], argument: str) -> None:
    assert argument in refusing.refuses(*words)


def test_another_merchants_order_is_not_found(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    order = bought(desk)
    monkeypatch.setenv(saved.KEY, "sk_rival")
    monkeypatch.setenv(saved.ADDRESS, desk.address)
    assert "order" in desk.refuses("refund", order["id"], "--yes")
    assert "There are none" in desk.types("orders").stderr


@pytest.mark.spec("M-12")
def test_a_refund_is_shown_and_asked_about_and_a_key_makes_it_one(desk: Desk) -> None:
    order = bought(desk)
    done = desk.types("refund", order["id"], "--amount", "500", typed="n\n")
    assert done.exit_code == 1
    assert "29.99 USD" in done.stderr and "Refund 5.00 USD?" in done.stderr
    assert desk.shop.api.get(f"/v1/orders/{order['id']}").json["refunded"] == 0
    asked = ("refund", order["id"], "--amount", "500", "--yes", "--idempotency-key", "once")
    first = json.loads(desk.says(*asked, "--json"))
    assert json.loads(desk.says(*asked, "--json"))["id"] == first["id"]
    assert desk.shop.api.get(f"/v1/orders/{order['id']}").json["refunded"] == 500
    too_much = desk.refuses("refund", order["id"], "--amount", "2500", "--yes")
    assert "--amount" in too_much or "refund" in too_much


@pytest.mark.spec("M-12")
def test_an_export_becomes_a_file_that_only_its_owner_reads(desk: Desk, home: Path) -> None:
    order = bought(desk)
    shown = json.loads(desk.says("export", "orders", "--json"))
    file = home / "orders.csv"
    assert shown["rows"] == 1 and shown["bytes"] == file.stat().st_size
    assert order["id"] in file.read_text("utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "--force" in desk.refuses("export", "orders")
    desk.says("export", "orders", "--force", "--format", "csv")
    desk.says("export", "customers", "--format", "jsonl", "--to", "who.jsonl")
    assert json.loads((home / "who.jsonl").read_text("utf-8").splitlines()[0])
    assert sorted(each.name for each in home.glob("*.*")) == ["orders.csv", "who.jsonl"]
    assert "--to" in desk.refuses("export", "orders", "--to", "nowhere/orders.csv")


def test_what_will_be_charged_is_shown(desk: Desk) -> None:
    bought(desk)
    said = desk.says("forecast", "--to", "2026-03-15")
    assert "2026-02-28" in said and "in all" in said and "29.99 USD" in said
    (row,) = map(json.loads, desk.says("forecast", "--to", "2026-03-15", "--json").splitlines())
    assert row["charges"] == 1


@pytest.mark.spec("M-5", "M-12")
def test_new_events_are_delivered_here_signed_as_webhooks(desk: Desk) -> None:
    desk.shop.api.get("/v1/events")  # begins the log
    begun = desk.says("listen", "--help")
    assert "--count" in begun
    bought(desk)
    desk.world.advance(minutes=2)
    (event, *_) = desk.shop.api.get("/v1/events").json["data"]
    secret = saved.load().secret
    with serving.receiver() as (address, got):
        after = f"evt_{int(event['id'][4:20]) - 1:016d}"
        asked = ("listen", "--to", address, "--after", after, "--count", "1", "--json")
        shown = json.loads(desk.says(*asked))
        assert shown == {"id": event["id"], "type": event["type"], "status": "204"}
        (request,) = got
        verified = verify(request[3], request[2], secret)
    assert verified == {**event, "timestamp": event["created_at"]}


def test_a_receiver_that_refuses_or_is_not_there_is_said_and_the_next_event_comes(
    desk: Desk,
) -> None:
    desk.shop.api.get("/v1/events")
    bought(desk)
    desk.world.advance(minutes=2)
    events = desk.shop.api.get("/v1/events").json["data"]
    after = f"evt_{int(events[0]['id'][4:20]) - 1:016d}"
    asked = ("--after", after, "--count", str(len(events)))
    with serving.receiver(status=500) as (address, got):
        assert "500 refused" in desk.says("listen", "--to", address, *asked)
        assert len(got) == len(events) >= 2
    assert "failed: " in desk.says("listen", "--to", "http://127.0.0.1:1/", *asked)


def test_listening_is_no_waiting_for_an_answer(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "waiting", partial(waiting, first_seconds=0.0))
    desk.shop.api.get("/v1/events")
    bought(desk)
    desk.world.advance(minutes=2)
    with serving.receiver() as (address, _):
        done = desk.types("listen", "--to", address, "--after", f"evt_{0:016d}", "--count", "1")
    assert done.exit_code == 0 and "Listening." in done.stderr
    assert "Waiting for" not in done.stderr


def test_what_is_delivered_on_this_machine_never_goes_to_a_proxy(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving.receiver() as (proxy, seen), serving.receiver() as (address, got):
        monkeypatch.setenv("HTTP_PROXY", proxy)
        monkeypatch.setenv("http_proxy", proxy)
        desk.says("trigger", "payment.failed", "--to", address)
        assert len(got) == 1 and not seen


def test_listening_begins_now_by_the_servers_clock(desk: Desk) -> None:
    from perennial.merchant import deliver
    from perennial.merchant.terminal import asking

    desk.shop.api.get("/v1/events")
    bought(desk)
    desk.world.advance(minutes=2)
    known = len(desk.shop.api.get("/v1/events").json["data"])
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        if not slept:
            desk.world.cancel()
        slept.append(seconds)
        desk.world.advance(minutes=2)

    with asking() as api:
        after = deliver.newest(api, None)
        follow = deliver.follow(api, after, None, sleep=sleep)
        first = next(follow)
    events = desk.shop.api.get("/v1/events").json["data"]
    assert first == events[known] and set(slept) == {deliver.EVERY_SECONDS}


@pytest.mark.spec("M-12")
def test_a_sample_of_every_type_can_be_triggered(desk: Desk) -> None:
    types = list(desk.shop.stranger.call("GET", "/v1/openapi.json").json["webhooks"])
    assert len(types) >= 30
    secret = saved.load().secret
    with serving.receiver() as (address, got):
        for kind in ("customer.access_changed", "subscription.renewed", "payment.failed"):
            assert "204" in desk.says("trigger", kind, "--to", address)
            event = verify(got[-1][3], got[-1][2], secret)
            assert event["type"] == kind and event["data"]["object"]
        assert len({request[2]["webhook-id"] for request in got}) == 3
    assert desk.types("trigger", types[0], "--to", "http://127.0.0.1:1/").exit_code == 1


def test_samples_fit_the_schema_of_their_type(desk: Desk) -> None:
    import jsonschema

    from perennial.merchant import samples

    document = desk.shop.stranger.call("GET", "/v1/openapi.json").json
    for kind, operation in document["webhooks"].items():
        event = samples.event(document, kind, event_id="evt_sample_1", at="2026-01-31T15:00:00Z")
        content = operation["post"]["requestBody"]["content"]["application/json"]
        whole = {**content["schema"], "components": document["components"]}
        jsonschema.Draft202012Validator(whole).validate(event)


def test_events_of_a_time_are_sent_again_to_an_endpoint(desk: Desk) -> None:
    made = desk.shop.api.post(
        "/v1/webhook-endpoints", {"url": "https://shop.example/hooks", "events": ["*"]}
    ).json
    span = ("--from", "2026-01-31T00:00:00Z", "--to", "2026-01-31T15:00:00Z")
    said = json.loads(desk.says("replay", made["id"], *span, "--json"))
    assert said["endpoint"] == made["id"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\xff\xfe\x00", "is not UTF-8"),
        (b"a" * 4_000_001, "at most 4,000,000"),
    ],
)
def test_a_file_that_cannot_be_loaded_is_named(
    refusing: Desk, home: Path, content: bytes, said: str
) -> None:
    (home / "rows.csv").write_bytes(content)
    assert said in refusing.refuses("import", "rows.csv")


class Imports(BaseHTTPRequestHandler):
    """An installation that answers an import by `answers`, by the end of its address."""

    answers: ClassVar[dict[str, Any]] = {}

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        assert self.rfile.read(length) == (b"email\nann@example.com\n" if length else b"")
        found = self.answers.get(self.path.partition("?")[0])
        status = 404 if found is None else 200
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        missing = {"code": "not_found", "detail": "There is no page here."}
        self.wfile.write(json.dumps(missing if found is None else found).encode())

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


@pytest.mark.spec("M-6", "M-12")
@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (None, 1, "this installation has no imports"),
        ({"state": "checked", "blocking": 0, "refused": None}, 0, "checked"),
        ({"state": "checked", "blocking": 1, "refused": None}, 1, "email is missing"),
        ({"state": "refused", "blocking": 0, "refused": {"text": "No header."}}, 1, "No header."),
    ],
)
def test_a_file_is_checked_and_what_blocks_it_is_shown(
    home: Path, monkeypatch: pytest.MonkeyPatch, answer: Any, code: int, said: str
) -> None:
    (home / "rows.csv").write_text("email\nann@example.com\n")
    rows = {"data": [{"number": 1, "text": "email is missing"}], "next": None}
    begun = None if answer is None else {"id": "imp_1", **answer}
    answers = {"/v1/imports": begun, "/v1/imports/imp_1/rows": rows}
    monkeypatch.setattr(Imports, "answers", answers)
    with serving.listening(Imports) as address:
        saved.save(saved.new(address, "sk_acme"))
        done = run.invoke(cli.app, ["import", "rows.csv"])
    assert done.exit_code == code, done.output
    assert said in done.output
