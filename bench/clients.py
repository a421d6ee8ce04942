"""`python -m bench.clients`: the direct DynamoDB client beside botocore, in one run.

Both call the same server on the loopback, which runs in a process of its own. CPU of our process,
the best of a few interleaved rounds. The figures are those of
docs/decisions/2026-11-29-small-dynamodb-client.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import process_time
from typing import Any

from billing.kernel.merchants import Merchant
from billing.kernel.writes import Insert
from billing.storage.dynamo import chosen
from billing.storage.dynamo.calls import Calls
from billing.storage.dynamo.writes import action, item_of

ROOT = Path(__file__).parents[1]
LAMBDA = ROOT / ".venv-lambda/bin/python"
ROUNDS, CALLS = 5, 300
T0 = datetime(2026, 11, 29, tzinfo=UTC)
NAMES = (chosen.BOTOCORE, chosen.DIRECT)

SERVER = """
import sys
from tests.storage.direct import loopback
item = sys.argv[1].encode()
with loopback.running(lambda request: loopback.reply(
    b'{"Item": ' + item + b'}' if request.operation == "GetItem" else b"{}")) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""

CHILD = """
import os, sys
from datetime import UTC, datetime
from time import process_time
from billing.runtime import telemetry
telemetry.logger(), telemetry.metrics()
began = process_time()
from billing.storage import store
from billing.storage.dynamo import chosen
calls = chosen.connect(
    sys.argv[1], os.environ, entropy=os.urandom, clock=lambda: datetime.now(UTC))
asked = {"TableName": "core", "Key": {"pk": {"S": "M#acme"}, "sk": {"S": "MERCHANT"}}}
calls("GetItem", asked)
print(process_time() - began)
"""

TLS = """
from time import process_time
{imports}
began = process_time()
{context}
print(process_time() - began)
"""
CONTEXTS = {
    "botocore": (
        "from botocore.httpsession import create_urllib3_context, where",
        "create_urllib3_context().load_verify_locations(where())",
    ),
    "direct": ("import ssl", "ssl.create_default_context()"),
}


def main() -> None:
    merchant = Merchant("acme", "Acme", "a@example.com", T0)
    with _server(merchant) as url:
        environ = _environ(url)
        os.environ.update(environ)
        cold = dict.fromkeys(NAMES, 1000000000.0)
        for _ in range(ROUNDS):
            for name in NAMES:
                cold[name] = min(cold[name], _child(CHILD, environ, name))
        _say("cold: imports, client, first call", cold)
        by_name = {name: _calls(name) for name in NAMES}
        for what, call in _kinds(merchant).items():
            spent = dict.fromkeys(NAMES, 1000000000.0)
            for _ in range(ROUNDS):
                for name in NAMES:
                    spent[name] = min(spent[name], _cost(call, by_name[name]))
            _say(what, spent)
    tls = dict.fromkeys(NAMES, 1000000000.0)
    for _ in range(ROUNDS):
        for name in NAMES:
            imports, context = CONTEXTS[name]
            program = TLS.format(imports=imports, context=context)
            tls[name] = min(tls[name], _child(program, environ))
    _say("reading the trusted certificates, once a process", tls)


def _kinds(merchant: Merchant) -> dict[str, Callable[[Calls], Any]]:
    key = {"TableName": "core", "Key": {"pk": {"S": "M#acme"}, "sk": {"S": "MERCHANT"}}}
    name, put = action(Insert(merchant), "core", "op")
    three = {"TransactItems": [{name: put}] * 3, "ClientRequestToken": "token"}
    return {
        "get of an item": lambda calls: calls("GetItem", key),
        "conditional put": lambda calls: calls("PutItem", put),
        "transaction of three": lambda calls: calls("TransactWriteItems", three),
    }


def _calls(name: str) -> Calls:
    return chosen.connect(name, os.environ, entropy=os.urandom, clock=lambda: datetime.now(UTC))


def _cost(call: Callable[[Calls], Any], calls: Calls) -> float:
    began = process_time()
    for _ in range(CALLS):
        call(calls)
    return (process_time() - began) / CALLS


def _environ(url: str) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_SESSION_TOKEN": "token" * 100,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_DYNAMODB": url,
        "PYTHONPATH": f"{ROOT / 'layers/common'}:{ROOT}",
        "PATH": os.defpath,
    }


def _child(program: str, environ: Mapping[str, str], *arguments: str) -> float:
    python = str(LAMBDA if LAMBDA.exists() else sys.executable)
    done = subprocess.run(
        [python, "-c", program, *arguments],
        env=dict(environ),
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


@contextmanager
def _server(merchant: Merchant) -> Iterator[str]:
    import json

    with subprocess.Popen(
        [sys.executable, "-c", SERVER, json.dumps(item_of(merchant, "0" * 22))],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'layers/common'}:{ROOT}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


def _say(what: str, spent: Mapping[str, float]) -> None:
    theirs, ours = (spent[name] * 1e3 for name in NAMES)
    print(f"{what}: {theirs:.2f} ms botocore, {ours:.2f} direct, ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
