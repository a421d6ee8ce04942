"""The mails to a merchant about an endpoint that fails, or was disabled (M-5)."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage

from billing.kernel.customers import Address, BillTo
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.render import formats
from billing.render.mails import Envelope, Letter, written
from billing.render.messages import MERCHANTS_LANGUAGE, text
from billing.webhooks.endpoints import DISABLED_AFTER, NOTICE, Disabled, WebhookEndpoint

_NOWHERE = Address("", "", "US")
"""A merchant may have no address yet; a mail shows none."""

_KINDS = {
    None: "webhook_failing",
    Disabled.FAILING: "webhook_failing_disabled",
    Disabled.GONE: "webhook_gone",
    Disabled.BY_MERCHANT: "webhook_failing_disabled",
}


def about(
    ports: Ports, merchant: Merchant, endpoint: WebhookEndpoint, now: datetime
) -> EmailMessage:
    """Writes the mail about an endpoint as it stands."""
    kind = _KINDS[endpoint.disabled]
    to = BillTo(merchant.name, merchant.email, merchant.address or _NOWHERE)
    since = endpoint.failing_since or now
    about_what = f"{endpoint.id}:{kind}:{since.isoformat()}"
    language, zone = MERCHANTS_LANGUAGE, merchant.settings.time_zone
    envelope = Envelope(
        merchant, to, language, False, ports.operation.sender, about_what, now, inward=True
    )
    ends_at = max(since + DISABLED_AFTER, now + NOTICE)
    words = {
        "url": endpoint.name or endpoint.url.partition("://")[2].partition("?")[0][:80],
        "since": formats.day(since, zone, language),
        "date": formats.day(ends_at, zone, language),
    }
    page = f"{ports.operation.public_url}/console/webhooks/{endpoint.id}"
    letter = Letter(
        subject=text(language, f"mail.{kind}.subject", **words),
        title=text(language, f"mail.{kind}.title"),
        opening=(text(language, f"mail.{kind}.text", **words),),
        paragraphs=(text(language, f"mail.{kind}.next", **words),),
        link=(text(language, "mail.webhook_failing.link"), page),
    )
    return written(letter, envelope)
