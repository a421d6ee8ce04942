"""The routes of /v1 about outgoing webhooks (M-5, CONTRACT.md)."""

from __future__ import annotations

from billing.api.web import json_shapes
from billing.api.web.frame import Api, Call
from billing.api.web.json_shapes import Listed
from billing.kernel.ports import Ports
from billing.web.inputs import Nothing
from billing.webhooks.flows import endpoints, resend
from billing.webhooks.web import shapes
from billing.webhooks.web.inputs import (
    DeliveriesQuery,
    WebhookEndpointChangeInput,
    WebhookEndpointInput,
    WebhookReplayInput,
)

DISABLED = {"409": "The endpoint is disabled, or another replay to it goes on; `code` says which."}


def declare(api: Api, ports: Ports) -> None:
    """Declares the routes of endpoints and deliveries."""
    _endpoints(api, ports)
    _secrets(api, ports)
    _deliveries(api, ports)


def _endpoints(api: Api, ports: Ports) -> None:
    @api.post("/v1/webhook-endpoints", WebhookEndpointInput, sealed="secret")
    def create_webhook_endpoint(
        call: Call[WebhookEndpointInput],
    ) -> shapes.WebhookEndpointOutput:
        """Create an endpoint; its secret is shown this once, and events are sent from now on.

        `events` are types, or `*` for all of them.
        """
        wanted = call.input
        made, secret = endpoints.create(
            ports,
            call.merchant,
            url=wanted.url,
            events=wanted.events,
            name=wanted.name,
            now=call.now,
        )
        return shapes.with_secret(made, secret)

    @api.get("/v1/webhook-endpoints")
    def list_webhook_endpoints(call: Call[Nothing]) -> Listed[shapes.WebhookEndpointOutput]:
        """List endpoints, oldest first."""
        found = endpoints.every(ports, call.merchant)
        return json_shapes.listed(map(shapes.endpoint, found), None)

    @api.get("/v1/webhook-endpoints/<endpoint>")
    def show_webhook_endpoint(call: Call[Nothing], endpoint: str) -> shapes.WebhookEndpointOutput:
        """Retrieve one endpoint."""
        return shapes.endpoint(endpoints.one(ports, call.merchant.id, endpoint))

    @api.patch("/v1/webhook-endpoints/<endpoint>", WebhookEndpointChangeInput)
    def change_webhook_endpoint(
        call: Call[WebhookEndpointChangeInput], endpoint: str
    ) -> shapes.WebhookEndpointOutput:
        """Change an endpoint; enabling it sends what it was to get before."""
        wanted = call.input
        changed = endpoints.change(
            ports,
            call.merchant.id,
            endpoint,
            url=wanted.url,
            events=wanted.events,
            name=wanted.name,
            enabled=wanted.enabled,
            now=call.now,
        )
        return shapes.endpoint(changed)

    @api.delete("/v1/webhook-endpoints/<endpoint>", status=204)
    def delete_webhook_endpoint(call: Call[Nothing], endpoint: str) -> None:
        """Delete an endpoint, with what is on its way to it."""
        endpoints.delete(ports, call.merchant.id, endpoint)


def _secrets(api: Api, ports: Ports) -> None:
    @api.post("/v1/webhook-endpoints/<endpoint>/rotate-secret", status=200, sealed="secret")
    def rotate_webhook_secret(call: Call[Nothing], endpoint: str) -> shapes.WebhookEndpointOutput:
        """Give an endpoint another secret; for 24 hours the one before signs too."""
        after, secret = endpoints.rotate(ports, call.merchant.id, endpoint, now=call.now)
        return shapes.with_secret(after, secret)

    @api.post("/v1/webhook-endpoints/<endpoint>/test", status=200, errors=DISABLED)
    def test_webhook_endpoint(call: Call[Nothing], endpoint: str) -> shapes.DeliveryOutput:
        """Send an event of type `endpoint.tested`, which is in no log."""
        return shapes.delivery(endpoints.test(ports, call.merchant.id, endpoint))


def _deliveries(api: Api, ports: Ports) -> None:
    @api.post(
        "/v1/webhook-endpoints/<endpoint>/replay", WebhookReplayInput, status=202, errors=DISABLED
    )
    def replay_webhooks(call: Call[WebhookReplayInput], endpoint: str) -> shapes.ReplayOutput:
        """Send the events of a time to an endpoint again, in the background, five a second.

        They keep their ids. The log has the last 90 days.
        """
        wanted = call.input
        since, until = wanted.span(call.zone)
        job = resend.replay(
            ports,
            call.merchant.id,
            endpoint,
            since=since,
            until=until,
            types=wanted.types,
            now=call.now,
        )
        return shapes.replay(job, endpoint)

    @api.get("/v1/webhook-endpoints/<endpoint>/deliveries", DeliveriesQuery)
    def list_deliveries(
        call: Call[DeliveriesQuery], endpoint: str
    ) -> Listed[shapes.DeliveryOutput]:
        """List the deliveries to an endpoint of the last 90 days, latest events first."""
        query = call.input
        found = resend.page(
            ports,
            call.merchant.id,
            endpoint,
            kind=query.type,
            state=query.state,
            limit=query.limit,
            cursor=query.cursor,
        )
        return json_shapes.listed(map(shapes.delivery, found.data), found.next)

    @api.post("/v1/deliveries/<delivery>/resend", status=200, errors=DISABLED)
    def resend_delivery(call: Call[Nothing], delivery: str) -> shapes.DeliveryOutput:
        """Send a delivery again at once, with its id, whatever became of it."""
        return shapes.delivery(resend.resend(ports, call.merchant.id, delivery))
