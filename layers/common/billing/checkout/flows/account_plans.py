"""Plans of the platform, which are sold to owners of an account (A-1)."""

from __future__ import annotations

from datetime import datetime

from billing.checkout.flows import repeats
from billing.checkout.flows.limits import limit
from billing.checkout.flows.offers import Offer
from billing.kernel.account_standings import Standing
from billing.kernel.errors import Invalid
from billing.kernel.flows import account_standings
from billing.kernel.operation import ACCOUNT_GRANT
from billing.kernel.ports import Ports


def refuse_without_account(ports: Ports, offered: Offer, email: str, *, now: datetime) -> None:
    """Raises `Invalid` (account_needed) where a plan of the platform is bought by an email that has
    no account, or one that is over: it would be paid for, and open nothing (A-1, A-7).

    Limited as the repeat question is, so that nobody can try out emails.
    """
    merchant, grants = offered.merchant.id, offered.product.grants
    if merchant != ports.operation.platform or ACCOUNT_GRANT not in grants:
        return
    pointer = ports.store.account_email(email)
    account = None if pointer is None else ports.store.account(pointer.username)
    standing = Standing.ERASED
    if account is not None and account.erased_at is None:
        made, owner = account.created_at, account.email
        standing = account_standings.of_owner(ports, offered.merchant, owner, made, now=now).state
    if standing is Standing.ERASED:
        limit(ports, "repeat_question", f"{merchant}\n{email}", repeats.QUESTIONS_PER_EMAIL, now)
        raise Invalid("account_needed", field="email", code="account_needed")
