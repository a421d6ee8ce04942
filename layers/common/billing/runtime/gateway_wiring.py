"""Opens gateways with their accounts' keys, and what sets accounts up; a part of the wiring."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from billing.kernel.errors import NotFound
from billing.kernel.gateway_port import Gateway
from billing.kernel.gateway_setup import GatewaySetup, Keys, KeyStore
from billing.kernel.gateways import AccountRef
from billing.kernel.import_presets import FilePreset
from billing.kernel.live_sources import LiveSource
from billing.kernel.values import replace
from billing.runtime.ids import new_id
from billing.runtime.settings import Settings

if TYPE_CHECKING:
    from billing.aws.secret_store import ParameterSecrets
    from billing.gateways.spec import GatewaySpec, Host
    from billing.storage.dynamo.calls import Calls

ACCOUNTS_OPEN = 256


def openers(
    settings: Settings, clock: Callable[[], datetime], calls: Calls
) -> dict[str, Callable[[AccountRef], Gateway]]:
    """Returns what opens accounts at each registered gateway, by the gateway's name."""
    from billing.aws.secret_store import ParameterSecrets
    from billing.gateways import registry

    secrets = ParameterSecrets(settings.stage, parameter_store, clock)
    return {
        name: _opener(spec, secrets, settings, clock, calls)
        for name, spec in registry.specs().items()
    }


def sources(
    settings: Settings, clock: Callable[[], datetime], calls: Calls
) -> Callable[[AccountRef], LiveSource | None]:
    """Returns what opens accounts as sources that subscriptions are moved from."""

    def opened(account: AccountRef) -> LiveSource | None:
        from billing.aws.secret_store import ParameterSecrets
        from billing.gateways import registry

        spec = registry.specs().get(account.gateway)
        if spec is None or spec.source is None:
            return None
        secrets = ParameterSecrets(settings.stage, parameter_store, clock)
        return spec.source(account, _host(spec, account, secrets, settings, clock, calls))

    return lru_cache(ACCOUNTS_OPEN)(opened)


def _host(
    spec: GatewaySpec,
    account: AccountRef,
    secrets: ParameterSecrets,
    settings: Settings,
    clock: Callable[[], datetime],
    calls: Calls,
) -> Host:
    from billing.gateways.spec import Host

    return Host(
        secrets=secrets.of(account),
        clock=clock,
        api_base=settings.api_bases.get(spec.name),
        table=settings.table_ephemeral,
        call=calls,
        draw=partial(new_id, "key"),
    )


def _opener(
    spec: GatewaySpec,
    secrets: ParameterSecrets,
    settings: Settings,
    clock: Callable[[], datetime],
    calls: Calls,
) -> Callable[[AccountRef], Gateway]:
    """Opens accounts, each once; SDK and keys are loaded on the first call to one."""
    from billing.gateways.on_demand import on_demand

    @lru_cache(ACCOUNTS_OPEN)
    def opened(account: AccountRef) -> Gateway:
        host = _host(spec, account, secrets, settings, clock, calls)
        return on_demand(account, spec.capabilities(account), partial(spec.open, account, host))

    # Without secrets there is one account for all merchants, which is opened once.
    return lambda account: opened(account if spec.secrets else replace(account, merchant=""))


def setups(
    settings: Settings, clock: Callable[[], datetime]
) -> Callable[[str, bool, Keys], GatewaySetup]:
    """Returns what asks gateways about keys that are not stored yet."""

    def set_up(gateway: str, test: bool, keys: Keys) -> GatewaySetup:
        from billing.gateways import registry
        from billing.gateways.spec import SetupHost

        opened = registry.spec_of(gateway).set_up
        if opened is None:
            raise NotFound(code="unknown_gateway", gateway=gateway)
        return opened(SetupHost(keys, test, clock, settings.api_bases.get(gateway)))

    return set_up


def import_presets() -> Mapping[str, FilePreset]:
    """Returns how exports of gateways' companies are read, by name."""
    from billing.gateways import registry

    made = (spec.import_preset() for spec in registry.specs().values() if spec.import_preset)
    return {preset.name: preset for preset in made}


def key_store(settings: Settings) -> KeyStore:
    """Returns the store of keys; it connects with its first call."""
    from billing.aws.secret_store import ParameterKeys

    return ParameterKeys(settings.stage, parameter_store)


def parameter_store() -> Any:
    import boto3

    return boto3.client("ssm")
