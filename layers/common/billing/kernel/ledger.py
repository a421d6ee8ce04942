"""The append-only double-entry ledger under every order; its trial balance is always zero (M-7)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from billing.kernel.gateways import DisputeStanding
from billing.kernel.invoices import NOT_TAX, Invoice
from billing.kernel.money import Currency, Money, half_up

RECEIVED = "assets:gateway"
"""Money that a gateway holds for the merchant; its account is
`assets:gateway:<gateway>:<account>`."""

DISPUTED = "assets:disputed"
"""Money that a bank took back until it has decided; its account is named as a gateway's."""

CHARGEBACKS = "expenses:chargebacks"
SALES = "revenue:sales"
TAX = "liabilities:tax"


@dataclass(frozen=True, slots=True)
class Posting:
    """One side of an entry: minor units, debits positive, credits negative."""

    account: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """Postings that balance, in one currency, keyed by what they book: `<invoice>:paid`."""

    id: str
    merchant: str
    customer: str
    at: datetime
    currency: Currency
    postings: tuple[Posting, ...]
    test: bool = False

    def __post_init__(self) -> None:
        assert sum(p.amount_minor for p in self.postings) == 0, "an entry balances"


def payment(invoice: Invoice, at: datetime) -> LedgerEntry:
    """What a paid invoice books: the gateway owes us its total, we earned the lines, we owe the
    tax."""
    credits: dict[str, int] = {}
    for line in invoice.lines:
        account = SALES if line.kind in NOT_TAX else f"{TAX}:{line.kind}"
        credits[account] = credits.get(account, 0) - line.amount.amount_minor
    received = f"{RECEIVED}:{invoice.gateway}:{invoice.gateway_account}"
    return LedgerEntry(
        id=f"{invoice.id}:paid",
        merchant=invoice.merchant,
        customer=invoice.customer,
        at=at,
        currency=invoice.total.currency,
        postings=(
            Posting(received, invoice.total.amount_minor),
            *(Posting(account, amount) for account, amount in credits.items()),
        ),
        test=invoice.test,
    )


def refund(refund_id: str, invoice: Invoice, amount: Money, at: datetime) -> LedgerEntry:
    """What a refund books: the reverse of its payment in proportion, each line rounded half up, the
    charge's own line taking what rounding leaves."""
    total = invoice.total.amount_minor
    back = {
        f"{TAX}:{line.kind}": half_up(line.amount.amount_minor * amount.amount_minor, total)
        for line in invoice.lines
        if line.kind not in NOT_TAX
    }
    received = f"{RECEIVED}:{invoice.gateway}:{invoice.gateway_account}"
    return LedgerEntry(
        id=f"{refund_id}:refunded",
        merchant=invoice.merchant,
        customer=invoice.customer,
        at=at,
        currency=amount.currency,
        postings=(
            Posting(received, -amount.amount_minor),
            Posting(SALES, amount.amount_minor - sum(back.values())),
            *(Posting(account, share) for account, share in back.items() if share),
        ),
        test=invoice.test,
    )


def refund_returned(refund_id: str, invoice: Invoice, amount: Money, at: datetime) -> LedgerEntry:
    """What a refund that came back books: the reverse of what it booked when it went."""
    went = refund(refund_id, invoice, amount, at)
    came = tuple(Posting(each.account, -each.amount_minor) for each in went.postings)
    return replace(went, id=f"{refund_id}:returned", postings=came)


def disputed(
    name: str,
    invoice: Invoice,
    amount: Money,
    was: DisputeStanding,
    standing: DisputeStanding,
    at: datetime,
) -> LedgerEntry | None:
    """What a chargeback books when its standing moves, None where the money stays where it was.

    What was lost is an expense; whether tax on it can be had back is the merchant's accountant's
    to say.
    """
    account = f"{invoice.gateway}:{invoice.gateway_account}"
    places = {
        DisputeStanding.WON: f"{RECEIVED}:{account}",
        DisputeStanding.OPEN: f"{DISPUTED}:{account}",
        DisputeStanding.LOST: CHARGEBACKS,
    }
    if was is standing:
        return None
    return LedgerEntry(
        id=f"{name}:disputed",
        merchant=invoice.merchant,
        customer=invoice.customer,
        at=at,
        currency=amount.currency,
        postings=(
            Posting(places[was], -amount.amount_minor),
            Posting(places[standing], amount.amount_minor),
        ),
        test=invoice.test,
    )


def trial_balance(entries: Iterable[LedgerEntry]) -> dict[tuple[str, Currency], int]:
    """The balance of each account and currency; the values of one currency always sum to zero."""
    balance: dict[tuple[str, Currency], int] = {}
    for entry in entries:
        for posting in entry.postings:
            key = (posting.account, entry.currency)
            balance[key] = balance.get(key, 0) + posting.amount_minor
    return balance
