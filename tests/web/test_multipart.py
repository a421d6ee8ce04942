"""Forms with a file are read strictly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.errors import Invalid
from billing.web import multipart
from billing.web.problems import Malformed

TYPE = "multipart/form-data; boundary=x"


def part(head: str, value: str) -> str:
    return f"--x\r\n{head}\r\n\r\n{value}\r\n"


def field(name: str, value: str) -> str:
    return part(f'Content-Disposition: form-data; name="{name}"', value)


@given(st.dictionaries(st.sampled_from("abcdef"), st.text().filter(lambda t: "\r\n--x" not in t)))
def test_what_is_sent_is_read(fields: dict[str, str]) -> None:
    if fields:
        sent = "".join(field(name, value) for name, value in fields.items())
        assert multipart.fields(f"{sent}--x--\r\n", TYPE) == fields


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("", TYPE),
        ("a=1", TYPE),
        (field("a", "1"), TYPE),
        (field("a", "1") + "--x--", "multipart/form-data"),
        (field("a", "1") + "--x--", "multipart/form-data; boundary=" + "y" * 80),
        (part("Content-Type: text/csv", "1") + "--x--", TYPE),
        (part("Content-Disposition: form-data", "1") + "--x--", TYPE),
        ("--x\r\nno blank line\r\n--x--", TYPE),
        ("before " + field("a", "1") + "--x--", TYPE),
        ("".join(field(f"a{n}", "") for n in range(30)) + "--x--", TYPE),
        # Either takes minutes where a head may be as long as the file.
        (field(f'a"; {";" * 1_000_000} b="', "1") + "--x--", TYPE),
        (field(f'a"; b="{";" * 1_000_000}', "1") + "--x--", TYPE),
        (field("a", "1") + "--x--", f'multipart/form-data; b="{";" * 100_000}; boundary=x'),
    ],
)
def test_what_is_no_form_is_refused(body: str, content_type: str) -> None:
    with pytest.raises(Malformed):
        multipart.fields(body, content_type)


def test_a_name_that_is_given_twice_is_refused() -> None:
    with pytest.raises(Invalid):
        multipart.fields(field("a", "1") * 2 + "--x--", TYPE)


def test_a_part_whose_file_has_a_long_name_is_read() -> None:
    head = f'Content-Disposition: form-data; name="file"; filename="{"%F0%9F%98%80" * 60}.csv"'
    sent = part(f"{head}\r\nContent-Type: text/csv", "a,b") + "--x--"
    assert multipart.fields(sent, TYPE) == {"file": "a,b"}
