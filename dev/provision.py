"""Creates in the emulator the template's tables, queues and buckets, where they are missing.

Tables are created from the models, which a test holds to the template.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pynamodb.models import Model

from billing.storage.dynamo import tables as table_models

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sqs import SQSClient

_INDEX_KEYS = ("IndexName", "KeySchema", "Projection", "ProvisionedThroughput")
_QUEUE_KEYS = (
    "ContentBasedDeduplication",
    "DelaySeconds",
    "FifoQueue",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "RedrivePolicy",
    "VisibilityTimeout",
)


def create_tables(dynamodb: "DynamoDBClient", tables: Mapping[str, Mapping[str, Any]]) -> None:
    for name, properties in tables.items():
        try:
            found = dynamodb.describe_table(TableName=name)["Table"]
        except dynamodb.exceptions.ResourceNotFoundException:
            _model(name).create_table()
        else:
            _add_indexes(dynamodb, name, properties, found)
        dynamodb.get_waiter("table_exists").wait(TableName=name)


def create_queues(sqs: "SQSClient", queues: Mapping[str, Mapping[str, Any]]) -> None:
    urls = {}
    for name, properties in queues.items():
        attributes: Any = _queue(properties)
        first = {key: text for key, text in attributes.items() if key == "FifoQueue"}
        urls[name] = sqs.create_queue(QueueName=name, Attributes=first)["QueueUrl"]
    # Only once all are there: a redrive policy names another queue.
    for name, properties in queues.items():
        attributes = _queue(properties)
        attributes.pop("FifoQueue", None)
        sqs.set_queue_attributes(QueueUrl=urls[name], Attributes=attributes)


def create_buckets(s3: Any, buckets: Mapping[str, Mapping[str, Any]]) -> None:
    """Creates buckets, with versions where the template wants them."""
    there = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    for name, properties in buckets.items():
        if name not in there:
            s3.create_bucket(Bucket=name)
        if versions := properties.get("VersioningConfiguration"):
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=versions)


def verify_sender(ses: "SESV2Client", address: str) -> None:
    with suppress(ses.exceptions.AlreadyExistsException):
        ses.create_email_identity(EmailIdentity=address)


def _model(name: str) -> type[Model]:
    """Returns the model of a table, by the logical id that its name ends with."""
    (found,) = (model for each, model in table_models.MODELS.items() if name.endswith(each))
    return table_models.named(found, name)


def _index(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {key: properties[key] for key in _INDEX_KEYS if key in properties}


def _add_indexes(
    dynamodb: "DynamoDBClient", name: str, properties: Mapping[str, Any], found: Mapping[str, Any]
) -> None:
    """Adds indexes that data of an earlier version lacks; one call adds one, as on AWS."""
    known = {index["IndexName"] for index in found.get("GlobalSecondaryIndexes", [])}
    for index in properties.get("GlobalSecondaryIndexes", []):
        if index["IndexName"] not in known:
            creation: Any = {"Create": _index(index)}
            dynamodb.update_table(
                TableName=name,
                AttributeDefinitions=properties["AttributeDefinitions"],
                GlobalSecondaryIndexUpdates=[creation],
            )


def _queue(properties: Mapping[str, Any]) -> dict[str, str]:
    return {key: _attribute(properties[key]) for key in _QUEUE_KEYS if key in properties}


def _attribute(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
