"""ministack, with additions that this stack's template needs: for `make emulate`.

    .venv-lambda/bin/python dev/emulate/aws.py

It runs with the runtime's own Python and imports nothing of ours. What it adds is as little as lets
CloudFormation take template.yaml as it is and lets roles be enforced; limits.py names it.
CodeDeploy, budgets and alarms over several metrics are recorded and do nothing.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.utils import parseaddr
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.services import apigateway
from ministack.services.cloudformation import provisioners

Properties = dict[str, Any]
Created = tuple[str, dict[str, Any]]

ANY = "x-amazon-apigateway-any-method"
INTEGRATION = "x-amazon-apigateway-integration"
NOT_EMULATED = (
    "AWS::Budgets::Budget",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
)


def main() -> None:
    """Registers the missing resource types, then runs ministack."""
    for kind in NOT_EMULATED:
        handlers().setdefault(kind, {"create": _recorded, "update": _kept, "delete": _forgotten})
    alarm = handlers()["AWS::CloudWatch::Alarm"]
    alarm["create"] = _recorded_with_metric_math(alarm["create"])
    alarm["update"] = _kept_with_metric_math(alarm["update"])
    mapping = handlers()["AWS::Lambda::EventSourceMapping"]
    mapping["create"] = _with_numbers(mapping["create"], properties_at=1)
    mapping["update"] = _with_numbers(mapping["update"], properties_at=2)
    api = handlers()["AWS::ApiGatewayV2::Api"]
    api["create"], api["update"] = _with_routes(api["create"]), _with_new_routes(api["update"])
    iam_actions._ses_v2_resource_arn = _with_senders(iam_actions._ses_v2_resource_arn)
    iam_actions.extract_iam_action = _one_by_one(iam_actions.extract_iam_action)
    iam_evaluator._resolve_condition_key = _as_if_secure(iam_evaluator._resolve_condition_key)
    app.main()


def handlers() -> dict[str, dict[str, Any]]:
    """Returns CloudFormation's handlers of each type of resource."""
    return provisioners._RESOURCE_HANDLERS  # type: ignore[no-any-return]


def _recorded(logical_id: str, properties: Properties, stack_name: str) -> Created:
    return f"{stack_name}-{logical_id}", {}


def _kept(physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
    return physical_id, {}


def _forgotten(physical_id: str, properties: Properties) -> None:
    return None


def _recorded_with_metric_math(create: Callable[..., Created]) -> Callable[..., Created]:
    def created(logical_id: str, properties: Properties, stack_name: str) -> Created:
        if "Metrics" in properties:
            return f"{stack_name}-{logical_id}", {"Arn": f"alarm:{stack_name}-{logical_id}"}
        return create(logical_id, properties, stack_name)

    return created


def _kept_with_metric_math(update: Callable[..., Created]) -> Callable[..., Created]:
    def updated(
        physical_id: str, old: Properties, new: Properties, *args: Any, **named: Any
    ) -> Created:
        if "Metrics" in new:
            return physical_id, {"Arn": f"alarm:{physical_id}"}
        return update(physical_id, old, new, *args, **named)

    return updated


def _with_numbers(act: Callable[..., Created], *, properties_at: int) -> Callable[..., Created]:
    """Converts parameters, which arrive as text, where CloudFormation would want numbers."""

    def acted(*args: Any, **named: Any) -> Created:
        given = list(args)
        properties = given[properties_at]
        if scaling := properties.get("ScalingConfig"):
            numbers = {name: int(value) for name, value in scaling.items()}
            given[properties_at] = {**properties, "ScalingConfig": numbers}
        return act(*given, **named)

    return acted


def _with_senders(named: Callable[..., str]) -> Callable[..., str]:
    """Names the sender's identity as the resource of a mail, so that sending needs leave for
    it alone.
    """

    def resource(method: str, path: str, body: bytes, region: str, account: str) -> str:
        if path.rstrip("/") != "/v2/email/outbound-emails":
            return named(method, path, body, region, account)
        raw = json.loads(body)["Content"]["Raw"]["Data"]
        sender = parseaddr(message_from_bytes(b64decode(raw))["From"])[1]
        return f"arn:aws:ses:{region}:{account}:identity/{sender}"

    return resource


def _one_by_one(action_of: Callable[..., str | None]) -> Callable[..., str | None]:
    """Names a batch to a queue by the action it does many times; IAM has no action for the
    batch.
    """

    def action(*args: Any) -> str | None:
        name = action_of(*args)
        return name.removesuffix("Batch") if name and name.startswith("sqs:") else name

    return action


def _as_if_secure(value_of: Callable[..., Any]) -> Callable[..., Any]:
    """Treats loopback calls as TLS, because queues refuse what did not come by TLS."""

    def value(key: str, context: Any) -> Any:
        return "true" if key.lower() == "aws:securetransport" else value_of(key, context)

    return value


def _with_routes(create: Callable[..., Created]) -> Callable[..., Created]:
    def created(logical_id: str, properties: Properties, stack_name: str) -> Created:
        api, attributes = create(logical_id, properties, stack_name)
        _add_routes(api, properties)
        return api, attributes

    return created


def _with_new_routes(update: Callable[..., Created]) -> Callable[..., Created]:
    def updated(api: str, old: Properties, new: Properties, *args: Any, **named: Any) -> Created:
        done = update(api, old, new, *args, **named)
        apigateway._routes[api] = {}
        apigateway._integrations[api] = {}
        _add_routes(api, new)
        return done

    return updated


def _add_routes(api: str, properties: Properties) -> None:
    for route, integration in _described(properties.get("Body") or {}):
        made = apigateway._create_integration(
            api,
            {
                "integrationType": integration["type"].upper(),
                "integrationMethod": integration["httpMethod"],
                "integrationUri": integration["uri"],
                "payloadFormatVersion": integration["payloadFormatVersion"],
            },
        )
        target = f"integrations/{json.loads(made[2])['integrationId']}"
        apigateway._create_route(api, {"routeKey": route, "target": target})


def _described(body: Properties) -> Iterator[tuple[str, Properties]]:
    """Yields (route key, integration) of each route in an OpenAPI body."""
    for path, methods in body.get("paths", {}).items():
        for method, operation in methods.items():
            name = "ANY" if method == ANY else method.upper()
            yield f"{name} {path}", operation[INTEGRATION]


if __name__ == "__main__":
    main()
