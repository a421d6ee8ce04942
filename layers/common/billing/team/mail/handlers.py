"""Mails of the platform about a team, to whoever the event names (M-9).

The outbox draws the tokens when it writes the mails, so they stand nowhere in clear.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage

from billing.kernel.customers import Address, BillTo
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import LeftOut, OutboxEvent
from billing.kernel.ports import Ports
from billing.render.mails import Envelope
from billing.render.messages import MERCHANTS_LANGUAGE, text
from billing.team.flows import events, membership, people
from billing.team.mail import letters
from billing.team.members import Person, Team

SignInLink = Callable[[Person], str]


def messages(
    ports: Ports, event: OutboxEvent, platform: Merchant, now: datetime, sign_in: SignInLink
) -> list[EmailMessage] | LeftOut:
    """Returns the mails of an event about a team, or why none is sent.

    `sign_in` draws a link that signs a person in.
    """
    parts = events.parts(event.code)
    assert parts is not None and event.email, "an event of a team names what, where and whom"
    what, merchant, about = parts
    home = f"{ports.operation.public_url}/console"
    envelope = _envelope(ports, event, platform, now)
    if what == events.LINK:
        person = people.of_email(ports, event.email)
        if person is None or not person.teams:
            return LeftOut.NOBODY
        return [letters.letter(envelope, what, sign_in(person))]
    if what in {events.FACTOR_ON, events.FACTOR_OFF}:
        return [letters.letter(envelope, what, f"{home}/you")]
    seller, team = ports.store.merchant_and_team(merchant)
    if seller is None:
        return LeftOut.ERASED
    if what == events.INVITED:
        return _invited(ports, envelope, seller, team, about, now)
    words = {"merchant": seller.name, "role": _role(about)}
    return [letters.letter(envelope, what, home, **words)]


def _invited(
    ports: Ports, envelope: Envelope, seller: Merchant, team: Team | None, about: str, now: datetime
) -> list[EmailMessage] | LeftOut:
    invitation = None if team is None else team.invitation(about)
    link = membership.link(ports, seller.id, about, now=now)
    if invitation is None or link is None:
        return LeftOut.EXPIRED
    words = {"merchant": seller.name, "role": _role(invitation.role.value)}
    return [letters.letter(envelope, events.INVITED, link, **words)]


def _role(role: str) -> str:
    return text(MERCHANTS_LANGUAGE, f"console.role.{role}") if role else ""


def _envelope(ports: Ports, event: OutboxEvent, platform: Merchant, now: datetime) -> Envelope:
    assert event.email is not None, "it says to whom"
    to = BillTo(event.email.partition("@")[0], event.email, Address("", "", ""))
    sender = ports.operation.sender
    return Envelope(platform, to, MERCHANTS_LANGUAGE, False, sender, event.id, now)
