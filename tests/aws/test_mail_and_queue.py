"""The SES and SQS adapters: SES takes the mail whole, SQS the messages of claims."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.sesv2 import sesv2_backends

from billing.aws.ses_mailer import SesMailer, take_tags
from billing.aws.sqs_queue import LEASES_PER_MESSAGE, SqsQueue, leases_of
from billing.kernel.due import DueKind
from billing.kernel.errors import Unavailable
from billing.kernel.storage import Due
from dev import ses

REGION = "us-east-1"
NOW = datetime(2026, 1, 31, 15, tzinfo=UTC)


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield


def mail() -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Café Zürich <billing@example.com>"
    message["To"] = "ann@example.com"
    message["Subject"] = "Receipt"
    message.set_content("Thank you.")
    message.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="invoice.pdf")
    return message


@pytest.mark.spec("R-8")
def test_a_mail_arrives_whole_with_its_attachment() -> None:
    client = boto3.client("sesv2", region_name=REGION)
    client.create_email_identity(EmailIdentity="billing@example.com")
    seen = SesMailer(client).send(mail(), now=NOW)
    (sent,) = sesv2_backends[DEFAULT_ACCOUNT_ID][REGION].core_backend.sent_messages
    arrived = message_from_bytes(_raw(sent.raw_data), policy=policy.default)
    assert arrived["From"] == "Café Zürich <billing@example.com>"
    (attached,) = arrived.iter_attachments()
    assert attached.get_filename() == "invoice.pdf"
    assert seen == f"{sent.id}@email.amazonses.com"


@pytest.mark.spec("H-3")
@pytest.mark.parametrize(
    ("region", "host"),
    [("us-east-1", "email.amazonses.com"), ("eu-central-1", "eu-central-1.amazonses.com")],
)
def test_the_id_that_a_recipient_sees_is_the_one_that_ses_gave(region: str, host: str) -> None:
    client = boto3.client("sesv2", region_name=region)
    client.create_email_identity(EmailIdentity="billing@example.com")
    seen = SesMailer(client).send(mail(), now=NOW)
    assert seen.partition("@")[2] == host == ses.seen_as("x", region).partition("@")[2]


@pytest.mark.spec("H-3")
def test_an_emulators_whole_id_is_taken_as_the_same_one() -> None:
    class Client:
        meta = SimpleNamespace(region_name=REGION)

        def send_email(self, **request: Any) -> dict[str, str]:
            return {"MessageId": "0100-a@email.amazonses.com"}

    assert SesMailer(Client()).send(mail(), now=NOW) == "0100-a@email.amazonses.com"


@pytest.mark.spec("R-8")
def test_a_mail_says_for_whom_it_is_sent_to_ses_and_to_nobody_else() -> None:
    sent: dict[str, Any] = {}

    class Client:
        meta = SimpleNamespace(region_name=REGION)

        def send_email(self, **request: Any) -> dict[str, str]:
            sent.update(request)
            return {"MessageId": "0100"}

    message = mail()
    message["X-Merchant"] = "acme"
    SesMailer(Client(), "perennial-events").send(message, now=NOW)
    assert sent["EmailTags"] == [{"Name": "merchant", "Value": "acme"}]
    assert sent["ConfigurationSetName"] == "perennial-events"
    assert b"X-Merchant" not in sent["Content"]["Raw"]["Data"]


@pytest.mark.spec("X-12")
def test_the_longest_names_of_a_notice_fit_into_the_tags_that_ses_takes() -> None:
    message, customer = mail(), f"cus_{'a' * 16}"
    event = f"{'s' * 128}:2027-01-31T15:00:00.123456+00:00:renewal_upcoming"
    message["X-Merchant"], message["X-Customer"], message["X-Notice"] = "acme", customer, event
    tags = take_tags(message)
    ses.check(message, tags)
    assert set(tags) == {"merchant", "customer", "notice"}
    assert not any(name.startswith("X-") for name in message.keys())  # noqa: SIM118


def _raw(data: str | bytes) -> bytes:
    return data.encode() if isinstance(data, str) else data


def test_a_mail_that_ses_does_not_take_is_unavailable() -> None:
    client = boto3.client("sesv2", region_name=REGION)
    with pytest.raises(Unavailable):
        SesMailer(client).send(mail(), now=NOW)


@pytest.mark.spec("R-1")
@pytest.mark.parametrize("count", [0, 1, LEASES_PER_MESSAGE, 10 * LEASES_PER_MESSAGE + 1])
def test_every_lease_arrives_once_in_as_few_messages_as_can_be(count: int) -> None:
    client = boto3.client("sqs", region_name=REGION)
    url = client.create_queue(QueueName="charge")["QueueUrl"]
    leases = [
        Due(DueKind.BILL, NOW + timedelta(microseconds=n), ("acme", "cus_1", f"sub_{n}"))
        for n in range(count)
    ]
    SqsQueue(url, client).send(leases)
    bodies: list[str] = []
    while got := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        bodies += [message["Body"] for message in got]
    assert len(bodies) == -(-count // LEASES_PER_MESSAGE)
    arrived = [lease for body in bodies for lease in leases_of(body)]
    assert sorted(arrived, key=lambda lease: lease.due_at) == leases
    assert all(json.loads(body)["leases"] for body in bodies)


class HalfDeaf:
    """SQS when its answer to a batch names only some of the entries, and as it says."""

    def __init__(self, successful: Sequence[str] = (), failed: Sequence[str] = ()) -> None:
        self._successful, self._failed = successful, failed

    def send_message_batch(self, **_: object) -> dict[str, object]:
        named = {"Successful": self._successful, "Failed": self._failed}
        return {key: [{"Id": each} for each in ids] for key, ids in named.items() if ids}


BATCHES = {
    "refused in part": HalfDeaf(["0"], ["1"]),
    "refused wholly": HalfDeaf(failed=["0", "1"]),
    "named in part": HalfDeaf(["0"]),
    "named not at all": HalfDeaf(),
    "named by other ids": HalfDeaf(["0", "2"]),
}


@pytest.mark.spec("R-1")
@pytest.mark.parametrize("name", BATCHES)
def test_a_batch_that_is_not_wholly_taken_is_an_outage_and_the_alarms_come_again(name: str) -> None:
    leases = [Due(DueKind.BILL, NOW, ("acme", "cus_1", f"sub_{n}")) for n in range(2)]
    with pytest.raises(Unavailable):
        SqsQueue("https://queue", BATCHES[name], per_message=1).send(leases)


@pytest.mark.spec("R-1")
def test_a_batch_each_of_whose_entries_is_named_as_taken_is_sent() -> None:
    leases = [Due(DueKind.BILL, NOW, ("acme", "cus_1", f"sub_{n}")) for n in range(2)]
    SqsQueue("https://queue", HalfDeaf(["1", "0"]), per_message=1).send(leases)


@pytest.mark.spec("R-1")
def test_a_message_of_one_merchant_is_in_their_group_and_a_mixed_one_in_none() -> None:
    sent: list[dict[str, str]] = []

    class Taking:
        def send_message_batch(self, *, QueueUrl: str, Entries: Any) -> dict[str, Any]:  # noqa: N803
            sent.extend(Entries)
            return {"Successful": [{"Id": entry["Id"]} for entry in Entries], "Failed": []}

    owners = ["acme"] * LEASES_PER_MESSAGE + ["acme", "bobs-books"]
    leases = [Due(DueKind.BILL, NOW, (owner, "cus_1", f"{n}")) for n, owner in enumerate(owners)]
    SqsQueue("https://queue", Taking()).send(leases)
    assert [entry.get("MessageGroupId") for entry in sent] == ["acme", None]


@pytest.mark.spec("R-1")
def test_sqs_takes_a_group_on_a_standard_queue_and_one_of_nobodys_has_none() -> None:
    client = boto3.client("sqs", region_name=REGION)
    url = client.create_queue(QueueName="fair")["QueueUrl"]
    leases = [Due(DueKind.JOB, NOW, (owner,)) for owner in ("acme", "")]
    SqsQueue(url, client, per_message=1).send(leases)
    asked = {"MaxNumberOfMessages": 10, "MessageSystemAttributeNames": ["MessageGroupId"]}
    got = client.receive_message(QueueUrl=url, **asked)["Messages"]
    groups = [m.get("Attributes", {}).get("MessageGroupId") for m in got]
    assert groups == ["acme", None]
