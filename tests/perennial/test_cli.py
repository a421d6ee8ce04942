"""The operator's command, over the operator's own handler as `make run` serves it."""

from __future__ import annotations

import inspect
import json
import re
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from billing.jobs import jobs
from billing.jobs.flows.start import start
from billing.jobs.jobs import PLATFORM
from billing.operations.web import operator
from perennial import cli, progress
from perennial.installation import Installation, OperateError, ask
from tests.perennial.serving import listening
from tests.world import World

ROOT = Path(__file__).resolve().parents[2]

run = CliRunner()


@contextmanager
def serving(world: World) -> Iterator[int]:
    """The port of a `/_dev/operate` over this world."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = json.dumps(operator.answer(world.ports, event)).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


class Operator:
    """Somebody at a command line."""

    def __init__(self, world: World, port: int) -> None:
        self.world = world
        self.port = port

    def types(self, *words: str) -> Result:
        env = {"STACK": None, "PORT": str(self.port), "DATA": None}
        return run.invoke(cli.app, words, env=env)


@pytest.fixture
def at_desk() -> Iterator[Operator]:
    world = World()
    with serving(world) as port:
        yield Operator(world, port)


def commands() -> list[tuple[str, Any]]:
    """Each command as it is typed, and the function behind it."""
    found = [(info.name or info.callback.__name__, info) for info in cli.app.registered_commands]
    for group in cli.app.registered_groups:
        for info in group.typer_instance.registered_commands:
            found.append((f"{group.name} {info.name}", info))
    return [(name, info.callback) for name, info in found]


@pytest.mark.parametrize(("name", "callback"), commands(), ids=[name for name, _ in commands()])
def test_each_command_has_help_and_an_example_of_itself(name: str, callback: Any) -> None:
    text = inspect.getdoc(callback) or ""
    assert f"Example: perennial {name}" in text
    shown = run.invoke(cli.app, [*name.split(), "--help"])
    assert shown.exit_code == 0
    assert text.splitlines()[0] in " ".join(shown.stdout.split())
    for option in re.findall(r"(--[a-z-]+)", text):
        assert option in shown.stdout


def test_a_pause_stops_charges_and_a_resume_lets_them_go_on(at_desk: Operator) -> None:
    assert "billing_paused        False" in at_desk.types("status").stdout
    assert at_desk.types("pause", "--reason", "wrong tax table").exit_code == 0
    said = at_desk.types("status").stdout
    assert "billing_paused        True" in said and "wrong tax table" in said
    assert at_desk.types("resume", "--reason", "tax table mended").exit_code == 0
    assert "billing_paused        False" in at_desk.types("status").stdout


def test_a_merchant_is_created_and_their_key_is_shown_once(at_desk: Operator) -> None:
    made = at_desk.types(
        "merchant", "create", "--name", "Harbor Lane", "--email", "hello@harborlane.example",
        "--currency", "EUR",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    assert "harbor-lane" in made.stdout and "sk_" in made.stdout
    assert "can't be shown again" in made.stdout
    merchant = at_desk.world.store.merchant("harbor-lane")
    assert merchant is not None and merchant.settings.currency == "EUR"


def test_one_merchant_is_stopped_and_started_and_gets_another_key(at_desk: Operator) -> None:
    merchant = at_desk.world.merchant.id
    assert "stopped               True" in at_desk.types("merchant", "stop", merchant).stdout
    assert "stopped               False" in at_desk.types("merchant", "start", merchant).stdout
    assert "sk_" in at_desk.types("key", "create", merchant).stdout


def test_the_lists_of_every_merchant_are_completed_by_a_job(at_desk: Operator) -> None:
    world, merchant = at_desk.world, at_desk.world.merchant.id
    started = at_desk.types("jobs", "index-lists").stdout
    assert "job=index_lists" in started and f"merchant={merchant}" in started
    world.advance(minutes=5)
    seller = world.store.merchant(merchant)
    assert seller is not None and seller.lists_complete_at is not None


def test_jobs_are_listed_paused_resumed_and_stopped(at_desk: Operator) -> None:
    world, merchant = at_desk.world, at_desk.world.merchant.id
    for owner in (merchant, PLATFORM):
        job = jobs.new(owner, "erase_account", "erase_account", world.now)
        start(world.ports, job, now=world.now)
    listed = at_desk.types("jobs", "list").stdout
    assert listed.count("job=erase_account") == 2 and f"merchant={merchant}" in listed
    of_merchant = ("erase_account", "--merchant", merchant)
    assert "state                 paused" in at_desk.types("jobs", "pause", *of_merchant).stdout
    assert "state                 queued" in at_desk.types("jobs", "show", "erase_account").stdout
    assert "state                 queued" in at_desk.types("jobs", "resume", *of_merchant).stdout
    assert "state                 stopped" in at_desk.types("jobs", "stop", *of_merchant).stdout
    again = at_desk.types("jobs", "resume", *of_merchant)
    assert again.exit_code == 1 and "This job has ended" in again.stderr
    unknown = at_desk.types("jobs", "show", "import")
    assert unknown.exit_code == 1 and "does not exist" in unknown.stderr
    noted = [record.action for record in world.audit.records if record.merchant == merchant]
    assert noted == [f"{verb}-job erase_account" for verb in ("pause", "resume", "stop", "resume")]


def test_a_domain_that_nobody_asked_for_is_refused(at_desk: Operator) -> None:
    done = at_desk.types("domain", "set", at_desk.world.merchant.id, "pay.example.com")
    assert done.exit_code == 1
    assert "Error: " in done.stderr and "has not asked for a domain" in done.stderr
    assert at_desk.types("domain", "remove", at_desk.world.merchant.id).exit_code == 0


@pytest.mark.parametrize(
    ("typed", "argument"),
    [
        (["pause"], "--reason"),
        (["merchant", "create", "--name", "Harbor Lane"], "--email"),
        (["merchant", "create", "--name", "Harbor Lane", "--email", "nobody"], "email"),
        (["merchant", "stop"], "merchant"),
        (["domain", "set", "acme"], "host"),
        (["gateway", "keys", "acme", "--gateway", "stripe"], "--account"),
        (["audit", "acme"], "--stack"),
        (["restore-drill"], "--stack"),
        (["restore-drill", "--stack", "perennial", "--at", "yesterday"], "--at"),
    ],
)
def test_an_error_names_the_argument(at_desk: Operator, typed: list[str], argument: str) -> None:
    done = at_desk.types(*typed)
    assert done.exit_code != 0
    assert argument in done.stderr


def test_where_nothing_runs_it_says_how_to_start_it_or_name_a_stack() -> None:
    with pytest.raises(OperateError, match="--stack perennial"):
        ask(Installation(port=1), {"do": "standing"})


@contextmanager
def another_program(status: int, body: bytes) -> Iterator[int]:
    """The port of a program that is not ours; without a status it hangs up."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            if status:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with listening(Handler) as address:
        yield int(address.rpartition(":")[2])


@pytest.mark.parametrize(
    ("status", "body"), [(0, b""), (200, b"<html>"), (200, b"[]"), (404, b""), (500, b"{}")]
)
def test_another_program_at_the_port_is_an_error_and_no_traceback(status: int, body: bytes) -> None:
    with another_program(status, body) as port, pytest.raises(OperateError, match=f":{port}/"):
        ask(Installation(port=port), {"do": "standing"})


def test_nothing_for_this_machine_goes_to_a_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Least of all a gateway's keys, which are sent as they are."""
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with serving(World()) as port:
        assert "error" not in ask(Installation(port=port), {"do": "standing"})
    with another_program(200, b'{"Version": 1}') as port:
        (tmp_path / "emulator").mkdir()
        (tmp_path / "emulator/running.json").write_text(json.dumps({"port": port}))
        words = ["--data", str(tmp_path), "gateway", "keys", "acme", "--gateway", "stripe"]
        done = run.invoke(
            cli.app,
            [*words, "--account", "acct_1"],
            input='{"secret_key": "sk_1", "webhook_secret": "whsec_1", "publishable_key": "pk_1"}',
            env={"STACK": None},
        )
    assert done.exit_code == 0, done.output


def test_a_stack_without_credentials_is_an_error_and_no_traceback() -> None:
    nobody = {
        **dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE")),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
        "AWS_CONFIG_FILE": "/nowhere",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for words in (["status"], ["audit", "acme"], ["restore-drill"], ["mail", "check"]):
        done = run.invoke(cli.app, [*words, "--stack", "perennial"], env=nobody)
        assert done.exit_code == 1
        assert "Error: Unable to locate credentials" in done.stderr


def test_keys_need_a_place_to_be_kept(tmp_path: Path) -> None:
    words = ["--data", str(tmp_path), "gateway", "keys", "acme", "--gateway", "stripe"]
    done = run.invoke(
        cli.app, [*words, "--account", "acct_1"], input='{"secret_key": "sk"}', env={"STACK": None}
    )
    assert done.exit_code == 1
    assert "make run" in done.stderr
    wrong = run.invoke(cli.app, [*words, "--account", "acct_1"], input="sk_1", env={"STACK": None})
    assert "must be JSON" in wrong.stderr and "sk_1" not in wrong.stderr


@pytest.mark.spec("W-1", "W-2")
@pytest.mark.parametrize(
    ("gateway", "keys", "said"),
    [
        ("stripes", {"secret_key": "sk_1"}, "--gateway is stripe or paypal"),
        ("sandbox", {"secret_key": "sk_1"}, "--gateway is stripe or paypal"),
        ("stripe", {"secret": "sk_1"}, "secret_key (the account's secret key, sk_..)"),
        ("stripe", {"secret_key": "sk_2", "webhook_secrets": "sk_1"}, "webhook_secrets (list of"),
        ("paypal", {"client_id": "sk_1"}, "client_secret (secret of the app), webhook_id"),
    ],
)
def test_keys_that_open_no_gateway_are_refused_by_name(
    tmp_path: Path, gateway: str, keys: dict[str, str], said: str
) -> None:
    words = ["--data", str(tmp_path), "gateway", "keys", "acme", "--gateway", gateway]
    done = run.invoke(
        cli.app, [*words, "--account", "acct_1"], input=json.dumps(keys), env={"STACK": None}
    )
    assert done.exit_code == 1
    assert said in done.stderr
    assert "sk_1" not in done.stderr


def test_what_takes_long_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.waiting("an answer", first_seconds=0.01):
        threading.Event().wait(0.2)
    assert "Waiting for an answer" in capsys.readouterr().err
    with progress.waiting("an answer"):
        pass
    assert capsys.readouterr().err == ""


def test_what_is_installed_has_the_command_and_the_version_of_the_changelog() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["name"] == "perennial-billing"
    assert project["scripts"] == {"perennial": "perennial.cli:main"}
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    newest = re.findall(r"^## \[([0-9.]+)\]", changelog, re.M)[0]
    assert project["version"] == newest
    assert isinstance(cli.app, typer.Typer)
