"""The sandbox bank's own page, on which a test buyer completes or fails 3-D Secure (W-3)."""

from __future__ import annotations

from typing import cast

from billing.gateways.sandbox.gateway import SandboxGateway
from billing.kernel.errors import Invalid, NotFound
from billing.kernel.gateways import SANDBOX, AccountRef
from billing.kernel.money import Currency, Money
from billing.kernel.ports import Ports
from billing.web import http, languages
from billing.web.request import Request

ANSWERS = {"complete": True, "fail": False}


def authentication(ports: Ports, request: Request, reference: str) -> http.Answer:
    """Shows the page with Complete and Fail; `NotFound` when nothing waits for its buyer."""
    pending = _bank(ports).pending_authentication(reference)
    if pending is None:
        raise NotFound()
    amount = Money(pending.amount_minor, Currency(pending.currency))
    language = languages.of_visitor(request)
    return http.page(
        "sandbox/authenticate.html", language, amount=amount, description=reference, test=True
    )


def authenticate(ports: Ports, request: Request, reference: str) -> http.Answer:
    """Records the buyer's choice, then redirects to the page that they came from."""
    result = request.form().get("result", "")
    if result not in ANSWERS:
        raise Invalid("one_of", field="result", values="complete, fail")
    back = _bank(ports).authenticate(reference, succeeded=ANSWERS[result])
    return http.redirect(back or "/directory")


def _bank(ports: Ports) -> SandboxGateway:
    return cast(SandboxGateway, ports.gateway(AccountRef("", SANDBOX, SANDBOX)))
