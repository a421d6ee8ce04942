"""EventBridge patterns, as the FilterCriteria of an event source mapping uses them."""

import operator
from collections.abc import Mapping
from typing import Any

_ABSENT = object()
_COMPARE = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
}


def matches(pattern: Mapping[str, Any], record: Any) -> bool:
    """Returns whether each field that the pattern names holds one of its values."""
    for name, wanted in pattern.items():
        if name == "$or":
            if not any(matches(alternative, record) for alternative in wanted):
                return False
            continue
        value = record.get(name, _ABSENT) if isinstance(record, Mapping) else _ABSENT
        if isinstance(wanted, Mapping):
            if not matches(wanted, value):
                return False
        elif not any(_holds(rule, value) for rule in wanted):
            return False
    return True


def _holds(rule: Any, value: Any) -> bool:
    if isinstance(value, list):
        return any(_holds(rule, item) for item in value)
    if not isinstance(rule, Mapping):
        return value is not _ABSENT and rule == value
    [(kind, argument)] = rule.items()
    if kind == "exists":
        return bool(argument) == (value is not _ABSENT)
    if value is _ABSENT:
        return False
    match kind:
        case "prefix":
            return isinstance(value, str) and value.startswith(argument)
        case "suffix":
            return isinstance(value, str) and value.endswith(argument)
        case "equals-ignore-case":
            return isinstance(value, str) and value.casefold() == argument.casefold()
        case "anything-but":
            rules = argument if isinstance(argument, list) else [argument]
            return not any(_holds(item, value) for item in rules)
        case "numeric":
            return _is_within(argument, value)
    raise ValueError(f"the filter {kind!r} is not supported by make run")


def _is_within(argument: list[Any], value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    pairs = zip(argument[::2], argument[1::2], strict=True)
    return all(_COMPARE[sign](value, bound) for sign, bound in pairs)
