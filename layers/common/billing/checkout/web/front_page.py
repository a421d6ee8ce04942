"""The page at /: what this is, and where sellers and buyers go."""

from __future__ import annotations

from billing.kernel.ports import Ports
from billing.web import http, languages
from billing.web.request import Request


def front_page(ports: Ports, request: Request) -> http.Answer:
    """Shows the ways in, in the visitor's language; to sign up is offered where there are accounts.

    It reads nothing, so it costs nothing.
    """
    return http.page(
        "front.html",
        languages.of_visitor(request),
        with_accounts=bool(ports.operation.platform),
    )
