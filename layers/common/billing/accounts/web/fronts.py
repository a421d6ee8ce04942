"""The platform's own pages around its accounts, in the platform's look (M-11).

They are sign-up, sign-in, links and what is in the way of them. Pages of who is signed in, the
console above all, keep ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from billing.branding.flows import dressing as looks
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.render.messages import MERCHANTS_LANGUAGE
from billing.web import dressing, http


def page(
    ports: Ports, platform: Merchant, template: str, *, status: int = 200, **values: Any
) -> http.Answer:
    """Renders one of the account's pages for a visitor."""
    with dressed(ports):
        return http.page(
            f"account/{template}.html",
            MERCHANTS_LANGUAGE,
            status=status,
            merchant=platform,
            platform=platform,
            **values,
        )


@contextmanager
def dressed(ports: Ports) -> Iterator[None]:
    """Has pages of the platform wear its look meanwhile."""
    with dressing.by(looks.of_pages(ports)):
        yield
