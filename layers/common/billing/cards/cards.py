"""Rules for a customer's cards: removal, default, covered subscriptions, and the writes of each
change (B-9, B-10)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from billing.kernel import charge_eligibility
from billing.kernel.customers import Customer, FormerCard, PaymentMethod, email_hash
from billing.kernel.errors import Refused
from billing.kernel.gateways import SavedMethod
from billing.kernel.invoices import UNDER_WAY, Invoice, InvoiceState
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.subscription import State, Subscription
from billing.kernel.values import Value, replace
from billing.kernel.writes import Change, ConditionCheck, Insert, Transaction, Write
from billing.rebill.charge_steps import ATTEMPT

FORMER_MOST = 8
"""The most former numbers (brand and last digits) that are kept of a renewed card."""


class Wallet(Value):
    """A customer's cards, with the subscriptions and invoices that are read before a card changes.

    `methods` are oldest first, `under_way` the charges being made now. `elsewhere` are the methods
    that their gateway manages on its own pages, such as a wallet's.
    """

    customer: Customer
    methods: tuple[PaymentMethod, ...]
    subscriptions: tuple[Subscription, ...]
    invoices: tuple[Invoice, ...]
    elsewhere: frozenset[str] = frozenset()

    def coverable(self, *, test: bool) -> tuple[Subscription, ...]:
        """Returns the subscriptions that a card here can pay for: those paid by a method that its
        gateway manages are changed there (B-9), and a test card pays for tests alone (W-3)."""
        return tuple(
            s for s in self.payable if s.test is test and s.payment_method not in self.elsewhere
        )

    def beside(self, method: str) -> tuple[PaymentMethod, ...]:
        """Returns the other cards that can take over from one: the customer's own at the same
        gateway account (W-6)."""
        at = {(m.gateway, m.gateway_account) for m in self.methods if m.id == method}
        others = (m for m in self.own if m.id != method and m.id not in self.elsewhere)
        return tuple(m for m in others if (m.gateway, m.gateway_account) in at)

    @property
    def own(self) -> tuple[PaymentMethod, ...]:
        """Returns the cards that the customer gave or chose; the others pay only for what somebody
        bought with them under the customer's email (B-3)."""
        paid = {(s.payment_method, s.id) for s in self.subscriptions}
        return tuple(
            m
            for m in self.methods
            if m.given_for is None
            or m.id == self.customer.default_method
            or any(method == m.id and paid_for != m.given_for for method, paid_for in paid)
        )

    @property
    def payable(self) -> tuple[Subscription, ...]:
        """Returns the subscriptions that may still charge: a pending cancellation can be undone
        (B-9)."""
        return tuple(s for s in self.subscriptions if s.is_live)

    @property
    def open_invoices(self) -> dict[str, Invoice]:
        """Returns the open invoice of each subscription that has one, by the subscription's id."""
        by_id = {invoice.id: invoice for invoice in self.invoices}
        held = ((s.id, by_id.get(s.open_invoice or "")) for s in self.payable)
        return {name: invoice for name, invoice in held if invoice is not None}

    def method(self, method: str) -> PaymentMethod | None:
        return next((m for m in self.methods if m.id == method), None)

    def under_way(self, subscription: str) -> bool:
        """Tests whether a charge of a subscription is being made now."""
        invoice = self.open_invoices.get(subscription)
        return invoice is not None and invoice.state in UNDER_WAY


def why_it_stays(wallet: Wallet, method: str) -> str | None:
    """Returns the code of what forbids removing a card, None if nothing does (B-9)."""
    if method in wallet.elsewhere:
        return "card_elsewhere"
    named = (i.payment_method for i in wallet.invoices if i.state in UNDER_WAY)
    if method in set(named):
        return "charge_under_way"
    pays = any(s.payment_method == method for s in wallet.payable)
    if (len(wallet.methods) == 1 and wallet.payable) or (pays and not wallet.beside(method)):
        return "last_card"
    return None


def use(
    wallet: Wallet,
    method: PaymentMethod,
    covered: Collection[str],
    *,
    default: bool,
    now: datetime,
    again: bool = False,
) -> tuple[Write, ...]:
    """Charges `covered` to a card from now on, and what of it is past due at once (B-10).

    `again` also retries what is charged to this card already: it was given once more.
    """
    writes: list[Write] = []
    after = replace(wallet.customer, default_method=method.id)
    if default and after != wallet.customer:
        writes.append(Change(wallet.customer, after))
    for subscription in wallet.payable:
        if subscription.id in covered:
            writes += _charged_to(wallet, subscription, method, now, again)
    return tuple(writes)


def _charged_to(
    wallet: Wallet, before: Subscription, method: PaymentMethod, now: datetime, again: bool
) -> Iterable[Write]:
    after = _on(before, method)
    if after == before and not (again and before.state is State.PAST_DUE):
        return ()
    moved = (Change(before, after, expecting=("state",)),) if after != before else ()
    if before.state is not State.PAST_DUE:
        return moved
    invoice = wallet.open_invoices.get(before.id)
    # What is under way may be given up meanwhile, and what is not may begin: it is tried once.
    as_read = () if invoice is None else (ConditionCheck(invoice, expecting=ATTEMPT),)
    if wallet.under_way(before.id):
        return (*moved, *as_read)
    asked = after.asked_to_pay(now)
    return (Change(before, asked, expecting=(*charge_eligibility.LOOKED_AT, "due_at")), *as_read)


def _on(subscription: Subscription, method: PaymentMethod) -> Subscription:
    return replace(
        subscription,
        payment_method=method.id,
        gateway=method.gateway,
        gateway_account=method.gateway_account,
    )


def renewed(method: PaymentMethod, found: SavedMethod, now: datetime) -> PaymentMethod:
    """Returns a stored card as its gateway has it now; the same object where nothing is new (W-7).

    With another date, its customer is reminded of its expiry again. Its former digits stay for what
    they paid.
    """
    after = replace(
        method,
        brand=found.brand,
        last4=found.last4,
        expires_on=found.expires_on,
        fingerprint=found.fingerprint,
    )
    if after == method:
        return method
    if after.expires_on != method.expires_on:
        after = replace(after, expiry_told=False)
    if (after.brand, after.last4) == (method.brand, method.last4):
        return after
    was = FormerCard(method.brand, method.last4, now)
    return replace(after, formerly=(*method.formerly, was)[-FORMER_MOST:])


def is_charged(wallet: Wallet, method: str) -> bool:
    """Tests whether a card is being charged just now, which may be by its former number."""
    return any(
        invoice.state is InvoiceState.CONFIRMING and invoice.payment_method == method
        for invoice in wallet.invoices
    )


def retried(wallet: Wallet, method: PaymentMethod, now: datetime) -> list[tuple[Write, ...]]:
    """Returns the writes that retry at once what is past due on a renewed card, by subscription:
    outside the attempt count, as with a new card (R-4, B-10, W-7)."""
    ours = (s for s in wallet.payable if s.payment_method == method.id and s.pay_now is None)
    tries = (tuple(_charged_to(wallet, each, method, now, again=True)) for each in ours)
    return [writes for writes in tries if writes]


def not_past_due(wallet: Wallet, method: str) -> tuple[Subscription, ...]:
    """Returns what a card is charged for, without what is past due."""
    return tuple(
        s for s in wallet.payable if s.payment_method == method and s.state is not State.PAST_DUE
    )


def is_same_card(one: PaymentMethod, other: PaymentMethod) -> bool:
    """Tests whether two saved methods are one card; only the gateway that keeps both can tell."""
    kept_at = (one.gateway, one.gateway_account) == (other.gateway, other.gateway_account)
    return kept_at and one.fingerprint is not None and one.fingerprint == other.fingerprint


def outdated(wallet: Wallet) -> list[tuple[PaymentMethod, PaymentMethod]]:
    """Pairs each card that was given again since with its newest copy: it is kept once (B-9)."""
    kept = [m for m in wallet.methods if m.id not in wallet.elsewhere]
    newest = {m.id: max((t for t in kept if is_same_card(m, t)), default=m, key=_age) for m in kept}
    return [(m, newest[m.id]) for m in kept if newest[m.id] is not m]


def _age(method: PaymentMethod) -> tuple[datetime, str]:
    return method.added_at, method.id


def remove(
    wallet: Wallet, method: PaymentMethod, now: datetime, *, by: PaymentMethod | None = None
) -> tuple[Write, ...]:
    """Returns the writes that remove a card; raises `Refused`.

    What it paid for is charged from now on to another card of its account, the default if it can
    be, or to the card that replaces it (`by`). If it was the default, `by` becomes that, else the
    newest other card (B-9).
    """
    reason = why_it_stays(wallet, method.id)
    if reason is not None and (by is None or reason != "last_card"):
        raise Refused(reason, gateway=method.gateway)
    writes: list[Write] = [Change(method, replace(method, removed_at=now))]
    was_default = wallet.customer.default_method == method.id
    successor = by if by is not None and was_default else heir(wallet, method.id)
    payer = by or taker(wallet, method.id)
    if successor is None or successor.id != wallet.customer.default_method:
        after = replace(wallet.customer, default_method=successor.id if successor else None)
        writes.append(Change(wallet.customer, after))
    else:
        writes.append(ConditionCheck(wallet.customer, expecting=("default_method",)))
    for subscription in wallet.payable:
        if subscription.payment_method == method.id:
            assert payer is not None, "at least one card stays while anything may charge"
            paid_by_it = _on(subscription, payer)
            writes.append(Change(subscription, paid_by_it, expecting=("state", "open_invoice")))
        else:
            # No subscription may change to the card meanwhile, and no charge begin with it.
            writes.append(
                ConditionCheck(subscription, expecting=("payment_method", "open_invoice"))
            )
    writes += [
        ConditionCheck(invoice, expecting=ATTEMPT) for invoice in wallet.open_invoices.values()
    ]
    # Two cards removed at once would each see the other stay.
    stay = {card.id: card for card in (successor, payer) if card is not None}
    writes += [ConditionCheck(card, expecting=("removed_at",)) for card in stay.values()]
    return tuple(writes)


def heir(wallet: Wallet, method: str) -> PaymentMethod | None:
    """Returns the default once a card is gone: the present one, else the newest other one of the
    customer's own (B-9)."""
    return _default_or_newest(wallet, [m for m in wallet.own if m.id != method])


def taker(wallet: Wallet, method: str) -> PaymentMethod | None:
    """Returns the card, at the same account, that pays for what a removed card paid for (W-6)."""
    return _default_or_newest(wallet, wallet.beside(method))


def _default_or_newest(wallet: Wallet, others: Sequence[PaymentMethod]) -> PaymentMethod | None:
    default = wallet.customer.default_method
    kept = next((m for m in others if m.id == default), None)
    return kept or (others[-1] if others else None)


def change_events(
    customer: Customer,
    what: str,
    now: datetime,
    shard: int,
    subscription: str | None = None,
    *,
    email: str | None = None,
) -> Transaction:
    """Makes the OutboxEvent that a customer's details were changed, mailed to the address on file,
    or to `email` (B-3)."""
    name = subscription or customer.id
    if email is not None:
        name = f"{name}:{email_hash(customer.merchant, email)}"
    event = OutboxEvent(
        id=f"{name}:{EventKind.DETAILS_CHANGED}:{what}:{now:%Y%m%dT%H%M%S%f}",
        kind=EventKind.DETAILS_CHANGED,
        merchant=customer.merchant,
        customer=customer.id,
        at=now,
        shard=shard,
        subscription=subscription,
        code=what,
        email=email,
    )
    return (Insert(event),)
