"""The deployment of template.yaml as values: functions, event sources, tables, queues, buckets.

There is no second list of routes, schedules or mappings anywhere: what is not in the template does
not run under `make run` either.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from billing.kernel.values import Value
from dev.schedules import Ticks, parse
from dev.template import Template


class Function(Value):
    logical_id: str
    module: str
    attribute: str
    timeout_seconds: int
    memory_mb: int
    arn: str


class Route(Value):
    method: str
    path: str
    function: Function


class Schedule(Value):
    name: str
    function: Function
    ticks: Ticks
    arn: str
    payload: str | None
    is_rule: bool


class QueueMapping(Value):
    function: Function
    queue: str
    queue_arn: str
    batch_size: int
    reports_failures: bool


class StreamMapping(Value):
    function: Function
    table: str
    batch_size: int
    patterns: tuple[Mapping[str, Any], ...]
    reports_failures: bool
    most_attempts: int | None
    has_window: bool = False


class Stack(Value):
    routes: tuple[Route, ...]
    schedules: tuple[Schedule, ...]
    queue_mappings: tuple[QueueMapping, ...]
    stream_mappings: tuple[StreamMapping, ...]
    functions: tuple[Function, ...]
    tables: Mapping[str, Mapping[str, Any]]
    queues: Mapping[str, Mapping[str, Any]]
    buckets: Mapping[str, Mapping[str, Any]]
    environment: Mapping[str, str]
    layer_paths: tuple[str, ...]


@dataclass
class _Sources:
    routes: list[Route] = field(default_factory=list)
    schedules: list[Schedule] = field(default_factory=list)
    queue_mappings: list[QueueMapping] = field(default_factory=list)
    stream_mappings: list[StreamMapping] = field(default_factory=list)


def read(template: Template) -> Stack:
    shared = template.function_globals()
    functions, sources = [], _Sources()
    environment = _variables(shared)
    for logical_id, properties in template.resources("AWS::Serverless::Function").items():
        function = _function(template, logical_id, shared | properties)
        functions.append(function)
        environment = _merged(environment, _variables(properties), logical_id)
        for name, event in properties.get("Events", {}).items():
            _add(sources, function, name, event)
    layers = template.resources("AWS::Serverless::LayerVersion")
    return Stack(
        routes=tuple(sources.routes),
        schedules=tuple(sources.schedules),
        queue_mappings=tuple(sources.queue_mappings),
        stream_mappings=tuple(sources.stream_mappings),
        functions=tuple(functions),
        tables=dict(_named(template, "AWS::DynamoDB::Table")),
        queues=dict(_named(template, "AWS::SQS::Queue")),
        buckets=dict(_named(template, "AWS::S3::Bucket")),
        environment=environment,
        layer_paths=tuple(str(layer["ContentUri"]) for layer in layers.values()),
    )


def _named(template: Template, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for logical_id, properties in template.resources(kind).items():
        yield template.name_of(logical_id), properties


def _function(template: Template, logical_id: str, properties: Mapping[str, Any]) -> Function:
    module, _, attribute = str(properties["Handler"]).rpartition(".")
    # Every module is called `app` in Lambda; side by side its folder tells them apart.
    folder = ".".join(PurePosixPath(properties["CodeUri"]).parts)
    return Function(
        logical_id=logical_id,
        module=f"{folder}.{module}",
        attribute=attribute,
        timeout_seconds=int(properties.get("Timeout", 3)),
        memory_mb=int(properties.get("MemorySize", 128)),
        arn=template.arn_of(logical_id),
    )


def _variables(properties: Mapping[str, Any]) -> dict[str, str]:
    variables = properties.get("Environment", {}).get("Variables", {})
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in variables.items()
    }


def _merged(ours: Mapping[str, str], theirs: Mapping[str, str], owner: str) -> dict[str, str]:
    """Merges the functions' environments into that of one process.

    Two must not want different values.
    """
    for name in ours.keys() & theirs.keys():
        if ours[name] != theirs[name]:
            raise ValueError(f"{owner} wants another {name} than the functions before it")
    return {**ours, **theirs}


def _add(sources: _Sources, function: Function, name: str, event: Mapping[str, Any]) -> None:
    details = event.get("Properties", {})
    match event["Type"]:
        case "HttpApi":
            sources.routes.append(_route(function, details))
        case "ScheduleV2" | "Schedule" as kind:
            if details.get("State", "ENABLED") == "ENABLED" and details.get("Enabled", True):
                sources.schedules.append(_schedule(function, name, details, kind))
        case "SQS":
            sources.queue_mappings.append(_queue_mapping(function, details))
        case "DynamoDB":
            sources.stream_mappings.append(_stream_mapping(function, details))
        case "EventBridgeRule":
            pass  # SES notices of mail that came back; nothing comes back on a laptop
        case unknown:
            raise ValueError(f"{function.logical_id} has an event of type {unknown}")


def _route(function: Function, details: Mapping[str, Any]) -> Route:
    method = str(details.get("Method", "ANY")).upper()
    if method == "X-AMAZON-APIGATEWAY-ANY-METHOD":
        method = "ANY"
    return Route(method, str(details.get("Path", "$default")), function)


def _schedule(function: Function, name: str, details: Mapping[str, Any], kind: str) -> Schedule:
    expression = details.get("ScheduleExpression") or details["Schedule"]
    zone = str(details.get("ScheduleExpressionTimezone", "UTC"))
    named = details.get("GroupName", "default")
    group = "rule" if kind == "Schedule" else f"schedule/{named}"
    service = "events" if kind == "Schedule" else "scheduler"
    prefix = function.arn.replace(":lambda:", f":{service}:").partition("function:")[0]
    schedule_name = str(details.get("Name", f"{function.logical_id}{name}"))
    return Schedule(
        name=schedule_name,
        function=function,
        ticks=parse(str(expression), zone),
        arn=f"{prefix}{group}/{schedule_name}",
        payload=details.get("Input"),
        is_rule=kind == "Schedule",
    )


def _queue_mapping(function: Function, details: Mapping[str, Any]) -> QueueMapping:
    arn = str(details["Queue"])
    return QueueMapping(
        function=function,
        queue=arn.rsplit(":", 1)[1],
        queue_arn=arn,
        batch_size=int(details.get("BatchSize", 10)),
        reports_failures="ReportBatchItemFailures" in details.get("FunctionResponseTypes", []),
    )


def _stream_mapping(function: Function, details: Mapping[str, Any]) -> StreamMapping:
    retries = int(details.get("MaximumRetryAttempts", -1))
    filters = details.get("FilterCriteria", {}).get("Filters", [])
    return StreamMapping(
        function=function,
        table=str(details["Stream"]).split(":table/")[1].split("/")[0],
        batch_size=int(details.get("BatchSize", 100)),
        patterns=tuple(_pattern(item["Pattern"]) for item in filters),
        reports_failures="ReportBatchItemFailures" in details.get("FunctionResponseTypes", []),
        most_attempts=None if retries < 0 else retries + 1,
        has_window=bool(details.get("TumblingWindowInSeconds")),
    )


def _pattern(text: str) -> Mapping[str, Any]:
    pattern = json.loads(text)
    assert isinstance(pattern, dict)
    return pattern
