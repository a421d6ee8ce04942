"""The expanded template, and how the rows of the operations checklist look at it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Resource = dict[str, Any]
Resources = dict[str, Resource]

TARGET_SUFFIX = "Aliaslive"
CORE_IN_USE = ("CoreArn", "CoreName")


def of_type(resources: Resources, kind: str) -> Resources:
    found = {name: r["Properties"] for name, r in resources.items() if r["Type"] == kind}
    assert found, f"no {kind}"
    return found


def functions(resources: Resources) -> Resources:
    return of_type(resources, "AWS::Lambda::Function")


def queues(resources: Resources) -> Resources:
    return of_type(resources, "AWS::SQS::Queue")


def tables(resources: Resources) -> Resources:
    return of_type(resources, "AWS::DynamoDB::Table")


def target(value: Any) -> str:
    """Logical id behind a Ref or a GetAtt; of a function's alias, the function's, and of the core
    table in use, the table's."""
    if "Fn::If" in value:
        return target(value["Fn::If"][2])
    found = str(value["Ref"] if "Ref" in value else value["Fn::GetAtt"][0])
    return "CoreTable" if found in CORE_IN_USE else found.removesuffix(TARGET_SUFFIX)


def scheduled(resources: Resources) -> set[str]:
    """The functions that a schedule starts."""
    schedules = of_type(resources, "AWS::Scheduler::Schedule").values()
    return {target(schedule["Target"]["Arn"]) for schedule in schedules}


def metrics_of(alarm: Resource) -> Iterator[tuple[str, str, str]]:
    """(namespace, metric, logical id watched) of each metric that an alarm looks at."""
    if "MetricName" in alarm:
        yield alarm["Namespace"], alarm["MetricName"], _watched(alarm.get("Dimensions"))
    for query in alarm.get("Metrics", []):
        if "MetricStat" in query:
            metric = query["MetricStat"]["Metric"]
            yield metric["Namespace"], metric["MetricName"], _watched(metric["Dimensions"])


def _watched(dimensions: list[Resource] | None) -> str:
    if dimensions is None:
        return "account"
    value = dimensions[0]["Value"]
    return value if isinstance(value, str) else target(value)


def alarms(resources: Resources, namespace: str, metric: str) -> Resources:
    """Alarms on one metric, by the logical id of what they watch."""
    return {
        watched: alarm
        for alarm in of_type(resources, "AWS::CloudWatch::Alarm").values()
        for found_namespace, found_metric, watched in metrics_of(alarm)
        if (found_namespace, found_metric) == (namespace, metric)
    }


def statements(resources: Resources) -> Iterator[tuple[str, Resource]]:
    """(role, statement) of everything that is allowed, shared policies among it."""
    for name in of_type(resources, "AWS::IAM::Role"):
        for statement in statements_of(resources, name):
            yield name, statement


def statements_of(resources: Resources, role: str) -> Iterator[Resource]:
    """The statements of one role: its own, and those of the managed policies it names."""
    properties = resources[role]["Properties"]
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    for arn in properties.get("ManagedPolicyArns", []):
        documents.append(resources[target(arn)]["Properties"]["PolicyDocument"])
    for document in documents:
        for statement in document["Statement"]:
            assert statement["Effect"] == "Allow"
            yield statement


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def routes(resources: Resources) -> Iterator[tuple[str, str]]:
    """(path, method) of each route of the API."""
    (api,) = of_type(resources, "AWS::ApiGatewayV2::Api").values()
    for path, methods in api["Body"]["paths"].items():
        for method in methods:
            yield path, method
