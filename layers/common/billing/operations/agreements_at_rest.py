"""Invariants over stored items alone, of agreements: lines of invoices, funds, dates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from billing.kernel.invoices import Invoice
from billing.kernel.subscription import Subscription
from billing.operations.books_at_rest import Broken, Found


def lines_add_up(found: Found) -> Iterator[Broken]:
    """Checks that an invoice's lines add up to its total (18)."""
    for invoice in found[Invoice]:
        lines = sum(line.amount.amount_minor for line in invoice.lines)
        if lines != invoice.total.amount_minor:
            text = f"{invoice.id}: its lines add up to {lines}, not to {invoice.total}"
            yield Broken("18", text, (invoice.id, invoice.purchase))


def funds_are_kept(found: Found) -> Iterator[Broken]:
    """Checks that no more of a payment was returned or is credit than was paid (3).

    What it paid of other periods is not counted: it may have become credit again since. An invoice
    may have collected more than its period's price: what was too little to charge before.
    """
    nets = Counter[tuple[str | None, int | None]]()
    for invoice in found[Invoice]:
        nets[invoice.subscription, invoice.paid_in] += invoice.net.amount_minor
    for subscription in found[Subscription]:
        for share in subscription.money.shares:
            gone = share.returned_minor + share.credit_minor
            least = min(share.returned_minor, share.credit_minor, share.spent_minor)
            most = max(share.paid_minor, nets[subscription.id, share.period])
            if share.period >= 0 and (gone > most or least < 0):
                text = f"{subscription.id}: {gone} of {share.paid_minor} went of {share.period}"
                yield Broken("3", text, (subscription.id,))


def dates_follow(found: Found) -> Iterator[Broken]:
    """Checks that nothing happened before the purchase it belongs to (17)."""
    began = {each.id: each.started_at for each in found[Subscription]}
    for subscription in found[Subscription]:
        if subscription.ends_at is not None and subscription.ends_at < subscription.started_at:
            yield Broken("17", f"{subscription.id} ended before it began", (subscription.id,))
        if not subscription.is_live and subscription.due_at is not None:
            yield Broken("17", f"{subscription.id} is over, and due", (subscription.id,))
    for invoice in found[Invoice]:
        start = began.get(invoice.subscription or "")
        if start is not None and invoice.period and invoice.opened_at < start:
            yield Broken("17", f"{invoice.id} is older than its purchase", (invoice.id,))


RULES = (lines_add_up, funds_are_kept, dates_follow)
