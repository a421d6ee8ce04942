"""Routes of customers in /v1 that a part of their own leads to: links into the portal (B-3)."""

from __future__ import annotations

from typing_extensions import TypedDict

from billing.api.web import json_shapes
from billing.api.web.described import Instant, Url
from billing.api.web.frame import Api, Call
from billing.customers.flows import portal_links
from billing.kernel.errors import Invalid
from billing.kernel.ports import Ports
from billing.web.inputs import Email, Input, Key


class PortalLinkInput(Input):
    """The customer by id or by email, and the subscription that the link leads to."""

    customer: Key | None = None
    email: Email | None = None
    subscription: Key | None = None


class PortalLinkOutput(TypedDict):
    """A link that signs a customer in to the portal once."""

    url: Url
    expires_at: Instant


def declare(api: Api, ports: Ports) -> None:
    """Declares them."""

    @api.post("/v1/portal-links", PortalLinkInput, sealed="url")
    def create_portal_link(call: Call[PortalLinkInput]) -> PortalLinkOutput:
        """Make a link that signs a customer in to the portal, once, within 15 minutes.

        Name the customer by `customer` or by `email`. Give it to nobody else: whoever opens it sees
        and changes their billing.
        """
        asked = call.input
        if (asked.customer is None) == (asked.email is None):
            raise Invalid("customer_or_email", field="customer")
        merchant = call.merchant
        customer = asked.customer
        if customer is None:
            assert asked.email is not None, "one of them is named"
            customer = portal_links.find_customer(ports, merchant.id, asked.email)
        made = portal_links.create(
            ports, merchant, customer, subscription=asked.subscription, now=call.now
        )
        return {"url": made.url, "expires_at": json_shapes.instant(made.expires_at)}
