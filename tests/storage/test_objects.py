"""The object store's contract, over memory, moto and ministack's S3: each as strict as S3."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
import requests
from botocore.exceptions import ClientError, EndpointConnectionError

from billing.aws import s3_objects
from billing.aws.s3_objects import S3Objects
from billing.kernel.errors import Refused, Unavailable
from billing.kernel.objects import DOCUMENTS, OBJECT_MOST_BYTES, ObjectKey, Objects, StoredObject
from billing.storage.memory.objects import MemoryObjects, WebAnswer

PDF, CSV = "application/pdf", "text/csv"
KEY = ObjectKey(DOCUMENTS, "acme", "cus_1/sub_1.0001.pdf")
ENOUGH = 10_000
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)

MOTO_CANNOT = {
    "expire": "moto answers an expired address",
    "policies": "moto takes any upload",
    "signatures": "moto checks no signature",
}
MINISTACK_CANNOT = {"signatures": "ministack checks signatures only where it checks everybody's"}


@dataclass
class Place:
    """One object store under the contract, and what a browser does with its addresses."""

    name: str
    objects: Objects
    open: Callable[[str], WebAnswer]
    receive: Callable[[str, Mapping[str, str], bytes], WebAnswer]
    wait: Callable[[timedelta], None]
    cannot: Mapping[str, str] = field(default_factory=dict)

    def needs(self, ability: str) -> None:
        if ability in self.cannot:
            pytest.skip(f"{self.name}: {self.cannot[ability]}")


def in_memory() -> Place:
    now = [datetime(2026, 1, 31, tzinfo=UTC)]

    def wait(span: timedelta) -> None:
        now[0] += span

    objects = MemoryObjects(lambda: now[0])
    return Place("memory", objects, objects.open, objects.receive, wait)


def on_s3(name: str, endpoint: str | None, cannot: Mapping[str, str]) -> Place:
    bucket = f"objects-{uuid4().hex}"
    client = s3_objects.connect(region="us-east-1", endpoint=endpoint)
    client.create_bucket(Bucket=bucket)
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return Place(
        name,
        S3Objects(bucket, lambda: client),
        opened,
        received,
        lambda span: time.sleep(span.total_seconds()),
        cannot,
    )


def opened(url: str) -> WebAnswer:
    answer = requests.get(url, timeout=10)
    return WebAnswer(answer.status_code, answer.content, answer.headers)


def received(url: str, fields: Mapping[str, str], content: bytes) -> WebAnswer:
    files = {"file": ("import.csv", BytesIO(content))}
    answer = requests.post(url, data=dict(fields), files=files, timeout=10)
    return WebAnswer(answer.status_code, answer.content, answer.headers)


@pytest.fixture(params=["memory", "moto", "ministack"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    if request.param == "memory":
        yield in_memory()
        return
    request.getfixturevalue("credentials")
    if request.param == "moto":
        from moto import mock_aws

        with mock_aws():
            yield on_s3("moto", None, MOTO_CANNOT)
        return
    endpoint = request.getfixturevalue("ministack")
    if endpoint is None:
        pytest.skip("ministack is not here")
    yield on_s3("ministack", endpoint, MINISTACK_CANNOT)


def test_an_object_is_returned_as_it_was_stored(place: Place) -> None:
    said = {"number": "INV-000001"}
    assert place.objects.get(KEY, at_most=ENOUGH) is None
    assert place.objects.put(KEY, b"%PDF-", content_type=PDF, metadata=said)
    assert place.objects.get(KEY, at_most=ENOUGH) == StoredObject(b"%PDF-", PDF, said)


def test_an_object_is_written_once(place: Place) -> None:
    assert place.objects.put(KEY, b"first", content_type=PDF)
    assert not place.objects.put(KEY, b"second", content_type=CSV)
    assert place.objects.get(KEY, at_most=ENOUGH) == StoredObject(b"first", PDF)


def test_one_that_was_deleted_is_gone_and_may_be_written_again(place: Place) -> None:
    place.objects.delete(KEY)
    place.objects.put(KEY, b"first", content_type=PDF)
    place.objects.delete(KEY)
    assert place.objects.get(KEY, at_most=ENOUGH) is None
    assert place.objects.put(KEY, b"second", content_type=PDF)


def test_one_that_is_too_large_is_refused_to_the_reader(place: Place) -> None:
    place.objects.put(KEY, b"12345", content_type=PDF)
    assert place.objects.get(KEY, at_most=5) is not None
    with pytest.raises(Refused) as refused:
        place.objects.get(KEY, at_most=4)
    assert refused.value.code == "too_large"


def test_keys_of_two_merchants_never_meet(place: Place) -> None:
    """The merchant is a part of its own, so that no name reaches into another one's."""
    place.objects.put(ObjectKey(DOCUMENTS, "acme", "b/1.pdf"), b"acme", content_type=PDF)
    assert place.objects.get(ObjectKey(DOCUMENTS, "acmeb", "1.pdf"), at_most=ENOUGH) is None
    assert place.objects.get(ObjectKey(DOCUMENTS, "b", "1.pdf"), at_most=ENOUGH) is None


def test_a_link_downloads_one_object_under_its_name(place: Place) -> None:
    place.objects.put(KEY, b"%PDF-", content_type=PDF)
    answer = place.open(place.objects.link(KEY, filename="invoice.pdf", expires_in=MINUTE))
    assert (answer.status, answer.content) == (200, b"%PDF-")
    assert answer.headers["content-type"] == PDF
    assert answer.headers["content-disposition"] == 'attachment; filename="invoice.pdf"'


def test_an_expired_link_is_refused(place: Place) -> None:
    place.needs("expire")
    place.objects.put(KEY, b"%PDF-", content_type=PDF)
    link = place.objects.link(KEY, filename="invoice.pdf", expires_in=SECOND)
    place.wait(2 * SECOND)
    assert place.open(link).status == 403


def test_a_link_to_nothing_finds_nothing(place: Place) -> None:
    link = place.objects.link(KEY, filename="invoice.pdf", expires_in=MINUTE)
    assert place.open(link).status in {403, 404}


def test_a_link_that_was_changed_is_refused(place: Place) -> None:
    place.needs("signatures")
    place.objects.put(KEY, b"%PDF-", content_type=PDF)
    link = place.objects.link(KEY, filename="invoice.pdf", expires_in=MINUTE)
    assert place.open(link[:-1] + ("0" if link[-1] != "0" else "1")).status == 403


UPLOADED = ObjectKey("imports", "acme", "job_1.csv")


def uploading(place: Place, at_most: int = 10, expires_in: timedelta = MINUTE) -> Any:
    return place.objects.upload_link(
        UPLOADED, content_type=CSV, at_most=at_most, expires_in=expires_in
    )


def test_an_upload_is_stored_with_its_type(place: Place) -> None:
    to = uploading(place)
    assert place.receive(to.url, to.fields, b"a,b").status in {200, 201, 204}
    found = place.objects.get(UPLOADED, at_most=ENOUGH)
    assert found is not None
    assert (found.content, found.content_type) == (b"a,b", CSV)


@pytest.mark.parametrize("content", [b"", b"12345678901"])
def test_an_upload_that_is_empty_or_too_large_is_refused(place: Place, content: bytes) -> None:
    place.needs("policies")
    to = uploading(place)
    assert place.receive(to.url, to.fields, content).status == 400
    assert place.objects.get(UPLOADED, at_most=ENOUGH) is None


def test_an_upload_of_another_type_is_refused(place: Place) -> None:
    place.needs("policies")
    to = uploading(place)
    assert place.receive(to.url, {**to.fields, "Content-Type": PDF}, b"a,b").status == 403
    assert place.objects.get(UPLOADED, at_most=ENOUGH) is None


def test_an_upload_to_another_merchants_key_is_refused(place: Place) -> None:
    place.needs("policies")
    to = uploading(place)
    elsewhere = ObjectKey("imports", "zenith", "job_1.csv")
    assert place.receive(to.url, {**to.fields, "key": elsewhere.text}, b"a,b").status == 403
    assert place.objects.get(elsewhere, at_most=ENOUGH) is None


def test_an_upload_after_its_time_is_refused(place: Place) -> None:
    place.needs("policies")
    to = uploading(place, expires_in=SECOND)
    place.wait(2 * SECOND)
    assert place.receive(to.url, to.fields, b"a,b").status == 403
    assert place.objects.get(UPLOADED, at_most=ENOUGH) is None


@pytest.mark.parametrize(
    "name", ["", "/x", "x/", "../other/x", "a//b", "a/../b", ".hidden", "a b", "ä", "a\n", "x?y"]
)
def test_a_name_that_is_no_path_of_ids_is_no_key(name: str) -> None:
    with pytest.raises(AssertionError):
        ObjectKey(DOCUMENTS, "acme", name)


def test_no_merchants_id_reaches_out_of_its_place() -> None:
    for merchant in ("", "a/b", "..", "a/../b"):
        with pytest.raises(AssertionError):
            ObjectKey(DOCUMENTS, merchant, "x")


def test_a_key_is_no_longer_than_s3_takes() -> None:
    room = 1024 - len("documents/acme/")
    assert ObjectKey(DOCUMENTS, "acme", "x" * room).text
    with pytest.raises(AssertionError):
        ObjectKey(DOCUMENTS, "acme", "x" * (room + 1))


def test_what_s3_would_refuse_no_store_takes(place: Place) -> None:
    for bad in (
        {"content_type": "nonsense"},
        {"content_type": PDF, "metadata": {"Number": "1"}},
        {"content_type": PDF, "metadata": {"name": "Ä"}},
        {"content_type": PDF, "metadata": {"name": "a\nb"}},
        {"content_type": PDF, "metadata": {"name": "x" * 2045}},
    ):
        with pytest.raises(AssertionError):
            place.objects.put(KEY, b"", **bad)  # type: ignore[arg-type]
    with pytest.raises(AssertionError):
        place.objects.put(KEY, bytes(OBJECT_MOST_BYTES + 1), content_type=PDF)
    for lasting in (timedelta(), timedelta(hours=2)):
        with pytest.raises(AssertionError):
            place.objects.link(KEY, filename="x.pdf", expires_in=lasting)
        with pytest.raises(AssertionError):
            uploading(place, expires_in=lasting)
    with pytest.raises(AssertionError):
        place.objects.link(KEY, filename='x"; evil', expires_in=MINUTE)
    with pytest.raises(AssertionError):
        uploading(place, at_most=OBJECT_MOST_BYTES + 1)


class Answering:
    """An S3 client whose every call is answered with one error after the other."""

    def __init__(self, *codes: str) -> None:
        self.codes = list(codes)
        self.calls = 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**_: Any) -> Any:
            self.calls += 1
            code = self.codes.pop(0) if len(self.codes) > 1 else self.codes[0]
            if code == "down":
                raise EndpointConnectionError(endpoint_url="https://s3")
            if code == "done":
                return {}
            raise ClientError({"Error": {"Code": code}}, name)

        return call


def test_a_reader_without_leave_to_list_hears_of_a_missing_object_as_s3_says_it() -> None:
    assert S3Objects("b", lambda: Answering("AccessDenied")).get(KEY, at_most=1) is None


@pytest.mark.parametrize("code", ["InternalError", "SlowDown", "down", "NoSuchBucket"])
def test_a_store_that_fails_is_unavailable(code: str) -> None:
    objects = S3Objects("b", lambda: Answering(code))
    with pytest.raises(Unavailable):
        objects.get(KEY, at_most=1)
    with pytest.raises(Unavailable):
        objects.put(KEY, b"", content_type=PDF)
    with pytest.raises(Unavailable):
        objects.delete(KEY)


def test_a_write_without_leave_is_no_write() -> None:
    with pytest.raises(Unavailable):
        S3Objects("b", lambda: Answering("AccessDenied")).put(KEY, b"", content_type=PDF)


def test_a_write_that_meets_another_asks_again_as_s3_says() -> None:
    conflict = "ConditionalRequestConflict"
    assert S3Objects("b", lambda: Answering(conflict, "done")).put(KEY, b"", content_type=PDF)
    client = Answering(conflict, "PreconditionFailed")
    assert not S3Objects("b", lambda: client).put(KEY, b"", content_type=PDF)
    stuck = Answering(conflict)
    with pytest.raises(Unavailable):
        S3Objects("b", lambda: stuck).put(KEY, b"", content_type=PDF)
    assert stuck.calls == s3_objects.PUT_ATTEMPTS
