"""A world with all its functions, whose calls go over one line that may break."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from billing.accounts.web import console_session
from billing.api.flows import keys
from billing.kernel.merchants import ApiKey, PortalKind, SelfService
from billing.kernel.values import replace
from billing.kernel.writes import Insert
from billing.web import sessions
from functions.account import app as account_app
from functions.console import app as console_app
from functions.helpdesk import app as helpdesk_app
from functions.merchant import app as merchant_app
from functions.portal import app as portal_app
from tests.accounts.platform import PASSWORD, SELLER
from tests.scenarios.outages import Line
from tests.web.calls import Answer, Client
from tests.web.shop import link_of
from tests.world import World

JSON = "application/json"

Act = Callable[[], Answer]


@dataclass
class Stage:
    """A world with all its functions, whose calls go over one line."""

    world: World
    line: Line

    @classmethod
    def of(cls, line: Line, world: World | None = None) -> Stage:
        made = world or World()
        settings = replace(
            made.merchant.settings,
            portal=PortalKind.HELPDESK,
            self_cancel=SelfService.AUTOMATIC,
            self_refund=SelfService.AUTOMATIC,
            self_freeze=True,
            freeze_price_minor=999,
        )
        made.change_merchant(settings=settings)
        line.over(made)
        return cls(made, line)

    def api(self) -> Client:
        secret = "sk_acme"
        key = ApiKey("key_1", keys.digest(secret), "acme", self.world.now)
        if self.world.store.api_key(key.key_hash) is None:
            self.world.store.commit(Insert(key))
        return Client(merchant_app.build(self.world.ports), secret)

    def post(self, address: str, body: Any = None, **headers: str) -> Act:
        api = self.api()
        return lambda: api.post(address, {} if body is None else body, **headers)

    def form(self, client: Client, realm: sessions.Realm, address: str, **fields: str) -> Act:
        """A form of who is signed in."""
        held = next(v for n, v in client.cookies.items() if n.endswith(realm.name))
        typed = {"csrf": sessions.csrf_of(held), **fields}
        return lambda: client.browse("POST", address, typed, accept=JSON)

    def portal(self, page: str, **fields: str) -> Act:
        visitor = Client(portal_app.build(self.world.ports))
        order = next(o.id for o in self.world.orders() if o.kind == "sale")
        typed = {"order_id": order, "email": "ann@example.com"}
        assert visitor.browse("POST", "/portal/acme/login", typed).status == 303
        return self.form(visitor, sessions.Realm("portal"), f"/portal/acme{page}", **fields)

    def console(self, page: str, **fields: str) -> Act:
        browser = Client(console_app.build(self.world.ports))
        link = link_of(self.world)
        assert browser.browse("POST", link, {}).status == 303
        return self.form(browser, console_session.REALM, f"/console{page}", **fields)

    def helpdesk(self, page: str, **fields: str) -> Act:
        guest = Client(helpdesk_app.build(self.world.ports))
        return lambda: guest.browse("POST", f"/helpdesk/acme{page}", fields, accept=JSON)

    def account(self, page: str, **fields: str) -> Act:
        """A page of the account of somebody who sells here."""
        owner = Client(account_app.build(self.world.ports))
        typed = {"email": SELLER, "password": PASSWORD}
        assert owner.browse("POST", "/account/sign-in", typed).status == 303
        return self.form(owner, console_session.REALM, f"/account{page}", **fields)

    @property
    def subscription(self) -> str:
        return f"/v1/subscriptions/{self.world.subscription().id}"
