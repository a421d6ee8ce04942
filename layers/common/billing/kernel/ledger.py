"""The append-only double-entry ledger of all orders; its trial balance is always zero (M-7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from billing.kernel.gateways import DisputeStanding
from billing.kernel.invoices import Invoice
from billing.kernel.money import Currency, Money
from billing.kernel.values import Value, replace
from billing.kernel.writes import Entity

RECEIVED = "assets:gateway"
"""Money that a gateway holds for the merchant; the ledger account is
`assets:gateway:<gateway>:<account>`."""

DISPUTED = "assets:disputed"
"""Money that a bank has taken back until it decides; the ledger account is named as a gateway's
is."""

CHARGEBACKS = "expenses:chargebacks"
SALES = "revenue:sales"
TAX = "liabilities:tax"


class Posting(Value):
    """One side of a ledger entry, in minor units; debits are positive, credits negative."""

    account: str
    amount_minor: int


class LedgerEntry(Entity):
    """Postings that balance, in one currency; the id names what they book, such as
    `<invoice>:paid`."""

    id: str
    merchant: str
    customer: str
    at: datetime
    currency: Currency
    postings: tuple[Posting, ...]
    test: bool = False

    def __post_init__(self) -> None:
        assert sum(p.amount_minor for p in self.postings) == 0, "an entry balances"


def is_booked(invoice: Invoice) -> bool:
    """Tells whether a paid invoice has an entry: money moved, or the tax on credit paid for it."""
    return bool(invoice.total) or any(line.amount for line in invoice.tax_lines)


def payment(invoice: Invoice, at: datetime) -> LedgerEntry:
    """Returns the entry of a paid invoice.

    The gateway owes us its total, the lines are revenue, the tax is a liability.
    """
    credits: dict[str, int] = {}
    for line in invoice.lines:
        account = f"{TAX}:{line.kind}" if line.is_tax else SALES
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


def refund(
    refund_id: str, invoice: Invoice, amount: Money, at: datetime, taxes: tuple[int, ...]
) -> LedgerEntry:
    """Returns the entry of a refund, the reverse of its payment; `taxes` is how much goes back of
    each line of tax, the rest is revenue (C-10)."""
    back: dict[str, int] = {}
    for line, share in zip(invoice.tax_lines, taxes, strict=True):
        account = f"{TAX}:{line.kind}"
        back[account] = back.get(account, 0) + share
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


def refund_returned(
    refund_id: str, invoice: Invoice, amount: Money, at: datetime, taxes: tuple[int, ...]
) -> LedgerEntry:
    """Returns the entry of a refund that came back: the reverse of the refund's entry."""
    went = refund(refund_id, invoice, amount, at, taxes)
    came = tuple(Posting(each.account, -each.amount_minor) for each in went.postings)
    return replace(went, id=f"{refund_id}:returned", postings=came)


def disputed(
    name: str,
    invoice: Invoice,
    had: Money,
    amount: Money,
    was: DisputeStanding,
    standing: DisputeStanding,
    at: datetime,
) -> LedgerEntry | None:
    """Returns the entry of a chargeback whose status changes, or None if no money moves.

    `had` is its amount before, `amount` now: what it does not take any more is with the gateway
    again. A lost amount is an expense; whether tax on it can be reclaimed is for the merchant's
    accountant to decide.
    """
    account = f"{invoice.gateway}:{invoice.gateway_account}"
    places = {
        DisputeStanding.WON: f"{RECEIVED}:{account}",
        DisputeStanding.OPEN: f"{DISPUTED}:{account}",
        DisputeStanding.LOST: CHARGEBACKS,
    }
    moved: Counter[str] = Counter()
    moved[places[was]] -= had.amount_minor
    moved[places[standing]] += amount.amount_minor
    moved[places[DisputeStanding.WON]] += had.amount_minor - amount.amount_minor
    postings = tuple(Posting(account, minor) for account, minor in moved.items() if minor)
    if not postings:
        return None
    return LedgerEntry(
        id=f"{name}:disputed",
        merchant=invoice.merchant,
        customer=invoice.customer,
        at=at,
        currency=amount.currency,
        postings=postings,
        test=invoice.test,
    )


def trial_balance(entries: Iterable[LedgerEntry]) -> dict[tuple[str, Currency], int]:
    """Returns the balance per account and currency; the values of one currency always sum to
    zero."""
    balance: dict[tuple[str, Currency], int] = {}
    for entry in entries:
        for posting in entry.postings:
            key = (posting.account, entry.currency)
            balance[key] = balance.get(key, 0) + posting.amount_minor
    return balance
