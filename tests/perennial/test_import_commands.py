"""The commands that read an account's subscriptions, and compare an import with its source."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import pytest
from typer.testing import CliRunner

from perennial import cli
from perennial.merchant import imports, saved
from tests.perennial import serving

pytestmark = pytest.mark.spec("M-6", "M-12")

run = CliRunner()
DONE = {"state": "done", "rows": 2, "same": 1, "different": 1}
LINE = {"number": 2, "kind": "amount", "text": "Its source charged another amount."}


class Installation(BaseHTTPRequestHandler):
    """An installation that answers from `answers`, each the last of its list at last."""

    answers: ClassVar[dict[str, list[Any]]] = {}
    asked: ClassVar[list[tuple[str, bytes]]] = []

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        path = f"{self.command} {self.path.partition('?')[0]}"
        self.asked.append((path, self.rfile.read(length)))
        left = self.answers[path]
        found = left.pop(0) if len(left) > 1 else left[0]
        self.send_response(204 if found is None else 200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        if found is not None:
            self.wfile.write(json.dumps(found).encode())

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(imports, "EVERY_SECONDS", 0.0)
    monkeypatch.setattr(Installation, "asked", [])


def ran(monkeypatch: pytest.MonkeyPatch, answers: dict[str, list[Any]], *words: str) -> Any:
    with serving.listening(Installation) as address:
        monkeypatch.setattr(
            Installation,
            "answers",
            json.loads(json.dumps(answers).replace("{address}", address)),
        )
        saved.save(saved.new(address, "sk_acme"))
        return run.invoke(cli.app, list(words))


def test_the_subscriptions_of_an_account_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    going = {"id": "imp_1", "state": "checking", "checked": 99, "rows": 99}
    checked = {**going, "state": "checked", "blocking": 0, "refused": None}
    answers = {"POST /v1/imports": [going], "GET /v1/imports/imp_1": [going, checked]}
    done = ran(monkeypatch, answers, "import", "--from", "stripe", "--account", "acct_1")
    assert (done.exit_code, "checked" in done.output) == (0, True), done.output
    assert json.loads(Installation.asked[0][1]) == {
        "gateway": "stripe",
        "gateway_account": "acct_1",
    }


@pytest.mark.parametrize(("lines", "code"), [([], 0), ([LINE], 1)])
def test_an_import_is_compared_with_a_file(
    monkeypatch: pytest.MonkeyPatch, lines: list[Any], code: int
) -> None:
    Path("charges.csv").write_text("external_id,charged_at,amount,currency\n")
    path = "/v1/imports/imp_1/shadow"
    answers = {
        "POST /v1/uploads": [{"id": "upl_1", "url": "{address}/up", "fields": {"key": "k"}}],
        "POST /up": [None],
        f"POST {path}": [{**DONE, "state": "queued"}],
        f"GET {path}": [{**DONE, "state": "running"}, DONE],
        f"GET {path}/differences": [{"data": lines, "next": None}],
    }
    done = ran(monkeypatch, answers, "import-shadow", "imp_1", "--charges", "charges.csv")
    assert done.exit_code == code, done.output
    assert ("another amount" in done.output) is bool(lines)
    sent = dict(Installation.asked)
    assert json.loads(sent[f"POST {path}"]) == {"charges": "upl_1"}
    assert b"external_id,charged_at" in sent["POST /up"]


def test_a_comparison_that_fails_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"POST /v1/imports/imp_1/shadow": [{**DONE, "state": "failed"}]}
    done = ran(monkeypatch, answers, "import-shadow", "imp_1")
    assert (done.exit_code, "is not done" in done.output) == (1, True), done.output
