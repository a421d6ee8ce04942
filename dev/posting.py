"""Posts a loopback gateway's event to `make run`, over HTTP as the gateway would."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from urllib.parse import urlsplit

ANSWER_SECONDS = 20


def delivered(url: str, body: bytes, headers: Mapping[str, str]) -> bool:
    """Returns whether the event was taken; the caller sends again what was not."""
    to = urlsplit(url)
    assert to.hostname is not None
    connection = http.client.HTTPConnection(to.hostname, to.port, timeout=ANSWER_SECONDS)
    try:
        connection.request("POST", to.path, body, dict(headers))
        return 200 <= connection.getresponse().status < 300
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
