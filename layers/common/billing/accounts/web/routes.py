"""The routes of a merchant's own affairs in /v1: settings, keys, gateway accounts, arming."""

from __future__ import annotations

from billing.accounts.flows import account_life, gateway_accounts, settings
from billing.accounts.web import console_session, gateway_shapes, merchant_shapes, settings_shapes
from billing.accounts.web.key_inputs import NewKeyInput
from billing.accounts.web.merchant_inputs import SettingsChangeInput
from billing.accounts.web.merchant_queries import AccountQuery
from billing.api.flows import keys
from billing.api.web import json_shapes
from billing.api.web.frame import Api, Call
from billing.api.web.json_shapes import Listed
from billing.api.web.queries import PageQuery
from billing.gateway_events.flows import health
from billing.kernel.errors import NotFound
from billing.kernel.gateways import AccountRef
from billing.kernel.ports import Ports
from billing.web.inputs import Nothing


def declare(api: Api, ports: Ports) -> None:
    """Declares the routes of settings, keys and gateway accounts."""
    _settings(api, ports)
    _keys(api, ports)
    _gateways(api, ports)


def _settings(api: Api, ports: Ports) -> None:
    @api.get("/v1/settings")
    def show_settings(call: Call[Nothing]) -> settings_shapes.SettingsOutput:
        """Show your settings."""
        return settings_shapes.settings(call.merchant)

    @api.patch("/v1/settings", SettingsChangeInput)
    def change_settings(call: Call[SettingsChangeInput]) -> settings_shapes.SettingsOutput:
        """Change settings; those not named stay."""
        changed = settings.change(ports, call.merchant, call.input.given())
        return settings_shapes.settings(changed)

    @api.get("/v1/accounts", AccountQuery)
    def look_up_account(call: Call[AccountQuery]) -> merchant_shapes.AccountOutput:
        """Look up an old account, as the platform's support: the state of the account with an old
        username and email, and until when buying again with that email restores it (A-7)."""
        if call.merchant.id != ports.operation.platform:
            raise NotFound("accounts_off")
        query = call.input
        found = account_life.restorable_standing(ports, query.username, query.email, now=call.now)
        return merchant_shapes.account(found)


def _keys(api: Api, ports: Ports) -> None:
    @api.post("/v1/keys", NewKeyInput, sealed="secret")
    def create_key(call: Call[NewKeyInput]) -> merchant_shapes.KeyOutput:
        """Make an API key; its secret is shown this once, and 100 may be live at a time."""
        made, secret = keys.create(ports, call.key, call.input.scopes, now=call.now)
        return merchant_shapes.new_key(made, secret)

    @api.post("/v1/keys/<key>/replace", sealed="secret")
    def replace_key(call: Call[Nothing], key: str) -> merchant_shapes.KeyOutput:
        """Make a key in place of another, which is revoked at once; its secret is shown this once.

        The new one has the rights of the old one. The key that calls may be replaced too: keep the
        answer, for the old secret stops working.
        """
        made, secret = keys.replace_key(ports, call.key, key, now=call.now)
        return merchant_shapes.new_key(made, secret)

    @api.get("/v1/keys", PageQuery)
    def list_keys(call: Call[PageQuery]) -> Listed[merchant_shapes.KeyOutput]:
        """List all API keys, newest first, revoked ones too."""
        query = call.input
        page = keys.page(ports, call.merchant.id, limit=query.limit, cursor=query.cursor)
        return json_shapes.listed(map(merchant_shapes.key, page.data), page.next)

    @api.delete("/v1/keys/<key>")
    def revoke_key(call: Call[Nothing], key: str) -> merchant_shapes.KeyOutput:
        """Revoke an API key, at once and for good; the last that may write is replaced instead."""
        return merchant_shapes.key(keys.revoke(ports, call.merchant.id, key, now=call.now))

    @api.post("/v1/console-links", sealed="url")
    def create_console_link(call: Call[Nothing]) -> merchant_shapes.LinkOutput:
        """Make a link that signs in to the console, once, within 15 minutes.

        Revoking the key that asked for it ends the link, and the session that it began.
        """
        url = console_session.console_link(ports, call.key, call.base_url, call.now)
        return merchant_shapes.link(url, call.now + console_session.LINK_LIFE)


def _gateways(api: Api, ports: Ports) -> None:
    here = ports.operation.environment

    @api.get("/v1/gateway-accounts")
    def list_gateway_accounts(call: Call[Nothing]) -> Listed[gateway_shapes.GatewayAccountOutput]:
        """List your gateway accounts, what depends on each, and how its webhooks fare."""
        found = gateway_accounts.list_accounts(ports, call.merchant, now=call.now)
        merchant = call.merchant.id
        shown = (
            gateway_shapes.account(
                each,
                health.of(
                    ports, AccountRef(merchant, each.account.gateway, each.account.id), now=call.now
                ),
            )
            for each in found
        )
        return json_shapes.listed(shown, None)

    @api.post("/v1/gateway-accounts/<gateway>/<account>/activate", status=200)
    def activate_gateway_account(
        call: Call[Nothing], gateway: str, account: str
    ) -> gateway_shapes.ArmingOutput:
        """Send new purchases to this account; what is at another one stays there."""
        changed = gateway_accounts.activate(ports, call.merchant.id, gateway, account)
        return gateway_shapes.arming(changed, here)

    @api.delete("/v1/gateway-accounts/<gateway>/<account>", gateway_shapes.RemovalQuery)
    def remove_gateway_account(
        call: Call[gateway_shapes.RemovalQuery], gateway: str, account: str
    ) -> gateway_shapes.ArmingOutput:
        """Remove an account; one in use only by `force`: its subscriptions then need a new card."""
        force = call.input.force == "true"
        left = gateway_accounts.remove(
            ports, call.merchant, gateway, account, force=force, now=call.now
        )
        return gateway_shapes.arming(left, here)

    @api.get("/v1/arm")
    def show_arming(call: Call[Nothing]) -> gateway_shapes.ArmingOutput:
        """Show whether charges are made and mails sent here."""
        return gateway_shapes.arming(call.merchant, here)

    @api.post("/v1/arm", status=200)
    def arm_environment(call: Call[Nothing]) -> gateway_shapes.ArmingOutput:
        """Bind your gateway accounts to this environment: charges and mails begin."""
        return gateway_shapes.arming(gateway_accounts.arm(ports, call.merchant.id), here)
