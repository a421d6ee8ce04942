"""The pages of a mail's signed link: its purchase, paying what is due, a code for the rest (R-8).

Whoever holds the link sees what the mail says. It begins no session: that takes a code, which is
mailed to the address on file.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from billing.cards.flows import cards
from billing.customers.flows import mail_link, mailed_code
from billing.customers.flows.mail_link import Held
from billing.customers.web import portal_session as session
from billing.customers.web.portal_session import SignedOut
from billing.kernel.errors import Refused
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.rebill.flows import pay_now
from billing.runtime import telemetry
from billing.web import custom_domains, http, sessions
from billing.web.request import Request, is_plain_id

CODE_MOST = 40
"""Characters of what is typed as a code."""

DONE = frozenset({"card_added", "paying"})


class Holder(Value):
    """A request by whoever holds a link, with the purchase that the link names."""

    ports: Ports
    request: Request
    held: Held
    reference: str
    now: datetime

    @property
    def merchant(self) -> Merchant:
        return self.held.account.merchant

    @property
    def base(self) -> str:
        """Returns the path of the portal."""
        return custom_domains.portal(self.request, self.merchant)

    @property
    def here(self) -> str:
        """Returns the path of the link itself."""
        return f"{self.base}/mail/{self.reference}"

    def show(self, template: str, *, status: int = 200, **values: Any) -> http.Answer:
        """Renders a page about the purchase."""
        return http.page(
            f"portal/{template}.html",
            self.held.account.customer.language,
            status=status,
            merchant=self.merchant,
            purchase=self.held.purchase,
            base=self.base,
            here=self.here,
            zone=self.merchant.settings.time_zone,
            test=self.held.purchase.test,
            **values,
        )


def holder(
    ports: Ports, request: Request, merchant: str, reference: str, *, now: datetime
) -> Holder:
    """Returns the holder of a link; raises `SignedOut` for one that opens nothing."""
    found = session.open_portal(ports, merchant)
    plain = all(map(is_plain_id, reference.split("~")))
    held = mail_link.find(ports, found, reference, now=now) if plain else None
    if held is None:
        raise SignedOut(code="portal_mail_link_over")
    return Holder(ports, request, held, reference, now)


def sender(
    ports: Ports, request: Request, merchant: str, reference: str, *, now: datetime
) -> Holder:
    """Returns the holder that sent a form of one of these pages."""
    sessions.check_origin(request)
    return holder(ports, request, merchant, reference, now=now)


def page(who: Holder) -> http.Answer:
    """Shows the purchase: product, dates, amount, last four digits, and what is due."""
    what, held = who.request.query().get("done"), who.held
    wallet = cards.held_by(who.ports, held.account.customer, held.account.history)
    subscription = held.purchase.subscription
    elsewhere = subscription is not None and subscription.payment_method in wallet.elsewhere
    return who.show(
        "mailed",
        method=held.method,
        elsewhere=subscription.gateway if subscription is not None and elsewhere else None,
        done=what if what in DONE else None,
    )


def pay(who: Holder) -> http.Answer:
    """Charges at once what is past due (B-10)."""
    subscription = who.held.subscription
    mail_link.count(who.ports, who.held, "pay", now=who.now)
    try:
        pay_now.now_due(who.ports, subscription, now=who.now)
    except Refused as refused:
        if refused.code not in {"nothing_due", "charge_under_way"}:
            raise
        return http.redirect(who.here)
    return http.redirect(f"{who.here}?done=paying")


def ask_for_code(who: Holder) -> http.Answer:
    """Mails a code to the address on file."""
    mailed_code.ask(who.ports, who.held.account.customer, now=who.now)
    return http.redirect(f"{who.here}/code")


def code_form(who: Holder) -> http.Answer:
    """Shows the form for the code."""
    return who.show("mailed_code", failed=False)


def enter(who: Holder) -> http.Answer:
    """Signs in whoever types the code."""
    customer = who.held.account.customer
    typed = who.request.form().get("code", "")[:CODE_MOST]
    right = mailed_code.use(who.ports, customer, typed, now=who.now)
    message = "portal sign-in" if right else "portal sign-in refused"
    telemetry.happened(message, merchant=who.merchant.id, request_id=who.request.id)
    if not right:
        return who.show("mailed_code", status=401, failed=True)
    cookie = session.enter(who.ports, who.request, who.merchant, customer, who.now)
    return http.redirect(who.base, cookies=[cookie])
