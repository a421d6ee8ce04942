"""Mail by Amazon SES, sent raw so that the invoice can be attached."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from billing.errors import Unavailable
from billing.runtime import telemetry


class SesMailer:
    """The Mailer port over SESv2."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def send(self, message: EmailMessage, *, now: datetime) -> None:
        """Send one mail; raises `Unavailable` when SES does not take it."""
        try:
            self._client.send_email(
                Destination={"ToAddresses": [str(message["To"])]},
                Content={"Raw": {"Data": message.as_bytes(policy=SMTP)}},
            )
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(f"mail not taken: {type(error).__name__}") from error
        telemetry.happened("mailed", message_id=str(message["Message-ID"]))
