"""The description of a gateway: all that the rest of the code asks of it without opening it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from billing.kernel.gateway_port import Gateway
from billing.kernel.gateway_setup import GatewaySetup
from billing.kernel.gateways import AccountRef, Capabilities
from billing.kernel.import_presets import FilePreset
from billing.kernel.live_sources import LiveSource
from billing.kernel.values import Value, field

SecretValues = Mapping[str, Any]
"""The secrets of one gateway account, by their names."""


class Secret(Value):
    """A secret that a merchant gives with their account; `label` says where they find it.

    `shape` is the type that it has in JSON; a list is one of texts. `title` and `hint` are its
    field's in the console; without a title it is not typed there. One that is `public` may be shown
    again.
    """

    name: str
    label: str
    shape: type = str
    required: bool = True
    title: str = ""
    hint: str = ""
    public: bool = False


class Host(Value):
    """The installation that opens a gateway.

    `secrets` reads the account's secrets; called with True, afresh. `api_base` replaces the
    gateway's own address where `make run` has a stand-in for it. `table`, `call` and `draw` are the
    sandbox's alone: the table of its ledger, what calls DynamoDB by an operation's name, and what
    draws the secret that it signs with.
    """

    secrets: Callable[[bool], SecretValues]
    clock: Callable[[], datetime]
    api_base: str | None
    table: str
    call: Callable[[str, dict[str, Any]], dict[str, Any]]
    draw: Callable[[], str]


class SetupHost(Value):
    """The installation that sets up an account with `keys` as they were given.

    `api_base` replaces the gateway's own address, as in `Host`.
    """

    keys: SecretValues
    test: bool
    clock: Callable[[], datetime]
    api_base: str | None

    def __repr__(self) -> str:
        return "SetupHost()"


class GatewaySpec(Value):
    """One gateway, as `gateways/registry.py` lists it; its module imports no vendor.

    `name` is stored with all that is kept at the gateway and is in the address of its webhooks
    (`/webhooks/<name>/<merchant>`): it never changes. `display_name` is how the company writes it.

    `folder` is that of its package. `messages/` there is its part of the catalogs, in every
    language: `[gateway.<name>]` has `name` (after "Pay with") and, where they differ from what
    holds for any gateway, `next` (what happens after the form), `onward.title` and `onward.text`
    (the page that leads to it) and `error.card_elsewhere` (the words of a mandate: where a
    buyer changes an agreement that the gateway manages); `[decline]` has words for decline codes
    that it alone gives. `templates/` there has its own pages, named `<name>/..`.

    `open` opens an account, and imports what that takes. `capabilities` are an account's, with its
    smallest amounts. A gateway without `secrets` has one account for all merchants.

    `set_up` asks the gateway about keys before they are stored; without it a merchant cannot add an
    account in the console. `keys_at` are the pages where they find keys, by whether they are test
    ones.

    `source` opens an account as a source that subscriptions are moved from, where its company has
    subscriptions of its own (M-6); `import_preset` says how the columns of its company's export are
    read.

    `return_parameter` carries the payment method on a buyer's way back from the gateway's page.
    `element` is the template of its frame on our page (`kernel.gateways.Element`), and
    `content_sources` are the directives by which that page may load it; `%s` is the page's nonce.
    """

    name: str
    display_name: str
    folder: Path
    open: Callable[[AccountRef, Host], Gateway]
    capabilities: Callable[[AccountRef], Capabilities]
    secrets: tuple[Secret, ...] = ()
    set_up: Callable[[SetupHost], GatewaySetup] | None = None
    keys_at: Mapping[bool, str] = field(default_factory=dict)
    source: Callable[[AccountRef, Host], LiveSource] | None = None
    import_preset: Callable[[], FilePreset] | None = None
    return_parameter: str = "payment_method"
    element: str | None = None
    content_sources: tuple[str, ...] = ()

    def wrong_secrets(self, given: SecretValues) -> list[str]:
        """Lists what is wrong with an account's secrets, by names and labels and never by value."""
        wrong = []
        for secret in self.secrets:
            value = given.get(secret.name)
            if value is None and not secret.required:
                continue
            if not _fits(value, secret.shape):
                wrong.append(f"{secret.name} ({secret.label})")
        return wrong


def _fits(value: object, shape: type) -> bool:
    if isinstance(value, list):
        return shape is list and all(isinstance(each, str) and each for each in value)
    return isinstance(value, shape) and value != ""
