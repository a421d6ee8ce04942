"""Gateway keys in Parameter Store: their owner, how long they are kept, and what errors leave
out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from billing.aws.secret_store import ParameterKeys, ParameterSecrets
from billing.kernel.errors import Unavailable
from billing.kernel.gateways import AccountRef

ACCOUNT = AccountRef("acme", "stripe", "acct_1")


class Desk:
    """A parameter store, and a clock that is turned by hand."""

    def __init__(self) -> None:
        self.ssm = boto3.client("ssm", region_name="eu-west-1")
        self.now = datetime(2026, 1, 31, tzinfo=UTC)
        self.store = ParameterSecrets("prod", lambda: self.ssm, lambda: self.now)

    def put(self, value: str, account: AccountRef = ACCOUNT) -> None:
        name = f"/perennial/prod/{account.merchant}/{account.gateway}/{account.account}"
        self.ssm.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)

    def read(self, fresh: bool = False) -> Any:
        return self.store.of(ACCOUNT)(fresh)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        yield Desk()


def test_keys_are_kept_for_five_minutes_and_read_afresh_when_asked(desk: Desk) -> None:
    desk.put(json.dumps({"secret_key": "one"}))
    assert desk.read() == {"secret_key": "one"}
    desk.put(json.dumps({"secret_key": "two"}))
    assert desk.read() == {"secret_key": "one"}
    desk.now += timedelta(minutes=5)
    assert desk.read() == {"secret_key": "two"}
    desk.put(json.dumps({"secret_key": "three"}))
    assert desk.read(fresh=True) == {"secret_key": "three"}
    assert desk.read() == {"secret_key": "three"}


def test_an_account_has_its_own_and_no_other(desk: Desk) -> None:
    desk.put(json.dumps({"secret_key": "theirs"}), AccountRef("other", "stripe", "acct_1"))
    with pytest.raises(Unavailable) as raised:
        desk.read()
    assert raised.value.code == "no_keys"


@pytest.mark.parametrize("value", ["sk_live_secret", "[]", '"sk_live_secret"'])
def test_what_is_unreadable_is_shown_to_nobody(desk: Desk, value: str) -> None:
    desk.put(value)
    with pytest.raises(Unavailable) as raised:
        desk.read()
    error: BaseException | None = raised.value
    while error is not None:
        assert "sk_live_secret" not in f"{error!r} {getattr(error, 'doc', '')}"
        error = error.__context__


@pytest.mark.spec("W-1", "W-2")
def test_keys_are_stored_encrypted_where_the_functions_read_them_and_taken_away(
    desk: Desk,
) -> None:
    keys = ParameterKeys("prod", lambda: desk.ssm)
    assert keys.read(ACCOUNT) is None
    keys.put(ACCOUNT, {"secret_key": "one"})
    assert desk.read() == {"secret_key": "one"} == keys.read(ACCOUNT)
    found = desk.ssm.get_parameter(Name="/perennial/prod/acme/stripe/acct_1")
    assert found["Parameter"]["Type"] == "SecureString"
    keys.put(ACCOUNT, {"secret_key": "two"})
    assert keys.read(ACCOUNT) == {"secret_key": "two"}
    keys.remove(ACCOUNT)
    keys.remove(ACCOUNT)
    assert keys.read(ACCOUNT) is None
    desk.put("not JSON")
    assert keys.read(ACCOUNT) is None


def test_a_store_that_fails_names_the_parameter_and_no_key(desk: Desk) -> None:
    class Broken:
        def put_parameter(self, **parameters: Any) -> None:
            from botocore.exceptions import ClientError

            said = {"Error": {"Code": "ThrottlingException", "Message": parameters["Value"]}}
            raise ClientError(said, "PutParameter")

    with pytest.raises(Unavailable) as refused:
        ParameterKeys("prod", Broken).put(ACCOUNT, {"secret_key": "sk_live_hidden"})
    assert "/perennial/prod/acme/stripe/acct_1" in str(refused.value)
    assert "hidden" not in str(refused.value)
    assert refused.value.__cause__ is None and refused.value.__suppress_context__
