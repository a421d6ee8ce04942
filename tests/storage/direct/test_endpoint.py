"""The direct client calls where botocore would, and leaves to botocore what it does not know."""

from __future__ import annotations

import os
from pathlib import Path

import botocore.session
import pytest

from billing.storage.dynamo.direct.endpoint import Unsuited, endpoint_of

REGION = {"AWS_DEFAULT_REGION": "eu-west-1"}


def by_botocore(region: str, monkeypatch: pytest.MonkeyPatch, **environ: str) -> str:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    client = botocore.session.Session().create_client(
        "dynamodb", region, aws_access_key_id="AK", aws_secret_access_key="SK"
    )
    return str(client.meta.endpoint_url)


@pytest.mark.slow
def test_each_region_has_botocores_address(monkeypatch: pytest.MonkeyPatch) -> None:
    session = botocore.session.Session()
    for partition in ("aws", "aws-us-gov", "aws-cn"):
        for region in session.get_available_regions("dynamodb", partition):
            ours = endpoint_of({}, region)
            assert f"{ours.scheme}://{ours.authority}" == by_botocore(region, monkeypatch)


def test_some_regions_have_botocores_address(monkeypatch: pytest.MonkeyPatch) -> None:
    for region in ("us-east-1", "us-gov-east-1", "cn-northwest-1"):
        ours = endpoint_of({}, region)
        assert f"{ours.scheme}://{ours.authority}" == by_botocore(region, monkeypatch)


@pytest.mark.parametrize(
    "environ",
    [
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"},
        {"AWS_ENDPOINT_URL": "http://one:1", "AWS_ENDPOINT_URL_DYNAMODB": "https://two:8443"},
        {"AWS_ENDPOINT_URL": "http://one", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
        {"AWS_ENDPOINT_URL_DYNAMODB": "http://[::1]:8000"},
    ],
)
def test_a_configured_endpoint_is_used_as_botocore_does(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = endpoint_of({**REGION, **environ})
    theirs = by_botocore("eu-west-1", monkeypatch, **environ)
    assert f"{ours.scheme}://{ours.authority}" == theirs


@pytest.mark.parametrize(
    ("environ", "why"),
    [
        ({}, "region"),
        ({"AWS_REGION": "eu-west-1"}, "region"),  # botocore does not read it
        ({"AWS_DEFAULT_REGION": "us-iso-east-1"}, "region"),
        ({"AWS_DEFAULT_REGION": "eusc-de-east-1"}, "region"),
        ({"AWS_DEFAULT_REGION": "eu-west-1.example.com/"}, "region"),
        ({**REGION, "AWS_PROFILE": "work"}, "profile"),
        ({**REGION, "AWS_CONFIG_FILE": "/somewhere"}, "profile"),
        ({**REGION, "HTTPS_PROXY": "http://proxy:3128"}, "proxy"),
        ({**REGION, "https_proxy": "http://proxy:3128"}, "proxy"),
        ({**REGION, "AWS_USE_FIPS_ENDPOINT": "true"}, "endpoint"),
        ({**REGION, "AWS_USE_DUALSTACK_ENDPOINT": "True"}, "endpoint"),
        ({**REGION, "AWS_ACCOUNT_ID_ENDPOINT_MODE": "required"}, "endpoint"),
        ({**REGION, "AWS_ENDPOINT_URL": "https://one/path"}, "endpoint"),
        ({**REGION, "AWS_ENDPOINT_URL": "ftp://one"}, "endpoint"),
        ({**REGION, "AWS_ENDPOINT_URL": "http://one", "HTTP_PROXY": "http://proxy"}, "proxy"),
    ],
)
def test_what_only_botocore_knows_is_left_to_it(environ: dict[str, str], why: str) -> None:
    with pytest.raises(Unsuited) as unsuited:
        endpoint_of(environ)
    assert unsuited.value.why == why


def test_a_configuration_file_is_left_to_botocore(tmp_path: Path) -> None:
    environ = {**REGION, "HOME": str(tmp_path)}
    assert endpoint_of(environ).region == "eu-west-1"
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[default]\nregion = us-east-1\n")
    with pytest.raises(Unsuited):
        endpoint_of(environ)


def test_the_null_device_stands_for_no_file_whatever_is_at_home(tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[default]\nregion = us-east-1\n")
    (tmp_path / ".aws" / "credentials").write_text("[default]\n")
    one = {**REGION, "HOME": str(tmp_path), "AWS_CONFIG_FILE": os.devnull}
    with pytest.raises(Unsuited):
        endpoint_of(one)
    assert endpoint_of({**one, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}).region == "eu-west-1"


def test_a_proxy_of_another_scheme_changes_nothing() -> None:
    environ = {**REGION, "HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "*"}
    assert endpoint_of(environ).host == "dynamodb.eu-west-1.amazonaws.com"
