"""What an operator may rely on, read from template.yaml as SAM expands it.

The rows in the comments are those of the operations checklist.
"""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

Resource = dict[str, Any]

ROOT = Path(__file__).resolve().parent.parent
TAGGED = {
    "AWS::CloudWatch::Alarm",
    "AWS::DynamoDB::Table",
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::ApiGatewayV2::Api",
}
TWO_WEEKS_SECONDS = 1_209_600
GATEWAY_CALL_SECONDS = 20


@pytest.fixture(scope="module")
def source() -> dict[str, Any]:
    return dict(yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def resources() -> dict[str, Resource]:
    template = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
    # The translator wants packaged code; where it lies does not matter here.
    for resource in template["Resources"].values():
        for key in ("CodeUri", "ContentUri"):
            if key in resource.get("Properties", {}):
                resource["Properties"][key] = "s3://bucket/key"
    given = {name: p.get("Default", "a@b.example") for name, p in template["Parameters"].items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", os.environ.get("AWS_DEFAULT_REGION", "us-east-1"))
        expanded = Translator({}, Parser()).translate(template, given)
    return dict(expanded["Resources"])


def of_type(resources: dict[str, Resource], kind: str) -> dict[str, Resource]:
    found = {name: r["Properties"] for name, r in resources.items() if r["Type"] == kind}
    assert found, f"no {kind}"
    return found


def functions(resources: dict[str, Resource]) -> dict[str, Resource]:
    return of_type(resources, "AWS::Lambda::Function")


def target(value: Any) -> str:
    """Logical id behind a Ref or a GetAtt."""
    return str(value["Ref"] if "Ref" in value else value["Fn::GetAtt"][0])


def alarms(resources: dict[str, Resource], namespace: str, metric: str) -> dict[str, Resource]:
    """Alarms on one metric, by the logical id of what they watch."""
    return {
        target(alarm["Dimensions"][0]["Value"]): alarm
        for alarm in of_type(resources, "AWS::CloudWatch::Alarm").values()
        if (alarm["Namespace"], alarm["MetricName"]) == (namespace, metric)
    }


def allowed(resources: dict[str, Resource]) -> Iterator[tuple[str, Resource]]:
    for name, role in of_type(resources, "AWS::IAM::Role").items():
        for policy in role["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                assert statement["Effect"] == "Allow"
                yield name, statement


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# Row 1
def test_every_function_logs_json_into_its_own_short_lived_group(
    resources: dict[str, Resource],
) -> None:
    groups = of_type(resources, "AWS::Logs::LogGroup")
    used = [target(f["LoggingConfig"]["LogGroup"]) for f in functions(resources).values()]
    assert len(set(used)) == len(used)
    assert set(used) <= set(groups)
    assert all(group["RetentionInDays"] <= 90 for group in groups.values())
    assert all(f["LoggingConfig"]["LogFormat"] == "JSON" for f in functions(resources).values())


# Row 3
@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_every_function_has_an_alarm(resources: dict[str, Resource], metric: str) -> None:
    assert set(alarms(resources, "AWS/Lambda", metric)) == set(functions(resources))


def test_every_dead_letter_queue_has_an_alarm(resources: dict[str, Resource]) -> None:
    watched = alarms(resources, "AWS/SQS", "ApproximateNumberOfMessagesVisible")
    assert set(watched) == {q for q in of_type(resources, "AWS::SQS::Queue") if "DeadL" in q}
    assert all(alarm["Threshold"] == 0 for alarm in watched.values())


def test_a_waiting_charge_and_a_failing_api_have_alarms(resources: dict[str, Resource]) -> None:
    assert set(alarms(resources, "AWS/SQS", "ApproximateAgeOfOldestMessage")) == {"ChargeQueue"}
    assert set(alarms(resources, "AWS/ApiGateway", "5xx")) == {"Api"}


def test_a_sweep_that_stops_beating_has_an_alarm(resources: dict[str, Resource]) -> None:
    heartbeats = alarms(resources, "AWS/Lambda", "Invocations")
    scheduled = {
        target(schedule["Target"]["Arn"])
        for schedule in of_type(resources, "AWS::Scheduler::Schedule").values()
    }
    assert set(heartbeats) == scheduled
    assert all(alarm["TreatMissingData"] == "breaching" for alarm in heartbeats.values())


def test_every_alarm_tells_someone(resources: dict[str, Resource]) -> None:
    for alarm in of_type(resources, "AWS::CloudWatch::Alarm").values():
        assert [target(action) for action in alarm["AlarmActions"]] == ["AlarmTopic"]
        assert alarm["AlarmDescription"]


# Row 5
def test_every_function_has_a_role_of_its_own(resources: dict[str, Resource]) -> None:
    roles = [target(f["Role"]) for f in functions(resources).values()]
    assert len(set(roles)) == len(roles)


def test_no_role_has_a_wildcard_or_a_managed_policy(resources: dict[str, Resource]) -> None:
    for name, statement in allowed(resources):
        written = json.dumps([statement["Action"], statement["Resource"]])
        assert "*" not in written, name
    for role in of_type(resources, "AWS::IAM::Role").values():
        assert not role.get("ManagedPolicyArns")


def test_nothing_scans_a_table(resources: dict[str, Resource]) -> None:
    for name, statement in allowed(resources):
        assert "dynamodb:Scan" not in as_list(statement["Action"]), name


def test_the_audit_table_can_only_be_put_to(resources: dict[str, Resource]) -> None:
    statements = [
        statement
        for _, statement in allowed(resources)
        if "AuditTable" in json.dumps(statement["Resource"])
    ]
    assert statements
    for statement in statements:
        assert as_list(statement["Action"]) == ["dynamodb:PutItem"]


def test_the_sweep_can_neither_charge_nor_write_an_invoice(
    resources: dict[str, Resource],
) -> None:
    can = {
        action
        for name, statement in allowed(resources)
        if name == "RebillSweepRole"
        for action in as_list(statement["Action"])
    }
    assert "dynamodb:PutItem" not in can
    assert "dynamodb:DeleteItem" not in can


# Row 6
def test_there_is_no_secret_in_the_template(resources: dict[str, Resource]) -> None:
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    assert not re.search(r"(sk|rk|pk|whsec)_[A-Za-z0-9]{8,}|AKIA[A-Z0-9]{16}|-----BEGIN", text)
    for name, function in functions(resources).items():
        for variable, value in function["Environment"]["Variables"].items():
            if re.search("KEY|SECRET|TOKEN|PASSWORD", variable):
                assert not isinstance(value, str), f"{name}: {variable}"


# Row 7, without what a firewall would add
def test_the_api_is_throttled_and_logs_no_path_and_no_query(
    resources: dict[str, Resource],
) -> None:
    (stage,) = of_type(resources, "AWS::ApiGatewayV2::Stage").values()
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"]
    assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"]
    fields = json.loads(stage["AccessLogSettings"]["Format"]).values()
    assert "$context.routeKey" in fields
    assert not [f for f in fields if "path" in f.lower() or "query" in f.lower()]


def test_the_api_has_no_catch_all_route(resources: dict[str, Resource]) -> None:
    (api,) = of_type(resources, "AWS::ApiGatewayV2::Api").values()
    paths = set(api["Body"]["paths"])
    assert "/health" in paths
    assert not {"$default", "/{proxy+}", "/$default"} & paths


# Row 8
def test_tables_and_queues_are_encrypted(resources: dict[str, Resource]) -> None:
    for name, table in of_type(resources, "AWS::DynamoDB::Table").items():
        assert table["SSESpecification"]["SSEEnabled"] is True, name
    for name, queue in of_type(resources, "AWS::SQS::Queue").items():
        assert queue["SqsManagedSseEnabled"] is True, name


def test_every_queue_refuses_plain_transport(resources: dict[str, Resource]) -> None:
    (policy,) = of_type(resources, "AWS::SQS::QueuePolicy").values()
    assert {target(queue) for queue in policy["Queues"]} == set(
        of_type(resources, "AWS::SQS::Queue")
    )
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


# Row 9
def test_every_queue_gives_up_into_dead_letters_kept_two_weeks(
    resources: dict[str, Resource],
) -> None:
    queues = of_type(resources, "AWS::SQS::Queue")
    for name, queue in queues.items():
        if "DeadLetters" in name:
            assert queue["MessageRetentionPeriod"] == TWO_WEEKS_SECONDS
        else:
            redrive = queue["RedrivePolicy"]
            assert 3 <= redrive["maxReceiveCount"] <= 10
            assert "DeadLetters" in target(redrive["deadLetterTargetArn"])


# Rows 10 and 11
def test_queue_and_stream_consumers_report_partial_failures(
    resources: dict[str, Resource],
) -> None:
    for mapping in of_type(resources, "AWS::Lambda::EventSourceMapping").values():
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_a_message_in_work_is_not_handed_out_again(resources: dict[str, Resource]) -> None:
    queues = of_type(resources, "AWS::SQS::Queue")
    mapping = of_type(resources, "AWS::Lambda::EventSourceMapping")["RebillChargeFunctionQueue"]
    queue = queues[target(mapping["EventSourceArn"])]
    function = functions(resources)[target(mapping["FunctionName"])]
    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
    assert mapping["ScalingConfig"]["MaximumConcurrency"]


def test_the_stream_consumer_gives_up_on_a_record_in_bounded_time(
    resources: dict[str, Resource],
) -> None:
    mapping = of_type(resources, "AWS::Lambda::EventSourceMapping")["NotifyFunctionOutbox"]
    assert 0 <= mapping["MaximumRetryAttempts"] <= 10
    assert 60 <= mapping["MaximumRecordAgeInSeconds"] <= 86_400
    assert mapping["BisectBatchOnFunctionError"] is True
    assert target(mapping["DestinationConfig"]["OnFailure"]["Destination"]) == "NotifyDeadLetters"


def test_the_stream_consumer_sees_only_what_enters_the_outbox(
    resources: dict[str, Resource],
) -> None:
    mapping = of_type(resources, "AWS::Lambda::EventSourceMapping")["NotifyFunctionOutbox"]
    (rule,) = mapping["FilterCriteria"]["Filters"]
    assert json.loads(rule["Pattern"]) == {
        "eventName": ["INSERT"],
        "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "OB#"}]}}},
    }


# Rows 11 and 13
def test_a_schedule_that_cannot_start_its_sweep_leaves_a_dead_letter(
    resources: dict[str, Resource],
) -> None:
    given_up = {
        target(config["FunctionName"]): config
        for config in of_type(resources, "AWS::Lambda::EventInvokeConfig").values()
    }
    for schedule in of_type(resources, "AWS::Scheduler::Schedule").values():
        assert schedule["State"] == "ENABLED"
        assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
        assert schedule["Target"]["DeadLetterConfig"]["Arn"]
        assert schedule["Target"]["RetryPolicy"]["MaximumEventAgeInSeconds"] <= 300
        config = given_up[target(schedule["Target"]["Arn"])]
        assert config["DestinationConfig"]["OnFailure"]["Destination"]
        assert config["MaximumRetryAttempts"] == 0


# Row 12
def test_tables_that_matter_survive_mistakes(resources: dict[str, Resource]) -> None:
    for name in ("CoreTable", "AuditTable"):
        table = resources[name]["Properties"]
        assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
        assert table["DeletionProtectionEnabled"] is True
        assert resources[name]["DeletionPolicy"] == "Retain"
        assert resources[name]["UpdateReplacePolicy"] == "Retain"


def test_only_the_ephemeral_table_forgets(resources: dict[str, Resource]) -> None:
    forgetful = {
        name
        for name, table in of_type(resources, "AWS::DynamoDB::Table").items()
        if "TimeToLiveSpecification" in table
    }
    assert forgetful == {"EphemeralTable"}


# Row 14
def test_every_function_ends_before_whoever_waits_for_it(resources: dict[str, Resource]) -> None:
    behind_api = {
        target(permission["FunctionName"])
        for permission in of_type(resources, "AWS::Lambda::Permission").values()
    }
    for name, function in functions(resources).items():
        assert function["Timeout"] <= (25 if name in behind_api else 60), name
    charge = functions(resources)["RebillChargeFunction"]
    assert charge["Timeout"] >= 2 * GATEWAY_CALL_SECONDS + 10


# Row 15
def test_functions_run_on_arm_with_memory_to_start_quickly(
    resources: dict[str, Resource],
) -> None:
    for name, function in functions(resources).items():
        assert function["Architectures"] == ["arm64"], name
        assert function["Runtime"] == "python3.13", name
        assert function["MemorySize"] >= 512, name


# Row 18
def test_everything_is_tagged(resources: dict[str, Resource]) -> None:
    for name, resource in resources.items():
        if resource["Type"] in TAGGED:
            properties = resource["Properties"]
            # SAM writes an API's tags into the definition of its routes.
            tags = properties["Body"]["tags"] if "Body" in properties else properties["Tags"]
            keys = {tag.get("Key", tag.get("name")) for tag in tags}
            assert {"service", "stage", "owner"} <= keys, name


def test_parameters_and_outputs_say_what_they_are(source: dict[str, Any]) -> None:
    for section in ("Parameters", "Outputs"):
        for name, entry in source[section].items():
            assert entry["Description"].endswith("."), name


def test_only_the_shared_layer_is_used(resources: dict[str, Resource]) -> None:
    (layer,) = (n for n, r in resources.items() if r["Type"] == "AWS::Lambda::LayerVersion")
    for function in functions(resources).values():
        assert [target(used) for used in function["Layers"]] == [layer]


def test_every_handler_exists(source: dict[str, Any]) -> None:
    if not any((ROOT / "functions").glob("*/app.py")):
        pytest.skip("there are no functions yet")
    missing = []
    for name, resource in source["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            module, handler = resource["Properties"]["Handler"].split(".")
            path = ROOT / resource["Properties"]["CodeUri"] / f"{module}.py"
            if not path.exists() or not re.search(
                rf"^(def {handler}\(|{handler}\b.*=)", path.read_text("utf-8"), re.MULTILINE
            ):
                missing.append(f"{name}: {path.relative_to(ROOT)} {handler}")
    assert not missing


def test_the_template_is_plain_yaml_without_anchors() -> None:
    """CloudFormation reads no anchors: a template that has them works only through SAM."""
    events = yaml.parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
    assert not [event for event in events if getattr(event, "anchor", None)]
