"""Sends mail by Amazon SES, in raw form so that the invoice can be attached."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from billing.kernel.errors import Unavailable
from billing.runtime import telemetry

MERCHANT = "X-Merchant"
"""The header in which a flow names the merchant of a mail; it is removed before sending."""

MERCHANT_TAG = "merchant"
"""The tag with the merchant's id, which SES includes in its events about a mail (`ses_events`)."""


class SesMailer:
    """The Mailer port over SESv2; `configuration_set` receives the events about returned mail."""

    def __init__(self, client: Any, configuration_set: str | None = None) -> None:
        self._client = client
        self._named = {"ConfigurationSetName": configuration_set} if configuration_set else {}

    def send(self, message: EmailMessage, *, now: datetime) -> str:
        """Sends one mail; returns the Message-ID by which SES replaced ours.

        Raises `Unavailable` when SES does not take it.
        """
        merchant = message[MERCHANT]
        del message[MERCHANT]
        tags = [{"Name": MERCHANT_TAG, "Value": str(merchant)}] if merchant else []
        try:
            answer = self._client.send_email(
                **self._named,
                EmailTags=tags,
                Destination={"ToAddresses": [str(message["To"])]},
                Content={"Raw": {"Data": message.as_bytes(policy=SMTP)}},
            )
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(f"mail not taken: {type(error).__name__}") from error
        telemetry.happened("mailed", message_id=str(message["Message-ID"]))
        # SES answers the part before the @; an emulator answers all of it.
        given = str(answer["MessageId"]).partition("@")[0]
        return f"{given}@{_host(self._client.meta.region_name)}"


def _host(region: str) -> str:
    """Returns the host in the Message-IDs of a region's SES; the oldest region has a name of its
    own."""
    return f"{'email' if region == 'us-east-1' else region}.amazonses.com"
