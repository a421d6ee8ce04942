"""The README's story on the deployed stack: packaged, behind the API, with its roles enforced."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import boto3
import pytest

from billing.aws.sqs_queue import body_of
from billing.kernel.due import DueKind
from billing.kernel.ports import Due
from perennial import restore
from tests.emulated.cloud import Deployed, deployed, now
from tests.local_stack.transcript import (
    SALE_AND_REBILL,
    a_purchase_and_a_month_later_its_rebill,
    what_happened,
)
from tests.packaged import building

pytestmark = pytest.mark.slow

A_MONTH_AGO = -timedelta(days=31, hours=2)
"""Two hours more: the clocks may have been put back since."""

LIBRARY = {
    "name": "Pattern Library",
    "public_listing": True,
    "refund_days": 30,
    "gateways": ["sandbox"],
    "price_points": [
        {
            "type": "recurring",
            "price": {"amount": 2999, "currency": "USD"},
            "period": "1m",
            "cancellation": "delayed",
        }
    ],
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with deployed(building.runnable(), tmp_path_factory.mktemp("cloud")) as cloud:
        cloud.switch(None, "DISABLED")
        cloud.be_at(A_MONTH_AGO)
        yield cloud


def test_the_readmes_steps_after_a_deploy_and_then_its_transcript(stack: Deployed) -> None:
    assert stack.operator("mail", "check") == 1, "the sender is not verified yet"
    boto3.client("sesv2").create_email_identity(EmailIdentity="billing@example.com")
    assert stack.operator("mail", "check") == 0
    stack.sets_up_a_merchant()
    assert stack.operator("status") == 0
    status, product = stack.ask("POST", "/v1/products", LIBRARY)
    assert status == 201, product
    point = product["price_points"][0]["id"]

    subscription = a_purchase_and_a_month_later_its_rebill(stack, point)

    it = stack.get(f"/v1/subscriptions/{subscription}")
    a_message_that_comes_again_charges_nothing(stack, it["customer"], subscription)


def a_message_that_comes_again_charges_nothing(
    stack: Deployed, customer: str, subscription: str
) -> None:
    """SQS delivers at least once: here by hand, and the queue is empty afterwards."""
    queue, sqs = stack.outputs["ChargeQueueUrl"], boto3.client("sqs")
    lease = Due(DueKind.BILL, now(), ("harbor-lane", customer, subscription))
    sqs.send_message(QueueUrl=queue, MessageBody=body_of([lease]))
    stack.wait_for("the charge function", lambda: waiting(queue) == 0)
    assert waiting(stack.outputs["ChargeDeadLettersUrl"]) == 0
    assert what_happened(stack) == SALE_AND_REBILL
    told = json.dumps(messages_of(stack.function("RebillChargeFunction")))
    assert "charge_stale 1" in told


@pytest.mark.spec("M-7")
def test_a_restored_table_takes_over_by_a_parameter(stack: Deployed) -> None:
    """After the story above: the drill over its table, then a deployment that uses the copy."""
    before = stack.outputs["CoreTable"]
    done = restore.drill(before, None, every_seconds=0.2)
    assert done.wrong == []
    stack.redeploy(f"RestoredStream={done.stream}")
    assert stack.outputs["CoreTable"] == done.table != before
    boto3.client("dynamodb").update_table(TableName=before, DeletionProtectionEnabled=False)
    boto3.client("dynamodb").delete_table(TableName=before)
    assert what_happened(stack) == SALE_AND_REBILL


def waiting(queue: str) -> int:
    """Messages there, whether they are being worked on or not."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = boto3.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)  # type: ignore[arg-type]
    return sum(int(value) for value in found["Attributes"].values())


def messages_of(function: str) -> list[str]:
    """A function's log."""
    group = boto3.client("lambda").get_function_configuration(FunctionName=function)
    events = boto3.client("logs").filter_log_events(
        logGroupName=group["LoggingConfig"]["LogGroup"]
    )["events"]
    return [event["message"] for event in events]
