from typing import Any

import pytest

from dev.patterns import matches

RECORD = {"eventName": "INSERT", "dynamodb": {"Keys": {"pk": {"S": "OB#3"}}, "n": 5}}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"eventName": ["INSERT"]}, True),
        ({"eventName": ["MODIFY", "REMOVE"]}, False),
        ({"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "OB#"}]}}}}, True),
        ({"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "M#"}]}}}}, False),
        ({"dynamodb": {"Keys": {"pk": {"S": [{"suffix": "3"}]}}}}, True),
        ({"dynamodb": {"NewImage": {"a": [{"exists": False}]}}}, True),
        ({"dynamodb": {"n": [{"numeric": [">", 1, "<=", 5]}]}}, True),
        ({"eventName": [{"anything-but": ["REMOVE"]}]}, True),
        ({"eventName": [{"equals-ignore-case": "insert"}]}, True),
        ({"missing": ["x"]}, False),
        ({"$or": [{"eventName": ["REMOVE"]}, {"dynamodb": {"n": [5]}}]}, True),
    ],
)
def test_a_record_passes_the_patterns_that_describe_it(
    pattern: dict[str, Any], expected: bool
) -> None:
    assert matches(pattern, RECORD) is expected


def test_an_unknown_rule_is_no_silent_pass() -> None:
    with pytest.raises(ValueError, match="cidr"):
        matches({"eventName": [{"cidr": "10.0.0.0/8"}]}, RECORD)
