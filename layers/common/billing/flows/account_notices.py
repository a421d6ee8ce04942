"""Mails of the platform about an account: links, changes, its end and its return (A-6 .. A-8).

The outbox draws the tokens when it writes the mails, so they stand nowhere in clear.
"""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage

from billing.accounts import Account, Standing
from billing.customers import Address, BillTo
from billing.facts import Fact, FactKind, LeftOut
from billing.flows import account as signing
from billing.merchants import Merchant
from billing.ports import Ports
from billing.render import account_mails, mails
from billing.render.messages import MERCHANTS_LANGUAGE

KINDS = frozenset(
    {
        FactKind.ACCOUNT_EXISTS,
        FactKind.ACCOUNT_ENDED,
        FactKind.ACCOUNT_ACTIVE,
        FactKind.RESET_ASKED,
        FactKind.CREDENTIALS_CHANGED,
        FactKind.EMAIL_ASKED,
    }
)


def messages(
    ports: Ports, fact: Fact, house: Merchant, now: datetime
) -> list[EmailMessage] | LeftOut:
    """What is mailed of such a fact, or why nothing is."""
    username, _, extra = (fact.code or "").partition("#")
    account = ports.store.account(username)
    if account is None:
        return LeftOut.NOBODY  # A stranger asked.
    if account.erased_at is not None:
        return LeftOut.ERASED
    to_owner = _envelope(ports, fact.id, house, account, account.email, now)
    url = f"{ports.operation.public_url}/account/sign-in"
    match fact.kind:
        case FactKind.RESET_ASKED:
            return [account_mails.reset(to_owner, signing.reset_link(ports, account, now=now))]
        case FactKind.EMAIL_ASKED:
            ends = signing.email_links(ports, extra, now=now)
            if not ends:
                return LeftOut.EXPIRED
            return [
                account_mails.confirm_email(
                    _envelope(ports, f"{fact.id}:{n}", house, account, email, now),
                    link,
                    new=ends[-1][0],
                )
                for n, (email, link) in enumerate(ends)
            ]
        case FactKind.ACCOUNT_ENDED:
            stand = signing.stand(ports, account, now)
            if stand.standing is not Standing.INACTIVE:
                return LeftOut.UNTRUE
            return [account_mails.ended(to_owner, url, fact.until or stand.until)]
        case FactKind.ACCOUNT_ACTIVE:
            if signing.stand(ports, account, now).standing is not Standing.ACTIVE:
                return LeftOut.UNTRUE
            return [account_mails.told(to_owner, fact.kind.value, url)]
        case _:
            return [account_mails.told(to_owner, fact.kind.value, url)]


def _envelope(
    ports: Ports, fact: str, house: Merchant, account: Account, email: str, now: datetime
) -> mails.Envelope:
    seller = ports.store.merchant(account.username)
    name = account.username if seller is None else seller.name
    to = BillTo(name, email, Address("", "", ""))
    sender = ports.operation.sender
    return mails.Envelope(house, to, MERCHANTS_LANGUAGE, False, sender, fact, now)
