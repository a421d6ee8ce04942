"""Gateway accounts in the console: shown, checked, chosen, removed, armed (W-5, W-6, P-17)."""

from __future__ import annotations

from billing.accounts.flows import gateway_accounts, gateway_keys
from billing.console.web.pages import Desk, page
from billing.gateway_events.flows import health
from billing.gateway_events.flows.health import Health
from billing.kernel.errors import Invalid, NotFound, Refused
from billing.kernel.gateways import AccountRef, Capabilities
from billing.kernel.merchants import GatewayAccount
from billing.kernel.money import Money
from billing.kernel.values import Value
from billing.runtime import deadline
from billing.web import gateway_forms, http
from billing.web.request import is_plain_id

HERE = "/console/gateways"
PRODUCTS = "/console/products/"
DONE = frozenset({"connected", "untidy", "replaced", "activated", "removed", "armed"})
SECONDS_TO_ANSWER = 5.0
"""The seconds that are kept for an answer when counting what hangs on an account."""


class Shown(Value):
    """An account on a page; `products` are the names of those on sale at its gateway, where new
    purchases go to it."""

    account: GatewayAccount
    test: bool
    here: bool
    can: Capabilities
    health: Health
    products: tuple[str, ...]

    @property
    def url(self) -> str:
        return f"{HERE}/{self.account.gateway}/{self.account.id}"


def account_list(desk: Desk) -> http.Answer:
    """Lists the accounts, live before test, and the gateways where one can be added."""
    products = gateway_keys.products_at(desk.ports, desk.session.merchant)
    accounts = [_shown(desk, each, products) for each in desk.session.merchant.gateway_accounts]
    return page(
        desk,
        "console/gateways.html",
        accounts=sorted(accounts, key=lambda each: (each.test, each.account.gateway)),
        connectable=gateway_forms.connectable(),
        back=back_of(desk),
        done=done_of(desk),
    )


def account_page(
    desk: Desk, gateway: str, account: str, *, checked: gateway_keys.Checked | None = None
) -> http.Answer:
    """Shows one account, and what can be done with it; `checked` is the gateway's own answer."""
    held = gateway_keys.one(desk.session.merchant, gateway, account)
    products = gateway_keys.products_at(desk.ports, desk.session.merchant)
    return page(
        desk,
        "console/gateway.html",
        shown=_shown(desk, held, products),
        may_have_keys=gateway in gateway_forms.connectable(),
        events_to=events_to(desk, gateway),
        least=_least(desk, held),
        checked=checked,
        back=back_of(desk),
        done=done_of(desk),
    )


def check(desk: Desk, gateway: str, account: str) -> http.Answer:
    """Asks the gateway about an account by its stored keys, and shows what it says."""
    gateway_forms.of(gateway, test=False)
    checked = gateway_keys.check(
        desk.ports,
        desk.session.merchant,
        gateway,
        account,
        events_to(desk, gateway),
        now=desk.now,
    )
    return account_page(desk, gateway, account, checked=checked)


def activate_page(desk: Desk, gateway: str, account: str) -> http.Answer:
    """Says where new purchases go from then on, before it is done."""
    held = gateway_keys.one(desk.session.merchant, gateway, account)
    return page(
        desk, "console/gateway_activate.html", account=held, is_test=_is_test(held), url=_url(held)
    )


def activate(desk: Desk, gateway: str, account: str) -> http.Answer:
    """Sends new purchases to an account."""
    held = gateway_keys.one(desk.session.merchant, gateway, account)
    gateway_accounts.activate(desk.ports, desk.merchant, gateway, held.id)
    return http.redirect(f"{_url(held)}?done=activated")


def remove_page(desk: Desk, gateway: str, account: str, *, status: int = 200) -> http.Answer:
    """Shows what hangs on an account, and the button only where nothing would break."""
    hanging = gateway_keys.hangs_on(
        desk.ports,
        desk.session.merchant,
        gateway,
        account,
        now=desk.now,
        keep_going=_keep_going,
    )
    held = hanging.holding.account
    return page(
        desk,
        "console/gateway_remove.html",
        status=status,
        hanging=hanging,
        account=held,
        is_test=hanging.test,
        url=_url(held),
    )


def remove(desk: Desk, gateway: str, account: str) -> http.Answer:
    """Removes an account and its keys, unless something would break."""
    try:
        gateway_keys.remove(
            desk.ports,
            desk.session.merchant,
            gateway,
            account,
            now=desk.now,
            keep_going=_keep_going,
        )
    except Refused:
        return remove_page(desk, gateway, account, status=409)
    return http.redirect(f"{HERE}?done=removed")


def arm_page(desk: Desk) -> http.Answer:
    """Says what arming begins, before it is done."""
    return _arming(desk)


def arm(desk: Desk) -> http.Answer:
    """Binds all accounts to this environment; charges and mails begin."""
    if desk.request.form().get("sure") != "true" and not desk.session.armed:
        return _arming(desk, Invalid("tick_to_confirm", field="sure"))
    gateway_accounts.arm(desk.ports, desk.merchant)
    return http.redirect(f"{HERE}?done=armed")


def _arming(desk: Desk, unsure: Invalid | None = None) -> http.Answer:
    accounts = [_shown(desk, each, {}) for each in desk.session.merchant.gateway_accounts]
    status = 422 if unsure else 200
    return page(desk, "console/gateways_arm.html", status=status, accounts=accounts, unsure=unsure)


def events_to(desk: Desk, gateway: str) -> str:
    """Returns the address that a gateway sends this merchant's events to."""
    base = desk.ports.operation.public_url or desk.request.base_url
    return f"{base}/webhooks/{gateway}/{desk.merchant}"


def back_of(desk: Desk, given: str | None = None) -> str:
    """Returns the console's page that somebody came from, a product's or none."""
    text = desk.request.query().get("back", "") if given is None else given
    parts = text.removeprefix(PRODUCTS).split("/")
    names = all(each and is_plain_id(each) and each.strip(".") for each in parts)
    return text if text.startswith(PRODUCTS) and names else ""


def done_of(desk: Desk) -> str | None:
    what = desk.request.query().get("done")
    return what if what in DONE else None


def _shown(desk: Desk, account: GatewayAccount, products: dict[str, tuple[str, ...]]) -> Shown:
    ref = AccountRef(desk.merchant, account.gateway, account.id)
    return Shown(
        account,
        test=ref.is_test,
        here=account.bound_to in (None, desk.ports.operation.environment),
        can=_can(desk, account),
        health=health.of(desk.ports, ref, now=desk.now),
        products=products.get(account.gateway, ()) if account.active else (),
    )


def _least(desk: Desk, account: GatewayAccount) -> Money:
    """Returns the smallest charge at an account, in the merchant's currency."""
    currency = desk.session.merchant.settings.currency
    return Money(_can(desk, account).minimum_in(currency), currency)


def _can(desk: Desk, account: GatewayAccount) -> Capabilities:
    try:
        ref = AccountRef(desk.merchant, account.gateway, account.id)
        return desk.ports.gateway(ref).capabilities
    except NotFound:
        return Capabilities(minimum_minor=1)


def _is_test(account: GatewayAccount) -> bool:
    return AccountRef("", account.gateway, account.id).is_test


def _url(account: GatewayAccount) -> str:
    return f"{HERE}/{account.gateway}/{account.id}"


def _keep_going() -> bool:
    left = deadline.seconds_left()
    return left is None or left > SECONDS_TO_ANSWER
