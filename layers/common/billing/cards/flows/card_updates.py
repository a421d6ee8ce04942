"""Updates of cards that their banks renewed: their data as the gateway has it now (W-7)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from billing.cards import cards
from billing.cards.cards import Wallet
from billing.cards.flows.cards import keep_newest, wallet
from billing.checkout import trials
from billing.kernel.customers import PaymentMethod
from billing.kernel.errors import Conflict
from billing.kernel.gateways import AccountRef
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change, ConditionCheck, Insert, Write

UPDATED = "card_updated"
GONE = "card_gone"
NOTHING_NEW = "nothing_new"
NOT_OURS = "not_ours"

AT_ONCE = 30
"""The most subscriptions of one write, each with its open invoice, beside the card and its
trial."""

COUPONS_MOST = 8
"""The coupons of one card that are counted for its new number; they are written with the card."""

CHECKED_MOST = 25
"""The subscriptions that must stand as read while their card is taken over. A payment for one
beyond them that is declined just then is retried by its schedule."""


def take_over(ports: Ports, account: AccountRef, reference: str, *, now: datetime) -> str:
    """Takes over digits, brand and date of a saved method, and retries what is past due on it.

    The same event again, late or out of order, finds nothing new. Raises `Conflict` while the card
    is being charged, which may be by its former number: sent again it is retried in any case.
    """
    card = _kept(ports, account, reference)
    if card is None:
        return NOT_OURS
    if card.removed_at is not None:
        return NOTHING_NEW  # It is kept for what it paid.
    # In this order: data read here before the gateway answered can only be older than its answer.
    found = ports.gateway(account).find_method(card.id)
    if found is None:
        return GONE
    after = cards.renewed(card, found, now)
    if after is not card:
        _commit(ports, card, after, now)
    if after.fingerprint is not None:
        keep_newest(ports, card.merchant, card.customer, now=now)
    return NOTHING_NEW if after is card else UPDATED


def _kept(ports: Ports, account: AccountRef, reference: str) -> PaymentMethod | None:
    """Returns the stored card that a gateway account names; one stored before cards were indexed is
    found by the customer that the gateway saved it for."""
    card = ports.store.payment_method_by_id(account.merchant, reference)
    if card is None:
        found = ports.gateway(account).find_method(reference)
        if found is None or found.owner is None:
            return None
        card = ports.store.payment_method(account.merchant, found.owner, found.token)
    at = (account.gateway, account.account)
    return card if card and (card.gateway, card.gateway_account) == at else None


def _commit(ports: Ports, card: PaymentMethod, after: PaymentMethod, now: datetime) -> None:
    """Writes the card with its last retries: after a crash in between, the same event again does
    the rest."""
    held = wallet(ports, card.merchant, card.customer)
    if cards.is_charged(held, card.id):
        raise Conflict()
    tries = cards.retried(held, after, now)
    while len(tries) > AT_ONCE:
        ports.store.commit(*(write for writes in tries[:AT_ONCE] for write in writes))
        tries = tries[AT_ONCE:]
    retries = [write for writes in tries for write in writes]
    ports.store.commit(
        Change(card, after, expecting=("removed_at",)),
        *_trial(ports, card, after),
        *_coupons(ports, card, after),
        *retries,
        *_undisturbed(held, card),
    )


def _undisturbed(held: Wallet, card: PaymentMethod) -> Iterator[Write]:
    """Yields the checks that no charge by the former number was declined since it was read: what
    that left past due would wait for its schedule, though its card has a new number."""
    for subscription in cards.not_past_due(held, card.id)[:CHECKED_MOST]:
        yield ConditionCheck(subscription, expecting=("state", "open_invoice"))


def _trial(ports: Ports, card: PaymentMethod, after: PaymentMethod) -> tuple[Write, ...]:
    """Returns the write that counts a trial that was had with the card for its new number too
    (C-9)."""
    if card.fingerprint in {None, after.fingerprint} or after.fingerprint is None:
        return ()
    had = ports.store.trial_use(card.merchant, trials.card_subject(card))
    known = ports.store.trial_use(card.merchant, trials.card_subject(after))
    use = None if known else trials.card_renewed(card, had, after)
    return () if use is None else (Insert(use),)


def _coupons(ports: Ports, card: PaymentMethod, after: PaymentMethod) -> tuple[Write, ...]:
    """Returns the writes that count coupons used with the card for its new number too (C-8)."""
    if card.fingerprint in {None, after.fingerprint} or after.fingerprint is None:
        return ()
    was, is_now = trials.card_subject(card), trials.card_subject(after)
    had = ports.store.coupon_uses_of(card.merchant, was, COUPONS_MOST)
    known = {use.coupon for use in ports.store.coupon_uses_of(card.merchant, is_now, COUPONS_MOST)}
    return tuple(Insert(replace(use, subject=is_now)) for use in had if use.coupon not in known)
