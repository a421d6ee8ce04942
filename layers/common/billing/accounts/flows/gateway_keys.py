"""Keys of gateway accounts as merchants give them: tried at the gateway, stored, taken away.

A form that tries keys would tell a thief which stolen ones are good, so a merchant has few tries an
hour. One change of a merchant's keys is made at a time: a removal must not take away what was
stored a moment after it began (W-1, W-2, W-6).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from billing.accounts.flows import gateway_accounts
from billing.accounts.flows.gateway_accounts import Holding
from billing.catalog.flows import product_lists
from billing.kernel.errors import (
    BillingError,
    Conflict,
    Invalid,
    NotFound,
    Refused,
    TooMany,
    Unavailable,
)
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.gateway_setup import AccountFound, EndpointState, Keys
from billing.kernel.gateways import AccountRef
from billing.kernel.merchants import GatewayAccount, Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import Value, shown_without

TRIES = 20
"""The number of times in an hour that a merchant may have keys tried."""

WINDOW = timedelta(hours=1)

CHANGING_FOR = timedelta(minutes=2)
"""The time after which a change that was killed no longer keeps others out: four times the life of
the function that makes it."""


class Given(Value):
    """Keys that a merchant has given, for test or live mode.

    `attempt` was drawn with the form, so that sending it again makes nothing twice. `present` is
    the account whose keys they replace. `activate` sends new purchases there.
    """

    gateway: str
    test: bool
    keys: Keys
    events_to: str
    attempt: str
    activate: bool = False
    present: str | None = None

    def __repr__(self) -> str:
        return shown_without(self, "keys")


class Connected(Value):
    """An account whose keys are stored now; `tidied` is false where an older endpoint is left at
    the gateway."""

    account: str
    found: AccountFound
    is_new: bool
    tidied: bool


class Checked(Value):
    """The gateway's answer about an account by its stored keys, or the `problem` in its place."""

    found: AccountFound | None = None
    endpoint: EndpointState | None = None
    problem: BillingError | None = None


def connect(ports: Ports, merchant: Merchant, given: Given, *, now: datetime) -> Connected:
    """Tries keys at their gateway, stores them, and adds their account where it is new.

    Raises `TooMany`, `Conflict` while another change is made, `Invalid` and `Refused` with what is
    wrong, and `Unavailable`; then nothing is stored.
    """
    _count_try(ports, merchant.id, now)
    with _alone(ports, merchant.id, now):
        setup = ports.gateway_setup(given.gateway, given.test, given.keys)
        found = setup.find_account()
        if given.present is not None and found.account != given.present:
            raise _of_another(given, found)
        ref = AccountRef(merchant.id, given.gateway, found.account)
        kept = ports.key_store.read(ref) or {}
        listening = setup.listen(
            given.events_to, kept, key=f"{merchant.id}:{found.account}:{given.attempt}"
        )
        ports.key_store.put(ref, listening.keys)
        before = _find(merchant, given.gateway, found.account)
        gateway_accounts.keep(
            ports,
            merchant.id,
            given.gateway,
            found.account,
            name=found.name,
            activate=given.activate,
        )
        tidied = True
        if listening.endpoint is not None:
            try:
                setup.tidy(given.events_to, listening.endpoint)
            except (Unavailable, Invalid, Refused, Conflict):
                tidied = False
    return Connected(found.account, found, before is None, tidied)


def check(
    ports: Ports, merchant: Merchant, gateway: str, account: str, events_to: str, *, now: datetime
) -> Checked:
    """Asks the gateway about an account by its stored keys; raises `TooMany` and `NotFound`."""
    held = one(merchant, gateway, account)
    _count_try(ports, merchant.id, now)
    ref = AccountRef(merchant.id, gateway, held.id)
    try:
        kept = ports.key_store.read(ref)
        if kept is None:
            return Checked(problem=Refused("no_keys_stored"))
        setup = ports.gateway_setup(gateway, ref.is_test, kept)
        found = setup.find_account()
        return Checked(found, setup.endpoint(events_to))
    except (Unavailable, Invalid, Refused, Conflict) as problem:
        return Checked(problem=problem)


def remove(
    ports: Ports,
    merchant: Merchant,
    gateway: str,
    account: str,
    *,
    now: datetime,
    keep_going: KeepGoing,
) -> None:
    """Removes an account and its keys, unless something would break; raises `Refused` then."""
    hanging = hangs_on(ports, merchant, gateway, account, now=now, keep_going=keep_going)
    if hanging.keeps_it:
        raise Refused("gateway_account_needed")
    with _alone(ports, merchant.id, now):
        gateway_accounts.remove(ports, merchant, gateway, account, force=True, now=now)
        ports.key_store.remove(AccountRef(merchant.id, gateway, account))


class Hanging(Value):
    """The things that depend on an account; without it nobody could buy the `products`."""

    holding: Holding
    products: tuple[str, ...]
    test: bool

    @property
    def keeps_it(self) -> bool:
        """Tells whether removing the account would break something; refunds of test payments would
        move no money, and are let go."""
        if self.products or self.holding.live_subscriptions or self.holding.open_invoices:
            return True
        if not self.holding.complete:
            return True
        return bool(self.holding.refundable_payments) and not self.test


def hangs_on(
    ports: Ports,
    merchant: Merchant,
    gateway: str,
    account: str,
    *,
    now: datetime,
    keep_going: KeepGoing,
) -> Hanging:
    """Returns what depends on an account; raises `NotFound`."""
    chosen = one(merchant, gateway, account)
    holdings = gateway_accounts.list_accounts(ports, merchant, now=now, keep_going=keep_going)
    holding = next(h for h in holdings if h.account == chosen)
    products = products_at(ports, merchant).get(gateway, ()) if chosen.active else ()
    return Hanging(holding, products, AccountRef(merchant.id, gateway, account).is_test)


def products_at(ports: Ports, merchant: Merchant) -> dict[str, tuple[str, ...]]:
    """Returns the names of the products on sale at each gateway."""
    products = list(product_lists.every(ports, merchant))[::-1]
    found: dict[str, tuple[str, ...]] = {}
    for product in products:
        for gateway in () if product.archived else product.gateways:
            found[gateway] = (*found.get(gateway, ()), product.name)
    return found


def one(merchant: Merchant, gateway: str, account: str) -> GatewayAccount:
    """Returns one of a merchant's own accounts; raises `NotFound`."""
    found = _find(merchant, gateway, account)
    if found is None:
        raise NotFound("gateway_account_unknown")
    return found


def _find(merchant: Merchant, gateway: str, account: str) -> GatewayAccount | None:
    accounts = merchant.gateway_accounts
    return next((a for a in accounts if (a.gateway, a.id) == (gateway, account)), None)


def _of_another(given: Given, found: AccountFound) -> Invalid:
    (first, *_) = given.keys
    return Invalid("keys_of_other_account", field=first, account=found.account)


def _count_try(ports: Ports, merchant: str, now: datetime) -> None:
    if not ports.operation.limits:
        return
    if ports.ephemeral.hit("gateway_keys", merchant, window=WINDOW, now=now) > TRIES:
        raise TooMany("too_many_key_tries")


@contextmanager
def _alone(ports: Ports, merchant: str, now: datetime) -> Iterator[None]:
    """Holds the one change of a merchant's keys; raises `Conflict` while there is another."""
    kind, until = "gateway_change", now + CHANGING_FOR
    if not ports.ephemeral.put(kind, merchant, "1", expires_at=until, now=now):
        raise Conflict("gateway_change_under_way", code="conflict")
    try:
        yield
    finally:
        ports.ephemeral.take(kind, merchant, now=now)
