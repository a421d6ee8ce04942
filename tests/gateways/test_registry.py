"""Gateways are packages: what the rest needs of one is in its spec, and nothing else names it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from billing.gateways import registry
from billing.gateways.spec import GatewaySpec
from billing.kernel.gateways import SANDBOX, AccountRef
from billing.render import messages
from tests.render.written import templates

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers/common"
NAMES = re.compile(r"stripe|paypal", re.IGNORECASE)
OWN = (
    "layers/common/billing/gateways/stripe/",
    "layers/common/billing/gateways/paypal/",
)
NAMED_ALL_THE_SAME = {
    "layers/common/billing/gateways/registry.py": "the lines of registration",
    "layers/common/requirements.txt": "the layer's packages: Stripe's SDK is one",
}
SPECS = list(registry.specs().values())


def texts(folder: Path) -> list[Path]:
    """The files that people wrote; what Python and `make build` leave is none."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not {"__pycache__", "compiled", "fonts"} & set(path.parts)
    ]


def test_no_file_but_their_own_names_stripe_or_paypal() -> None:
    named = {
        str(path.relative_to(ROOT))
        for path in (*texts(LAYER), *texts(ROOT / "functions"))
        if NAMES.search(path.read_text("utf-8")) or NAMES.search(path.name)
    }
    others = {name for name in named if not name.startswith(OWN)}
    assert others == NAMED_ALL_THE_SAME.keys()
    assert len(named - others) > 30, "the test reads them"


@pytest.mark.parametrize(("own", "other"), [("stripe", "paypal"), ("paypal", "stripe")])
def test_neither_names_the_other(own: str, other: str) -> None:
    for path in texts(LAYER / "billing/gateways" / own):
        assert other not in path.read_text("utf-8").lower(), path


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_spec_has_the_texts_and_templates_that_pages_ask_for(spec: GatewaySpec) -> None:
    account = AccountRef("acme", spec.name, "account")
    own = f"gateway.{spec.name}"
    assert messages.has(f"{own}.name")
    assert messages.has(f"{own}.onward.title") == messages.has(f"{own}.onward.text")
    if not spec.capabilities(account).manages_cards:
        assert messages.has(f"{own}.error.card_elsewhere"), "where an agreement is changed"
    assert spec.element is None or spec.element in templates()
    assert (spec.element is None) == (spec.content_sources == ())
    assert spec.folder.name == spec.name
    assert bool(spec.secrets) == (spec.name != SANDBOX)


def test_specs_are_read_without_a_vendor() -> None:
    """They are of every cold start that renders a page."""
    program = (
        "import sys; from billing.gateways import registry; registry.specs(); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", program],
        env={"PYTHONPATH": str(LAYER)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    loaded = set(done.stdout.split())
    assert {"billing.gateways.stripe.spec", "billing.gateways.paypal.spec"} <= loaded
    assert not loaded & {"stripe", "requests", "boto3", "botocore", "pynamodb", "jinja2", "babel"}
    assert "billing.gateways.stripe.gateway" not in loaded


@pytest.mark.spec("W-1", "W-2")
@pytest.mark.parametrize(
    ("gateway", "given", "wrong"),
    [
        ("stripe", {"secret_key": "sk_test_1"}, []),
        (
            "stripe",
            {"secret_key": "sk_test_1", "webhook_secrets": ["whsec_1"], "embedded": True},
            [],
        ),
        ("stripe", {}, ["secret_key"]),
        ("stripe", {"secret_key": "sk_test_1", "webhook_secrets": "whsec_1"}, ["webhook_secrets"]),
        ("stripe", {"secret_key": 1, "embedded": "yes"}, ["secret_key", "embedded"]),
        ("paypal", {"client_id": "1", "client_secret": "2", "webhook_id": "3"}, []),
        ("paypal", {"client_id": "1", "client_secret": ""}, ["client_secret", "webhook_id"]),
    ],
)
def test_secrets_are_checked_by_their_shape_and_never_quoted(
    gateway: str, given: dict[str, object], wrong: list[str]
) -> None:
    found = registry.spec_of(gateway).wrong_secrets(given)
    assert [each.partition(" ")[0] for each in found] == wrong
    assert not [each for each in found if "whsec_1" in each or "yes" in each]
