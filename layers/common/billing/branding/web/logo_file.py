"""The address of a logo: by the digest of what it answers, and so for good (M-11)."""

from __future__ import annotations

import re

from billing.branding import looks
from billing.kernel.errors import NotFound
from billing.kernel.ports import Ports
from billing.web import http
from billing.web.request import plain_id

PNG = "image/png"
MOST_BYTES = 1024 * 1024
FOR_GOOD = "public, max-age=31536000, immutable"

_FILE = re.compile(r"([0-9a-f]{32})\.png")


def logo(ports: Ports, merchant: str, file: str) -> http.Answer:
    """Answers a logo of a merchant; raises `NotFound` for any other, another merchant's too.

    The store is not asked: mails that were sent show earlier logos, and its key is its merchant's.
    """
    found = _FILE.fullmatch(file)
    if found is None or not _is_part(plain_id(merchant)):
        raise NotFound()
    kept = ports.objects.get(looks.logo_key(merchant, found[1]), at_most=MOST_BYTES)
    if kept is None:
        raise NotFound()
    return http.answer(200, PNG, kept.content, {"Cache-Control": FOR_GOOD})


def _is_part(merchant: str) -> bool:
    """Tells whether an id can be in a key of the object store."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:-]*", merchant) is not None
