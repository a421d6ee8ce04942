"""Mails of the platform about an account: links, changes, its end and its return (A-6 .. A-8).

The outbox draws the tokens when it writes the mails, so they stand nowhere in clear.
"""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage

from billing.accounts.accounts import Account
from billing.accounts.flows import account as signing
from billing.accounts.flows import email_change, link_sign_in
from billing.accounts.mail import letters
from billing.kernel.account_standings import Standing
from billing.kernel.customers import Address, BillTo
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind, LeftOut, OutboxEvent
from billing.kernel.ports import Ports
from billing.render import mails
from billing.render.messages import MERCHANTS_LANGUAGE
from billing.team.flows import events as team_events
from billing.team.mail import handlers as team_mails
from billing.team.members import Person


def messages(
    ports: Ports, event: OutboxEvent, platform: Merchant, now: datetime
) -> list[EmailMessage] | LeftOut:
    """Returns the mails of an OutboxEvent about an account or a team, or why none is sent."""
    if team_events.parts(event.code) is not None:

        def sign_in(person: Person) -> str:
            return link_sign_in.member_link(ports, person, now=now)

        return team_mails.messages(ports, event, platform, now, sign_in)
    return _of_account(ports, event, platform, now)


def _of_account(
    ports: Ports, event: OutboxEvent, platform: Merchant, now: datetime
) -> list[EmailMessage] | LeftOut:
    username, _, extra = (event.code or "").partition("#")
    account = ports.store.account(username)
    if account is None:
        return LeftOut.NOBODY  # Somebody without an account asked.
    if account.erased_at is not None:
        return LeftOut.ERASED
    to_owner = _envelope(ports, event.id, platform, account, account.email, now)
    url = f"{ports.operation.public_url}/account/sign-in"
    match event.kind:
        case EventKind.RESET_ASKED:
            return [_link(ports, to_owner, account, extra, now)]
        case EventKind.EMAIL_ASKED:
            ends = email_change.links(ports, extra, now=now)
            if not ends:
                return LeftOut.EXPIRED
            return [
                letters.confirm_email(
                    _envelope(ports, f"{event.id}:{n}", platform, account, email, now),
                    link,
                    new=ends[-1][0],
                )
                for n, (email, link) in enumerate(ends)
            ]
        case EventKind.ACCOUNT_ENDED:
            standing = signing.standing_of(ports, account, now)
            if standing.state is not Standing.INACTIVE:
                return LeftOut.UNTRUE
            return [letters.ended(to_owner, url, event.until or standing.until)]
        case EventKind.ACCOUNT_ACTIVE:
            if signing.standing_of(ports, account, now).state is not Standing.ACTIVE:
                return LeftOut.UNTRUE
            return [letters.account_changed(to_owner, event.kind.value, url)]
        case _:
            return [letters.account_changed(to_owner, event.kind.value, url)]


def _link(
    ports: Ports, to_owner: mails.Envelope, account: Account, extra: str, now: datetime
) -> EmailMessage:
    """Returns the mail with the link that was asked for: to sign in, or to set a password."""
    if extra == link_sign_in.ASKED:
        link = link_sign_in.link(ports, account, now=now)
        return letters.account_changed(to_owner, link_sign_in.ASKED, link)
    return letters.reset(to_owner, signing.reset_link(ports, account, now=now))


def _envelope(
    ports: Ports, event_id: str, platform: Merchant, account: Account, email: str, now: datetime
) -> mails.Envelope:
    seller = ports.store.merchant(account.username)
    name = account.username if seller is None else seller.name
    to = BillTo(name, email, Address("", "", ""))
    sender = ports.operation.sender
    return mails.Envelope(platform, to, MERCHANTS_LANGUAGE, False, sender, event_id, now)


MAILS = dict.fromkeys(
    (
        EventKind.ACCOUNT_EXISTS,
        EventKind.ACCOUNT_ENDED,
        EventKind.ACCOUNT_ACTIVE,
        EventKind.RESET_ASKED,
        EventKind.CREDENTIALS_CHANGED,
        EventKind.EMAIL_ASKED,
    ),
    messages,
)
