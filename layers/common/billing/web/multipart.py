"""Forms with a file, as browsers send them (multipart/form-data, RFC 7578), read strictly.

Only forms that take a file are sent so; a file is a text, such as comma-separated values.
"""

from __future__ import annotations

from email.message import Message

from billing.kernel.errors import Invalid
from billing.web.problems import Malformed

MULTIPART = "multipart/form-data"
PARTS_MOST = 20
BOUNDARY_MOST = 70
HEAD_MOST = 2000
"""The most characters of the lines that name a part and its file; a browser sends some hundreds.

What reads parameters takes a time that grows with the square of their length, or worse.
"""


def fields(body: str, content_type: str) -> dict[str, str]:
    """Returns the fields of a form, each name once; raises `Malformed` for what is no such form."""
    boundary = "" if len(content_type) > HEAD_MOST else _parameter(content_type, "boundary")
    if not boundary or len(boundary) > BOUNDARY_MOST:
        raise Malformed("malformed_form")
    first, *parts = f"\r\n{body}".split(f"\r\n--{boundary}")
    if first.strip() or not parts or parts[-1].strip() != "--" or len(parts) > PARTS_MOST:
        raise Malformed("malformed_form")
    found: dict[str, str] = {}
    for part in parts[:-1]:
        head, blank, value = part.partition("\r\n\r\n")
        if not blank or len(head) > HEAD_MOST:
            raise Malformed("malformed_form")
        name = _name(head)
        if not name:
            raise Malformed("malformed_form")
        if name in found:
            raise Invalid("given_twice", field=name)
        found[name] = value
    return found


def _name(head: str) -> str:
    for line in head.splitlines():
        key, _, value = line.partition(":")
        if key.strip().lower() == "content-disposition":
            return _parameter(value, "name")
    return ""


def _parameter(header: str, name: str) -> str:
    message = Message()
    message["X"] = header.replace("\r", " ").replace("\n", " ")
    found = message.get_param(name, failobj="", header="X")
    return found if isinstance(found, str) else ""
