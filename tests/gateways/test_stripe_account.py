"""An account at Stripe: its keys, version and least amounts, and when its adapter is loaded
(W-1).
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import stripe

from billing.gateways.stripe import client as stripe_client
from billing.gateways.stripe.spec import MINIMUMS, capabilities
from billing.kernel.errors import Unavailable
from billing.kernel.gateways import AccountRef, Succeeded
from billing.kernel.money import Currency
from tests.gateways.stripe.edge import ACCOUNT, Edge, Vault, failure, intent, opened

ROOT = Path(__file__).resolve().parents[2]


def test_the_pinned_version_is_the_one_that_the_sdks_types_describe() -> None:
    assert stripe.api_version == stripe_client.API_VERSION


def test_a_call_ends_before_its_worker_does() -> None:
    client = stripe_client.StripeAccount(ACCOUNT, Vault())._client("sk_test_1")
    assert client._requestor._client._timeout == (3, 20)  # type: ignore[union-attr]
    assert client._requestor._options.max_network_retries == 1


def test_keys_that_are_refused_are_read_afresh_once() -> None:
    wrong = failure(401, "invalid_request_error")
    vault = Vault(fresh={"secret_key": "sk_test_2"})
    edge = Edge(wrong, intent("succeeded"))
    assert opened(edge, vault).lookup("pi_1", attempt_key="a") == Succeeded("ch_1")
    assert [s.headers["Authorization"] for s in edge.sent] == [
        "Bearer sk_test_1",
        "Bearer sk_test_2",
    ]
    for vault, answers in (
        (Vault(), [wrong]),
        (Vault(fresh={"secret_key": "sk_test_2"}), [wrong] * 2),
    ):
        with pytest.raises(Unavailable) as raised:
            opened(Edge(*answers), vault).lookup("pi_1", attempt_key="a")
        assert raised.value.code == "keys_refused" and vault.read_afresh == 1


@pytest.mark.spec("W-3")
@pytest.mark.parametrize(
    "secrets",
    [
        {"secret_key": "sk_live_1"},
        {"secret_key": "sk_test_1", "publishable_key": "pk_live_1"},
        {"secret_key": ""},
        {},
    ],
)
def test_test_and_live_never_mix(secrets: dict[str, str]) -> None:
    edge = Edge()
    with pytest.raises(Unavailable) as raised:
        opened(edge, Vault(secrets)).lookup("pi_1", attempt_key="a")
    assert raised.value.code == "no_keys" and not edge.sent
    assert "sk_live_1" not in repr(stripe_client.Keys("sk_live_1"))


@pytest.mark.spec("P-18", "P-20")
def test_stripes_least_amounts_are_of_every_currency() -> None:
    live = capabilities(AccountRef("acme", "stripe", "acct_1"))
    assert not live.test and capabilities(ACCOUNT).test
    assert {c: live.minimum_in(c) for c in Currency} == {c: MINIMUMS.get(c, 50) for c in Currency}
    assert live.minimum_in(Currency.HKD) == 400


def test_the_sdk_is_loaded_by_no_handler_until_an_account_is_asked() -> None:
    program = (
        "import sys, importlib.util\n"
        f"sys.path[:0] = [{str(ROOT / 'layers/common')!r}]\n"
        "for name in %r:\n"
        "    spec = importlib.util.spec_from_file_location('app', name)\n"
        "    spec.loader.exec_module(importlib.util.module_from_spec(spec))\n"
        "from billing.runtime import wiring\n"
        "from billing.runtime.settings import Settings\n"
        "from billing.kernel.gateways import AccountRef\n"
        "names = ('TABLE_CORE', 'TABLE_EPHEMERAL', 'TABLE_AUDIT', 'BUCKET_OBJECTS')\n"
        "ports = wiring.connect(Settings.from_environ({n: n for n in names}))\n"
        "stripe = ports.gateway(AccountRef('acme', 'stripe', 'acct_1_test'))\n"
        "assert stripe.name == 'stripe' and stripe.capabilities.test\n"
        "assert 'stripe' not in sys.modules, 'loaded'\n"
        "stripe.forget\n"
        "assert 'stripe' in sys.modules\n"
    ) % [str(path) for path in sorted((ROOT / "functions").glob("*/app.py"))]
    environ = {
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "t",
        "AWS_SECRET_ACCESS_KEY": "t",
    }
    done = subprocess.run(
        [sys.executable, "-B", "-c", program],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_each_request_is_typed_by_the_sdk() -> None:
    """No call goes round the typed services, so mypy (strict) holds each to Stripe's own types."""
    for path in (ROOT / "layers/common/billing/gateways/stripe").glob("*.py"):
        text = path.read_text("utf-8")
        assert "type: ignore" not in text and "raw_request" not in text
        called = {
            node.func.attr
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        }
        assert not called & {"request", "request_raw", "_request"}
