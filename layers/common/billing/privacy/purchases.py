"""The purchases of a customer, by all that names one (M-8)."""

from __future__ import annotations

from billing.kernel.storage import History


def purchases_of(history: History) -> list[tuple[str, str, str]]:
    """Returns the owner and id of each purchase, for what is kept beside it.

    What was moved here has no consent of ours, and a payment that came too late neither consent nor
    subscription.
    """
    owner = history.customer
    assert owner is not None, "read with their history"
    named = [each.purchase for each in history.consents]
    named += [each.id for each in history.subscriptions]
    named += [each.purchase for each in history.invoices]
    return [(owner.merchant, owner.id, purchase) for purchase in dict.fromkeys(named)]
