"""Sends mail by Amazon SES, in raw form so that the invoice can be attached."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from billing.kernel.errors import Unavailable
from billing.runtime import telemetry

MERCHANT_TAG, CUSTOMER_TAG, NOTICE_TAG = "merchant", "customer", "notice"
"""The tags of a mail, which SES includes in its events about it (`ses_events`): the id of its
merchant, and of a notice that a region asks for those of its customer and its event."""

TAGS = {"X-Merchant": MERCHANT_TAG, "X-Customer": CUSTOMER_TAG, "X-Notice": NOTICE_TAG}
"""The headers in which a flow names these; they are removed before sending."""


class SesMailer:
    """The Mailer port over SESv2; `configuration_set` receives the events about returned mail."""

    def __init__(self, client: Any, configuration_set: str | None = None) -> None:
        self._client = client
        self._named = {"ConfigurationSetName": configuration_set} if configuration_set else {}

    def send(self, message: EmailMessage, *, now: datetime) -> str:
        """Sends one mail; returns the Message-ID by which SES replaced ours.

        Raises `Unavailable` when SES does not take it.
        """
        tags = take_tags(message)
        try:
            answer = self._client.send_email(
                **self._named,
                EmailTags=[{"Name": name, "Value": value} for name, value in tags.items()],
                Destination={"ToAddresses": [str(message["To"])]},
                Content={"Raw": {"Data": message.as_bytes(policy=SMTP)}},
            )
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(f"mail not taken: {type(error).__name__}") from error
        telemetry.happened("mailed", message_id=str(message["Message-ID"]))
        # SES answers the part before the @; an emulator answers all of it.
        given = str(answer["MessageId"]).partition("@")[0]
        return f"{given}@{_host(self._client.meta.region_name)}"


def take_tags(message: EmailMessage) -> dict[str, str]:
    """Removes the headers of a mail that only its tags repeat; returns the tags.

    The id of an event has colons, which a tag may not have. A tag of 256 symbols holds one of 192.
    """
    tags = {tag: str(message[header]) for header, tag in TAGS.items() if header in message}
    for header in TAGS:
        del message[header]
    if NOTICE_TAG in tags:
        tags[NOTICE_TAG] = urlsafe_b64encode(tags[NOTICE_TAG].encode()).decode().rstrip("=")
    return tags


def _host(region: str) -> str:
    """Returns the host in the Message-IDs of a region's SES; the oldest region has a name of its
    own."""
    return f"{'email' if region == 'us-east-1' else region}.amazonses.com"
