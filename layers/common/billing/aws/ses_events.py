"""Parses SES bounce and complaint events, delivered by EventBridge.

The fields are those of SES's developer guide, "Contents of event data" for bounces and complaints.
Every mail carries the merchant that it was sent for as a tag, and a notice that a region asks for
its customer and its event too (`ses_mailer`).
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import parseaddr
from typing import Any

from billing.aws.ses_mailer import CUSTOMER_TAG, MERCHANT_TAG, NOTICE_TAG
from billing.outbox.suppressions import OfNotice, Returned, StopReason

_CODE = re.compile(r"[A-Za-z-]{1,40}")


def returned(event: Mapping[str, Any]) -> list[Returned]:
    """Returns the addresses that an event says should get no more mail; empty for any other event.

    Only a permanent bounce says so: a full mailbox or a server that was away does not. A report
    that a mail is not spam is no complaint.
    """
    detail = event["detail"]
    tags = detail["mail"].get("tags", {}).get(MERCHANT_TAG)
    if not tags:
        return []
    match detail.get("eventType"):
        case "Bounce":
            return list(_bounced(tags[0], detail["bounce"], detail["mail"]))
        case "Complaint":
            return list(_complained(tags[0], detail["complaint"]))
        case _:
            return []


def _bounced(
    merchant: str, bounce: Mapping[str, Any], mail: Mapping[str, Any]
) -> Iterator[Returned]:
    if bounce.get("bounceType") != "Permanent":
        return
    at, code = _instant(bounce["timestamp"]), _code(bounce.get("bounceSubType"))
    for address in _undelivered(bounce, mail):
        yield Returned(merchant, address, StopReason.BOUNCED, at, code, _notice(mail))


def _undelivered(bounce: Mapping[str, Any], mail: Mapping[str, Any]) -> list[str]:
    """Returns the addresses that we sent to and that a mail did not reach.

    A report names the final recipient: where a mailbox forwards, that is an address which we do not
    know, and stopping that one would stop nothing.
    """
    sent_to = mail.get("destination", [])
    if len(sent_to) == 1:
        return [parseaddr(sent_to[0])[1]]
    return [_address(recipient) for recipient in bounce["bouncedRecipients"]]


def _complained(merchant: str, complaint: Mapping[str, Any]) -> Iterator[Returned]:
    kind = complaint.get("complaintFeedbackType")
    if kind == "not-spam":
        return
    at, code = _instant(complaint["timestamp"]), _code(kind)
    for recipient in complaint["complainedRecipients"]:
        yield Returned(merchant, _address(recipient), StopReason.COMPLAINED, at, code)


def _notice(mail: Mapping[str, Any]) -> OfNotice | None:
    """Returns the notice that a mail was, by its tags; None for any other mail."""
    tags = mail["tags"]
    customer, named = tags.get(CUSTOMER_TAG), tags.get(NOTICE_TAG)
    if not customer or not named:
        return None
    try:
        event = urlsafe_b64decode(named[0] + "=" * (-len(named[0]) % 4)).decode()
    except ValueError:
        return None
    return OfNotice(customer[0], event, mail["messageId"])


def _address(recipient: Mapping[str, Any]) -> str:
    return parseaddr(recipient["emailAddress"])[1]


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _code(word: Any) -> str | None:
    """Returns the provider's code word, or None: the rest of a report is text by strangers."""
    return word if isinstance(word, str) and _CODE.fullmatch(word) else None
