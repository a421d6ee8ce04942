"""A merchant's gateway accounts: added, activated, removed, armed (W-5, W-6).

The keys of an account are in the secret store, under the same names; IAM decides who may put them
there, not this code.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice

from billing.kernel.due import DueKind
from billing.kernel.errors import Conflict, NotFound, Refused
from billing.kernel.flows.paging import pages
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.gateways import SANDBOX, AccountRef, AtGateway
from billing.kernel.invoices import FINAL, Invoice
from billing.kernel.merchants import GatewayAccount, Merchant
from billing.kernel.orders import PAYMENTS, Order
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value, replace
from billing.kernel.writes import Change
from billing.refunds import value

_AccountsChange = Callable[[tuple[GatewayAccount, ...]], tuple[GatewayAccount, ...]]

ATTEMPTS = 8
REFUNDABLE_FOR = timedelta(days=180)
"""The time for which payments count as refundable; gateways refuse what is much older."""

READ_AT_ONCE = 200
ORDERS_AT_MOST = 20_000
WAITING_AT_MOST = 2_000
"""The most attempts that are looked through in a shard, of all sellers."""

LOOKED_AT_WITHIN = timedelta(days=30)
"""More than the time after which an attempt that has not ended is looked at."""


class Holding(Value):
    """A gateway account and what depends on it; `complete` is false where there was more to
    count."""

    account: GatewayAccount
    bound_here: bool
    live_subscriptions: int
    open_invoices: int
    refundable_payments: int
    complete: bool

    @property
    def is_free(self) -> bool:
        """Tests whether removing the account would lose nothing."""
        return self.complete and not (
            self.live_subscriptions or self.open_invoices or self.refundable_payments
        )


def list_accounts(
    ports: Ports, merchant: Merchant, *, now: datetime, keep_going: KeepGoing = lambda: True
) -> list[Holding]:
    """Lists a merchant's gateway accounts, each with what depends on it (W-6).

    What there is no time to count leaves them not complete.
    """
    live, all_counted = _live_subscriptions(ports, merchant, now, keep_going)
    keys = [(s.merchant, s.customer, s.open_invoice) for s in live if s.open_invoice]
    attempts, all_attempts = _attempts(ports, merchant, now, keep_going)
    opened = [*attempts, *(i for i in _invoices(ports, keys) if i.state not in FINAL)]
    payments, complete = _payments(ports, merchant, now, keep_going)
    paid = [(o.merchant, o.customer, o.invoice) for o in payments if o.customer and o.invoice]
    refundable = [i for i in _invoices(ports, paid) if value.refundable(i)]
    lives, opens, pays = _by_account(live), _by_account(opened), _by_account(refundable)
    here = {None, ports.operation.environment}
    return [
        Holding(
            account=each,
            bound_here=each.bound_to in here,
            live_subscriptions=lives[each.gateway, each.id],
            open_invoices=opens[each.gateway, each.id],
            refundable_payments=pays[each.gateway, each.id],
            complete=complete and all_counted and all_attempts,
        )
        for each in merchant.gateway_accounts
    ]


def add(ports: Ports, merchant: str, gateway: str, account: str) -> Merchant:
    """Adds an account whose keys are in the secret store: bound to this environment, and active.

    Adding it again makes it active and binds it here. Raises `NotFound` without keys.
    """
    if gateway == SANDBOX:
        raise Refused("sandbox")
    ports.gateway(AccountRef(merchant, gateway, account))
    new = GatewayAccount(gateway, account, bound_to=ports.operation.environment)

    def change(accounts: tuple[GatewayAccount, ...]) -> tuple[GatewayAccount, ...]:
        others = (a for a in accounts if (a.gateway, a.id) != (gateway, account))
        return _only_active((*others, new), new)

    return _changed(ports, merchant, change)


def keep(
    ports: Ports, merchant: str, gateway: str, account: str, *, name: str | None, activate: bool
) -> Merchant:
    """Adds an account whose keys were stored, or names one that is there already.

    A new one is bound to this environment, and active if it is the gateway's only one or is to be.
    One that is there stays bound to where it is: new keys arm nothing (W-5).
    """
    here = ports.operation.environment

    def change(accounts: tuple[GatewayAccount, ...]) -> tuple[GatewayAccount, ...]:
        held = next((a for a in accounts if (a.gateway, a.id) == (gateway, account)), None)
        alone = not any(a.active for a in accounts if a.gateway == gateway)
        if held is None:
            kept = GatewayAccount(gateway, account, active=alone, bound_to=here, name=name)
            accounts = (*accounts, kept)
        else:
            kept = replace(held, name=name or held.name)
            accounts = tuple(kept if a is held else a for a in accounts)
        return _only_active(accounts, kept) if activate else accounts

    return _changed(ports, merchant, change)


def activate(ports: Ports, merchant: str, gateway: str, account: str) -> Merchant:
    """Makes an account active: new purchases through this gateway go to it, while what is at
    another one stays there.

    Raises `NotFound`.
    """

    def change(accounts: tuple[GatewayAccount, ...]) -> tuple[GatewayAccount, ...]:
        return _only_active(accounts, _one(accounts, gateway, account))

    return _changed(ports, merchant, change)


def remove(
    ports: Ports, merchant: Merchant, gateway: str, account: str, *, force: bool, now: datetime
) -> Merchant:
    """Removes a gateway account. Raises `NotFound`, and `Refused` (account_in_use) with the numbers
    of what depends on it, unless `force` accepts that loss."""
    chosen = _one(merchant.gateway_accounts, gateway, account)
    if not force:
        holding = next(h for h in list_accounts(ports, merchant, now=now) if h.account == chosen)
        if not holding.is_free:
            raise _in_use(holding)

    def change(accounts: tuple[GatewayAccount, ...]) -> tuple[GatewayAccount, ...]:
        _one(accounts, gateway, account)
        return tuple(a for a in accounts if (a.gateway, a.id) != (gateway, account))

    return _changed(ports, merchant.id, change)


def arm(ports: Ports, merchant: str) -> Merchant:
    """Binds every gateway account to this environment: charges and mails begin (W-5).

    What was missed for long waits for the merchant's decision, as after any stop (R-2).
    """

    def change(accounts: tuple[GatewayAccount, ...]) -> tuple[GatewayAccount, ...]:
        here = ports.operation.environment
        return tuple(replace(account, bound_to=here) for account in accounts)

    return _changed(ports, merchant, change, arming=True)


def _changed(
    ports: Ports, merchant: str, change: _AccountsChange, arming: bool = False
) -> Merchant:
    for _ in range(ATTEMPTS):
        before = ports.store.merchant(merchant)
        if before is None:
            raise NotFound("merchant_unknown")
        accounts = change(before.gateway_accounts)
        armed = arming or before.armed
        after = replace(before, gateway_accounts=accounts, armed=armed)
        if after == before:
            return before
        try:
            ports.store.commit(Change(before, after, expecting=("gateway_accounts", "armed")))
        except Conflict:
            continue
        return after
    raise Conflict()


def _one(accounts: Iterable[GatewayAccount], gateway: str, account: str) -> GatewayAccount:
    found = next((a for a in accounts if (a.gateway, a.id) == (gateway, account)), None)
    if found is None:
        raise NotFound("gateway_account_unknown")
    return found


def _only_active(
    accounts: Iterable[GatewayAccount], chosen: GatewayAccount
) -> tuple[GatewayAccount, ...]:
    return tuple(
        replace(a, active=a is chosen) if a.gateway == chosen.gateway else a for a in accounts
    )


def _by_account(held: Iterable[AtGateway]) -> Counter[tuple[str, str]]:
    return Counter((each.gateway, each.gateway_account) for each in held)


def _in_use(holding: Holding) -> Refused:
    return Refused(
        "account_in_use" if holding.complete else "account_in_use_by_more",
        code="account_in_use",
        subscriptions=holding.live_subscriptions,
        invoices=holding.open_invoices,
        payments=holding.refundable_payments,
    )


def _live_subscriptions(
    ports: Ports, merchant: Merchant, now: datetime, keep_going: KeepGoing
) -> tuple[list[Subscription], bool]:
    """Lists the subscriptions that are live, and whether that is all of them."""
    found: list[Subscription] = []
    for page in pages(
        lambda cursor: ports.store.subscriptions_started(
            merchant.id,
            since=merchant.oldest_sold - timedelta(days=1),
            until=now + timedelta(days=1),
            limit=READ_AT_ONCE,
            cursor=cursor,
        )
    ):
        found += (s for s in page.data if s.is_live)
        if page.next is not None and not keep_going():
            return found, False
    return found, True


def _attempts(
    ports: Ports, merchant: Merchant, now: datetime, keep_going: KeepGoing
) -> tuple[list[Invoice], bool]:
    """Lists the invoices of attempts at the checkout that have not ended, and whether that is all
    of them.

    No index has them by seller; those of all sellers are as many as were begun in an hour.
    """
    found: list[Invoice] = []
    for shard in range(ports.operation.shards):
        if shard and not keep_going():
            return found, False
        waiting = ports.store.due(DueKind.CHECKOUT, shard, now + LOOKED_AT_WITHIN, WAITING_AT_MOST)
        theirs = [each.owner for each in waiting if each.owner[0] == merchant.id]
        attempts = (ports.store.checkout(*owner) for owner in theirs)
        found += (each.invoice for each in attempts if each and each.due_kind is DueKind.CHECKOUT)
        if len(waiting) == WAITING_AT_MOST:
            return found, False
    return found, True


def _payments(
    ports: Ports, merchant: Merchant, now: datetime, keep_going: KeepGoing
) -> tuple[list[Order], bool]:
    """Lists the payments of the last 180 days that can still be refunded, and whether that is all
    of them."""
    found: list[Order] = []
    read, cursor = 0, None
    while read < ORDERS_AT_MOST and (read == 0 or keep_going()):
        page = ports.store.orders(
            merchant.id,
            since=now - REFUNDABLE_FOR,
            until=now + timedelta(days=1),
            limit=READ_AT_ONCE,
            cursor=cursor,
            lists=merchant.order_lists,
        )
        read += len(page.data)
        found += (o for o in page.data if o.kind in PAYMENTS and o.amount)
        if (cursor := page.next) is None:
            return found, True
    return found, False


def _invoices(ports: Ports, keys: list[tuple[str, str, str]]) -> Iterator[Invoice]:
    remaining = iter(keys)
    while some := list(islice(remaining, READ_AT_ONCE)):
        yield from (i for i in ports.store.invoices(some) if i is not None)
