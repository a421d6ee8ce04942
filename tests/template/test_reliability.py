"""Rows 9 to 14 of the operations checklist: nothing is lost, and nobody waits for ever."""

from __future__ import annotations

import json

from billing.gateways import bounded_http
from billing.runtime import deadline
from billing.storage import expiry
from dev import stack
from dev.expand import ROOT
from dev.template import Template, load
from tests.template.stack import (
    Resources,
    as_list,
    functions,
    of_type,
    queues,
    scheduled,
    statements_of,
    tables,
    target,
)

TWO_WEEKS_SECONDS = 1_209_600
PITR_DAYS = 35
"""The time that point-in-time recovery reaches back."""


def test_row_09_every_queue_gives_up_into_dead_letters_kept_two_weeks(
    resources: Resources,
) -> None:
    for name, queue in queues(resources).items():
        if "DeadLetters" in name:
            assert queue["MessageRetentionPeriod"] == TWO_WEEKS_SECONDS
        else:
            redrive = queue["RedrivePolicy"]
            assert 3 <= redrive["maxReceiveCount"] <= 10
            assert "DeadLetters" in target(redrive["deadLetterTargetArn"])


def test_row_10_queue_and_stream_consumers_report_partial_failures(resources: Resources) -> None:
    for mapping in of_type(resources, "AWS::Lambda::EventSourceMapping").values():
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_row_10_a_message_in_work_is_not_handed_out_again(resources: Resources) -> None:
    for name, mapping in of_type(resources, "AWS::Lambda::EventSourceMapping").items():
        if target(mapping["EventSourceArn"]) in queues(resources):
            queue = queues(resources)[target(mapping["EventSourceArn"])]
            function = functions(resources)[target(mapping["FunctionName"])]
            assert queue["VisibilityTimeout"] >= 6 * function["Timeout"], name
            assert mapping["ScalingConfig"]["MaximumConcurrency"], name


def test_row_11_a_stream_consumer_gives_up_on_a_record_in_bounded_time(
    resources: Resources,
) -> None:
    for name, mapping in of_type(resources, "AWS::Lambda::EventSourceMapping").items():
        if target(mapping["EventSourceArn"]) in tables(resources):
            assert 0 <= mapping["MaximumRetryAttempts"] <= 10, name
            assert 60 <= mapping["MaximumRecordAgeInSeconds"] <= 86_400, name
            assert mapping["BisectBatchOnFunctionError"] is True, name
            given_up = mapping["DestinationConfig"]["OnFailure"]["Destination"]
            assert "DeadLetters" in target(given_up), name


def test_row_11_figures_see_only_subscriptions_and_orders_and_are_told_the_shard(
    resources: Resources,
) -> None:
    mapping = of_type(resources, "AWS::Lambda::EventSourceMapping")["FiguresFunctionChanges"]
    (rule,) = mapping["FilterCriteria"]["Filters"]
    assert json.loads(rule["Pattern"]) == {
        "eventName": ["INSERT", "MODIFY"],
        "dynamodb": {"NewImage": {"type": {"S": ["Subscription", "Order"]}}},
    }
    assert mapping["TumblingWindowInSeconds"] > 0
    # Records of one customer are in order only while one batch of a shard is handed out at a time.
    assert mapping.get("ParallelizationFactor", 1) == 1


def test_row_11_the_outbox_consumer_sees_only_what_enters_the_outbox(
    resources: Resources,
) -> None:
    mapping = of_type(resources, "AWS::Lambda::EventSourceMapping")["NotifyFunctionOutbox"]
    (rule,) = mapping["FilterCriteria"]["Filters"]
    assert json.loads(rule["Pattern"]) == {
        "eventName": ["INSERT"],
        "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "OB#"}]}}},
    }


def test_row_12_tables_that_matter_survive_mistakes(resources: Resources) -> None:
    for name in set(tables(resources)) - {"EphemeralTable"}:
        table = resources[name]["Properties"]
        assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
        assert table["DeletionProtectionEnabled"] is True
        assert resources[name]["DeletionPolicy"] == "Retain"
        assert resources[name]["UpdateReplacePolicy"] == "Retain"


def test_row_12_the_bucket_survives_mistakes(resources: Resources) -> None:
    """An old version is kept longer than a table's past, and no rule takes a document away.

    Exports are copies, and go.
    """
    for name, bucket in of_type(resources, "AWS::S3::Bucket").items():
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        assert resources[name]["DeletionPolicy"] == "Retain"
        assert resources[name]["UpdateReplacePolicy"] == "Retain"
        for rule in bucket["LifecycleConfiguration"]["Rules"]:
            assert rule["Status"] == "Enabled"
            if rule.get("Prefix") == "exports/":
                continue
            assert rule["NoncurrentVersionExpiration"]["NoncurrentDays"] >= PITR_DAYS
            assert rule["AbortIncompleteMultipartUpload"], name
            assert not {key for key in rule if key.startswith("Expiration")}


def test_row_12_the_audit_trail_forgets_nothing_and_business_state_only_its_event_log(
    resources: Resources,
) -> None:
    """Items of the core table that expire are held in tests/storage/test_expiry.py."""
    forgetful = {
        name: table["TimeToLiveSpecification"]["AttributeName"]
        for name, table in tables(resources).items()
        if "TimeToLiveSpecification" in table
    }
    assert forgetful == {"EphemeralTable": "expires_at", "CoreTable": expiry.ATTRIBUTE}


def test_row_13_a_schedule_that_cannot_start_its_sweep_leaves_a_dead_letter(
    resources: Resources,
) -> None:
    given_up = {
        target(config["FunctionName"]): config
        for config in of_type(resources, "AWS::Lambda::EventInvokeConfig").values()
    }
    for name, schedule in of_type(resources, "AWS::Scheduler::Schedule").items():
        assert schedule["State"] == "ENABLED", name
        assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}, name
        assert target(schedule["GroupName"]) == "Schedules", name
        assert schedule["Target"]["DeadLetterConfig"]["Arn"], name
        assert schedule["Target"]["RetryPolicy"]["MaximumEventAgeInSeconds"] <= 3600, name
        config = given_up[target(schedule["Target"]["Arn"])]
        assert config["DestinationConfig"]["OnFailure"]["Destination"], name
        assert config["MaximumRetryAttempts"] == 0, name
    assert scheduled(resources) <= set(given_up)


def test_row_14_every_function_ends_before_whoever_waits_for_it(resources: Resources) -> None:
    behind_api = {
        target(permission["FunctionName"])
        for permission in of_type(resources, "AWS::Lambda::Permission").values()
        if permission["Principal"] == "apigateway.amazonaws.com"
    }
    assert behind_api
    for name, function in functions(resources).items():
        assert function["Timeout"] <= (25 if name in behind_api else 60), name
    charge = functions(resources)["RebillChargeFunction"]
    assert charge["Timeout"] >= 2 * bounded_http.READ_SECONDS + 10
    shortest = min(function["Timeout"] for function in functions(resources).values())
    assert shortest >= bounded_http.READ_SECONDS + deadline.RESERVE_SECONDS, "one call at least"


def test_a_restored_table_is_switched_to_in_one_place(resources: Resources) -> None:
    """Roles, functions, alarms and dashboard go by CoreArn and CoreName; the stream by its own
    condition. Whoever names CoreTable itself would stay behind."""
    for name, resource in resources.items():
        if name in {"CoreTable", "CoreArn", "CoreName"}:
            continue
        text = json.dumps(resource)
        assert '"Ref": "CoreTable"' not in text and "${CoreTable" not in text, name
        assert '["CoreTable", "Arn"]' not in text, name


def test_a_restored_tables_stream_names_the_table_in_use() -> None:
    stream = "arn:aws:dynamodb:us-east-1:123456789012:table/copy/stream/2026-01-31T15:00:00.000"
    given = {"RestoredStream": stream, "SenderAddress": "b@example.com", "PublicUrl": "https://x.y"}
    template = Template(load(ROOT / "template.yaml"), parameters=given)
    described = stack.read(template)
    assert described.environment["TABLE_CORE"] == "copy"
    assert [mapping.table for mapping in described.stream_mappings] == ["copy"] * 2
    assert template.resolve({"Fn::GetAtt": ["CoreArn", "Value"]}) == stream.partition("/stream")[0]


def test_a_function_that_puts_on_its_own_queue_is_not_taken_for_a_loop(
    resources: Resources,
) -> None:
    """Lambda stops a chain of sixteen invocations by the same queue, unless that is allowed."""
    reads = {
        target(mapping["FunctionName"]): target(mapping["EventSourceArn"])
        for mapping in of_type(resources, "AWS::Lambda::EventSourceMapping").values()
        if target(mapping["EventSourceArn"]) in queues(resources)
    }
    loops = {
        name
        for name, queue in reads.items()
        for statement in statements_of(resources, target(functions(resources)[name]["Role"]))
        if "sqs:SendMessage" in statement["Action"]
        and any(queue in str(each) for each in as_list(statement["Resource"]))
    }
    assert loops == {"JobsFunction"}
    assert all(functions(resources)[name]["RecursiveLoop"] == "Allow" for name in loops)
