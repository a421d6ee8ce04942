"""Changes of a customer's cards: added, made the default, removed (B-9, B-10)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime

from billing.cards import cards
from billing.cards.cards import Wallet
from billing.kernel.customers import Customer, PaymentMethod
from billing.kernel.errors import Conflict, NotFound, Refused, Unavailable, Unfinished
from billing.kernel.gateways import AccountRef, Declined
from billing.kernel.ports import Ports
from billing.kernel.storage import History
from billing.kernel.values import replace
from billing.kernel.writes import ConditionCheck, Insert, Write

ATTEMPTS = 8
EVERYTHING = None
"""The subscriptions that a new default covers unless its customer chooses: all of them (B-10)."""

MOST_WRITES = 98
"""The most writes at once, beside the one of their OutboxEvent; DynamoDB takes a hundred."""

AT_ONCE = 40
"""The most subscriptions of one write: each is two items at most, of the hundred that a transaction
has."""


def wallet(ports: Ports, merchant: str, customer: str) -> Wallet:
    """Reads the cards of a customer and what is charged to them; raises `NotFound`."""
    history = ports.store.holdings(merchant, customer)
    if history.customer is None:
        raise NotFound("customer_unknown")
    return held_by(ports, history.customer, history)


def held_by(ports: Ports, customer: Customer, history: History) -> Wallet:
    """Returns the wallet of a customer whose holdings were read."""
    elsewhere = frozenset(m.id for m in history.methods if _is_elsewhere(ports, m))
    return Wallet(
        customer, history.methods, history.subscriptions, history.invoices, elsewhere=elsewhere
    )


def _is_elsewhere(ports: Ports, method: PaymentMethod) -> bool:
    try:
        return not ports.gateway_of(method).capabilities.manages_cards
    except NotFound:
        return False  # Its account is gone, and with it what was managed there (W-6).


def is_test(ports: Ports, method: PaymentMethod) -> bool:
    """Tests whether a card takes no real money: it pays for tests alone, and no other card does
    (W-3)."""
    try:
        return ports.gateway_of(method).capabilities.test
    except NotFound:  # Its account is gone (W-6).
        return AccountRef(method.merchant, method.gateway, method.gateway_account).is_test


def add(
    ports: Ports,
    merchant: str,
    customer: str,
    *,
    account: AccountRef,
    token: str,
    attempt_key: str,
    covered: Collection[str] | None = EVERYTHING,
    default: bool = True,
    now: datetime,
) -> Declined | None:
    """Saves a card that the gateway has verified, and charges `covered` to it from now on.

    Returns the bank's refusal, None if the card was saved. The same attempt key adds one card
    however often it is sent, and a card that is there already is no second one: with another date
    it replaces the old.
    """
    provider = ports.gateway(account)
    key = f"{merchant}:{customer}:{attempt_key}"
    held = wallet(ports, merchant, customer)
    answer = provider.save_method(
        token,
        owner=customer,
        key=key,
        verify=True,
        beside=_kept_at(held, account),
    )
    if isinstance(answer, Declined):
        return answer
    method = PaymentMethod(
        id=answer.token,
        merchant=merchant,
        customer=customer,
        gateway=provider.name,
        gateway_account=provider.account,
        brand=answer.brand,
        last4=answer.last4,
        expires_on=answer.expires_on,
        fingerprint=answer.fingerprint,
        added_at=now,
        country=answer.country,
    )

    twins = [m for m in held.methods if cards.is_same_card(m, method)]
    known = next((m for m in twins if m.expires_on == method.expires_on), None)
    if known is not None and known.id != method.id:
        if _given_up(ports, method, now):
            _let_go(ports, method)
        _add(ports, known, covered, default=default, now=now)
        return None
    _add(ports, method, covered, default=default, now=now)
    for outdated in twins:
        if outdated.id != method.id:
            _replace(ports, outdated, method, now)
    return None


def _given_up(ports: Ports, method: PaymentMethod, now: datetime) -> bool:
    """Notes that a card is not kept; False if the same form, sent twice, has kept it already.

    Whoever comes later with that form finds the note, and does not keep what the gateway has let
    go.
    """
    try:
        ports.store.commit(Insert(replace(method, removed_at=now)))
    except Conflict:
        found = ports.store.payment_method(method.merchant, method.customer, method.id)
        return found is not None and found.removed_at is not None
    return True


def keep_newest(ports: Ports, merchant: str, customer: str, *, now: datetime) -> None:
    """Replaces equal cards of a customer by the newest of them (B-3, B-9)."""
    history = ports.store.holdings(merchant, customer)
    if history.customer is None:
        return  # erased meanwhile
    for before, newest in cards.outdated(held_by(ports, history.customer, history)):
        _replace(ports, before, newest, now)


def _add(
    ports: Ports,
    method: PaymentMethod,
    covered: Collection[str] | None,
    *,
    default: bool,
    now: datetime,
) -> None:
    """Saves a card unless it is saved already, and charges `covered` to it; a repeat does
    nothing."""
    test = is_test(ports, method)

    def writes(held: Wallet, some: Collection[str]) -> tuple[Write, ...]:
        kept = held.method(method.id)
        if kept is None and _was_removed(ports, method):
            return ()
        chosen = _covered(held, some, test=test)
        default_too = default or not held.methods
        used = cards.use(held, method, chosen, default=default_too, again=True, now=now)
        if kept is None:
            return (Insert(method), *used)
        return (*used, ConditionCheck(kept, expecting=("removed_at",))) if used else ()

    _commit_in_parts(ports, method.merchant, method.customer, covered, "card_added", writes, now)


def _was_removed(ports: Ports, method: PaymentMethod) -> bool:
    found = ports.store.payment_method(method.merchant, method.customer, method.id)
    return found is not None


def _replace(ports: Ports, outdated: PaymentMethod, card: PaymentMethod, now: datetime) -> None:
    """Replaces a card by the same one with another date: the old one is charged and listed no more
    (B-9).

    One that a charge under way names stays until its customer removes it.
    """

    def writes(held: Wallet) -> tuple[Write, ...]:
        by = held.method(card.id)
        if held.method(outdated.id) is None or by is None:
            return ()
        return cards.remove(held, outdated, now, by=by)

    with suppress(Refused, Unavailable):  # the newer one is kept and charged all the same
        _commit(ports, card.merchant, card.customer, None, writes, now)
        _let_go(ports, outdated)


def _let_go(ports: Ports, method: PaymentMethod) -> None:
    """Deletes the card at the gateway, if it can be reached: nothing here charges it any more
    either way."""
    with suppress(Unavailable, NotFound):
        ports.gateway_of(method).forget(method.id)


def use(
    ports: Ports,
    merchant: str,
    customer: str,
    method: str,
    *,
    covered: Collection[str] | None = EVERYTHING,
    now: datetime,
) -> None:
    """Makes a card the default, and charges `covered` to it from now on (B-9, B-10).

    Raises `NotFound`, and `Refused` (card_elsewhere) for a method that its gateway manages.
    """

    def writes(held: Wallet, some: Collection[str]) -> tuple[Write, ...]:
        chosen = _one(held, method)
        if method in held.elsewhere:
            raise Refused("card_elsewhere", gateway=chosen.gateway)
        paid_for = _covered(held, some, test=is_test(ports, chosen))
        used = cards.use(held, chosen, paid_for, default=True, now=now)
        return (*used, ConditionCheck(chosen, expecting=("removed_at",))) if used else ()

    _commit_in_parts(ports, merchant, customer, covered, "card_default", writes, now)


def remove(ports: Ports, merchant: str, customer: str, method: str, *, now: datetime) -> None:
    """Removes a card; raises `Refused` (last_card, charge_under_way) and `NotFound` (B-9).

    It is deleted at its gateway too, if that can be reached: nothing here charges it any more
    either way.
    """
    removed = _one(wallet(ports, merchant, customer), method)

    def writes(held: Wallet) -> tuple[Write, ...]:
        return cards.remove(held, _one(held, method), now)

    _commit(ports, merchant, customer, "card_removed", writes, now)
    _let_go(ports, removed)


def _commit_in_parts(
    ports: Ports,
    merchant: str,
    customer: str,
    covered: Collection[str] | None,
    what: str,
    writes: Callable[[Wallet, Collection[str]], tuple[Write, ...]],
    now: datetime,
) -> None:
    """Writes a change of more subscriptions than a transaction holds in parts, with one
    OutboxEvent; after a failure in between (`Unfinished`), the same call again does the rest."""
    held = wallet(ports, merchant, customer)
    chosen = [s.id for s in held.payable if covered is None or s.id in covered]
    for start in range(0, max(1, len(chosen)), AT_ONCE):
        some = chosen[start : start + AT_ONCE]

        def part(held: Wallet, some: Collection[str] = some) -> tuple[Write, ...]:
            return writes(held, some)

        try:
            _commit(ports, merchant, customer, None if start else what, part, now)
        except Unavailable as outage:
            if not start:
                raise
            raise Unfinished("Some subscriptions are paid by another card still.") from outage


def _commit(
    ports: Ports,
    merchant: str,
    customer: str,
    what: str | None,
    writes: Callable[[Wallet], tuple[Write, ...]],
    now: datetime,
) -> None:
    """Decides and writes, anew when another writer came between; each change has an OutboxEvent
    (B-3)."""
    for _ in range(ATTEMPTS):
        held = wallet(ports, merchant, customer)
        changes = writes(held)
        if not changes:
            return
        if len(changes) > MOST_WRITES:
            raise Refused("too_many")
        events = (
            cards.change_events(held.customer, what, now, ports.shard_of(customer)) if what else ()
        )
        try:
            ports.store.commit(*changes, *events)
        except Conflict:
            continue
        return
    raise Conflict()


def _one(held: Wallet, method: str) -> PaymentMethod:
    found = held.method(method)
    if found is None:
        raise NotFound("card_unknown")
    return found


def _kept_at(held: Wallet, account: AccountRef) -> str | None:
    """Returns a card of the customer's own that is stored at an account already: the default, if it
    is one of them."""
    at = (account.gateway, account.account)
    kept = [m.id for m in held.own if (m.gateway, m.gateway_account) == at]
    default = held.customer.default_method
    return default if default in kept else next(iter(kept), None)


def _covered(held: Wallet, chosen: Collection[str] | None, *, test: bool) -> list[str]:
    return [s.id for s in held.coverable(test=test) if chosen is None or s.id in chosen]
