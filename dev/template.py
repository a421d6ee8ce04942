"""template.yaml as plain values: YAML with CloudFormation's tags, and its functions resolved.

Nothing here knows what the resources mean; that is stack.py.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from billing.kernel.values import Value, field

REGION = "us-east-1"
ACCOUNT = "000000000000"
STACK_NAME = "perennial"
_NO_VALUE = object()
_PSEUDO: dict[str, Any] = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::StackName": STACK_NAME,
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::NoValue": _NO_VALUE,
}
_ARNS = {
    "AWS::DynamoDB::Table": "dynamodb:{region}:{account}:table/{name}",
    "AWS::SQS::Queue": "sqs:{region}:{account}:{name}",
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::Serverless::Function": "lambda:{region}:{account}:function:{name}",
}
_NAME_KEYS = ("TableName", "QueueName", "FunctionName", "Name")


class Template(Value):
    """The template, resolved.

    `queue_url_prefix` and `parameters` are what only `make run` knows.
    """

    document: Mapping[str, Any]
    queue_url_prefix: str = "http://127.0.0.1"
    parameters: Mapping[str, str] = field(default_factory=dict)

    def resources(self, *types: str) -> dict[str, dict[str, Any]]:
        """Returns logical id -> resolved properties of the resources that exist, in file order."""
        return {
            logical_id: self.resolve(resource.get("Properties", {}))
            for logical_id, resource in self.document["Resources"].items()
            if resource["Type"] in types and self._exists(resource)
        }

    def function_globals(self) -> dict[str, Any]:
        found = self.resolve(self.document.get("Globals", {})).get("Function", {})
        assert isinstance(found, dict)
        return found

    def name_of(self, logical_id: str) -> str:
        resource = self.document["Resources"][logical_id]
        properties = resource.get("Properties", {})
        named = self.resolve({key: properties[key] for key in _NAME_KEYS if key in properties})
        for name in named.values():
            return str(name)
        given = f"{STACK_NAME}-{logical_id}"
        return given.lower() if resource["Type"] == "AWS::S3::Bucket" else given

    def arn_of(self, logical_id: str) -> str:
        kind = self.document["Resources"][logical_id]["Type"]
        tail = _ARNS.get(kind, f"{kind}:{{name}}")
        return "arn:aws:" + tail.format(
            region=REGION, account=ACCOUNT, name=self.name_of(logical_id)
        )

    def resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(name, argument)] = value.items()
            if name == "Ref":
                return self._reference(argument)
            if name.startswith("Fn::"):
                return self._call(name.removeprefix("Fn::"), argument)
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not _NO_VALUE}

    def _exists(self, resource: Mapping[str, Any]) -> bool:
        return "Condition" not in resource or self._condition(resource["Condition"])

    def _reference(self, name: str) -> Any:
        if name in _PSEUDO:
            return _PSEUDO[name]
        if name in self.document.get("Parameters", {}):
            default = self.document["Parameters"][name].get("Default", "")
            return self.parameters.get(name, default)
        if self.document["Resources"].get(name, {}).get("Type") == "AWS::SQS::Queue":
            return f"{self.queue_url_prefix}/{ACCOUNT}/{self.name_of(name)}"
        return self.name_of(name) if name in self.document["Resources"] else name

    def _attribute(self, logical_id: str, attribute: str) -> str:
        if attribute == "Value":
            return str(self.resolve(self.document["Resources"][logical_id]["Properties"]["Value"]))
        if attribute == "StreamArn":
            return f"{self.arn_of(logical_id)}/stream/latest"
        if attribute.endswith("Name"):
            return self.name_of(logical_id)
        return self.arn_of(logical_id)

    def _call(self, name: str, argument: Any) -> Any:
        match name:
            case "Sub":
                return self._substitute(argument)
            case "GetAtt":
                parts = argument.split(".", 1) if isinstance(argument, str) else argument
                return self._attribute(parts[0], parts[1])
            case "If":
                return self.resolve(argument[1] if self._condition(argument[0]) else argument[2])
            case "Join":
                return str(argument[0]).join(str(item) for item in self.resolve(argument[1]))
            case "Select":
                return self.resolve(argument[1])[int(self.resolve(argument[0]))]
            case "Split":
                return str(self.resolve(argument[1])).split(argument[0])
            case "FindInMap":
                table, first, second = (self.resolve(item) for item in argument)
                return self.document["Mappings"][table][first][second]
            case "Equals" | "And" | "Or" | "Not":
                return self._condition({f"Fn::{name}": argument})
        raise ValueError(f"template.yaml uses Fn::{name}, which make run does not know")

    def _substitute(self, argument: Any) -> str:
        text, values = (argument, {}) if isinstance(argument, str) else argument

        def replaced(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in values:
                return str(self.resolve(values[name]))
            if "." in name:
                return self._attribute(*name.split(".", 1))
            return str(self._reference(name))

        return re.sub(r"\$\{([^}]+)\}", replaced, text)

    def _condition(self, condition: Any) -> bool:
        if isinstance(condition, str):
            return self._condition(self.document["Conditions"][condition])
        [(name, argument)] = condition.items()
        match name:
            case "Condition":
                return self._condition(argument)
            case "Fn::Equals":
                return bool(self.resolve(argument[0]) == self.resolve(argument[1]))
            case "Fn::Not":
                return not self._condition(argument[0])
            case "Fn::And":
                return all(self._condition(item) for item in argument)
            case "Fn::Or":
                return any(self._condition(item) for item in argument)
        raise ValueError(f"template.yaml has a condition with {name}, which make run does not know")


def load(path: Path) -> Mapping[str, Any]:
    text = path.read_text(encoding="utf-8")
    document = yaml.load(text, Loader=_Loader)  # noqa: S506  # nosec B506
    assert isinstance(document, dict)
    return document


class _Loader(yaml.SafeLoader):
    """SafeLoader that reads !Ref and !Sub as the long forms."""


def _long_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _long_form)
